//! O1, F3, D5: a machine that is cut off while it holds an object, and goes on running its code, has no effect after its
//! successor's first. Here it is made to try: clients and outside services still reach it.

use crate::common::life::{self, Life, asked};
use crate::common::{home_of, scenario, told, upstream};
use reveille::finding;
use reveille_model::history::{Delivery, EndReason, Event, What};
use reveille_sim::kinds::MachineCut;
use reveille_sim::plan::{
    Direction, Fault, FaultKind, Limits, Network, Phases, Plan, Request, Target, Tuning, Upstream,
};
use reveille_system::ids::MachineId;
use serde_json::json;

const OBJECT: &str = "AlarmExample/foo";
const CUT_AT_MS: u64 = 10_000;
const CUT_FOR_MS: u64 = 40_000;
/// A run of `alarm()` is over, and the next one is 10 s away: a read that waits for the datastore would close the gate.
const BETWEEN_RUNS_MS: u64 = 12_000;

/// The object's home is cut off; every 50 ms a client connected to it, and one connected to another machine, send a request.
fn plan() -> (Plan, MachineId) {
    let mut plan = scenario("alarm-example").plan(0);
    let home = home_of(&plan, OBJECT);
    let other = elsewhere(&plan, home);
    let request = |index: u64| Request {
        at_ms: 50 * index,
        machine: if index.is_multiple_of(2) { home.0 } else { other },
        object: OBJECT.into(),
        body: format!("visit {index}"),
        ..Request::default()
    };
    plan.workload = (0..600).map(request).collect();
    plan.phases = Phases { warm_up_ms: 6_000, faults_ms: 100_000, quiet_ms: 90_000 };
    plan.tuning = Tuning::default();
    plan.network = Network { loss_ppm: 0, ..plan.network };
    plan.upstream = Upstream { outages: Vec::new(), ..plan.upstream };
    plan.faults = vec![Fault { at_ms: BETWEEN_RUNS_MS, ..cut(home) }];
    (plan, home)
}

fn cut(machine: MachineId) -> Fault {
    let target = Target::Machine(machine.0);
    let kind = FaultKind::MachineCut(MachineCut {
        target,
        for_ms: CUT_FOR_MS,
        direction: Direction::Both,
        flap: None,
    });
    Fault { at_ms: CUT_AT_MS, kind }
}

/// A machine of another datacenter.
fn elsewhere(plan: &Plan, machine: MachineId) -> u16 {
    (machine.0 + plan.cluster.machines_per_datacenter) % plan.cluster.machines()
}

fn is_effect(event: &Event) -> bool {
    matches!(event.what, What::Respond { .. } | What::Outbound { .. } | What::Commit { .. })
}

#[test]
fn o1_a_machine_that_was_cut_off_has_no_effect_after_its_successor() {
    let (plan, home) = plan();
    let outcome = scenario("alarm-example").run(&plan);
    if let Some(finding) = finding::of(&outcome).first() {
        panic!("{}", told(&outcome, finding));
    }
    let events = &outcome.history.events;
    let epoch = |event: &Event| event.by.as_ref().map_or(0, |by| by.epoch);
    let on = |event: &Event| event.place.map(|place| MachineId(place.machine));
    let first = events.iter().position(is_effect).expect("the object does something");
    let old = epoch(&events[first]);
    let moved = |event: &Event| is_effect(event) && epoch(event) > old;
    let successor = events.iter().position(moved).expect("another machine takes the object over");
    let after = || events[successor..].iter().filter(|event| event.by.is_some() && epoch(event) == old);

    let tries =
        after().filter(|event| on(event) == Some(home) && matches!(event.what, What::Op { .. })).count();
    assert!(tries > 20, "the zombie runs object code all the while: {tries} calls");
    assert_eq!(after().filter(|event| is_effect(event)).count(), 0, "none of it has an effect");
    let moves = |event: &Event| matches!(event.what, What::InstanceEnd { reason: EndReason::Moved });
    assert!(
        after().any(moves),
        "that it no longer holds the object is told apart from a fault of the object"
    );
}

/// What an instance has in memory it can answer without the datastore: here the lease alone keeps the answers in.
#[test]
fn o1_a_machine_that_was_cut_off_tells_nobody_what_is_out_of_date() {
    let mut plan = asked(&[]);
    let home = home_of(&plan, life::OBJECT);
    let ask = |at_ms, machine, step: &str| Request {
        at_ms,
        machine,
        object: life::OBJECT.into(),
        body: format!(r#"{{"steps": [{{"do": {step}}}]}}"#),
        ..Request::default()
    };
    plan.workload = vec![
        ask(1_000, home.0, r#"{"put": ["a", "old"]}"#),
        ask(25_000, elsewhere(&plan, home), r#"{"put": ["a", "new"]}"#),
    ];
    let reads = (0..60).map(|index| ask(10_500 + 500 * index, home.0, r#"{"get": "a"}"#));
    plan.workload.extend(reads);
    plan.faults = vec![cut(home)];
    let life = Life::of(&plan);

    assert_eq!(life.told(1), json!(["done"]), "its successor serves others");
    let successor = life.instances()[1];
    let answers: Vec<_> = (2..62).filter_map(|read| life.answer(read)).collect();
    assert!(answers.len() > 3, "its lease lasts for a while");
    let is_out_of_date = |told: &str| told.contains(r#""told":["old"]"#);
    assert!(answers.iter().all(|(at_ms, _, told)| *at_ms < successor && is_out_of_date(told)), "{answers:?}");
    assert!((2..62).all(|read| life.delivery(read).is_some()), "it reads for all of them");
}

/// A run awaits a service when its machine is cut off. The answer still reaches it, and it goes on: with a message, which
/// the lease alone keeps in; and with a write, which the datastore refuses when the machine is back.
#[test]
fn f3_a_run_that_was_cut_off_has_no_effect_beside_the_next() {
    for goes_on in [r#"{"fetch": "goes on"}"#, r#"{"do": {"put": ["a", "1"]}}, {"post": "goes on"}"#] {
        let script = format!(
            r#"{{"steps": [{{"do": {{"set_alarm": {{"in_ms": 8000}}}}}}],
                 "alarm": [[{{"fetch": "begins"}}, {goes_on}]]}}"#
        );
        let mut plan = asked(&[(1_000, &script)]);
        (plan.upstream, plan.limits) = (upstream(15_000), Limits::OF_THE_CONTRACT);
        plan.faults = vec![cut(home_of(&plan, life::OBJECT))];
        let life = Life::of(&plan);
        let [zombie, next] = &life.runs()[..] else { panic!("{:?}", life.runs()) };
        assert!(zombie.machine != next.machine && next.is_ok(), "{zombie:?}, {next:?}");
        let of_zombie = |event: &Event| event.by.as_ref().is_some_and(|by| by.instance == zombie.instance);
        let after = life.events().filter(|(at_ms, _)| *at_ms >= next.started_ms).map(|(_, event)| event);
        let after: Vec<&Event> = after.filter(|event| of_zombie(event)).collect();
        let answered =
            |event: &Event| matches!(event.what, What::Deliver { delivery: Delivery::Result { .. } });
        assert!(after.iter().any(|event| answered(event)), "it goes on: {script}");
        assert!(!after.iter().any(|event| is_effect(event)), "{script}");
        let sent = life.sent().into_iter().map(|(_, machine, body)| (machine, body));
        let expected = [(zombie, "begins"), (next, "begins"), (next, "goes on")];
        assert_eq!(sent.collect::<Vec<_>>(), expected.map(|(run, body)| (run.machine, body.to_owned())));
    }
}
