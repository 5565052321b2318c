//! What is found becomes a small story: the same rule, the same reason, and nothing in it that it does not need.

use std::sync::atomic::{AtomicBool, Ordering};

use std::sync::Arc;

use reveille::broken;
use reveille::finding;
use reveille::promise::{Judged, promise};
use reveille::scenario::Scenario;
use reveille::shrink::{self, Shrink, Shrunk};
use reveille::signature::Signature;
use reveille_model::history::{Event, History, Key, StorageCall, What};
use reveille_model::verdict::{RuleId, Violation};
use reveille_sim::kinds::Crash;
use reveille_sim::plan::{Fault, Moment, Plan, Target};

/// A story that is no longer than this is seen at one glance.
const SCREEN_LINES: usize = 40;

fn scenario(name: &str) -> Arc<Scenario> {
    scenarios::catalogue().get(name).expect("it is one of ours").clone()
}

/// The plans of a scenario that break a rule, of 200 seeds, and what they break.
fn that_break(scenario: &Scenario, rule: &str) -> impl Iterator<Item = (Plan, Signature)> {
    (0..200).map(|seed| scenario.plan(seed)).filter_map(move |plan| {
        let findings = finding::of(&scenario.run(&plan));
        let finding = findings.into_iter().find(|finding| finding.rule == rule)?;
        Some((plan, finding.signature()))
    })
}

fn first_that_breaks(scenario: &Scenario, rule: &str) -> (Plan, Signature) {
    that_break(scenario, rule).next().unwrap_or_else(|| panic!("{rule} is caught in 200 seeds"))
}

fn shrunk(name: &str, plan: &Plan, signature: &Signature, jobs: usize) -> Shrunk {
    let stop = AtomicBool::new(false);
    let scenario = scenario(name);
    Shrink { scenario: &scenario, signature, jobs, stop: &stop }.run(plan, &mut |_| {})
}

/// The smallest plan for a rule that the documentation's Batcher breaks. Its story fits a screen, it still breaks the rule
/// for the same reason, and nothing is left in it without which it would do so too.
fn batcher_story(rule: &str) -> Plan {
    let docs = &scenario("batcher-docs");
    // A search may end where no single step makes a plan smaller: so the best of the first few.
    let size = |plan: &Plan| (plan.faults.len() + plan.upstream.outages.len(), plan.workload.len());
    let few = that_break(docs, rule).take(3);
    let few = few.map(|(plan, signature)| (shrunk("batcher-docs", &plan, &signature, 2).plan, signature));
    let (smallest, signature) = few.min_by_key(|(plan, _)| size(plan)).expect("the scenario is caught");
    let outcome = docs.run(&smallest);
    let finding = finding::with(&outcome, &signature).expect("the same rule for the same reason");
    let story = broken::story_of(&outcome, &finding);
    assert!(story.lines().count() <= SCREEN_LINES, "{story}");
    let stop = AtomicBool::new(false);
    let shrink = Shrink { scenario: docs, signature: &signature, jobs: 2, stop: &stop };
    for without in shrink::explain(&shrink, &smallest) {
        assert!(!without.still, "not needed: {without:?}\n{story}");
    }
    smallest
}

#[test]
fn x1a_a_key_that_sorts_wrongly_takes_a_dozen_requests_and_a_restart() {
    let plan = batcher_story("X1(a)");
    let (requests, faults) = (plan.workload.len(), plan.faults.len() + plan.upstream.outages.len());
    assert!(requests <= 12 && faults <= 1, "{requests} requests, {faults} faults");
}

#[test]
fn x1b_an_item_that_delete_all_erases_takes_three_requests_and_no_fault() {
    let plan = batcher_story("X1(b)");
    let (requests, faults) = (plan.workload.len(), plan.faults.len() + plan.upstream.outages.len());
    assert!(requests <= 3 && faults == 0, "{requests} requests, {faults} faults");
}

#[test]
fn x1c_an_item_that_is_refused_and_deleted_takes_one_request_and_one_outage() {
    let plan = batcher_story("X1(c)");
    assert_eq!((plan.workload.len(), plan.faults.len(), plan.upstream.outages.len()), (1, 0, 1));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (plan, signature) = first_that_breaks(&scenario("batcher-docs"), "X1(b)");
    let [one, three] = [1, 3].map(|jobs| shrunk("batcher-docs", &plan, &signature, jobs).plan);
    assert_eq!(one, three);
}

