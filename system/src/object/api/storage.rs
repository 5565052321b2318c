//! Storage as object code in Rust sees it. Each call knows the place in that code which makes it: for nobody but an interceptor
//! (`port/intercept.rs`).

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;

use super::{Ctx, Op, wrong};
use crate::ids::OpId;
use crate::words::call::{Answer, Call, Key, List, Reply, StorageError};

/// An object's storage (S1). Every method acts when it is called.
#[derive(Clone, Copy, Debug)]
pub struct Storage<'a> {
    ctx: &'a Ctx,
    allow_concurrency: bool,
}

/// What a call that can be refused gives.
pub type Refusable<T> = Op<Result<T, StorageError>>;

impl<'a> Storage<'a> {
    pub(super) fn new(ctx: &'a Ctx) -> Self {
        Self { ctx, allow_concurrency: false }
    }

    /// The same storage, with other events let in while a call waits for the datastore (O3): what a call gives may be
    /// out of date when it is there.
    #[must_use]
    pub fn allow_concurrency(self) -> Self {
        Self { allow_concurrency: true, ..self }
    }

    /// The value of a key. Refused for a key over 2,048 bytes (S7).
    #[track_caller]
    pub fn get(&self, key: impl Into<Key>) -> Refusable<Option<Bytes>> {
        self.call(Call::Get(key.into()), |reply| match reply {
            Reply::Value(value) => Ok(value),
            other => refused(other),
        })
    }

    /// The values of those of the keys that there are, in the order of the keys' bytes. Refused for more than 128 keys,
    /// and for a key over 2,048 bytes (S7).
    #[track_caller]
    pub fn get_many<K: Into<Key>>(&self, keys: impl IntoIterator<Item = K>) -> Refusable<Vec<(Key, Bytes)>> {
        let keys = keys.into_iter().map(Into::into).collect();
        self.call(Call::GetMany(keys), |reply| match reply {
            Reply::Entries(entries) => Ok(entries),
            other => refused(other),
        })
    }

    /// Sets a key. Refused for a key over 2,048 or a value over 131,072 bytes (S7).
    #[track_caller]
    pub fn put(&self, key: impl Into<Key>, value: impl Into<Bytes>) -> Refusable<()> {
        self.call(Call::Put(key.into(), value.into()), |reply| match reply {
            Reply::Done => Ok(()),
            other => refused(other),
        })
    }

