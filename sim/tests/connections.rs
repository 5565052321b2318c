//! The connections of clients and of outside services: what they do when they are slow or break, and services that say
//! nothing.

use reveille_model::history::{self, OpResult, Scope, What};
use reveille_sim::kinds::RoughConnections;
use reveille_sim::plan::{ConnectionsOf, Fault, FaultKind, Outage, OutageKind, Plan, Target};
use reveille_sim::run::{Look, Outcome, RunEnd, run_with};
use reveille_sim::trace::Kind;
use reveille_system::ids::MachineId;

use crate::common::{classes, plan};

/// From 5 s to 10 s of the fault phase, which begins at 10 s.
const WHILE_NS: std::ops::Range<u64> = 15_000_000_000..20_000_000_000;

fn rough(of: ConnectionsOf, break_ppm: u32, delay_ms_max: u32) -> RoughConnections {
    RoughConnections { target: Target::Machine(1), of, break_ppm, delay_ms_max, for_ms: 5_000 }
}

fn ran(mut plan: Plan) -> Outcome {
    plan.network.loss_ppm = 0;
    plan.clocks.fill_with(Default::default);
    let outcome = run_with(&plan, classes, Look { trace: true, until_ms: None });
    assert_eq!(outcome.end, RunEnd::Completed);
    outcome
}

fn with(kind: RoughConnections) -> Outcome {
    let outcome = ran(Plan { faults: vec![Fault { at_ms: 5_000, kind: kind.into() }], ..plan(1) });
    let count = outcome.counts.faults.get("rough-connections").expect("it has begun");
    assert_eq!((count.injected, count.effective), (1, 1));
    outcome
}

/// Requests sent to this machine while it lasts: when, and after how long their clients knew what, in milliseconds.
fn asked(outcome: &Outcome, machine: u64) -> Vec<(u64, u64, bool)> {
    let events = &outcome.history.events;
    let sent = events.iter().filter(|event| WHILE_NS.contains(&event.at_ns));
    let of_machine = sent.filter_map(|event| match event.what {
        What::Call { request, .. } if request % 3 == machine => Some((event.at_ns, request)),
        _ => None,
    });
    of_machine
        .map(|(sent_ns, asked)| {
            let over = events.iter().find_map(|event| match &event.what {
                What::Return { request, outcome } if *request == asked => {
                    let answered = matches!(outcome, history::Outcome::Answered { .. });
                    Some((sent_ns / 1_000_000, (event.at_ns - sent_ns) / 1_000_000, answered))
                }
                _ => None,
            });
            over.expect("every request is over at the end")
        })
        .collect()
}

#[test]
fn a_client_whose_connection_breaks_gets_no_answer_and_knows_it() {
    let outcome = with(rough(ConnectionsOf::Clients, 1_000_000, 0));
    let of_machine = asked(&outcome, 1);
    assert!(of_machine.len() >= 3);
    assert!(of_machine.iter().all(|(_, after_ms, answered)| !answered && *after_ms == 0), "{of_machine:?}");
    let arrived = |machine| {
        let arrived = outcome.trace.iter().filter(|entry| entry.machine == Some(MachineId(machine)));
        let arrived = arrived.filter(|entry| entry.kind == Kind::Request && WHILE_NS.contains(&entry.at_ns));
        arrived.count()
    };
    assert_eq!(arrived(1), 0);
    assert!(arrived(0) >= 3 && asked(&outcome, 0).iter().all(|(_, _, answered)| *answered));
    let begun = outcome.history.events.iter().find_map(|event| match &event.what {
        What::FaultBegin { scope, .. } => Some(scope.clone()),
        _ => None,
    });
    assert_eq!(
        begun,
        Some(Scope::Service("machine 1 and its clients".into())),
        "no failure of the system (L2)"
    );
    assert_eq!(outcome.verdict.violations, []);
}

#[test]
fn what_a_slow_connection_carries_is_late_and_in_order() {
    let outcome = with(rough(ConnectionsOf::Clients, 0, 3_000));
    let late = asked(&outcome, 1);
    assert!(late.iter().all(|(_, after_ms, answered)| *answered && *after_ms < 7_000), "{late:?}");
    assert!(late.iter().any(|(_, after_ms, _)| *after_ms > 1_000), "{late:?}");
    let arrived = outcome.trace.iter().filter(|entry| entry.machine == Some(MachineId(1)));
    let arrived: Vec<u64> =
        arrived.filter(|entry| entry.kind == Kind::Request).map(|entry| entry.a).collect();
    assert!(arrived.is_sorted(), "{arrived:?}");
    assert_eq!(outcome.verdict.violations, []);
}