#[test]
fn an_interrupt_leaves_the_smallest_plan_so_far() {
    const TRIED: u64 = 12;
    let docs = &scenario("batcher-docs");
    let (plan, signature) = first_that_breaks(docs, "X1(b)");
    let stop = AtomicBool::new(false);
    let shrink = Shrink { scenario: docs, signature: &signature, jobs: 1, stop: &stop };
    let result = shrink.run(&plan, &mut |progress| stop.store(progress.runs >= TRIED, Ordering::Relaxed));
    assert!(result.interrupted && result.plan != plan);
    let whole = shrunk("batcher-docs", &plan, &signature, 1);
    assert!(!whole.interrupted && whole.after.requests < result.after.requests.max(4), "{:?}", result.after);
    assert!(finding::with(&docs.run(&result.plan), &signature).is_some());
}

/// The scripted objects, with a promise that the first thing breaks which writes the key "b".
fn judged(broken: Vec<Violation>) -> Judged {
    Judged { occasions: 1, broken }
}

fn breaks_at_b() -> Scenario {
    scenarios::scripted::scenario().promise(promise("never-b", |view| judged(never_b(view.history()))))
}

fn never_b(history: &History) -> Vec<Violation> {
    let writes_b = |what: &What| matches!(what, What::Op { call: StorageCall::Put { key, .. }, .. } if *key == Key::from("b"));
    let found = history.events.iter().enumerate().find(|(_, event)| writes_b(&event.what));
    let violation = |(index, event): (usize, &Event)| Violation {
        rule: RuleId("never-b"),
        object: event.by.as_ref().map(|by| by.object.clone()),
        at_ns: event.at_ns,
        sentences: "The key b was written.".to_owned(),
        evidence: vec![index],
    };
    found.map(violation).into_iter().collect()
}

/// Programs lose the steps that do not matter, and what is nested is lifted out.
#[test]
fn programs_lose_their_steps() {
    let scenario = breaks_at_b();
    let mut plan = scenario.plan(0);
    let body = r#"{"steps": [{"do": {"get": "a"}}, {"transaction": [{"do": {"get": "a"}}, {"do": {"put": ["b", "long"]}}]}, "fail"],
        "alarm": [["fail"]]}"#;
    plan.workload.truncate(1);
    plan.workload[0].body = body.to_owned();
    plan.faults.clear();
    let signature = Signature::new("never-b", "The key b was written.");
    let stop = AtomicBool::new(false);
    let shrink = Shrink { scenario: &scenario, signature: &signature, jobs: 2, stop: &stop };
    let smallest = shrink.run(&plan, &mut |_| {}).plan;
    let bodies: Vec<&str> = smallest.workload.iter().map(|request| &*request.body).collect();
    assert_eq!(bodies, [r#"{"steps":[{"do":{"put":["b","l"]}}]}"#]);
}

/// The scripted objects, with a promise that the first crash of a machine breaks.
fn breaks_at_a_crash() -> Scenario {
    scenarios::scripted::scenario()
        .promise(promise("never-crashes", |view| judged(never_crashes(view.history()))))
}

fn never_crashes(history: &History) -> Vec<Violation> {
    let crashes = |what: &What| matches!(what, What::FaultBegin { kind, .. } if **kind == *"crash");
    let found = history.events.iter().enumerate().find(|(_, event)| crashes(&event.what));
    let violation = |(index, event): (usize, &Event)| Violation {
        rule: RuleId("never-crashes"),
        object: None,
        at_ns: event.at_ns,
        sentences: "A machine crashed.".to_owned(),
        evidence: vec![index],
    };
    found.map(violation).into_iter().collect()
}

/// Whoever it was when the moment came has a name in the story, if the moment does not matter.
#[test]
fn a_fault_that_waited_for_a_moment_is_aimed_at_the_machine_that_it_struck() {
    let scenario = breaks_at_a_crash();
    let mut plan = scenario.plan(0);
    plan.workload.clear();
    let target = Target::Next(Moment::WriteMark);
    plan.faults = vec![Fault { at_ms: 0, kind: Crash { target, down_ms: 1_000 }.into() }];
    let signature = Signature::new("never-crashes", "A machine crashed.");
    let stop = AtomicBool::new(false);
    let shrink = Shrink { scenario: &scenario, signature: &signature, jobs: 2, stop: &stop };
    let smallest = shrink.run(&plan, &mut |_| {}).plan;
    assert_eq!(smallest.faults.len(), 1);
    assert_eq!(smallest.faults[0].kind.waits_for(), None, "{:?}", smallest.faults);
    assert!(finding::with(&scenario.run(&smallest), &signature).is_some());
}
