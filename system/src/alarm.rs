//! When an alarm runs, and when it runs again: pure decisions, and the index of what is due.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::config::NS_PER_MS;
use crate::hash::FixedState;
use crate::ids::{ObjectName, Stamp};
use crate::store::command::AlarmRow;
use crate::words::time::Now;

/// R3: the backoff after the first failure, in milliseconds.
pub const RETRY_START_MS: u64 = 2_000;
/// R3: the largest exponent of the backoff.
pub const RETRY_EXPONENT_MAX: u32 = 9;
/// R3: the jitter is up to one part in so many of the backoff: 25 percent.
pub const RETRY_JITTER_PART: u64 = 4;
/// R2: the most counted retries: seven counted runs.
pub const RETRIES_MAX: u32 = 6;

/// R3: how long after a failed run the next one waits, in milliseconds. `exponent` is the failed run's `retry_count`,
/// or the number of consecutive platform failures before it.
pub fn backoff_ms(exponent: u32, jitter: &mut ChaCha8Rng) -> u64 {
    let base_ms = RETRY_START_MS << exponent.min(RETRY_EXPONENT_MAX);
    base_ms + jitter.random_range(0..=base_ms / RETRY_JITTER_PART)
}

/// R2, R4: an alarm's record after one more counted failure, to be tried again not before `retry_at_ms`; none if that
/// was the last try.
pub fn record_failure(row: AlarmRow, retry_at_ms: i64) -> Option<AlarmRow> {
    if row.retry_count >= RETRIES_MAX {
        return None;
    }
    Some(AlarmRow { retry_count: row.retry_count + 1, not_before_ms: retry_at_ms, ..row })
}

/// F2: whether the wall clock has not reached the alarm's time.
pub fn is_early(row: AlarmRow, now: Now) -> bool {
    now.wall_ms() < row.scheduled_ms
}

/// The durable alarms of one slice, ordered by when they are due. Holds for a million alarms: each step is logarithmic.
///
/// ```text
/// schedule ──▶ waits for a clock ── pop_due ──▶ fired ── its run ends, or it is replaced ──▶ schedule, remove
///                  ▲        ▲  └─ F2: too early ─┐ │
///                  │        └────────────────────┘ ├── postpone: the wall clock has gone back
///                  └───────────────────────────────┴── platform_failed: a backoff
/// ```
///
/// What has fired waits again only for a moment that is still to come: nothing is due twice without time passing.
#[derive(Debug, Default)]
pub struct Tracker {
    alarms: IndexMap<ObjectName, Tracked, FixedState>,
    /// Waiting for the wall clock: the alarm's time, or the end of a backoff that began under another holder.
    by_wall_ms: BTreeSet<(i64, ObjectName)>,
    /// Waiting for the monotonic clock: the end of a backoff that began here (R3).
    by_mono_ns: BTreeSet<(u64, ObjectName)>,
}

#[derive(Clone, Copy, Debug)]
struct Tracked {
    row: AlarmRow,
    wait: Wait,
    /// R3: platform failures in a row under this holder.
    platform_failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Wall(i64),
    Mono(u64),
    /// Handed out by [`Tracker::pop_due`]; it waits for nothing until its record changes.
    Fired,
}

impl Tracker {
    /// The object's durable alarm.
    pub fn get(&self, object: &ObjectName) -> Option<AlarmRow> {
        self.alarms.get(object).map(|tracked| tracked.row)
    }

    /// This alarm is the durable one from now on. With `retry_at_mono_ns` it waits for that moment of this machine's
    /// monotonic clock, else for the wall time in its record.
    pub fn schedule(&mut self, object: &ObjectName, row: AlarmRow, retry_at_mono_ns: Option<u64>) {
        let wait = retry_at_mono_ns.map_or(Wait::Wall(row.not_before_ms), Wait::Mono);
        self.put(object, Tracked { row, wait, platform_failures: 0 });
    }

    /// The object has no durable alarm from now on.
    pub fn remove(&mut self, object: &ObjectName) {
        if let Some(tracked) = self.alarms.swap_remove(object) {
            self.forget_wait(object, tracked.wait);
        }
    }

