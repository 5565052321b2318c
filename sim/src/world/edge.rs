//! What crosses the border of the cluster: clients' requests and their answers, calls to outside services and theirs.
//! These ways are connections ([`crate::connections`]); what finds its machine gone finds nobody.

use reveille_model::history::{Outcome, What};
use reveille_system::ids::{MachineId, RequestId};
use reveille_system::io::Input;
use reveille_system::words::outside::{OutsideAnswer, OutsideCall, OutsideError};

use super::{Event, NS_PER_MS, World};
use crate::connections::{Passage, Way};
use crate::outside::{Decision, Exchange, Says, Sent};
use crate::record::{Spot, answered, asked, object_name};
use crate::trace::Kind;

impl World<'_> {
    pub(super) fn schedule_next_request(&mut self) {
        if let Some((request, at_ms)) = self.clients.next() {
            self.queue.push(self.in_fault_phase_ns(at_ms), Event::Ask { request });
        }
    }

    pub(super) fn ask(&mut self, request: RequestId) {
        self.schedule_next_request();
        let (asked_at, sent) = self.clients.send(request);
        self.record.counts.requests += 1;
        let (to, (head, body)) = (object_name(&sent.object), asked(sent.asks));
        self.record.outside(self.now_ns, What::Call { request: request.0, to, head, body });
        let passage = self.pass(asked_at, Way::FromClients);
        let event = if passage.breaks { Event::GiveUp { request } } else { Event::Arrive { request } };
        self.queue.push(passage.at_ns, event);
        let timeout_ns = self.plan.request_timeout_ms * NS_PER_MS;
        self.queue.push(self.now_ns + timeout_ns, Event::GiveUp { request });
    }

    pub(super) fn arrive(&mut self, request: RequestId) {
        let (machine, asked) = self.clients.request(request);
        let up = self.hosts[usize::from(machine.0)].machine.is_some();
        self.reach(machine, Kind::Request, request.0, u64::from(up), Input::Request(Box::new(asked)));
    }

    /// A machine answers a client, or refuses its request.
    pub(super) fn answer(&mut self, from: Spot, request: RequestId, outcome: Outcome) {
        let status = if let Outcome::Answered { status, .. } = outcome { status } else { 0 };
        self.note(Some(from.machine), Kind::Answer, request.0, u64::from(status));
        self.record.machine(from, What::AnswerLeave { request: request.0, outcome: outcome.clone() });
        let passage = self.pass(from.machine, Way::ToClients);
        if passage.breaks {
            self.record.outside(self.now_ns, What::AnswerLost { request: request.0 });
        }
        let answered = Event::Answered { request, outcome };
        let event = if passage.breaks { Event::GiveUp { request } } else { answered };
        self.queue.push(passage.at_ns, event);
    }

    pub(super) fn request_over(&mut self, request: RequestId, outcome: Outcome) {
        // A second answer, an answer after the client gave up, or giving up after the answer: nobody waits any more.
        if self.clients.over(request) {
            self.record.counts.answered += u64::from(matches!(outcome, Outcome::Answered { .. }));
            self.record.outside(self.now_ns, What::Return { request: request.0, outcome });
        }
    }

    pub(super) fn call_out(&mut self, from: Spot, call: OutsideCall) {
        let Spot { machine, life, .. } = from;
        let OutsideCall { call, service, request } = call;
        let number = self.record.call_leaves(machine, life, call);
        self.record.counts.outside_calls += 1;
        self.note(Some(machine), Kind::CalledOut, number, 0);
        let (head, body) = asked(request.clone());
        let leaves = What::OutboundLeave { call: number, service: service.clone(), head, body };
        self.record.machine(from, leaves);
        let exchange = Exchange { machine, life, call, number };
        let passage = self.pass(machine, Way::ToServices);
        let event = if passage.breaks {
            self.outside_lost(number);
            Event::OutsideAnswer { exchange, answer: None }
        } else {
            Event::OutsideArrive { exchange, sent: Box::new(Sent { service, request }) }
        };
        self.queue.push(passage.at_ns, event);
    }

    /// W1: a call, or its answer, does not reach the other end.
    pub(crate) fn outside_lost(&mut self, number: u64) {
        self.record.outside(self.now_ns, What::OutboundLost { call: number });
    }

    pub(super) fn outside_arrive(&mut self, exchange: Exchange, sent: Sent) {
        let Decision { after_ns, says, fault } = self.outside.arrive(exchange.machine, &sent);
        let (service, (head, body)) = (Some(sent.service), asked(sent.request));
        let arrives = What::OutboundArrive { call: exchange.number, service, head, body: Some(body) };
        self.record.outside(self.now_ns, arrives);
        if let Some(fault) = fault {
            self.faults.took_effect(fault, &mut self.record.counts);
        }
        let answer = match says {
            Says::Answer(answer) => Some(Box::new(answer)),
            Says::Breaks => None,
            Says::Nothing => return,
        };
        self.queue.push(self.now_ns + after_ns, Event::OutsideDecide { exchange, answer });
    }

    pub(super) fn outside_decide(&mut self, exchange: Exchange, answer: Option<Box<OutsideAnswer>>) {
        let (status, headers, body) = answered(answer.as_deref());
        let says = What::OutboundAnswer { call: exchange.number, status, headers, body };
        self.record.outside(self.now_ns, says);
        let passage = self.pass(exchange.machine, Way::FromServices);
        if passage.breaks {
            self.outside_lost(exchange.number);
        }
        let answer = answer.filter(|_| !passage.breaks);
        self.queue.push(passage.at_ns, Event::OutsideAnswer { exchange, answer });
    }

    /// Something sets out over a connection of this machine.
    fn pass(&mut self, machine: MachineId, way: Way) -> Passage {
        let passage = self.connections.pass(self.now_ns, machine, way);
        if let Some(fault) = passage.fault {
            self.took_effect(fault);
        }
        passage
    }

    pub(super) fn outside_answer(&mut self, exchange: Exchange, answer: Option<Box<OutsideAnswer>>) {
        let Exchange { machine, life, call, number } = exchange;
        if !self.hosts[usize::from(machine.0)].runs(life) {
            return self.outside_lost(number);
        }
        let said = answer.as_ref().map_or(0, |answer| u64::from(answer.status));
        let result = answer.map(|answer| *answer).ok_or(OutsideError::Disconnected);
        self.reach(machine, Kind::OutsideAnswered, number, said, Input::Answer { call, result });
    }
}
