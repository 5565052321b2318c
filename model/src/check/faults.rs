//! Which faults are at work, as far as the time bounds, D8 and the rules about what is up need to know.
//!
//! Outages of outside services are no failures here: nothing of the system is struck. Of clocks only a step is
//! followed, since the bounds count from it; how wrong a clock is otherwise is E.

use std::collections::{BTreeMap, BTreeSet};

use super::changes::{AtWork, Bound, Changes, Class, What};
use super::lateness::Pace;
use super::ns;
use crate::history::{Constants, Scope};
use crate::reference::Mark;
use crate::rules::Id;

/// A fault of a kind with one of these words in it takes what a process knows along; a pause or a cut does not.
const STOPPING: [&str; 6] = ["crash", "power", "kill", "down", "lost", "panic"];

#[derive(Debug)]
struct Fault {
    class: Class,
    scope: Scope,
    begun_ns: u64,
}

impl Fault {
    fn strikes(&self, machine: u16, datacenter: Option<u16>) -> bool {
        match self.scope {
            Scope::Machine(struck) => struck == machine,
            Scope::Datacenter(struck) => Some(struck) == datacenter,
            Scope::Links { .. } | Scope::Network | Scope::Service(_) => false,
        }
    }

    fn is_of_datacenter(&self) -> bool {
        matches!(self.scope, Scope::Datacenter(_))
    }
}

/// By machine and by datacenter: when something last struck it.
#[derive(Debug, Default)]
struct Last {
    machines: BTreeMap<u16, Mark>,
    datacenters: BTreeMap<u16, Mark>,
}

impl Last {
    fn see(&mut self, scope: &Scope, at: Mark) {
        match scope {
            Scope::Machine(machine) => drop(self.machines.insert(*machine, at)),
            Scope::Datacenter(datacenter) => drop(self.datacenters.insert(*datacenter, at)),
            Scope::Links { .. } | Scope::Network | Scope::Service(_) => {}
        }
    }

    fn of(&self, machine: u16, datacenter: Option<u16>) -> Option<Mark> {
        let of_datacenter = datacenter.and_then(|datacenter| self.datacenters.get(&datacenter));
        self.machines.get(&machine).max(of_datacenter).copied()
    }
}

/// The faults of a run so far: those that are at work, and of the others what the rules need.
#[derive(Debug, Default)]
pub(super) struct Faults {
    at_work: BTreeMap<u32, Fault>,
    numbers: AtWork,
    changes: Changes,
    /// L1: the failure that is at work, if none has been with it or shortly before it.
    alone: Option<u32>,
    /// When a fault last began or ended, when a failure last ended, and one that L1 does not name.
    changed_ns: u64,
    failure_ended_ns: Option<u64>,
    other_ended_ns: Option<u64>,
    /// L2: groups that have no connected majority.
    without_majority: BTreeSet<u16>,
    /// When each last lost what its processes knew, and when something that struck it last ended.
    stopped: Last,
    healed: Last,
    /// L4: whether the faults are over for good.
    pub(super) is_quiet: bool,
    /// D8: whether a disk was ever harmed on purpose.
    any_of_disk: bool,
    /// D8: machines that found their disks damaged. They stay down.
    damaged: BTreeSet<u16>,
}

/// A machine that cannot do its duties.
#[derive(Clone, Copy, Debug)]
pub(super) struct Out {
    pub(super) since_ns: u64,
    /// Whether its whole datacenter is struck.
    pub(super) is_datacenter: bool,
}

