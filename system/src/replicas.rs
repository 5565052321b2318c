//! All replicas of one machine over its one log: what the machine drives. It takes what comes in for any group, and in
//! [`Replicas::settle`] does for all touched groups at once what follows from it. It does not know what holders are.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Bounds, Config};
use crate::consensus::{Letter, Members, Persist};
use crate::ids::{Batch, DiskId, GroupId, MachineId, ReplicaId};
use crate::io::{DiskImage, Effects};
use crate::log::Log;
use crate::observe::Observation;
use crate::outbox::Outbox;
use crate::route::Route;
use crate::store::Store;
use crate::store::command::{Command, Query};
use crate::wire::{Ask, Message, Proposed};

mod fitness;
mod placement;
mod replica;

use fitness::Fitness;
use replica::Replica;

/// The replicas on a machine. What its methods find to send is sent with the next [`Replicas::settle`].
pub struct Replicas {
    log: Log,
    fitness: Fitness,
    bounds: Bounds,
    replicas: BTreeMap<GroupId, Replica>,
    /// Groups in which something has happened since the last settling.
    touched: BTreeSet<GroupId>,
    /// Answers to those who asked for a group that has no replica here.
    strays: Vec<(Route, Message)>,
}

impl Replicas {
    /// Recovers the replicas of `me` from its disk. The first [`Replicas::settle`] applies what is known to be committed.
    ///
    /// D8: if the log cannot be proven whole no replica on that disk may vote, answer or serve any more. The disk is formatted
    /// anew, and the machine's replicas are other ones, which know nothing and ask their groups to take them in. `seed` is
    /// entropy, different for each boot of each machine.
    pub fn boot(config: &Config, me: MachineId, seed: u64, disk: &dyn DiskImage, out: &mut Effects) -> Self {
        let (log, records) = Log::recover(disk, out).unwrap_or_else(|damage| {
            out.observed.push(Observation::DiskDamaged { why: damage.to_string().into() });
            (Log::anew(disk, DiskId::drawn(seed), out), Vec::new())
        });
        let replica = ReplicaId::new(me, log.disk());
        let mut recovered: BTreeMap<GroupId, Vec<Persist>> = BTreeMap::new();
        for record in records {
            recovered.entry(record.group).or_default().push(record.persist);
        }
        let mut replicas = BTreeMap::new();
        for group in config.all_groups() {
            if config.replicas_of(group).any(|machine| machine == me) {
                let recovered = recovered.remove(&group).unwrap_or_default();
                replicas.insert(group, Replica::new(config, group, replica, recovered, log.end()));
            }
        }
        assert!(recovered.is_empty(), "a machine logs only for groups that it has a replica of");
        let touched = replicas.keys().copied().collect();
        let fitness = Fitness::new(config.tick_ms);
        Self { log, fitness, bounds: config.bounds, replicas, touched, strays: Vec::new() }
    }

    /// One tick of every replica. Wanted once each [`Config::tick_ms`].
    pub fn tick(&mut self) {
        self.fitness.tick(self.log.sync_under_way());
        for (group, replica) in &mut self.replicas {
            if replica.tick(self.fitness.is_fit()) {
                self.touched.insert(*group);
            }
        }
    }

    /// A message from another replica of a group. What cannot be one is ignored, as if it were lost.
    pub fn consensus(&mut self, from: MachineId, group: GroupId, letter: Letter) {
        if let Some(replica) = self.replicas.get_mut(&group) {
            replica.step(from, letter);
            self.touched.insert(group);
        }
    }

    /// A replica asks to be taken into its group (D8).
    pub fn asks_to_join(&mut self, from: MachineId, group: GroupId, asks: ReplicaId) {
        if let Some(replica) = self.replicas.get_mut(&group).filter(|_| asks.machine() == from) {
            replica.asks_to_join(asks);
        }
    }

    /// Proposes a command. `from` gets a [`Message::Proposed`] when it was applied here, or at once if this replica is
    /// not the leader or knows the command already, or none if a change of leader comes between: then it has to ask again.
    pub fn propose(&mut self, from: Route, ask: Ask, group: GroupId, command: Command) {
        self.propose_for(vec![(from, ask)], group, command);
    }

    /// Proposes a command for all who have asked for it, or for a part of it. Each gets its [`Message::Proposed`].
    pub fn propose_for(&mut self, asked: Vec<(Route, Ask)>, group: GroupId, command: Command) {
        match self.replicas.get_mut(&group) {
            Some(replica) => {
                replica.propose(asked, &command);
                self.touched.insert(group);
            }
            None => asked.into_iter().for_each(|(from, ask)| self.is_stray(from, ask)),
        }
    }

    /// Answers what has become of a batch that was proposed before, as [`Replicas::propose`] does.
    pub fn inquire(&mut self, from: Route, ask: Ask, group: GroupId, batch: Batch) {
        match self.replicas.get_mut(&group) {
            Some(replica) => {
                replica.inquire(from, ask, batch);
                self.touched.insert(group);
            }
            None => self.is_stray(from, ask),
        }
    }

    fn is_stray(&mut self, from: Route, ask: Ask) {
        let result = Proposed::NotLeader { leader: None };
        self.strays.push((from, Message::Proposed { ask, result }));
    }

    /// Answers a question once the group's log is applied here up to `at_least`. A question may be dropped: then it has
    /// to be asked again.
    pub fn read(&mut self, from: Route, ask: Ask, group: GroupId, at_least: u64, query: Query) {
        if let Some(replica) = self.replicas.get_mut(&group) {
            replica.read(from, ask, at_least, query);
            self.touched.insert(group);
        }
    }

    /// The disk has done the sync with this ticket.
    pub fn synced(&mut self, ticket: u64, out: &mut Effects) {
        if !self.log.synced(ticket, out) {
            return;
        }
        let durable = self.log.durable();
        for (group, replica) in &mut self.replicas {
            if replica.release(durable) {
                self.touched.insert(*group);
            }
        }
    }

    /// Does what follows from everything since the last settling: persists, sends, applies, observes. Wanted once at
    /// the end of each `handle`.
    pub fn settle(&mut self, post: &mut Outbox, out: &mut Effects) {
        self.advance(post, out);
        if self.log.is_due(self.bounds.log_bytes_max) {
            let base: Vec<_> = self.replicas.values().map(Replica::base).collect();
            self.log.compact(&base, out);
        }
        self.log.flush(out);
    }

    /// A part of [`Replicas::settle`], which has to follow: all but the disk.
    pub fn advance(&mut self, post: &mut Outbox, out: &mut Effects) {
        for (to, message) in std::mem::take(&mut self.strays) {
            post.push_by(to, message);
        }
        while let Some(group) = self.touched.pop_first() {
            let replica = self.replicas.get_mut(&group).expect("only replicas of this machine are touched");
            replica.settle(&mut self.log, post, out);
        }
    }

    /// The state of a group's replica here, and the index in the group's log up to which it is applied.
    pub fn store(&self, group: GroupId) -> Option<(&Store, u64)> {
        self.replicas.get(&group).map(Replica::store)
    }

    /// Who is in a group, as far as its replica here knows.
    pub fn members(&self, group: GroupId) -> Option<Members> {
        Some(self.replicas.get(&group)?.members())
    }

    /// The leader of a group, as far as its replica here knows.
    pub fn leader_of(&self, group: GroupId) -> Option<MachineId> {
        self.replicas.get(&group)?.leader()
    }

    /// Whether the replica of the group here believes to be the leader.
    pub fn is_leader(&self, group: GroupId) -> bool {
        self.replicas.get(&group).is_some_and(Replica::is_leader)
    }
}
