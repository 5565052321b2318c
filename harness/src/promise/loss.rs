//! What became of an item that was acknowledged and reached nobody: the diagnosis. Where one of the known traps did it, the rule is
//! that trap's: X1(a) a later item took the same key, X1(b) `delete_all` swept it away unread, X1(c) it was removed though the
//! service had refused it, X3 its alarm is set anew each time before it is due, X5 its alarm was given up after the retries.

use std::collections::BTreeMap;

use bytes::Bytes;
use reveille_model::history::{Blob, Event, Key, ObjectName, OpResult, RunOutcome, StorageCall, What};

use super::item::{self, Item};
use super::parts;
use super::time;
use super::view::{AlarmRun, Rest, Sent, View};
use crate::story::seconds;

/// How an item was lost.
pub(super) struct Loss {
    /// The trap that did it, if it is a known one.
    pub(super) rule: Option<&'static str>,
    pub(super) told: String,
    pub(super) evidence: Vec<usize>,
}

/// An item whose way is followed.
struct Search<'v, 'a> {
    view: &'v View<'a>,
    service: &'v str,
    part: &'v Bytes,
    item: &'v Item<'v, 'a>,
}

/// Where an item was stored.
struct Put<'a> {
    at: usize,
    key: &'a Key,
}

/// How an item that `service` has not accepted was lost; none if it can still be on its way: it is stored, as far as can be seen,
/// and an alarm is scheduled that is not overdue.
pub(super) fn of(view: &View<'_>, service: &str, part: &Bytes, item: &Item<'_, '_>) -> Option<Loss> {
    Search { view, service, part, item }.loss()
}

impl<'v, 'a> Search<'v, 'a> {
    fn loss(&self) -> Option<Loss> {
        let rest = self.view.at_rest(self.item.asked.object);
        let put = self.put();
        let is_there = rest.is_some_and(|rest| rest.keys.values().any(|value| self.is_in(&value.0)));
        match rest {
            // What is stored in a form of its own is not seen: then it counts as there.
            Some(rest) if (is_there || put.is_none()) && rest.alarm.is_some() => self.starved(rest),
            Some(rest) if is_there => Some(self.left_behind(rest)),
            _ => Some(self.erased(put)),
        }
    }

    fn is_in(&self, value: &[u8]) -> bool {
        value == &self.item.asked.body[..] || parts::of(value).contains(self.part)
    }

    fn durable(&self) -> impl Iterator<Item = (usize, &'a Event)> {
        self.view.life(self.item.asked.object).filter(|(_, event)| self.view.is_durable(event))
    }

