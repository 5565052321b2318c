//! The vocabulary of a history: what happened, with exactly the fields that decide the rules of the contract.
//!
//! A history is one [`Header`] and a sequence of [`Event`]s in the order in which they happened. It is the only
//! thing that the checkers see. Nothing here knows who wrote it: a history of any runtime, in any language, can be
//! put into these words, one JSON object a line, and whatever its writer cannot know is left out.
//!
//! Units: every `_ns` is nanoseconds, every `_ms` milliseconds. True time counts from the begin of the run; wall
//! time counts from the UNIX epoch on the clock of the machine that the event names.

mod call;
mod header;
mod takes;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::call::{ListOptions, OpResult, StorageCall};
pub use self::header::{Constants, Header, Omission, VERSION};
pub use self::takes::{Taken, Takes};
pub use self::value::{AlarmId, Blob, Key, ObjectName};

/// One thing that happened. [`crate::jsonl`] says how it is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Event {
    /// True time since the begin of the run. Never decreases from one event to the next.
    pub at_ns: u64,
    /// Where it happened; none for what happens outside all machines (clients, outside services, phases).
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Which instance of which object did it; none for what no instance did.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// A machine and what its wall clock showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct Place {
    /// Index of the machine.
    pub machine: u16,
    /// The machine's wall clock at this moment.
    pub wall_ns: i64,
}

