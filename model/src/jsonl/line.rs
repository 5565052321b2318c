//! One line as it stands: all fields that any event has, each at most once, in any order, read in one pass.
//!
//! A derived `Deserialize` of [`Event`] would have to collect the fields of a line in a list and try what they fit. That
//! is several times slower; a field that is misspelled or stands in a wrong place would pass for one that was left out,
//! so that a rule would lose its evidence and nobody would hear of it; and what an instance is named by would swallow
//! fields of the event that are called the same.

use std::sync::Arc;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::error::Problem;
use super::names::Names;
use super::words::{AnyOutcome, IdOrAtRest, Keys, NumberOrWord, Text, word};
use crate::history::{
    Blob, By, Cause, Delivery, EndReason, Event, Head, Headers, Key, ListOptions, ObjectName, OpResult,
    Phase, Place, Process, Scope, StorageCall, Taken, Takes, What,
};

/// What `event` may be.
const EVENTS: &str = "call, return, instance_start, constructor_end, instance_end, deliver, gate, await, op, op_result, \
     run_start, run_end, commit, respond, outbound, request_arrive, answer_leave, answer_lost, outbound_leave, \
     outbound_arrive, outbound_answer, outbound_return, outbound_lost, process, on_disk, fault_begin, fault_end, \
     majority, holder, leader, group_leader, committed, replica, phase, at_rest, disk_damaged, timer, promise, \
     request_start, request_end";

/// What `call` may be in an `op`.
const CALLS: &str = "get, get_many, put, put_many, delete, delete_many, list, delete_all, sync, get_alarm, set_alarm, \
     delete_alarm, transaction";

