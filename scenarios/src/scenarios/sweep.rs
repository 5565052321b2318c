//! One trouble of each shape at each place in turn, each for two and a half minutes (L2): the objects of `cron`, whose alarms
//! never end.

use super::cron;
use crate::plans::{Failures, Shape};
use crate::scenario::Scenario;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "sweep",
    sentence: "objects that re-arm themselves for ever, and one long trouble a run, of each shape at each place in turn",
    shape: Shape { failures: Failures::Sweep, ..cron::SCENARIO.shape },
    ..cron::SCENARIO
};
