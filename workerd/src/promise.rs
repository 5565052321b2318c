//! What is judged beside the contract: an alarm that is given up (X5), a storm of wakes, and the promises that one asks for about what
//! was answered with success. Of an item that is gone the account says how: where one of the known traps did it, the rule is that
//! trap's (X1).
//!
//! An *item* is the body of a request. It is there if a value or a row that is durable at the end carries it, and delivered if a
//! service has accepted a call whose body carries it; both as a part of a text, since a worker may join items as it likes. Give each
//! request a body that is no part of another's.

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum;
use reveille::story::seconds;
use reveille_model::history::{
    Blob, Event, History, Key, ObjectName, OpResult, Outcome, RunOutcome, StorageCall, What,
};
use reveille_model::verdict::{RuleId, Violation};
use serde::{Deserialize, Serialize};

use crate::life::Life;
use crate::world::STORM_RUNS;

/// What one can ask for. What is asked for is promised by the worker, not by the runtime: nobody can know it from the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// What was answered with a status from 200 to 299 is stored at the end, or was accepted by a service.
    Kept,
    /// What was answered so was accepted by a service when the run ends.
    Delivered,
    /// No service accepts a request's body twice.
    Once,
}

/// The promises that one asks for.
pub type Asks = BTreeSet<Promise>;

/// The names of promises in findings.
const KEPT: &str = "kept";
const DELIVERED: &str = "delivered";
const ONCE: &str = "once";

/// The name of a storm in findings.
pub const STORM: &str = "storm";

/// Everything that a life broke, in the order of time: first what broke first.
pub fn broken(life: &Life, asks: &Asks) -> Vec<Violation> {
    let mut broken = life.verdict.violations.clone();
    broken.extend(given_up(&life.history));
    broken.extend(storm(life));
    if asks.contains(&Promise::Kept) {
        broken.extend(lost(life));
    }
    if asks.contains(&Promise::Delivered) {
        broken.extend(undelivered(life));
    }
    if asks.contains(&Promise::Once) {
        broken.extend(repeated(&life.history));
    }
    broken.sort_by_key(|violation| violation.at_ns);
    broken
}

fn breach(
    history: &History,
    rule: &'static str,
    object: Option<&ObjectName>,
    sentences: String,
    mut evidence: Vec<usize>,
) -> Violation {
    evidence.sort_unstable();
    evidence.dedup();
    let at_ns = evidence.last().map_or(0, |last| history.events[*last].at_ns);
    Violation { rule: RuleId(rule), object: object.cloned(), at_ns, sentences, evidence }
}

/// X5: alarms that were given up after the last retry (R2).
fn given_up(history: &History) -> Vec<Violation> {
    let (mut counts, mut given_up) = (BTreeMap::new(), Vec::new());
    for (at, event) in history.events.iter().enumerate() {
        let Some(by) = &event.by else { continue };
        match &event.what {
            What::RunStart { run, retry_count, .. } => {
                counts.insert((&by.object, *run), (at, *retry_count));
            }
            What::RunEnd { run, outcome: RunOutcome::Failed { why, .. } } => {
                let Some((start, count)) = counts.get(&(&by.object, *run)) else { continue };
                if *count < history.header.constants.retries_max
                    || is_set_anew(history, &by.object, *start, at)
                {
                    continue;
                }
                let told = format!(
                    "alarm() of {} failed at {} for the last time ({why}). It was retry {count}: after so many an alarm is given \
                     up for good. Nothing wakes the object any more until somebody sets a new one; the handler did not catch the \
                     failure and did not set one itself.",
                    by.object,
                    seconds(event.at_ns)
                );
                given_up.push(breach(history, "X5", Some(&by.object), told, vec![*start, at]));
            }
            _ => {}
        }
    }
    given_up
}

/// Whether the object set an alarm between two events.
fn is_set_anew(history: &History, object: &ObjectName, from: usize, to: usize) -> bool {
    history.events[from..to].iter().any(|event| {
        let is_own = event.by.as_ref().is_some_and(|by| by.object == *object);
        is_own && matches!(event.what, What::Op { call: StorageCall::SetAlarm { .. }, .. })
    })
}

