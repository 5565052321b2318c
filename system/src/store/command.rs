//! What goes through the log of a group, and what can be asked of a replica, as plain data.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, MachineId, ObjectName, SliceId, Stamp};
use crate::object::op::{Key, List};

/// An entry of a group's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Takes a slice over: compare-and-set on its epoch.
    Claim(Claim),
    /// Makes turns durable (S2).
    Commit(Commit),
}

impl Command {
    /// The slice that it is about.
    pub fn slice(&self) -> SliceId {
        match self {
            Command::Claim(claim) => claim.slice,
            Command::Commit(commit) => commit.slice,
        }
    }
}

/// Takes a slice over if its epoch is still `over`; the new epoch is one higher. A claim that was already applied is
/// known by its nonce and changes nothing the second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The slice.
    pub slice: SliceId,
    /// The epoch that ends.
    pub over: Epoch,
    /// The machine that takes it.
    pub machine: MachineId,
    /// Different for each boot of a machine.
    pub nonce: u64,
}

/// Makes turns durable, in order, all or none. Refused if the epoch is not the slice's current one (O1). A batch that
/// was already applied is known by its number and changes nothing the second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The slice.
    pub slice: SliceId,
    /// The epoch of the holder that proposes it.
    pub epoch: Epoch,
    /// Number of the batch in its epoch, from 1, without gaps.
    pub batch: u64,
    /// The turns.
    pub turns: Vec<TurnWrites>,
}

/// All writes of one turn of one object, its alarm included: what becomes durable or is lost as one (S2, D1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnWrites {
    /// The object.
    pub object: ObjectName,
    /// The instance that made them.
    pub instance: Stamp,
    /// Its turn.
    pub turn: u32,
    /// Remove all keys first (S8).
    pub clear: bool,
    /// Then set or remove these.
    pub keys: Vec<(Key, Option<Bytes>)>,
    /// Then put this in the alarm's slot; none leaves it as it is.
    pub alarm: Option<AlarmWrite>,
    /// The run whose end this is (F4).
    pub ends_run: Option<Stamp>,
}

/// A change of the alarm's slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlarmWrite {
    /// This alarm is the scheduled one from now on (A2), or its record has changed (R4).
    Schedule(AlarmRow),
    /// None is scheduled: deleted, completed (F4) or given up (R2).
    Remove,
}

/// An alarm as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmRow {
    /// Its identity (A10).
    pub alarm: Stamp,
    /// Its scheduled time: milliseconds since the UNIX epoch.
    pub scheduled_ms: i64,
    /// Counted failures so far (R4).
    pub retry_count: u32,
    /// Wall time before which it does not run again (R3); `scheduled_ms` until the first failure.
    pub not_before_ms: i64,
}

/// A question to a replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// The value of one key.
    Get {
        /// The object.
        object: ObjectName,
        /// The key.
        key: Key,
    },
    /// Keys and values in a range.
    List {
        /// The object.
        object: ObjectName,
        /// Which keys.
        list: List,
    },
    /// The alarms of a slice in the order in which they are due: one page.
    Due {
        /// The slice.
        slice: SliceId,
        /// Begin behind this one; none begins with the first.
        after: Option<(i64, ObjectName)>,
        /// The most alarms to give.
        limit: u32,
    },
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// To `Get`.
    Value(Option<Bytes>),
    /// To `List`, in the order asked for.
    Entries(Vec<(Key, Bytes)>),
    /// To `Due`: shorter than the limit if there are no more.
    Due(Vec<(ObjectName, AlarmRow)>),
}

/// What applying a command did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Applied {
    /// The claim took effect (now or at its first application): this is the new epoch.
    Claimed(Epoch),
    /// The batch took effect (now or at its first application).
    Committed,
    /// Refused: the slice has this epoch.
    Stale(Epoch),
}
