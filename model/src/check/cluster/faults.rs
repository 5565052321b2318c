//! Which faults are at work, as far as the time bounds, D8 and the rules about what is up need to know.
//! What kind of fault one is for them stands in [`super::nature`].

use std::collections::{BTreeMap, BTreeSet};

use super::changes::{Bound, Changes, Wait};
use super::halves;
use super::lateness::Pace;
use super::nature::Nature;
use super::quorum::Quorums;
use super::spells::{Class, Spells, Thing};
use super::stills::Stills;
use crate::check::ns;
use crate::history::{Constants, Scope};
use crate::reference::Mark;
use crate::rules::Id;

#[derive(Debug)]
struct Fault {
    class: Class,
    scope: Scope,
    begun_ns: u64,
    /// What it holds down or cuts.
    things: Vec<Thing>,
}

impl Fault {
    fn strikes(&self, machine: u16, datacenter: Option<u16>) -> bool {
        match self.scope {
            Scope::Machine(struck) => struck == machine,
            Scope::Datacenter(struck) => Some(struck) == datacenter,
            Scope::Links { .. } | Scope::Network | Scope::Service(_) => false,
        }
    }

    fn is_of_links(&self) -> bool {
        self.things.iter().any(|thing| matches!(thing, Thing::Link(..)))
    }