/// A storm: the process did something again and again at one instant, or an object is woken far more often than anybody wants.
fn storm(life: &Life) -> Option<Violation> {
    let history = &life.history;
    let mut runs: BTreeMap<&ObjectName, Vec<usize>> = BTreeMap::new();
    for (at, event) in history.events.iter().enumerate() {
        if let (Some(by), What::RunStart { .. }) = (&event.by, &event.what) {
            runs.entry(&by.object).or_default().push(at);
        }
    }
    let ns = |at: usize| history.events[at].at_ns;
    let often = runs.iter().find_map(|(object, runs)| {
        let mut windows = runs.windows(STORM_RUNS);
        let window = windows.find(|window| ns(window[STORM_RUNS - 1]) < ns(window[0]) + 1_000_000_000)?;
        Some((*object, window.to_vec()))
    });
    if let Some((object, window)) = often {
        let told = format!(
            "alarm() of {object} ran {} times within a second, from {} on: each run sets an alarm that is due at once. What it \
             waits for cannot come nearer that way, and nothing else of the object has a turn in good time.",
            window.len(),
            seconds(ns(window[0]))
        );
        let evidence = vec![window[0], window[1], window[2]];
        return Some(breach(history, STORM, Some(object), told, evidence));
    }
    life.is_storm().then(|| {
        let at = life.told.last().map_or(0, |told| told.at_ns);
        let told = format!(
            "The worker does something again and again at {}, without an end: time stands still in it. Nothing was told that \
             says what.",
            seconds(at)
        );
        breach(history, STORM, None, told, history.events.len().checked_sub(1).into_iter().collect())
    })
}

/// A request that was answered with success.
struct Item<'a> {
    request: u64,
    object: &'a ObjectName,
    body: &'a Blob,
    asked: usize,
    answered: usize,
}

impl Item<'_> {
    fn opening(&self, history: &History) -> String {
        format!(
            "The client that sent {:?} to {} (request {}) had it acknowledged at {}.",
            self.body.text(),
            self.object,
            self.request,
            seconds(history.events[self.answered].at_ns)
        )
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        let body = &self.body.0[..];
        bytes.windows(body.len()).any(|window| window == body)
    }

    fn is_in_values<'v>(&self, mut entries: impl Iterator<Item = &'v Blob>) -> bool {
        entries.any(|value| self.is_in(&value.0))
    }
}

/// What was answered with success and is neither there at the end nor was delivered.
pub fn lost(life: &Life) -> Vec<Violation> {
    let history = &life.history;
    let is_lost = |item: &Item<'_>| !is_there(life, item) && accepted(history, item).is_empty();
    items(history).into_iter().filter(is_lost).map(|item| told_lost(history, &item)).collect()
}

fn is_there(life: &Life, item: &Item<'_>) -> bool {
    life.rest.objects.values().any(|object| object.texts.iter().any(|text| item.is_in(text)))
}

/// What was answered with success, is there at the end, and was not delivered.
fn undelivered(life: &Life) -> Vec<Violation> {
    let history = &life.history;
    let waits = |item: &Item<'_>| is_there(life, item) && accepted(history, item).is_empty();
    let told = |item: Item<'_>| {
        let sentences = format!(
            "{} When the run ends it is in storage, and no service has accepted it.{}",
            item.opening(history),
            last_alarm(history, &item)
        );
        let evidence = vec![item.asked, item.answered];
        breach(history, DELIVERED, Some(item.object), sentences, evidence)
    };
    let lost = lost(life).into_iter();
    lost.chain(items(history).into_iter().filter(waits).map(told)).collect()
}

/// When the item's object was woken for the last time, if it ever was.
fn last_alarm(history: &History, item: &Item<'_>) -> String {
    let is_run = |(_, event): &(usize, &Event)| matches!(event.what, What::RunStart { .. });
    match own(history, item).filter(is_run).last() {
        Some((_, run)) => format!(" alarm() of its object ran for the last time at {}.", seconds(run.at_ns)),
        None => " alarm() of its object never ran.".to_owned(),
    }
}

