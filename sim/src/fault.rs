//! Faults: they begin, they end, and everything is healed when the quiet phase begins. A fault that did nothing tests
//! nothing, so each is counted twice: when it is injected, and once more when it has an effect.
//!
//! Faults overlap. Each machine and each link knows which faults hold it, and is well again when none does.

mod links;
mod machines;
mod panics;
mod roles;

use reveille_model::history::{Scope, What};
use reveille_system::ids::MachineId;

pub(crate) use self::roles::Roles;
use crate::counts::Counts;
use crate::fates::{Fate, Fates};
use crate::host::Host;
use crate::plan::{FaultKind, OutageKind, Plan, Target};
use crate::trace::Kind;
use crate::world::{Event, World};

const NS_PER_MS: u64 = 1_000_000;

/// The faults that have begun so far; a fault's number is its position here.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    begun: Vec<Begun>,
    /// What of the plan was reached, with the fault that it became, if there was something to strike.
    reached: Vec<(Entry, Option<u32>)>,
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
    kind: &'static str,
    what: Broken,
    over: bool,
    effective: bool,
}

/// What to mend when the fault is over.
#[derive(Clone, Debug)]
enum Broken {
    /// These machines are down.
    Down(Vec<MachineId>),
    /// This machine stands still.
    Paused(MachineId),
    /// Links, in whatever way: the network knows.
    Network,
    /// The disk of this machine is slow.
    Disk(MachineId),
    /// The outside services.
    Outside,
    /// Nothing that could be mended.
    Nothing,
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
            counts.faults.entry(begun.kind).or_default().effective += 1;
        }
    }
}

impl World<'_> {
    /// Begins the fault at this position of the plan, or skips it if there is nothing to break.
    pub(crate) fn begin_fault(&mut self, position: usize) {
        let plan = self.plan;
        let kind = &plan.faults[position].kind;
        let begun = match kind {
            FaultKind::Crash { target, .. } => self.machine_stops(kind.name(), target, false),
            FaultKind::PowerLoss { target, .. } => self.machine_stops(kind.name(), target, true),
            FaultKind::Pause { target, .. } => self.machine_pauses(kind.name(), target),
            FaultKind::MachineCut { target, direction, .. } => {
                self.machine_is_cut(kind.name(), target, *direction)
            }
            FaultKind::DatacenterDown { datacenter, power, .. } => {
                Some(self.datacenter_stops(kind.name(), *datacenter, *power))
            }
            FaultKind::DatacenterCut { datacenter, .. } => {
                Some(self.datacenter_is_cut(kind.name(), *datacenter))
            }
            FaultKind::Partition { from, to, both_ways, .. } => {
                Some(self.partition(kind.name(), from, to, *both_ways))
            }
            FaultKind::SlowLinks { of, factor_percent, .. } => {
                self.links_slow_down(kind.name(), of, *factor_percent)
            }
            FaultKind::ClockStep { target, by_ms } => self.clock_steps(kind.name(), target, *by_ms),
            FaultKind::SlowDisk { target, extra_ms, .. } => {
                self.disk_slows_down(kind.name(), target, *extra_ms)
            }
            FaultKind::MessageLoss { ppm, .. } => Some(self.messages_are_lost(kind.name(), *ppm)),
        };
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
            self.messages_are_lost("background-loss", ppm);
        }
    }

    /// Begins the outage at this position of the plan.
    pub(crate) fn begin_outage(&mut self, position: usize) {
        let outage = self.plan.upstream.outages[position];
        let kind = match outage.kind {
            OutageKind::Slow { .. } => "upstream-slow",
            OutageKind::Refuse { .. } => "upstream-refuses",
            OutageKind::Fail => "upstream-fails",
        };
        let fault = self.fault_begins(kind, Scope::Service("upstream".into()), Broken::Outside);
        self.faults.reached.push((Entry::Outage(position), Some(fault)));
        self.outside.begin_outage(fault, outage.kind);
        self.queue.push(self.now_ns + outage.for_ms * NS_PER_MS, Event::FaultEnd { fault });
    }

    /// Ends a fault, unless it is over already.
    pub(crate) fn end_fault(&mut self, fault: u32) {
        let begun = &mut self.faults.begun[fault as usize];
        if std::mem::replace(&mut begun.over, true) {
            return;
        }
        let what = begun.what.clone();
        self.note(None, Kind::FaultEnd, u64::from(fault), 0);
        self.record.outside(self.now_ns, What::FaultEnd { fault });
        match what {
            Broken::Down(machines) => {
                machines.into_iter().for_each(|machine| self.machine_returns(fault, machine));
            }
            Broken::Paused(machine) => self.machine_goes_on(fault, machine),
            Broken::Network => {
                self.net.mend(fault);
                self.review_majorities();
            }
            Broken::Disk(machine) => self.hosts[usize::from(machine.0)].disk_recovers(fault),
            Broken::Outside => self.outside.end_outage(fault),
            Broken::Nothing => {}
        }
    }

    /// Ends all faults that still last. A machine that panics as it boots begins a new one.
    pub(crate) fn heal(&mut self) {
        let lasting = 0..u32::try_from(self.faults.begun.len()).expect("a plan has fewer than 2^32 faults");
        lasting.clone().for_each(|fault| self.end_fault(fault));
        let is_held =
            |host: &Host| host.downs.iter().chain(&host.pauses).any(|fault| lasting.contains(fault));
        assert!(!self.hosts.iter().any(is_held), "a fault that is over holds nothing");
    }

    /// The machine that a fault is aimed at, if there is one.
    fn struck(&self, target: &Target) -> Option<MachineId> {
        match target {
            Target::Machine(machine) => Some(MachineId(*machine)),
            Target::HolderOf(object) => Some(self.holder_of(object)),
            Target::LeaderOfDatacenter(datacenter) => self.roles.leader_of_datacenter(*datacenter),
            Target::LeaderOfGroup(group) => self.roles.leader_of_group(*group),
            Target::LeaderOfSystemGroup => self.roles.leader_of_group(self.plan.cluster.groups),
        }
    }

    fn fault_begins(&mut self, kind: &'static str, scope: Scope, what: Broken) -> u32 {
        let fault = u32::try_from(self.faults.begun.len()).expect("a plan has fewer than 2^32 faults");
        self.faults.begun.push(Begun { kind, what, over: false, effective: false });
        self.record.counts.faults.entry(kind).or_default().injected += 1;
        self.note(None, Kind::FaultBegin, u64::from(fault), 0);
        self.record.outside(self.now_ns, What::FaultBegin { fault, kind: kind.into(), scope, takes: None });
        fault
    }
}
