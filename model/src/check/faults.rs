//! Which faults are at work, as far as the time bounds, D8 and the rules about what is up need to know.
//!
//! Outages of outside services are no failures here: nothing of the system is struck. Of clocks only a step is
//! followed, since the bounds count from it; how wrong a clock is otherwise is E.

use std::collections::{BTreeMap, BTreeSet};

use super::lateness::Pace;
use super::ns;
use crate::history::{Constants, Scope};
use crate::rules::Id;

/// A fault of a kind with one of these words in it takes what a process knows along; a pause or a cut does not.
const STOPPING: [&str; 5] = ["crash", "power", "kill", "down", "lost"];

/// What a fault is for the rules of L.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// L1: a machine, a process, a leader or a datacenter goes.
    Single,
    /// L3: messages are lost. No failure of anything.
    Loss,
    /// A failure that L1 does not name: a partition, slow links, a disk.
    Other,
}

#[derive(Debug)]
struct Fault {
    class: Class,
    scope: Scope,
    begun_ns: u64,
    ended_ns: Option<u64>,
}

impl Fault {
    /// Whether it was at work at that time or later.
    fn is_at_work_since(&self, since_ns: u64) -> bool {
        self.ended_ns.is_none_or(|ended_ns| ended_ns >= since_ns)
    }

    fn strikes(&self, machine: u16, datacenter: Option<u16>) -> bool {
        match self.scope {
            Scope::Machine(struck) => struck == machine,
            Scope::Datacenter(struck) => Some(struck) == datacenter,
            Scope::Links { .. } | Scope::Network | Scope::Service(_) => false,
        }
    }
}

/// The latest start that a rule of L allows, before it is widened by E.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) rule: Id,
    pub(super) not_after_ns: u64,
    /// What the bound counts from, for the reader.
    pub(super) because: &'static str,
}

