//! O2, O4, O5: one object for each name; nothing is delivered to it before its constructor has ended, and nothing leaves it
//! before what it wrote is durable.

use reveille_model::history::{Delivery, Event, What};
use reveille_sim::kinds::MachineCut;
use reveille_sim::plan::{Direction, Fault, FaultKind, Plan, Request, Target};
use serde_json::json;

use crate::common::life::{Life, OBJECT, asked, crash_at};
use crate::common::{calm, home_of, upstream};

/// Clients of every machine write to the same name, then all read what is under it. Names that look like it are of others.
#[test]
fn o2_a_name_leads_to_the_same_object_from_everywhere() {
    let mut plan = calm("scripted");
    let machines = 0..plan.cluster.machines();
    let ask = |at_ms, machine, object: &str, step: String| Request {
        at_ms,
        machine,
        object: object.to_owned(),
        body: format!(r#"{{"steps": [{{"do": {step}}}]}}"#),
        ..Request::default()
    };
    let writes = machines.clone().map(|machine| {
        ask(u64::from(machine), machine, OBJECT, format!(r#"{{"put": ["by {machine}", ""]}}"#))
    });
    let reads = machines.clone().map(|machine| ask(1_000, machine, OBJECT, r#"{"list": {}}"#.into()));
    let others = ["Silent/foo", "Scripted/Foo", "Scripted/foo/", "Scripted/fo"];
    let elsewhere = others.map(|other| ask(1_000, 0, other, r#"{"list": {}}"#.into()));
    plan.workload = writes.chain(reads).chain(elsewhere).collect();
    let life = Life::of(&plan);
    let all: Vec<_> = machines.clone().map(|machine| json!([format!("by {machine}"), ""])).collect();
    let mut requests = u64::from(plan.cluster.machines())..;
    for (machine, request) in machines.zip(requests.by_ref()) {
        assert_eq!(life.told(request), json!([all]), "machine {machine}");
    }
    for (other, request) in others.iter().zip(requests) {
        assert_eq!(life.told(request), json!([[]]), "{other}");
    }
}

/// Where the events of this kind stand in the history.
fn positions(life: &Life, is_it: impl Fn(&What) -> bool) -> Vec<usize> {
    let events = life.events().enumerate().filter(|(_, (_, event))| is_it(&event.what));
    events.map(|(position, _)| position).collect()
}

/// The first request, the wake after an eviction, and the first request after a crash.
#[test]
fn o4_nothing_is_delivered_before_the_constructor_has_ended() {
    let prepare = r#"[{"fetch": "prepare"}, {"do": {"put": ["ready", "yes"]}}]"#;
    let look = r#"{"steps": [{"do": {"get": "ready"}}]}"#;
    let first = format!(
        r#"{{"steps": [{{"do": {{"set_alarm": {{"in_ms": 20000}}}}}}],
             "construct": [{prepare}, {prepare}], "alarm": [[{{"do": {{"get": "ready"}}}}]]}}"#
    );
    let mut plan = asked(&[
        (1_000, &first),
        // Woken at 21 s; while its constructor waits for the service, which takes a second.
        (21_500, look),
        (40_000, look),
    ]);
    plan.upstream = upstream(1_000);
    plan.faults = vec![crash_at(25_000)];
    let life = Life::of(&plan);
    assert_eq!([life.told(1), life.told(2)], [json!(["yes"]), json!(["yes"])]);

    let made = positions(&life, |what| matches!(what, What::InstanceStart { .. }));
    let constructed = positions(&life, |what| matches!(what, What::ConstructorEnd { failed: None }));
    let delivered = positions(&life, |what| match what {
        What::Deliver { delivery } => !matches!(delivery, Delivery::Result { .. }),
        _ => false,
    });
    assert_eq!((made.len(), constructed.len(), delivered.len()), (3, 3, 4));
    for (made, constructed) in made.into_iter().zip(constructed) {
        assert!(delivered.iter().all(|at| !(made..constructed).contains(at)), "{delivered:?}");
    }
}

/// By an error, and by taking longer than 30 s.
#[test]
fn o4_a_constructor_that_fails_takes_its_request_with_it() {
    let look = r#"{"steps": [{"do": {"get": "a"}}]}"#;
    let mut plan = asked(&[
        (1_000, r#"{"construct": [["fail"], ["hang"]]}"#),
        // The first instance has left memory.
        (15_000, look),
        (16_000, look),
        (50_000, look),
    ]);
    plan.request_timeout_ms = 40_000;
    let life = Life::of(&plan);
    let answered = |request| life.answer(request).map(|(at_ms, status, _)| (at_ms - life.at(0), status));
    assert!(matches!(answered(1), Some((15_000..15_100, 500))), "{:?}", answered(1));
    // Its machine looks twice a second.
    assert!(matches!(answered(2), Some((46_000..46_600, 500))), "{:?}", answered(2));
    assert_eq!(life.told(3), json!([null]));
    assert_eq!((life.delivery(1), life.delivery(2)), (None, None));
    assert_eq!(life.instances().len(), 4, "{:?}", life.instances());
}

/// The object's machine is cut off from the others for a time that is shorter than its lease. Its clients and the outside
/// services still reach it.
#[test]
fn o5_nothing_leaves_before_what_was_written_before_it_is_durable() {
    let plan = asked(&[]);
    let home = home_of(&plan, OBJECT);
    let ask = |at_ms, body: &str| Request {
        at_ms,
        machine: home.0,
        object: OBJECT.into(),
        body: body.into(),
        ..Request::default()
    };
    let cut = FaultKind::MachineCut(MachineCut {
        target: Target::Machine(home.0),
        for_ms: 2_000,
        direction: Direction::Both,
        flap: None,
    });
    let plan = Plan {
        workload: vec![
            ask(9_000, r#"{"steps": [{"post": "before"}]}"#),
            ask(10_100, r#"{"steps": [{"post": "nothing is written"}]}"#),
            ask(10_200, r#"{"steps": [{"do": {"put": ["a", "1"]}}, {"post": "a is written"}]}"#),
        ],
        faults: vec![Fault { at_ms: 10_000, kind: cut }],
        ..plan
    };
    let life = Life::of(&plan);
    let answered_ms = |request| life.answer(request).expect("it is answered").0 - life.at(0);
    assert!((10_100..10_110).contains(&answered_ms(1)), "without a write nothing holds it back");
    assert!(answered_ms(2) > 12_000);
    let sent = life.sent();
    let [_, nothing, written] = &sent[..] else { panic!("{sent:?}") };
    assert!(nothing.0 < life.at(10_110) && written.0 > life.at(12_000), "{sent:?}");
    let is_commit = |(_, event): &(i64, &Event)| matches!(event.what, What::Commit { .. });
    let durable_ms = life.events().find(is_commit).expect("it is written").0;
    assert!(written.0 >= durable_ms && durable_ms > life.at(12_000));
}
