//! An instance that goes on where one that was reset has left off: under the same epoch, on the same machine, and before all that
//! the other had written is durable. Its turns are numbered on, so that the turns of both are one order: what was written before the
//! reset is durable first (S3), is seen (S4), comes before every message (O5), and is lost with the heir where it is lost.
//!
//! ```text
//!             turn 4    turn 5: panic   turn 6     turn 7
//! instance 1 ───┬──────────┬──▶ reset
//! instance 2    │          │     └──────────┬──────────┬──────▶
//! durable       └─▶ 4      └─────▶ 5        └─▶ 6      └─▶ 7
//! ```

use super::instance::{Ended, Instance};

impl Instance {
    /// Whether it goes on from `before`, whose last turns may not be durable yet. A history says so by the numbers of its turns. The
    /// model may know of no write that is not durable: one that changes nothing is a turn all the same.
    pub(super) fn goes_on_from(&self, before: &Instance) -> bool {
        let was_reset = matches!(before.ended, Some(Ended::Orderly | Ended::OverLimit));
        let is_at_rest = before.run.is_none() && before.open.is_empty();
        let is_same_holder = (before.epoch, before.machine) == (self.epoch, self.machine);
        let is_numbered_on = self.first_turn > before.conduct.turn;
        was_reset && is_at_rest && is_same_holder && is_numbered_on
    }

    /// Takes over what the instance before it has written and is not durable yet.
    pub(super) fn inherit(&mut self, before: Instance) {
        self.heir_from = before.heir_from.or(Some(before.instance));
        self.log = before.log;
        self.overlay = before.overlay;
        self.slot = before.slot;
        self.ending = before.ending;
        self.acked = before.acked;
        self.committed = before.committed;
        self.skips_reported = before.skips_reported;
        self.leaks_reported = before.leaks_reported;
        self.has_written = before.has_written;
        self.has_written_twice_in_a_turn = before.has_written_twice_in_a_turn;
    }

    /// Whether what that instance of its object has written is its own by now.
    pub(super) fn answers_for(&self, instance: u64) -> bool {
        self.instance == instance
            || self.heir_from.is_some_and(|first| (first..self.instance).contains(&instance))
    }
}
