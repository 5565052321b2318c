//! A machine that panics is struck by a fault of its own making: it begins like a crash, so that the bounds of time know
//! of it, and ends when something like the supervisor of a real process has started the machine again.

use reveille_model::history::Scope;
use reveille_system::ids::MachineId;

use super::NS_PER_MS;
use crate::kinds::PANIC;
use crate::run::panics::Panic;
use crate::trace::Kind;
use crate::world::{Event, World};

/// A process that has died of a panic is started again after this: supervisors wait between 100 ms and some seconds, and
/// a second of virtual time keeps a panic at each boot from being a loop without time.
const RESTART_AFTER_MS: u64 = 1_000;

/// So often in a run a machine is started again after a panic. What panics once more has a disk or a message in front of it
/// that it will not get over: it stays down until all faults are healed, or else to the end.
const RESTARTS_MAX: u64 = 3;

impl World<'_> {
    /// The process of a machine dies of a panic. What it asked for in that step is gone with it: nothing of it was done yet.
    pub(crate) fn dies_of(&mut self, id: MachineId, panic: Panic) {
        self.effects.clear();
        let fault = self.begins(PANIC.name, PANIC.takes, Scope::Machine(id.0));
        self.took_effect(fault);
        let times = self.panicked(id, panic);
        self.hosts[usize::from(id.0)].downs.push(fault);
        let lost_instances = self.process_dies(id);
        self.note(Some(id), Kind::Crash, u64::from(fault), lost_instances);
        self.review_majorities();
        if times <= RESTARTS_MAX {
            self.queue.push(self.now_ns + RESTART_AFTER_MS * NS_PER_MS, Event::FaultEnd { fault });
        }
    }
}
