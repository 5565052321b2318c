//! The bounds of L: the latest start that is allowed from a moment on, by the failures, quorums and steps of clocks that came
//! by then. It knows no machine and no alarm.
//!
//! ```text
//!  eligible ──┬─────── bound ──┐        no change before it: that is the bound
//!             ├── fault ── ... ┴── L1 | L2 ──┐       else the faults that came by then decide, and so on
//!             │                              ▲ what comes after it excuses nothing
//!             └── no quorum ── quorum ── ... it starts anew (L2); so it does from a step of the clock, with a quorum or without
//! ```
//!
//! Only so many failures are remembered. From a moment before those on, the bound counts as among several failures.

use super::clocks::{Restart, When};
use super::quorum::{Absence, Quorums};
use super::spells::{Class, Spell, Spells};
use crate::check::ns;
use crate::history::Constants;
use crate::reference::closed::Closed;
use crate::rules::Id;

/// What waits for a bound to pass.
#[derive(Debug)]
pub(in crate::check) struct Wait<'a> {
    /// From when on it counts.
    pub(in crate::check) from: When,
    /// Which steps of its clock start the bound again, in order.
    pub(in crate::check) restarts: Vec<Restart>,
    /// What does not count of the time from then on.
    pub(in crate::check) closed: Option<&'a Closed>,
    /// L2: whose quorum it needs: that of the group of this slice. Of all groups if that is not known.
    pub(in crate::check) slice: Option<u16>,
}

impl Wait<'_> {
    /// From that moment on, with nothing in the way.
    pub(in crate::check) fn from_ns(at_ns: u64, slice: Option<u16>) -> Self {
        Wait { from: When::at(at_ns), restarts: Vec::new(), closed: None, slice }
    }

    /// From when on a bound counts that begins at `from` but not before `settled_ns`, and has passed `within_ns` later: a step of
    /// the clock before that starts it again.
    pub(in crate::check) fn settled(&self, mut from: When, settled_ns: u64, within_ns: u64) -> When {
        for restart in &self.restarts {
            let passed_ns = from.latest_ns.max(settled_ns).saturating_add(within_ns);
            if (from.latest_ns..=passed_ns).contains(&restart.step_ns) {
                from = restart.from;
            }
        }
        from.not_before(settled_ns)
    }

    /// How much of the time from the begin to then counts.
    pub(in crate::check) fn lasted_ns(&self, until_ns: u64) -> u64 {
        let from_ns = self.from.latest_ns;
        let closed_ns = self.closed.map_or(0, |closed| closed.since(from_ns));
        until_ns.saturating_sub(from_ns).saturating_sub(closed_ns)
    }
}

/// The latest start that a rule of L allows.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Bound {
    pub(in crate::check) rule: Id,
    pub(in crate::check) not_after_ns: u64,
    /// What the bound counts from, for the reader.
    pub(in crate::check) because: &'static str,
}

impl Bound {
    /// L3, L4: whether nothing was at work.
    pub(in crate::check) fn is_calm(&self) -> bool {
        matches!(self.rule, Id::L3 | Id::L4)
    }
}

/// All that decides about bounds.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Changes<'a> {
    pub(in crate::check) constants: &'a Constants,
    pub(in crate::check) spells: &'a Spells,
    pub(in crate::check) quorums: &'a Quorums,
    /// L4: whether the faults are over for good.
    pub(in crate::check) is_quiet: bool,
}

/// What comes after the moment that a bound counts from.
#[derive(Clone, Copy, Debug)]
enum Later {
    Began(Spell),
    Ended,
    /// L2: no quorum.
    Lost,
    Stepped(When),
}

/// Where the walk through the changes has come to.
struct Walk<'a> {
    constants: &'a Constants,
    closed: Option<&'a Closed>,
    is_quiet: bool,
    from_ns: u64,
    losses: usize,
    failures: usize,
    /// L1: whether the one failure came alone.
    is_alone: bool,
    /// The last change that L2 counts from.
    settled_ns: u64,
    /// The bound before that change: another failure never makes it earlier.
    floor_ns: u64,
}

/// What the walk ends at.
enum End {
    Bound(Bound),
    /// The bound starts again, and is no earlier than it was.
    Again {
        from: When,
        floor_ns: u64,
    },
}

