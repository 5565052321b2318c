//! Three machines with replicas and nothing else, in a small world of their own: a network that loses, doubles and
//! reorders, disks that honour no more than a sync, and faults drawn from a seed. Two clients compete for every slice.

use std::collections::BTreeMap;

use bytes::Bytes;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reveille_system::config::{Bounds, Config};
use reveille_system::ids::{DiskId, GroupId, MachineId};
use reveille_system::io::{DiskOp, Effects, FileId};
use reveille_system::observe::{AppliedTurn, Observation};
use reveille_system::outbox::Outbox;
use reveille_system::replicas::Replicas;
use reveille_system::route::Route;
use reveille_system::store::Store;
use reveille_system::wire::{self, Message};

mod client;
mod troubles;

use crate::disk::Disk;
use client::Client;
pub(crate) use troubles::Troubles;

const CLIENTS: u16 = 2;
const CLIENT_TICK_MS: u64 = 100;
/// The states of a group's replicas are compared whenever two of them stand at a multiple of this index.
const COMPARED_EVERY: u64 = 8;

/// What the world does to its machines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    pub(crate) loss: f64,
    /// A machine goes down about so often, in milliseconds.
    pub(crate) down_every_ms: Option<u64>,
}

enum Event {
    Datagram { from: MachineId, to: MachineId, bytes: Bytes },
    Synced { machine: MachineId, boot: u64 },
    Tick { machine: MachineId, boot: u64 },
    ClientTick { client: u16 },
    GoesDown,
    ComesUp { machine: MachineId },
}

struct Machine {
    disk: Disk,
    /// None while it is down.
    replicas: Option<Replicas>,
    /// The index at which the state of a group was looked at last.
    compared: BTreeMap<GroupId, u64>,
    boots: u64,
}

/// The world.
pub(crate) struct World {
    pub(crate) config: Config,
    random: ChaCha8Rng,
    faults: Faults,
    pub(crate) troubles: Troubles,
    now_ms: u64,
    agenda: BTreeMap<(u64, u64), Event>,
    events: u64,
    machines: Vec<Machine>,
    clients: Vec<Client>,
    /// The state of a group at each index, as the first replica to get there had it.
    states: BTreeMap<(GroupId, u64), Store>,
    applied: BTreeMap<(GroupId, u64), Vec<AppliedTurn>>,
    leaders: BTreeMap<(GroupId, u64), MachineId>,
    pub(crate) disk_writes: u64,
    /// New generations of odd number that a log has begun.
    pub(crate) generations: u64,
    /// How often a replica took over the state of another one.
    pub(crate) snapshots: u64,
    digest: crc32fast::Hasher,
}

