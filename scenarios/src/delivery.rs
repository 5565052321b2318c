//! The Batchers' own promise, beside the rules of the contract: every item that was acknowledged reaches the upstream
//! service at least once. And where it is broken, which of the known traps (X1, X5) did it.
//!
//! An item is the body of a request. It is acknowledged when its client has an answer with status 200. It has reached
//! the upstream when the upstream has answered a batch that contains it with a status from 200 to 299. An item that is
//! neither delivered nor lost at the end of the run is still in storage, with an alarm scheduled that will deliver it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use reveille_model::history::{
    Blob, By, Event, History, Key, ObjectName, OpResult, Outcome, RunOutcome, StorageCall, What,
};
use reveille_model::verdict::{RuleId, Violation};

/// The service that batches are sent to.
pub const UPSTREAM: &str = "http://example.com/some-upstream-service";

/// The promise itself, where no known trap explains how it was broken.
const DELIVERY: RuleId = RuleId("delivery");

/// The `index`-th item of a plan. Each is unique.
pub fn item(index: usize, _dice: u32) -> String {
    format!("item-{index}")
}

/// A batch of items as it is sent to the upstream.
pub fn batch<'a>(items: impl Iterator<Item = &'a Bytes>) -> String {
    let texts: Vec<_> = items.map(|item| String::from_utf8_lossy(item)).collect();
    serde_json::to_string(&texts).expect("a list of texts can be written as JSON")
}

/// Every acknowledged item that was lost, with what lost it.
pub fn check(history: &History) -> Vec<Violation> {
    let ledger = Ledger::of(history);
    ledger.items.iter().filter_map(|(item, entry)| ledger.lost(history, item, entry)).collect()
}