    /// The platform failed the run of `alarm`, or what comes before it: it is due again after a backoff that is not
    /// counted (R1, R3). Nothing if that alarm is no longer the durable one.
    pub fn platform_failed(&mut self, object: &ObjectName, alarm: Stamp, now: Now, jitter: &mut ChaCha8Rng) {
        let Some(&tracked) = self.alarms.get(object).filter(|tracked| tracked.row.alarm == alarm) else {
            return;
        };
        let delay_ms = backoff_ms(tracked.platform_failures, jitter);
        let platform_failures = tracked.platform_failures.saturating_add(1).min(RETRY_EXPONENT_MAX);
        let wait = Wait::Mono(now.mono_ns + delay_ms * NS_PER_MS);
        self.put(object, Tracked { wait, platform_failures, ..tracked });
    }

    /// F2: `alarm` has fired, and by now it is too early for it again, because the wall clock has gone back. Nothing if that
    /// alarm is no longer the durable one.
    ///
    /// # Panics
    ///
    /// If the wall clock has reached its time.
    pub fn postpone(&mut self, object: &ObjectName, alarm: Stamp, now: Now) {
        let Some(&tracked) = self.alarms.get(object).filter(|tracked| tracked.row.alarm == alarm) else {
            return;
        };
        assert!(is_early(tracked.row, now), "what is due is not postponed");
        self.put(object, Tracked { wait: Wait::Wall(tracked.row.scheduled_ms), ..tracked });
    }

    /// Takes out one alarm that is due: wall clock (F2) and backoff (R3) both allow it.
    pub fn pop_due(&mut self, now: Now) -> Option<(ObjectName, AlarmRow)> {
        loop {
            let object = self.first_by_wall(now).or_else(|| self.first_by_mono(now))?;
            let tracked = *self.alarms.get(&object).expect("what is due is tracked");
            if !is_early(tracked.row, now) {
                self.put(&object, Tracked { wait: Wait::Fired, ..tracked });
                return Some((object, tracked.row));
            }
            // Its backoff is over, and the wall clock has gone back since its run.
            self.put(&object, Tracked { wait: Wait::Wall(tracked.row.scheduled_ms), ..tracked });
        }
    }

    fn first_by_wall(&self, now: Now) -> Option<ObjectName> {
        let (due_ms, object) = self.by_wall_ms.first()?;
        (*due_ms <= now.wall_ms()).then(|| object.clone())
    }

    fn first_by_mono(&self, now: Now) -> Option<ObjectName> {
        let (due_ns, object) = self.by_mono_ns.first()?;
        (*due_ns <= now.mono_ns).then(|| object.clone())
    }

    /// When the next alarm is due, on the monotonic clock.
    pub fn next_due_ns(&self, now: Now) -> Option<u64> {
        let by_wall = self.by_wall_ms.first().map(|(due_ms, _)| {
            let ahead_ns = i128::from(*due_ms) * i128::from(NS_PER_MS) - i128::from(now.wall_ns);
            now.mono_ns.saturating_add(u64::try_from(ahead_ns.max(0)).unwrap_or(u64::MAX))
        });
        let by_mono = self.by_mono_ns.first().map(|(due_ns, _)| *due_ns);
        by_wall.into_iter().chain(by_mono).min()
    }

    fn put(&mut self, object: &ObjectName, tracked: Tracked) {
        match tracked.wait {
            Wait::Wall(due_ms) => _ = self.by_wall_ms.insert((due_ms, object.clone())),
            Wait::Mono(due_ns) => _ = self.by_mono_ns.insert((due_ns, object.clone())),
            Wait::Fired => {}
        }
        if let Some(before) = self.alarms.insert(object.clone(), tracked)
            && before.wait != tracked.wait
        {
            self.forget_wait(object, before.wait);
        }
    }

    fn forget_wait(&mut self, object: &ObjectName, wait: Wait) {
        let was_there = match wait {
            Wait::Wall(due_ms) => self.by_wall_ms.remove(&(due_ms, object.clone())),
            Wait::Mono(due_ns) => self.by_mono_ns.remove(&(due_ns, object.clone())),
            Wait::Fired => true,
        };
        assert!(was_there, "an alarm waits in exactly the index that its record names");
    }
}
