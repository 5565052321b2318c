//! O6, D7, L1: any one machine, leader or datacenter may go, in any way. Its objects go on elsewhere with all that was
//! acknowledged, and their alarms start at most 30 s late.

use std::ops::Range;

use reveille_model::history::{Scope, What};
use reveille_sim::kinds::{Crash, DatacenterCut, DatacenterDown, MachineCut, Pause, PowerLoss};
use reveille_sim::plan::{Cluster, Direction, Fault, FaultKind, Plan, Request, Target};
use serde_json::json;

use crate::common::calm;
use crate::common::life::{Life, Run, asked, crash_at};

const GONE_AT_MS: u64 = 10_000;
/// Longer than the fault phase.
const FOR_EVER_MS: u64 = 900_000;
const LATE_MAX_MS: i64 = 30_000;

/// So many objects that each machine has some.
const OBJECTS: u64 = 40;

fn object(number: u64) -> String {
    format!("Scripted/{number}")
}

/// Each object writes a key and sets an alarm, which is due soon after the failure; 35 s after the failure it is asked for
/// the key. The clients are connected to all machines in turn.
fn plan(failure: FaultKind) -> Plan {
    let mut plan = calm("scripted");
    (plan.phases.faults_ms, plan.phases.quiet_ms) = (70_000, 1_000);
    let machines = u64::from(plan.cluster.machines());
    let ask = |at_ms, number: u64, machine: u64, body: &str| Request {
        at_ms,
        machine: u16::try_from(machine % machines).expect("there are few machines"),
        object: object(number),
        body: body.to_owned(),
        ..Request::default()
    };
    let set = r#"{"steps": [{"do": {"put": ["kept", "1"]}}, {"do": {"set_alarm": {"in_ms": 10000}}}],
                  "alarm": [[{"fetch": "ring"}]]}"#;
    let get = r#"{"steps": [{"do": {"get": "kept"}}]}"#;
    let sets = (0..OBJECTS).map(|number| ask(500 + 25 * number, number, number, set));
    let gets = (0..OBJECTS).map(|number| ask(45_000 + 25 * number, number, number + 1, get));
    plan.workload = sets.chain(gets).collect();
    plan.faults = vec![Fault { at_ms: GONE_AT_MS, kind: failure }];
    plan
}

/// Every machine, every leader, and the leader of every consensus group, that of the registry included.
fn roles() -> Vec<Target> {
    let cluster = calm("scripted").cluster;
    let machines = (0..cluster.machines()).map(Target::Machine);
    let leaders = (0..cluster.datacenters).map(Target::LeaderOfDatacenter);
    let group_leaders = (0..=cluster.groups).map(Target::LeaderOfGroup);
    machines.chain(leaders).chain(group_leaders).collect()
}

fn datacenters() -> Range<u16> {
    0..calm("scripted").cluster.datacenters
}

/// The runs that came to a good end; each object's alarm has one.
#[track_caller]
fn all_rang(life: &Life, failure: &FaultKind) -> Vec<Run> {
    let runs: Vec<Run> = life.runs().into_iter().filter(Run::is_ok).collect();
    for number in 0..OBJECTS {
        assert!(runs.iter().any(|run| run.object == object(number)), "{} under {failure:?}", object(number));
    }
    runs
}

/// The machines that the failure of a run has struck.
fn struck(life: &Life) -> Vec<u16> {
    let scope = life.events().find_map(|(_, event)| match &event.what {
        What::FaultBegin { scope, .. } => Some(scope),
        _ => None,
    });
    let datacenter_of = &life.outcome.history.header.datacenter_of;
    match scope.expect("something fails") {
        Scope::Machine(machine) => vec![*machine],
        Scope::Datacenter(gone) => {
            (0..).zip(datacenter_of).filter(|(_, of)| *of == gone).map(|(machine, _)| machine).collect()
        }
        other => panic!("{other:?} is no failure of these"),
    }
}

/// For ever: nothing of it comes back. Every alarm rings, and everybody is answered whose own machine is there.
#[test]
fn d7_any_one_machine_leader_or_datacenter_may_go() {
    let crash = |target| FaultKind::Crash(Crash { target, down_ms: FOR_EVER_MS });
    let down = |datacenter| {
        FaultKind::DatacenterDown(DatacenterDown { datacenter, down_ms: FOR_EVER_MS, power: true })
    };
    for failure in roles().into_iter().map(crash).chain(datacenters().map(down)) {
        let plan = plan(failure.clone());
        let life = Life::of(&plan);
        all_rang(&life, &failure);
        let struck = struck(&life);
        let asked = (0..).zip(&plan.workload).filter(|(_, request)| request.at_ms > GONE_AT_MS);
        for (request, _) in asked.filter(|(_, asked)| !struck.contains(&asked.machine)) {
            assert_eq!(life.told(request), json!(["1"]), "request {request} under {failure:?}");
        }
    }
}

