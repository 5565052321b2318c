//! What goes into a machine and what comes out of it. A machine does nothing but through these types, so whoever calls
//! [`crate::machine::Machine::handle`] decides what time, network, disk and the outside world are.

use std::sync::Arc;

use bytes::Bytes;

use crate::ids::{CallId, MachineId, ObjectName, RequestId};
use crate::observe::Observation;
use crate::words::outside::{OutsideAnswer, OutsideCall, OutsideError};

/// What a machine reacts to.
#[derive(Clone, Debug)]
pub enum Input {
    /// The moment that [`Effects::wake_at_ns`] asked for has come, or the wall clock was set (Linux tells of that by timers with
    /// `TFD_TIMER_CANCEL_ON_SET`): what waits for a time of that clock may be due.
    Wake,
    /// Bytes from another machine (or from itself). They may be late, lost, doubled or out of order.
    Message {
        /// The sender.
        from: MachineId,
        /// What it sent.
        bytes: Bytes,
    },
    /// A sync that the machine asked for is done: all writes to that file asked for before it are durable.
    Synced {
        /// The number given in [`DiskOp::Sync`].
        ticket: u64,
    },
    /// A client that is connected to this machine sends a request.
    Request(ClientRequest),
    /// An outside service answers, or the call to it failed.
    Answer {
        /// The call.
        call: CallId,
        /// The answer.
        result: Result<OutsideAnswer, OutsideError>,
    },
}

/// A request from a client.
#[derive(Clone, Debug)]
pub struct ClientRequest {
    /// Its number.
    pub request: RequestId,
    /// The object that it is for.
    pub object: ObjectName,
    /// What it says.
    pub body: Bytes,
    /// How long its client waits for an answer, in milliseconds from the arrival on. The machine keeps the request for so long
    /// (W2), and no longer.
    pub limit_ms: u64,
}

/// The answer to a client's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAnswer {
    /// The request.
    pub request: RequestId,
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// A request that no object code was given, and none will be (W2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The request.
    pub request: RequestId,
    /// Why, for the client.
    pub why: Arc<str>,
}

/// A file of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileId {
    /// The log of all groups on the machine, in its generations of even number.
    Log,
    /// The log in its generations of odd number: a new one is written beside the old one.
    OddLog,
    /// The end mark of the log, kept elsewhere on the disk.
    Mark,
}

/// What a machine asks of its disk. Operations on one file take effect in the order in which they are asked for; what
/// survives a loss of power is only what a completed sync covers, and any part of the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskOp {
    /// Write `bytes` at `offset`, extending the file if need be.
    Write {
        /// The file.
        file: FileId,
        /// Bytes from its begin.
        offset: u64,
        /// What to write.
        bytes: Bytes,
    },
    /// Cut the file off.
    Truncate {
        /// The file.
        file: FileId,
        /// Its new length in bytes; not more than it has.
        len: u64,
    },
    /// Make everything written to the file so far durable, then say so with [`Input::Synced`].
    Sync {
        /// The file.
        file: FileId,
        /// Comes back with [`Input::Synced`].
        ticket: u64,
    },
}

/// The disk as a machine finds it when it boots.
pub trait DiskImage {
    /// The whole content of a file; empty if it was never written.
    fn read(&self, file: FileId) -> Bytes;
}

/// What a machine wants done. The caller clears it between calls and keeps its memory.
#[derive(Debug, Default)]
pub struct Effects {
    /// Messages to machines, in order. They may be sent before the disk has done anything: what must wait for the disk
    /// is held back by the machine itself.
    pub sends: Vec<(MachineId, Bytes)>,
    /// Work for the disk, in order.
    pub disk: Vec<DiskOp>,
    /// When [`Input::Wake`] is wanted next, on the monotonic clock. Replaces what was asked for before; none means that
    /// nothing changes.
    pub wake_at_ns: Option<u64>,
    /// Requests to outside services.
    pub outside: Vec<OutsideCall>,
    /// Answers to clients connected to this machine.
    pub answers: Vec<ClientAnswer>,
    /// Requests of clients connected to this machine that are refused.
    pub refusals: Vec<Refusal>,
    /// What a watcher may want to know. It changes nothing.
    pub observed: Vec<Observation>,
}

impl Effects {
    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.sends.clear();
        self.disk.clear();
        self.wake_at_ns = None;
        self.outside.clear();
        self.answers.clear();
        self.refusals.clear();
        self.observed.clear();
    }
}
