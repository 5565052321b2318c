//! D2, D8: what was acknowledged outlives the disks that it was written on. Replicas on lost disks are built anew from the others, and
//! count again once they have caught up.

use reveille_model::history::What;
use reveille_sim::kinds::{Crash, DatacenterDown, DiskReplaced, DiskRot};
use reveille_sim::plan::{Fault, FaultKind, Target};
use serde_json::json;

use crate::common::life::{Life, asked};

/// An alarm fifty seconds ahead that tells a service.
const LATE: &str = r#"{"steps": [{"do": {"set_alarm": {"in_ms": 50000}}}], "alarm": [[{"fetch": "ring"}]]}"#;

/// A run in which this breaks; what it was asked is acknowledged, its alarm runs, and no promise is broken.
#[track_caller]
fn survives(faults: Vec<(u64, FaultKind)>) -> Life {
    let mut plan = asked(&[(1_000, LATE)]);
    plan.faults = faults.into_iter().map(|(at_ms, kind)| Fault { at_ms, kind }).collect();
    plan.phases.faults_ms = plan.phases.faults_ms.max(100_000);
    let life = Life::of(&plan);
    assert_eq!(life.told(0), json!(["done"]));
    assert!(life.sent().iter().any(|(_, _, body)| body == "ring"));
    assert_eq!(life.outcome.verdict.violations, []);
    life
}

fn damaged(life: &Life) -> usize {
    life.outcome.history.events.iter().filter(|event| matches!(event.what, What::DiskDamaged)).count()
}

/// All disks of a datacenter are lost for ever; its machines are back after a second.
fn burns(datacenter: u16, at_ms: u64) -> impl Iterator<Item = (u64, FaultKind)> {
    let machines = datacenter * 3..(datacenter + 1) * 3;
    let lost = |machine| DiskReplaced { target: Target::Machine(machine), down_ms: 1_000 };
    machines.map(move |machine| (at_ms, lost(machine).into()))
}

fn down(datacenter: u16, at_ms: u64) -> (u64, FaultKind) {
    (at_ms, DatacenterDown { datacenter, down_ms: 30_000, power: true }.into())
}

#[test]
fn d2_a_datacenter_may_burn_down_whichever_it_is() {
    for datacenter in 0..3 {
        let life = survives(burns(datacenter, 3_000).collect());
        assert_eq!(damaged(&life), 3, "each machine has found an empty disk");
    }
}

/// With two of three replicas gone nothing could be decided: those that were built anew count.
#[test]
fn d2_when_the_replicas_are_built_anew_another_datacenter_may_go() {
    for (burnt, gone) in [(0, 1), (1, 2), (2, 0)] {
        survives(burns(burnt, 3_000).chain([down(gone, 40_000)]).collect());
    }
}

/// One after another, each after the last one's replicas were built: in the end nothing is left of any first disk.
#[test]
fn d2_all_datacenters_may_burn_down_one_after_another() {
    let life = survives((0..3).flat_map(|nth| burns(nth, 3_000 + u64::from(nth) * 25_000)).collect());
    assert_eq!(damaged(&life), 9);
}

#[test]
fn d8_rot_is_found_when_it_is_read_and_repaired_from_the_others() {
    for machine in 0..9 {
        let target = Target::Machine(machine);
        let rot = DiskRot { target: target.clone(), mark: false, bytes: 1 };
        let life = survives(vec![(3_000, rot.into()), (5_000, Crash { target, down_ms: 500 }.into())]);
        assert_eq!(damaged(&life), 1);
    }
}

/// D8: of two marks one leads to everything acknowledged.
#[test]
fn d8_a_mark_that_rots_does_no_harm() {
    for machine in 0..9 {
        let target = Target::Machine(machine);
        let rot = DiskRot { target: target.clone(), mark: true, bytes: 1 };
        let life = survives(vec![(3_000, rot.into()), (5_000, Crash { target, down_ms: 500 }.into())]);
        assert_eq!(damaged(&life), 0);
    }
}
