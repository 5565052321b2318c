//! The reference run stays what it is, whatever the generator learns to draw: figures of different days can be compared.

use reveille::plans;
use reveille::scenario::Scenario;
use xxhash_rust::xxh3::xxh3_128;

/// A hash over the reference plans of twenty seeds, as JSON.
const PINNED: u128 = 0x56bd_c14d_ec97_e189_e34a_1ee5_92f1_d0b0;

#[test]
fn the_reference_plans_stay_what_they_are() {
    let batcher = Scenario::named("batcher").expect("a scenario");
    let all: Vec<_> = (0..20).map(|seed| plans::reference(batcher, seed)).collect();
    let hash = xxh3_128(&serde_json::to_vec(&all).expect("plans can be written as JSON"));
    assert_eq!(hash, PINNED, "{hash:#x}");
}
