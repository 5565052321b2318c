//! The Batcher done right keeps its own promise, and the system every rule, under crashes, losses of power and messages,
//! and a failing upstream.

use crate::common::{run_seeds, scenario};

#[test]
fn batcher_keeps_every_item() {
    run_seeds(&scenario("batcher"), "batcher_keeps_every_item", 0..60, &[]);
}
