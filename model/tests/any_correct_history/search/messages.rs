//! The witness: requests and answers, calls to services and what became of them (O1, W1).

use std::collections::{BTreeMap, BTreeSet};

use reveille_model::history::{Blob, Delivery, Head, Headers, Key, OpResult, Outcome, StorageCall, What};
use serde::Deserialize;

use super::Wrong;

/// A request of a client.
#[derive(Debug, Default)]
struct Request {
    arrived_at: Option<Option<u16>>,
    asks: Option<(Head, Blob)>,
    given_to: Option<u64>,
    said: Option<Outcome>,
    left: Option<Outcome>,
    is_over: bool,
}

/// A call to a service.
#[derive(Debug, Default)]
struct Call {
    /// The machine that it leaves, the instance that waits, the operation.
    made: Option<(Option<u16>, u64, Option<u64>)>,
    says: Option<(String, Blob)>,
    left: bool,
    arrived: bool,
    answered: Option<Said>,
    lost: bool,
    /// W1: what came back.
    returned: Option<Said>,
}

/// What a service answers: status, headers and body; nothing if it fails.
type Said = Option<(u16, Headers, Option<Blob>)>;

fn said(status: Option<u16>, headers: &Headers, body: Option<&Blob>) -> Said {
    status.map(|status| (status, headers.clone(), body.cloned()))
}

/// What an answer says that its code has read.
#[derive(Deserialize)]
struct Echo {
    read: Vec<(Key, Option<String>)>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Messages {
    requests: BTreeMap<u64, Request>,
    calls: BTreeMap<u64, Call>,
    /// Which key each read of an instance asks for, and what they were given.
    asked: BTreeMap<(u64, u64), Key>,
    given: BTreeSet<(u64, Key, Option<Blob>)>,
}

/// W1: this has to be so.
fn holds(is_so: bool, wrong: Wrong) -> Result<(), Wrong> {
    if is_so { Ok(()) } else { Err(wrong) }
}

impl Messages {
    pub(super) fn sees(
        &mut self,
        machine: Option<u16>,
        instance: Option<u64>,
        what: &What,
    ) -> Result<(), Wrong> {
        match instance {
            Some(instance) => self.account(machine, instance, what),
            None => match what {
                What::Call { request, .. }
                | What::RequestArrive { request }
                | What::AnswerLeave { request, .. }
                | What::AnswerLost { request }
                | What::Return { request, .. } => self.of_request(machine, *request, what),
                What::OutboundLeave { call, .. }
                | What::OutboundArrive { call, .. }
                | What::OutboundAnswer { call, .. }
                | What::OutboundLost { call }
                | What::OutboundReturn { call, .. } => self.of_call(machine, *call, what),
                _ => Ok(()),
            },
        }
    }

    /// What an instance says that it was given and has sent.
    fn account(&mut self, machine: Option<u16>, instance: u64, what: &What) -> Result<(), Wrong> {
        match what {
            What::Deliver { delivery: Delivery::Request { request } } => {
                let asked = self.requests.entry(*request).or_default();
                holds(asked.arrived_at.is_some(), "W1: a request is given that has not arrived")?;
                holds(asked.given_to.is_none(), "O1: a request is given twice")?;
                asked.given_to = Some(instance);
            }
            What::RequestStart { request, head, body: Some(body) } => {
                let asked = self.requests.entry(*request).or_default();
                holds(asked.given_to == Some(instance), "O1: a request starts that was not given")?;
                let asks = (head.clone(), body.clone());
                holds(asked.asks.as_ref() == Some(&asks), "W1: another request is given than was sent")?;
            }
            What::RequestEnd { request } => {
                let asked = self.requests.entry(*request).or_default();
                holds(asked.given_to == Some(instance), "O1: a request ends that was not given")?;
            }
            What::Respond { request, status, headers, body } => {
                let asked = self.requests.entry(*request).or_default();
                holds(asked.given_to == Some(instance), "O1: an answer to a request that was not given")?;
                holds(asked.said.is_none(), "W1: a request is answered twice")?;
                asked.said =
                    Some(Outcome::Answered { status: *status, headers: headers.clone(), body: body.clone() });
                self.echoes(instance, body)?;
            }
            What::Outbound { call, service, body, op, .. } => {
                let made = self.calls.entry(*call).or_default();
                holds(made.made.is_none(), "W1: a call is made twice")?;
                made.made = Some((machine, instance, *op));
                made.says = Some((service.to_string(), body.clone()));
            }
            What::Op { op, call: StorageCall::Get { key }, .. } => {
                self.asked.insert((instance, *op), key.clone());
            }
            What::OpResult { op, result } => self.is_given(instance, *op, result)?,
            _ => {}
        }
        Ok(())
    }

