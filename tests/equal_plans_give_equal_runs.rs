//! A run is a function of its plan: alone, after others, beside others. (In a second process: `scenarios/tests/cli.rs`;
//! in debug and release: `.ci/run`.)

use std::thread;

use crate::common::{scenario, seeds};
use reveille_sim::plan::Plan;

#[test]
fn equal_plans_give_equal_runs() {
    for scenario in scenarios::catalogue().all() {
        for seed in seeds(0..3) {
            let plan = scenario.plan(seed);
            assert_eq!(plan, scenario.plan(seed), "a seed stands for one plan");
            let alone = scenario.run(&plan);
            let again = scenario.run(&plan);
            assert!(
                alone.digest == again.digest && alone.history == again.history,
                "{} {seed}",
                scenario.name
            );
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "whole runs side by side are what is tested here")]
fn runs_side_by_side_do_not_touch_each_other() {
    let scenario = &scenario("batcher");
    let alone: Vec<_> = (0..4).map(|seed| scenario.run(&scenario.plan(seed)).digest).collect();
    let beside: Vec<_> = thread::scope(|scope| {
        let started: Vec<_> =
            (0..4).rev().map(|seed| scope.spawn(move || scenario.run(&scenario.plan(seed)).digest)).collect();
        started.into_iter().rev().map(|run| run.join().expect("a run ends")).collect()
    });
    assert_eq!(alone, beside);
}

#[test]
fn a_plan_survives_its_json() {
    for scenario in scenarios::catalogue().all() {
        let plan = scenario.plan(1);
        let json = serde_json::to_string(&plan).expect("a plan can be written");
        let read: Plan = serde_json::from_str(&json).expect("a plan can be read");
        assert_eq!(read, plan);
        assert_eq!(scenario.run(&read).digest, scenario.run(&plan).digest);
    }
}
