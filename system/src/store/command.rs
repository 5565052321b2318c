//! What goes through the log of a group, and what can be asked of a replica, as plain data.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::ids::Batch;
use crate::ids::{Epoch, GroupId, MachineId, ObjectName, SessionId, SliceId, Stamp};
use crate::registry::{Change, Roster};
use crate::words::call::{Key, List};

/// An entry of a group's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Takes a slice over: compare-and-set on its epoch.
    Claim(Claim),
    /// Makes turns durable (S2).
    Commit(Commit),
    /// Gives a slice up.
    Release(Release),
    /// Changes the registry; in the system group alone.
    Registry(Change),
}

impl Command {
    /// The group in whose log it belongs.
    pub fn group(&self, config: &Config) -> GroupId {
        match self {
            Command::Claim(claim) => config.group_of(claim.slice),
            Command::Commit(commit) => config.group_of(commit.slice),
            Command::Release(release) => config.group_of(release.slice),
            Command::Registry(_) => config.system_group(),
        }
    }
}

/// Who holds a slice, as its group knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The machine.
    pub machine: MachineId,
    /// The session under which it claimed the slice.
    pub session: SessionId,
    /// Whether it has given the slice up.
    pub released: bool,
}

/// Gives a slice up: whoever claims it next need not wait for the end of a session. The holder sends nothing after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The slice.
    pub slice: SliceId,
    /// The epoch that is over.
    pub epoch: Epoch,
}

/// Takes a slice over if its epoch is still `over`; the new epoch is one higher. A claim that was already applied is
/// known by its machine and session and changes nothing the second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The slice.
    pub slice: SliceId,
    /// The epoch that ends.
    pub over: Epoch,
    /// The machine that takes it.
    pub machine: MachineId,
    /// Its session.
    pub session: SessionId,
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

impl Commit {
    /// Which batch it is.
    pub fn id(&self) -> Batch {
        Batch { slice: self.slice, epoch: self.epoch, number: self.batch }
    }
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
    /// The values of several keys.
    GetMany {
        /// The object.
        object: ObjectName,
        /// The keys.
        keys: Vec<Key>,
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
    /// Who holds a slice.
    Holder {
        /// The slice.
        slice: SliceId,
    },
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// To `Get`.
    Value(Option<Bytes>),
    /// To `List`, in the order asked for; to `GetMany`, those that there are.
    Entries(Vec<(Key, Bytes)>),
    /// To `Due`: shorter than the limit if there are no more.
    Due(Vec<(ObjectName, AlarmRow)>),
    /// To `Holder`: the slice's epoch, and who claimed it last.
    Holder(Epoch, Option<Holding>),
}

/// What applying a command did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Applied {
    /// The claim took effect (now or at its first application): this is the new epoch.
    Claimed(Epoch),
    /// The batch took effect (now or at its first application).
    Committed,
    /// The slice is given up.
    Released,
    /// Refused: the slice has this epoch.
    Stale(Epoch),
    /// What the registry says after the change.
    Registry(Roster),
}
