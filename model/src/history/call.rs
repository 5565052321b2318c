//! What object code asks of its storage and its alarm slot, and what it is given.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AlarmId, Blob, Headers, Key};

/// A storage or alarm call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum StorageCall {
    /// `get(key)`.
    Get {
        /// The key.
        key: Key,
    },
    /// `get_many(keys)`.
    GetMany {
        /// The keys.
        keys: Vec<Key>,
    },
    /// `put(key, value)`.
    Put {
        /// The key.
        key: Key,
        /// The value.
        value: Blob,
    },
    /// `put_many(entries)`.
    PutMany {
        /// The keys with their values. Of a key that is there twice the last one counts.
        entries: Vec<(Key, Blob)>,
    },
    /// `delete(key)`.
    Delete {
        /// The key.
        key: Key,
    },
    /// `delete_many(keys)`.
    DeleteMany {
        /// The keys.
        keys: Vec<Key>,
    },
    /// `list(options)`.
    List(ListOptions),
    /// `delete_all(options)`.
    DeleteAll {
        /// S8: keep the alarm.
        preserve_alarm: bool,
    },
    /// `sync()`.
    Sync,
    /// `get_alarm()`.
    GetAlarm,
    /// `set_alarm(time)`.
    SetAlarm {
        /// The time as object code gave it, wall time.
        time_ms: i64,
        /// The time as it was stored: `max(time, now)` (A6).
        scheduled_ms: i64,
        /// The identity of the new alarm (A10), where the system has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        alarm: Option<AlarmId>,
    },
    /// `delete_alarm()`.
    DeleteAlarm,
    /// `transaction(closure)` begins (S5). Every later call of the instance belongs to it, up to its own result:
    /// [`OpResult::Done`] means that the closure has ended well and all that it wrote belongs to the turn of that result;
    /// [`OpResult::Error`] that all of it was rolled back.
    Transaction,
}

/// The options of `list` (S6). All absent means all keys in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct ListOptions {
    /// Only keys that begin with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Key>,
    /// Only keys at or after this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Key>,
    /// Only keys after this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_after: Option<Key>,
    /// Only keys before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Key>,
    /// Descending order; the bounds stay as they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reverse: bool,
    /// At most so many, after ordering.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl ListOptions {
    /// Whether `key` is one of the keys asked for, the limit not considered.
    pub(crate) fn admits(&self, key: &str) -> bool {
        self.prefix.as_ref().is_none_or(|prefix| key.starts_with(&**prefix))
            && self.start.as_ref().is_none_or(|start| key >= &**start)
            && self.start_after.as_ref().is_none_or(|after| key > &**after)
            && self.end.as_ref().is_none_or(|end| key < &**end)
    }

    /// Whether the limit alone can be why `seen` does not show `key`.
    pub(crate) fn is_pushed_out(&self, key: &Key, seen: &[(Key, Blob)]) -> bool {
        let is_full = self.limit.is_some_and(|limit| seen.len() as u64 >= u64::from(limit));
        let last = seen.last().map(|(last, _)| last);
        is_full && last.is_some_and(|last| if self.reverse { key < last } else { key > last })
    }
}

/// What a call gave.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OpResult {
    /// A write, a `sync`, a change of the alarm or a transaction was done.
    Done,
    /// `get`: the value, if there is one.
    Value(Option<Blob>),
    /// `delete`: whether the key was there.
    Deleted(bool),
    /// `delete_many`: how many of the keys were there.
    DeletedCount(u32),
    /// `list`: the keys with their values, in the order asked for. `get_many`: those that there are, in the order of the
    /// keys.
    Entries(Vec<(Key, Blob)>),
    /// `get_alarm`: the scheduled time, if there is one.
    Alarm(Option<i64>),
    /// An answer of an outside service.
    Answer {
        /// HTTP status.
        status: u16,
        /// Its headers, where it has any.
        #[serde(default, skip_serializing_if = "Headers::is_empty")]
        headers: Headers,
        /// What it says, where the writer tells (W1).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Blob>,
    },
    /// The call was refused, the transaction was rolled back, or the outside service failed; nothing was written.
    Error(Arc<str>),
}
