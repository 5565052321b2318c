//! The reference run stays what it is, whatever the generator learns to draw: figures of different days can be compared.

use reveille::plans;
use xxhash_rust::xxh3::xxh3_128;

/// A hash over what is drawn for the reference plans of twenty seeds, as JSON. A knob that a plan gets later is no part of it.
const PINNED: u128 = 0x2c40_c639_55d1_ea7c_49b2_e277_2bbc_b1c8;

#[test]
fn the_reference_plans_stay_what_they_are() {
    let batcher = scenarios::catalogue().get("batcher").expect("it is one of ours").clone();
    let drawn = |seed| {
        let plan = plans::reference(&batcher.shape, seed);
        let world = (plan.cluster, plan.network, plan.disk, plan.clocks, plan.idle_evict_ms, plan.past);
        serde_json::to_string(&(world, plan.phases, plan.workload, plan.upstream, plan.faults))
    };
    let all: Result<Vec<_>, _> = (0..20).map(drawn).collect();
    let hash = xxh3_128(all.expect("plans can be written as JSON").concat().as_bytes());
    assert_eq!(hash, PINNED, "{hash:#x}");
}
