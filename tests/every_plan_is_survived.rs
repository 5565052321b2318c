//! A property over plans: whatever the workload and the faults, no promise is broken. A plan that breaks one is shrunk
//! before it is shown, and kept as a bundle.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::common::{scenario, smallest};
use reveille::finding;

/// Fresh plans of each scenario on each run of the tests.
const PLANS: u32 = 24;

#[test]
fn every_plan_is_survived() {
    // Our own search finds smaller plans than proptest's tree, and keeps to the reason for which they break.
    let config = Config { cases: PLANS, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    let mut runner = TestRunner::new(config);
    for name in ["batcher", "retry-info", "alarm-example", "cron", "scripted"] {
        let scenario = scenario(name);
        let plans = any::<u64>().no_shrink().prop_map(|seed| scenario.plan(seed));
        let result = runner.run(&plans, |plan| {
            let outcome = scenario.run(&plan);
            match finding::of(&outcome).first() {
                None => Ok(()),
                Some(finding) => Err(TestCaseError::fail(smallest(&scenario, &plan, finding))),
            }
        });
        if let Err(failure) = result {
            panic!("{name}: {failure}");
        }
    }
}
