//! Faults of machines: they go down, stand still, their disks are slow, and their clocks step.

use reveille_model::history::Scope;
use reveille_system::ids::MachineId;

use super::{Broken, NS_PER_MS};
use crate::host::Held;
use crate::plan::Target;
use crate::trace::Kind;
use crate::world::World;

impl World<'_> {
    /// A machine goes down, unless it is down already: then there is nothing to break.
    pub(super) fn machine_stops(&mut self, kind: &'static str, target: &Target, power: bool) -> Option<u32> {
        let machine = self.struck_and_up(target)?;
        let fault = self.fault_begins(kind, Scope::Machine(machine.0), Broken::Down(vec![machine]));
        // That nobody leads any more is an effect, whatever else the machine had in its hands.
        let led = !matches!(target, Target::Machine(_) | Target::HolderOf(_));
        if self.goes_down(fault, machine, power) || led {
            self.faults.took_effect(fault, &mut self.record.counts);
        }
        self.review_majorities();
        Some(fault)
    }

    /// All machines of a datacenter go down. What is down already stays down until this is over, too.
    pub(super) fn datacenter_stops(&mut self, kind: &'static str, datacenter: u16, power: bool) -> u32 {
        let machines = self.machines_of(datacenter);
        let fault = self.fault_begins(kind, Scope::Datacenter(datacenter), Broken::Down(machines.clone()));
        let mut any_was_up = false;
        for machine in machines {
            any_was_up |= self.hosts[usize::from(machine.0)].machine.is_some();
            self.goes_down(fault, machine, power);
        }
        if any_was_up {
            self.faults.took_effect(fault, &mut self.record.counts);
        }
        self.review_majorities();
        fault
    }

    /// A machine stands still. The pause ends early if its process dies.
    pub(super) fn machine_pauses(&mut self, kind: &'static str, target: &Target) -> Option<u32> {
        let machine = self.struck_and_up(target)?;
        let fault = self.fault_begins(kind, Scope::Machine(machine.0), Broken::Paused(machine));
        self.hosts[usize::from(machine.0)].pauses.push(fault);
        self.note(Some(machine), Kind::Paused, u64::from(fault), 0);
        self.review_majorities();
        Some(fault)
    }

    /// A disk is slow, that of a machine that is down as well: it may be up again before this is over.
    pub(super) fn disk_slows_down(
        &mut self,
        kind: &'static str,
        target: &Target,
        extra_ms: u32,
    ) -> Option<u32> {
        let machine = self.struck(target)?;
        let fault = self.fault_begins(kind, Scope::Machine(machine.0), Broken::Disk(machine));
        self.hosts[usize::from(machine.0)].disk_slows_down(fault, u64::from(extra_ms) * NS_PER_MS);
        Some(fault)
    }

    /// A wall clock steps, that of a machine that is down as well. It stays where it is: the fault is over at once.
    pub(super) fn clock_steps(&mut self, kind: &'static str, target: &Target, by_ms: i32) -> Option<u32> {
        let machine = self.struck(target)?;
        let fault = self.fault_begins(kind, Scope::Machine(machine.0), Broken::Nothing);
        let host = &mut self.hosts[usize::from(machine.0)];
        host.clock.step(by_ms);
        if host.machine.is_some() && by_ms != 0 {
            self.faults.took_effect(fault, &mut self.record.counts);
        }
        Some(fault)
    }

    /// The fault holds this machine down no longer: it boots if no other does.
    pub(super) fn machine_returns(&mut self, fault: u32, machine: MachineId) {
        let host = &mut self.hosts[usize::from(machine.0)];
        host.downs.retain(|down| *down != fault);
        if host.downs.is_empty() {
            self.boot(machine);
        }
    }

    /// The fault holds this machine no longer: if no other does it goes on, first with what has come for it.
    pub(super) fn machine_goes_on(&mut self, fault: u32, machine: MachineId) {
        let host = &mut self.hosts[usize::from(machine.0)];
        let held = host.pauses.len();
        host.pauses.retain(|pause| *pause != fault);
        // A process that died was paused no longer, and the next one never was.
        if host.pauses.len() == held || !host.pauses.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut host.held);
        self.note(Some(machine), Kind::Resumed, waiting.len() as u64, 0);
        self.review_majorities();
        for held in waiting {
            if self.hosts[usize::from(machine.0)].machine.is_some() {
                self.reach(machine, held.kind, held.a, held.b, held.input);
            } else {
                // What came before it made the machine panic.
                self.nobody_gets(machine, &held);
            }
        }
    }

    /// Takes a machine down, or keeps it down. Returns whether an instance or unsynced bytes were lost by it.
    fn goes_down(&mut self, fault: u32, machine: MachineId, power: bool) -> bool {
        let index = usize::from(machine.0);
        self.hosts[index].downs.push(fault);
        let lost_instances = self.process_dies(machine);
        let mut effective = lost_instances > 0;
        if power {
            let loss = self.hosts[index].lose_power();
            effective |= loss.lost_bytes > 0 || loss.lost_truncations > 0;
            self.note(Some(machine), Kind::PowerLoss, u64::from(fault), loss.lost_bytes);
        } else {
            self.note(Some(machine), Kind::Crash, u64::from(fault), lost_instances);
        }
        effective
    }

    /// The machine's process dies, if it lives, and all that waited for it finds nobody. Returns how many instances it
    /// had in memory.
    fn process_dies(&mut self, machine: MachineId) -> u64 {
        let Some(process) = self.hosts[usize::from(machine.0)].machine.take() else { return 0 };
        let instances = self.stop(machine, process);
        self.what_waited_is_lost(machine);
        let spot = self.hosts[usize::from(machine.0)].spot(self.now_ns);
        let Some(instances) = instances else { return self.record.all_lost(spot) };
        let lost_instances = instances.len() as u64;
        for instance in instances {
            self.record.lost(spot, instance);
        }
        lost_instances
    }

    /// The same for a process that was left in the middle of something: what it had in memory only the history knows.
    pub(super) fn broken_process_dies(&mut self, machine: MachineId) -> u64 {
        if let Some(process) = self.hosts[usize::from(machine.0)].machine.take() {
            self.discard(machine, process);
        }
        self.what_waited_is_lost(machine);
        self.record.all_lost(self.hosts[usize::from(machine.0)].spot(self.now_ns))
    }

    /// All that waited for a machine's process finds nobody.
    fn what_waited_is_lost(&mut self, machine: MachineId) {
        let host = &mut self.hosts[usize::from(machine.0)];
        host.pauses.clear();
        for held in std::mem::take(&mut host.held) {
            self.nobody_gets(machine, &held);
        }
    }

    /// Of what waited for a process that is gone only messages are counted.
    fn nobody_gets(&mut self, machine: MachineId, held: &Held) {
        if held.kind == Kind::Delivered {
            self.record.counts.messages_lost += 1;
            self.note(Some(machine), Kind::Undelivered, held.a, held.b);
        }
    }

    fn struck_and_up(&self, target: &Target) -> Option<MachineId> {
        self.struck(target).filter(|machine| self.hosts[usize::from(machine.0)].machine.is_some())
    }
}