impl World {
    pub(crate) fn new(seed: u64, config: Config, faults: Faults) -> Self {
        let machines =
            || Machine { disk: Disk::formatted(), replicas: None, compared: BTreeMap::new(), boots: 0 };
        let mut world = Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            faults,
            troubles: Troubles::default(),
            now_ms: 0,
            agenda: BTreeMap::new(),
            events: 0,
            machines: std::iter::repeat_with(machines).take(usize::from(config.machines())).collect(),
            clients: (0..CLIENTS).map(|number| Client::new(&config, number)).collect(),
            states: BTreeMap::new(),
            applied: BTreeMap::new(),
            leaders: BTreeMap::new(),
            disk_writes: 0,
            generations: 0,
            snapshots: 0,
            digest: crc32fast::Hasher::new(),
            config,
        };
        for machine in 0..world.config.machines() {
            world.plan(0, Event::ComesUp { machine: MachineId(machine) });
        }
        for client in 0..CLIENTS {
            world.plan(CLIENT_TICK_MS, Event::ClientTick { client });
        }
        if let Some(mean) = faults.down_every_ms {
            world.plan(mean, Event::GoesDown);
        }
        world
    }

    /// The same world, in which machines keep so much of the past.
    pub(crate) fn within(self, bounds: Bounds) -> Self {
        Self { config: Config { bounds, ..self.config }, ..self }
    }

    pub(crate) fn run_for(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        while let Some(entry) = self.agenda.first_entry() {
            let at = entry.key().0;
            if at > end {
                break;
            }
            let event = entry.remove();
            self.now_ms = at;
            self.happens(event);
        }
        self.now_ms = end;
    }

    /// No more faults; what is down comes up by itself.
    pub(crate) fn heal(&mut self) {
        self.faults = Faults { loss: 0.0, down_every_ms: None };
        self.troubles = Troubles::default();
    }

    /// Stops the clients, so that the replicas can become equal.
    pub(crate) fn silence_clients(&mut self) {
        self.agenda.retain(|_, event| !matches!(event, Event::ClientTick { .. }));
    }

    /// The machine loses power, and all that was not durable. It stays down until [`World::plug_in`].
    pub(crate) fn pull_plug(&mut self, machine: MachineId) {
        let it = &mut self.machines[usize::from(machine.0)];
        it.replicas.take().expect("it is up");
        it.boots += 1;
        it.disk.lose_power(|| false);
    }

    /// The machine loses power, and its disk is this one from now on.
    pub(crate) fn replace_disk(&mut self, machine: MachineId, disk: Disk) {
        self.pull_plug(machine);
        self.machines[usize::from(machine.0)].disk = disk;
    }

    /// The machines on which a group's voters are, as the replica on this machine knows, and whether they are on the first
    /// disks of these machines.
    pub(crate) fn voters(&self, group: GroupId, on: MachineId) -> Vec<(MachineId, bool)> {
        let replicas = self.machine(on).replicas.as_ref().expect("it is up");
        let members = replicas.members(group).expect("it has a replica");
        assert!(members.outgoing.is_empty(), "no change is under way");
        let voters = members.voters.iter();
        let mut voters: Vec<_> =
            voters.map(|voter| (voter.machine(), voter.disk() == DiskId::FOUNDING)).collect();
        voters.sort_unstable();
        voters
    }

    pub(crate) fn plug_in(&mut self, machine: MachineId) {
        self.comes_up(machine);
    }

    pub(crate) fn disk(&self, machine: MachineId) -> &Disk {
        &self.machine(machine).disk
    }

    pub(crate) fn digest(&self) -> u32 {
        self.digest.clone().finalize()
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.clients.iter().map(|client| client.acknowledged.len()).sum()
    }

    /// Batches acknowledged in one group.
    pub(crate) fn acknowledged_in(&self, group: GroupId) -> usize {
        let all = self.clients.iter().flat_map(|client| &client.acknowledged);
        all.filter(|(of, ..)| *of == group).count()
    }

    /// From now on the clients claim slices in the name of this machine.
    pub(crate) fn claim_for(&mut self, machine: MachineId) {
        self.clients.iter_mut().for_each(|client| client.claims_for = Some(machine));
    }

    /// The machine that was elected last in a group.
    pub(crate) fn leader_of(&self, group: GroupId) -> MachineId {
        let mut of = self.leaders.range((group, 0)..=(group, u64::MAX));
        *of.next_back().expect("a leader was elected").1
    }

    pub(crate) fn reads_answered(&self) -> usize {
        self.clients.iter().map(|client| client.reads_answered).sum()
    }

    pub(crate) fn elections(&self) -> usize {
        self.leaders.len()
    }

    /// A machine that leads no group.
    pub(crate) fn follower_of_all(&self) -> MachineId {
        let leads = |machine| self.leaders.values().any(|leader| *leader == machine);
        let mut machines = (0..self.config.machines()).map(MachineId);
        machines.find(|machine| !leads(*machine)).expect("there are more machines than groups")
    }

    /// Everything acknowledged is on all replicas of its group, and they are equal.
    pub(crate) fn check_replicas_are_equal_and_whole(&self) {
        for group in (0..self.config.groups).map(GroupId) {
            let all: Vec<_> =
                self.config.replicas_of(group).map(|machine| self.store(machine, group)).collect();
            for pair in all.windows(2) {
                assert_eq!(pair[0].1, pair[1].1, "replicas of {group:?} are applied up to the same index");
                assert!(pair[0].0 == pair[1].0, "replicas of {group:?} are equal");
            }
        }
        for group in (0..self.config.groups).map(GroupId) {
            // Each batch writes one key of its own.
            let observed = self.applied.range((group, 0)..=(group, u64::MAX)).map(|(_, turns)| turns.len());
            let first = self.config.replicas_of(group).next().expect("a group has replicas");
            let keys = self.store(first, group).0.rows().map(|(_, row)| row.keys.len());
            assert_eq!(observed.sum::<usize>(), keys.sum::<usize>(), "nothing becomes durable unobserved");
        }
        for (group, query, answer) in self.clients.iter().flat_map(|client| &client.acknowledged) {
            for machine in self.config.replicas_of(*group) {
                assert_eq!(
                    &self.store(machine, *group).0.read(query),
                    answer,
                    "{machine:?} has what was acknowledged"
                );
            }
        }
    }

    fn store(&self, machine: MachineId, group: GroupId) -> (&Store, u64) {
        let replicas = self.machine(machine).replicas.as_ref().expect("all machines are up");
        replicas.store(group).expect("it has a replica")
    }

    fn machine(&self, machine: MachineId) -> &Machine {
        &self.machines[usize::from(machine.0)]
    }

    fn plan(&mut self, in_ms: u64, event: Event) {
        self.events += 1;
        self.agenda.insert((self.now_ms + in_ms, self.events), event);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Datagram { from, to, bytes } => {
                if self.troubles.link(self.now_ms, from, to).is_some() {
                    self.arrives(from, to, &bytes);
                }
            }
            Event::Synced { machine, boot } => self.synced(machine, boot),
            Event::Tick { machine, boot } => {
                self.with(machine, Some(boot), |replicas, _, _| replicas.tick());
                if self.machine(machine).boots == boot {
                    self.plan(self.config.tick_ms, Event::Tick { machine, boot });
                }
            }
            Event::ClientTick { client } => {
                let now_ms = self.now_ms;
                let sends = self.clients[usize::from(client)].tick(now_ms, &mut self.random);
                self.send_all(Client::address(client), sends);
                self.plan(CLIENT_TICK_MS, Event::ClientTick { client });
            }
            Event::GoesDown => self.goes_down(),
            Event::ComesUp { machine } => self.comes_up(machine),
        }
    }

    fn arrives(&mut self, from: MachineId, to: MachineId, bytes: &[u8]) {
        self.digest.update(&self.now_ms.to_le_bytes());
        self.digest.update(&to.0.to_le_bytes());
        self.digest.update(bytes);
        let messages = wire::decode(bytes).expect("our own datagram");
        if let Some(client) = Client::at(to) {
            for message in messages {
                let sends = self.clients[usize::from(client)].message(message, &mut self.random);
                self.send_all(to, sends);
            }
            return;
        }
        self.with(to, None, |replicas, _, _| {
            for message in messages {
                match message {
                    Message::Consensus { group, letter } => replicas.consensus(from, group, letter),
                    Message::Propose { group, ask, command } => {
                        replicas.propose(Route::direct(from), ask, group, command)
                    }
                    Message::Read { group, ask, at_least, query } => {
                        replicas.read(Route::direct(from), ask, group, at_least, query);
                    }
                    Message::Join { group, replica } => replicas.asks_to_join(from, group, replica),
                    other => panic!("{other:?} is not for a replica"),
                }
            }
        });
    }

    fn synced(&mut self, machine: MachineId, boot: u64) {
        if self.machine(machine).boots == boot {
            let ticket =
                self.machines[usize::from(machine.0)].disk.sync().expect("each sync is planned once");
            self.with(machine, Some(boot), |replicas, _, out| replicas.synced(ticket, out));
        }
    }

    fn goes_down(&mut self) {
        let Some(mean_ms) = self.faults.down_every_ms else { return };
        let machine = MachineId(self.random.random_range(0..self.config.machines()));
        let power = self.random.random_bool(0.6);
        let survival = self.random.random_range(0.0..=1.0);
        let it = &mut self.machines[usize::from(machine.0)];
        if it.replicas.take().is_some() {
            it.boots += 1;
            if power {
                it.disk.lose_power(|| self.random.random_bool(survival));
            } else {
                it.disk.crash();
            }
            let down_ms = self.random.random_range(1..6_000);
            self.plan(down_ms, Event::ComesUp { machine });
        }
        let next_ms = self.random.random_range(1..2 * mean_ms);
        self.plan(next_ms, Event::GoesDown);
    }

    fn comes_up(&mut self, machine: MachineId) {
        let phase_ms = self.random.random_range(0..self.config.tick_ms);
        let seed = self.random.random();
        let it = &mut self.machines[usize::from(machine.0)];
        let mut out = Effects::default();
        let replicas = Replicas::boot(&self.config, machine, seed, &it.disk, &mut out);
        it.replicas = Some(replicas);
        let boot = it.boots;
        self.plan(phase_ms, Event::Tick { machine, boot });
        self.take(machine, out);
        self.with(machine, Some(boot), |_, _, _| ());
    }

    /// One `handle` of a machine, if it is up and in the boot meant.
    fn with(
        &mut self,
        machine: MachineId,
        boot: Option<u64>,
        handle: impl FnOnce(&mut Replicas, &mut Outbox, &mut Effects),
    ) {
        let it = &mut self.machines[usize::from(machine.0)];
        let Some(replicas) = it.replicas.as_mut().filter(|_| boot.is_none_or(|boot| boot == it.boots)) else {
            return;
        };
        let (mut post, mut out) = (Outbox::default(), Effects::default());
        handle(replicas, &mut post, &mut out);
        replicas.settle(&mut post, &mut out);
        post.drain_into(&mut out);
        for group in (0..self.config.groups).map(GroupId) {
            let Some((store, index)) = replicas.store(group) else { continue };
            let seen = it.compared.insert(group, index);
            // Not each index: copies are what this test spends its time on.
            if seen == Some(index) || index % COMPARED_EVERY != 0 {
                continue;
            }
            let first = self.states.entry((group, index)).or_insert_with(|| store.clone());
            assert!(first == store, "states of {group:?} at index {index} are equal");
        }
        self.take(machine, out);
    }

    fn take(&mut self, machine: MachineId, out: Effects) {
        let boot = self.machine(machine).boots;
        for op in &out.disk {
            match op {
                DiskOp::Sync { .. } => {
                    let in_ms = self.random.random_range(1..10) + self.troubles.sync(self.now_ms, machine);
                    self.plan(in_ms, Event::Synced { machine, boot });
                }
                DiskOp::Write { file, offset, .. } => {
                    self.disk_writes += 1;
                    self.generations += u64::from(*file == FileId::OddLog && *offset == 0);
                }
                DiskOp::Truncate { .. } => {}
            }
        }
        self.machines[usize::from(machine.0)].disk.submit(out.disk);
        out.observed.into_iter().for_each(|seen| self.observe(machine, seen));
        self.send_bytes(machine, out.sends);
    }

    fn observe(&mut self, machine: MachineId, seen: Observation) {
        match seen {
            Observation::Applied { group, index, turns } => {
                let first = self.applied.entry((group, index)).or_insert_with(|| turns.clone());
                assert_eq!(*first, turns, "replicas apply the same");
            }
            Observation::Elected { group, term } => {
                let leader = *self.leaders.entry((group, term)).or_insert(machine);
                assert_eq!(leader, machine, "{group:?} has one leader in term {term}");
            }
            Observation::Installed { .. } => self.snapshots += 1,
            Observation::StaleEpoch { .. }
            | Observation::Claiming { .. }
            | Observation::AsksForDue { .. }
            | Observation::Leaving { .. } => {}
            Observation::DiskDamaged { .. } => {}
            other => panic!("{other:?} is no business of a replica"),
        }
    }

    fn send_all(&mut self, from: MachineId, messages: Vec<(MachineId, Message)>) {
        let encoded = messages
            .into_iter()
            .map(|(to, message)| (to, wire::encode(&[message], &mut Vec::new())))
            .collect();
        self.send_bytes(from, encoded);
    }

    fn send_bytes(&mut self, from: MachineId, datagrams: Vec<(MachineId, Bytes)>) {
        for (to, bytes) in datagrams {
            let Some(longer_ms) = self.troubles.link(self.now_ms, from, to) else { continue };
            while !self.random.random_bool(self.faults.loss) {
                let in_ms = self.random.random_range(5..60) + longer_ms;
                self.plan(in_ms, Event::Datagram { from, to, bytes: bytes.clone() });
                // What is lost often is also doubled sometimes.
                if !self.random.random_bool(self.faults.loss / 2.0) {
                    break;
                }
            }
        }
    }
}