    /// W1: what object code is given of a service is what came back, and what it says it has read is what it was given.
    fn is_given(&mut self, instance: u64, op: u64, result: &OpResult) -> Result<(), Wrong> {
        match result {
            OpResult::Value(value) => {
                let key = self.asked.remove(&(instance, op)).ok_or("S1: a value of no read")?;
                self.given.insert((instance, key, value.clone()));
            }
            OpResult::Entries(entries) => {
                let pairs = entries.iter().map(|(key, value)| (instance, key.clone(), Some(value.clone())));
                self.given.extend(pairs);
            }
            OpResult::Answer { .. } | OpResult::Error(_) => {
                let is_it =
                    |call: &&Call| call.made.is_some_and(|(_, by, of)| by == instance && of == Some(op));
                let Some(call) = self.calls.values().find(is_it) else { return Ok(()) };
                let given = match result {
                    OpResult::Answer { status, headers, body } => said(Some(*status), headers, body.as_ref()),
                    _ => None,
                };
                holds(call.returned == Some(given), "W1: object code is given another answer than came")?;
            }
            _ => {}
        }
        Ok(())
    }

    fn echoes(&self, instance: u64, body: &Blob) -> Result<(), Wrong> {
        let Ok(Echo { read }) = serde_json::from_str(&body.text()) else {
            return Err("W1: an answer does not say what its code has read");
        };
        let is_given = |(key, value): (Key, Option<String>)| {
            self.given.contains(&(instance, key, value.map(|value| Blob::from(&*value))))
        };
        holds(read.into_iter().all(is_given), "W1: object code has read what no call gave")
    }

    fn of_request(&mut self, machine: Option<u16>, request: u64, what: &What) -> Result<(), Wrong> {
        let asked = self.requests.entry(request).or_default();
        match what {
            What::Call { head, body, .. } => asked.asks = Some((head.clone(), body.clone())),
            What::RequestArrive { .. } => asked.arrived_at = Some(machine),
            What::AnswerLeave { outcome, .. } => {
                holds(asked.left.is_none(), "W1: an answer leaves twice")?;
                holds(asked.said.as_ref() == Some(outcome), "W1: an answer leaves that was not made")?;
                holds(
                    asked.arrived_at == Some(machine),
                    "W1: an answer leaves another machine than its client's",
                )?;
                asked.left = Some(outcome.clone());
            }
            What::AnswerLost { .. } => asked.is_over = true,
            What::Return { outcome, .. } => {
                let is_known = *outcome != Outcome::Unknown;
                holds(!asked.is_over || !is_known, "W1: an answer arrives that was lost")?;
                holds(
                    !is_known || asked.left.as_ref() == Some(outcome),
                    "W1: another answer arrives than left",
                )?;
                asked.is_over = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn of_call(&mut self, machine: Option<u16>, call: u64, what: &What) -> Result<(), Wrong> {
        let it = self.calls.entry(call).or_default();
        let home = it.made.map(|(machine, ..)| machine);
        match what {
            What::OutboundLeave { service, body, .. } => {
                let says = (service.to_string(), body.clone());
                holds(!it.left, "W1: a call leaves twice")?;
                holds(it.says == Some(says), "W1: a call leaves that was not made")?;
                holds(home == Some(machine), "W1: a call leaves another machine than its instance's")?;
                it.left = true;
            }
            What::OutboundArrive { service, body, .. } => {
                holds(it.left && !it.arrived && !it.lost, "W1: a call arrives that has not left")?;
                let (told, sent) = (service.as_deref().zip(body.as_ref()), it.says.as_ref());
                let sent = sent.map(|(service, body)| (service.as_str(), body));
                holds(told.is_none() || told == sent, "W1: another call arrives than left")?;
                it.arrived = true;
            }
            What::OutboundAnswer { status, headers, body, .. } => {
                holds(it.arrived && it.answered.is_none(), "W1: a call is answered that has not arrived")?;
                it.answered = Some(said(*status, headers, body.as_ref()));
            }
            What::OutboundLost { .. } => it.lost = true,
            What::OutboundReturn { status, headers, body, .. } => {
                let came = said(*status, headers, body.as_ref());
                holds(it.left && it.returned.is_none(), "W1: an answer comes to no call")?;
                holds(home == Some(machine), "W1: an answer comes to another machine than its instance's")?;
                holds(
                    came.is_none() || it.answered.as_ref() == Some(&came),
                    "W1: another answer comes than was given",
                )?;
                it.returned = Some(came);
            }
            _ => {}
        }
        Ok(())
    }
}
