//! How steadily a machine keeps its lease. One that loses it again and again (its links flap, or a round trip takes about
//! as long as a lease) comes back each time, takes its slices, and loses them before it has served anything: it is *frail*,
//! and others get what it would hold (L2).
//!
//! Time is told in *beats* of the registry: ticks of the system group's leader ([`crate::renewals`]). While the group has
//! no leader no beat passes, so nobody is found frail because nobody could renew.

use serde::{Deserialize, Serialize};

/// So many lapses within [`WINDOW_BEATS`] make a machine frail. One or two have a reason that passes: a crash, a cut.
const LAPSES: usize = 3;
/// 60 s, at 500 ms a tick. Of what comes and goes at longer intervals others take over in time each time.
const WINDOW_BEATS: u64 = 120;
/// A frail machine that has kept its lease for so long is none any more: 30 s.
const STEADY_BEATS: u64 = 60;
/// A lease that ran out counts only if at least one of the two renewals around it took so many beats: a machine that is
/// well renews every 2 to 4. Else it ran out because there was nobody to renew with.
const SLOW_BEATS: u64 = 5;

/// What the registry remembers of a machine's sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Health {
    /// The beat at which its session was opened or renewed last.
    renewed: u64,
    /// The beats between the last two renewals.
    gap: u64,
    /// The last beats at which it had lost its lease, ascending; at most [`LAPSES`].
    lapses: Vec<u64>,
    /// The beat since which it has kept its lease.
    steady_since: u64,
}

impl Health {
    /// It opens a session.
    pub(super) fn opened(&mut self, beat: u64) {
        self.renewed = beat;
        self.gap = 0;
        self.steady_since = beat;
    }

    /// It renews its session; `ran_out` says that it was without a lease for a while before. Returns whether that is a
    /// lapse.
    pub(super) fn renewed(&mut self, beat: u64, ran_out: bool) -> bool {
        let gap = beat - std::mem::replace(&mut self.renewed, beat);
        let slowest = gap.max(std::mem::replace(&mut self.gap, gap));
        ran_out && slowest >= SLOW_BEATS
    }

    /// It has lost its lease. Returns whether that makes it frail.
    pub(super) fn lapsed(&mut self, beat: u64) -> bool {
        self.steady_since = beat;
        self.lapses.push(beat);
        self.lapses.retain(|lapse| beat - lapse < WINDOW_BEATS);
        if self.lapses.len() > LAPSES {
            self.lapses.remove(0);
        }
        self.lapses.len() == LAPSES
    }

    /// Whether a machine with a live session has kept its lease for long enough to be trusted again.
    pub(super) fn is_steady(&self, beat: u64) -> bool {
        beat - self.steady_since >= STEADY_BEATS
    }

    /// It is trusted again: what was counts no more.
    pub(super) fn forgive(&mut self) {
        self.lapses.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l2_three_lapses_in_a_minute_make_a_machine_frail_and_two_do_not() {
        let mut health = Health::default();
        assert_eq!([10, 70, 129].map(|beat| health.lapsed(beat)), [false, false, true]);
        let mut health = Health::default();
        assert_eq!(
            [10, 70, 130].map(|beat| health.lapsed(beat)),
            [false, false, false],
            "the first is too old"
        );
        assert!(health.lapsed(189), "the last three");
    }

    #[test]
    fn a_lease_that_ran_out_while_nobody_could_renew_is_no_lapse() {
        let mut health = Health::default();
        health.opened(100);
        assert!(!health.renewed(103, true), "three beats are what a renewal takes");
        assert!(!health.renewed(110, false), "it was slow, but its lease held");
        assert!(health.renewed(112, true), "the slow one was before");
        assert!(!health.renewed(114, true));
        assert!(health.renewed(119, true), "this one was slow");
    }

    #[test]
    fn who_has_kept_its_lease_for_thirty_seconds_is_trusted_again() {
        let mut health = Health::default();
        for beat in [10, 20, 30] {
            health.lapsed(beat);
        }
        assert!(!health.is_steady(89));
        assert!(health.is_steady(90));
        health.opened(80);
        assert!(!health.is_steady(139), "nor does it count how long it was away");
        health.forgive();
        assert!(!health.lapsed(91));
    }
}