impl Faults {
    /// A fault begins. Returns the rules of D that it puts to the test.
    pub(super) fn begin(
        &mut self,
        constants: &Constants,
        fault: u32,
        kind: &str,
        scope: &Scope,
        mark: Mark,
    ) -> [Option<Id>; 2] {
        self.any_of_disk |= kind.starts_with("disk");
        if kind == "clock-step" {
            self.changes.push(mark.at_ns, What::Stepped, self.numbers);
        }
        if kind.starts_with("clock") || matches!(scope, Scope::Service(_)) {
            return [None; 2];
        }
        if STOPPING.iter().any(|word| kind.contains(word)) {
            self.stopped.see(scope, mark);
        }
        let class = class(kind, scope);
        self.count_out(fault);
        let is_alone = class == Class::Single && self.is_calm_before(constants, mark.at_ns);
        if class != Class::Loss {
            self.alone = is_alone.then_some(fault);
        }
        self.at_work.insert(fault, Fault { class, scope: scope.clone(), begun_ns: mark.at_ns });
        self.count(class, |number| number.saturating_add(1));
        self.changed_ns = mark.at_ns;
        self.changes.push(mark.at_ns, What::Began { class, is_alone }, self.numbers);
        let is_datacenter = matches!(scope, Scope::Datacenter(_));
        match class {
            Class::Single => [Some(Id::D7), is_datacenter.then_some(Id::D2)],
            Class::Other if kind.starts_with("disk") => [Some(Id::D8), None],
            Class::Other | Class::Loss => [None; 2],
        }
    }

    pub(super) fn end(&mut self, fault: u32, mark: Mark) {
        let Some(ended) = self.count_out(fault) else { return };
        let at_ns = mark.at_ns;
        self.healed.see(&ended.scope, mark);
        if ended.class != Class::Loss {
            self.failure_ended_ns = Some(at_ns);
        }
        if ended.class == Class::Other {
            self.other_ended_ns = Some(at_ns);
        }
        self.changed_ns = at_ns;
        self.changes.push(at_ns, What::Ended, self.numbers);
    }

    /// A fault is at work no more.
    fn count_out(&mut self, fault: u32) -> Option<Fault> {
        let ended = self.at_work.remove(&fault)?;
        self.alone.take_if(|alone| *alone == fault);
        self.count(ended.class, |number| number.saturating_sub(1));
        Some(ended)
    }

    fn count(&mut self, class: Class, by: impl FnOnce(u32) -> u32) {
        let numbers = &mut self.numbers;
        let number = if class == Class::Loss { &mut numbers.losses } else { &mut numbers.failures };
        *number = by(*number);
        numbers.is_alone = self.alone.is_some();
    }

    /// L1: whether no failure is at work, and none was shortly before that moment.
    fn is_calm_before(&self, constants: &Constants, at_ns: u64) -> bool {
        let since_ns = at_ns.saturating_sub(ns(constants.lateness_failures_ms));
        self.numbers.failures == 0 && self.failure_ended_ns.is_none_or(|ended_ns| ended_ns < since_ns)
    }

    pub(super) fn majority(&mut self, group: u16, connected: bool, at_ns: u64) {
        if connected {
            self.without_majority.remove(&group);
        } else {
            self.without_majority.insert(group);
        }
        if self.numbers.has_majorities != self.has_majorities() {
            self.numbers.has_majorities = self.has_majorities();
            self.changes.push(at_ns, What::Majority, self.numbers);
        }
    }

    /// L1 to L4: until when a run may start that could have started from `eligible_ns` on. None while a group has no
    /// connected majority among several failures: then nothing is promised.
    pub(super) fn bound(&self, constants: &Constants, eligible_ns: u64) -> Option<Bound> {
        self.changes.bound(constants, eligible_ns, self.is_quiet)
    }

    /// L4: since when nothing has been at work; none if something is.
    pub(super) fn calm_since_ns(&self) -> Option<u64> {
        (self.at_work.is_empty() && self.has_majorities()).then_some(self.changed_ns)
    }

    /// L2: whether every group has a connected majority.
    pub(super) fn has_majorities(&self) -> bool {
        self.without_majority.is_empty()
    }

    /// L2: the last change of a fault or of a majority.
    pub(super) fn settled_ns(&self) -> u64 {
        self.changes.settled_ns()
    }

