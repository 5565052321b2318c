//! What a machine says about itself to whoever watches. Nothing in the system reads it back: with all observations
//! thrown away the machine does the same.

use std::sync::Arc;

use crate::ids::{CallId, DatacenterId, Epoch, GroupId, ObjectName, OpId, RequestId, SliceId, Stamp};
use crate::words::call::{Call, Reply};
use crate::words::failure::{Failure, Reset};
use crate::words::http::{Request, Response};

/// One thing that was seen.
#[derive(Clone, Debug)]
pub enum Observation {
    /// An instance did something, or something was done to it.
    Instance {
        /// Which instance.
        by: Source,
        /// What.
        seen: Seen,
    },
    /// This replica applied the entry at `index` and it took effect. Every replica of the group says so; the first one
    /// to say it shows the moment at which the writes are durable.
    Applied {
        /// The group.
        group: GroupId,
        /// Index in the group's log.
        index: u64,
        /// The turns that the entry made durable, in order.
        turns: Vec<AppliedTurn>,
    },
    /// This replica lagged so far behind that it took over its leader's state, up to `index`, in place of entries (D2).
    Installed {
        /// The group.
        group: GroupId,
        /// Index in the group's log.
        index: u64,
    },
    /// The machine has found its disk damaged where it had promised that it was whole, and has formatted it anew (D8).
    DiskDamaged {
        /// What was found.
        why: Arc<str>,
    },
    /// This replica became its group's leader.
    Elected {
        /// The group.
        group: GroupId,
        /// The consensus term.
        term: u64,
    },
    /// This machine leads its datacenter (D4).
    Leads {
        /// The datacenter.
        datacenter: DatacenterId,
        /// The term, which fences what it decides.
        term: u64,
    },
    /// This machine claims a slice: the question is on its way.
    Claiming {
        /// The slice.
        slice: SliceId,
    },
    /// It holds a slice, and asks for a page of its due index.
    AsksForDue {
        /// The slice.
        slice: SliceId,
    },
    /// It gives a slice up: what is in progress may come to its end first.
    Leaving {
        /// The slice.
        slice: SliceId,
    },
    /// A slice has a new epoch and is served from this machine.
    Serving {
        /// The slice.
        slice: SliceId,
        /// Its epoch.
        epoch: Epoch,
    },
    /// The holder of a slice has learned that a batch of it is durable.
    Acknowledged {
        /// The slice.
        slice: SliceId,
        /// How long ago it proposed the batch, in nanoseconds of its monotonic clock.
        after_ns: u64,
    },
    /// An entry was refused because its epoch was stale (O1).
    StaleEpoch {
        /// The slice.
        slice: SliceId,
        /// The epoch that was refused.
        epoch: Epoch,
    },
}

/// A turn whose writes became durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedTurn {
    /// The object.
    pub object: ObjectName,
    /// The instance that made the writes.
    pub instance: Stamp,
    /// Its turn.
    pub turn: u32,
    /// The run whose end the turn carries.
    pub ends_run: Option<Stamp>,
}

/// The instance that an observation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The object.
    pub object: ObjectName,
    /// The instance; its epoch is the epoch under which it runs.
    pub instance: Stamp,
    /// Position in the instance's own order.
    pub seq: u32,
    /// The instance's turn.
    pub turn: u32,
}

/// What an instance did.
#[derive(Clone, Debug)]
pub enum Seen {
    /// It was made; its constructor starts.
    Started {
        /// Whether a due alarm is the reason; else a request.
        for_alarm: bool,
    },
    /// Its constructor ended.
    Constructed {
        /// Why it failed, if it did.
        failed: Option<Arc<str>>,
    },
    /// It ended while its machine lives.
    Ended(Ended),
    /// O3: a `block_concurrency_while` or a transaction closes its input gate beyond the turn, or the gate is open again.
    /// The constructor's own are a part of it and not told.
    Gate {
        /// Whether it is closed from now on.
        closed: bool,
    },
    /// A request was delivered.
    DeliveredRequest(RequestId),
    /// Its code is given a request: this.
    RequestStarted {
        /// The request.
        request: RequestId,
        /// What it says.
        asks: Box<Request>,
    },
    /// The turn is over in which its code has answered a request, or failed.
    RequestEnded(RequestId),
    /// Its alarm was delivered.
    DeliveredAlarm(Stamp),
    /// A result was delivered.
    DeliveredResult(OpId),
    /// An event waits for an operation.
    Awaits(OpId, WaitKind),
    /// A storage or alarm call was made.
    Called {
        /// The operation.
        op: OpId,
        /// The call.
        call: Call,
        /// O3: whether the input gate stays open while it waits for the datastore.
        allow_concurrency: bool,
    },
    /// Object code knows the result of an operation.
    Returned(OpId, Reply),
    /// `alarm()` starts.
    RunStarted {
        /// The run.
        run: Stamp,
        /// The alarm's identity.
        alarm: Stamp,
        /// Its scheduled time.
        scheduled_ms: i64,
        /// Its counted failures so far.
        retry_count: u32,
    },
    /// `alarm()` ended.
    RunEnded {
        /// The run.
        run: Stamp,
        /// How.
        outcome: RunEnd,
    },
    /// A response left the machine. `turn` of the source is the turn that made it.
    Responded {
        /// The request.
        request: RequestId,
        /// What it says.
        response: Response,
    },
    /// A request to an outside service left the machine. `turn` of the source is the turn that made it.
    CalledOut {
        /// The call.
        call: CallId,
        /// The operation whose result will be its answer.
        op: OpId,
        /// The service.
        service: Arc<str>,
        /// What it was sent.
        request: Box<Request>,
    },
    /// Object code set a timer.
    Slept {
        /// The operation whose result will be its end.
        op: OpId,
        /// For so many milliseconds of the monotonic clock.
        for_ms: u64,
    },
    /// Object code told of a promise of its own.
    Told {
        /// What the promise is called.
        name: &'static str,
        /// What kind it is of.
        kind: PromiseKind,
        /// Whether it held.
        held: bool,
    },
}

/// What object code may say of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromiseKind {
    /// It holds each time.
    Always,
    /// It holds now and then.
    Sometimes,
    /// The code that says so never runs.
    Unreachable,
}

/// Why an instance ended on a machine that lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was idle.
    Idle,
    /// Its machine does not hold the object any more.
    Moved,
    /// It was reset.
    Reset(Reset),
}

/// What an await waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitKind {
    /// A read of the datastore.
    Storage,
    /// `sync`.
    Sync,
    /// An outside service.
    Outside,
    /// A timer.
    Timer,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// It returned.
    Ok,
    /// It failed, counted (R1).
    Failed(Failure),
    /// The platform failed it, not counted (R1).
    Platform(Arc<str>),
}
