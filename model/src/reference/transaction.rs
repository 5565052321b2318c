//! Transactions (S5): what belongs to one that has not ended, and what never came to be.
//!
//! A write in a transaction acts on what its instance sees like any other. Only its place in the log is open: that is the
//! turn in which the transaction ends, or none. So an open transaction keeps its own log, and what its writes have
//! covered. Transactions may be nested, as some systems allow; then an inner one ends into the outer one.

use std::collections::BTreeMap;

use super::commit::{Entry, Write};
use super::instance::{Instance, Retry, SlotChange};
use super::keys::Change;
use super::slot::{Cause, Setting, Why};
use super::{Mark, Row};
use crate::history::{Blob, Key, StorageCall};

/// The turn of a write whose transaction has not ended: later than every turn.
pub(super) const OPEN_TURN: u32 = u32::MAX;

/// How many writes that came to nothing are remembered for each object.
const VOID_MAX: usize = 8;

/// A transaction that has not ended.
#[derive(Debug)]
pub(super) struct Open {
    op: u64,
    pub(super) mark: Mark,
    pub(super) entries: Vec<Entry>,
    /// What its writes have covered: of each key the change before them, if there was one.
    covered: BTreeMap<Key, Option<Change>>,
    slot: Option<SlotChange>,
    /// The run that was in progress when it began, whether its alarm had been replaced, and what was known of its retry.
    run: Option<(u64, bool, Retry)>,
}

impl Open {
    /// A write covers this change, or none.
    pub(super) fn cover(&mut self, key: &Key, change: Option<&Change>) {
        if !self.covered.contains_key(key) {
            self.covered.insert(key.clone(), change.cloned());
        }
    }

    /// A change of `key` in `turn` became durable: it is not to be uncovered again.
    pub(super) fn settle(&mut self, key: &str, turn: u32) {
        if let Some(change) = self.covered.get_mut(key) {
            change.take_if(|change| change.turn <= turn);
        }
    }

    /// The same for the alarm's slot.
    pub(super) fn settle_slot(&mut self, is_settled: impl FnOnce(&SlotChange) -> bool) {
        self.slot.take_if(|change| is_settled(change));
    }

    /// What it has written, none of which is to be seen after `ended`.
    pub(super) fn void(&self, ended: Mark) -> Void {
        let mut void = Void {
            kind: VoidKind::Transaction,
            ended,
            keys: BTreeMap::new(),
            alarms: Vec::new(),
            touches_alarm: false,
        };
        for entry in &self.entries {
            match &entry.write {
                Write::Key(key, value, _) => _ = void.keys.insert(key.clone(), value.clone()),
                Write::SetAlarm(setting) => void.alarms.push(*setting),
                Write::DeleteAlarm | Write::EndRetry(_) | Write::Clear { .. } | Write::RunEnd(_) => {}
            }
            void.touches_alarm |= matches!(entry.write, Write::SetAlarm(_) | Write::DeleteAlarm);
        }
        void
    }
}

/// Why a write came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VoidKind {
    /// S5: its transaction was rolled back, or lost with its instance.
    Transaction,
    /// S7: it was refused.
    Refused,
}

/// Writes that came to nothing: a read that shows them can be blamed on the right promise.
#[derive(Clone, Debug)]
pub(crate) struct Void {
    pub(crate) kind: VoidKind,
    pub(crate) ended: Mark,
    keys: BTreeMap<Key, Option<Blob>>,
    alarms: Vec<Setting>,
    touches_alarm: bool,
}

impl Void {
    /// What a call would have written that has to be refused.
    pub(crate) fn of_refused(call: &StorageCall, made: Mark) -> Self {
        let keys = match call {
            StorageCall::Put { key, value } => vec![(key.clone(), Some(value.clone()))],
            StorageCall::PutMany { entries } => {
                entries.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect()
            }
            StorageCall::Delete { key } => vec![(key.clone(), None)],
            StorageCall::DeleteMany { keys } => keys.iter().map(|key| (key.clone(), None)).collect(),
            _ => Vec::new(),
        };
        let touches_alarm = matches!(call, StorageCall::DeleteAll { preserve_alarm: false });
        Void { touches_alarm, ..Void::refused(keys, made) }
    }

