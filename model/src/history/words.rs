//! What the fields of events may say: how requests, runs and instances end, whom faults strike, what a process is at.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AlarmId, Blob, Headers};

/// An alarm as the datastore holds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmAtRest {
    /// Its identity, where the system has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<AlarmId>,
    /// Its scheduled time, wall time.
    pub scheduled_ms: i64,
    /// Its counted failures so far, where the datastore holds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_count: Option<u32>,
}

/// How a client's request ended: what a machine said, or what the client got.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An answer arrived.
    Answered {
        /// HTTP status.
        status: u16,
        /// Its headers, where it has any.
        #[serde(default, skip_serializing_if = "Headers::is_empty")]
        headers: Headers,
        /// The body.
        body: Blob,
    },
    /// The system refused it, and said so: no object code was given it, and none will be (W2).
    Refused {
        /// Why, as the client was told.
        reason: Arc<str>,
    },
    /// None arrived in time: whether the request had an effect is unknown.
    Unknown,
}

/// What an instance was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Cause {
    /// A request.
    Request,
    /// A due alarm (F8).
    Alarm,
}

/// Why an instance ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EndReason {
    /// It was idle.
    Evicted,
    /// It was reset, and not for a limit of O7.
    Reset {
        /// Why, in words.
        why: Arc<str>,
        /// For what, where the writer knows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<ResetCause>,
    },
    /// It was reset because the object exceeded its memory limit or its budget of a turn (O7).
    OverLimit {
        /// Which limit, in words.
        why: Arc<str>,
    },
    /// Its machine, which is alive, does not hold the object any more.
    Moved,
    /// Its machine crashed or lost power.
    Lost,
}

/// What an instance is reset for (R1, O4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ResetCause {
    /// `alarm()` returned an error. R1: that is no reason.
    Error,
    /// A handler panicked.
    Panic,
    /// `alarm()` exceeded its time limit.
    TimeLimit,
    /// The constructor failed or exceeded its limit (O4).
    Constructor,
    /// A `block_concurrency_while` failed, or it or a transaction exceeded its limit.
    Section,
    /// The datastore refused a commit.
    Datastore,
}

/// What is delivered to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Delivery {
    /// A request.
    Request {
        /// Which.
        request: u64,
    },
    /// Its alarm.
    Alarm {
        /// The run that starts.
        run: u64,
    },
    /// The result of an operation.
    Result {
        /// Which operation.
        op: u64,
    },
}

/// What an await waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AwaitKind {
    /// A storage operation: the input gate is closed meanwhile (O3).
    Storage,
    /// `sync`.
    Sync,
    /// An outside service.
    Outside,
    /// The end of a timer.
    Timer,
}

/// What object code may say of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PromiseKind {
    /// It holds each time.
    Always,
    /// It holds now and then.
    Sometimes,
    /// The code that says so never runs.
    Unreachable,
}

/// How a run of `alarm()` ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// It returned.
    Ok,
    /// It failed and that counts (R1).
    Failed {
        /// What it said.
        why: Arc<str>,
        /// In which way, where the writer knows.
        #[serde(skip_serializing_if = "Option::is_none")]
        how: Option<How>,
    },
    /// The platform failed it and that does not count (R1). A run that was lost with its machine has no end at all.
    Platform {
        /// What failed.
        why: Arc<str>,
    },
}

/// In which way a run failed. R1: all but an error reset its instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum How {
    /// It returned an error.
    Error,
    /// It panicked.
    Panic,
    /// It exceeded its time limit.
    TimeLimit,
    /// Its object exceeded its memory limit or its budget of a turn (O7).
    OverLimit,
    /// Its instance was reset for something else that its object had done.
    Reset,
}

/// Whom a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    /// One machine.
    Machine(u16),
    /// All machines of a datacenter.
    Datacenter(u16),
    /// The links from each of these machines to each of those.
    Links {
        /// Senders.
        from: Vec<u16>,
        /// Receivers.
        to: Vec<u16>,
    },
    /// All links between machines.
    Network,
    /// An outside service.
    Service(Arc<str>),
}

/// The phases of a run, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Phase {
    /// The cluster boots; nothing is asked of it yet.
    WarmUp,
    /// Workload and faults.
    Faults,
    /// No faults any more, and requests as before: what was promised has to come true.
    Quiet,
    /// The run is over.
    End,
}

/// What a machine's process is at, as the world sees it (W1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Process {
    /// It runs: it has started, or goes on after a pause.
    Up,
    /// There is none: it has died.
    Down,
    /// It stands still.
    Paused,
}
