//! Closes the gaps between what happens: each thing follows the one before it after a shorter or rounder time, if that
//! will do. So the times of a shrunk plan are mostly sums of round numbers. Nothing comes before what was before it, but
//! what comes to happen at one time happens in the order of its kinds: faults, outages, requests.

use reveille_sim::plan::Plan;

use super::search::{Pass, Search};

/// Round gaps, the shortest first, in milliseconds.
const GAPS_MS: [u64; 16] =
    [0, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 15_000, 20_000, 30_000, 60_000];

/// What a gap is rounded up to, in milliseconds, where no shorter one will do.
const ROUND_MS: [u64; 3] = [1_000, 100, 10];

/// Closes the gaps, from the first to the last.
pub(super) fn close_gaps(search: &mut Search<'_>) {
    for which in 0..moments(search.best()).len() {
        let times = moments(search.best());
        let before_ms = which.checked_sub(1).map_or(0, |before| times[before]);
        let gap_ms = times[which] - before_ms;
        let rounder = ROUND_MS.iter().map(|round| gap_ms.next_multiple_of(*round));
        let is_rounder = |gap: &u64| *gap > gap_ms && !GAPS_MS.contains(&gap_ms);
        let gaps: Vec<u64> =
            GAPS_MS.iter().copied().filter(|gap| *gap < gap_ms).chain(rounder.filter(is_rounder)).collect();
        search.take_first(Pass::Moments, gaps.len(), |plan, position| {
            let mut plan = plan.clone();
            for (_, at_ms) in in_order(&mut plan).into_iter().skip(which) {
                *at_ms = *at_ms - gap_ms + gaps[position];
            }
            Some(plan)
        });
    }
}

/// The times at which something happens, in order.
fn moments(plan: &Plan) -> Vec<u64> {
    in_order(&mut plan.clone()).into_iter().map(|(_, at_ms)| *at_ms).collect()
}

/// These times, to be changed. Of things at the same time faults come first, then outages, then requests.
fn in_order(plan: &mut Plan) -> Vec<(u8, &mut u64)> {
    let faults = plan.faults.iter_mut().map(|fault| (0, &mut fault.at_ms));
    let outages = plan.upstream.outages.iter_mut().map(|outage| (1, &mut outage.at_ms));
    let requests = plan.workload.iter_mut().map(|request| (2, &mut request.at_ms));
    let mut all: Vec<(u8, &mut u64)> = faults.chain(outages).chain(requests).collect();
    all.sort_by_key(|(kind, at_ms)| (**at_ms, *kind));
    all
}
