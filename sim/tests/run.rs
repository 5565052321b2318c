//! Whole runs: equal for equal plans, with faults that begin, act and end, and findings instead of crashes.

use reveille_model::history::{Outcome as Ended, Phase, What};
use reveille_sim::kinds::outside::{Refuse, Slow};
use reveille_sim::kinds::{Crash, MessageLoss, PowerLoss};
use reveille_sim::plan::{Fault, FaultKind, Outage, OutageKind, Past, Plan, Target};
use reveille_sim::run::{Look, Outcome, RunEnd, run, run_with};
use reveille_sim::trace::Kind;

use crate::common::{classes, plan};

fn completed(plan: &Plan) -> Outcome {
    let outcome = run(plan, classes);
    assert_eq!(outcome.end, RunEnd::Completed);
    outcome
}

fn count(outcome: &Outcome, what: impl Fn(&What) -> bool) -> u64 {
    outcome.history.events.iter().filter(|event| what(&event.what)).count() as u64
}

#[test]
fn the_same_plan_gives_the_same_run_and_another_seed_another() {
    let (first, second) = (completed(&plan(1)), completed(&plan(1)));
    assert_eq!(first.digest, second.digest);
    assert_eq!(first.history, second.history);
    assert_eq!(first.counts, second.counts);
    assert_ne!(first.digest, completed(&plan(2)).digest);
}

#[test]
fn d2_who_was_away_needs_a_snapshot_where_little_of_the_past_is_kept() {
    let installed = |past| {
        let outcome = completed(&Plan { past, ..plan(1) });
        assert_eq!(outcome.verdict.violations, []);
        outcome.counts.snapshots_installed
    };
    assert_eq!(installed(Past::default()), 0);
    assert!(installed(Past { entries_kept: 1, log_bytes_max: 2_000 }) > 0);
}

#[test]
fn looking_changes_nothing() {
    let seen = run_with(&plan(1), classes, Look { trace: true, until_ms: None });
    assert_eq!(seen.digest, completed(&plan(1)).digest);
    assert!(seen.trace.is_sorted_by_key(|entry| entry.at_ns));
    let delivered = seen.trace.iter().filter(|entry| entry.kind == Kind::Delivered).count() as u64;
    assert_eq!(delivered + seen.counts.messages_lost, seen.counts.messages_sent - in_flight(&seen));
}

fn in_flight(seen: &Outcome) -> u64 {
    let count = |kind| seen.trace.iter().filter(|entry| entry.kind == kind).count() as u64;
    count(Kind::Sent)
        - count(Kind::Lost)
        - count(Kind::Delivered)
        - count(Kind::Undelivered)
        - count(Kind::CutOff)
}

#[test]
fn a_run_can_be_stopped_and_is_the_same_up_to_there() {
    let whole = completed(&plan(1));
    let part = run_with(&plan(1), classes, Look { trace: false, until_ms: Some(20_000) });
    assert_eq!(part.end, RunEnd::Stopped);
    let events = &part.history.events;
    assert!(events.len() > 50 && events.iter().all(|event| event.at_ns <= 20_000_000_000));
    assert_eq!(events[..], whole.history.events[..events.len()]);
}

#[test]
fn every_request_ends_once_and_history_never_goes_back_in_time() {
    let outcome = completed(&plan(3));
    assert_eq!(outcome.counts.requests, 30);
    assert_eq!(count(&outcome, |what| matches!(what, What::Call { .. })), 30);
    assert_eq!(count(&outcome, |what| matches!(what, What::Return { .. })), 30);
    let answered =
        count(&outcome, |what| matches!(what, What::Return { outcome: Ended::Answered { .. }, .. }));
    assert_eq!(answered, outcome.counts.answered);
    assert!(answered > 15, "only {answered} of 30 requests were answered");
    assert!(outcome.history.events.is_sorted_by_key(|event| event.at_ns));
    let last = &outcome.history.events.last().expect("a history has an end").what;
    assert_eq!(*last, What::Phase { phase: Phase::End });
}

#[test]
fn alarms_run_and_their_calls_arrive_and_are_answered() {
    let outcome = completed(&plan(3));
    assert!(outcome.counts.runs_ok > 3, "{:?}", outcome.counts);
    assert!(outcome.counts.runs_retried > 0, "{:?}", outcome.counts);
    let calls = outcome.counts.outside_calls;
    assert_eq!(count(&outcome, |what| matches!(what, What::OutboundArrive { .. })), calls);
    assert_eq!(count(&outcome, |what| matches!(what, What::OutboundAnswer { status: Some(200), .. })), calls);
}