    /// Where it was stored durably for the last time.
    fn put(&self) -> Option<Put<'a>> {
        let puts = self.durable().filter_map(|(at, event)| match &event.what {
            What::Op { call: StorageCall::Put { key, value }, .. } if self.is_in(&value.0) => {
                Some(Put { at, key })
            }
            What::Op { call: StorageCall::PutMany { entries }, .. } => {
                let found = entries.iter().find(|(_, value)| self.is_in(&value.0));
                found.map(|(key, _)| Put { at, key })
            }
            _ => None,
        });
        puts.last()
    }

    /// It is gone from storage: which durable write removed it?
    fn erased(&self, put: Option<Put<'a>>) -> Loss {
        let unexplained = |evidence: Vec<usize>| Loss {
            rule: None,
            told: "It is not in storage at the end either, and nothing that the object did explains it."
                .to_owned(),
            evidence,
        };
        let Some(put) = put else { return unexplained(Vec::new()) };
        for (at, event) in self.durable().filter(|(at, _)| *at > put.at) {
            let What::Op { call, .. } = &event.what else { continue };
            match call {
                StorageCall::Put { key, value } if key == put.key => {
                    return self.overwritten(&put, at, value);
                }
                StorageCall::PutMany { entries } if entries.iter().any(|(key, _)| key == put.key) => {
                    let by = entries.iter().rfind(|(key, _)| key == put.key).expect("it is among them");
                    return self.overwritten(&put, at, &by.1);
                }
                StorageCall::DeleteAll { .. } => return self.removed(&put, at, "delete_all"),
                StorageCall::Delete { key } if key == put.key => return self.removed(&put, at, "delete"),
                StorageCall::DeleteMany { keys } if keys.contains(put.key) => {
                    return self.removed(&put, at, "delete_many");
                }
                _ => {}
            }
        }
        unexplained(vec![put.at])
    }

    fn at(&self, index: usize) -> String {
        seconds(self.view.history().events[index].at_ns)
    }

    fn instance(&self, index: usize) -> Option<u64> {
        self.view.history().events[index].by.as_ref().map(|by| by.instance)
    }

    /// What the instance of that event did before it.
    fn before(&self, index: usize) -> impl Iterator<Item = (usize, &'a Event)> {
        let instance = self.instance(index);
        let life = self.view.life(self.item.asked.object).take_while(move |(at, _)| *at < index);
        life.filter(move |(_, event)| event.by.as_ref().map(|by| by.instance) == instance)
    }

    /// X1(a): a later item took the same key.
    fn overwritten(&self, put: &Put<'_>, again: usize, by: &Blob) -> Loss {
        let mut evidence = vec![put.at, again];
        let mut read = String::new();
        // The instance that took the key again, if it was built after that.
        let started = self
            .before(again)
            .find(|(at, event)| *at > put.at && matches!(event.what, What::InstanceStart { .. }));
        if let Some((start, _)) = started {
            let listed = self.before(again).find_map(|(at, event)| match &event.what {
                What::OpResult { result: OpResult::Entries(entries), .. } if at > start => {
                    Some((at, entries.first()))
                }
                _ => None,
            });
            evidence.push(start);
            if let Some((list, Some((newest, _)))) = listed {
                evidence.push(list);
                read = format!(
                    " The object had left memory meanwhile. When it was built again at {at}, its constructor asked for \
                     the last key and got {newest:?}: keys are strings, and \"10\" sorts before \"9\". So it counted on \
                     from {newest}.",
                    at = self.at(start),
                );
            }
        }
        let told = format!(
            "It was stored under the key {key:?} at {stored}.{read} At {overwritten} it was overwritten by {by}, under the same \
             key.",
            key = put.key,
            stored = self.at(put.at),
            overwritten = self.at(again),
            by = item::short(&by.0),
        );
        Loss { rule: Some("X1(a)"), told, evidence }
    }

    /// X1(b), X1(c): whether a run had read it before, and so sent it, tells one from the other.
    fn removed(&self, put: &Put<'_>, removal: usize, call: &str) -> Loss {
        let removed = self.at(removal);
        let run =
            self.before(removal).filter(|(_, event)| matches!(event.what, What::RunStart { .. })).last();
        let Some((run, _)) = run else {
            let told = format!("It was stored at {}, and {call} at {removed} removed it.", self.at(put.at));
            return Loss { rule: None, told, evidence: vec![put.at, removal] };
        };
        let mut evidence = vec![put.at, run, removal];
        let read = self.before(removal).find_map(|(at, event)| match &event.what {
            What::OpResult { result: OpResult::Entries(entries), .. } if at > run => Some((at, entries)),
            _ => None,
        });
        let was_read = read.is_none_or(|(_, entries)| entries.iter().any(|(_, value)| self.is_in(&value.0)));
        evidence.extend(read.map(|(at, _)| at));
        let sent = self.sent(run, removal).last();
        evidence.extend(sent.map(|sent| sent.left.event));
        let started = self.at(run);
        if put.at > run || !was_read {
            let told = format!(
                "alarm() started at {started} and read the items to send before this one was there. The request came in \
                 while alarm() was awaiting the service, was stored at {stored} and acknowledged. Then alarm() went on, \
                 and its {call} at {removed} removed everything, this item with it.",
                stored = self.at(put.at),
            );
            return Loss { rule: Some("X1(b)").filter(|_| call == "delete_all"), told, evidence };
        }
        let answer = sent.and_then(|sent| sent.answer);
        evidence.extend(answer.map(|(at, _)| at.event));
        let status = match answer {
            Some((_, Some(status))) => {
                format!("the service answered with status {status}, which is not a success")
            }
            _ => "the service accepted nothing".to_owned(),
        };
        let told = format!(
            "alarm() started at {started} and sent it, {status}; yet {call} removed it at {removed}. (A fetch does not throw \
             for such an answer.)"
        );
        Loss { rule: Some("X1(c)").filter(|_| sent.is_some()), told, evidence }
    }

    /// What the instance of `until` sent to the service after `from`.
    fn sent(&self, from: usize, until: usize) -> impl Iterator<Item = &'v Sent<'a>> {
        let (object, instance) = (self.item.asked.object, self.instance(until));
        let calls = self.view.calls_to(self.service);
        calls.filter(move |sent| {
            sent.object == object
                && Some(sent.instance) == instance
                && (from..until).contains(&sent.left.event)
        })
    }

    /// It is still stored, and nothing will ever deliver it.
    fn left_behind(&self, rest: Rest<'_>) -> Loss {
        let told =
            "At the end of the run it is still in storage, and no alarm is scheduled that would deliver it.";
        let mut runs = self.view.runs_of(self.item.asked.object).filter(|run| self.view.is_ended(run));
        match runs.next_back().and_then(|run| run.end.map(|end| (run, end))) {
            Some((run, (end, RunOutcome::Failed { why, .. }))) if self.is_given_up(run) => {
                let told = format!(
                    "{told} The alarm's last run ended at {} with a failure ({why}). It was retry {}: after so many an alarm \
                     is given up for good, and the handler did not catch the failure and set a new one.",
                    seconds(end.at_ns),
                    run.retry_count
                );
                let mut evidence = vec![run.start.event, end.event, rest.at.event];
                // What the handler did not catch.
                if let Some(sent) = self.sent(run.start.event, end.event).last() {
                    evidence.push(sent.left.event);
                    evidence.extend(sent.answer.map(|(at, _)| at.event));
                }
                Loss { rule: Some("X5"), told, evidence }
            }
            Some((run, (end, RunOutcome::Ok))) => {
                let told = format!(
                    "{told} The last run of alarm() started at {} and returned at {}: it set no alarm for what was left, and \
                     what came later found none to wait for or relied on it.",
                    seconds(run.start.at_ns),
                    seconds(end.at_ns)
                );
                Loss { rule: None, told, evidence: vec![run.start.event, end.event, rest.at.event] }
            }
            _ => Loss { rule: None, told: told.to_owned(), evidence: vec![rest.at.event] },
        }
    }

    fn is_given_up(&self, run: &AlarmRun<'_>) -> bool {
        run.retry_count >= self.view.history().header.constants.retries_max
    }

    fn starved(&self, rest: Rest<'_>) -> Option<Loss> {
        let (told, evidence) = starved(self.view, self.item.asked.object, self.item.answer.at.event, rest)?;
        Some(Loss { rule: Some("X3"), told, evidence })
    }
}