/// The fields of a line, from one list: which they are, and which of them no event has asked for.
macro_rules! line {
    ($($(#[$attribute:meta])* $field:ident: $type:ty,)*) => {
        /// A line.
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Line<'a> {
            at_ns: u64,
            #[serde(borrow)]
            event: Text<'a>,
            $($(#[$attribute])* $field: Option<$type>,)*
        }

        impl Line<'_> {
            /// A field that is still there.
            fn left(&self) -> Option<&'static str> {
                $(if self.$field.is_some() {
                    return Some(stringify!($field));
                })*
                None
            }
        }
    };
}

// What most lines have comes first: a name is compared with one after the other.
line! {
    machine: u16,
    wall_ns: i64,
    #[serde(borrow)]
    object: Text<'a>,
    instance: u64,
    epoch: u64,
    seq: u32,
    turn: u32,
    op: u64,
    #[serde(borrow)]
    call: NumberOrWord<'a>,
    #[serde(borrow)]
    key: Text<'a>,
    value: Blob,
    result: OpResult,
    delivery: Delivery,
    #[serde(borrow)]
    kind: Text<'a>,
    request: u64,
    status: u16,
    body: Blob,
    #[serde(borrow)]
    to: Text<'a>,
    outcome: AnyOutcome,
    run: u64,
    ends_run: u64,
    alarm: IdOrAtRest,
    scheduled_ms: i64,
    retry_count: u32,
    is_retry: bool,
    time_ms: i64,
    preserve_alarm: bool,
    allow_concurrency: bool,
    entries: Vec<(Key, Blob)>,
    #[serde(borrow)]
    prefix: Text<'a>,
    #[serde(borrow)]
    start: Text<'a>,
    #[serde(borrow)]
    start_after: Text<'a>,
    #[serde(borrow)]
    end: Text<'a>,
    reverse: bool,
    limit: u32,
    cause: Cause,
    failed: Arc<str>,
    reason: EndReason,
    #[serde(borrow)]
    service: Text<'a>,
    fault: u32,
    scope: Scope,
    takes: Vec<Takes>,
    group: u16,
    connected: bool,
    closed: bool,
    slice: u16,
    datacenter: u16,
    term: u64,
    applied: u64,
    index: u64,
    #[serde(borrow)]
    state: NumberOrWord<'a>,
    phase: Phase,
    replicas: Vec<u16>,
    held_by: Vec<u16>,
    #[serde(borrow)]
    of: Text<'a>,
    keys: Keys,
    #[serde(borrow)]
    method: Text<'a>,
    #[serde(borrow)]
    path: Text<'a>,
    headers: Headers,
    for_ms: u64,
    #[serde(borrow)]
    name: Text<'a>,
    held: bool,
}

/// Takes a field that the event needs.
macro_rules! need {
    ($line:expr, $field:ident) => {
        match $line.$field.take() {
            Some(value) => value,
            None => return Err($line.lacks(stringify!($field))),
        }
    };
}

impl<'a> Line<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Problem> {
        serde_json::from_str(text).map_err(|error| Problem::json(&error))
    }

    /// The event that the line tells.
    pub(super) fn event(mut self, names: &mut Names) -> Result<Event, Problem> {
        let place = self.place()?;
        let (what, by) = match self.of_an_instance(names)? {
            Some(what) => (what, Some(self.by(names)?)),
            None => (self.of_the_world(names)?, None),
        };
        match self.left() {
            Some(field) => Err(Problem::Foreign { field, event: self.event.to_string() }),
            None => Ok(Event { at_ns: self.at_ns, place, by, what }),
        }
    }

    fn lacks(&self, field: &'static str) -> Problem {
        Problem::Missing { field, event: self.event.to_string() }
    }

    fn place(&mut self) -> Result<Option<Place>, Problem> {
        match (self.machine.take(), self.wall_ns.take()) {
            (Some(machine), Some(wall_ns)) => Ok(Some(Place { machine, wall_ns })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(self.lacks("wall_ns")),
            (None, Some(_)) => Err(self.lacks("machine")),
        }
    }

    fn by(&mut self, names: &mut Names) -> Result<By, Problem> {
        let object = need!(self, object);
        Ok(By {
            object: ObjectName(names.get(&object)),
            instance: need!(self, instance),
            epoch: need!(self, epoch),
            seq: need!(self, seq),
            turn: need!(self, turn),
        })
    }

    /// What an instance does; none if the event is of another kind.
    fn of_an_instance(&mut self, names: &mut Names) -> Result<Option<What>, Problem> {
        Ok(Some(match &*self.event {
            "op" => What::Op {
                op: need!(self, op),
                call: self.storage_call(names)?,
                allow_concurrency: self.allow_concurrency.take().unwrap_or_default(),
            },
            "op_result" => What::OpResult { op: need!(self, op), result: need!(self, result) },
            "deliver" => What::Deliver { delivery: need!(self, delivery) },
            "gate" => What::Gate { closed: need!(self, closed) },
            "await" => What::Await { op: need!(self, op), kind: word("kind", &need!(self, kind))? },
            "commit" => What::Commit { ends_run: self.ends_run.take() },
            "respond" => What::Respond {
                request: need!(self, request),
                status: need!(self, status),
                headers: self.headers.take().unwrap_or_default(),
                body: need!(self, body),
            },
            "request_start" => What::RequestStart {
                request: need!(self, request),
                head: self.head(names),
                body: self.body.take(),
            },
            "request_end" => What::RequestEnd { request: need!(self, request) },
            "timer" => What::Timer { op: need!(self, op), for_ms: need!(self, for_ms) },
            "promise" => What::Promise {
                name: names.get(&need!(self, name)),
                kind: word("kind", &need!(self, kind))?,
                held: need!(self, held),
            },
            "instance_start" => What::InstanceStart { cause: self.cause.take(), slice: self.slice.take() },
            "constructor_end" => What::ConstructorEnd { failed: self.failed.take() },
            "instance_end" => What::InstanceEnd { reason: need!(self, reason) },
            "run_start" => What::RunStart {
                run: need!(self, run),
                alarm: self.alarm.take().map(IdOrAtRest::id).transpose()?,
                scheduled_ms: need!(self, scheduled_ms),
                retry_count: need!(self, retry_count),
                is_retry: need!(self, is_retry),
            },
            "run_end" => What::RunEnd { run: need!(self, run), outcome: need!(self, outcome).of_a_run()? },
            "outbound" => What::Outbound {
                call: need!(self, call).number()?,
                service: names.get(&need!(self, service)),
                head: self.head(names),
                body: need!(self, body),
                op: self.op.take(),
            },
            _ => return Ok(None),
        }))
    }

    /// What a request says beside its body.
    fn head(&mut self, names: &mut Names) -> Head {
        let mut text = |text: Option<Text<'_>>| text.map(|text| names.get(&text));
        Head::new(text(self.method.take()), text(self.path.take()), self.headers.take().unwrap_or_default())
    }

    fn storage_call(&mut self, names: &mut Names) -> Result<StorageCall, Problem> {
        let call = need!(self, call).word()?;
        Ok(match &*call {
            "get" => StorageCall::Get { key: names.get(&need!(self, key)) },
            "get_many" => StorageCall::GetMany { keys: need!(self, keys).listed()? },
            "put" => StorageCall::Put { key: names.get(&need!(self, key)), value: need!(self, value) },
            "put_many" => StorageCall::PutMany { entries: need!(self, entries) },
            "delete" => StorageCall::Delete { key: names.get(&need!(self, key)) },
            "delete_many" => StorageCall::DeleteMany { keys: need!(self, keys).listed()? },
            "list" => {
                let mut key = |text: Option<Text<'_>>| text.map(|text| names.get(&text));
                StorageCall::List(ListOptions {
                    prefix: key(self.prefix.take()),
                    start: key(self.start.take()),
                    start_after: key(self.start_after.take()),
                    end: key(self.end.take()),
                    reverse: self.reverse.take().unwrap_or_default(),
                    limit: self.limit.take(),
                })
            }
            "delete_all" => StorageCall::DeleteAll { preserve_alarm: need!(self, preserve_alarm) },
            "sync" => StorageCall::Sync,
            "get_alarm" => StorageCall::GetAlarm,
            "set_alarm" => StorageCall::SetAlarm {
                time_ms: need!(self, time_ms),
                scheduled_ms: need!(self, scheduled_ms),
                alarm: self.alarm.take().map(IdOrAtRest::id).transpose()?,
            },
            "delete_alarm" => StorageCall::DeleteAlarm,
            "transaction" => StorageCall::Transaction,
            _ => return Err(Problem::Unknown { field: "call", found: call.to_string(), expected: CALLS }),
        })
    }

    /// What happens to a machine or outside all machines.
    fn of_the_world(&mut self, names: &mut Names) -> Result<What, Problem> {
        Ok(match &*self.event {
            "call" => What::Call {
                request: need!(self, request),
                to: ObjectName(names.get(&need!(self, to))),
                head: self.head(names),
                body: self.body.take().unwrap_or_default(),
            },
            "return" => {
                What::Return { request: need!(self, request), outcome: need!(self, outcome).of_a_request()? }
            }
            "request_arrive" => What::RequestArrive { request: need!(self, request) },
            "answer_leave" => What::AnswerLeave {
                request: need!(self, request),
                outcome: need!(self, outcome).that_leaves()?,
            },
            "answer_lost" => What::AnswerLost { request: need!(self, request) },
            "outbound_leave" => What::OutboundLeave {
                call: need!(self, call).number()?,
                service: names.get(&need!(self, service)),
                head: self.head(names),
                body: need!(self, body),
            },
            "outbound_lost" => What::OutboundLost { call: need!(self, call).number()? },
            "outbound_return" => What::OutboundReturn {
                call: need!(self, call).number()?,
                status: self.status.take(),
                headers: self.headers.take().unwrap_or_default(),
                body: self.body.take(),
            },
            "process" => {
                let state = need!(self, state).word_of("state", "`up`, `down` or `paused`")?;
                What::Process { state: word::<Process>("state", &state)? }
            }
            "on_disk" => What::OnDisk {
                object: ObjectName(names.get(&need!(self, of))),
                instance: need!(self, instance),
                turn: need!(self, turn),
                replicas: need!(self, replicas),
                held_by: need!(self, held_by),
            },
            "outbound_arrive" => What::OutboundArrive {
                call: need!(self, call).number()?,
                service: self.service.take().map(|service| names.get(&service)),
                head: self.head(names),
                body: self.body.take(),
            },
            "outbound_answer" => What::OutboundAnswer {
                call: need!(self, call).number()?,
                status: self.status.take(),
                headers: self.headers.take().unwrap_or_default(),
                body: self.body.take(),
            },
            "fault_begin" => What::FaultBegin {
                fault: need!(self, fault),
                kind: names.get(&need!(self, kind)),
                scope: need!(self, scope),
                takes: self.takes.take().map(taken).transpose()?,
            },
            "fault_end" => What::FaultEnd { fault: need!(self, fault) },
            "majority" => What::Majority { group: need!(self, group), connected: need!(self, connected) },
            "holder" => What::Holder {
                slice: need!(self, slice),
                epoch: need!(self, epoch),
                group: self.group.take(),
            },
            "leader" => What::Leader { datacenter: need!(self, datacenter), term: need!(self, term) },
            "group_leader" => What::GroupLeader { group: need!(self, group), term: need!(self, term) },
            "committed" => What::Committed { group: need!(self, group), index: need!(self, index) },
            "replica" => What::Replica {
                group: need!(self, group),
                applied: need!(self, applied),
                state: need!(self, state).number_of("state")?,
            },
            "phase" => What::Phase { phase: need!(self, phase) },
            "at_rest" => What::AtRest {
                object: ObjectName(names.get(&need!(self, of))),
                keys: need!(self, keys).with_values()?,
                alarm: self.alarm.take().map(IdOrAtRest::at_rest).transpose()?,
                slice: self.slice.take(),
            },
            "disk_damaged" => What::DiskDamaged,
            name => {
                return Err(Problem::Unknown { field: "event", found: name.to_owned(), expected: EVENTS });
            }
        })
    }
}

/// Each word once.
fn taken(words: Vec<Takes>) -> Result<Taken, Problem> {
    let mut taken = Taken::new();
    match words.into_iter().find(|takes| !taken.insert(*takes)) {
        None => Ok(taken),
        Some(twice) => {
            Err(Problem::Field { field: "takes", message: format!("`{}` stands in it twice", twice.word()) })
        }
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Line::deserialize(deserializer)?.event(&mut Names::default()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_expected_is_known() {
        let read = |text: String| Line::read(&text).and_then(|line| line.event(&mut Names::default()));
        for event in EVENTS.split(", ") {
            let read = read(format!(r#"{{"at_ns":0,"event":"{event}"}}"#));
            assert!(!matches!(read, Err(Problem::Unknown { .. })), "{event}: {read:?}");
        }
        for call in CALLS.split(", ") {
            let read = read(format!(r#"{{"at_ns":0,"event":"op","op":1,"call":"{call}"}}"#));
            assert!(!matches!(read, Err(Problem::Unknown { .. })), "{call}: {read:?}");
        }
    }
}
