//! O1, D5: a machine that is cut off while it holds an object, and goes on running its code, has no effect after its
//! successor's first. Here it is made to try: clients that still reach it keep sending it requests.

use crate::common::{scenario, told};
use reveille::finding;
use reveille_model::history::{EndReason, Event, What};
use reveille_sim::plan::{Direction, Fault, FaultKind, Network, Plan, Request, Target, Upstream};
use reveille_system::ids::{MachineId, ObjectName};

const OBJECT: &str = "AlarmExample/foo";
const CUT_AT_MS: u64 = 10_000;
const CUT_FOR_MS: u64 = 40_000;

/// The object's home is cut off; every half second a client connected to it, and one connected to another machine, send
/// a request.
fn plan() -> (Plan, MachineId) {
    let mut plan = scenario("alarm-example").plan(0);
    let config = plan.config();
    let object = ObjectName::parse(OBJECT).expect("it has a class and a name");
    let home = config.home_of(object.slice(config.slices));
    let other = (home.0 + config.machines_per_datacenter) % config.machines();
    let request = |index: u64| Request {
        at_ms: 500 * index,
        machine: if index.is_multiple_of(2) { home.0 } else { other },
        object: OBJECT.into(),
        body: format!("visit {index}"),
    };
    plan.workload = (0..120).map(request).collect();
    plan.network = Network { loss_ppm: 0, ..plan.network };
    plan.upstream = Upstream { outages: Vec::new(), ..plan.upstream };
    let cut = FaultKind::MachineCut {
        target: Target::Machine(home.0),
        for_ms: CUT_FOR_MS,
        direction: Direction::Both,
    };
    plan.faults = vec![Fault { at_ms: CUT_AT_MS, kind: cut }];
    (plan, home)
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
    assert!(outcome.counts.stale_epochs > 0, "what it proposes when it is back is refused");
}