/// The instance that an event belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct By {
    /// The object.
    pub object: ObjectName,
    /// The instance: unique among the object's instances.
    pub instance: u64,
    /// The epoch under which the instance runs.
    pub epoch: u64,
    /// Position of the event in the instance's own order, from 0.
    pub seq: u32,
    /// The turn of the instance in which it happened, from 1; 0 before the first.
    pub turn: u32,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// A client sends a request.
    Call {
        /// The request, unique in the history.
        request: u64,
        /// The object that it is for.
        to: ObjectName,
        /// What it says.
        body: Blob,
    },
    /// The client's request is over.
    Return {
        /// The request.
        request: u64,
        /// How it ended for the client.
        outcome: Outcome,
    },

    /// An instance is made; its constructor starts.
    InstanceStart {
        /// What the instance is made for, where the writer knows.
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
        /// The slice that its object belongs to, where the writer knows (L2).
        #[serde(skip_serializing_if = "Option::is_none")]
        slice: Option<u16>,
    },
    /// The constructor and everything in its `block_concurrency_while` have ended (O4).
    ConstructorEnd {
        /// Why it failed, if it did.
        #[serde(skip_serializing_if = "Option::is_none")]
        failed: Option<Arc<str>>,
    },
    /// The instance is no more.
    InstanceEnd {
        /// Why.
        reason: EndReason,
    },

    /// An event or a result is delivered to the instance: a turn begins.
    Deliver {
        /// What is delivered.
        delivery: Delivery,
    },
    /// A `block_concurrency_while` or a transaction closes the instance's input gate beyond the turn in which it began, or
    /// has ended, so that the gate is open again (O3). Those of the constructor are a part of it and not told. What has
    /// closed the gate when the instance ends ends with it.
    Gate {
        /// Whether it is closed from here on.
        closed: bool,
    },
    /// One of the instance's events waits for something that did not come within its turn.
    Await {
        /// The operation it waits for.
        op: u64,
        /// What kind of operation that is. Other events interleave unless it is storage (O3).
        kind: AwaitKind,
    },

    /// Object code makes a storage or alarm call. It acts now (S1).
    Op {
        /// The operation, unique in its instance.
        op: u64,
        /// The call with its arguments.
        #[serde(flatten)]
        call: StorageCall,
        /// O3: the input gate stays open while this call waits for the datastore.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        allow_concurrency: bool,
    },
    /// The call's result is known to object code.
    OpResult {
        /// The operation.
        op: u64,
        /// What the call gave.
        result: OpResult,
    },

    /// `alarm()` starts.
    RunStart {
        /// The run, unique among the runs of its object.
        run: u64,
        /// The alarm that it is for, where the system knows it by more than its time.
        #[serde(skip_serializing_if = "Option::is_none")]
        alarm: Option<AlarmId>,
        /// `info.scheduled_time` (F7), wall time.
        scheduled_ms: i64,
        /// `info.retry_count` (F7).
        retry_count: u32,
        /// `info.is_retry` (F7).
        is_retry: bool,
    },
    /// `alarm()` has ended. The turn of this event is the one whose commit completes it (F4).
    RunEnd {
        /// The run.
        run: u64,
        /// How it ended.
        outcome: RunOutcome,
    },

    /// The writes of one turn have become durable (S2): from here on no failure that the contract covers can lose
    /// them. Names the instance and the turn that made them.
    Commit {
        /// The run whose end is part of this commit: its alarm is removed, rescheduled or given up by it (F4).
        #[serde(skip_serializing_if = "Option::is_none")]
        ends_run: Option<u64>,
    },

    /// A response leaves its machine: an effect.
    Respond {
        /// The request that it answers.
        request: u64,
        /// HTTP status.
        status: u16,
        /// The body.
        body: Blob,
    },
    /// A request to an outside service leaves its machine: an effect.
    Outbound {
        /// The call, unique in the history.
        call: u64,
        /// The service.
        service: Arc<str>,
        /// What it is sent.
        body: Blob,
    },
    /// The outside service received the request.
    OutboundArrive {
        /// The call.
        call: u64,
    },
    /// The outside service decided on its answer. A status of 200 to 299 means that it accepted what it was sent.
    OutboundAnswer {
        /// The call.
        call: u64,
        /// HTTP status; none if the service failed without an answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
    },

    /// A fault begins.
    FaultBegin {
        /// The fault, unique in the history.
        fault: u32,
        /// What kind of fault: `crash`, `power-loss`, `message-loss`, `upstream-refuses`, ...
        kind: Arc<str>,
        /// Whom it strikes.
        scope: Scope,
        /// What it takes from them. Left out, its name says it.
        #[serde(skip_serializing_if = "Option::is_none")]
        takes: Option<Taken>,
    },
    /// The fault ends: what was struck is back.
    FaultEnd {
        /// The fault.
        fault: u32,
    },
    /// The objects of a consensus group have a quorum from now on, or have none (L2).
    Majority {
        /// The group.
        group: u16,
        /// Whether a majority of the group and one of the system group are each up and connected pairwise, both ways, and a
        /// machine that is up is connected both ways with all of both.
        connected: bool,
    },
    /// A machine serves a slice of the objects from now on.
    Holder {
        /// The slice.
        slice: u16,
        /// Its epoch: at most one machine ever serves a slice in an epoch (D5).
        epoch: u64,
        /// The consensus group that keeps the slice, where the writer knows (L2).
        #[serde(skip_serializing_if = "Option::is_none")]
        group: Option<u16>,
    },
    /// A machine leads its datacenter from now on (D4).
    Leader {
        /// The datacenter.
        datacenter: u16,
        /// The term: at most one machine ever leads a datacenter in a term.
        term: u64,
    },
    /// A machine leads a consensus group from now on.
    GroupLeader {
        /// The group.
        group: u16,
        /// The consensus term.
        term: u64,
    },
    /// A consensus group has committed its entries up to this one by now, as the world knows (L4). Told a second and two
    /// round trips before the end of the run; the last one of each group counts.
    Committed {
        /// The group.
        group: u16,
        /// The last entry.
        index: u64,
    },
    /// How far a replica has come at the end of the run, and what it holds then.
    Replica {
        /// The group.
        group: u16,
        /// The last entry that it has applied.
        applied: u64,
        /// A hash of all it holds: equal for replicas that hold the same.
        state: u64,
    },
    /// A phase of the run begins; the one before it ends.
    Phase {
        /// The phase.
        phase: Phase,
    },
    /// What the datastore holds for one object at the end of the run.
    AtRest {
        /// The object. In JSON it is `of`, because `object` is the one whose instance an event belongs to.
        #[serde(rename = "of")]
        object: ObjectName,
        /// All its keys.
        keys: BTreeMap<Key, Blob>,
        /// Its scheduled alarm: time, identity, counted failures.
        #[serde(skip_serializing_if = "Option::is_none")]
        alarm: Option<AlarmAtRest>,
        /// The slice that it belongs to, where the writer knows (L2).
        #[serde(skip_serializing_if = "Option::is_none")]
        slice: Option<u16>,
    },
    /// A machine found its own disk damaged where it had promised that it was whole (D8).
    DiskDamaged,
}

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

/// How a client's request ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An answer arrived.
    Answered {
        /// HTTP status.
        status: u16,
        /// The body.
        body: Blob,
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

/// A whole history in memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// The constants of the run.
    pub header: Header,
    /// What happened, in order.
    pub events: Vec<Event>,
}