#[test]
fn l1_with_one_failure_an_alarm_starts_at_most_thirty_seconds_late() {
    let of_machine = |target: Target| {
        let direction = Direction::Both;
        [
            FaultKind::PowerLoss(PowerLoss { target: target.clone(), down_ms: FOR_EVER_MS }),
            FaultKind::MachineCut(MachineCut {
                target: target.clone(),
                for_ms: FOR_EVER_MS,
                direction,
                flap: None,
            }),
            FaultKind::Pause(Pause { target, for_ms: FOR_EVER_MS }),
        ]
    };
    let of_datacenter = |datacenter| {
        [
            FaultKind::DatacenterDown(DatacenterDown { datacenter, down_ms: FOR_EVER_MS, power: false }),
            FaultKind::DatacenterCut(DatacenterCut {
                datacenter,
                for_ms: FOR_EVER_MS,
                direction: Direction::Both,
                flap: None,
            }),
        ]
    };
    let mut waited = 0;
    for failure in roles().into_iter().flat_map(of_machine).chain(datacenters().flat_map(of_datacenter)) {
        let life = Life::of(&plan(failure.clone()));
        for run in all_rang(&life, &failure) {
            assert!(run.started(0..=LATE_MAX_MS, run.scheduled_ms), "{run:?} under {failure:?}");
            waited += u32::from(!run.is_on_time(run.scheduled_ms));
        }
    }
    assert!(waited > 100, "many alarms were on a machine that is gone: {waited}");
}

/// In one datacenter each group has one voter. The machine that is cut off with the voters of the system group and of some
/// others is all that these need: it keeps the slices that it serves, and nobody is late in taking them over.
#[test]
fn d3_who_is_cut_off_with_all_of_a_quorum_keeps_its_slices() {
    let alone = (0..3).filter(|machine| {
        let cut = MachineCut {
            target: Target::Machine(*machine),
            for_ms: FOR_EVER_MS,
            direction: Direction::Both,
            flap: None,
        };
        let mut plan = plan(cut.into());
        plan.cluster = Cluster { datacenters: 1, ..plan.cluster };
        plan.network.between_us = vec![vec![10_000]];
        plan.clocks.truncate(usize::from(plan.cluster.machines()));
        plan.workload.iter_mut().for_each(|request| request.machine %= plan.cluster.machines());
        let life = Life::of(&plan);
        assert_eq!(life.outcome.verdict.violations, []);
        let asked = (0..).zip(&plan.workload).filter(|(_, request)| request.at_ms > GONE_AT_MS);
        asked
            .filter(|(_, asked)| asked.machine == *machine)
            .any(|(request, _)| life.answer(request).is_some())
    });
    assert_eq!(alone.count(), 1, "the one with the voter of the system group");
}

/// Its machine crashes, or its datacenter is gone.
#[test]
fn o6_an_object_goes_on_elsewhere_with_all_that_was_acknowledged() {
    let script = r#"{"steps": [{"do": {"put": ["a", "1"]}}, {"do": {"set_alarm": {"in_ms": 900000}}}]}"#;
    let get = r#"{"steps": [{"do": {"get": "a"}}, {"do": "get_alarm"}]}"#;
    let plan = asked(&[(1_000, script), (2_000, get), (30_000, get)]);
    let machine_of = |life: &Life, request| {
        let delivered = life.delivery(request).expect("it is delivered");
        delivered.place.expect("to a machine").machine
    };
    let home = machine_of(&Life::of(&plan), 1);
    let datacenter = home / plan.cluster.machines_per_datacenter;
    let down = FaultKind::DatacenterDown(DatacenterDown { datacenter, down_ms: FOR_EVER_MS, power: true });
    for failure in [crash_at(GONE_AT_MS), Fault { at_ms: GONE_AT_MS, kind: down }] {
        let life = Life::of(&Plan { faults: vec![failure.clone()], ..plan.clone() });
        let held = json!(["1", life.set_alarms()[0]]);
        assert_eq!([life.told(1), life.told(2)], [held.clone(), held], "{failure:?}");
        assert_eq!(machine_of(&life, 1), home);
        assert_ne!(machine_of(&life, 2), home, "{failure:?}");
    }
}
