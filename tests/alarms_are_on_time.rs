//! L2 to L4: how late alarms may start in calm, after several failures, and when everything has been well for a minute. For
//! one failure see `any_one_may_go.rs`.

use std::collections::{BTreeMap, BTreeSet};

use reveille_model::history::{Scope, Takes, What};
use reveille_sim::kinds::{
    Crash, DatacenterCut, DatacenterDown, MachineCut, MessageLoss, Pause, PowerLoss, SlowDisk,
};
use reveille_sim::plan::{Direction, Fault, FaultKind, Past, Plan, Request, Target};

use crate::common::calm;
use crate::common::life::{Life, Run};

/// So many objects that each machine has some.
const OBJECTS: usize = 40;

/// A calm plan in which each object is asked this once, 25 ms after the one before it.
fn each_is_asked(body: &str) -> Plan {
    let ask = |number: u64| Request {
        at_ms: 1_000 + 25 * number,
        machine: 0,
        object: format!("Scripted/{number}"),
        body: body.to_owned(),
        ..Request::default()
    };
    Plan { workload: (0..).take(OBJECTS).map(ask).collect(), ..calm("scripted") }
}

/// How many objects these runs are of.
fn objects(runs: &[Run]) -> usize {
    runs.iter().map(|run| &*run.object).collect::<BTreeSet<&str>>().len()
}

/// An alarm 20 s ahead: by then the object has left memory.
const SET: &str = r#"{"steps": [{"do": {"set_alarm": {"in_ms": 20000}}}]}"#;

/// A hundred milliseconds and two round trips between datacenters.
#[test]
fn l3_in_calm_an_alarm_starts_on_time() {
    let runs = Life::of(&each_is_asked(SET)).runs();
    assert_eq!(runs.len(), OBJECTS);
    for run in runs {
        assert!(run.is_ok() && run.is_on_time(run.scheduled_ms), "{run:?}");
    }
}

/// Two datacenters of three lose power, so that nothing can become durable. When they are back, the third is cut off from them
/// for another ten seconds.
#[test]
fn l2_a_minute_after_several_failures_every_alarm_that_became_due_meanwhile_has_started() {
    let mut plan = each_is_asked(SET);
    let down =
        |datacenter| FaultKind::DatacenterDown(DatacenterDown { datacenter, down_ms: 30_000, power: true });
    let cut = FaultKind::DatacenterCut(DatacenterCut {
        datacenter: 2,
        for_ms: 40_000,
        direction: Direction::Both,
        flap: None,
    });
    plan.faults = [down(0), down(1), cut].map(|kind| Fault { at_ms: 10_000, kind }).into();
    let life = Life::of(&plan);
    let runs: Vec<Run> = life.runs().into_iter().filter(Run::is_ok).collect();
    assert_eq!(objects(&runs), OBJECTS);
    // Two datacenters are a majority: they count from when they are back.
    assert!(runs.iter().all(|run| run.started_ms > life.at(40_000)), "nothing works before: {runs:?}");
    assert!(runs.iter().all(|run| run.started(-10_000..=60_000, life.at(50_000))), "{runs:?}");
}

/// A pause ends with its process. A history that told its end at the planned time would have this machine out for a minute and
/// a half, and charge D3 to the slices that it serves all the while.
#[test]
fn d3_a_machine_is_not_out_for_longer_than_its_pause() {
    let mut plan = each_is_asked(SET);
    let target = || Target::Machine(4);
    let pause = FaultKind::Pause(Pause { target: target(), for_ms: 90_000 });
    let crash = FaultKind::Crash(Crash { target: target(), down_ms: 500 });
    plan.faults = vec![Fault { at_ms: 10_000, kind: pause }, Fault { at_ms: 11_000, kind: crash }];
    let life = Life::of(&plan);
    assert_eq!(life.outcome.verdict.violations, []);
    let ends = life.events().filter(|(_, event)| matches!(event.what, What::FaultEnd { .. }));
    assert_eq!(ends.map(|(at_ms, _)| at_ms - life.at(0)).collect::<Vec<_>>(), [11_000, 11_500]);
}

