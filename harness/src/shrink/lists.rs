//! Leaves out whole passages of a plan's lists: first everything, then halves, quarters, and at last single elements (delta
//! debugging). What is left when it ends was needed when it was tried; whether it
//! still is says [`super::explain()`].

use std::collections::BTreeSet;
use std::ops::Range;

use reveille_sim::plan::{Outage, Plan, Request};

use super::search::{Pass, Search};

/// Leaves out what a plan can do without. Faults and outages go first, for with fewer of them runs are alike and quick;
/// then objects with all that they are asked; then single requests.
pub(super) fn shorten(search: &mut Search<'_>) {
    leave_out(search, |plan| plan.faults.len(), |plan, range| drop(plan.faults.drain(range)));
    leave_out(
        search,
        |plan| plan.upstream.outages.len(),
        |plan, range| drop(plan.upstream.outages.drain(range)),
    );
    one_outage_alone(search);
    leave_out(search, |plan| objects(plan).len(), without_objects);
    leave_out(search, |plan| plan.workload.len(), |plan, range| drop(plan.workload.drain(range)));
    make_one_of_two(search);
}

/// One outage that lasts may do what it did at its own time together with faults, which had brought about that somebody called
/// just then. How long it has to be the lengths find.
fn one_outage_alone(search: &mut Search<'_>) {
    let plan = search.best();
    if plan.faults.is_empty() {
        return;
    }
    let outages = plan.upstream.outages.len();
    search.take_first(Pass::Lists, outages, |plan, position| {
        let mut plan = plan.clone();
        plan.faults.clear();
        let outage = Outage { at_ms: 0, for_ms: plan.phases.faults_ms, ..plan.upstream.outages[position] };
        plan.upstream.outages = vec![outage];
        Some(plan)
    });
}

fn leave_out(
    search: &mut Search<'_>,
    len: impl Fn(&Plan) -> usize,
    remove: impl Fn(&mut Plan, Range<usize>) + Sync,
) {
    let mut passage = len(search.best());
    while passage > 0 {
        let mut from = 0;
        while from < len(search.best()) {
            let all = len(search.best());
            let passages = (all - from).div_ceil(passage);
            let taken = search.take_first(Pass::Lists, passages, |plan, position| {
                let mut plan = plan.clone();
                let begin = from + position * passage;
                remove(&mut plan, begin..(begin + passage).min(all));
                Some(plan)
            });
            // Behind the passage that was left out now stands what was not tried yet.
            let Some(position) = taken else { break };
            from += position * passage;
        }
        passage /= 2;
    }
}

/// The objects of a plan, in the order of their names.
fn objects(plan: &Plan) -> Vec<&str> {
    let aimed_at = plan.faults.iter().filter_map(|fault| fault.kind.aimed_at());
    let all: BTreeSet<&str> = plan.workload.iter().map(|request| &*request.object).chain(aimed_at).collect();
    all.into_iter().collect()
}

fn without_objects(plan: &mut Plan, range: Range<usize>) {
    let gone: Vec<String> = objects(plan)[range].iter().map(|name| (*name).to_owned()).collect();
    let is_gone = |name: &str| gone.iter().any(|gone| gone == name);
    plan.workload.retain(|request| !is_gone(&request.object));
    plan.faults.retain(|fault| !fault.kind.aimed_at().is_some_and(is_gone));
}

/// Two objects of a class may do as one.
fn make_one_of_two(search: &mut Search<'_>) {
    let pairs = |plan: &Plan| {
        let objects: Vec<String> = objects(plan).into_iter().map(str::to_owned).collect();
        let class = |name: &str| name.split('/').next().map(str::to_owned);
        let mut pairs = Vec::new();
        for (index, kept) in objects.iter().enumerate() {
            let of_class = objects[index + 1..].iter().filter(|other| class(other) == class(kept));
            pairs.extend(of_class.map(|other| (kept.clone(), other.clone())));
        }
        pairs
    };
    loop {
        let pairs = pairs(search.best());
        let taken = search.take_first(Pass::Lists, pairs.len(), |plan, position| {
            let (kept, other) = &pairs[position];
            let renamed = |name: &str| if name == other { kept.clone() } else { name.to_owned() };
            let mut plan = plan.clone();
            for Request { object, .. } in &mut plan.workload {
                *object = renamed(object);
            }
            for fault in &mut plan.faults {
                fault.kind = fault.kind.with_object(&renamed);
            }
            Some(plan)
        });
        if taken.is_none() {
            return;
        }
    }
}