    /// Whether a fault is at work on that machine, or on all of its datacenter.
    pub(super) fn is_struck(&self, machine: u16, datacenter: Option<u16>) -> bool {
        self.at_work.values().any(|fault| fault.strikes(machine, datacenter))
    }

    /// Whether that machine, or all of its datacenter, was struck at that time or later.
    pub(super) fn was_struck_since(&self, machine: u16, datacenter: Option<u16>, since_ns: u64) -> bool {
        self.is_struck(machine, datacenter)
            || self.healed.of(machine, datacenter).is_some_and(|healed| healed.at_ns >= since_ns)
    }

    /// D3, D5, D6: since when a machine has been out. None if it is not, or if links or disks are in trouble too.
    pub(super) fn out(&self, machine: u16, datacenter: Option<u16>) -> Option<Out> {
        let mut strikes = self
            .at_work
            .values()
            .filter(|fault| fault.class == Class::Single && fault.strikes(machine, datacenter));
        let first = strikes.next()?;
        let out = strikes.fold(
            Out { since_ns: first.begun_ns, is_datacenter: first.is_of_datacenter() },
            |out, fault| Out {
                since_ns: out.since_ns.min(fault.begun_ns),
                is_datacenter: out.is_datacenter || fault.is_of_datacenter(),
            },
        );
        let is_in_the_way = self.other_ended_ns.is_some_and(|ended_ns| ended_ns >= out.since_ns)
            || self.at_work.values().any(|fault| fault.class == Class::Other);
        (!is_in_the_way).then_some(out)
    }

    /// Whether that fault is at work and takes machines or datacenters out.
    pub(super) fn takes_out(&self, fault: u32) -> bool {
        self.at_work.get(&fault).is_some_and(|fault| fault.class == Class::Single)
    }

    /// A machine has found its disk damaged.
    pub(super) fn damage(&mut self, machine: u16) {
        self.damaged.insert(machine);
    }

    pub(super) fn is_damaged(&self, machine: u16) -> bool {
        self.damaged.contains(&machine)
    }

    /// When that machine last lost what its processes knew.
    pub(super) fn stopped(&self, machine: u16, datacenter: Option<u16>) -> Option<Mark> {
        self.stopped.of(machine, datacenter)
    }

    /// D2, D7: what is gone at the end of the run and should not be missed by an object on `machine`: a minority of the
    /// datacenters, or one single thing. With how to call an alarm that misses it.
    pub(super) fn still_missing(
        &self,
        pace: &Pace,
        machine: Option<u16>,
    ) -> Option<(&'static str, &'static str)> {
        let gone = || self.at_work.values().filter(|fault| fault.class != Class::Loss);
        let strikes =
            |fault: &Fault| machine.is_some_and(|machine| fault.strikes(machine, pace.datacenter(machine)));
        if gone().any(|fault| fault.class != Class::Single || strikes(fault)) {
            return None;
        }
        let (count, of_datacenters) =
            (gone().count(), gone().filter(|fault| fault.is_of_datacenter()).count());
        let minority = pace.datacenters().saturating_sub(1) / 2;
        if count > 0 && count == of_datacenters && count <= minority {
            return Some(("D2", "(of an object outside the datacenters that are gone) "));
        }
        (count == 1).then_some(("D7", "(of an object elsewhere than the one thing that failed) "))
    }

    pub(super) fn any_of_disk(&self) -> bool {
        self.any_of_disk
    }
}

fn class(kind: &str, scope: &Scope) -> Class {
    match scope {
        Scope::Network | Scope::Links { .. } if kind.contains("loss") => Class::Loss,
        Scope::Machine(_) | Scope::Datacenter(_)
            if !kind.starts_with("disk") && !kind.starts_with("slow") =>
        {
            Class::Single
        }
        _ => Class::Other,
    }
}
