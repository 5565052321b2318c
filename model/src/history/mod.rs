//! The vocabulary of a history: what happened, with exactly the fields that decide the rules of the contract.
//!
//! A history is one [`Header`] and a sequence of [`Event`]s in the order in which they happened. It is the only
//! thing that the checkers see. Nothing here knows who wrote it: a history of any runtime, in any language, can be
//! put into these words, one JSON object a line, and whatever its writer cannot know is left out.
//!
//! It has two kinds of tellers (SPEC.md, "The witness principle"). The *account* is what the system says of itself; the
//! *witness* is the world: clients, services, links, disks, the starts and deaths of processes. Which of them tells an event
//! stands at it where both tell of one thing.
//!
//! Units: every `_ns` is nanoseconds, every `_ms` milliseconds. True time counts from the begin of the run; wall
//! time counts from the UNIX epoch on the clock of the machine that the event names.

mod call;
mod header;
mod http;
mod takes;
mod value;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::call::{ListOptions, OpResult, StorageCall};
pub use self::header::{Constants, Header, Omission, VERSION};
pub use self::http::{Head, Headers};
pub use self::takes::{Taken, Takes};
pub use self::value::{AlarmId, Blob, Key, ObjectName};
pub use self::words::{
    AlarmAtRest, AwaitKind, Cause, Delivery, EndReason, How, Outcome, Phase, Process, PromiseKind,
    ResetCause, RunOutcome, Scope,
};

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
        /// Its method, path and headers, where they are not as usual.
        #[serde(flatten)]
        head: Head,
        /// What it says; empty where the writer does not tell.
        #[schemars(default)]
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
    /// Account: the code of an object is given a request, in the turn that began with its delivery.
    RequestStart {
        /// The request.
        request: u64,
        /// The method, path and headers that it is given, where they are not as usual.
        #[serde(flatten)]
        head: Head,
        /// The bytes that it is given, where the writer tells (W1).
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<Blob>,
    },
    /// Account: the turn is over in which the code of an object has answered a request, or failed: the answer is made.
    RequestEnd {
        /// The request.
        request: u64,
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

    /// Account: a response leaves its machine. An effect.
    Respond {
        /// The request that it answers.
        request: u64,
        /// HTTP status.
        status: u16,
        /// Its headers, where it has any.
        #[serde(default, skip_serializing_if = "Headers::is_empty")]
        headers: Headers,
        /// The body.
        body: Blob,
    },
    /// Account: a request to an outside service leaves its machine. An effect.
    Outbound {
        /// The call, unique in the history.
        call: u64,
        /// The service.
        service: Arc<str>,
        /// Its method, path and headers, where they are not as usual.
        #[serde(flatten)]
        head: Head,
        /// What it is sent.
        body: Blob,
        /// The operation whose result will be its answer, where the writer knows (W1).
        #[serde(skip_serializing_if = "Option::is_none")]
        op: Option<u64>,
    },

    /// Witness: a request reaches the process of the machine that its client is connected to.
    RequestArrive {
        /// The request.
        request: u64,
    },
    /// Witness: an answer to a client leaves the machine that the client is connected to.
    AnswerLeave {
        /// The request that it answers.
        request: u64,
        /// What it says; never [`Outcome::Unknown`].
        outcome: Outcome,
    },
    /// Witness: an answer that has left never reaches its client: its link has lost it.
    AnswerLost {
        /// The request.
        request: u64,
    },
    /// Witness: a request to an outside service leaves the machine. One number for each thing that leaves: that of the
    /// `outbound` that tells of it, or one of its own.
    OutboundLeave {
        /// The call, unique in the history.
        call: u64,
        /// The service.
        service: Arc<str>,
        /// Its method, path and headers, where they are not as usual.
        #[serde(flatten)]
        head: Head,
        /// The bytes that were sent.
        body: Blob,
    },
    /// Witness: a call, or its answer, never reaches the other end: its link has lost it, or its machine's process is gone.
    OutboundLost {
        /// The call.
        call: u64,
    },
    /// Witness: the answer to a call reaches the process of the machine that made it, or the failure of its connection does.
    OutboundReturn {
        /// The call.
        call: u64,
        /// HTTP status; none if the connection failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Its headers, where it has any.
        #[serde(default, skip_serializing_if = "Headers::is_empty")]
        headers: Headers,
        /// The bytes that have come, where the writer tells (W1).
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<Blob>,
    },
    /// Witness: the process of a machine has started, has died, stands still, or goes on.
    Process {
        /// What it is at from now on.
        state: Process,
    },
    /// Witness: which disks hold a turn that was claimed durable, as the world reads them (W1): synced, in a log or in a
    /// snapshot.
    OnDisk {
        /// The object. In JSON it is `of`, because `object` is the one whose instance an event belongs to.
        #[serde(rename = "of")]
        object: ObjectName,
        /// The instance that wrote it.
        instance: u64,
        /// Its turn.
        turn: u32,
        /// The machines with a replica of its group.
        replicas: Vec<u16>,
        /// Those of them whose disks hold it.
        held_by: Vec<u16>,
    },

    /// The outside service received the request.
    OutboundArrive {
        /// The call.
        call: u64,
        /// The service that received it, where the writer tells (W1).
        #[serde(skip_serializing_if = "Option::is_none")]
        service: Option<Arc<str>>,
        /// Its method, path and headers, where they are not as usual.
        #[serde(flatten)]
        head: Head,
        /// The bytes that it received, where the writer tells (W1).
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<Blob>,
    },
    /// The outside service decided on its answer. A status of 200 to 299 means that it accepted what it was sent.
    OutboundAnswer {
        /// The call.
        call: u64,
        /// HTTP status; none if the service failed without an answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Its headers, where it has any.
        #[serde(default, skip_serializing_if = "Headers::is_empty")]
        headers: Headers,
        /// The bytes that it sends, where the writer tells (W1).
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<Blob>,
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

    /// Object code sets a timer. Its end is a result, and comes in through the input gate (O3).
    Timer {
        /// The operation whose result, [`OpResult::Done`], is its end; unique in its instance.
        op: u64,
        /// For so many milliseconds of the machine's monotonic clock.
        for_ms: u64,
    },
    /// Object code tells of a promise that it makes itself. The contract says nothing about these.
    Promise {
        /// What the promise is called.
        name: Arc<str>,
        /// What kind it is of.
        kind: PromiseKind,
        /// Whether it held.
        held: bool,
    },
}

/// A whole history in memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// The constants of the run.
    pub header: Header,
    /// What happened, in order.
    pub events: Vec<Event>,
}
