//! The reference model: what one object's storage and alarm slot hold, durably and as its instances see them.
//!
//! Three layers, read them in this order: [`keys`] (durable keys and what an instance has written over them),
//! [`slot`] (the durable alarm slot, and which alarms have left it and why), [`instance`] (the uncommitted turns
//! of one instance and what it sees), [`commit`] (how they become durable). [`object`] puts them together.
//!
//! The model follows a history and never judges it: it does not know rules, bounds, faults or verdicts. Where a
//! history does what the model cannot follow, a function here says so in its result and `check` decides.

pub(crate) mod commit;
pub(crate) mod instance;
pub(crate) mod keys;
pub(crate) mod object;
pub(crate) mod read;
pub(crate) mod slot;

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
    /// The call that changed it.
    pub(crate) mark: Mark,
}

/// What the datastore holds for one object.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) keys: keys::Keys,
    pub(crate) slot: slot::Slot,
}
