//! What an instance sees of its storage and of its alarm slot, and what of that is not durable yet.
//!
//! Plain data and functions: no futures, no messages. A call acts when it is made (S1): a write changes the view at
//! once; a read is answered from memory, or becomes a [`Query`] to the datastore whose answer is laid under the writes
//! that were there when the read was made (S4). An object is not loaded whole: the view knows the keys that it has
//! read or written, and whether it knows them all.
//!
//! The one assumption is that nobody else writes the object's rows, which epochs guarantee (O1). So what is known stays
//! true, and a key that this instance never touched is in the datastore as it was when the instance started. While writes of an
//! instance before it are still on their way, nothing is asked of the datastore (`entry/life.rs`).

mod limits;
mod read;
mod transaction;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::alarm;
use crate::ids::{ObjectName, OpId, Stamp};
use crate::store::command::{AlarmRow, AlarmWrite, Query, TurnWrites};
use crate::words::call::{Call, Key, Reply, StorageError};
use crate::words::time::Now;

pub use self::limits::{BATCH_LEN_MAX, KEY_LEN_MAX, VALUE_LEN_MAX};
pub use self::read::Reading;
use self::transaction::Transaction;

/// A7: the largest alarm time: 2^63 nanoseconds.
pub const ALARM_TIME_MAX_MS: i64 = i64::MAX / 1_000_000;

/// The view of one instance.
#[derive(Debug)]
pub struct View {
    object: ObjectName,
    instance: Stamp,
    declares_alarm: bool,
    /// What each key holds as far as it is known; none is known to be absent.
    known: BTreeMap<Key, Option<Bytes>>,
    /// Whether every key that is not in `known` is known to be absent.
    complete: bool,
    /// Keys whose last write may not be durable, with the turn of that write.
    unsaved: BTreeMap<Key, u32>,
    /// The scheduled alarm, the object's own unsaved changes included.
    alarm: Option<AlarmRow>,
    /// The run of `alarm()` in progress.
    run: Option<Run>,
    /// What the turn in progress has written.
    turn: TurnBuffer,
    /// What the transaction in progress has written; it belongs to no turn yet (S5).
    transaction: Option<Transaction>,
}

/// A run of `alarm()` in progress.
#[derive(Clone, Copy, Debug)]
struct Run {
    run: Stamp,
    row: AlarmRow,
    /// Whether the alarm was set or deleted since the run started: what it is for is then no longer in the slot.
    replaced: bool,
}

#[derive(Debug, Default)]
struct TurnBuffer {
    clear: bool,
    keys: BTreeMap<Key, Option<Bytes>>,
    alarm: Option<AlarmWrite>,
    ends_run: Option<Stamp>,
}

/// How a call goes on.
#[derive(Debug)]
pub enum Next {
    /// It is answered.
    Now(Reply),
    /// The datastore has to be asked; the answer goes to [`View::answered`] together with what is to be remembered.
    Ask(Query, Reading),
}

/// How a run ended, for the alarm's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunVerdict {
    /// The handler returned: its alarm is done.
    Ok,
    /// It failed, counted (R1); if it is to be tried again, not before this wall time.
    Failed {
        /// Milliseconds since the UNIX epoch.
        retry_at_ms: i64,
    },
}

impl View {
    /// The view of a new instance, whose object's scheduled alarm is `alarm`.
    pub fn new(object: ObjectName, instance: Stamp, declares_alarm: bool, alarm: Option<AlarmRow>) -> Self {
        Self {
            object,
            instance,
            declares_alarm,
            known: BTreeMap::new(),
            complete: false,
            unsaved: BTreeMap::new(),
            alarm,
            run: None,
            turn: TurnBuffer::default(),
            transaction: None,
        }
    }

