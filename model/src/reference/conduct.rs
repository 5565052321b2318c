//! How an instance conducts itself: its constructor, its turns, and the calls that have no result yet. What they write
//! and read is [`super::instance`]'s.

use crate::rules::Id;
use std::collections::BTreeSet;

use super::Mark;
use super::calls::Over;
use super::slot::Setting;
use crate::history::{Delivery, How, StorageCall};

/// What is known of the constructor of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Constructor {
    /// The history does not say when it started.
    Unseen,
    Running,
    Ended,
    Failed,
}

/// What kind of result a call has, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    Get,
    GetMany,
    Put,
    PutMany,
    Delete,
    DeleteMany,
    List,
    DeleteAll,
    Sync,
    GetAlarm,
    SetAlarm { time_ms: i64, scheduled_ms: i64 },
    DeleteAlarm,
    Transaction,
}

impl CallKind {
    pub(crate) fn of(call: &StorageCall) -> Self {
        match call {
            StorageCall::Get { .. } => CallKind::Get,
            StorageCall::GetMany { .. } => CallKind::GetMany,
            StorageCall::Put { .. } => CallKind::Put,
            StorageCall::PutMany { .. } => CallKind::PutMany,
            StorageCall::Delete { .. } => CallKind::Delete,
            StorageCall::DeleteMany { .. } => CallKind::DeleteMany,
            StorageCall::List(_) => CallKind::List,
            StorageCall::DeleteAll { .. } => CallKind::DeleteAll,
            StorageCall::Sync => CallKind::Sync,
            StorageCall::GetAlarm => CallKind::GetAlarm,
            StorageCall::SetAlarm { time_ms, scheduled_ms, .. } => {
                CallKind::SetAlarm { time_ms: *time_ms, scheduled_ms: *scheduled_ms }
            }
            StorageCall::DeleteAlarm => CallKind::DeleteAlarm,
            StorageCall::Transaction => CallKind::Transaction,
        }
    }

    /// S1: whether it resolves at once, in memory. `delete` says whether the key was there, and that may have to be
    /// read first.
    pub(crate) fn resolves_at_once(self) -> bool {
        matches!(
            self,
            CallKind::Put
                | CallKind::PutMany
                | CallKind::DeleteAll
                | CallKind::SetAlarm { .. }
                | CallKind::DeleteAlarm
        )
    }

    /// Whether it can be refused for what the model does not know: a class without `alarm()`, a nested transaction.
    pub(crate) fn may_be_refused(self) -> bool {
        matches!(
            self,
            CallKind::SetAlarm { .. }
                | CallKind::DeleteAlarm
                | CallKind::GetAlarm
                | CallKind::Sync
                | CallKind::Transaction
        )
    }
}

/// A call without a result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outstanding {
    pub(crate) op: u64,
    pub(crate) kind: CallKind,
    pub(crate) turn: u32,
    pub(crate) mark: Mark,
    /// O3: whether it asked for the input gate to stay open.
    pub(crate) allow_concurrency: bool,
    /// Why it has to be refused, if it has to.
    pub(crate) over: Option<Over>,
}

impl Outstanding {
    /// O3: whether the input gate is closed until it has its result. `sync` is no storage operation in this sense: a system
    /// that holds back events for it is late.
    pub(crate) fn closes_gate(&self) -> bool {
        self.kind != CallKind::Sync && !self.allow_concurrency
    }
}

/// R1: a run that failed, and in which way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed {
    pub(crate) run: u64,
    pub(crate) how: How,
    pub(crate) turn: u32,
    pub(crate) mark: Mark,
}

