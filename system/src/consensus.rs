//! Consensus among the replicas of one group, as the rest of the system sees it: messages, ticks and proposals in; what
//! to persist, to send and to apply out. Which library does it is known in `consensus/raft.rs` alone.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{DiskId, MachineId, ReplicaId};

mod raft;

pub use raft::{Letter, Node};

/// One entry of a group's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The term of the leader that proposed it.
    pub term: u64,
    /// Its place in the group's log, from 1.
    pub index: u64,
    /// Whether it changes who is in the group. Then `data` is in the library's encoding.
    pub is_change: bool,
    /// What was proposed. Empty in the entry with which a leader begins.
    pub data: Bytes,
}

/// What a replica must not forget beside the entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HardState {
    /// The newest term that it knows.
    pub term: u64,
    /// Its vote in that term.
    pub vote: Option<ReplicaId>,
    /// All entries up to here are committed, as far as it knew.
    pub commit: u64,
}

/// Who is in a group, as of an entry of its log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// Those whose majority decides. Ascending, as all of these.
    pub voters: Vec<ReplicaId>,
    /// While voters change, those before: then a majority of both decides.
    pub outgoing: Vec<ReplicaId>,
    /// Those that are told everything and decide nothing: they are catching up.
    pub learners: Vec<ReplicaId>,
    /// Voters that will be learners once the change is over.
    pub learners_next: Vec<ReplicaId>,
    /// Whether the change ends by itself.
    pub auto_leave: bool,
}

impl Members {
    /// The members of a group that has just been founded.
    pub fn founding(machines: impl Iterator<Item = MachineId>) -> Self {
        let voters = machines.map(|machine| ReplicaId::new(machine, DiskId::FOUNDING)).collect();
        Self { voters, ..Self::default() }
    }

    /// Whether a replica votes.
    pub fn has_voter(&self, replica: ReplicaId) -> bool {
        self.voters.contains(&replica)
    }

    /// All of them, those that only learn included.
    pub fn all(&self) -> impl Iterator<Item = ReplicaId> + '_ {
        self.voters.iter().chain(&self.outgoing).chain(&self.learners).copied()
    }
}

/// What the entries of a group's log up to one of them add up to. It stands for all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The term of the last entry in it.
    pub term: u64,
    /// The index of the last entry in it. All of them are committed.
    pub index: u64,
    /// Who is in the group by then.
    pub members: Members,
    /// The state that they add up to, in the encoding of whoever applies entries.
    pub data: Bytes,
}

/// What a replica has to remember of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Persist {
    /// Replaces all entries and the state so far. What else is in this step comes after it.
    pub snapshot: Option<Snapshot>,
    /// New entries without gaps. They replace what stands at and after the first one's index.
    pub entries: Vec<Entry>,
    /// The hard state, if this step has anything that must not be forgotten. That more is committed alone is no such thing.
    pub hard_state: Option<HardState>,
}

impl Persist {
    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.snapshot.is_none() && self.entries.is_empty() && self.hard_state.is_none()
    }
}

/// What a step of consensus wants done.
#[derive(Debug)]
pub struct Ready {
    /// Comes back with [`Node::persisted`], in order.
    pub number: u64,
    /// To be remembered. A snapshot in it also replaces the state, before anything further is applied.
    pub persist: Persist,
    /// Messages that may leave at once.
    pub send: Vec<(MachineId, Letter)>,
    /// Messages that may leave only once `persist` of this and of all earlier steps is durable.
    pub send_persisted: Vec<(MachineId, Letter)>,
    /// Committed entries, to be applied before the next step is asked for.
    pub committed: Vec<Entry>,
    /// The term whose leader this replica has just become.
    pub elected: Option<u64>,
}

/// Where in the group's log a proposal was put. It is committed if the entry applied at `index` has this term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The term.
    pub term: u64,
    /// The index.
    pub index: u64,
}

/// The replica cannot propose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this replica is not the leader")]
pub struct NotLeader {
    /// Who is, as far as it knows.
    pub leader: Option<MachineId>,
}