/// Everything that may break has broken: all leaders, a datacenter, links, disks, messages.
fn rough() -> Vec<Fault> {
    let leaders = (0..3).map(|datacenter| {
        FaultKind::Crash(Crash { target: Target::LeaderOfDatacenter(datacenter), down_ms: 20_000 })
    });
    let others = [
        FaultKind::DatacenterCut(DatacenterCut {
            datacenter: 1,
            for_ms: 15_000,
            direction: Direction::Both,
            flap: None,
        }),
        FaultKind::PowerLoss(PowerLoss { target: Target::LeaderOfGroup(0), down_ms: 25_000 }),
        FaultKind::MachineCut(MachineCut {
            target: Target::Machine(7),
            for_ms: 30_000,
            direction: Direction::In,
            flap: None,
        }),
        FaultKind::SlowDisk(SlowDisk { target: Target::Machine(4), extra_ms: 2_000, for_ms: 30_000 }),
        FaultKind::MessageLoss(MessageLoss { ppm: 200_000, for_ms: 30_000 }),
    ];
    let all = leaders.chain(others).zip(0..);
    all.map(|(kind, number)| Fault { at_ms: 20_000 + 1_000 * number, kind }).collect()
}

/// The objects arm themselves again every five seconds.
fn after_rough_times() -> Life {
    let again = r#"{"steps": [{"do": {"set_alarm": {"in_ms": 5000}}}],
                    "alarm": [[{"do": {"set_alarm": {"in_ms": 5000}}}, {"fetch": "x"}]]}"#;
    // So little of the past is kept that who was away is sent snapshots.
    let past = Past { entries_kept: 1, log_bytes_max: 2_000 };
    Life::of(&Plan { faults: rough(), past, ..each_is_asked(again) })
}

#[test]
fn l4_a_minute_after_the_last_fault_no_run_is_late() {
    let life = after_rough_times();
    let ends = life.events().filter(|(_, event)| matches!(event.what, What::FaultEnd { .. }));
    let quiet_ms = ends.map(|(at_ms, _)| at_ms).max().expect("faults end") + 60_000;
    let runs: Vec<Run> = life.runs().into_iter().filter(|run| run.started_ms >= quiet_ms).collect();
    assert_eq!(objects(&runs), OBJECTS);
    for run in &runs {
        assert!(run.is_ok() && run.is_on_time(run.scheduled_ms), "{run:?}");
    }
}

/// None that was lost since it was elected.
#[test]
fn l4_in_the_end_every_datacenter_has_a_leader() {
    let life = after_rough_times();
    let mut leaders: BTreeMap<u16, u16> = BTreeMap::new();
    let mut lost = 0;
    for (_, event) in life.events() {
        match &event.what {
            What::Leader { datacenter, .. } => {
                leaders.insert(*datacenter, event.place.expect("a machine says so").machine);
            }
            What::FaultBegin { takes: Some(takes), scope: Scope::Machine(machine), .. }
                if takes.contains(&Takes::Memory) =>
            {
                lost += leaders.extract_if(.., |_, leader| leader == machine).count();
            }
            _ => {}
        }
    }
    assert!(lost >= 3, "each datacenter has lost its first");
    assert_eq!(leaders.into_keys().collect::<Vec<_>>(), [0, 1, 2]);
}

/// A follower learns with the next entries or heartbeat what is committed, so of what came last it may lack some.
#[test]
fn l4_in_the_end_replicas_are_equal_at_equal_index() {
    let life = after_rough_times();
    assert!(life.outcome.counts.snapshots_installed > 0, "some were far behind");
    let mut committed: BTreeMap<u16, u64> = BTreeMap::new();
    let mut replicas: BTreeMap<u16, Vec<(u64, u64)>> = BTreeMap::new();
    for (_, event) in life.events() {
        match event.what {
            What::Committed { group, index } => _ = committed.insert(group, index),
            What::Replica { group, applied, state } => {
                replicas.entry(group).or_default().push((applied, state));
            }
            _ => {}
        }
    }
    assert_eq!((committed.len(), replicas.len()), (9, 9), "eight groups and the registry's");
    let mut compared = 0;
    for (group, replicas) in replicas {
        let states: BTreeMap<u64, u64> = replicas.iter().copied().collect();
        let is_equal = |(applied, state): &(u64, u64)| states[applied] == *state;
        // Each is told by its process, and read from its disk.
        assert!(replicas.len() == 6 && replicas.iter().all(is_equal), "group {group}: {replicas:?}");
        compared += replicas.len() - states.len();
        let least = committed[&group];
        assert!(states.keys().all(|applied| *applied >= least), "group {group}: {replicas:?}, {least}");
    }
    assert!(compared >= 9, "{compared} stand where another one of their group does");
}