impl Changes<'_> {
    /// L1 to L4: until when what waits has to start. None while its group has no quorum, with no end of that in sight: then
    /// nothing is promised.
    pub(in crate::check) fn bound(&self, wait: &Wait<'_>) -> Option<Bound> {
        let (mut from, mut floor_ns) = (wait.from, 0);
        loop {
            let absences = self.quorums.absences(wait.slice, from.latest_ns);
            let absent = absences.iter().find(|absence| absence.since_ns <= from.latest_ns);
            if let Some(absent) = absent {
                from = wait.settled(from, absent.back_ns?, 0);
                continue;
            }
            match self.walk(wait, from, floor_ns, &absences) {
                End::Bound(bound) => return Some(bound),
                End::Again { from: next, floor_ns: floor } => (from, floor_ns) = (next, floor),
            }
        }
    }

    fn walk(&self, wait: &Wait<'_>, from: When, floor_ns: u64, absences: &[Absence]) -> End {
        let since_ns = from.earliest_ns.saturating_sub(ns(self.constants.lateness_failures_ms));
        let mut walk = Walk {
            constants: self.constants,
            closed: wait.closed,
            is_quiet: self.is_quiet,
            from_ns: from.latest_ns,
            losses: 0,
            failures: 0,
            is_alone: false,
            settled_ns: 0,
            floor_ns,
        };
        if let Some(forgotten_ns) = self.spells.forgotten_ns.filter(|forgotten_ns| since_ns <= *forgotten_ns)
        {
            walk.from_ns = walk.from_ns.max(forgotten_ns);
            walk.failures = 2;
        }
        let from_ns = walk.from_ns;
        let mut later = Vec::new();
        for spell in self.spells.since(since_ns) {
            if spell.begun_ns <= from_ns {
                walk.take(Later::Began(*spell), spell.begun_ns);
            } else {
                later.push((spell.begun_ns, Later::Began(*spell)));
            }
        }
        if walk.losses + walk.failures + later.len() > 0 {
            for at_ns in self.spells.ends_since(since_ns) {
                if at_ns <= from_ns {
                    walk.take(Later::Ended, at_ns);
                } else {
                    later.push((at_ns, Later::Ended));
                }
            }
        }
        let lost = absences.iter().filter(|absence| absence.since_ns > from_ns);
        later.extend(lost.map(|absence| (absence.since_ns, Later::Lost)));
        let steps = wait.restarts.iter().filter(|restart| restart.step_ns > from_ns);
        later.extend(steps.map(|restart| (restart.step_ns, Later::Stepped(restart.from))));
        later.sort_by_key(|(at_ns, _)| *at_ns);
        for (at_ns, change) in later {
            let bound = walk.bound();
            if bound.not_after_ns < at_ns {
                return End::Bound(bound);
            }
            walk.floor_ns = bound.not_after_ns;
            match change {
                Later::Lost => return walk.again(When::at(at_ns)),
                Later::Stepped(from) => return walk.again(from),
                Later::Began(_) | Later::Ended => walk.take(change, at_ns),
            }
        }
        End::Bound(walk.bound())
    }
}

impl Walk<'_> {
    fn take(&mut self, change: Later, at_ns: u64) {
        match change {
            Later::Began(Spell { class: Class::Loss, .. }) => self.losses += 1,
            Later::Began(spell) => {
                self.failures += 1;
                self.is_alone = spell.class == Class::Single && spell.is_alone;
            }
            Later::Ended | Later::Lost | Later::Stepped(_) => {}
        }
        self.settled_ns = self.settled_ns.max(at_ns);
    }

    fn again(&self, from: When) -> End {
        End::Again { from, floor_ns: self.floor_ns }
    }

    /// The bound by what has been at work so far.
    fn bound(&self) -> Bound {
        let constants = self.constants;
        let allows = |rule, from_ns: u64, ms, because| {
            let not_after_ns = match self.closed {
                Some(closed) => closed.open_for(from_ns, ns(ms)),
                None => from_ns.saturating_add(ns(ms)),
            };
            Bound { rule, not_after_ns: not_after_ns.max(self.floor_ns), because }
        };
        match (self.losses, self.failures) {
            (0, 0) => {
                let rule = if self.is_quiet { Id::L4 } else { Id::L3 };
                allows(rule, self.from_ns, constants.lateness_calm_ms, "No fault was at work")
            }
            (_, 1) if self.is_alone => {
                let because = "One failure was at work, and none in the time before it";
                allows(Id::L1, self.from_ns, constants.lateness_one_failure_ms, because)
            }
            _ => {
                let because = "Faults were at work; the bound counts from the last change";
                let from_ns = self.from_ns.max(self.settled_ns);
                allows(Id::L2, from_ns, constants.lateness_failures_ms, because)
            }
        }
    }
}
