//! Exactly one failure in each run, every kind in turn (L1): the objects of `cron`, whose alarms never end, and one
//! machine, leader or datacenter that goes.

use super::cron;
use crate::plans::{Failures, Shape};
use crate::scenario::Scenario;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "failover",
    sentence: "objects that re-arm themselves for ever, and exactly one failure a run, of each kind in turn",
    gives: &[
        "O1", "O2", "O3", "O4", "O5", "O6", "S1", "S2", "S3", "S4", "A1", "A2", "A3", "A4", "A6", "A10",
        "F1", "F2", "F3", "F4", "F5", "F7", "F8", "R1", "D1", "D3", "D4", "D5", "D6", "D7", "L1", "L3", "L4",
    ],
    shape: Shape { failures: Failures::One, ..cron::SCENARIO.shape },
    ..cron::SCENARIO
};
