//! Whether a run gets anywhere. Three bounds end one that does not, and all of them grow with the plan: a day in which
//! nothing happens is no livelock, and ten thousand requests at one instant are no standstill.
//!
//! The first two are counts of events, so that the same plan ends at the same event everywhere. What makes no events at
//! all, because code loops within one of them, is left to the host's clock.

use std::collections::BTreeSet;

use crate::plan::{Plan, Tuning};

/// Whatever the plan: room for boots, elections, faults and what follows them. The longest of the ordinary runs, five
/// minutes of load on nine machines, needs 80,000.
const EVENTS_BASE: u64 = 2_000_000;

/// For each virtual second and machine: messages, syncs and wakes without any load. Idle clusters of 1 to 45 machines and 1
/// to 64 groups need 5 to 25; `sim/tests/progress.rs` holds them to a tenth of this.
const EVENTS_A_MACHINE_SECOND: u64 = 500;

/// For each virtual second and object that is asked anything: it may set its alarm again for ever. Each run of `alarm()`
/// with its call and commit needs some 50, so that is ten runs a second.
const EVENTS_AN_OBJECT_SECOND: u64 = 500;

/// For each request: its way to the object and back, its commit, the alarm that it sets, and its share of retries. With
/// all of that some 60.
const EVENTS_A_REQUEST: u64 = 1_000;

/// At one instant, whatever the plan: what an idle cluster, a heal with all its boots, or one turn with as many calls as a
/// turn may make (O7: 10,000) need, many times over.
const AT_ONCE_BASE: u64 = 500_000;

/// At one instant for each request of the plan: all may come at the same time, and where neither latencies nor syncs
/// differ what follows from all of them happens at the same instants, too. Ten thousand need one event each.
const AT_ONCE_A_REQUEST: u64 = 100;

/// No run is given up on the host's clock before this. Ordinary ones take a fifth of a second.
const STUCK_AFTER_MIN_S: u64 = 120;

/// For each event that a plan is allowed beyond [`EVENTS_BASE`]. An event takes 2 to 3 µs, and few plans need a tenth of what
/// they are allowed: so a livelock is told as one, even on a host that is several times as slow.
const STUCK_AN_EVENT_US: u64 = 10;

/// What a plan's run may need. Beyond it, it gets nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The most events: a run with more goes in circles.
    pub events: u64,
    /// The most events at one instant of virtual time: a run with more stands still.
    pub at_once: u64,
    /// The longest time on the host's clock, in seconds: code of a run that takes longer loops within one event.
    pub stuck_after_s: u64,
}

impl Bounds {
    /// Those of a plan's run.
    pub fn of(plan: &Plan) -> Self {
        let seconds = plan.phases.run_ms().div_ceil(1_000);
        let objects: BTreeSet<&str> = plan.workload.iter().map(|request| &*request.object).collect();
        let (objects, requests) = (objects.len() as u64, plan.workload.len() as u64);
        // With a shorter tick all that a machine does without any load comes as much more often.
        let usual_ms = Tuning::default().tick_ms;
        let idle = u64::from(plan.cluster.machines()) * EVENTS_A_MACHINE_SECOND * usual_ms;
        let a_second = idle / plan.tuning.tick_ms.min(usual_ms) + objects * EVENTS_AN_OBJECT_SECOND;
        let of_length = seconds.saturating_mul(a_second).saturating_add(requests * EVENTS_A_REQUEST);
        Self {
            events: EVENTS_BASE.saturating_add(of_length),
            at_once: AT_ONCE_BASE + requests * AT_ONCE_A_REQUEST,
            stuck_after_s: STUCK_AFTER_MIN_S + of_length.saturating_mul(STUCK_AN_EVENT_US) / 1_000_000,
        }
    }
}

/// Counts the events of a run.
#[derive(Debug)]
pub(crate) struct Progress {
    events: u64,
    at_once: u64,
    bounds: Bounds,
}

/// Why a run is ended: it gets nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nowhere {
    /// Virtual time goes on, and there is no end of events.
    Livelock { events: u64 },
    /// There is no end of events at this instant.
    Standstill { events: u64 },
}

impl Progress {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { events: 0, at_once: 0, bounds }
    }

    /// Virtual time goes on.
    pub(crate) fn time_moves(&mut self) {
        self.at_once = 0;
    }

    /// One more event happens at this instant.
    pub(crate) fn event(&mut self) -> Result<(), Nowhere> {
        self.events += 1;
        self.at_once += 1;
        if self.at_once > self.bounds.at_once {
            return Err(Nowhere::Standstill { events: self.bounds.at_once });
        }
        if self.events > self.bounds.events {
            return Err(Nowhere::Livelock { events: self.bounds.events });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A counter with small bounds.
    fn small() -> Progress {
        Progress::new(Bounds { events: 10, at_once: 3, stuck_after_s: 120 })
    }

    #[test]
    fn many_events_at_one_instant_are_a_standstill() {
        let mut progress = small();
        for _ in 0..3 {
            assert_eq!(progress.event(), Ok(()));
        }
        assert_eq!(progress.event(), Err(Nowhere::Standstill { events: 3 }));
    }

    #[test]
    fn as_many_at_several_instants_are_none_until_they_are_a_livelock() {
        let mut progress = small();
        for event in 0..10 {
            if event % 3 == 0 {
                progress.time_moves();
            }
            assert_eq!(progress.event(), Ok(()), "event {event}");
        }
        progress.time_moves();
        assert_eq!(progress.event(), Err(Nowhere::Livelock { events: 10 }));
    }
}