    /// Sets several keys, all or none. Refused for more than 128 keys, and for a key over 2,048 or a value over 131,072
    /// bytes (S7).
    #[track_caller]
    pub fn put_many<K: Into<Key>, V: Into<Bytes>>(
        &self,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Refusable<()> {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        self.call(Call::PutMany(entries), |reply| match reply {
            Reply::Done => Ok(()),
            other => refused(other),
        })
    }

    /// Removes a key; whether it was there. Refused for a key over 2,048 bytes (S7).
    #[track_caller]
    pub fn delete(&self, key: impl Into<Key>) -> Refusable<bool> {
        self.call(Call::Delete(key.into()), |reply| match reply {
            Reply::Deleted(was_there) => Ok(was_there),
            other => refused(other),
        })
    }

    /// Removes several keys; how many of them were there. Refused for more than 128 keys, and for a key over 2,048 bytes
    /// (S7).
    #[track_caller]
    pub fn delete_many<K: Into<Key>>(&self, keys: impl IntoIterator<Item = K>) -> Refusable<u32> {
        let keys = keys.into_iter().map(Into::into).collect();
        self.call(Call::DeleteMany(keys), |reply| match reply {
            Reply::DeletedCount(count) => Ok(count),
            other => refused(other),
        })
    }

    /// Keys and values in the order of the keys' bytes (S6). Refused for a limit of zero, and for `start` together with
    /// `start_after` (S7).
    #[track_caller]
    pub fn list(&self, list: List) -> Refusable<Vec<(Key, Bytes)>> {
        self.call(Call::List(list), |reply| match reply {
            Reply::Entries(entries) => Ok(entries),
            other => refused(other),
        })
    }

    /// Removes all keys and the alarm in one atomic unit. Refused in a transaction (S8).
    #[track_caller]
    pub fn delete_all(&self) -> Refusable<()> {
        self.call(Call::DeleteAll { preserve_alarm: false }, |reply| match reply {
            Reply::Done => Ok(()),
            other => refused(other),
        })
    }

    /// Removes all keys and keeps the alarm (S8: the behaviour before the compatibility date 2026-02-24).
    /// Refused in a transaction.
    #[track_caller]
    pub fn delete_all_preserving_alarm(&self) -> Refusable<()> {
        self.call(Call::DeleteAll { preserve_alarm: true }, |reply| match reply {
            Reply::Done => Ok(()),
            other => refused(other),
        })
    }

    /// Resolves when every earlier write is durable. In a transaction it says nothing of what the transaction itself has
    /// written: that is written when it ends.
    #[track_caller]
    pub fn sync(&self) -> Op<()> {
        self.call(Call::Sync, done)
    }

    /// The scheduled time of the alarm: milliseconds since the UNIX epoch. None while the alarm is being handled,
    /// unless it was set again (A4).
    #[track_caller]
    pub fn get_alarm(&self) -> Op<Option<i64>> {
        self.call(Call::GetAlarm, |reply| match reply {
            Reply::Alarm(time_ms) => time_ms,
            other => wrong(&other),
        })
    }

    /// Schedules the alarm, replacing the one that is scheduled (A2). A time in the past means now (A6). Refused for a
    /// time that no alarm can have (A7), and in a class without `alarm()` (A8).
    #[track_caller]
    pub fn set_alarm(&self, time_ms: i64) -> Refusable<()> {
        self.call(Call::SetAlarm { time_ms }, |reply| match reply {
            Reply::AlarmSet { .. } => Ok(()),
            other => refused(other),
        })
    }

    /// Unschedules the alarm (A5).
    #[track_caller]
    pub fn delete_alarm(&self) -> Op<()> {
        self.call(Call::DeleteAlarm, done)
    }

    /// Runs `closure` as a transaction (S5): all that it writes becomes durable as one unit or not at all, changes of the
    /// alarm included. It begins when it is first awaited. Nothing else of the object runs until it has ended, so every
    /// storage call up to then belongs to it; like a `block_concurrency_while` it may take 30 s, then the object is reset.
    /// The time limit of `alarm()` runs on (R1).
    ///
    /// When the closure ends well, what it wrote belongs to the turn in which it ends. When it fails, or is dropped before
    /// its end, everything is rolled back, the alarm too, and the object lives on; what was written before the transaction
    /// stays. A panic resets the object, as everywhere.
    ///
    /// The closure may await reads, and outside services too; but a request to one does not wait for the transaction: it
    /// leaves when what was written before the transaction is durable, and no rollback calls it back.
    ///
    /// # Errors
    ///
    /// The closure's own; [`StorageError::NestedTransaction`] in a transaction, where `closure` is not run.
    pub fn transaction<T, E, F>(self, closure: F) -> impl Future<Output = Result<T, E>> + use<T, E, F>
    where
        F: Future<Output = Result<T, E>>,
        E: From<StorageError> + Display,
    {
        let ctx = self.ctx.clone();
        async move {
            let transaction = Transaction::begin(ctx)?;
            let result = closure.await;
            transaction.end(result.as_ref().map_or_else(|error| Err(error.to_string().into()), |_| Ok(())));
            result
        }
    }

    #[track_caller]
    fn call<T>(&self, call: Call, read: fn(Reply) -> T) -> Op<T> {
        self.ctx.op(self.ctx.port.call(call, self.allow_concurrency), read)
    }
}

fn done(reply: Reply) {
    if reply != Reply::Done {
        wrong(&reply)
    }
}

fn refused<T>(reply: Reply) -> Result<T, StorageError> {
    match reply {
        Reply::Refused(error) => Err(error),
        other => wrong(&other),
    }
}

/// A transaction in progress. Dropped before its end it is rolled back.
struct Transaction {
    ctx: Ctx,
    op: OpId,
}

impl Transaction {
    fn begin(ctx: Ctx) -> Result<Self, StorageError> {
        match ctx.port.call(Call::Transaction, false) {
            Answer::Pending(op) => {
                ctx.shared.begin_exclusive(op);
                Ok(Self { ctx, op })
            }
            Answer::Now(reply) => refused(reply),
        }
    }

    fn end(self, result: Result<(), Arc<str>>) {
        let was_open = self.ctx.port.end_transaction(self.op, result);
        assert!(was_open, "a transaction ends before the event that began it");
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // Nothing is left to roll back after a regular end.
        self.ctx.port.end_transaction(self.op, Err("it was dropped before its end".into()));
        self.ctx.shared.end_exclusive(self.op);
    }
}
