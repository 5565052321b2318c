//! Calls of object code: each acts on what its instance sees, at once (S1), and is logged for the commit of its turn.

use std::collections::BTreeSet;

use super::commit::{Entry, Write};
use super::instance::{Instance, Retry, Run, SlotChange};
use super::keys::{Change, Overlay};
use super::read::{Read, ReadCall};
use super::slot::{Setting, Why};
use super::transaction::OPEN_TURN;
use super::{Mark, Row, Writer};
use crate::history::{Blob, Key, ListOptions, StorageCall};

/// How to take back the last write, should it turn out that it was refused.
#[derive(Debug)]
pub(super) struct Undo {
    op: u64,
    /// How many entries of the log are its own.
    logged: usize,
    covered: Covered,
    run: Option<Run>,
}

#[derive(Debug)]
enum Covered {
    Nothing,
    Key(Key, Option<Change>),
    Keys(Vec<(Key, Option<Change>)>),
    Slot(Option<SlotChange>),
    All(Overlay, Option<SlotChange>),
}

/// A7, A8, S7, S8: what a call asks for and cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// So many, where at most so many are allowed.
    Limit { what: &'static str, given: u64, limit: u64 },
    /// `list` with a limit of zero.
    ZeroLimit,
    /// `list` with `start` and `start_after`.
    StartTwice,
    /// `delete_all` in a transaction.
    InTransaction { preserve_alarm: bool },
    /// `set_alarm` for a time that no alarm can have.
    BadTime,
    /// `set_alarm` in a class that declares no `alarm()`.
    NoHandler,
}

/// A call of object code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calling {
    pub(crate) op: u64,
    pub(crate) turn: u32,
    pub(crate) mark: Mark,
}

impl Instance {
    /// Object code makes a call: it acts now (S1). One that has to be refused is not to be made.
    pub(crate) fn call(&mut self, row: &Row, calling: Calling, call: &StorageCall) {
        match call {
            StorageCall::Get { key } => {
                if !self.superseded || self.overlay.decides(key) {
                    self.expect(calling, ReadCall::Get(key.clone()));
                }
            }
            StorageCall::GetMany { keys } => {
                if !self.superseded || keys.iter().all(|key| self.overlay.decides(key)) {
                    self.expect(calling, ReadCall::GetMany(keys.iter().cloned().collect()));
                }
            }
            StorageCall::List(options) => self.list(row, calling, options),
            StorageCall::GetAlarm => {
                if !self.superseded || self.slot.is_some() {
                    let view = self.alarm_view(row);
                    self.expect(calling, ReadCall::Alarm(view));
                }
            }
            StorageCall::Sync => self.sync(calling),
            StorageCall::Put { key, value } => self.put(row, calling, key, value),
            StorageCall::PutMany { entries } => self.put_many(row, calling, entries),
            StorageCall::Delete { key } => self.delete(row, calling, key),
            StorageCall::DeleteMany { keys } => self.delete_many(row, calling, keys),
            StorageCall::DeleteAll { preserve_alarm } => self.delete_all(row, calling, *preserve_alarm),
            StorageCall::SetAlarm { scheduled_ms, alarm, .. } => {
                let in_run_of_ms =
                    self.run.as_ref().and_then(|run| run.alarm).map(|alarm| alarm.scheduled_ms);
                self.set_alarm(
                    calling.op,
                    Setting {
                        set: calling.mark,
                        id: *alarm,
                        scheduled_ms: *scheduled_ms,
                        machine: self.machine,
                        instance: self.instance,
                        turn: self.turn_of_write(calling.turn),
                        transaction: self.transaction(),
                        in_run_of_ms,
                    },
                );
            }
            StorageCall::DeleteAlarm => self.delete_alarm(row, calling),
            StorageCall::Transaction => self.begin_transaction(calling.op, calling.mark),
        }
    }

    fn expect(&mut self, Calling { op, turn, mark }: Calling, call: ReadCall) {
        self.reads.push(Read { op, turn, mark, call, frozen: None });
    }

    /// It resolves when every write before it is durable. It does not wait for what its own turn is still to write.
    fn sync(&mut self, calling: Calling) {
        let has_written = self.log.back().is_some_and(|last| last.turn == calling.turn);
        let turn = if has_written { calling.turn } else { calling.turn.saturating_sub(1) };
        self.expect(Calling { turn, ..calling }, ReadCall::Sync);
    }

    fn list(&mut self, row: &Row, calling: Calling, options: &ListOptions) {
        if !self.superseded || self.overlay.decides_all() {
            self.overlay.find_gaps(&row.keys, options);
            self.expect(calling, ReadCall::List(Box::new(options.clone())));
        }
    }

