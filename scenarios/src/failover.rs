//! Exactly one failure in each run, every kind in turn (L1): the objects of `cron`, whose alarms never end, and one
//! machine, leader or datacenter that goes.

use reveille::prelude::*;

use crate::cron;

/// The scenario.
pub fn scenario() -> Scenario {
    cron::scenario()
        .named(
            "failover",
            "objects that re-arm themselves for ever, and exactly one failure a run, of each kind in turn",
        )
        .failures(Failures::One)
        .gives(&[
            "O1", "O2", "O3", "O4", "O5", "O6", "S1", "S2", "S3", "S4", "A1", "A2", "A3", "A4", "A6", "A10",
            "F1", "F2", "F3", "F4", "F5", "F7", "F8", "R1", "D1", "D3", "D4", "D5", "D6", "D7", "L1", "L3",
            "L4",
        ])
}