/// The conduct of one instance.
#[derive(Debug)]
pub(crate) struct Conduct {
    pub(crate) constructor: Constructor,
    /// When that ended.
    pub(crate) constructed_ns: Option<u64>,
    /// The turn in progress, and the first event of it that was seen.
    pub(crate) turn: u32,
    pub(crate) turn_began: Option<Mark>,
    /// What the wall clock showed then.
    pub(crate) wall_ns: Option<i64>,
    /// What was delivered last, and the turn that began with it.
    pub(crate) delivered: Option<(u32, Delivery)>,
    /// O3: since when its input gate is closed, beyond a turn and whatever is outstanding.
    pub(crate) gate_closed: Option<Mark>,
    /// The turn in which that was closed.
    pub(crate) gate_turn: u32,
    /// The operations without a result that object code is known to wait for, and the turn in which it began to, the last time.
    awaited: Vec<(u64, u32)>,
    outstanding: Vec<Outstanding>,
    /// The call whose result the event at hand is.
    pub(crate) returned: Option<Outstanding>,
    /// The last run that failed and is told how.
    pub(crate) failed: Option<Failed>,
    /// A9: the alarm that woke the instance, once its constructor has replaced it; and the call that did.
    pub(crate) dropped: Option<(Setting, u64)>,
    /// Rules that were reported for this instance: what breaks one of these goes on breaking it.
    pub(crate) told: BTreeSet<Id>,
}

impl Conduct {
    pub(crate) fn new(is_start_seen: bool) -> Self {
        let constructor = if is_start_seen { Constructor::Running } else { Constructor::Unseen };
        Conduct {
            constructor,
            constructed_ns: None,
            turn: 0,
            turn_began: None,
            wall_ns: None,
            delivered: None,
            gate_closed: None,
            gate_turn: 0,
            awaited: Vec::new(),
            outstanding: Vec::new(),
            returned: None,
            failed: None,
            dropped: None,
            told: BTreeSet::new(),
        }
    }

    /// How long the turn in progress has gone on.
    pub(crate) fn computed_ns(&self, now: Mark) -> u64 {
        self.turn_began.map_or(0, |began| now.at_ns.saturating_sub(began.at_ns))
    }

    pub(crate) fn call(&mut self, outstanding: Outstanding) {
        self.outstanding.push(outstanding);
    }

    /// Object code waits for an operation, so far as is told.
    pub(crate) fn awaits(&mut self, op: u64, turn: u32) {
        match self.awaited.iter_mut().find(|(awaited, _)| *awaited == op) {
            Some(awaited) => awaited.1 = turn,
            None => self.awaited.push((op, turn)),
        }
    }

    /// A transaction has its result: whatever has waited for something in it waits no more.
    pub(crate) fn ends_transaction(&mut self, op: u64) {
        let is_it = |call: &&Outstanding| call.op == op && call.kind == CallKind::Transaction;
        if let Some(began) = self.outstanding.iter().find(is_it).map(|call| call.turn) {
            self.awaited.retain(|(_, awaited)| *awaited < began);
        }
    }

    /// An operation was begun in this turn, though nobody is known to wait for it yet.
    pub(crate) fn begun(&mut self, op: u64, turn: u32) {
        if self.awaited.iter().all(|(awaited, _)| *awaited != op) {
            self.awaited.push((op, turn));
        }
    }

    /// The last turn in which object code began to wait for an operation, whose result it is given now.
    pub(crate) fn awaited(&mut self, op: u64) -> Option<u32> {
        let position = self.awaited.iter().position(|(awaited, _)| *awaited == op)?;
        Some(self.awaited.swap_remove(position).1)
    }

    /// O3: since when a section or a transaction keeps the gate closed, and the turn in which the first of them began.
    pub(crate) fn section(&self) -> Option<(Mark, u32)> {
        let transactions = self.outstanding.iter().filter(|call| call.kind == CallKind::Transaction);
        let transactions = transactions.map(|call| (call.mark, call.turn));
        transactions.chain(self.gate_closed.map(|since| (since, self.gate_turn))).min()
    }

    /// The call that a result belongs to. It is outstanding no more.
    pub(crate) fn give_result(&mut self, op: u64) -> Option<Outstanding> {
        let position = self.outstanding.iter().rposition(|call| call.op == op);
        self.returned = position.map(|position| self.outstanding.swap_remove(position));
        self.returned
    }

    pub(super) fn forget_calls(&mut self) {
        self.outstanding.clear();
    }

    /// The calls without a result.
    pub(crate) fn outstanding(&self) -> &[Outstanding] {
        &self.outstanding
    }
}