    /// S5: what is written in a transaction belongs to the turn in which that ends.
    fn turn_of_write(&self, turn: u32) -> u32 {
        if self.open.is_empty() { turn } else { OPEN_TURN }
    }

    /// What a batch writes, though it is many keys, is one call.
    fn writer(&self, calling: Calling, clears: bool) -> Writer {
        Writer {
            instance: self.instance,
            turn: self.turn_of_write(calling.turn),
            mark: calling.mark,
            run: self.run.map(|run| run.run),
            transaction: self.transaction(),
            clears,
        }
    }

    /// Changes what the instance sees at a key. Returns what that covers.
    fn write(&mut self, key: &Key, value: Option<Blob>, writer: Writer) -> Option<Change> {
        let turn = writer.turn;
        let covered = self.overlay.set(key.clone(), Change { turn, value: value.clone(), writer });
        if let Some(open) = self.open.last_mut() {
            open.cover(key, covered.as_ref());
        }
        self.record(Entry { turn, mark: writer.mark, write: Write::Key(key.clone(), value, writer) });
        covered
    }

    fn record(&mut self, entry: Entry) {
        match self.open.last_mut() {
            Some(open) => open.entries.push(entry),
            None => self.log(entry),
        }
    }

    /// What belongs to a turn now.
    pub(super) fn log(&mut self, entry: Entry) {
        self.has_written = true;
        self.has_written_twice_in_a_turn |= self.log.back().is_some_and(|last| last.turn == entry.turn);
        self.log.push_back(entry);
    }

    fn put(&mut self, row: &Row, calling: Calling, key: &Key, value: &Blob) {
        self.freeze_reads(row);
        let writer = self.writer(calling, false);
        let covered = Covered::Key(key.clone(), self.write(key, Some(value.clone()), writer));
        self.undo = Some(Undo { logged: 1, covered, ..self.nothing_yet(calling) });
    }

    fn put_many(&mut self, row: &Row, calling: Calling, entries: &[(Key, Blob)]) {
        self.freeze_reads(row);
        let writer = self.writer(calling, false);
        let covered = entries
            .iter()
            .map(|(key, value)| (key.clone(), self.write(key, Some(value.clone()), writer)))
            .collect();
        let covered = Covered::Keys(covered);
        self.undo = Some(Undo { logged: entries.len(), covered, ..self.nothing_yet(calling) });
    }

    fn nothing_yet(&self, calling: Calling) -> Undo {
        Undo { op: calling.op, logged: 0, covered: Covered::Nothing, run: self.run }
    }

    /// A delete of what is not there is no write: systems differ in whether they commit it.
    fn delete(&mut self, row: &Row, calling: Calling, key: &Key) {
        self.freeze_reads(row);
        let view = self.view(row);
        let (was_there, old_writer) = (view.value(key).is_some(), view.writer(key));
        let is_known = !self.superseded || self.overlay.decides(key);
        let is_unsure = !self.overlay.decides(key) && row.is_unsure_of(key);
        let mut undo = self.nothing_yet(calling);
        if was_there || is_unsure {
            let writer = self.writer(calling, false);
            undo.covered = Covered::Key(key.clone(), self.write(key, None, writer));
            undo.logged = 1;
        }
        self.undo = Some(undo);
        if is_known {
            let writer = old_writer;
            self.expect(calling, ReadCall::Delete { key: key.clone(), was_there, writer, is_unsure });
        }
    }

    fn delete_many(&mut self, row: &Row, calling: Calling, keys: &[Key]) {
        self.freeze_reads(row);
        let keys: BTreeSet<&Key> = keys.iter().collect();
        let is_known = !self.superseded || keys.iter().all(|key| self.overlay.decides(key));
        let writer = self.writer(calling, false);
        let (mut covered, mut unsure) = (Vec::new(), Vec::new());
        for key in &keys {
            let is_unsure = !self.overlay.decides(key) && row.is_unsure_of(key);
            if is_unsure {
                unsure.push((*key).clone());
            }
            if is_unsure || self.view(row).value(key).is_some() {
                covered.push(((*key).clone(), self.write(key, None, writer)));
            }
        }
        let logged = covered.len();
        let there = logged - unsure.len();
        self.undo = Some(Undo { logged, covered: Covered::Keys(covered), ..self.nothing_yet(calling) });
        if is_known {
            let keys = keys.into_iter().cloned().collect();
            self.expect(calling, ReadCall::DeleteMany { keys, there, unsure });
        }
    }

