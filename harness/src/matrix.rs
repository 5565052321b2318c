//! Which calls object code really made in which context, and what became of them: read out of a history, so that it tells
//! what a campaign has tested, not what its plans had hoped for.

mod impossible;
mod life;

use std::collections::BTreeMap;

use reveille_model::history::{History, ObjectName, StorageCall};

pub use self::impossible::why_impossible;
use self::life::Object;

/// How often each cell was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix(BTreeMap<Cell, u64>);

/// A call in a context with what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The call.
    pub call: Call,
    /// Where it was made.
    pub context: Context,
    /// What became of it.
    pub outcome: Outcome,
}

/// Declares an enum of what a table names, with all its values and their names.
macro_rules! named {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $value:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$doc])* $value,)*
        }

        impl $name {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$value,)*];

            /// What it is called in tables.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)*
                }
            }
        }
    };
}

named! {
    /// A storage or alarm call (S1).
    Call {
        /// `get`.
        Get = "get",
        /// `get_many`.
        GetMany = "get_many",
        /// `put`.
        Put = "put",
        /// `put_many`.
        PutMany = "put_many",
        /// `delete`.
        Delete = "delete",
        /// `delete_many`.
        DeleteMany = "delete_many",
        /// `list`.
        List = "list",
        /// `delete_all`.
        DeleteAll = "delete_all",
        /// `delete_all` that preserves the alarm (S8).
        DeleteAllButAlarm = "delete_all keep",
        /// `sync`.
        Sync = "sync",
        /// `get_alarm`.
        GetAlarm = "get_alarm",
        /// `set_alarm`.
        SetAlarm = "set_alarm",
        /// `delete_alarm`.
        DeleteAlarm = "delete_alarm",
        /// `transaction`.
        Transaction = "transaction",
    }
}

named! {
    /// Where a call is made. The first that fits, from the end.
    Context {
        /// By a request.
        Request = "request",
        /// By a request while a run of `alarm()` is in progress (A4, F5, R7).
        Beside = "beside run",
        /// By a request while a failed alarm waits for its next run (R5, R6).
        Backoff = "backoff",
        /// By `alarm()`.
        Handler = "handler",
        /// By the constructor (O4, A9).
        Constructor = "constructor",
        /// In a transaction, whoever began it (S5).
        Transaction = "transaction",
    }
}

named! {
    /// What became of a call.
    Outcome {
        /// It gave its result; if it writes, what it wrote became durable, as far as it changed anything.
        Done = "done",
        /// It was refused (S7, A7, A8).
        Refused = "refused",
        /// It belongs to a transaction that was rolled back, or is that transaction (S5).
        RolledBack = "rolled back",
        /// Its instance was gone before it had a result, or before what it wrote was durable.
        Lost = "lost",
    }
}

impl Call {
    fn of(call: &StorageCall) -> Self {
        match call {
            StorageCall::Get { .. } => Self::Get,
            StorageCall::GetMany { .. } => Self::GetMany,
            StorageCall::Put { .. } => Self::Put,
            StorageCall::PutMany { .. } => Self::PutMany,
            StorageCall::Delete { .. } => Self::Delete,
            StorageCall::DeleteMany { .. } => Self::DeleteMany,
            StorageCall::List(_) => Self::List,
            StorageCall::DeleteAll { preserve_alarm: false } => Self::DeleteAll,
            StorageCall::DeleteAll { preserve_alarm: true } => Self::DeleteAllButAlarm,
            StorageCall::Sync => Self::Sync,
            StorageCall::GetAlarm => Self::GetAlarm,
            StorageCall::SetAlarm { .. } => Self::SetAlarm,
            StorageCall::DeleteAlarm => Self::DeleteAlarm,
            StorageCall::Transaction => Self::Transaction,
        }
    }

    /// Whether it changes something, or what it consists of may.
    fn writes(self) -> bool {
        !matches!(self, Self::Get | Self::GetMany | Self::List | Self::Sync | Self::GetAlarm)
    }

    /// Whether it takes the alarm out of the slot, or puts another one in.
    fn replaces_alarm(self) -> bool {
        matches!(self, Self::DeleteAll | Self::SetAlarm | Self::DeleteAlarm)
    }
}

impl Cell {
    /// All cells.
    pub fn all() -> impl Iterator<Item = Self> {
        let of = |call: Call, context: Context| {
            Outcome::ALL.iter().map(move |outcome| Self { call, context, outcome: *outcome })
        };
        let of = move |call: Call| Context::ALL.iter().flat_map(move |context| of(call, *context));
        Call::ALL.iter().flat_map(move |call| of(*call))
    }
}

impl Matrix {
    /// Of one history.
    pub fn of(history: &History) -> Self {
        let mut matrix = Self::default();
        let retries_max = history.header.constants.retries_max;
        let mut objects: BTreeMap<&ObjectName, Object> = BTreeMap::new();
        for event in &history.events {
            // Most of a history is not about instances.
            if let Some(by) = &event.by {
                objects.entry(&by.object).or_default().observe(by, &event.what, retries_max, &mut matrix);
            }
        }
        objects.into_values().for_each(|object| object.end(&mut matrix));
        matrix
    }

    /// Adds another one's counts.
    pub fn merge(&mut self, other: &Self) {
        for (cell, count) in &other.0 {
            *self.0.entry(*cell).or_default() += count;
        }
    }

    /// How often a cell was reached.
    pub fn count(&self, cell: Cell) -> u64 {
        self.0.get(&cell).copied().unwrap_or(0)
    }

    /// The cells that were not reached and could have been.
    pub fn missed(&self) -> impl Iterator<Item = Cell> {
        Cell::all().filter(|cell| self.count(*cell) == 0 && why_impossible(*cell).is_none())
    }

    fn add(&mut self, cell: Cell) {
        *self.0.entry(cell).or_default() += 1;
    }
}
