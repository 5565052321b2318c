//! What faults do to machines: they go down, stand still, and their disks stall.

use reveille_model::history::{Process, Scope, What};
use reveille_system::ids::MachineId;

use crate::host::Held;
use crate::kinds::Kind as Breaks;
use crate::plan::Target;
use crate::trace::Kind;
use crate::world::World;

impl World<'_> {
    /// A machine goes down, unless it is down already: then there is nothing to break.
    pub(crate) fn machine_stops(&mut self, kind: &dyn Breaks, target: &Target, power: bool) -> Option<u32> {
        let machine = self.struck_and_up(target)?;
        let fault = self.fault_begins(kind, Scope::Machine(machine.0));
        // That nobody leads any more, or that something ends half done, is an effect, whatever else was in its memory.
        if self.goes_down(fault, machine, power) || target.is_at_something() {
            self.took_effect(fault);
        }
        self.review_majorities();
        Some(fault)
    }

    /// A machine stands still.
    pub(crate) fn machine_pauses(&mut self, fault: u32, machine: MachineId) {
        let host = &mut self.hosts[usize::from(machine.0)];
        host.pauses.push(fault);
        if host.machine.is_some() && host.pauses.len() == 1 {
            self.record.machine(host.spot(self.now_ns), What::Process { state: Process::Paused });
        }
        self.note(Some(machine), Kind::Paused, u64::from(fault), 0);
        self.review_majorities();
    }

    /// The fault holds this machine no longer, in whatever way.
    pub(super) fn machine_is_let_go(&mut self, fault: u32, machine: MachineId) {
        let host = &mut self.hosts[usize::from(machine.0)];
        host.disk_recovers(fault);
        for (life, sync) in host.disk_goes_on(fault) {
            self.synced(machine, life, sync);
        }
        self.machine_goes_on(fault, machine);
        self.machine_returns(fault, machine);
    }

    /// The fault holds this machine down no longer: it boots if no other does.
    fn machine_returns(&mut self, fault: u32, machine: MachineId) {
        let host = &mut self.hosts[usize::from(machine.0)];
        let held = host.downs.len();
        host.downs.retain(|down| *down != fault);
        if host.downs.len() < held && host.downs.is_empty() {
            self.boot(machine);
        }
    }

    /// The fault holds this machine no longer: if no other does it goes on, first with what has come for it.
    fn machine_goes_on(&mut self, fault: u32, machine: MachineId) {
        let host = &mut self.hosts[usize::from(machine.0)];
        let held = host.pauses.len();
        host.pauses.retain(|pause| *pause != fault);
        if host.pauses.len() == held || !host.pauses.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut host.held);
        if host.machine.is_some() {
            self.record.machine(host.spot(self.now_ns), What::Process { state: Process::Up });
        }
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
    pub(crate) fn goes_down(&mut self, fault: u32, machine: MachineId, power: bool) -> bool {
        let index = usize::from(machine.0);
        self.hosts[index].downs.push(fault);
        let lost_instances = self.process_dies(machine);
        let mut effective = lost_instances > 0;
        if power {
            let loss = self.hosts[index].lose_power();
            effective |= loss.lost_bytes > 0 || loss.lost_truncations > 0;
            self.note(Some(machine), Kind::PowerLoss, u64::from(fault), loss.lost_bytes);
            self.look_at_disks_of(machine);
        } else {
            self.note(Some(machine), Kind::Crash, u64::from(fault), lost_instances);
        }
        effective
    }

    /// The machine's process dies, if it lives, and all that waited for it finds nobody. A pause is over with it: the next
    /// process is not paused. What it had in memory is lost, as far as the history knows of it: the process is not asked. Returns
    /// how many instances that was.
    pub(super) fn process_dies(&mut self, machine: MachineId) -> u64 {
        let Some(process) = self.hosts[usize::from(machine.0)].machine.take() else { return 0 };
        self.discard(machine, process);
        self.what_waited_is_lost(machine);
        let spot = self.hosts[usize::from(machine.0)].spot(self.now_ns);
        let lost_instances = self.record.all_lost(spot);
        self.record.machine(spot, What::Process { state: Process::Down });
        self.pauses_are_over(machine);
        lost_instances
    }

    /// A process that died is paused no longer.
    fn pauses_are_over(&mut self, machine: MachineId) {
        let pauses = std::mem::take(&mut self.hosts[usize::from(machine.0)].pauses);
        pauses.into_iter().for_each(|pause| self.end_fault(pause));
    }

    /// All that waited for a machine's process finds nobody.
    fn what_waited_is_lost(&mut self, machine: MachineId) {
        for held in std::mem::take(&mut self.hosts[usize::from(machine.0)].held) {
            self.nobody_gets(machine, &held);
        }
    }

    /// Of what waited for a process that is gone only messages are counted. W1: an answer of a service is lost.
    fn nobody_gets(&mut self, machine: MachineId, held: &Held) {
        if held.kind == Kind::OutsideAnswered {
            self.outside_lost(held.a);
        }
        if held.kind == Kind::Delivered {
            self.record.counts.messages_lost += 1;
            self.note(Some(machine), Kind::Undelivered, held.a, held.b);
        }
    }

    pub(crate) fn struck_and_up(&self, target: &Target) -> Option<MachineId> {
        self.struck(target).filter(|machine| self.is_up(*machine))
    }

    pub(crate) fn is_up(&self, machine: MachineId) -> bool {
        self.hosts[usize::from(machine.0)].machine.is_some()
    }
}
