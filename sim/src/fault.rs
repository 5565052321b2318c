//! Faults: they begin, they end, and everything is healed when the quiet phase begins. A fault that did nothing tests
//! nothing, so each is counted twice: when it is injected, and once more when it has an effect.

use reveille_model::history::{Scope, What};
use reveille_system::ids::MachineId;

use crate::counts::Counts;
use crate::plan::{FaultKind, OutageKind, Target};
use crate::trace::Kind;
use crate::world::{Event, World};

const NS_PER_MS: u64 = 1_000_000;

/// The faults that have begun so far; a fault's number is its position here.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    begun: Vec<Begun>,
}

#[derive(Debug)]
struct Begun {
    kind: &'static str,
    what: Broken,
    over: bool,
    effective: bool,
}

/// What to mend when the fault is over.
#[derive(Clone, Copy, Debug)]
enum Broken {
    Machine(MachineId),
    Loss,
    Outage,
}

impl Faults {
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
    /// Begins the fault at this position of the plan.
    pub(crate) fn begin_fault(&mut self, position: usize) {
        match &self.plan.faults[position].kind {
            FaultKind::Crash { target, down_ms } => self.stop_machine(position, target, *down_ms, false),
            FaultKind::PowerLoss { target, down_ms } => self.stop_machine(position, target, *down_ms, true),
            FaultKind::MessageLoss { ppm, for_ms } => {
                let fault = self.fault_begins("message-loss", Scope::Network, Broken::Loss);
                self.net.begin_loss(fault, *ppm);
                self.queue.push(self.now_ns + for_ms * NS_PER_MS, Event::FaultEnd { fault });
            }
        }
    }

    /// Begins the loss of messages that lasts throughout the fault phase.
    pub(crate) fn begin_background_loss(&mut self) {
        let ppm = self.plan.network.loss_ppm;
        if ppm > 0 {
            let fault = self.fault_begins("background-loss", Scope::Network, Broken::Loss);
            self.net.begin_loss(fault, ppm);
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
        let fault = self.fault_begins(kind, Scope::Service("upstream".into()), Broken::Outage);
        self.outside.begin_outage(fault, outage.kind);
        self.queue.push(self.now_ns + outage.for_ms * NS_PER_MS, Event::FaultEnd { fault });
    }

    /// Ends a fault, unless it is over already.
    pub(crate) fn end_fault(&mut self, fault: u32) {
        let begun = &mut self.faults.begun[fault as usize];
        if std::mem::replace(&mut begun.over, true) {
            return;
        }
        let what = begun.what;
        self.note(None, Kind::FaultEnd, u64::from(fault), 0);
        self.record.outside(self.now_ns, What::FaultEnd { fault });
        match what {
            Broken::Machine(machine) => self.boot(machine),
            Broken::Loss => self.net.end_loss(fault),
            Broken::Outage => self.outside.end_outage(fault),
        }
    }

    /// Ends all faults that still last.
    pub(crate) fn heal(&mut self) {
        for fault in (0..).take(self.faults.begun.len()) {
            self.end_fault(fault);
        }
    }

    fn stop_machine(&mut self, position: usize, target: &Target, down_ms: u64, power: bool) {
        let machine = match target {
            Target::Machine(machine) => MachineId(*machine),
            Target::HolderOf(object) => self.holder_of(object),
        };
        let index = usize::from(machine.0);
        let Some(victim) = self.hosts[index].machine.take() else {
            self.note(Some(machine), Kind::FaultSkipped, position as u64, 0);
            return;
        };
        let kind = if power { "power-loss" } else { "crash" };
        let fault = self.fault_begins(kind, Scope::Machine(machine.0), Broken::Machine(machine));
        let spot = self.hosts[index].spot(self.now_ns);
        let instances = victim.live_instances();
        drop(victim);
        self.review_majorities();
        let lost_instances = instances.len() as u64;
        for instance in instances {
            self.record.lost(spot, instance);
        }
        let mut effective = lost_instances > 0;
        if power {
            let loss = self.hosts[index].lose_power();
            effective |= loss.lost_bytes > 0 || loss.lost_truncations > 0;
            self.note(Some(machine), Kind::PowerLoss, u64::from(fault), loss.lost_bytes);
        } else {
            self.note(Some(machine), Kind::Crash, u64::from(fault), lost_instances);
        }
        if effective {
            self.faults.took_effect(fault, &mut self.record.counts);
        }
        self.queue.push(self.now_ns + down_ms * NS_PER_MS, Event::FaultEnd { fault });
    }

    fn fault_begins(&mut self, kind: &'static str, scope: Scope, what: Broken) -> u32 {
        let fault = u32::try_from(self.faults.begun.len()).expect("a plan has fewer than 2^32 faults");
        self.faults.begun.push(Begun { kind, what, over: false, effective: false });
        self.record.counts.faults.entry(kind).or_default().injected += 1;
        self.note(None, Kind::FaultBegin, u64::from(fault), 0);
        self.record.outside(self.now_ns, What::FaultBegin { fault, kind: kind.into(), scope });
        fault
    }
}
