//! An open transaction (S5): what its closure has written lies over everything else that the instance sees, and becomes
//! part of the turn in which it ends, or of nothing.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::View;
use crate::store::command::{AlarmRow, AlarmWrite};
use crate::words::call::{Key, StorageError};

/// What a transaction has written so far.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) keys: BTreeMap<Key, Option<Bytes>>,
    pub(super) alarm: Option<AlarmWrite>,
    /// The alarm as it was when the transaction began.
    alarm_before: Option<AlarmRow>,
    /// Whether the alarm of the run in progress had been replaced when the transaction began (A4, F5).
    pub(super) replaced_before: bool,
}

impl Transaction {
    /// A run that was in progress when the transaction began has ended without it, and left this alarm. Gives whether the
    /// transaction has changed the alarm, which so is another one as long as it is not rolled back.
    pub(super) fn end_run(&mut self, alarm: Option<AlarmRow>) -> bool {
        self.alarm_before = alarm;
        self.alarm.is_some()
    }
}

impl View {
    /// Every write from here on belongs to a transaction. Refused if one is open already.
    pub fn begin_transaction(&mut self) -> Result<(), StorageError> {
        if self.transaction.is_some() {
            return Err(StorageError::NestedTransaction);
        }
        self.transaction = Some(Transaction {
            keys: BTreeMap::new(),
            alarm: None,
            alarm_before: self.alarm,
            replaced_before: self.run.is_some_and(|run| run.replaced),
        });
        Ok(())
    }

    /// S2, S5: what the transaction wrote is part of what the turn in progress has written.
    ///
    /// # Panics
    ///
    /// If none is open.
    pub fn commit_transaction(&mut self, turn: u32) {
        let Transaction { keys, alarm, .. } =
            self.transaction.take().expect("a transaction that ends is open");
        for (key, value) in keys {
            self.write(&key, value, turn);
        }
        if alarm.is_some() {
            self.turn.alarm = alarm;
        }
    }

    /// S5: it is as if the transaction had not been: its keys, its alarm, and that it replaced the alarm of the run in
    /// progress (A4, F5, R5).
    ///
    /// # Panics
    ///
    /// If none is open.
    pub fn roll_back_transaction(&mut self) {
        let before = self.transaction.take().expect("a transaction that ends is open");
        self.alarm = before.alarm_before;
        if let Some(run) = &mut self.run {
            run.replaced = before.replaced_before;
        }
    }
}
