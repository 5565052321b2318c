//! Ways in which a history of a correct system is made wrong.

use reveille_model::history::{Delivery, Event, OpResult, What};

use crate::system::Chance;

/// Makes one fact of a history wrong.
pub(crate) struct Spoil {
    pub(crate) name: &'static str,
    /// Returns whether there was such a fact.
    pub(crate) spoil: fn(&mut Vec<Event>, &mut Chance) -> bool,
}

const fn spoil(name: &'static str, spoil: fn(&mut Vec<Event>, &mut Chance) -> bool) -> Spoil {
    Spoil { name, spoil }
}

pub(crate) const SPOILS: [Spoil; 9] = [
    spoil("two results are swapped", |events, chance| swap_results(events, chance)),
    spoil("a completion is dropped", |events, chance| drop_one(events, chance, is_completion)),
    spoil("a run is repeated", repeat_run),
    spoil("a count is changed", |events, chance| change_count(events, chance)),
    spoil("a run is moved earlier", |events, chance| move_run_earlier(events, chance)),
    spoil("a commit is dropped", |events, chance| drop_one(events, chance, is_commit)),
    spoil("a value is changed", |events, chance| change_value(events, chance)),
    spoil("an answer is dropped", |events, chance| drop_one(events, chance, is_answer)),
    spoil("an arrival is doubled", double_arrival),
];

/// One of the events of that kind, by its position.
fn one_of(events: &[Event], chance: &mut Chance, is_it: impl Fn(&What) -> bool) -> Option<usize> {
    let all: Vec<usize> = (0..events.len()).filter(|at| is_it(&events[*at].what)).collect();
    let at = chance.below(all.len().max(1) as u64) as usize;
    all.get(at).copied()
}

fn drop_one(events: &mut Vec<Event>, chance: &mut Chance, is_it: fn(&What) -> bool) -> bool {
    let at = one_of(events, chance, is_it);
    at.map(|at| events.remove(at)).is_some()
}

fn is_completion(what: &What) -> bool {
    matches!(what, What::Commit { ends_run: Some(_) })
}

fn is_commit(what: &What) -> bool {
    matches!(what, What::Commit { ends_run: None })
}

fn is_answer(what: &What) -> bool {
    matches!(
        what,
        What::OpResult { result: OpResult::Value(_) | OpResult::Entries(_) | OpResult::Alarm(_), .. }
    )
}

fn result_of(event: &mut Event) -> Option<&mut OpResult> {
    match &mut event.what {
        What::OpResult { result, .. } => Some(result),
        _ => None,
    }
}

/// Of reads of the same kind that gave something else.
fn swap_results(events: &mut [Event], chance: &mut Chance) -> bool {
    let is_value = |what: &What| matches!(what, What::OpResult { result: OpResult::Value(_), .. });
    let Some(first) = one_of(events, chance, is_value) else { return false };
    let is_other = |what: &What| is_value(what) && !same_result(what, &events[first].what);
    let Some(second) = one_of(events, chance, is_other) else { return false };
    let one = result_of(&mut events[first]).cloned();
    let other = result_of(&mut events[second]).cloned();
    let (Some(one), Some(other)) = (one, other) else { return false };
    for (at, result) in [(first, other), (second, one)] {
        if let Some(place) = result_of(&mut events[at]) {
            *place = result;
        }
    }
    true
}

fn same_result(one: &What, other: &What) -> bool {
    matches!((one, other), (What::OpResult { result: one, .. }, What::OpResult { result: other, .. }) if one == other)
}

/// Right after the commit of its completion.
fn repeat_run(events: &mut Vec<Event>, chance: &mut Chance) -> bool {
    let Some(at) = one_of(events, chance, is_completion) else { return false };
    let What::Commit { ends_run: Some(ended) } = events[at].what else { return false };
    let is_it = |event: &&Event| matches!(event.what, What::RunStart { run, .. } if run == ended);
    let Some(mut again) = events.iter().find(is_it).cloned() else { return false };
    let (by, place, at_ns) = (events[at].by.clone(), events[at].place, events[at].at_ns);
    (again.by, again.place, again.at_ns) = (by, place, at_ns);
    if let What::RunStart { run, .. } = &mut again.what {
        *run += 1_000_000;
    }
    events.insert(at + 1, again);
    true
}

fn change_count(events: &mut [Event], chance: &mut Chance) -> bool {
    let at = one_of(events, chance, |what| matches!(what, What::RunStart { .. }));
    let Some(What::RunStart { retry_count, is_retry, .. }) = at.map(|at| &mut events[at].what) else {
        return false;
    };
    (*retry_count, *is_retry) = (*retry_count + 1, true);
    true
}

/// To a second before its time, by the clock of its machine.
fn move_run_earlier(events: &mut [Event], chance: &mut Chance) -> bool {
    let at = one_of(events, chance, |what| matches!(what, What::RunStart { .. }));
    let Some(event) = at.map(|at| &mut events[at]) else { return false };
    let (What::RunStart { scheduled_ms, .. }, Some(place)) = (&event.what, &mut event.place) else {
        return false;
    };
    place.wall_ns = (scheduled_ms - 1_000) * 1_000_000;
    true
}

fn change_value(events: &mut [Event], chance: &mut Chance) -> bool {
    let is_value = |what: &What| matches!(what, What::OpResult { result: OpResult::Value(_), .. });
    let Some(at) = one_of(events, chance, is_value) else { return false };
    let Some(OpResult::Value(value)) = result_of(&mut events[at]) else { return false };
    *value = Some("never written".into());
    true
}

/// Of a request, in a turn of its own.
fn double_arrival(events: &mut Vec<Event>, chance: &mut Chance) -> bool {
    let is_arrival = |what: &What| matches!(what, What::Deliver { delivery: Delivery::Request { .. } });
    let Some(at) = one_of(events, chance, is_arrival) else { return false };
    let again = events[at].clone();
    events.insert(at + 1, again);
    true
}
