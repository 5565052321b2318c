//! The life of one object's alarm, for somebody who has never seen this project: what clients ask, when the alarm is set
//! and runs and how each run ends, and what is broken meanwhile. No digest, no number of an operation, nothing that only
//! the system's builders understand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::Range;

use reveille_model::history::{Event, History, OpResult, Outcome, RunOutcome, Scope, StorageCall, What};

use super::{place, sentence, wall};

/// What happened to `object` in a time of the run, given in nanoseconds of true time since its begin. With a `slice`, the
/// one that the object is in, it also tells who takes it over, and who is elected to decide about that.
pub fn life(history: &History, object: &str, slice: Option<u16>, within_ns: Range<u64>) -> String {
    let mut cast = Cast {
        object,
        slice,
        requests: BTreeSet::new(),
        calls: BTreeMap::new(),
        transactions: BTreeSet::new(),
        machine: None,
    };
    let mut text = format!("The life of {object}: \"it\" is this object, \"dc\" a datacenter.\n\n");
    text.push_str(" time (s)  where               what\n");
    let mut faults = BTreeSet::new();
    for event in &history.events {
        let shown = cast.plays(event, &mut faults);
        if !shown || !within_ns.contains(&event.at_ns) {
            continue;
        }
        let Some(told) = told(history, event, &cast) else { continue };
        let at = format!("{}.{:03}", event.at_ns / 1_000_000_000, event.at_ns / 1_000_000 % 1_000);
        let place = match event.what {
            // The event's own place is the replica that was the first to apply it: of no interest here.
            What::Commit { .. } => "datastore".into(),
            _ => place(&history.header, event),
        };
        writeln!(text, "{at:>9}  {place:<18}  {}", told.trim_end()).expect("writing to a string succeeds");
    }
    text
}

/// Who belongs to the object's life, as far as the history was read.
struct Cast<'a> {
    object: &'a str,
    slice: Option<u16>,
    requests: BTreeSet<u64>,
    /// Its calls to outside services: to which.
    calls: BTreeMap<u64, &'a str>,
    /// Its transactions: instance and operation.
    transactions: BTreeSet<(u64, u64)>,
    /// Where it is in memory, or was last.
    machine: Option<u16>,
}

impl<'a> Cast<'a> {
    /// Whether the event belongs to the object's life.
    fn plays(&mut self, event: &'a Event, faults: &mut BTreeSet<u32>) -> bool {
        if let Some(by) = event.by.as_ref().filter(|by| &*by.object.0 == self.object) {
            match &event.what {
                What::Op { op, call: StorageCall::Transaction, .. } => {
                    self.transactions.insert((by.instance, *op));
                }
                What::InstanceStart { .. } => self.machine = event.place.map(|place| place.machine),
                What::Outbound { call, service, .. } => _ = self.calls.insert(*call, service),
                _ => {}
            }
            return true;
        }
        match &event.what {
            What::Call { request, to, .. } if &*to.0 == self.object => self.requests.insert(*request),
            What::Return { request, .. } => self.requests.contains(request),
            What::OutboundAnswer { call, .. } => self.calls.contains_key(call),
            What::Leader { .. } => self.slice.is_some(),
            What::Holder { slice, .. } => Some(*slice) == self.slice,
            What::AtRest { object, .. } => &*object.0 == self.object,
            What::FaultBegin { fault, scope, .. } if self.concerns(scope) => faults.insert(*fault),
            What::FaultEnd { fault } => faults.contains(fault),
            _ => false,
        }
    }

    fn ends_transaction(&self, event: &Event, op: u64) -> bool {
        event.by.as_ref().is_some_and(|by| self.transactions.contains(&(by.instance, op)))
    }

    /// What strikes other machines alone is left out.
    fn concerns(&self, scope: &Scope) -> bool {
        !matches!(scope, Scope::Machine(machine) if Some(*machine) != self.machine)
    }
}

/// The event in words; none for what does not matter here.
fn told(history: &History, event: &Event, cast: &Cast) -> Option<String> {
    Some(match &event.what {
        What::OpResult { op, result } if cast.ends_transaction(event, *op) => match result {
            OpResult::Error(why) => format!("the transaction is rolled back: {why}"),
            _ => "the transaction ends: all of it belongs to this turn".into(),
        },
        What::Deliver { .. }
        | What::Await { .. }
        | What::Gate { .. }
        | What::OpResult { .. }
        | What::ConstructorEnd { failed: None }
        | What::Commit { ends_run: None }
        | What::RequestStart { .. }
        | What::RequestEnd { .. }
        | What::Respond { .. }
        | What::OutboundArrive { .. } => return None,
        What::Call { request, body, .. } => {
            format!("request {request} to {}: {}", cast.object, body.text())
        }
        What::Return { request, outcome: Outcome::Answered { status, body, .. } } => {
            format!("request {request} is answered: {status} {}", body.text())
        }
        What::Op { call, .. } => return op_told(history, call),
        What::RunStart { retry_count: 0, scheduled_ms, .. } => {
            format!("alarm() starts; it was due at {}", wall(history, *scheduled_ms))
        }
        What::RunStart { retry_count, .. } => format!("alarm() starts again: retry {retry_count}"),
        What::RunEnd { outcome: RunOutcome::Ok, .. } => "alarm() returns".into(),
        What::Commit { ends_run: Some(_) } => {
            "the end of alarm() is durable, and what it wrote with it".into()
        }
        What::Leader { datacenter, .. } => {
            format!(
                "is elected leader of datacenter {datacenter}: this machine decides now who runs what there"
            )
        }
        What::Holder { .. } => {
            format!("takes {} over, and its alarm; who had it before can change nothing more", cast.object)
        }
        What::Outbound { service, body, .. } => format!("it calls {service}: {}", body.text()),
        What::OutboundAnswer { call, status, .. } => {
            let service = cast.calls.get(call).copied().unwrap_or_default();
            status.map_or_else(
                || format!("{service} breaks the connection"),
                |status| format!("{service} answers {status}"),
            )
        }
        _ => of_it(sentence(history, event), cast.object),
    })
}

/// What the object changes in its storage; what it reads does not matter here.
fn op_told(history: &History, call: &StorageCall) -> Option<String> {
    Some(match call {
        StorageCall::SetAlarm { scheduled_ms, .. } => {
            format!("it sets its alarm for {}", wall(history, *scheduled_ms))
        }
        StorageCall::DeleteAlarm => "it deletes its alarm".into(),
        StorageCall::Put { key, value } => format!("it writes {key}: {}", value.text()),
        StorageCall::PutMany { entries } => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{key}: {}", value.text())).collect();
            format!("it writes {}", entries.join(", "))
        }
        StorageCall::Delete { key } => format!("it deletes {key}"),
        StorageCall::DeleteMany { keys } => format!("it deletes {}", keys.join(", ")),
        StorageCall::DeleteAll { .. } => "it deletes all it has stored".into(),
        StorageCall::Transaction => "it begins a transaction".into(),
        StorageCall::Get { .. }
        | StorageCall::GetMany { .. }
        | StorageCall::List(_)
        | StorageCall::Sync
        | StorageCall::GetAlarm => return None,
    })
}

/// A sentence about the object, whose name stands in the first line already.
pub(crate) fn of_it(sentence: String, object: &str) -> String {
    match sentence.strip_prefix(object) {
        Some(rest) => rest.strip_prefix(": ").map_or_else(|| format!("it{rest}"), str::to_owned),
        None => sentence,
    }
}
