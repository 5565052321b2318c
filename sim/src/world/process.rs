//! The processes of machines: whatever the world calls of a machine is called here, and a panic in it is caught here. A
//! machine that panics is one that crashes: its own fault, and no reason for the others to stop.
//!
//! What is only read of a machine at the end of the run ([`Machine::replicas`]) is not guarded: nothing goes on after it.

use reveille_model::history::What;
use reveille_system::ids::MachineId;
use reveille_system::io::Input;
use reveille_system::machine::{Machine, Setup};

use super::World;
use crate::host::Held;
use crate::record::answered;
use crate::run::MachinePanic;
use crate::run::panics::{Panic, caught};
use crate::trace::Kind;

impl World<'_> {
    /// Machine `id` boots.
    pub(crate) fn boot(&mut self, id: MachineId) {
        let host = &mut self.hosts[usize::from(id.0)];
        assert!(host.machine.is_none(), "a machine that runs does not boot");
        let (now, seed) = host.begin_life(self.now_ns);
        let life = u64::from(host.life);
        self.record.counts.boots += 1;
        self.note(Some(id), Kind::Boot, life, 0);
        let classes = self.classes.clone().expect("classes are there before the first event");
        let setup = Setup { config: self.config.clone(), me: id, seed, classes };
        let host = &mut self.hosts[usize::from(id.0)];
        match caught(|| Machine::boot(setup, now, &host.disk, &mut self.effects)) {
            Ok(machine) => {
                host.machine = Some(machine);
                self.record.boots(host.spot(self.now_ns));
                self.review_majorities();
                self.settle(id);
            }
            Err(panic) => self.dies_of(id, panic),
        }
    }

    /// An input reaches a machine: it gets it now, or when it goes on if it stands still. `kind`, `a` and `b` are the step
    /// that this is.
    pub(crate) fn reach(&mut self, id: MachineId, kind: Kind, a: u64, b: u64, input: Input) {
        let host = &mut self.hosts[usize::from(id.0)];
        if let Some(pause) = host.pauses.first() {
            let pause = *pause;
            host.held.push_back(Held { kind, a, b, input });
            self.faults.took_effect(pause, &mut self.record.counts);
            return;
        }
        self.note(Some(id), kind, a, b);
        self.tell_arrival(id, kind, a, &input);
        self.feed(id, input);
    }

    /// W1: what comes from outside reaches the process of a machine. `number` is that of the request or the call.
    fn tell_arrival(&mut self, id: MachineId, kind: Kind, number: u64, input: &Input) {
        let host = &self.hosts[usize::from(id.0)];
        if host.machine.is_none() {
            return;
        }
        let what = match (kind, input) {
            (Kind::Request, _) => What::RequestArrive { request: number },
            (Kind::OutsideAnswered, Input::Answer { result, .. }) => {
                let (status, headers, body) = answered(result.as_ref().ok());
                What::OutboundReturn { call: number, status, headers, body }
            }
            _ => return,
        };
        self.record.machine(host.spot(self.now_ns), what);
    }

    /// Gives a machine an input and does what it asks for. Nothing happens if the machine is down.
    fn feed(&mut self, id: MachineId, input: Input) {
        let host = &mut self.hosts[usize::from(id.0)];
        let Some(machine) = host.machine.as_mut() else { return };
        let now = host.clock.now(self.now_ns);
        let input = match &mut self.between {
            Some(between) => between.reaches(id, input, &mut self.effects),
            None => Some(input),
        };
        let Some(input) = input else { return self.settle(id) };
        match caught(|| machine.handle(now, input, &mut self.effects)) {
            Ok(()) => self.settle(id),
            Err(panic) => self.dies_of(id, panic),
        }
    }

    /// Drops a process with its objects. That runs code of theirs, which may panic as well: it is dead all the same.
    pub(crate) fn discard(&mut self, id: MachineId, process: Machine) {
        if let Err(panic) = caught(|| drop(process)) {
            self.panicked(id, panic);
        }
    }

    /// Drops all machines with their objects.
    pub(crate) fn stop_machines(&mut self) {
        for mut host in std::mem::take(&mut self.hosts) {
            if let Some(process) = host.machine.take() {
                self.discard(host.id, process);
            }
        }
    }

    /// A machine has panicked: that is told. Returns which of its panics this is, from 1.
    pub(crate) fn panicked(&mut self, id: MachineId, panic: Panic) -> u64 {
        let Panic { message, location } = panic;
        self.panics.push(MachinePanic { machine: id.0, at_ns: self.now_ns, message, location });
        let times = self.panics.iter().filter(|panic| panic.machine == id.0).count() as u64;
        self.note(Some(id), Kind::Panicked, times, 0);
        times
    }
}