/// What services have accepted more than once.
fn repeated(history: &History) -> Vec<Violation> {
    let of_item = |item: Item<'_>| {
        let accepted = accepted(history, &item);
        if accepted.len() < 2 {
            return None;
        }
        let times: Vec<String> = accepted.iter().map(|at| seconds(history.events[*at].at_ns)).collect();
        let sentences = format!(
            "{} Services have accepted it {} times, at {}.",
            item.opening(history),
            accepted.len(),
            times.join(" and ")
        );
        let evidence = accepted.into_iter().chain([item.asked, item.answered]).collect();
        Some(breach(history, ONCE, Some(item.object), sentences, evidence))
    };
    items(history).into_iter().filter_map(of_item).collect()
}

fn items(history: &History) -> Vec<Item<'_>> {
    let (mut asked, mut items) = (BTreeMap::new(), Vec::new());
    for (at, event) in history.events.iter().enumerate() {
        match &event.what {
            What::Call { request, to, body, .. } if !body.0.is_empty() => {
                asked.insert(*request, (at, to, body));
            }
            What::Return { request, outcome: Outcome::Answered { status: 200..=299, .. } } => {
                if let Some((asked, object, body)) = asked.get(request) {
                    items.push(Item { request: *request, object, body, asked: *asked, answered: at });
                }
            }
            _ => {}
        }
    }
    items
}

/// Where services have accepted a call that carries the item.
fn accepted(history: &History, item: &Item<'_>) -> Vec<usize> {
    let carried: Vec<u64> = calls_with(history, item).map(|(_, call)| call).collect();
    let is_one = |event: &Event| match &event.what {
        What::OutboundAnswer { call, status: Some(200..=299), .. } => carried.contains(call),
        _ => false,
    };
    history.events.iter().enumerate().filter(|(_, event)| is_one(event)).map(|(at, _)| at).collect()
}

/// The calls that carry the item.
fn calls_with<'a>(history: &'a History, item: &'a Item<'_>) -> impl Iterator<Item = (usize, u64)> + 'a {
    history.events.iter().enumerate().filter_map(|(at, event)| match &event.what {
        What::Outbound { call, body, .. } if item.is_in(&body.0) => Some((at, *call)),
        _ => None,
    })
}

fn told_lost(history: &History, item: &Item<'_>) -> Violation {
    let (rule, how, evidence) = how_lost(history, item);
    let sentences = format!(
        "{} It is not in storage at the end, and no service has accepted it. {how}",
        item.opening(history)
    );
    let evidence = evidence.into_iter().chain([item.asked, item.answered]).collect();
    breach(history, rule, Some(item.object), sentences, evidence)
}

/// The events of the item's object.
fn own<'a>(history: &'a History, item: &'a Item<'_>) -> impl Iterator<Item = (usize, &'a Event)> {
    let events = history.events.iter().enumerate();
    events.filter(|(_, event)| event.by.as_ref().is_some_and(|by| by.object == *item.object))
}

/// Where it was stored for the last time, and under which key.
fn put<'a>(history: &'a History, item: &'a Item<'_>) -> Option<(usize, &'a Key)> {
    own(history, item)
        .filter_map(|(at, event)| match &event.what {
            What::Op { call: StorageCall::Put { key, value }, .. } => {
                item.is_in(&value.0).then_some((at, key))
            }
            What::Op { call: StorageCall::PutMany { entries }, .. } => {
                entries.iter().find(|(_, value)| item.is_in(&value.0)).map(|(key, _)| (at, key))
            }
            _ => None,
        })
        .last()
}

/// How it was lost, as far as the account tells: the trap, the sentences, the events.
fn how_lost(history: &History, item: &Item<'_>) -> (&'static str, String, Vec<usize>) {
    let Some((stored, key)) = put(history, item) else {
        let told = "As far as was told it was never stored by itself.".to_owned();
        return (KEPT, told, Vec::new());
    };
    let at = |index: usize| seconds(history.events[index].at_ns);
    for (index, event) in own(history, item).filter(|(index, _)| *index > stored) {
        let What::Op { call, .. } = &event.what else { continue };
        match call {
            StorageCall::Put { key: again, value } if again == key => {
                let told = format!(
                    "It was stored under the key {key:?} at {}, and at {} it was overwritten by {:?} under the same key.{}",
                    at(stored),
                    at(index),
                    value.text(),
                    last_key_read(history, item, stored, index)
                );
                return ("X1(a)", told, vec![stored, index]);
            }
            StorageCall::DeleteAll { .. } => return removed(history, item, stored, index, "deleteAll"),
            StorageCall::Delete { key: gone } if gone == key => {
                return removed(history, item, stored, index, "delete");
            }
            StorageCall::DeleteMany { keys } if keys.contains(key) => {
                return removed(history, item, stored, index, "delete");
            }
            _ => {}
        }
    }
    let told = format!(
        "It was stored under the key {key:?} at {}, and nothing that was told removed it.",
        at(stored)
    );
    (KEPT, told, vec![stored])
}

