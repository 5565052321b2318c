//! The Batchers' own promise, beside the rules of the contract: every item that was acknowledged reaches the upstream
//! service at least once. And where it is broken, which of the known traps (X1, X5) did it.
//!
//! An item is the body of a request. It is acknowledged when its client has an answer with status 200. It has reached
//! the upstream when the upstream has answered a batch that contains it with a status from 200 to 299. An item that is
//! neither delivered nor lost at the end of the run is still in storage, with an alarm scheduled that will deliver it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use reveille_model::history::{Blob, Event, History, Key, ObjectName, OpResult, Outcome, StorageCall, What};
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

/// Every acknowledged item that was lost, with what lost it; one of each cause and object.
pub fn check(history: &History) -> Vec<Violation> {
    let ledger = Ledger::of(history);
    let mut told = BTreeSet::new();
    let lost = ledger.items.iter().filter_map(|(item, entry)| ledger.lost(history, item, entry));
    lost.filter(|violation| told.insert((violation.rule, violation.object.clone()))).collect()
}

/// What became of each item.
#[derive(Default)]
struct Ledger {
    items: BTreeMap<Blob, Item>,
    /// The calls to the upstream: where they left, which items they carried, how they were answered.
    calls: BTreeMap<u64, Call>,
    /// The items that the upstream has accepted.
    delivered: BTreeSet<Blob>,
    /// Where each object's rows are told at the end of the run.
    at_rest: BTreeMap<ObjectName, usize>,
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

impl Ledger {
    fn of(history: &History) -> Self {
        let mut ledger = Self::default();
        let mut by_request = BTreeMap::new();
        for (index, event) in history.events.iter().enumerate() {
            match &event.what {
                What::Call { request, to, body } => {
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
            Some((index, _)) => left_behind(history, entry, index),
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

    /// The item is gone from storage: which write removed it?
    fn erased(&self, history: &History, item: &Blob, entry: &Item) -> Loss {
        let mut put: Option<(usize, &Key)> = None;
        for (index, event) in of_object(history, &entry.object) {
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
        let told = "It is in no storage either, and nothing that the object did explains it.".to_owned();
        Loss { rule: DELIVERY, at, told, evidence: vec![at] }
    }

    /// X1(b), X1(c): the handler removed everything.
    fn swept_away(&self, history: &History, item: &Blob, entry: &Item, put: usize, sweep: usize) -> Loss {
        let run = of_object(history, &entry.object)
            .rfind(|(index, event)| *index < sweep && matches!(event.what, What::RunStart { .. }));
        let run = run.map_or(put, |(index, _)| index);
        let is_its_own = |call: &&Call| {
            let by = history.events[call.left].by.as_ref();
            (run..sweep).contains(&call.left) && by.is_some_and(|by| by.object == entry.object)
        };
        let call = self.calls.values().rfind(is_its_own);
        let mut evidence = vec![put, run, sweep];
        evidence.extend(call.map(|call| call.left));
        let started = seconds(&history.events[run]);
        let swept = seconds(&history.events[sweep]);
        match call {
            Some(Call { items, answer: Some((answer, status)), .. }) if items.contains(item) => {
                evidence.push(*answer);
                let status = status.map_or("an error".to_owned(), |status| format!("status {status}"));
                let told = format!(
                    "alarm() started at {started} and sent it, the service answered with {status}, which is no acceptance; \
                     yet delete_all removed it at {swept}. (A fetch does not throw for such an answer.)"
                );
                Loss { rule: RuleId("X1(c)"), at: sweep, told, evidence }
            }
            _ => {
                let told = format!(
                    "alarm() started at {started} and read the items to send before this one was there. The request came in \
                     while alarm() was awaiting the service, was stored at {stored} and acknowledged. Then alarm() went on, and \
                     its delete_all at {swept} removed everything, this item with it.",
                    stored = seconds(&history.events[put]),
                );
                Loss { rule: RuleId("X1(b)"), at: sweep, told, evidence }
            }
        }
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
    let started = of_object(history, &entry.object).rfind(|(index, event)| {
        (put..again).contains(index) && matches!(event.what, What::InstanceStart { .. })
    });
    if let Some((start, _)) = started {
        let listed = of_object(history, &entry.object).find_map(|(index, event)| match &event.what {
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

/// X5: it is still stored, and nothing will ever deliver it.
fn left_behind(history: &History, entry: &Item, at_rest: usize) -> Loss {
    let last_run =
        of_object(history, &entry.object).rfind(|(_, event)| matches!(event.what, What::RunEnd { .. }));
    let mut evidence = vec![at_rest];
    let mut told =
        "At the end of the run it is still in storage, and no alarm is scheduled that would deliver it."
            .to_owned();
    if let Some((run, event)) = last_run {
        evidence.push(run);
        told = format!(
            "{told} The last run of alarm() ended at {}; after six retries an alarm is given up for good, and the handler did \
             not catch the failure and set a new one.",
            seconds(event)
        );
    }
    Loss { rule: RuleId("X5"), at: at_rest, told, evidence }
}

fn of_object<'a>(
    history: &'a History,
    object: &'a ObjectName,
) -> impl DoubleEndedIterator<Item = (usize, &'a Event)> + 'a {
    let events = history.events.iter().enumerate();
    events.filter(move |(_, event)| event.by.as_ref().is_some_and(|by| by.object == *object))
}

fn seconds(event: &Event) -> String {
    crate::story::seconds(event.at_ns)
}
