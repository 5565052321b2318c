//! What has left a slot, why, and by what: kept so that a later run for it can be blamed on the right promise.

use super::alarm::Setting;
use super::failure::Failure;
use crate::reference::Mark;

/// Why an alarm is not in the slot any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// A2: by a later `set_alarm`, for this time.
    Replaced { by_ms: i64 },
    /// A5.
    Deleted,
    /// R6: while it waited for a retry.
    DeletedInBackoff,
    /// S8: by `delete_all`.
    Cleared,
    /// F4: its run ended well, in that epoch.
    Completed { epoch: u64 },
    /// R2: its retries were used up.
    Exhausted,
    /// The turn that set it was lost before it was durable.
    Lost,
    /// S5: it was set in a transaction that was rolled back, or lost with its instance.
    RolledBack,
}

/// How something was acknowledged (SPEC.md, "Words").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckKind {
    Response(u64),
    Outbound(u64),
    Sync,
    Completion(u64),
}

/// The moment at which an instance's turns up to one of them were acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ack {
    pub(crate) turn: u32,
    pub(crate) kind: AckKind,
    pub(crate) mark: Mark,
}

/// What removed an alarm: which call or end of run, in which turn of which instance, durable where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    pub(crate) op: Mark,
    pub(crate) instance: u64,
    pub(crate) turn: u32,
    pub(crate) commit: Mark,
    /// The acknowledgment that covers it, if there was one by then.
    pub(crate) acked: Option<Ack>,
}

/// An alarm that has left the slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone {
    pub(crate) setting: Setting,
    /// R4: its counted failures, and how its last run had ended.
    pub(crate) failures: u32,
    pub(crate) last: Option<Failure>,
    pub(crate) why: Why,
    pub(crate) cause: Cause,
    /// Whether a run has started for it since.
    pub(crate) is_delivered: bool,
    /// Whether its process was gone since: whatever is to start its runs may not have heard that it has left.
    pub(crate) is_unheard: bool,
}

impl Gone {
    pub(super) fn new(setting: Setting, why: Why, cause: Cause) -> Gone {
        Gone { setting, failures: 0, last: None, why, cause, is_delivered: false, is_unheard: false }
    }
}