/// What the instance that overwrote the item was told when it asked for the last key, if it did.
fn last_key_read(history: &History, item: &Item<'_>, stored: usize, again: usize) -> String {
    let instance = history.events[again].by.as_ref().map(|by| by.instance);
    let read = own(history, item).filter(|(at, _)| (stored..again).contains(at)).find_map(|(_, event)| {
        let is_its = event.by.as_ref().map(|by| by.instance) == instance;
        match &event.what {
            What::OpResult { result: OpResult::Entries(entries), .. } if is_its && entries.len() == 1 => {
                Some((event.at_ns, entries[0].0.clone()))
            }
            _ => None,
        }
    });
    read.map_or(String::new(), |(at_ns, key)| {
        format!(
            " The object had left memory meanwhile. When it was built again it asked for the last key, at {}, and was given \
             {key:?}: keys are texts, and \"10\" comes before \"9\".",
            seconds(at_ns)
        )
    })
}

/// It was removed: before anybody had read it (X1(b)), or though the service had not accepted it (X1(c)).
fn removed(
    history: &History,
    item: &Item<'_>,
    stored: usize,
    removal: usize,
    call: &str,
) -> (&'static str, String, Vec<usize>) {
    let at = |index: usize| seconds(history.events[index].at_ns);
    let instance = history.events[removal].by.as_ref().map(|by| by.instance);
    let before = |from: usize| {
        own(history, item).filter(move |(index, event)| {
            (from..removal).contains(index) && event.by.as_ref().map(|by| by.instance) == instance
        })
    };
    let run = before(0).filter(|(_, event)| matches!(event.what, What::RunStart { .. })).last();
    let Some((run, _)) = run else {
        let told = format!("It was stored at {}, and {call} at {} removed it.", at(stored), at(removal));
        return (KEPT, told, vec![stored, removal]);
    };
    let read = before(run).find_map(|(index, event)| match &event.what {
        What::OpResult { result: OpResult::Entries(entries), .. } => Some((index, entries)),
        _ => None,
    });
    let was_read = read.is_some_and(|(_, entries)| item.is_in_values(entries.iter().map(|(_, value)| value)));
    let mut evidence = vec![stored, run, removal];
    evidence.extend(read.map(|(index, _)| index));
    if !was_read {
        let told = format!(
            "alarm() started at {} and read what there was before this item was there. The request came in while alarm() was \
             waiting for a service, was stored at {} and acknowledged. Then alarm() went on, and its {call} at {} removed \
             everything, this item with it.",
            at(run),
            at(stored),
            at(removal)
        );
        return ("X1(b)", told, evidence);
    }
    let calls: Vec<(usize, u64)> =
        calls_with(history, item).filter(|(at, _)| (run..removal).contains(at)).collect();
    let refusal =
        history.events.iter().enumerate().take(removal).find_map(|(index, event)| match &event.what {
            What::OutboundAnswer { call, status, .. } => {
                calls.iter().any(|(_, own)| own == call).then_some((index, *status))
            }
            _ => None,
        });
    evidence.extend(calls.iter().map(|(at, _)| *at));
    evidence.extend(refusal.map(|(index, _)| index));
    let answer = match refusal {
        Some((_, Some(status))) => format!("the service answered with status {status}, which is no success"),
        _ => "no service accepted it".to_owned(),
    };
    let told = format!(
        "alarm() started at {} and read it; {answer}; yet {call} removed it at {}. (A fetch does not throw for such an answer.)",
        at(run),
        at(removal)
    );
    (if calls.is_empty() { KEPT } else { "X1(c)" }, told, evidence)
}