/// What became of each item.
#[derive(Default)]
struct Ledger<'a> {
    items: BTreeMap<Blob, Item>,
    /// The calls to the upstream: where they left, which items they carried, how they were answered.
    calls: BTreeMap<u64, Call>,
    /// The items that the upstream has accepted.
    delivered: BTreeSet<Blob>,
    /// Where each object's rows are told at the end of the run.
    at_rest: BTreeMap<ObjectName, usize>,
    /// Turns that became durable: what others wrote had no effect.
    durable: BTreeSet<(&'a ObjectName, u64, u32)>,
    /// Runs whose end became durable.
    ended: BTreeSet<(&'a ObjectName, u64)>,
}

struct Item {
    object: ObjectName,
    request: u64,
    called: usize,
    acknowledged: Option<usize>,
}

struct Call {
    left: usize,
    items: BTreeSet<Blob>,
    answer: Option<(usize, Option<u16>)>,
}

impl<'a> Ledger<'a> {
    fn of(history: &'a History) -> Self {
        let mut ledger = Self::default();
        let mut by_request = BTreeMap::new();
        for (index, event) in history.events.iter().enumerate() {
            match &event.what {
                What::Call { request, to, body, .. } => {
                    by_request.insert(*request, body.clone());
                    let item =
                        Item { object: to.clone(), request: *request, called: index, acknowledged: None };
                    ledger.items.insert(body.clone(), item);
                }
                What::Return { request, outcome: Outcome::Answered { status: 200, .. } } => {
                    if let Some(item) = by_request.get(request).and_then(|body| ledger.items.get_mut(body)) {
                        item.acknowledged = Some(index);
                    }
                }
                What::Outbound { call, service, body, .. } if &**service == UPSTREAM => {
                    let texts: Vec<String> = serde_json::from_slice(&body.0).unwrap_or_default();
                    let items = texts.iter().map(|text| Blob::from(text.as_str())).collect();
                    ledger.calls.insert(*call, Call { left: index, items, answer: None });
                }
                What::OutboundAnswer { call, status } => {
                    if let Some(call) = ledger.calls.get_mut(call) {
                        call.answer = Some((index, *status));
                        if matches!(status, Some(200..=299)) {
                            ledger.delivered.extend(call.items.iter().cloned());
                        }
                    }
                }
                What::AtRest { object, .. } => _ = ledger.at_rest.insert(object.clone(), index),
                What::Commit { ends_run } => {
                    let Some(By { object, instance, turn, .. }) = &event.by else { continue };
                    ledger.durable.insert((object, *instance, *turn));
                    ledger.ended.extend(ends_run.map(|run| (object, run)));
                }
                _ => {}
            }
        }
        ledger
    }

    fn lost(&self, history: &History, item: &Blob, entry: &Item) -> Option<Violation> {
        let acknowledged = entry.acknowledged?;
        if self.delivered.contains(item) {
            return None;
        }
        let rest = self.at_rest.get(&entry.object).map(|index| (*index, &history.events[*index].what));
        let stays = match rest {
            Some((index, What::AtRest { keys, alarm, .. })) if keys.values().any(|value| value == item) => {
                Some((index, alarm.is_some()))
            }
            _ => None,
        };
        if matches!(stays, Some((_, true))) {
            return None;
        }
        let Loss { rule, at, told, evidence } = match stays {
            Some((index, _)) => self.left_behind(history, entry, index),
            None => self.erased(history, item, entry),
        };
        let answered = seconds(&history.events[acknowledged]);
        let sentences = format!(
            "The client that sent {item:?} to {object} (request {request}) was told at {answered} that it is queued. It never \
             reached the upstream service. {told}",
            object = entry.object,
            request = entry.request,
        );
        let mut all = vec![entry.called, acknowledged];
        all.extend(evidence);
        all.sort_unstable();
        all.dedup();
        let at_ns = history.events[at].at_ns;
        Some(Violation { rule, object: Some(entry.object.clone()), at_ns, sentences, evidence: all })
    }

    /// The item is gone from storage: which write removed it? One that never became durable removed nothing.
    fn erased(&self, history: &History, item: &Blob, entry: &Item) -> Loss {
        let mut put: Option<(usize, &Key)> = None;
        for (index, event) in of_object(history, &entry.object).filter(|(_, event)| self.is_durable(event)) {
            match (&event.what, put) {
                (What::Op { call: StorageCall::Put { key, value }, .. }, _) if value == item => {
                    put = Some((index, key))
                }
                (What::Op { call: StorageCall::Put { key, value }, .. }, Some((at, mine))) if key == mine => {
                    return overwritten(history, entry, at, mine, index, value);
                }
                (What::Op { call: StorageCall::DeleteAll { .. }, .. }, Some((at, _))) => {
                    return self.swept_away(history, item, entry, at, index);
                }
                _ => {}
            }
        }
        let at = put.map_or(entry.called, |(at, _)| at);
        let told = "It is not in storage either, and nothing that the object did explains it.".to_owned();
        Loss { rule: DELIVERY, at, told, evidence: vec![at] }
    }

    fn is_durable(&self, event: &Event) -> bool {
        let turn = event.by.as_ref().map(|by| (&by.object, by.instance, by.turn));
        turn.is_some_and(|turn| self.durable.contains(&turn))
    }

    /// X1(b), X1(c): the handler removed everything. Whether it had read the item before, and so sent it, tells one from the other.
    fn swept_away(&self, history: &History, item: &Blob, entry: &Item, put: usize, sweep: usize) -> Loss {
        let sweeper = history.events[sweep].by.as_ref().map(|by| by.instance);
        let of_sweeper = || {
            let before = of_object(history, &entry.object).take_while(move |(index, _)| *index < sweep);
            before.filter(move |(_, event)| event.by.as_ref().map(|by| by.instance) == sweeper)
        };
        let run = of_sweeper().filter(|(_, event)| matches!(event.what, What::RunStart { .. })).last();
        let run = run.map_or(put, |(index, _)| index);
        let read = of_sweeper().find_map(|(index, event)| match &event.what {
            What::OpResult { result: OpResult::Entries(entries), .. } if index > run => {
                Some((index, entries))
            }
            _ => None,
        });
        let call = of_sweeper().filter(|(index, _)| *index > run).filter_map(|(_, event)| match event.what {
            What::Outbound { call, .. } => self.calls.get(&call),
            _ => None,
        });
        let call = call.last();
        let mut evidence = vec![put, run, sweep];
        evidence.extend(read.map(|(index, _)| index));
        evidence.extend(call.map(|call| call.left));
        let (started, swept) = (seconds(&history.events[run]), seconds(&history.events[sweep]));
        let was_read = read.is_some_and(|(_, entries)| entries.iter().any(|(_, value)| value == item));
        if !was_read {
            let stored = seconds(&history.events[put]);
            let told = format!(
                "alarm() started at {started} and read the items to send before this one was there. The request came in while \
                 alarm() was awaiting the service, was stored at {stored} and acknowledged. Then alarm() went on, and its \
                 delete_all at {swept} removed everything, this item with it."
            );
            return Loss { rule: RuleId("X1(b)"), at: sweep, told, evidence };
        }
        let answer = call.and_then(|call| call.answer);
        evidence.extend(answer.map(|(index, _)| index));
        let status = match answer {
            Some((_, Some(status))) => {
                format!("the service answered with status {status}, which is not a success")
            }
            _ => "the service accepted nothing".to_owned(),
        };
        let told = format!(
            "alarm() started at {started} and sent it, {status}; yet delete_all removed it at {swept}. (A fetch does not \
             throw for such an answer.)"
        );
        Loss { rule: RuleId("X1(c)"), at: sweep, told, evidence }
    }

    /// It is still stored, and nothing will ever deliver it. X5: because its alarm was given up.
    fn left_behind(&self, history: &History, entry: &Item, at_rest: usize) -> Loss {
        let told =
            "At the end of the run it is still in storage, and no alarm is scheduled that would deliver it.";
        let Some((start, end)) = self.given_up(history, &entry.object) else {
            return Loss { rule: DELIVERY, at: at_rest, told: told.to_owned(), evidence: vec![at_rest] };
        };
        let (
            What::RunStart { retry_count, .. },
            What::RunEnd { outcome: RunOutcome::Failed { why, .. }, .. },
        ) = (&history.events[start].what, &history.events[end].what)
        else {
            unreachable!("the start and the failed end of a run were found");
        };
        let told = format!(
            "{told} The alarm's last run ended at {} with a failure ({why}). It was retry {retry_count}: after so many an \
             alarm is given up for good, and the handler did not catch the failure and set a new one.",
            seconds(&history.events[end])
        );
        let mut evidence = vec![start, end, at_rest];
        // What the handler did not catch.
        let mut calls = self.calls.values().filter(|call| (start..end).contains(&call.left));
        let is_its_own =
            |call: &&Call| history.events[call.left].by.as_ref().is_some_and(|by| by.object == entry.object);
        if let Some(call) = calls.rfind(is_its_own) {
            evidence.push(call.left);
            evidence.extend(call.answer.map(|(index, _)| index));
        }
        Loss { rule: RuleId("X5"), at: at_rest, told, evidence }
    }

    /// The last run of an object whose end is durable, if it failed and was the last retry: where it started and ended.
    fn given_up(&self, history: &History, object: &ObjectName) -> Option<(usize, usize)> {
        let mut started = BTreeMap::new();
        let mut last = None;
        for (index, event) in of_object(history, object) {
            match &event.what {
                What::RunStart { run, retry_count, .. } => _ = started.insert(*run, (index, *retry_count)),
                What::RunEnd { run, outcome } if self.ended.contains(&(object, *run)) => {
                    let start = started.get(run).copied();
                    let is_failed = matches!(outcome, RunOutcome::Failed { .. });
                    last = start.map(|(start, retry_count)| (start, index, is_failed.then_some(retry_count)));
                }
                _ => {}
            }
        }
        let (start, end, failed) = last?;
        failed.filter(|retry_count| *retry_count >= history.header.constants.retries_max)?;
        Some((start, end))
    }
}

/// How an item was lost.
struct Loss {
    rule: RuleId,
    /// The event that lost it.
    at: usize,
    told: String,
    evidence: Vec<usize>,
}

/// X1(a): a later item took the same key.
fn overwritten(history: &History, entry: &Item, put: usize, key: &Key, again: usize, by: &Blob) -> Loss {
    let mut evidence = vec![put, again];
    let mut read = String::new();
    // The instance that took the key again, if it was built after that.
    let writer = history.events[again].by.as_ref().map(|by| by.instance);
    let of_writer = || {
        let all = of_object(history, &entry.object);
        all.filter(|(_, event)| event.by.as_ref().map(|by| by.instance) == writer)
    };
    let started = of_writer().find(|(index, event)| {
        (put..again).contains(index) && matches!(event.what, What::InstanceStart { .. })
    });
    if let Some((start, _)) = started {
        let listed = of_writer().find_map(|(index, event)| match &event.what {
            What::OpResult { result: OpResult::Entries(entries), .. } if index > start => {
                Some((index, entries.first()))
            }
            _ => None,
        });
        evidence.push(start);
        if let Some((list, Some((newest, _)))) = listed {
            evidence.push(list);
            read = format!(
                " The object had left memory meanwhile. When it was built again at {at}, its constructor asked for the last \
                 key and got {newest:?}: keys are strings, and \"10\" sorts before \"9\". So it counted on from {newest}.",
                at = seconds(&history.events[start]),
            );
        }
    }
    let told = format!(
        "It was stored under the key {key:?} at {stored}.{read} At {overwritten} it was overwritten by {by:?}, under the same key.",
        stored = seconds(&history.events[put]),
        overwritten = seconds(&history.events[again]),
    );
    Loss { rule: RuleId("X1(a)"), at: again, told, evidence }
}

fn of_object<'a>(
    history: &'a History,
    object: &'a ObjectName,
) -> impl DoubleEndedIterator<Item = (usize, &'a Event)> + 'a {
    let events = history.events.iter().enumerate();
    events.filter(move |(_, event)| event.by.as_ref().is_some_and(|by| by.object == *object))
}

fn seconds(event: &Event) -> String {
    reveille::story::seconds(event.at_ns)
}