    /// Makes a call in turn `turn`. `stamp` gives an identity to an alarm that is set.
    ///
    /// # Panics
    ///
    /// For [`Call::Sync`] and [`Call::Transaction`], whose results are not the view's to give.
    pub fn call(&mut self, call: &Call, turn: u32, now: Now, stamp: impl FnOnce() -> Stamp) -> Next {
        if let Err(error) = limits::check(call) {
            return Next::Now(Reply::Refused(error));
        }
        match call {
            Call::Get(key) => self.get(key),
            Call::GetMany(keys) => self.get_many(keys),
            Call::Put(key, value) => {
                self.write(key, Some(value.clone()), turn);
                Next::Now(Reply::Done)
            }
            Call::PutMany(entries) => {
                for (key, value) in entries {
                    self.write(key, Some(value.clone()), turn);
                }
                Next::Now(Reply::Done)
            }
            Call::Delete(key) => self.delete(key, turn),
            Call::DeleteMany(keys) => self.delete_many(keys, turn),
            Call::List(list) => self.list(list),
            Call::DeleteAll { preserve_alarm } => Next::Now(self.delete_all(*preserve_alarm)),
            Call::GetAlarm => Next::Now(Reply::Alarm(self.get_alarm())),
            Call::SetAlarm { time_ms } => Next::Now(self.set_alarm(*time_ms, now, stamp)),
            Call::DeleteAlarm => {
                self.write_alarm(None);
                Next::Now(Reply::Done)
            }
            Call::Sync | Call::Transaction => unreachable!("{call:?} is no matter of the view alone"),
        }
    }

    fn delete(&mut self, key: &Key, turn: u32) -> Next {
        let before = self.lookup(key);
        let query = self.query_get(key);
        self.write(key, None, turn);
        match before {
            Some(value) => Next::Now(Reply::Deleted(value.is_some())),
            None => Next::Ask(query, Reading::Delete),
        }
    }

    /// How many of the keys are there is told when it is known; they are gone at once.
    fn delete_many(&mut self, keys: &[Key], turn: u32) -> Next {
        let mut there = 0;
        let mut unknown = BTreeSet::new();
        // A key that is named twice is there once.
        for key in keys.iter().collect::<BTreeSet<_>>() {
            match self.lookup(key) {
                Some(value) => there += u32::from(value.is_some()),
                None => _ = unknown.insert(key.clone()),
            }
            self.write(key, None, turn);
        }
        if unknown.is_empty() {
            return Next::Now(Reply::DeletedCount(there));
        }
        Next::Ask(self.query_many(unknown), Reading::DeleteMany(there))
    }

    /// S8: all keys, and the alarm unless it is preserved, in one atomic unit.
    fn delete_all(&mut self, preserve_alarm: bool) -> Reply {
        if self.transaction.is_some() {
            return Reply::Refused(StorageError::DeleteAllInTransaction);
        }
        self.known.clear();
        self.unsaved.clear();
        self.complete = true;
        self.turn.clear = true;
        self.turn.keys.clear();
        if !preserve_alarm {
            self.write_alarm(None);
        }
        Reply::Done
    }

    /// A3, A4: the scheduled time; none while the alarm that is running is still the one in the slot.
    fn get_alarm(&self) -> Option<i64> {
        match self.run {
            Some(run) if !run.replaced => None,
            _ => self.alarm.map(|row| row.scheduled_ms),
        }
    }

    fn set_alarm(&mut self, time_ms: i64, now: Now, stamp: impl FnOnce() -> Stamp) -> Reply {
        if !self.declares_alarm {
            // A8.
            return Reply::Refused(StorageError::NoAlarmHandler { class: self.object.class().into() });
        }
        if !(1..=ALARM_TIME_MAX_MS).contains(&time_ms) {
            // A7.
            return Reply::Refused(StorageError::BadAlarmTime { limit_ms: ALARM_TIME_MAX_MS, time_ms });
        }
        // A6: the past means now. A10: a new identity whatever the time.
        let scheduled_ms = time_ms.max(now.wall_ms());
        let row = AlarmRow { alarm: stamp(), scheduled_ms, retry_count: 0, not_before_ms: scheduled_ms };
        self.write_alarm(Some(row));
        Reply::AlarmSet { alarm: row.alarm, scheduled_ms }
    }