/// X3: whether the alarm that was to follow an event of an object is set anew in each constructor before it is due, so that it never
/// runs though one is always scheduled. In sentences, with the evidence. An alarm that requests put off, as to wait until no more of
/// them come, is not starved.
pub(super) fn starved(
    view: &View<'_>,
    object: &ObjectName,
    since: usize,
    rest: Rest<'_>,
) -> Option<(String, Vec<usize>)> {
    /// So late no alarm is once everything is well (L1: what is aimed at).
    const OVERDUE_NS: u64 = 10_000_000_000;
    if view.runs_of(object).any(|run| run.start.event > since) {
        return None;
    }
    // The first alarm that was there for it: set before it, or with it.
    let set: Vec<(usize, i64)> = view.alarms_set(object).collect();
    let before = set.iter().rposition(|(at, _)| *at < since).unwrap_or(0);
    let (first, scheduled_ms) = *set.get(before)?;
    let due_ns = time::true_ns(view, scheduled_ms, view.last_seen(object))?;
    let from_ns = time::due_from_ns(view, object, due_ns, view.end_ns())?;
    if from_ns.saturating_add(OVERDUE_NS) > view.end_ns() {
        return None;
    }
    let events = &view.history().events;
    let constructing = constructing(view, object);
    let in_constructor = |at: usize| {
        let by = events[at].by.as_ref();
        by.is_some_and(|by| constructing.get(&by.instance).is_none_or(|end| at < *end))
    };
    let anew = &set[before + 1..];
    let mut settled = anew.iter().filter(|(at, _)| events[*at].at_ns >= from_ns);
    if anew.is_empty() || !settled.all(|(at, _)| in_constructor(*at)) {
        return None;
    }
    let by_constructors: Vec<usize> =
        anew.iter().map(|(at, _)| *at).filter(|at| in_constructor(*at)).collect();
    let (replaced, last) = (*by_constructors.first()?, *by_constructors.last()?);
    let told = format!(
        "An alarm for it was due at {}. It never ran: a constructor set it anew at {}, and so {} times until the end of the run, \
         each time to a later time. (An alarm that is set in a constructor replaces the one that wakes the object.)",
        seconds(due_ns),
        seconds(events[replaced].at_ns),
        by_constructors.len()
    );
    Some((told, vec![first, replaced, last, rest.at.event]))
}

/// Where the constructor of each of an object's instances has ended.
fn constructing(view: &View<'_>, object: &ObjectName) -> BTreeMap<u64, usize> {
    let ends = view.life(object).filter(|(_, event)| matches!(event.what, What::ConstructorEnd { .. }));
    ends.filter_map(|(at, event)| event.by.as_ref().map(|by| (by.instance, at))).collect()
}
