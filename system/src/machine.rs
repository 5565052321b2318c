//! A machine: `handle(now, input) -> effects`.
//!
//! It is a replica of some groups ([`crate::replicas`]), the holder of some slices (the holder), and the way in for the
//! clients that are connected to it. The parts talk to each other through messages, as if each stood on a machine of
//! its own. What a machine sends to itself it handles within the same step, without the network.

use std::sync::Arc;

use crate::config::{Config, NS_PER_MS};
use crate::cx::Cx;
use crate::holder::Holder;
use crate::ids::MachineId;
use crate::io::{DiskImage, Effects, Input};
use crate::object::class::Classes;
use crate::outbox::Outbox;
use crate::registry::Change;
use crate::renewals::Renewals;
use crate::replicas::Replicas;
use crate::route::Route;
use crate::store::command::Command;
use crate::wire::{self, Message};
use crate::words::time::Now;

/// What a machine sends to itself may make it send to itself again: object code that reads what its own machine has may go on
/// for ever. After so many rounds in one step the rest takes the way through the network, and others have their turn.
const ROUNDS_MAX: usize = 8;

/// What a machine is given when it boots.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The cluster.
    pub config: Arc<Config>,
    /// Which machine of it this is.
    pub me: MachineId,
    /// Entropy: different for each boot of each machine.
    pub seed: u64,
    /// The classes of objects that it can run.
    pub classes: Classes,
}

/// A machine that is up.
pub struct Machine {
    config: Arc<Config>,
    me: MachineId,
    replicas: Replicas,
    holder: Holder,
    outbox: Outbox,
    /// Of sessions, while the leader of the system group is here.
    renewals: Renewals,
    next_tick_ns: u64,
}

impl Machine {
    /// Boots a machine from its disk, which was formatted before its first boot ([`crate::log::format`]). If what the disk once
    /// promised to hold is not there whole the machine does not run from it: it begins anew (D8).
    pub fn boot(setup: Setup, now: Now, disk: &dyn DiskImage, out: &mut Effects) -> Self {
        let Setup { config, me, seed, classes } = setup;
        let replicas = Replicas::boot(&config, me, seed, disk, out);
        let mut outbox = Outbox::default();
        let mut cx = Cx { now, config: &config, outbox: &mut outbox, out };
        let holder = Holder::new(me, seed, classes, &mut cx);
        let next_tick_ns = now.mono_ns + config.tick_ms * NS_PER_MS;
        let mut machine =
            Self { config, me, replicas, holder, outbox, renewals: Renewals::default(), next_tick_ns };
        machine.settle(now, out);
        machine
    }

    /// Reacts to one input. `out` is to be empty; what is to be done is added to it.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Effects) {
        match input {
            Input::Wake => {}
            Input::Message { from, bytes } => {
                // What cannot be decoded is not ours; the network may do what it likes.
                for message in wire::decode(&bytes).unwrap_or_default() {
                    self.arrived(now, from, message, out);
                }
            }
            Input::Synced { ticket } => self.replicas.synced(ticket, out),
            Input::Request(request) => {
                let mut cx = Cx { now, config: &self.config, outbox: &mut self.outbox, out };
                self.holder.accept(*request, &mut cx);
            }
            Input::Answer { call, result } => {
                let mut cx = Cx { now, config: &self.config, outbox: &mut self.outbox, out };
                self.holder.answered(call, result, &mut cx);
            }
        }
        if now.mono_ns >= self.next_tick_ns {
            self.next_tick_ns = now.mono_ns + self.config.tick_ms * NS_PER_MS;
            self.replicas.tick();
            self.renewals.tick(self.config.system_group(), &mut self.replicas);
            let mut cx = Cx { now, config: &self.config, outbox: &mut self.outbox, out };
            self.holder.tick(&mut cx);
        }
        self.settle(now, out);
    }

    /// A message has come over a link. What is to be passed on is passed on once: what came that way never is.
    fn arrived(&mut self, now: Now, from: MachineId, message: Message, out: &mut Effects) {
        match message {
            Message::Forward { to, cargo } => self.outbox.push(to, Message::Forwarded { from, cargo }),
            Message::Forwarded { from: origin, cargo } => {
                let passed_on = wire::decode(&cargo).unwrap_or_default().into_iter();
                let is_final = |message: &Message| {
                    !matches!(message, Message::Forward { .. } | Message::Forwarded { .. })
                };
                for message in passed_on.filter(is_final) {
                    self.message(now, Route::through(origin, from), message, out);
                }
            }
            message => self.message(now, Route::direct(from), message, out),
        }
    }

    fn message(&mut self, now: Now, from: Route, message: Message, out: &mut Effects) {
        let mut cx = Cx { now, config: &self.config, outbox: &mut self.outbox, out };
        match message {
            Message::Consensus { group, letter } => self.replicas.consensus(from.machine, group, letter),
            Message::Join { group, replica } => self.replicas.asks_to_join(from.machine, group, replica),
            // Whoever cannot propose it says so at once: the machine that asks has no time to lose.
            Message::Propose { group, ask, command: Command::Registry(Change::Renew { renewals, .. }) }
                if self.replicas.is_leader(group) =>
            {
                self.renewals.take(from, ask, renewals);
            }
            Message::Propose { group, ask, command } => self.replicas.propose(from, ask, group, command),
            Message::Inquire { group, ask, batch } => self.replicas.inquire(from, ask, group, batch),
            Message::Proposed { ask, result } => self.holder.proposed(from, ask, result, &mut cx),
            Message::Read { group, ask, at_least, query } => {
                self.replicas.read(from, ask, group, at_least, query)
            }
            Message::ReadDone { ask, answer } => self.holder.read_done(from, ask, answer, &mut cx),
            Message::Roster { index, roster } => self.holder.heard(index, roster, &mut cx),
            message @ (Message::Request { .. }
            | Message::RequestWithHead { .. }
            | Message::ResponseWithHeaders { .. }
            | Message::Await { .. }
            | Message::Taken { .. }
            | Message::NotHere { .. }
            | Message::Response { .. }
            | Message::Over { .. }) => self.holder.delivery(from, message, &mut cx),
            // It was taken out of its wrapping before.
            Message::Forward { .. } | Message::Forwarded { .. } => {}
        }
    }

    /// What every input ends with: alarms that are due, the disk, the network, the next wake.
    fn settle(&mut self, now: Now, out: &mut Effects) {
        let mut due_ns = self.holder.next_due_ns(now);
        for _ in 0..ROUNDS_MAX {
            if due_ns.is_some_and(|due_ns| due_ns <= now.mono_ns) {
                let mut cx = Cx { now, config: &self.config, outbox: &mut self.outbox, out };
                self.holder.fire(&mut cx);
                due_ns = self.holder.next_due_ns(now);
            }
            self.replicas.advance(&mut self.outbox, out);
            let to_itself = self.outbox.take(self.me);
            if to_itself.is_empty() {
                break;
            }
            for message in to_itself {
                self.arrived(now, self.me, message, out);
            }
            due_ns = self.holder.next_due_ns(now);
        }
        self.replicas.settle(&mut self.outbox, out);
        self.outbox.drain_into(out);
        out.wake_at_ns = Some(due_ns.map_or(self.next_tick_ns, |due_ns| due_ns.min(self.next_tick_ns)));
    }

    /// The replicas on the machine.
    pub fn replicas(&self) -> &Replicas {
        &self.replicas
    }
}
