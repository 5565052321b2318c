//! What every step of a machine has at hand: the moment, the cluster, and the ways out. One step is one input; nothing of
//! this outlives it.

use bytes::Bytes;

use crate::config::Config;
use crate::ids::{MachineId, RequestId};
use crate::io::{Effects, Now};
use crate::outbox::Outbox;
use crate::wire::Message;

/// The context of a step.
pub(crate) struct Cx<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a Config,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) out: &'a mut Effects,
}

impl Cx<'_> {
    /// The answer to a client's request goes to the machine that the client is connected to.
    pub(crate) fn respond(&mut self, to: MachineId, request: RequestId, status: u16, body: Bytes) {
        self.outbox.push(to, Message::Response { request, status, body });
    }
}