    /// A2, A5: what was in the slot is out of it. F5, R5, R7: while a run is in progress, the run is then for an alarm
    /// that is no longer scheduled, and its end changes nothing in the slot.
    fn write_alarm(&mut self, row: Option<AlarmRow>) {
        if let Some(run) = &mut self.run {
            run.replaced = true;
        }
        if self.alarm.is_none() && row.is_none() {
            return;
        }
        self.alarm = row;
        let write = Some(row.map_or(AlarmWrite::Remove, AlarmWrite::Schedule));
        match &mut self.transaction {
            Some(transaction) => transaction.alarm = write,
            None => self.turn.alarm = write,
        }
    }

    fn write(&mut self, key: &Key, value: Option<Bytes>, turn: u32) {
        if let Some(transaction) = &mut self.transaction {
            transaction.keys.insert(key.clone(), value);
            return;
        }
        self.known.insert(key.clone(), value.clone());
        self.unsaved.insert(key.clone(), turn);
        self.turn.keys.insert(key.clone(), value);
    }

    /// The instance whose view this is.
    pub fn instance(&self) -> Stamp {
        self.instance
    }

    /// The scheduled alarm, the object's own unsaved changes included.
    pub fn scheduled(&self) -> Option<AlarmRow> {
        self.alarm
    }

    /// A run of `alarm()` starts for the alarm in the slot.
    ///
    /// # Panics
    ///
    /// If one is in progress already (F3), or `row` is not what is in the slot.
    pub fn begin_run(&mut self, run: Stamp, row: AlarmRow) {
        assert!(self.run.is_none(), "F3: one run at a time");
        assert_eq!(
            self.alarm.map(|scheduled| scheduled.alarm),
            Some(row.alarm),
            "A1: only what is in the slot runs"
        );
        self.run = Some(Run { run, row, replaced: false });
    }

    /// The run in progress has ended in the turn in progress. Its end and the turn's writes are one unit (F4).
    /// Gives the alarm's record if it is to run again.
    ///
    /// A transaction that is open now has begun since the run's code ended, in the same turn: nothing else of the object runs
    /// in one (S5). So it lies over the end of the run and is no part of it.
    ///
    /// # Panics
    ///
    /// If none is in progress.
    pub fn end_run(&mut self, verdict: RunVerdict) -> Option<AlarmRow> {
        let run = self.run.take().expect("a run that ends was in progress");
        let replaced =
            self.transaction.as_ref().map_or(run.replaced, |transaction| transaction.replaced_before);
        if replaced {
            // F5, R5: what was set meanwhile stays; R7: what was deleted meanwhile is not tried again.
            return None;
        }
        self.turn.ends_run = Some(run.run);
        let again = match verdict {
            RunVerdict::Ok => None,
            RunVerdict::Failed { retry_at_ms } => alarm::record_failure(run.row, retry_at_ms),
        };
        let is_covered = self.transaction.as_mut().is_some_and(|transaction| transaction.end_run(again));
        if !is_covered {
            self.alarm = again;
        }
        self.turn.alarm = Some(again.map_or(AlarmWrite::Remove, AlarmWrite::Schedule));
        again
    }

    /// Whether the turn in progress has written anything. What a transaction writes counts when that ends (S5).
    pub fn has_written(&self) -> bool {
        let TurnBuffer { clear, keys, alarm, ends_run } = &self.turn;
        *clear || !keys.is_empty() || alarm.is_some() || ends_run.is_some()
    }

    /// The turn is over: what it wrote, if anything.
    pub fn end_turn(&mut self, turn: u32) -> Option<TurnWrites> {
        if !self.has_written() {
            return None;
        }
        let TurnBuffer { clear, keys, alarm, ends_run } = std::mem::take(&mut self.turn);
        Some(TurnWrites {
            object: self.object.clone(),
            instance: self.instance,
            turn,
            clear,
            keys: keys.into_iter().collect(),
            alarm,
            ends_run,
        })
    }

    /// A turn has become durable: the last writes it made to these keys need no longer be laid over what is read.
    pub fn saved(&mut self, turn: u32, keys: &[(Key, Option<Bytes>)]) {
        for (key, _) in keys {
            if self.unsaved.get(key) == Some(&turn) {
                self.unsaved.remove(key);
            }
        }
    }
}

/// The operation number that follows.
pub fn next_op(counter: &mut u64) -> OpId {
    *counter += 1;
    OpId(*counter)
}
