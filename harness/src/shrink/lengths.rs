//! Shortens what takes time: the phases, by proptest's binary search over whole seconds, and faults and outages by what
//! their kinds offer as simpler.

use proptest::num::u64::BinarySearch;
use proptest::strategy::ValueTree;
use reveille_sim::plan::Plan;

use super::search::{Pass, Search};

const MS_PER_S: u64 = 1_000;

/// What breaks is not made to last less than this, in milliseconds.
const LASTS_MIN_MS: u64 = 100;

/// Shortens the phases, then each fault and outage.
pub(super) fn shorten(search: &mut Search<'_>) {
    least(search, |plan| plan.phases.quiet_ms, |plan, ms| plan.phases.quiet_ms = ms);
    least(search, |plan| plan.phases.faults_ms, |plan, ms| plan.phases.faults_ms = ms.max(1));
    least(search, |plan| plan.phases.warm_up_ms, |plan, ms| plan.phases.warm_up_ms = ms.max(MS_PER_S));
    for index in 0..search.best().faults.len() {
        simplify(search, |plan| {
            let kind = &plan.faults[index].kind;
            let simpler = kind.simpler().into_iter();
            let simpler = simpler.filter(|simpler| is_simple(simpler.lasts_ms(), kind.lasts_ms()));
            simpler.map(|kind| with(plan, |plan| plan.faults[index].kind = kind)).collect()
        });
    }
    for index in 0..search.best().upstream.outages.len() {
        simplify(search, |plan| {
            let outage = plan.upstream.outages[index];
            let simpler = outage.simpler().into_iter();
            let simpler = simpler.filter(|simpler| is_simple(simpler.for_ms, outage.for_ms));
            simpler.map(|outage| with(plan, |plan| plan.upstream.outages[index] = outage)).collect()
        });
    }
}

/// Whether a fault that lasts so long is simpler than one that lasted so long: a machine that is down for a millisecond is
/// stranger than one that is down for a while.
fn is_simple(lasts_ms: u64, lasted_ms: u64) -> bool {
    lasts_ms >= LASTS_MIN_MS || lasts_ms == lasted_ms
}

/// Takes over simpler plans until none of them will do.
fn simplify(search: &mut Search<'_>, simpler: impl Fn(&Plan) -> Vec<Plan>) {
    loop {
        let plans = simpler(search.best());
        let taken =
            search.take_first(Pass::Lengths, plans.len(), |_, position| Some(plans[position].clone()));
        if taken.is_none() {
            return;
        }
    }
}

fn with(plan: &Plan, change: impl FnOnce(&mut Plan)) -> Plan {
    let mut plan = plan.clone();
    change(&mut plan);
    plan
}

/// Finds the least number of whole seconds that will do.
fn least(search: &mut Search<'_>, get: impl Fn(&Plan) -> u64, set: impl Fn(&mut Plan, u64)) {
    let mut tree = BinarySearch::new(get(search.best()).div_ceil(MS_PER_S));
    let mut goes_on = tree.simplify();
    while goes_on && !search.is_stopped() {
        let mut plan = search.best().clone();
        set(&mut plan, tree.current() * MS_PER_S);
        if get(&plan) >= get(search.best()) {
            return;
        }
        goes_on = if search.take(Pass::Lengths, plan) { tree.simplify() } else { tree.complicate() };
    }
}