#[test]
fn faults_begin_end_and_are_counted() {
    let outcome = completed(&plan(1));
    let faults = &outcome.counts.faults;
    for kind in ["crash", "power-loss", "message-loss", "background-loss"] {
        assert_eq!(faults[kind].injected, 1, "{kind}");
        assert_eq!(faults[kind].effective, 1, "{kind}");
    }
    assert_eq!(count(&outcome, |what| matches!(what, What::FaultBegin { .. })), 4);
    assert_eq!(count(&outcome, |what| matches!(what, What::FaultEnd { .. })), 4);
    assert_eq!(outcome.counts.boots, 5);
}

#[test]
fn all_is_healed_before_the_quiet_phase() {
    let mut plan = plan(1);
    plan.faults = vec![
        Fault {
            at_ms: 1_000,
            kind: FaultKind::Crash(Crash { target: Target::Machine(2), down_ms: 900_000 }),
        },
        // The machine is down already: nothing to break, nothing to count.
        Fault {
            at_ms: 2_000,
            kind: FaultKind::PowerLoss(PowerLoss { target: Target::Machine(2), down_ms: 1 }),
        },
        Fault { at_ms: 3_000, kind: FaultKind::MessageLoss(MessageLoss { ppm: 900_000, for_ms: 900_000 }) },
    ];
    plan.upstream.outages =
        vec![Outage { at_ms: 0, for_ms: 900_000, kind: OutageKind::Refuse(Refuse { status: 503 }) }];
    let outcome = completed(&plan);
    assert!(!outcome.counts.faults.contains_key("power-loss"));
    assert_eq!(outcome.counts.boots, 4);
    let quiet = What::Phase { phase: Phase::Quiet };
    let after = outcome.history.events.iter().skip_while(|event| event.what != quiet);
    assert!(after.clone().count() > 0);
    for event in after {
        assert!(!matches!(event.what, What::FaultBegin { .. } | What::FaultEnd { .. }));
    }
    assert_eq!(count(&outcome, |what| matches!(what, What::FaultEnd { .. })), 4);
}

#[test]
fn outages_change_what_upstream_answers() {
    let statuses = |kind| {
        let mut plan = plan(1);
        plan.faults.clear();
        plan.upstream.outages = vec![Outage { at_ms: 0, for_ms: 20_000, kind }];
        let outcome = completed(&plan);
        assert!(
            outcome
                .counts
                .faults
                .iter()
                .any(|(kind, count)| kind.starts_with("upstream") && count.effective == 1)
        );
        (
            count(&outcome, |what| matches!(what, What::OutboundAnswer { status: Some(429), .. })) > 0,
            count(&outcome, |what| matches!(what, What::OutboundAnswer { status: None, .. })) > 0,
        )
    };
    assert_eq!(statuses(OutageKind::Refuse(Refuse { status: 429 })), (true, false));
    assert_eq!(statuses(OutageKind::Fail), (false, true));
    assert_eq!(statuses(OutageKind::Slow(Slow { extra_ms: 50 })), (false, false));
}

#[test]
fn what_clients_were_told_is_at_rest_or_delivered() {
    let mut plan = plan(1);
    // Nothing may follow upstream before the end: the last word of each object stays where it is.
    plan.upstream.answer_ms_min = 600_000;
    plan.upstream.answer_ms_max = 600_000;
    let outcome = completed(&plan);
    assert_eq!(
        count(&outcome, |what| matches!(what, What::AtRest { keys, .. } if keys.contains_key("told"))),
        4
    );
}

#[test]
fn a_panic_outside_of_object_code_is_a_finding_with_its_place() {
    fn no_classes() -> reveille_system::object::class::Classes {
        panic!("no classes today");
    }
    let outcome = run(&plan(1), no_classes);
    let RunEnd::Panicked { message, location, at_ns } = outcome.end else { panic!("{:?}", outcome.end) };
    assert_eq!(message, "no classes today");
    assert!(location.contains("tests/run.rs"), "{location}");
    assert_eq!(at_ns, 0);
}

#[test]
fn a_runs_thread_is_named_after_its_scenario_and_seed() {
    // All that is told of a run whose stack overflows.
    #[expect(clippy::disallowed_methods, reason = "it is the thread that the test is about")]
    fn told() -> reveille_system::object::class::Classes {
        panic!("this is {}", std::thread::current().name().unwrap_or_default());
    }
    let outcome = run(&plan(7), told);
    let RunEnd::Panicked { message, .. } = outcome.end else { panic!("{:?}", outcome.end) };
    assert_eq!(message, "this is test seed 7");
}

#[test]
#[should_panic(expected = "only a valid plan can be run: the plan's version is 9")]
fn a_plan_that_is_not_valid_is_refused() {
    let mut plan = plan(1);
    plan.version = 9;
    run(&plan, classes);
}