/// Calls that left machine 1 while it lasted: whether each arrived, and whether the service decided on an answer.
fn called(outcome: &Outcome) -> Vec<(bool, bool)> {
    let events = &outcome.history.events;
    let left = events.iter().filter(|event| WHILE_NS.contains(&event.at_ns));
    let left = left.filter(|event| event.place.is_some_and(|place| place.machine == 1));
    let arrived = |wanted| {
        events.iter().any(|event| matches!(event.what, What::OutboundArrive { call, .. } if call == wanted))
    };
    let is_told = |wanted| {
        let is_it = |what: &What| matches!(what, What::OutboundAnswer { call, status: Some(200), .. } if *call == wanted);
        events.iter().any(|event| is_it(&event.what))
    };
    left.filter_map(|event| match event.what {
        What::Outbound { call, .. } => Some((arrived(call), is_told(call))),
        _ => None,
    })
    .collect()
}

fn failed(outcome: &Outcome, why: &str) -> usize {
    let results = outcome.history.events.iter().filter(
        |event| matches!(&event.what, What::OpResult { result: OpResult::Error(said), .. } if said.contains(why)),
    );
    results.count()
}

#[test]
fn a_call_whose_connection_breaks_fails_whether_it_has_arrived_or_not() {
    let never = with(rough(ConnectionsOf::Services, 1_000_000, 0));
    let calls = called(&never);
    assert!(!calls.is_empty() && calls.iter().all(|call| *call == (false, false)), "{calls:?}");
    assert!(failed(&never, "connection") >= calls.len());
    assert!(asked(&never, 1).iter().all(|(_, _, answered)| *answered), "its clients are no services");
    let now_and_then: Vec<(bool, bool)> = (1..8)
        .flat_map(|seed| {
            let kind = rough(ConnectionsOf::Both, 400_000, 10);
            called(&ran(Plan { faults: vec![Fault { at_ms: 5_000, kind: kind.into() }], ..plan(seed) }))
        })
        .collect();
    for one in [(false, false), (true, true)] {
        assert!(now_and_then.contains(&one), "{now_and_then:?}");
    }
    assert_eq!(never.verdict.violations, []);
}

#[test]
fn a_service_that_says_nothing_is_given_up_by_the_machine_that_called() {
    let mut plan = plan(1);
    plan.faults.clear();
    plan.outside_timeout_ms = 2_000;
    plan.upstream.outages = vec![Outage { at_ms: 5_000, for_ms: 5_000, kind: OutageKind::Silent }];
    let outcome = ran(plan);
    let calls = called(&outcome);
    assert!(!calls.is_empty() && calls.iter().all(|call| *call == (true, false)), "{calls:?}");
    assert!(failed(&outcome, "in time") > 0);
    let count = outcome.counts.faults.get("upstream-silent").expect("it has begun");
    assert_eq!((count.injected, count.effective), (1, 1));
    assert_eq!(outcome.verdict.violations, []);
}

#[test]
fn each_stands_in_a_plan_is_told_and_shrinks_to_one_side() {
    let kind = FaultKind::from(rough(ConnectionsOf::Both, 25_000, 4_000));
    let json = r#"{"rough_connections":{"target":{"machine":1},"of":"both","break_ppm":25000,"delay_ms_max":4000,"for_ms":5000}}"#;
    assert_eq!(serde_json::to_string(&kind).expect("a kind is JSON"), json);
    assert_eq!(serde_json::from_str::<FaultKind>(json).expect("it was written"), kind);
    assert_eq!(
        kind.told(),
        "of what passes between machine 1 and its clients and the outside services 2.5 % finds the connection broken and \
         the rest is up to 4 s late for 5 s"
    );
    let mut least = kind;
    while let Some(simpler) = least.simpler().into_iter().next() {
        least = simpler;
    }
    let nothing = RoughConnections { for_ms: 1, ..rough(ConnectionsOf::Clients, 0, 0) };
    assert_eq!(least, nothing.into());
    assert_eq!(serde_json::to_string(&OutageKind::Silent).expect("a kind is JSON"), r#""silent""#);
    let outage = Outage { at_ms: 1, for_ms: 180_000, kind: OutageKind::Silent };
    assert_eq!(outage.told(), "the outside services receive what they are sent and never answer for 180 s");
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_would_be_right() {
    let cases = [
        (rough(ConnectionsOf::Both, 1_000_001, 0), "break_ppm is 1000001; it is at most 1000000"),
        (rough(ConnectionsOf::Both, 0, 60_001), "delay_ms_max is 60001; it is at most 60000"),
        (
            RoughConnections { target: Target::Machine(3), ..rough(ConnectionsOf::Both, 0, 0) },
            "target is 3; the cluster has machines 0 to 2",
        ),
    ];
    for (kind, said) in cases {
        let mut plan = plan(1);
        plan.faults[1].kind = kind.into();
        let error = plan.validate().expect_err(said).to_string();
        assert!(error.contains(&format!("faults[1].kind.{said}")), "said: {error}\nexpected: {said}");
    }
}
