//! How a plan tunes the machines: what it may say, what is meant where it says nothing, and that it is done.

use std::collections::BTreeSet;

use reveille_model::history::{EndReason, What};
use reveille_sim::plan::{Limits, Plan, Request, Tuning};
use reveille_sim::run::{Look, Outcome, RunEnd, run_with};
use reveille_sim::trace::Kind;
use reveille_system::config;

use crate::common::{classes, plan};

fn calm() -> Plan {
    let mut plan = plan(1);
    plan.network.loss_ppm = 0;
    plan.faults.clear();
    plan
}

fn ran(plan: &Plan) -> Outcome {
    let outcome = run_with(plan, classes, Look { trace: true, until_ms: None });
    assert_eq!(outcome.end, RunEnd::Completed);
    assert_eq!(outcome.verdict.violations, []);
    outcome
}

#[test]
fn a_plan_that_says_nothing_of_it_means_the_usual() {
    let mut json: serde_json::Value = serde_json::from_str(&plan(1).to_json()).expect("it is JSON");
    let fields = json.as_object_mut().expect("a plan is an object");
    fields.remove("tuning").expect("it was written");
    let limits = fields.get_mut("limits").and_then(|limits| limits.as_object_mut());
    limits.expect("it was written").remove("constructor_ms").expect("it was written");
    let read = Plan::from_json(&json.to_string()).expect("a plan as it was written before");
    assert_eq!(read, plan(1));
    assert_eq!(read.config().tuning, config::Tuning::default());
    assert_eq!((read.config().tick_ms, read.config().constructor_limit_ms), (500, 30_000));
    // One of them may stand alone.
    json.as_object_mut()
        .expect("a plan is an object")
        .insert("tuning".into(), serde_json::json!({"tick_ms": 70}));
    let read = Plan::from_json(&json.to_string()).expect("a plan");
    assert_eq!(read.tuning, Tuning { tick_ms: 70, ..Tuning::default() });
    assert_eq!(read.config().tick_ms, 70);
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_would_be_right() {
    type Spoil = fn(&mut Plan);
    let cases: [(Spoil, &str); 8] = [
        (|p| p.tuning.tick_ms = 49, "tuning.tick_ms is 49; it is from 50 to 1000"),
        (|p| p.tuning.tick_ms = 1_001, "tuning.tick_ms is 1001; it is from 50 to 1000"),
        (|p| p.tuning.page_alarms = 0, "tuning.page_alarms is 0; it is from 1 to 1000000"),
        (|p| p.tuning.batch_turns = 0, "tuning.batch_turns is 0; it is from 1 to 1000000"),
        (|p| p.tuning.append_bytes = 0, "tuning.append_bytes is 0; it is from 1 to 1073741824"),
        (|p| p.tuning.waiting_requests = 0, "tuning.waiting_requests is 0; it is from 1 to 1000000"),
        (|p| p.tuning.parked_reads = 1_000_001, "tuning.parked_reads is 1000001; it is from 1 to 1000000"),
        (|p| p.limits.constructor_ms = 0, "limits.constructor_ms is 0; it is from 1 to"),
    ];
    for (spoil, said) in cases {
        let mut plan = plan(1);
        spoil(&mut plan);
        let error = plan.validate().expect_err(said).to_string();
        assert!(error.contains(said), "said: {error}\nexpected: {said}");
    }
}

#[test]
fn a_short_tick_is_one_and_the_smallest_of_everything_is_survived() {
    let mut little = plan(1);
    little.tuning = Tuning {
        tick_ms: 100,
        page_alarms: 1,
        batch_turns: 1,
        append_bytes: 1,
        waiting_requests: 1,
        parked_reads: 1,
    };
    let (little, usual) = (ran(&little), ran(&plan(1)));
    let wakes = |outcome: &Outcome| outcome.trace.iter().filter(|entry| entry.kind == Kind::Wake).count();
    assert!(wakes(&little) > 3 * wakes(&usual), "{} and {}", wakes(&little), wakes(&usual));
    assert!(little.counts.answered >= 20, "{} of 30 are answered", little.counts.answered);
}

#[test]
fn no_more_turns_share_a_batch_than_may() {
    let mut crowded = calm();
    crowded.workload = (0..40)
        .map(|i: u16| Request {
            at_ms: 1_000,
            machine: i % 3,
            object: format!("Bell/{i}"),
            body: "ring".into(),
            ..Request::default()
        })
        .collect();
    // How many turns became durable, and in how many entries.
    let turns_and_entries = |batch_turns| {
        let mut plan = crowded.clone();
        plan.tuning.batch_turns = batch_turns;
        let outcome = ran(&plan);
        let entries: BTreeSet<(u64, u64)> = outcome
            .trace
            .iter()
            .filter(|entry| entry.kind == Kind::Applied)
            .map(|entry| (entry.a, entry.b))
            .collect();
        (outcome.counts.commits, entries.len() as u64)
    };
    let (commits, entries) = turns_and_entries(1);
    assert_eq!(commits, entries, "each turn has an entry of its own");
    let (commits, entries) = turns_and_entries(Tuning::default().batch_turns);
    assert!(entries * 2 < commits, "{commits} turns share {entries} entries");
    let (commits, entries) = turns_and_entries(2);
    assert!(entries < commits && commits <= 2 * entries, "{commits} turns share {entries} entries");
}

#[test]
fn o4_the_limit_of_constructors_is_the_plans() {
    let limits = Limits { constructor_ms: 2_000, ..Limits::OF_THE_CONTRACT };
    let outcome = crate::exclusive::hangs(limits);
    assert_eq!(outcome.history.header.constants.constructor_limit_ms, 2_000);
    let reset = outcome.history.events.iter().find_map(|event| match &event.what {
        What::InstanceEnd { reason: EndReason::Reset { .. } } => Some(event.at_ns),
        _ => None,
    });
    // The request comes at 10 s, and a tick is half a second.
    let after_ms = reset.expect("a transaction that never ends is over its limit") / 1_000_000 - 10_000;
    assert!((2_000..3_000).contains(&after_ms), "{after_ms} ms");
}
