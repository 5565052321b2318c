//! The holder's end of the delivery of requests; the other end is [`crate::ingress`].
//!
//! O1: object code is given a request at most once, whatever the network repeats. Deliveries are numbered, by the life of the
//! machine that they come from and for one session of this machine. Each number is taken here at most once; it ends with a
//! response, or with the promise that no object code was given it and none will be. What is below the sender's first number that
//! is not over is too late to be taken, so what has to be remembered is bounded.
//!
//! All of it belongs to one session. With the session it is forgotten, and what is for another session is not looked at.

use std::collections::BTreeMap;

use crate::cx::Cx;
use crate::ids::{MachineId, RequestId, SessionId};
use crate::object::class::Response;
use crate::route::Route;
use crate::wire::{Message, Ticket, WINDOW};

/// The requests that have come to this machine in its session.
#[derive(Debug, Default)]
pub(super) struct Requests {
    senders: BTreeMap<MachineId, Sender>,
    /// Those that wait or run here: by whom they were delivered, under which number.
    here: BTreeMap<RequestId, (MachineId, u64)>,
}

/// What one machine has delivered.
#[derive(Debug)]
struct Sender {
    /// Which life of it.
    stream: SessionId,
    /// Deliveries below are over.
    below: u64,
    deliveries: BTreeMap<u64, Delivery>,
}

/// One delivery.
#[derive(Debug)]
struct Delivery {
    ticket: Ticket,
    request: RequestId,
    /// Where it came from last: the way that works now.
    route: Route,
    state: State,
}

/// Who is to hold an object, and its session.
pub(super) type Hint = Option<(MachineId, SessionId)>;

#[derive(Debug)]
enum State {
    /// It waits, or object code has it.
    Here,
    Answered(Response),
    /// It was not given to object code, and never will be.
    Refused(Hint),
}

impl Requests {
    /// Takes a delivery. Gives whether the request is to be given to its object: once for each delivery. One that has come
    /// before is answered as it was before.
    pub(super) fn take(
        &mut self,
        from: Route,
        ticket: Ticket,
        below: u64,
        request: RequestId,
        may_emit: bool,
        cx: &mut Cx<'_>,
    ) -> bool {
        if !self.is_current(from.machine, ticket.stream) {
            return false;
        }
        self.over(from.machine, ticket.stream, below);
        let Some(sender) = self.senders.get_mut(&from.machine) else { return false };
        if sender.deliveries.contains_key(&ticket.number) {
            self.tell_again(from, ticket, may_emit, cx);
            return false;
        }
        let is_within = (sender.below..sender.below + WINDOW).contains(&ticket.number);
        if !is_within || self.here.contains_key(&request) {
            return false;
        }
        let delivery = Delivery { ticket, request, route: from, state: State::Here };
        sender.deliveries.insert(ticket.number, delivery);
        self.here.insert(request, (from.machine, ticket.number));
        true
    }

    /// What has become of a delivery is told once more, if it was taken.
    pub(super) fn tell_again(&mut self, from: Route, ticket: Ticket, may_emit: bool, cx: &mut Cx<'_>) {
        let sender = self.senders.get_mut(&from.machine).filter(|sender| sender.stream == ticket.stream);
        let Some(delivery) = sender.and_then(|sender| sender.deliveries.get_mut(&ticket.number)) else {
            return;
        };
        delivery.route = from;
        match delivery.state {
            State::Here => {
                let Delivery { ticket, request, .. } = *delivery;
                cx.outbox.push_by(from, Message::Taken { ticket, request });
            }
            // O1: nothing of an object leaves outside the session.
            State::Answered(_) if !may_emit => {}
            State::Answered(_) | State::Refused(_) => delivery.tell(cx),
        }
    }

    /// The sender waits for nothing below this number any more.
    pub(super) fn over(&mut self, from: MachineId, stream: SessionId, below: u64) {
        let Some(sender) = self.senders.get_mut(&from).filter(|sender| sender.stream == stream) else {
            return;
        };
        if below > sender.below {
            sender.below = below;
            let rest = sender.deliveries.split_off(&below);
            let over = std::mem::replace(&mut sender.deliveries, rest);
            self.forget(from, over);
        }
    }

    /// The response to a request leaves. Without a delivery nobody waits for it any more.
    pub(super) fn respond(&mut self, request: RequestId, response: Response, cx: &mut Cx<'_>) {
        self.end(request, State::Answered(response), cx);
    }

    /// A request was not given to object code, and never will be under this delivery. It may be better off elsewhere.
    pub(super) fn refuse(&mut self, request: RequestId, hint: Hint, cx: &mut Cx<'_>) {
        self.end(request, State::Refused(hint), cx);
    }

    fn end(&mut self, request: RequestId, state: State, cx: &mut Cx<'_>) {
        let Some((machine, number)) = self.here.remove(&request) else { return };
        let sender = self.senders.get_mut(&machine).expect("what is here was delivered by somebody");
        let delivery = sender.deliveries.get_mut(&number).expect("what is here is not over");
        delivery.state = state;
        delivery.tell(cx);
    }

    /// Nobody waits for these. A request that was refused may be here by a later delivery.
    fn forget(&mut self, machine: MachineId, deliveries: BTreeMap<u64, Delivery>) {
        for (number, Delivery { request, .. }) in deliveries {
            if self.here.get(&request) == Some(&(machine, number)) {
                self.here.remove(&request);
            }
        }
    }

    /// Whether this is the present life of that machine, as far as is known: a later one is from now on, and all of an
    /// earlier one is over.
    fn is_current(&mut self, machine: MachineId, stream: SessionId) -> bool {
        let known = self.senders.get(&machine).map(|sender| sender.stream);
        if known.is_none_or(|known| known < stream) {
            let sender = Sender { stream, below: 1, deliveries: BTreeMap::new() };
            let former = self.senders.insert(machine, sender);
            self.forget(machine, former.map(|sender| sender.deliveries).unwrap_or_default());
        }
        known.is_none_or(|known| known <= stream)
    }
}

impl Delivery {
    fn tell(&self, cx: &mut Cx<'_>) {
        let Delivery { ticket, request, route, state } = self;
        let (ticket, request) = (*ticket, *request);
        let message = match state {
            State::Here => Message::Taken { ticket, request },
            State::Answered(response) => Message::response(ticket, request, response.clone()),
            State::Refused(holder) => Message::NotHere { ticket, request, holder: *holder },
        };
        cx.outbox.push_by(*route, message);
    }
}
