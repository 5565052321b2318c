//! Exactly one failure in each run, every kind in turn (L1): the objects of `cron`, whose alarms never end, and one
//! machine, leader or datacenter that goes.

use super::cron;
use crate::plans::{Failures, Shape};
use crate::scenario::Scenario;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "failover",
    sentence: "objects that re-arm themselves for ever, and exactly one failure a run, of each kind in turn",
    shape: Shape { failures: Failures::One, ..cron::SCENARIO.shape },
    ..cron::SCENARIO
};
