//! One trouble of each shape at each place in turn, each for two and a half minutes (L2): the objects of `cron`, whose alarms
//! never end.

use reveille::prelude::*;

use crate::cron;

/// The scenario.
pub fn scenario() -> Scenario {
    cron::scenario()
        .named("sweep", "objects that re-arm themselves for ever, and one long trouble a run, of each shape at each place in turn")
        .failures(Failures::Sweep)
        .gives(&["O1", "O2", "O3", "O4", "O5", "O6", "S1", "S2", "S3", "S4", "A1", "A2", "A3", "A4", "A6", "A10", "F1", "F2", "F3", "F4", "F5", "F7", "F8", "R1", "D1", "D3", "D4", "D5", "D7", "L2", "L3", "L4",])
}
