//! The state machine of one group: what its log, applied from the first entry on, adds up to (D1). A pure function of the
//! commands: no clock, no disk, no knowledge of who proposed them or of how they were agreed on.

use std::collections::BTreeMap;
use std::hash::Hasher;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::hash::FixedHasher;
use crate::ids::Batch;
use crate::ids::{Epoch, GroupId, MachineId, ObjectName, SliceId};
use crate::observe::AppliedTurn;
use crate::registry::Registry;
use crate::words::call::Key;

pub mod command;
mod rows;

use command::{Answer, Applied, Claim, Command, Commit, Holding, Query};
pub use rows::Row;
use rows::Rows;

/// The slices of one group; of the system group, the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    slices: BTreeMap<SliceId, Slice>,
    /// Where sessions, leaders and assignments are kept; unused in other groups.
    registry: Registry,
    /// Slices of all groups, by which an object finds its own.
    slices_in_all: u16,
}

/// What applying a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The answer for whoever proposed it.
    pub applied: Applied,
    /// The turns that this very application made durable, in order. None if it was refused or applied before.
    pub turns: Vec<AppliedTurn>,
}

/// One slice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Slice {
    epoch: Epoch,
    /// Who took it over last.
    holding: Option<Holding>,
    /// The last batch applied in this epoch.
    batch: u64,
    rows: Rows,
}

impl Store {
    /// The empty state of a group.
    pub fn new(config: &Config, group: GroupId) -> Self {
        let slices = config.slices_of(group).map(|slice| (slice, Slice::default())).collect();
        Self { slices, registry: Registry::new(config), slices_in_all: config.slices }
    }

    /// The whole state as bytes: rows, and what tells a stale epoch or a batch that was applied before.
    pub fn to_bytes(&self) -> Bytes {
        postcard::to_stdvec(self).expect("our own state can be encoded").into()
    }

    /// The state that [`Store::to_bytes`] gave these bytes for.
    ///
    /// # Panics
    ///
    /// If it gave no such bytes: they come from a log or a replica that has vouched for them.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        postcard::from_bytes(bytes).expect("a snapshot is a state of ours")
    }

    /// Applies the next entry of the group's log.
    ///
    /// # Panics
    ///
    /// If the command is for another group, or leaves out a batch: a holder proposes the next one only after the one
    /// before was applied.
    pub fn apply(&mut self, command: Command) -> Outcome {
        let applied = match command {
            Command::Claim(claim) => self.slice_mut(claim.slice).claim(&claim),
            Command::Commit(commit) => {
                let slices_in_all = self.slices_in_all;
                return self.slice_mut(commit.slice).commit(commit, slices_in_all);
            }
            Command::Release(release) => self.slice_mut(release.slice).release(release.epoch),
            Command::Registry(change) => {
                self.registry.apply(&change);
                Applied::Registry(self.registry.roster().clone())
            }
        };
        Outcome { applied, turns: Vec::new() }
    }

    /// What applying a batch did, or would do now and for ever, if that shows already: it was applied before, or its epoch is
    /// over.
    pub fn decided(&self, batch: Batch) -> Option<Applied> {
        let slice = self.slices.get(&batch.slice)?;
        let is_over = slice.epoch == batch.epoch && slice.holding.is_some_and(|holding| holding.released);
        if slice.epoch > batch.epoch || is_over {
            return Some(Applied::Stale(slice.epoch));
        }
        (slice.epoch == batch.epoch && batch.number <= slice.batch).then_some(Applied::Committed)
    }

    /// Answers a question from what has been applied.
    ///
    /// # Panics
    ///
    /// If the question is about another group's slice.
    pub fn read(&self, query: &Query) -> Answer {
        match query {
            Query::Get { object, key } => Answer::Value(self.rows_of(object).get(object, key)),
            Query::GetMany { object, keys } => {
                let rows = self.rows_of(object);
                let found = |key: &Key| Some((key.clone(), rows.get(object, key)?));
                Answer::Entries(keys.iter().filter_map(found).collect())
            }
            Query::List { object, list } => Answer::Entries(self.rows_of(object).list(object, list)),
            Query::Due { slice, after, limit } => {
                Answer::Due(self.slice(*slice).rows.due(after.as_ref(), *limit))
            }
            Query::Holder { slice } => {
                let slice = self.slice(*slice);
                Answer::Holder(slice.epoch, slice.holding)
            }
        }
    }

    /// All objects with something stored, slice by slice, in no particular order within a slice.
    pub fn rows(&self) -> impl Iterator<Item = (&ObjectName, &Row)> {
        self.slices.values().flat_map(|slice| slice.rows.iter())
    }

    /// The machines that hold slices, one for each slice that is held.
    pub fn holders(&self) -> impl Iterator<Item = MachineId> {
        let held = self.slices.values().filter_map(|slice| slice.holding);
        held.filter(|holding| !holding.released).map(|holding| holding.machine)
    }

    /// A hash of everything in the store, the same in every process and on every machine: replicas that have applied the
    /// same entries have the same (L4).
    pub fn digest(&self) -> u64 {
        let mut hasher = FixedHasher::default();
        let mut take = |bytes: postcard::Result<Vec<u8>>| {
            hasher.write(&bytes.expect("what came out of an encoded command can be encoded"));
        };
        take(postcard::to_stdvec(&self.registry));
        for (id, Slice { epoch, holding, batch, rows }) in &self.slices {
            // The order of rows says how they came to be there, not what they are.
            let mut sorted: Vec<(&ObjectName, &Row)> = rows.iter().collect();
            sorted.sort_by_key(|(object, _)| *object);
            take(postcard::to_stdvec(&(id, epoch, holding, batch, sorted.len())));
            for (object, Row { keys, alarm }) in sorted {
                take(postcard::to_stdvec(&(object, keys, alarm)));
            }
        }
        hasher.finish()
    }

    fn rows_of(&self, object: &ObjectName) -> &Rows {
        &self.slice(object.slice(self.slices_in_all)).rows
    }

    fn slice_mut(&mut self, slice: SliceId) -> &mut Slice {
        self.slices.get_mut(&slice).expect("a command goes to the group of its slice")
    }

    fn slice(&self, slice: SliceId) -> &Slice {
        self.slices.get(&slice).expect("a question goes to the group of its slice")
    }
}

