//! A client of the replicas: takes slices over, commits one batch after another to each, and reads back what was
//! acknowledged.

use std::collections::BTreeMap;

use bytes::Bytes;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use reveille_system::config::Config;
use reveille_system::ids::{Epoch, GroupId, MachineId, ObjectName, SessionId, SliceId, Stamp};
use reveille_system::store::command::{Answer, Applied, Claim, Command, Commit, Query, TurnWrites};
use reveille_system::wire::{Ask, Message, Proposed};
use reveille_system::words::call::Key;

/// Addresses of clients begin here, beyond all machines.
const ADDRESS_FIRST: u16 = 1000;
/// An unanswered question is asked again after this.
const PATIENCE_MS: u64 = 700;

pub(crate) struct Client {
    number: u16,
    config: Config,
    asked: u64,
    slices: BTreeMap<SliceId, Holding>,
    /// What every replica of the group must answer from now on.
    pub(crate) acknowledged: Vec<(GroupId, Query, Answer)>,
    reads: BTreeMap<u64, Answer>,
    pub(crate) reads_answered: usize,
    /// The machine in whose name it claims; none is its own address.
    pub(crate) claims_for: Option<MachineId>,
}

/// What the client knows of a slice.
struct Holding {
    epoch: Epoch,
    /// Number of the next batch; none while it does not hold the slice.
    batch: Option<u64>,
    /// The question, and when it was asked last.
    waits: Option<(u64, u64)>,
    ask_next: MachineId,
    /// Whether `ask_next` was told as the leader, and not asked yet.
    is_told: bool,
}

impl Client {
    pub(crate) fn new(config: &Config, number: u16) -> Self {
        let holding = |slice| {
            let ask_next = config.replicas_of(config.group_of(slice)).next().unwrap();
            (slice, Holding { epoch: Epoch(0), batch: None, waits: None, ask_next, is_told: false })
        };
        Self {
            number,
            config: config.clone(),
            asked: 0,
            slices: (0..config.slices).map(SliceId).map(holding).collect(),
            acknowledged: Vec::new(),
            reads: BTreeMap::new(),
            reads_answered: 0,
            claims_for: None,
        }
    }

    pub(crate) fn address(client: u16) -> MachineId {
        MachineId(ADDRESS_FIRST + client)
    }

    pub(crate) fn at(address: MachineId) -> Option<u16> {
        address.0.checked_sub(ADDRESS_FIRST)
    }

    /// Asks for what it wants, and again for what was not answered.
    pub(crate) fn tick(&mut self, now_ms: u64, random: &mut ChaCha8Rng) -> Vec<(MachineId, Message)> {
        let mut sends = Vec::new();
        for (slice, holding) in &mut self.slices {
            let group = self.config.group_of(*slice);
            if let Some((_, asked_ms)) = holding.waits {
                if !std::mem::take(&mut holding.is_told) {
                    if now_ms < asked_ms + PATIENCE_MS {
                        continue;
                    }
                    let replicas: Vec<_> = self.config.replicas_of(group).collect();
                    holding.ask_next = replicas[random.random_range(0..replicas.len())];
                }
            } else if holding.batch.is_none() && holding.epoch > Epoch(0) && random.random_bool(0.9) {
                // The other client has it: let it work for a while.
                continue;
            }
            // Asked again under the same number: an answer to any of them will do.
            let number = holding.waits.map_or(self.asked + 1, |(number, _)| number);
            self.asked = self.asked.max(number);
            holding.waits = Some((number, now_ms));
            let claimant = self.claims_for.unwrap_or(Client::address(self.number));
            let command = command(&self.config, self.number, claimant, *slice, holding);
            let ask = Ask { boot: u64::from(self.number), number };
            sends.push((holding.ask_next, Message::Propose { group, ask, command }));
        }
        sends
    }