    /// What a refused call would have written.
    pub(crate) fn refused(keys: Vec<(Key, Option<Blob>)>, ended: Mark) -> Self {
        let keys = keys.into_iter().collect();
        Void { kind: VoidKind::Refused, ended, keys, alarms: Vec::new(), touches_alarm: false }
    }
}

impl Instance {
    pub(super) fn begin_transaction(&mut self, op: u64, mark: Mark) {
        self.undo = None;
        let run = self.run.map(|run| (run.run, run.replaced, run.retry));
        let (entries, covered) = (Vec::new(), BTreeMap::new());
        self.open.push(Open { op, mark, entries, covered, slot: self.slot, run });
    }

    /// The transaction that what is written now belongs to: the outermost one.
    pub(crate) fn transaction(&self) -> Option<Mark> {
        self.open.first().map(|open| open.mark)
    }

    /// The innermost transaction, if `op` is one that has not ended.
    pub(crate) fn innermost(&self, op: u64) -> Option<u64> {
        self.open.iter().any(|open| open.op == op).then(|| self.open.last().map(|open| open.op)).flatten()
    }

    /// S2, S5: the innermost transaction has ended well in this turn, and what it wrote belongs to it.
    pub(crate) fn commit_transaction(&mut self, turn: u32) {
        self.undo = None;
        let Some(Open { entries, covered, .. }) = self.open.pop() else { return };
        if let Some(outer) = self.open.last_mut() {
            for (key, change) in &covered {
                outer.cover(key, change.as_ref());
            }
            outer.entries.extend(entries);
            return;
        }
        for key in covered.keys() {
            self.overlay.close(key, turn);
        }
        if let Some(change) = self.slot.as_mut().filter(|change| change.turn == OPEN_TURN) {
            change.turn = turn;
            if let Some(setting) = &mut change.alarm {
                setting.turn = turn;
            }
        }
        entries.into_iter().for_each(|entry| self.log(entry.close(turn)));
    }

    /// S5: the innermost transaction has failed, and it is as if it had not been. Returns what it wrote.
    pub(crate) fn roll_back_transaction(&mut self, row: &Row, at: Mark) -> Option<Void> {
        self.undo = None;
        self.freeze_reads(row);
        let open = self.open.pop()?;
        let void = open.void(at);
        for (key, change) in open.covered {
            self.overlay.restore(&key, change);
        }
        if self.slot.is_some_and(|change| change.turn == OPEN_TURN) {
            self.slot = open.slot;
            self.end_run_again(row);
        }
        // A4, F5: neither has the alarm of the run been replaced.
        if let (Some(run), Some((before, replaced, retry))) = (&mut self.run, open.run)
            && run.run == before
        {
            (run.replaced, run.retry) = (replaced, retry);
        }
        Some(void)
    }
}

impl Row {
    /// Remembers what came to nothing, in the instance and turn given.
    pub(crate) fn remember_void(&mut self, void: Void, instance: u64, turn: u32) {
        for setting in &void.alarms {
            let cause = Cause { op: void.ended, instance, turn, commit: void.ended, acked: None };
            self.slot.forget(*setting, Why::RolledBack, cause);
        }
        if void.keys.is_empty() && !void.touches_alarm {
            return;
        }
        if self.void.len() == VOID_MAX {
            self.void.pop_front();
        }
        self.void.push_back(void);
    }

    /// What came to nothing after `since` and would have made the key what it is seen to be.
    pub(crate) fn void_write(&self, key: &str, seen: Option<&Blob>, since: Option<Mark>) -> Option<&Void> {
        let is_after = |void: &&Void| since.is_none_or(|since| void.ended > since);
        let mut after = self.void.iter().rev().take_while(is_after);
        after.find(|void| void.keys.get(key).is_some_and(|value| value.as_ref() == seen))
    }

    /// S7: the keys that the refused call of that moment would have written.
    pub(crate) fn void_keys(&self, made: Mark) -> impl Iterator<Item = &Key> {
        self.void.iter().filter(move |void| void.ended == made).flat_map(|void| void.keys.keys())
    }

    /// S5, S8: the last transaction that was rolled back after `since`, or `delete_all` that was refused, and had changed the alarm.
    pub(crate) fn void_alarm_change(&self, since: Mark) -> Option<&Void> {
        self.void.iter().rev().take_while(|void| void.ended > since).find(|void| void.touches_alarm)
    }
}
