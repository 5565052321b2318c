//! The reference model: what one object's storage and alarm slot hold, durably and as its instances see them.
//!
//! Read them in this order: [`keys`] (durable keys and what an instance has written over them), [`list`] (both in order),
//! [`slot`] (the durable alarm slot, and which alarms have left it and why), [`instance`] (the uncommitted turns
//! of one instance and what it sees), [`calls`] (what a call does to them), [`transaction`] (what is to be part of a turn
//! or of none), [`commit`] (how they become durable), [`maybe`] (what may be, where a history does not tell), [`conduct`]
//! (its turns and open calls), [`heir`] (an instance that goes on from one that was reset), [`closed`] (when its gate was closed), [`waits`] (what has come for its code). [`object`] puts them together.
//!
//! The model follows a history and never judges it: it does not know rules, bounds, faults or verdicts. Where a
//! history does what the model cannot follow, a function here says so in its result and `check` decides.

pub(crate) mod calls;
pub(crate) mod closed;
pub(crate) mod commit;
pub(crate) mod conduct;
mod heir;
pub(crate) mod instance;
pub(crate) mod keys;
mod list;
pub(crate) mod loss;
pub(crate) mod losses;
pub(crate) mod maybe;
pub(crate) mod object;
pub(crate) mod read;
pub(crate) mod slot;
pub(crate) mod transaction;
pub(crate) mod waits;

use std::collections::VecDeque;

use self::slot::Setting;

/// One event of the history: the identity of whatever that event made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    /// Its position in the history.
    pub(crate) index: usize,
    /// True time.
    pub(crate) at_ns: u64,
}

/// Who changed a key, and where in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Writer {
    /// The instance.
    pub(crate) instance: u64,
    /// The turn of that instance.
    pub(crate) turn: u32,
    /// The call that changed it.
    pub(crate) mark: Mark,
    /// The run that was in progress in the instance then.
    pub(crate) run: Option<u64>,
    /// S5: the transaction that it was part of: where that began.
    pub(crate) transaction: Option<Mark>,
    /// S8: whether it was a `delete_all`.
    pub(crate) clears: bool,
}

/// What two writes are part of that has to be durable together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whole {
    /// S2.
    Turn,
    /// S5.
    Transaction,
}

impl Writer {
    /// S2, S5: what both writes are part of.
    pub(crate) fn shares(&self, other: &Writer) -> Option<Whole> {
        self.shares_with((other.instance, other.turn), other.transaction)
    }

    /// The same for what set an alarm.
    pub(crate) fn sets(&self, alarm: &Setting) -> Option<Whole> {
        self.shares_with((alarm.instance, alarm.turn), alarm.transaction)
    }

    fn shares_with(&self, turn: (u64, u32), transaction: Option<Mark>) -> Option<Whole> {
        match (self.transaction, transaction) {
            (Some(own), Some(other)) if own == other => Some(Whole::Transaction),
            _ => ((self.instance, self.turn) == turn).then_some(Whole::Turn),
        }
    }
}

/// R8: how many failed runs of an object are remembered.
const FAILED_RUNS_MAX: usize = 8;

/// What the datastore holds for one object.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) keys: keys::Keys,
    pub(crate) slot: slot::Slot,
    /// R8: the last few runs whose counted failure is durable.
    failed_runs: VecDeque<u64>,
    /// S5, S7: the last few writes that came to nothing.
    void: VecDeque<transaction::Void>,
    /// Where commits are not told: what else may be durable. What stands above is certain; of an alarm's slot that is
    /// not, it is the latest of the possible ones.
    maybe: maybe::Maybe,
    /// S2, S5: a key that was seen to be as a part of what should be whole would have made it.
    torn: Option<(crate::history::Key, Whole)>,
}

impl Row {
    /// R8: the counted failure of a run became durable.
    fn remember_failed(&mut self, run: u64) {
        if self.failed_runs.len() == FAILED_RUNS_MAX {
            self.failed_runs.pop_front();
        }
        self.failed_runs.push_back(run);
    }

    /// R8: whether this was written in a run whose counted failure is durable.
    pub(crate) fn is_of_failed_run(&self, writer: &Writer) -> bool {
        writer.run.is_some_and(|run| self.failed_runs.contains(&run))
    }
}