    /// Takes an answer.
    pub(crate) fn message(&mut self, message: Message, random: &mut ChaCha8Rng) -> Vec<(MachineId, Message)> {
        match message {
            Message::Proposed { ask, result } => self.proposed(ask.number, result, random),
            Message::ReadDone { ask, answer } => {
                let expected = self.reads.remove(&ask.number);
                assert!(
                    expected.is_none_or(|expected| expected == answer),
                    "a read sees what was acknowledged"
                );
                self.reads_answered += 1;
                Vec::new()
            }
            other => panic!("{other:?} is not for a client"),
        }
    }

    fn proposed(
        &mut self,
        number: u64,
        result: Proposed,
        random: &mut ChaCha8Rng,
    ) -> Vec<(MachineId, Message)> {
        let waits =
            |(_, holding): &(&SliceId, &mut Holding)| holding.waits.is_some_and(|(ask, _)| ask == number);
        if result == Proposed::Pending {
            return Vec::new();
        }
        let Some((slice, holding)) = self.slices.iter_mut().find(waits) else { return Vec::new() };
        if let Proposed::NotLeader { leader } = result {
            holding.is_told = leader.is_some();
            holding.ask_next = leader.unwrap_or_else(|| {
                // Who knows of no leader is not asked again and again.
                holding.waits = None;
                let replicas: Vec<_> = self.config.replicas_of(self.config.group_of(*slice)).collect();
                replicas[random.random_range(0..replicas.len())]
            });
            return Vec::new();
        }
        holding.waits = None;
        match result {
            Proposed::NotLeader { .. } | Proposed::Pending => unreachable!("it is dealt with above"),
            Proposed::Unknown => unreachable!("nobody inquires"),
            Proposed::Applied { applied: applied @ (Applied::Released | Applied::Registry(_)), .. } => {
                unreachable!("nobody asked for {applied:?}")
            }
            Proposed::Applied { applied: Applied::Claimed(epoch), .. } => {
                holding.epoch = epoch;
                holding.batch = Some(1);
                Vec::new()
            }
            Proposed::Applied { applied: Applied::Stale(epoch), .. } => {
                holding.epoch = epoch;
                holding.batch = None;
                Vec::new()
            }
            Proposed::Applied { applied: Applied::Committed, index } => {
                let batch = holding.batch.expect("it holds the slice");
                holding.batch = Some(batch + 1);
                let group = self.config.group_of(*slice);
                let (object, key, value) = written(&self.config, self.number, *slice, holding.epoch, batch);
                let query = Query::Get { object, key };
                let answer = Answer::Value(Some(value));
                self.acknowledged.push((group, query.clone(), answer.clone()));
                self.asked += 1;
                self.reads.insert(self.asked, answer);
                let ask = Ask { boot: u64::from(self.number), number: self.asked };
                let replicas: Vec<_> = self.config.replicas_of(group).collect();
                let to = replicas[random.random_range(0..replicas.len())];
                vec![(to, Message::Read { group, ask, at_least: index, query })]
            }
        }
    }
}

fn command(config: &Config, client: u16, machine: MachineId, slice: SliceId, holding: &Holding) -> Command {
    let epoch = holding.epoch;
    let Some(batch) = holding.batch else {
        return Command::Claim(Claim { slice, over: epoch, machine, session: SessionId(u64::from(client)) });
    };
    let (object, key, value) = written(config, client, slice, epoch, batch);
    let write = TurnWrites {
        object,
        instance: Stamp { epoch, count: 1 },
        turn: u32::try_from(batch).unwrap(),
        clear: false,
        keys: vec![(key, Some(value))],
        alarm: None,
        ends_run: None,
    };
    Command::Commit(Commit { slice, epoch, batch, turns: vec![write] })
}

/// What a batch writes: a key of its own.
fn written(
    config: &Config,
    client: u16,
    slice: SliceId,
    epoch: Epoch,
    batch: u64,
) -> (ObjectName, Key, Bytes) {
    let names = (0..).map(|number| ObjectName::new("Test", &format!("{client}-{number}")));
    let object = names.into_iter().find(|name| name.slice(config.slices) == slice).unwrap();
    let key = format!("{}-{batch}", epoch.0);
    let value = Bytes::from(format!("{client} wrote {key}"));
    (object, key.into(), value)
}
