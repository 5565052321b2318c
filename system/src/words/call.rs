//! Calls that object code makes, and their replies, as plain data: the words of the seam between the object host and
//! any way of running object code.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{OpId, Stamp};
use crate::words::outside::{OutsideAnswer, OutsideError};

/// A storage key: UTF-8, ordered by its bytes (S6).
pub type Key = Arc<str>;

/// A storage or alarm call of the API (S1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// The value of a key.
    Get(Key),
    /// The values of several keys.
    GetMany(Vec<Key>),
    /// Sets a key.
    Put(Key, Bytes),
    /// Sets several keys.
    PutMany(Vec<(Key, Bytes)>),
    /// Removes a key and says whether it was there.
    Delete(Key),
    /// Removes several keys and says how many of them were there.
    DeleteMany(Vec<Key>),
    /// The keys in a range with their values.
    List(List),
    /// Removes all keys, and the alarm unless it is to be preserved (S8).
    DeleteAll {
        /// Keep the alarm.
        preserve_alarm: bool,
    },
    /// Resolves when every earlier write is durable.
    Sync,
    /// The scheduled time of the alarm.
    GetAlarm,
    /// Schedules the alarm.
    SetAlarm {
        /// Milliseconds since the UNIX epoch, as object code gave it.
        time_ms: i64,
    },
    /// Unschedules the alarm.
    DeleteAlarm,
    /// Begins a transaction (S5). Whoever runs the code ends it with [`Port::end_transaction`].
    ///
    /// [`Port::end_transaction`]: crate::object::port::Port::end_transaction
    Transaction,
}

/// Options of `list` (S6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct List {
    /// Only keys that begin with this.
    pub prefix: Option<Key>,
    /// Only keys at or after this.
    pub start: Option<Key>,
    /// Only keys after this.
    pub start_after: Option<Key>,
    /// Only keys before this.
    pub end: Option<Key>,
    /// Descending order; the bounds stay as they are.
    pub reverse: bool,
    /// At most so many, after ordering. Not zero.
    pub limit: Option<u32>,
}

impl List {
    /// The range of keys that the bounds leave open, the prefix not considered.
    pub fn bounds(&self) -> (Bound<Key>, Bound<Key>) {
        let low = match (&self.start, &self.start_after, &self.prefix) {
            (Some(start), _, _) => Bound::Included(start.clone()),
            (None, Some(after), _) => Bound::Excluded(after.clone()),
            (None, None, Some(prefix)) => Bound::Included(prefix.clone()),
            (None, None, None) => Bound::Unbounded,
        };
        let high = self.end.clone().map_or(Bound::Unbounded, Bound::Excluded);
        (low, high)
    }

    /// Whether `key` is one of the keys asked for, the limit not considered.
    pub fn admits(&self, key: &str) -> bool {
        self.prefix.as_ref().is_none_or(|prefix| key.starts_with(&**prefix))
            && self.start.as_ref().is_none_or(|start| key >= &**start)
            && self.start_after.as_ref().is_none_or(|after| key > &**after)
            && self.end.as_ref().is_none_or(|end| key < &**end)
    }
}

/// What a call gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A write, a change of the alarm, a `sync` or a transaction is done.
    Done,
    /// The alarm is scheduled.
    AlarmSet {
        /// Its identity (A10).
        alarm: Stamp,
        /// When it is due: `max(time, now)` (A6).
        scheduled_ms: i64,
    },
    /// The value of a key.
    Value(Option<Bytes>),
    /// Whether the removed key was there.
    Deleted(bool),
    /// How many of the removed keys were there.
    DeletedCount(u32),
    /// Keys and values: in the order asked for, or those of the keys asked for that there are, in the keys' order.
    Entries(Vec<(Key, Bytes)>),
    /// The scheduled time of the alarm.
    Alarm(Option<i64>),
    /// What an outside service answered.
    Outside(Result<OutsideAnswer, OutsideError>),
    /// The call was refused; nothing was written.
    Refused(StorageError),
    /// The transaction was rolled back, for this reason (S5).
    RolledBack(Arc<str>),
}

/// Why a call was refused. Nothing was written, and the alarm that was set stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// S7: a key is too long.
    #[error("a key has at most {limit} bytes, this one has {len}")]
    KeyTooLong {
        /// The limit in bytes.
        limit: usize,
        /// The length given, in bytes.
        len: usize,
    },
    /// S7: a value is too long.
    #[error("a value has at most {limit} bytes, this one has {len}")]
    ValueTooLong {
        /// The limit in bytes.
        limit: usize,
        /// The length given, in bytes.
        len: usize,
    },
    /// S7: a batch is too long.
    #[error("a batch has at most {limit} keys, this one has {len}")]
    BatchTooLong {
        /// The limit in keys.
        limit: usize,
        /// The keys given.
        len: usize,
    },
    /// S7: `limit` of `list` is zero.
    #[error("the limit of list is at least 1, not 0")]
    ZeroLimit,
    /// S7: `start` and `start_after` exclude each other.
    #[error("list takes start or start_after, not both")]
    StartTwice,
    /// A7: a time that no alarm can have.
    #[error("an alarm's time is from 1 to {limit_ms} milliseconds since the epoch, not {time_ms}")]
    BadAlarmTime {
        /// The largest time, in milliseconds.
        limit_ms: i64,
        /// The time given.
        time_ms: i64,
    },
    /// A8: the class declares no `alarm()`.
    #[error("the class {class} declares no alarm(), so it cannot set one")]
    NoAlarmHandler {
        /// The class.
        class: Arc<str>,
    },
    /// S8: `delete_all` is no part of a transaction.
    #[error("delete_all cannot be called in a transaction")]
    DeleteAllInTransaction,
    /// S5: one transaction at a time.
    #[error("a transaction cannot be begun in a transaction")]
    NestedTransaction,
}

/// How the host answers a call at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The result is known now.
    Now(Reply),
    /// The result comes with [`crate::object::class::Instance::settle`]; that of a transaction is the instance's own to
    /// say.
    Pending(OpId),
}
