//! What has changed among faults, majorities and clocks, in order, and the bounds of L that this leaves: the latest start
//! that is allowed from a moment on. It knows no machine and no alarm.
//!
//! ```text
//!  eligible ──┬─────── bound ──┐        no change before it: that is the bound
//!             └── fault ── ... ┴── L1 | L2 ──┐       else the faults that came by then decide, and so on
//!                                            ▲ what comes after it excuses nothing
//! ```
//!
//! Only so many changes are remembered. From a moment before those on, the bound counts as among several failures.

use std::collections::VecDeque;

use super::ns;
use crate::history::Constants;
use crate::rules::Id;

/// How many changes are remembered.
const CHANGES_MAX: usize = 1_024;

/// What a fault is for the rules of L.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// L1: a machine, a process, a leader or a datacenter goes.
    Single,
    /// L3: messages are lost. No failure of anything.
    Loss,
    /// A failure that L1 does not name: a partition, slow links, a disk.
    Other,
}

/// The latest start that a rule of L allows, before it is widened by E.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) rule: Id,
    pub(super) not_after_ns: u64,
    /// What the bound counts from, for the reader.
    pub(super) because: &'static str,
}

impl Bound {
    /// L3, L4: whether nothing was at work.
    pub(super) fn is_calm(&self) -> bool {
        matches!(self.rule, Id::L3 | Id::L4)
    }

    pub(super) fn widened(self, by_ns: u64) -> Bound {
        Bound { not_after_ns: self.not_after_ns.saturating_add(by_ns), ..self }
    }
}

/// Something that changed.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// A fault began. L1: `is_alone` if no other failure was at work then or shortly before.
    Began { class: Class, is_alone: bool },
    /// A fault is over.
    Ended,
    /// L2: a group has lost its majority, or all have one again.
    Majority,
    /// A clock stepped.
    Stepped,
}

/// What is at work, in numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct AtWork {
    pub(super) losses: u32,
    pub(super) failures: u32,
    /// L1: whether there is one failure and none was at work with it or shortly before it.
    pub(super) is_alone: bool,
    /// L2: whether every group has a connected majority.
    pub(super) has_majorities: bool,
}

impl Default for AtWork {
    fn default() -> Self {
        AtWork { losses: 0, failures: 0, is_alone: false, has_majorities: true }
    }
}

#[derive(Clone, Copy, Debug)]
struct Change {
    at_ns: u64,
    what: What,
    /// What is at work from then on.
    then: AtWork,
}

/// The last changes of a run.
#[derive(Debug, Default)]
pub(super) struct Changes {
    recent: VecDeque<Change>,
    /// The last one that is not remembered any more.
    forgotten: Option<Change>,
    /// True time of the last one that L2 counts from.
    settled_ns: u64,
}

/// Where the walk through the changes has come to.
struct Walk<'a> {
    constants: &'a Constants,
    eligible_ns: u64,
    /// All that was at work at some time from shortly before the eligible instant on.
    work: AtWork,
    /// The last change that L2 counts from.
    settled_ns: u64,
    /// The bound before that change.
    floor_ns: u64,
}

/// What the walk ends at.
enum End {
    Bound(Option<Bound>),
    /// L: the bound counts from the step of a clock, and is no earlier than it was.
    Stepped {
        at_ns: u64,
        floor_ns: u64,
    },
}

impl Changes {
    pub(super) fn push(&mut self, at_ns: u64, what: What, then: AtWork) {
        if self.recent.len() == CHANGES_MAX {
            self.forgotten = self.recent.pop_front();
        }
        self.recent.push_back(Change { at_ns, what, then });
        if counts(what, then) {
            self.settled_ns = at_ns;
        }
    }

    /// L2: true time of the last change of a fault, or since when every group has had a majority.
    pub(super) fn settled_ns(&self) -> u64 {
        self.settled_ns
    }

