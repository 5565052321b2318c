//! What an instance sees of its storage and of its alarm slot, and what of that is not durable yet.
//!
//! Plain data and functions: no futures, no messages. A call acts when it is made (S1): a write changes the view at
//! once; a read is answered from memory, or becomes a [`Query`] to the datastore whose answer is laid under the writes
//! that were there when the read was made (S4). An object is not loaded whole: the view knows the keys that it has
//! read or written, and whether it knows them all.
//!
//! The one assumption is that nobody else writes the object's rows, which epochs guarantee (O1). So what is known stays
//! true, and a key that this instance never touched is in the datastore as it was when the instance started.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::alarm;
use crate::ids::{ObjectName, OpId, Stamp};
use crate::io::Now;
use crate::object::op::{Call, Key, List, Reply, StorageError};
use crate::store::command::{AlarmRow, AlarmWrite, Answer, Query, TurnWrites};

/// S7: the longest key, in bytes.
pub const KEY_LEN_MAX: usize = 2_048;
/// S7: the longest value, in bytes.
pub const VALUE_LEN_MAX: usize = 131_072;
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

/// A read that waits for the datastore: what it has to remember of the moment at which it was made.
#[derive(Debug)]
pub enum Reading {
    /// A `get`.
    Get(Key),
    /// A `delete` that has acted, and wants to know whether the key was there.
    Delete(Key),
    /// A `list`, with the unsaved writes in its range as they were when it was made.
    List(List, Vec<(Key, Option<Bytes>)>),
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
        }
    }

    /// Makes a call in turn `turn`. `stamp` gives an identity to an alarm that is set.
    ///
    /// # Panics
    ///
    /// For [`Call::Sync`], which is not about the view.
    pub fn call(&mut self, call: &Call, turn: u32, now: Now, stamp: impl FnOnce() -> Stamp) -> Next {
        match call {
            Call::Get(key) => self.get(key),
            Call::Put(key, value) => Next::Now(self.put(key, value, turn)),
            Call::Delete(key) => self.delete(key, turn),
            Call::List(list) => self.list(list),
            Call::DeleteAll { preserve_alarm } => Next::Now(self.delete_all(*preserve_alarm)),
            Call::GetAlarm => Next::Now(Reply::Alarm(self.get_alarm())),
            Call::SetAlarm { time_ms } => Next::Now(self.set_alarm(*time_ms, now, stamp)),
            Call::DeleteAlarm => {
                self.write_alarm(None);
                Next::Now(Reply::Done)
            }
            Call::Sync => unreachable!("sync waits for commits, not for the view"),
        }
    }

    fn get(&mut self, key: &Key) -> Next {
        if let Err(error) = check_key(key) {
            return Next::Now(Reply::Refused(error));
        }
        match self.lookup(key) {
            Some(value) => Next::Now(Reply::Value(value)),
            None => Next::Ask(self.query_get(key), Reading::Get(key.clone())),
        }
    }

    fn put(&mut self, key: &Key, value: &Bytes, turn: u32) -> Reply {
        if let Err(error) = check_key(key).and_then(|()| check_value(value)) {
            return Reply::Refused(error);
        }
        self.write(key, Some(value.clone()), turn);
        Reply::Done
    }

    fn delete(&mut self, key: &Key, turn: u32) -> Next {
        if let Err(error) = check_key(key) {
            return Next::Now(Reply::Refused(error));
        }
        let before = self.lookup(key);
        self.write(key, None, turn);
        match before {
            Some(value) => Next::Now(Reply::Deleted(value.is_some())),
            None => Next::Ask(self.query_get(key), Reading::Delete(key.clone())),
        }
    }

    fn list(&mut self, list: &List) -> Next {
        if let Err(error) = check_list(list) {
            return Next::Now(Reply::Refused(error));
        }
        if self.complete {
            let all = self.known.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
            return Next::Now(Reply::Entries(select(list, all)));
        }
        let overlay: Vec<_> = self
            .unsaved
            .keys()
            .filter(|key| list.admits(key))
            .map(|key| (key.clone(), self.known.get(key).cloned().flatten()))
            .collect();
        let mut asked = list.clone();
        // Each unsaved removal may hide one of the entries that the datastore gives.
        let extra = u32::try_from(overlay.len()).unwrap_or(u32::MAX);
        asked.limit = asked.limit.map(|limit| limit.saturating_add(extra));
        let query = Query::List { object: self.object.clone(), list: asked };
        Next::Ask(query, Reading::List(list.clone(), overlay))
    }

    /// S8: all keys, and the alarm unless it is preserved, in one atomic unit.
    fn delete_all(&mut self, preserve_alarm: bool) -> Reply {
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
        self.turn.alarm = Some(row.map_or(AlarmWrite::Remove, AlarmWrite::Schedule));
    }

    fn write(&mut self, key: &Key, value: Option<Bytes>, turn: u32) {
        self.known.insert(key.clone(), value.clone());
        self.unsaved.insert(key.clone(), turn);
        self.turn.keys.insert(key.clone(), value);
    }

    /// What a key holds, if that is known.
    fn lookup(&self, key: &Key) -> Option<Option<Bytes>> {
        match self.known.get(key) {
            Some(value) => Some(value.clone()),
            None => self.complete.then_some(None),
        }
    }

    fn query_get(&self, key: &Key) -> Query {
        Query::Get { object: self.object.clone(), key: key.clone() }
    }

    /// The datastore answered a read: the reply for object code.
    ///
    /// # Panics
    ///
    /// If the answer is not of the reading's kind.
    pub fn answered(&mut self, reading: Reading, answer: Answer) -> Reply {
        match (reading, answer) {
            (Reading::Get(key), Answer::Value(value)) => {
                self.learn(key, &value);
                Reply::Value(value)
            }
            (Reading::Delete(_), Answer::Value(value)) => Reply::Deleted(value.is_some()),
            (Reading::List(list, overlay), Answer::Entries(entries)) => {
                for (key, value) in &entries {
                    self.learn(key.clone(), &Some(value.clone()));
                }
                if list == List::default() || list == (List { reverse: true, ..List::default() }) {
                    self.complete = true;
                }
                let mut merged: BTreeMap<Key, Option<Bytes>> =
                    entries.into_iter().map(|(key, value)| (key, Some(value))).collect();
                merged.extend(overlay);
                let present = merged.into_iter().filter_map(|(key, value)| Some((key, value?)));
                Reply::Entries(select(&list, present))
            }
            (reading, answer) => panic!("{answer:?} is no answer to {reading:?}"),
        }
    }

    /// What the datastore held at a key when it was asked. Once everything is known there is nothing to learn: what comes
    /// then was asked before a `delete_all` and is gone.
    fn learn(&mut self, key: Key, value: &Option<Bytes>) {
        if !self.complete {
            self.known.entry(key).or_insert_with(|| value.clone());
        }
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
    /// # Panics
    ///
    /// If none is in progress.
    pub fn end_run(&mut self, verdict: RunVerdict) -> Option<AlarmRow> {
        let run = self.run.take().expect("a run that ends was in progress");
        if run.replaced {
            // F5, R5: what was set meanwhile stays; R7: what was deleted meanwhile is not tried again.
            return None;
        }
        self.turn.ends_run = Some(run.run);
        let again = match verdict {
            RunVerdict::Ok => None,
            RunVerdict::Failed { retry_at_ms } => alarm::record_failure(run.row, retry_at_ms),
        };
        self.alarm = again;
        self.turn.alarm = Some(again.map_or(AlarmWrite::Remove, AlarmWrite::Schedule));
        again
    }

    /// The turn is over: what it wrote, if anything.
    pub fn end_turn(&mut self, turn: u32) -> Option<TurnWrites> {
        let TurnBuffer { clear, keys, alarm, ends_run } = std::mem::take(&mut self.turn);
        if !clear && keys.is_empty() && alarm.is_none() && ends_run.is_none() {
            return None;
        }
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

/// Orders and cuts entries as `list` asks (S6).
fn select(list: &List, ascending: impl DoubleEndedIterator<Item = (Key, Bytes)>) -> Vec<(Key, Bytes)> {
    let admitted = ascending.filter(|(key, _)| list.admits(key));
    let limit = list.limit.map_or(usize::MAX, |limit| limit as usize);
    if list.reverse { admitted.rev().take(limit).collect() } else { admitted.take(limit).collect() }
}

fn check_key(key: &Arc<str>) -> Result<(), StorageError> {
    if key.len() > KEY_LEN_MAX {
        return Err(StorageError::KeyTooLong { limit: KEY_LEN_MAX, len: key.len() });
    }
    Ok(())
}

fn check_value(value: &Bytes) -> Result<(), StorageError> {
    if value.len() > VALUE_LEN_MAX {
        return Err(StorageError::ValueTooLong { limit: VALUE_LEN_MAX, len: value.len() });
    }
    Ok(())
}

fn check_list(list: &List) -> Result<(), StorageError> {
    if list.limit == Some(0) {
        return Err(StorageError::ZeroLimit);
    }
    if list.start.is_some() && list.start_after.is_some() {
        return Err(StorageError::StartTwice);
    }
    Ok(())
}

/// The operation number that follows.
pub fn next_op(counter: &mut u64) -> OpId {
    *counter += 1;
    OpId(*counter)
}
