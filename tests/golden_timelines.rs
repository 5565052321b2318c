//! Stories that are kept word for word: what a newcomer is shown. When a change of the system changes one, read the new
//! one before you accept it (`cargo insta review`).
//!
//! The lives of single alarms are told from plans that are written here, not drawn: they change with the system alone.

use crate::common::{self, home_of, scenario, upstream};
use std::path::Path;

use reveille::source::Source;
use reveille::{broken, finding, story};
use reveille_model::history::{Event, What};
use reveille_sim::kinds::{Crash, DatacenterDown};
use reveille_sim::plan::{Fault, FaultKind, Plan, Request, Target};
use reveille_system::ids::{MachineId, ObjectName, SliceId};

const S: u64 = 1_000_000_000;

/// A run of one object, `foo` of a class, in which nothing is left to chance and nothing breaks: one request, 2 s into
/// the fault phase.
fn calm(name: &str, body: &str) -> Plan {
    let mut plan = common::calm(name);
    plan.workload =
        vec![Request { at_ms: 2_000, machine: 0, object: named(&plan, "foo"), body: body.to_owned() }];
    plan
}

/// The one object of a calm plan.
fn object(plan: &Plan) -> String {
    plan.workload[0].object.clone()
}

fn named(plan: &Plan, name: &str) -> String {
    format!("{}/{name}", scenario(&plan.scenario).shape.class)
}

fn slice(plan: &Plan, object: &str) -> SliceId {
    ObjectName::parse(object).expect("it has a class and a name").slice(plan.cluster.slices)
}

/// A datacenter, and an object that is at home on the machine that leads it first.
fn with_the_leader(plan: &Plan) -> (u16, String) {
    let objects: Vec<String> = (0..100).map(|number| named(plan, &format!("object-{number}"))).collect();
    let leads = |event: &Event| {
        let What::Leader { datacenter, term: 1 } = event.what else { return None };
        let leader = MachineId(event.place?.machine);
        let at_home = |object: &&String| home_of(plan, object) == leader;
        Some((datacenter, objects.iter().find(at_home)?.clone()))
    };
    let history = scenario(&plan.scenario).run(plan).history;
    history.events.iter().find_map(leads).expect("one of the objects is at home on a leader")
}

/// The life of a plan's one object, from the begin of the fault phase on. No promise is broken in it.
fn life(plan: &Plan) -> String {
    let outcome = scenario(&plan.scenario).run(plan);
    assert_eq!(finding::of(&outcome), [], "these stories are of promises kept");
    story::life(&outcome.history, &object(plan), None, 6 * S..u64::MAX)
}

/// The same with who takes the object over, and who is elected to decide about it.
fn life_and_leaders(plan: &Plan) -> String {
    let outcome = scenario(&plan.scenario).run(plan);
    assert_eq!(finding::of(&outcome), [], "these stories are of promises kept");
    let object = object(plan);
    story::life(&outcome.history, &object, Some(slice(plan, &object).0), 6 * S..u64::MAX)
}

fn keep(name: &str, told: &str) {
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, told);
    });
}

/// The documentation's Batcher loses items: to a key that sorts wrongly (X1(a)), to its own `delete_all` (X1(b)), and to an
/// answer that it takes for a success (X1(c)). Each from the smallest plan that was found.
#[test]
fn the_documentations_batcher_loses_items() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/regressions/batcher-docs");
    let traps = ["a-key-of-a-number-sorts-wrongly", "erased-by-delete-all", "deleted-though-refused"];
    let stories = traps.map(|trap| {
        let source = Source::of_folder(&scenarios::catalogue(), &kept.join(trap))
            .unwrap_or_else(|error| panic!("{error:#}"));
        broken::told(&source.scenario.run(&source.plan))
    });
    keep("the_documentations_batcher_loses_items", &stories.join("\n"));
}

/// An alarm fires ten seconds after it was set, though the object has left memory meanwhile (F1, F8).
#[test]
fn f8_an_alarm_fires() {
    let mut plan = calm("alarm-example", "hello");
    plan.idle_evict_ms = 5_000;
    keep("f8_an_alarm_fires", &life(&plan));
}

/// A handler that never succeeds runs seven times, 2, 4, 8, ... seconds apart; then its alarm is gone (R2, R3).
#[test]
fn r2_an_alarm_is_given_up() {
    let order = r#"{"in_ms":1000,"failures":8,"panics":false}"#;
    keep("r2_an_alarm_is_given_up", &life(&calm("retry-info", order)));
}

/// A machine is lost while `alarm()` runs on it: the run starts again from its beginning (F6), with the same retry count
/// (R4).
#[test]
fn f6_a_machine_is_lost_in_the_handler() {
    let mut plan = calm("alarm-example", "hello");
    plan.upstream = upstream(2_000);
    let target = Target::HolderOf(object(&plan));
    // The alarm is due 10 s after the request, at 12 s of the fault phase; its run awaits a service for 2 s.
    plan.faults = vec![Fault { at_ms: 13_000, kind: FaultKind::Crash(Crash { target, down_ms: 8_000 }) }];
    keep("f6_a_machine_is_lost_in_the_handler", &life(&plan));
}

/// A datacenter's leader is lost, and the object that it ran with it: another one is elected, gives the object to a
/// machine that lives, and the alarm fires (D6, F8).
#[test]
fn d6_a_leader_is_lost() {
    let mut plan = calm("alarm-example", "hello");
    let (datacenter, object) = with_the_leader(&plan);
    plan.workload[0].object = object;
    let target = Target::LeaderOfDatacenter(datacenter);
    // The alarm is due at 12 s of the fault phase.
    plan.faults = vec![Fault { at_ms: 9_000, kind: FaultKind::Crash(Crash { target, down_ms: 30_000 }) }];
    keep("d6_a_leader_is_lost", &life_and_leaders(&plan));
}

/// A datacenter is lost: an alarm of its object fires in another one. It comes back and takes its share again (D5).
#[test]
fn d5_a_datacenter_is_lost_and_comes_back() {
    let mut plan = calm("alarm-example", "hello");
    let again = Request { at_ms: 50_000, machine: 0, body: "hello again".into(), ..plan.workload[0].clone() };
    plan.workload.push(again);
    let datacenter = plan.config().datacenter_of(home_of(&plan, &object(&plan))).0;
    let kind = FaultKind::DatacenterDown(DatacenterDown { datacenter, down_ms: 30_000, power: true });
    plan.faults = vec![Fault { at_ms: 9_000, kind }];
    keep("d5_a_datacenter_is_lost_and_comes_back", &life_and_leaders(&plan));
}