impl Slice {
    /// O1, D5: at most one machine gets an epoch.
    fn claim(&mut self, claim: &Claim) -> Applied {
        let by = Holding { machine: claim.machine, session: claim.session, released: false };
        let next = Epoch(claim.over.0 + 1);
        if self.epoch == claim.over {
            self.epoch = next;
            self.holding = Some(by);
            self.batch = 0;
            return Applied::Claimed(next);
        }
        // One session may claim a slice more than once, so it alone does not tell which of its claims this is.
        if self.epoch == next && self.holding == Some(by) {
            return Applied::Claimed(next);
        }
        Applied::Stale(self.epoch)
    }

    /// From here on nothing of this epoch has an effect.
    fn release(&mut self, epoch: Epoch) -> Applied {
        match &mut self.holding {
            Some(holding) if self.epoch == epoch => {
                holding.released = true;
                Applied::Released
            }
            _ => Applied::Stale(self.epoch),
        }
    }

    fn commit(&mut self, commit: Commit, slices_in_all: u16) -> Outcome {
        // O1: what a former holder proposes has no effect.
        if commit.epoch != self.epoch || self.holding.is_some_and(|holding| holding.released) {
            return Outcome { applied: Applied::Stale(self.epoch), turns: Vec::new() };
        }
        if commit.batch <= self.batch {
            return Outcome { applied: Applied::Committed, turns: Vec::new() };
        }
        // S3: turns become durable in order.
        assert_eq!(commit.batch, self.batch + 1, "{:?} has no gap between batches", commit.slice);
        self.batch = commit.batch;
        let mut turns = Vec::with_capacity(commit.turns.len());
        for turn in commit.turns {
            assert_eq!(turn.object.slice(slices_in_all), commit.slice, "{} is of the slice", turn.object);
            turns.push(AppliedTurn {
                object: turn.object.clone(),
                instance: turn.instance,
                turn: turn.turn,
                ends_run: turn.ends_run,
            });
            self.rows.write(turn);
        }
        Outcome { applied: Applied::Committed, turns }
    }
}