    /// S8: all keys, and the alarm unless it is preserved. In a transaction it has to be refused; nothing is done.
    pub(crate) fn delete_all(&mut self, row: &Row, calling: Calling, preserve_alarm: bool) {
        let mut undo = self.nothing_yet(calling);
        if !self.open.is_empty() {
            self.undo = Some(undo);
            return;
        }
        self.freeze_reads(row);
        let (slot, turn, mark) = (self.slot, calling.turn, calling.mark);
        let removes_alarm = !preserve_alarm && self.may_have_alarm(row);
        if !preserve_alarm {
            (undo.covered, undo.logged) = (Covered::Slot(slot), self.end_retry(row, calling, Why::Cleared));
            if let Some(run) = &mut self.run {
                run.retry = Retry::Ended;
            }
        }
        if removes_alarm || row.is_unsure() || !self.overlay.shows_nothing(&row.keys) {
            if removes_alarm {
                self.remove_alarm(turn);
            }
            let writer = self.writer(calling, true);
            undo.covered = Covered::All(self.overlay.clear(turn, writer), slot);
            undo.logged += 1;
            self.record(Entry { turn, mark, write: Write::Clear { preserve_alarm, writer } });
        }
        self.undo = Some(undo);
    }

    fn set_alarm(&mut self, op: u64, setting: Setting) {
        let turn = setting.turn;
        let (covered, run) = (Covered::Slot(self.slot), self.run);
        self.undo = Some(Undo { op, logged: 1, covered, run });
        self.slot = Some(SlotChange { turn, alarm: Some(setting), tolerated_ms: None, by_end: false });
        if let Some(run) = &mut self.run {
            (run.replaced, run.retry) = (true, Retry::Ended);
        }
        self.record(Entry { turn, mark: setting.set, write: Write::SetAlarm(setting) });
    }

    /// A5: with no alarm it does nothing.
    fn delete_alarm(&mut self, row: &Row, calling: Calling) {
        let mut undo = self.nothing_yet(calling);
        undo.covered = Covered::Slot(self.slot);
        if self.may_have_alarm(row) {
            undo.logged = 1;
            let turn = self.turn_of_write(calling.turn);
            self.remove_alarm(turn);
            if let Some(run) = self.run.as_mut().filter(|run| run.retry == Retry::Due) {
                run.retry = Retry::LeftOpen;
            }
            self.record(Entry { turn, mark: calling.mark, write: Write::DeleteAlarm });
        } else {
            undo.logged = self.end_retry(row, calling, Why::DeletedInBackoff);
        }
        self.undo = Some(undo);
    }

    /// R6, S8: a retry that R7 has left open is not to come any more. Whether it would have only the system knows, so nothing
    /// has to become durable for that. Returns how many entries of the log are its own.
    fn end_retry(&mut self, row: &Row, calling: Calling, why: Why) -> usize {
        if !row.may_retry() {
            return 0;
        }
        let turn = self.turn_of_write(calling.turn);
        self.remove_alarm(turn);
        self.record(Entry { turn, mark: calling.mark, write: Write::EndRetry(why) });
        1
    }

    fn may_have_alarm(&self, row: &Row) -> bool {
        self.scheduled(&row.slot).is_some() || (self.slot.is_none() && row.is_unsure_of_slot())
    }

    fn remove_alarm(&mut self, turn: u32) {
        self.slot = Some(SlotChange { turn, alarm: None, tolerated_ms: None, by_end: false });
    }

    /// The read that a result belongs to, if the model has foretold it.
    pub(crate) fn take_read(&mut self, op: u64) -> Option<Read> {
        let position = self.reads.iter().rposition(|read| read.op == op)?;
        Some(self.reads.swap_remove(position))
    }

    /// The history tells of no results: those of the calls so far are not waited for.
    pub(crate) fn expect_no_results(&mut self) {
        self.reads.clear();
        self.conduct.forget_calls();
    }

    /// The call was refused although nothing had said that it would be: if it was the last write, nothing was written (S7).
    /// Returns what it would have written.
    pub(crate) fn refuse(&mut self, op: u64) -> Vec<(Key, Option<Blob>)> {
        let Some(undo) = self.undo.take_if(|undo| undo.op == op) else { return Vec::new() };
        let entries = match self.open.last_mut() {
            Some(open) => open.entries.split_off(open.entries.len().saturating_sub(undo.logged)),
            None => self.log.split_off(self.log.len().saturating_sub(undo.logged)).into(),
        };
        match undo.covered {
            Covered::Nothing => {}
            Covered::Key(key, change) => self.overlay.restore(&key, change),
            Covered::Keys(changes) => {
                for (key, change) in changes.into_iter().rev() {
                    self.overlay.restore(&key, change);
                }
            }
            Covered::Slot(slot) => self.slot = slot,
            Covered::All(overlay, slot) => (self.overlay, self.slot) = (overlay, slot),
        }
        self.run = undo.run;
        let keys = entries.into_iter().filter_map(|entry| match entry.write {
            Write::Key(key, value, _) => Some((key, value)),
            _ => None,
        });
        keys.collect()
    }
}
