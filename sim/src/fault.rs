//! Faults in a run: they begin, they end, and everything is healed when the quiet phase begins. A fault that did nothing
//! tests nothing, so each is counted twice: when it is injected, and once more when it has an effect. What a kind does
//! stands in [`crate::kinds`]; here and in the parts of the world is what it does it with.
//!
//! Faults overlap. Each machine and each link knows which faults hold it, and is well again when none does. So a fault
//! ends by letting go of whatever it holds, and one that holds nothing any more is over before its time.

mod machines;
mod moments;
mod panics;
mod roles;

use reveille_model::history::{Scope, Takes, What};
use reveille_system::ids::MachineId;

use self::moments::Armed;
pub(crate) use self::roles::Roles;
use crate::counts::Counts;
use crate::fates::{Fate, Fates};
use crate::host::Host;
use crate::kinds::{self, BACKGROUND};
use crate::plan::{Flap, Plan, Target};
use crate::trace::Kind;
use crate::world::{Event, World};

const NS_PER_MS: u64 = 1_000_000;

/// The faults that have begun so far; a fault's number is its position here.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    begun: Vec<Begun>,
    /// What of the plan was reached, with the fault that it became, if there was something to strike.
    reached: Vec<(Entry, Option<u32>)>,
    /// Those of the plan that wait for a moment.
    armed: Vec<Armed>,
    /// The machine at which the moment of a fault has come, while it begins.
    at_moment: Option<MachineId>,
}

/// Where the plan says something that breaks.
#[derive(Clone, Copy, Debug)]
enum Entry {
    /// Among its faults, at this position.
    Fault(usize),
    /// Among its outages, at this position.
    Outage(usize),
}

#[derive(Debug)]
struct Begun {
    name: &'static str,
    over: bool,
    effective: bool,
}

impl Faults {
    /// What has become of the faults and outages of the plan.
    pub(crate) fn fates(&self, plan: &Plan) -> Fates {
        let mut fates = Fates::of_none(plan.faults.len(), plan.upstream.outages.len());
        for (entry, fault) in &self.reached {
            let fate = match fault {
                None => Fate::Skipped,
                Some(fault) if self.begun[*fault as usize].effective => Fate::Effective,
                Some(_) => Fate::NoEffect,
            };
            match entry {
                Entry::Fault(position) => fates.faults[*position] = fate,
                Entry::Outage(position) => fates.outages[*position] = fate,
            }
        }
        fates
    }

    /// The fault has an effect.
    pub(crate) fn took_effect(&mut self, fault: u32, counts: &mut Counts) {
        let begun = &mut self.begun[fault as usize];
        if !begun.effective {
            begun.effective = true;
            counts.faults.entry(begun.name).or_default().effective += 1;
        }
    }
}