    /// L2: whether that machine is still connected both ways with whatever quorum there is. Of a machine or datacenter that is cut
    /// off as a whole nobody else's quorum has any, where there are three datacenters or more.
    fn spares(&self, machine: u16, pace: &Pace) -> bool {
        match &self.scope {
            Scope::Machine(_) | Scope::Datacenter(_) => {
                !self.strikes(machine, pace.datacenter(machine))
                    && (!self.is_of_links() || pace.datacenters() > 2)
            }
            Scope::Links { from, to } => !from.contains(&machine) && !to.contains(&machine),
            Scope::Network => false,
            Scope::Service(_) => true,
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
pub(in crate::check) struct Faults {
    at_work: BTreeMap<u32, Fault>,
    spells: Spells,
    stills: Stills,
    pub(in crate::check) quorums: Quorums,
    /// When a fault last began or ended, and when one last ended that L1 does not name.
    changed_ns: u64,
    other_ended_ns: Option<u64>,
    /// When each last lost what its processes knew, and when something that struck it last ended.
    stopped: Last,
    /// L4: when each last lost what its disk held.
    lost_disks: Last,
    healed: Last,
    /// L4: whether the faults are over for good.
    pub(in crate::check) is_quiet: bool,
    /// D8: whether a disk was ever harmed on purpose.
    any_of_disk: bool,
    /// D8: machines that found their disks damaged.
    damaged: BTreeSet<u16>,
}

/// A machine that cannot do its duties.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Out {
    pub(in crate::check) since_ns: u64,
    /// Whether its whole datacenter is struck.
    pub(in crate::check) is_datacenter: bool,
    /// Whether it may be up, and only out of reach.
    pub(in crate::check) is_cut_off: bool,
}

impl Faults {
    pub(in crate::check) fn new(system_group: Option<u16>) -> Self {
        Faults { quorums: Quorums::new(system_group), ..Faults::default() }
    }

    /// A fault begins. Returns the rules of D that it puts to the test.
    pub(in crate::check) fn begin(
        &mut self,
        constants: &Constants,
        fault: u32,
        nature: Nature,
        scope: &Scope,
        datacenter_of: &[u16],
        mark: Mark,
    ) -> [Option<Id>; 2] {
        let Nature { class, holds, stops, harms_disk, steps_clock: _ } = nature;
        self.any_of_disk |= harms_disk;
        let Some(class) = class else { return [None; 2] };
        if stops {
            self.stopped.see(scope, mark);
        }
        if harms_disk {
            self.lost_disks.see(scope, mark);
        }
        if let Some(before) = self.at_work.get(&fault) {
            self.spells.end(fault, mark.at_ns);
            self.stills.end(&before.things, mark.at_ns);
        }
        let things = Thing::of(holds, scope, datacenter_of);
        self.stills.begin(&things, mark.at_ns);
        let begun = Fault { class, scope: scope.clone(), begun_ns: mark.at_ns, things: things.clone() };
        self.at_work.insert(fault, begun);
        self.changed_ns = mark.at_ns;
        self.spells.begin(fault, class, things, mark.at_ns, ns(constants.lateness_failures_ms));
        self.review_half(datacenter_of, mark.at_ns);
        let is_datacenter = matches!(scope, Scope::Datacenter(_));
        match class {
            Class::Single => [Some(Id::D7), is_datacenter.then_some(Id::D2)],
            Class::Other if harms_disk => [Some(Id::D8), None],
            Class::Other | Class::Loss => [None; 2],
        }
    }

    pub(in crate::check) fn end(&mut self, fault: u32, datacenter_of: &[u16], mark: Mark) {
        let Some(ended) = self.at_work.remove(&fault) else { return };
        let at_ns = mark.at_ns;
        self.healed.see(&ended.scope, mark);
        if ended.class == Class::Other {
            self.other_ended_ns = Some(at_ns);
        }
        self.changed_ns = at_ns;
        self.spells.end(fault, at_ns);
        self.stills.end(&ended.things, at_ns);
        self.review_half(datacenter_of, at_ns);
    }

    /// L2: whether half or more of the machines, or of the datacenters, are struck or cut off.
    fn review_half(&mut self, datacenter_of: &[u16], at_ns: u64) {
        let is_any = self.at_work.values().any(|fault| !fault.things.is_empty());
        let is_out =
            is_any && halves::are_out(self.at_work.values().flat_map(|fault| &fault.things), datacenter_of);
        self.quorums.half_is_out(is_out, at_ns);
    }

    /// L1 to L4: until when what waits has to start. None if it waits for a quorum that does not come: then nothing is promised.
    pub(in crate::check) fn bound(&self, constants: &Constants, wait: &Wait<'_>) -> Option<Bound> {
        let Faults { spells, quorums, is_quiet, .. } = self;
        Changes { constants, spells, quorums, is_quiet: *is_quiet }.bound(wait)
    }

    /// L2: until when what waits has to start that a failure holds up, whatever failure. None while it has no quorum.
    pub(in crate::check) fn among_failures_ns(&self, constants: &Constants, wait: &Wait<'_>) -> Option<u64> {
        let there_ns = self.quorums.there_since_ns(wait.slice)?;
        let (settled_ns, within_ns) =
            (self.spells.changed_ns().max(there_ns), ns(constants.lateness_failures_ms));
        Some(wait.settled(wait.from, settled_ns, within_ns).latest_ns.saturating_add(within_ns))
    }

    /// L4: since when nothing has been at work; none if something is.
    pub(in crate::check) fn calm_since_ns(&self) -> Option<u64> {
        (self.at_work.is_empty() && self.quorums.is_everywhere())
            .then_some(self.changed_ns.max(self.quorums.back_ns()))
    }

    /// L2: whether nothing has changed since then and in the time of L2 before, and the machine is up and connected both ways with
    /// all machines of the quorum that the objects of this slice have.
    pub(in crate::check) fn leave_alone(
        &self,
        constants: &Constants,
        pace: &Pace,
        machine: u16,
        slice: Option<u16>,
        since_ns: u64,
    ) -> bool {
        let settled_ns = |changed_ns: u64| changed_ns.saturating_add(ns(constants.lateness_failures_ms));
        settled_ns(self.changed_ns.max(self.spells.changed_ns())) <= since_ns
            && self.quorums.there_since_ns(slice).is_some_and(|there_ns| settled_ns(there_ns) <= since_ns)
            && self.spare(pace, machine)
    }

    /// Whether nothing that is at work now may keep that machine from any other.
    pub(in crate::check) fn spare(&self, pace: &Pace, machine: u16) -> bool {
        self.at_work.values().all(|fault| fault.spares(machine, pace))
    }

    /// Whether a fault is at work on that machine, or on all of its datacenter.
    pub(in crate::check) fn is_struck(&self, machine: u16, datacenter: Option<u16>) -> bool {
        self.at_work.values().any(|fault| fault.strikes(machine, datacenter))
    }

    /// Since when nothing strikes that machine or all of its datacenter. None if something does.
    pub(in crate::check) fn well_since_ns(&self, machine: u16, datacenter: Option<u16>) -> Option<u64> {
        let healed = self.healed.of(machine, datacenter);
        (!self.is_struck(machine, datacenter)).then_some(healed.map_or(0, |healed| healed.at_ns))
    }

    /// Whether that machine, or all of its datacenter, was struck at that time or later.
    pub(in crate::check) fn was_struck_since(
        &self,
        machine: u16,
        datacenter: Option<u16>,
        since_ns: u64,
    ) -> bool {
        self.is_struck(machine, datacenter)
            || self.healed.of(machine, datacenter).is_some_and(|healed| healed.at_ns >= since_ns)
    }

    /// R1: for how long a machine was down or stood still between these times, the latter of which is now.
    pub(in crate::check) fn still_ns(&self, machine: u16, since_ns: u64, now_ns: u64) -> u64 {
        self.stills.lasted_ns(machine, since_ns, now_ns)
    }

    /// D3, D5, D6: since when a machine has been out. None if it is not, or if links or disks are in trouble too.
    pub(in crate::check) fn out(&self, machine: u16, datacenter: Option<u16>) -> Option<Out> {
        let mut strikes = self
            .at_work
            .values()
            .filter(|fault| fault.class == Class::Single && fault.strikes(machine, datacenter));
        let first = strikes.next()?;
        let out = strikes.fold(
            Out {
                since_ns: first.begun_ns,
                is_datacenter: first.is_of_datacenter(),
                is_cut_off: first.is_of_links(),
            },
            |out, fault| Out {
                since_ns: out.since_ns.min(fault.begun_ns),
                is_datacenter: out.is_datacenter || fault.is_of_datacenter(),
                is_cut_off: out.is_cut_off && fault.is_of_links(),
            },
        );
        let is_in_the_way = self.other_ended_ns.is_some_and(|ended_ns| ended_ns >= out.since_ns)
            || self.at_work.values().any(|fault| fault.class == Class::Other);
        (!is_in_the_way).then_some(out)
    }

    /// Whether that fault is at work and takes machines or datacenters out.
    pub(in crate::check) fn takes_out(&self, fault: u32) -> bool {
        self.at_work.get(&fault).is_some_and(|fault| fault.class == Class::Single)
    }

    /// A machine has found its disk damaged.
    pub(in crate::check) fn damage(&mut self, machine: u16) {
        self.damaged.insert(machine);
    }

    /// D8: whether a machine has found its disk damaged and stays down for it. Where replicas are built anew (`rebuild_ms`) it
    /// does not: it is missed like any other.
    pub(in crate::check) fn stays_down(&self, machine: u16, constants: &Constants) -> bool {
        constants.rebuild_ms.is_none() && self.damaged.contains(&machine)
    }

    /// When that machine last lost what its processes knew.
    pub(in crate::check) fn stopped(&self, machine: u16, datacenter: Option<u16>) -> Option<Mark> {
        self.stopped.of(machine, datacenter)
    }

    /// L4: when that machine last lost what its disk held.
    pub(in crate::check) fn lost_disk(&self, machine: u16, datacenter: Option<u16>) -> Option<Mark> {
        self.lost_disks.of(machine, datacenter)
    }

    /// D2, D7: what is gone at the end of the run and should not be missed by an object on `machine`: a minority of the
    /// datacenters, or one single thing. With how to call an alarm that misses it.
    pub(in crate::check) fn still_missing(
        &self,
        pace: &Pace,
        machine: Option<u16>,
    ) -> Option<(Id, &'static str)> {
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
            return Some((Id::D2, "(of an object outside the datacenters that are gone) "));
        }
        (count == 1).then_some((Id::D7, "(of an object elsewhere than the one thing that failed) "))
    }

    pub(in crate::check) fn any_of_disk(&self) -> bool {
        self.any_of_disk
    }
}
