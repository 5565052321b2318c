//! Shortens what takes time: the phases, by proptest's binary search over whole seconds, and faults and outages by what
//! their kinds offer as simpler.

use proptest::num::u64::BinarySearch;
use proptest::strategy::ValueTree;
use reveille_sim::plan::{Plan, WARM_UP_MIN_MS};

use super::search::{Pass, Search};

const MS_PER_S: u64 = 1_000;

/// Shortens the phases, then each fault and outage.
pub(super) fn shorten(search: &mut Search<'_>) {
    least(search, |plan| plan.phases.quiet_ms, |plan, ms| plan.phases.quiet_ms = ms);
    least(search, |plan| plan.phases.faults_ms, |plan, ms| plan.phases.faults_ms = ms.max(1));
    least(search, |plan| plan.phases.warm_up_ms, |plan, ms| plan.phases.warm_up_ms = ms.max(WARM_UP_MIN_MS));
    for index in 0..search.best().faults.len() {
        while {
            let simpler = search.best().faults[index].kind.simpler();
            let taken = search.take_first(Pass::Lengths, simpler.len(), |plan, position| {
                let mut plan = plan.clone();
                plan.faults[index].kind = simpler[position].clone();
                Some(plan)
            });
            taken.is_some()
        } {}
    }
    for index in 0..search.best().upstream.outages.len() {
        while {
            let simpler = search.best().upstream.outages[index].simpler();
            let taken = search.take_first(Pass::Lengths, simpler.len(), |plan, position| {
                let mut plan = plan.clone();
                plan.upstream.outages[index] = simpler[position];
                Some(plan)
            });
            taken.is_some()
        } {}
    }
}

/// Finds the least number of whole seconds that will do.
fn least(search: &mut Search<'_>, get: impl Fn(&Plan) -> u64, set: impl Fn(&mut Plan, u64)) {
    let mut tree = BinarySearch::new(get(search.best()).div_ceil(MS_PER_S));
    let mut goes_on = tree.simplify();
    while goes_on && !search.is_stopped() {
        let mut plan = search.best().clone();
        set(&mut plan, tree.current() * MS_PER_S);
        goes_on = if search.take(Pass::Lengths, plan) { tree.simplify() } else { tree.complicate() };
    }
}
