//! The output gate of one instance: what its turns have made and nobody may see before it is durable (O5), and who wants to
//! know that it is (`sync`).

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::super::{Arrival, Host, Inbox, Unit};
use crate::ids::{CallId, OpId, RequestId};
use crate::object::class::Response;
use crate::object::port::Core;
use crate::observe::Seen;
use crate::words::call::Reply;
use crate::words::outside::OutsideCall;

/// What waits at the gate, each in the order of turns.
#[derive(Default)]
pub(in crate::object::entry) struct Output {
    /// Units held back for a read that must not see them (S4).
    units: VecDeque<Unit>,
    messages: VecDeque<Held>,
    /// `sync`s that wait, with the turn they were called in.
    syncs: VecDeque<(OpId, u32)>,
}

/// A message that waits.
pub(super) struct Held {
    /// The turn that made it.
    pub(super) turn: u32,
    pub(super) message: Outgoing,
}

pub(super) enum Outgoing {
    Response { request: RequestId, response: Response },
    Call { op: OpId, service: Arc<str>, body: Bytes },
}

impl Output {
    pub(super) fn push(&mut self, held: Held) {
        self.messages.push_back(held);
    }

    pub(super) fn push_sync(&mut self, op: OpId, turn: u32) {
        self.syncs.push_back((op, turn));
    }

    pub(super) fn push_unit(&mut self, unit: Unit) {
        self.units.push_back(unit);
    }

    /// Nobody waits for the `sync`s any more.
    pub(super) fn forget_syncs(&mut self) {
        self.syncs.clear();
    }

    /// Whether every message has left.
    pub(in crate::object::entry) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Hands on the units of turns before `reading`, the first one with a read that waits for the datastore.
    pub(super) fn release_units(&mut self, reading: Option<u32>, to: &mut Vec<Unit>) {
        while let Some(unit) =
            self.units.pop_front_if(|unit| reading.is_none_or(|turn| unit.writes.turn < turn))
        {
            to.push(unit);
        }
    }

    /// Lets out what waits for nothing any more; the results of `sync`s that do not either arrive. O1: outside its session a
    /// machine lets nothing out, because another may hold the object by then.
    pub(in crate::object::entry) fn open(
        &mut self,
        core: &mut Core,
        inbox: &mut Inbox,
        host: &mut Host<'_, '_>,
    ) {
        while host.may_emit
            && let Some(held) = self.messages.pop_front_if(|held| core.is_durable(held.turn))
        {
            leave(held, core, host);
        }
        host.cx.out.observed.append(&mut core.journal);
        while let Some((op, _)) = self.syncs.pop_front_if(|(_, turn)| core.is_durable(*turn)) {
            inbox.arrivals.push_back(Arrival::Result { op, reply: Reply::Done });
        }
    }
}

/// A message leaves the machine.
fn leave(held: Held, core: &mut Core, host: &mut Host<'_, '_>) {
    match held.message {
        Outgoing::Response { request, response } => {
            let Response { status, body } = response.clone();
            core.see_of(held.turn, Seen::Responded { request, status, body });
            host.acts.responses.push((request, response));
        }
        Outgoing::Call { op, service, body } => {
            *host.last_call += 1;
            let call = CallId(*host.last_call);
            let (to, says) = (service.clone(), body.clone());
            core.see_of(held.turn, Seen::CalledOut { call, op, service: to, body: says });
            let call = OutsideCall { call, service, body };
            host.acts.calls.push((core.object.clone(), core.instance, op, call));
        }
    }
}
