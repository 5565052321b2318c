//! A property over plans: whatever the workload and the faults, no promise is broken. A plan that breaks one is shrunk by
//! proptest before it is shown.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::common::{scenario, told};
use reveille::{finding, plans};

/// Fresh plans on each run of the tests.
const PLANS: u32 = 24;

#[test]
fn every_plan_is_survived() {
    let config =
        Config { cases: PLANS, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let mut runner = TestRunner::new(config);
    for name in ["batcher", "retry-info", "alarm-example", "cron", "scripted"] {
        let scenario = scenario(name);
        let plans = any::<u64>().no_shrink().prop_flat_map(|seed| plans::strategy(scenario, seed));
        let result = runner.run(&plans, |plan| {
            let outcome = scenario.run(&plan);
            match finding::of(&outcome).first() {
                None => Ok(()),
                Some(finding) => Err(TestCaseError::fail(told(&outcome, finding))),
            }
        });
        if let Err(failure) = result {
            panic!("{name}: {failure}");
        }
    }
}