/// The faults of a run so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    all: BTreeMap<u32, Fault>,
    /// True time of the last begin or end of a fault.
    changed_ns: Option<u64>,
    /// True time of the last step of a clock.
    stepped_ns: u64,
    /// L2: groups that have no connected majority, and since when all have had one.
    without_majority: BTreeSet<u16>,
    majority_ns: u64,
    /// When each machine and datacenter last lost what its processes knew.
    stopped_machine_ns: BTreeMap<u16, u64>,
    stopped_datacenter_ns: BTreeMap<u16, u64>,
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
    pub(super) fn begin(&mut self, fault: u32, kind: &str, scope: &Scope, at_ns: u64) -> [Option<Id>; 2] {
        self.any_of_disk |= kind.starts_with("disk");
        if kind == "clock-step" {
            self.stepped_ns = at_ns;
        }
        if kind.starts_with("clock") || matches!(scope, Scope::Service(_)) {
            return [None; 2];
        }
        if STOPPING.iter().any(|word| kind.contains(word)) {
            match scope {
                Scope::Machine(machine) => drop(self.stopped_machine_ns.insert(*machine, at_ns)),
                Scope::Datacenter(center) => drop(self.stopped_datacenter_ns.insert(*center, at_ns)),
                Scope::Links { .. } | Scope::Network | Scope::Service(_) => {}
            }
        }
        let class = match scope {
            _ if kind.contains("loss") && matches!(scope, Scope::Network | Scope::Links { .. }) => {
                Class::Loss
            }
            Scope::Machine(_) | Scope::Datacenter(_)
                if !kind.starts_with("disk") && !kind.starts_with("slow") =>
            {
                Class::Single
            }
            _ => Class::Other,
        };
        self.all.insert(fault, Fault { class, scope: scope.clone(), begun_ns: at_ns, ended_ns: None });
        self.changed_ns = Some(at_ns);
        let is_datacenter = matches!(scope, Scope::Datacenter(_));
        match class {
            Class::Single => [Some(Id::D7), is_datacenter.then_some(Id::D2)],
            Class::Other if kind.starts_with("disk") => [Some(Id::D8), None],
            Class::Other | Class::Loss => [None; 2],
        }
    }

    pub(super) fn end(&mut self, fault: u32, at_ns: u64) {
        if let Some(fault) = self.all.get_mut(&fault).filter(|fault| fault.ended_ns.is_none()) {
            fault.ended_ns = Some(at_ns);
            self.changed_ns = Some(at_ns);
        }
    }

    pub(super) fn majority(&mut self, group: u16, connected: bool, at_ns: u64) {
        if !connected {
            self.without_majority.insert(group);
        } else if self.without_majority.remove(&group) && self.without_majority.is_empty() {
            self.majority_ns = at_ns;
        }
    }

    /// L1 to L4: until when a run may start that could have started from `eligible_ns` on. None while a group has no
    /// connected majority among several failures: then nothing is promised.
    ///
    /// What counts as "at work" is whatever struck at any time from `lateness_failures_ms` before that moment until
    /// now.
    pub(super) fn bound(&self, constants: &Constants, eligible_ns: u64) -> Option<Bound> {
        let calm_after_ns = ns(constants.lateness_failures_ms);
        let eligible_ns = eligible_ns.max(self.stepped_ns);
        let since_ns = eligible_ns.saturating_sub(calm_after_ns);
        let allows = |rule, from_ns: u64, ms, because| Bound {
            rule,
            not_after_ns: from_ns.saturating_add(ns(ms)),
            because,
        };
        let mut at_work = self.all.values().filter(|fault| fault.is_at_work_since(since_ns)).peekable();
        if at_work.peek().is_none() {
            let rule = if self.is_quiet { Id::L4 } else { Id::L3 };
            return Some(allows(rule, eligible_ns, constants.lateness_calm_ms, "No fault was at work"));
        }
        let mut failures = at_work.filter(|fault| fault.class != Class::Loss);
        if let (Some(only), None) = (failures.next(), failures.next())
            && only.class == Class::Single
            && self.is_alone(only, calm_after_ns)
        {
            let because = "One failure was at work, and none in the time before it";
            return Some(allows(Id::L1, eligible_ns, constants.lateness_one_failure_ms, because));
        }
        let because = "Faults were at work; the bound counts from the last change";
        let bound =
            allows(Id::L2, eligible_ns.max(self.settled_ns()), constants.lateness_failures_ms, because);
        self.has_majorities().then_some(bound)
    }

    /// L1: no other failure was at work shortly before this one.
    fn is_alone(&self, only: &Fault, calm_after_ns: u64) -> bool {
        let since_ns = only.begun_ns.saturating_sub(calm_after_ns);
        let is_before = |fault: &&Fault| fault.class != Class::Loss && fault.is_at_work_since(since_ns);
        self.all.values().filter(is_before).count() == 1
    }

    /// L4: since when nothing has been at work; none if something is.
    pub(super) fn calm_since_ns(&self) -> Option<u64> {
        let is_calm = self.all.values().all(|fault| fault.ended_ns.is_some());
        (is_calm && self.has_majorities()).then_some(self.changed_ns.unwrap_or(0))
    }

    /// L2: whether every group has a connected majority.
    pub(super) fn has_majorities(&self) -> bool {
        self.without_majority.is_empty()
    }

    /// L2: the last change of a fault or of a majority.
    pub(super) fn settled_ns(&self) -> u64 {
        self.changed_ns.unwrap_or(0).max(self.majority_ns)
    }

    /// Whether a fault is at work on that machine, or on all of its datacenter.
    pub(super) fn is_struck(&self, machine: u16, datacenter: Option<u16>) -> bool {
        let strikes = |fault: &Fault| fault.ended_ns.is_none() && fault.strikes(machine, datacenter);
        self.all.values().any(strikes)
    }

    /// D3, D5, D6: since when a machine has been out. None if it is not, or if links or disks are in trouble too.
    pub(super) fn out(&self, machine: u16, datacenter: Option<u16>) -> Option<Out> {
        let mut strikes = self.all.values().filter(|fault| {
            fault.ended_ns.is_none() && fault.class == Class::Single && fault.strikes(machine, datacenter)
        });
        let first = strikes.next()?;
        let is_datacenter = |fault: &Fault| matches!(fault.scope, Scope::Datacenter(_));
        let out = strikes.fold(
            Out { since_ns: first.begun_ns, is_datacenter: is_datacenter(first) },
            |out, fault| Out {
                since_ns: out.since_ns.min(fault.begun_ns),
                is_datacenter: out.is_datacenter || is_datacenter(fault),
            },
        );
        let is_in_the_way =
            |fault: &Fault| fault.class == Class::Other && fault.is_at_work_since(out.since_ns);
        (!self.all.values().any(is_in_the_way)).then_some(out)
    }

    /// Whether that fault is at work and takes machines or datacenters out.
    pub(super) fn takes_out(&self, fault: u32) -> bool {
        let fault = self.all.get(&fault);
        fault.is_some_and(|fault| fault.ended_ns.is_none() && fault.class == Class::Single)
    }

    /// A machine has found its disk damaged.
    pub(super) fn damage(&mut self, machine: u16) {
        self.damaged.insert(machine);
    }

    pub(super) fn is_damaged(&self, machine: u16) -> bool {
        self.damaged.contains(&machine)
    }

    /// When that machine last lost what its processes knew.
    pub(super) fn stopped_ns(&self, machine: u16, datacenter: Option<u16>) -> Option<u64> {
        let of_datacenter = datacenter.and_then(|center| self.stopped_datacenter_ns.get(&center));
        self.stopped_machine_ns.get(&machine).max(of_datacenter).copied()
    }

    /// D2, D7: what is gone at the end of the run and should not be missed by an object on `machine`: a minority of the
    /// datacenters, or one single thing. With how to call an alarm that misses it.
    pub(super) fn still_missing(
        &self,
        pace: &Pace,
        machine: Option<u16>,
    ) -> Option<(&'static str, &'static str)> {
        let gone =
            || self.all.values().filter(|fault| fault.ended_ns.is_none() && fault.class != Class::Loss);
        let strikes =
            |fault: &Fault| machine.is_some_and(|machine| fault.strikes(machine, pace.datacenter(machine)));
        if gone().any(|fault| fault.class != Class::Single || strikes(fault)) {
            return None;
        }
        let is_datacenter = |fault: &Fault| matches!(fault.scope, Scope::Datacenter(_));
        let (count, of_datacenters) = (gone().count(), gone().filter(|fault| is_datacenter(fault)).count());
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