    /// L1 to L4: until when a run may start that could have started from `eligible_ns` on. None while a group has no
    /// connected majority among several failures: then nothing is promised. `is_quiet` says that the faults are over for
    /// good.
    pub(super) fn bound(&self, constants: &Constants, eligible_ns: u64, is_quiet: bool) -> Option<Bound> {
        let (mut from_ns, mut no_earlier_ns) = (eligible_ns, 0);
        loop {
            match self.walk(constants, from_ns, no_earlier_ns, is_quiet) {
                End::Bound(bound) => return bound,
                End::Stepped { at_ns, floor_ns } => (from_ns, no_earlier_ns) = (at_ns, floor_ns),
            }
        }
    }

    fn walk(&self, constants: &Constants, eligible_ns: u64, floor_ns: u64, is_quiet: bool) -> End {
        let since_ns = eligible_ns.saturating_sub(ns(constants.lateness_failures_ms));
        let first = self.recent.partition_point(|change| change.at_ns < since_ns);
        let before = first.checked_sub(1).map_or(self.forgotten, |last| self.recent.get(last).copied());
        let work = before.map(|change| change.then).unwrap_or_default();
        let mut walk = Walk { constants, eligible_ns, work, settled_ns: 0, floor_ns };
        if let Some(forgotten) = self.forgotten.filter(|forgotten| since_ns <= forgotten.at_ns) {
            walk.eligible_ns = eligible_ns.max(forgotten.at_ns);
            walk.work.failures = walk.work.failures.max(2);
        }
        for change in self.recent.range(first..) {
            if change.at_ns > walk.eligible_ns {
                let bound = walk.bound(is_quiet);
                if bound.is_some_and(|bound| walk.reach_ns(&bound) < change.at_ns) {
                    return End::Bound(bound);
                }
                walk.floor_ns = bound.map_or(walk.floor_ns, |bound| bound.not_after_ns);
                if matches!(change.what, What::Stepped) {
                    return End::Stepped { at_ns: change.at_ns, floor_ns: walk.floor_ns };
                }
            }
            walk.take(change);
        }
        End::Bound(walk.bound(is_quiet))
    }
}

impl Walk<'_> {
    fn take(&mut self, change: &Change) {
        match change.what {
            What::Began { class: Class::Loss, .. } => self.work.losses = self.work.losses.saturating_add(1),
            What::Began { is_alone, .. } => {
                self.work.failures = self.work.failures.saturating_add(1);
                self.work.is_alone = is_alone;
            }
            What::Majority => self.work.has_majorities = change.then.has_majorities,
            What::Ended | What::Stepped => {}
        }
        if counts(change.what, change.then) {
            self.settled_ns = change.at_ns;
        }
    }

    /// The bound by what has been at work so far. Another failure never makes it earlier.
    fn bound(&self, is_quiet: bool) -> Option<Bound> {
        let constants = self.constants;
        let allows = |rule, from_ns: u64, ms, because| Bound {
            rule,
            not_after_ns: from_ns.saturating_add(ns(ms)).max(self.floor_ns),
            because,
        };
        let bound = match self.work {
            AtWork { losses: 0, failures: 0, .. } => {
                let rule = if is_quiet { Id::L4 } else { Id::L3 };
                allows(rule, self.eligible_ns, constants.lateness_calm_ms, "No fault was at work")
            }
            AtWork { failures: 1, is_alone: true, .. } => {
                let because = "One failure was at work, and none in the time before it";
                allows(Id::L1, self.eligible_ns, constants.lateness_one_failure_ms, because)
            }
            AtWork { has_majorities: false, .. } => return None,
            _ => {
                let because = "Faults were at work; the bound counts from the last change";
                let from_ns = self.eligible_ns.max(self.settled_ns);
                allows(Id::L2, from_ns, constants.lateness_failures_ms, because)
            }
        };
        Some(bound)
    }

    /// Until when what changes counts: the bound widens by E, and by the clock of another machine, or of this one before
    /// a step, the eligible instant may have been twice E later.
    fn reach_ns(&self, bound: &Bound) -> u64 {
        bound.not_after_ns.saturating_add(ns(self.constants.wall_error_max_ms).saturating_mul(3))
    }
}

/// L2: whether its bound counts from that.
fn counts(what: What, then: AtWork) -> bool {
    match what {
        What::Began { .. } | What::Ended => true,
        What::Majority => then.has_majorities,
        What::Stepped => false,
    }
}