impl World<'_> {
    /// The time of the fault at this position of the plan has come: it begins, unless it waits for a moment.
    pub(crate) fn begin_fault(&mut self, position: usize) {
        match self.plan.faults[position].kind.kind().target() {
            Some(Target::Next(moment)) => self.faults.armed.push(Armed::new(position, *moment)),
            _ => self.strike(position),
        }
    }

    /// Begins the fault at this position of the plan, or skips it if there is nothing to break.
    fn strike(&mut self, position: usize) {
        let kind = self.plan.faults[position].kind.kind();
        let begun = kind.begin(self);
        self.faults.reached.push((Entry::Fault(position), begun));
        match begun {
            Some(fault) => {
                let end_ns = self.now_ns + kind.lasts_ms() * NS_PER_MS;
                self.queue.push(end_ns, Event::FaultEnd { fault });
            }
            None => self.note(None, Kind::FaultSkipped, position as u64, 0),
        }
    }

    /// Begins the loss of messages that lasts throughout the fault phase.
    pub(crate) fn begin_background_loss(&mut self) {
        let ppm = self.plan.network.loss_ppm;
        if ppm > 0 {
            let fault = self.begins(BACKGROUND.name, BACKGROUND.takes, Scope::Network);
            self.net.lose(fault, ppm);
        }
    }

    /// Begins the outage at this position of the plan.
    pub(crate) fn begin_outage(&mut self, position: usize) {
        let outage = self.plan.upstream.outages[position];
        let row = outage.kind.kind().row();
        let fault = self.begins(row.name, row.takes, Scope::Service("upstream".into()));
        self.faults.reached.push((Entry::Outage(position), Some(fault)));
        self.outside.begin_outage(fault, outage.kind);
        self.queue.push(self.now_ns + outage.for_ms * NS_PER_MS, Event::FaultEnd { fault });
    }

    /// Ends a fault, unless it is over already: whatever it holds is held by it no longer.
    pub(crate) fn end_fault(&mut self, fault: u32) {
        let begun = &mut self.faults.begun[fault as usize];
        if std::mem::replace(&mut begun.over, true) {
            return;
        }
        self.note(None, Kind::FaultEnd, u64::from(fault), 0);
        self.record.outside(self.now_ns, What::FaultEnd { fault });
        if self.net.mend(fault) {
            self.review_majorities();
        }
        for machine in self.machines(|_| true) {
            self.machine_is_let_go(fault, machine);
        }
        self.outside.end_outage(fault);
        self.connections.mend(fault);
    }

    /// Ends all faults that still last, and gives up those that wait for their moment. A machine that panics as it boots begins a new one.
    pub(crate) fn heal(&mut self) {
        self.disarm();
        let lasting = 0..u32::try_from(self.faults.begun.len()).expect("a plan has fewer than 2^32 faults");
        lasting.clone().for_each(|fault| self.end_fault(fault));
        let is_held = |host: &Host| host.held_by().any(|fault| lasting.contains(&fault));
        assert!(!self.hosts.iter().any(is_held), "a fault that is over holds nothing");
    }

    /// The machine that a fault is aimed at, if there is one.
    pub(crate) fn struck(&self, target: &Target) -> Option<MachineId> {
        match target {
            Target::Machine(machine) => Some(MachineId(*machine)),
            Target::HolderOf(object) => Some(self.holder_of(object)),
            Target::LeaderOfDatacenter(datacenter) => self.roles.leader_of_datacenter(*datacenter),
            Target::LeaderOfGroup(group) => self.roles.leader_of_group(*group),
            Target::LeaderOfSystemGroup => self.roles.leader_of_group(self.plan.cluster.groups),
            Target::Next(_) => self.faults.at_moment,
        }
    }

    /// A fault of this kind has found something to strike, and begins. Returns its number.
    pub(crate) fn fault_begins(&mut self, kind: &dyn kinds::Kind, scope: Scope) -> u32 {
        self.begins(kind.name(), kind.takes(), scope)
    }

    fn begins(&mut self, name: &'static str, takes: &[Takes], scope: Scope) -> u32 {
        let fault = u32::try_from(self.faults.begun.len()).expect("a plan has fewer than 2^32 faults");
        self.faults.begun.push(Begun { name, over: false, effective: false });
        self.record.counts.faults.entry(name).or_default().injected += 1;
        self.note(None, Kind::FaultBegin, u64::from(fault), 0);
        let takes = Some(takes.iter().copied().collect());
        self.record.outside(self.now_ns, What::FaultBegin { fault, kind: name.into(), scope, takes });
        fault
    }

    /// The fault has an effect.
    pub(crate) fn took_effect(&mut self, fault: u32) {
        self.faults.took_effect(fault, &mut self.record.counts);
    }

    /// A message was lost to this fault. A cut that keeps something from a machine that is down changes nothing.
    pub(crate) fn message_lost_to(&mut self, fault: u32, receiver: MachineId) {
        self.record.counts.messages_lost += 1;
        if self.is_up(receiver) {
            self.took_effect(fault);
        }
    }

    /// Cuts the links from each of these machines to each of those, all the time or by turns.
    pub(crate) fn cut(&mut self, fault: u32, from: &[MachineId], to: &[MachineId], flap: Option<Flap>) {
        let flapping = flap.map(|flap| flap.from(self.now_ns));
        for from in from {
            to.iter().for_each(|to| self.net.cut(fault, *from, *to, flapping));
        }
    }

    pub(crate) fn machines(&self, wanted: impl Fn(MachineId) -> bool) -> Vec<MachineId> {
        self.hosts.iter().map(|host| host.id).filter(|machine| wanted(*machine)).collect()
    }

    pub(crate) fn machines_of(&self, datacenter: u16) -> Vec<MachineId> {
        self.machines(|machine| self.config.datacenter_of(machine).0 == datacenter)
    }
}
