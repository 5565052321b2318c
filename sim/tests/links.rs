//! Faults of links as a plan says them: as JSON, in words, with what is wrong, in another cluster, and smaller.

use reveille_sim::kinds::{DatacenterCut, MachineCut, Partition, RoughLinks, SlowLinks};
use reveille_sim::plan::{Direction, FaultKind, Flap, LinksOf, Target};

use crate::common;

const FOR_MS: u64 = 12_000;
const FLAP: Flap = Flap { cut_ms: 2_000, open_ms: 500 };

fn between() -> LinksOf {
    LinksOf::Between { from: vec![0], to: vec![1, 2] }
}

fn rough(of: LinksOf) -> RoughLinks {
    let (lose_ppm, duplicate_ppm, delay_ppm) = (10_000, 25_000, 300_000);
    RoughLinks { of, lose_ppm, duplicate_ppm, delay_ppm, delay_ms_max: 7_000, for_ms: FOR_MS }
}

/// Each as it stands in a plan, and as it is told.
fn all() -> Vec<(FaultKind, &'static str, &'static str)> {
    let (target, for_ms, flap) = (Target::Machine(2), FOR_MS, Some(FLAP));
    let quiet = RoughLinks { lose_ppm: 0, duplicate_ppm: 0, delay_ppm: 0, ..rough(LinksOf::All) };
    vec![
        (
            MachineCut { target, for_ms, direction: Direction::In, flap }.into(),
            r#"{"machine_cut":{"target":{"machine":2},"for_ms":12000,"direction":"in","flap":{"cut_ms":2000,"open_ms":500}}}"#,
            "machine 2 hears nothing from the others for 12 s, by turns cut for 2 s and open for 500 ms",
        ),
        (
            Partition { from: vec![0], to: vec![1], both_ways: false, for_ms, flap }.into(),
            r#"{"partition":{"from":[0],"to":[1],"both_ways":false,"for_ms":12000,"flap":{"cut_ms":2000,"open_ms":500}}}"#,
            "no message passes from machine 0 to machine 1 for 12 s, by turns cut for 2 s and open for 500 ms",
        ),
        (
            DatacenterCut { datacenter: 1, for_ms, direction: Direction::Both, flap: None }.into(),
            r#"{"datacenter_cut":{"datacenter":1,"for_ms":12000}}"#,
            "datacenter 1 is cut off from the others for 12 s",
        ),
        (
            DatacenterCut { datacenter: 1, for_ms, direction: Direction::In, flap }.into(),
            r#"{"datacenter_cut":{"datacenter":1,"for_ms":12000,"direction":"in","flap":{"cut_ms":2000,"open_ms":500}}}"#,
            "datacenter 1 hears nothing from the others for 12 s, by turns cut for 2 s and open for 500 ms",
        ),
        (
            DatacenterCut { datacenter: 1, for_ms, direction: Direction::Out, flap: None }.into(),
            r#"{"datacenter_cut":{"datacenter":1,"for_ms":12000,"direction":"out"}}"#,
            "nothing that datacenter 1 sends reaches the others for 12 s",
        ),
        (
            rough(between()).into(),
            r#"{"rough_links":{"of":{"between":{"from":[0],"to":[1,2]}},"lose_ppm":10000,"duplicate_ppm":25000,"delay_ppm":300000,"delay_ms_max":7000,"for_ms":12000}}"#,
            "of the messages from machine 0 to machines 1, 2 1 % are lost, 2.5 % arrive twice, 30 % are up to 7 s late for 12 s",
        ),
        (
            quiet.into(),
            r#"{"rough_links":{"of":"all","lose_ppm":0,"duplicate_ppm":0,"delay_ppm":0,"delay_ms_max":7000,"for_ms":12000}}"#,
            "of the messages between machines none are harmed for 12 s",
        ),
        (
            SlowLinks { of: between(), factor_percent: 350, for_ms }.into(),
            r#"{"slow_links":{"of":{"between":{"from":[0],"to":[1,2]}},"factor_percent":350,"for_ms":12000}}"#,
            "messages from machine 0 to machines 1, 2 take 3.5 times as long for 12 s",
        ),
    ]
}

#[test]
fn each_stands_in_a_plan_and_is_told_as_a_clause() {
    for (kind, json, told) in all() {
        assert_eq!(serde_json::to_string(&kind).expect("a kind is JSON"), json);
        assert_eq!(serde_json::from_str::<FaultKind>(json).expect("it was written"), kind);
        assert_eq!(kind.told(), told);
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_would_be_right() {
    let flapping = |cut_ms, open_ms| {
        let (target, direction) = (Target::Machine(0), Direction::Both);
        FaultKind::from(MachineCut { target, for_ms: 1, direction, flap: Some(Flap { cut_ms, open_ms }) })
    };
    let of = |from: &[u16], to: &[u16]| LinksOf::Between { from: from.to_vec(), to: to.to_vec() };
    let cases: [(FaultKind, &str); 9] = [
        (flapping(9, 10), "flap.cut_ms is 9; it is from 10 to 60000"),
        (flapping(60_001, 10), "flap.cut_ms is 60001; it is from 10 to 60000"),
        (flapping(10, 10_000), "flap.open_ms is 10000; it is from 10 to 9999"),
        (rough(of(&[0], &[1, 3])).into(), "of.between.to[1] is 3; the cluster has machines 0 to 2"),
        (rough(of(&[0, 1], &[1])).into(), "of.between.to[0] is 1; a machine is on one side"),
        (rough(LinksOf::Machine(Target::Machine(3))).into(), "target is 3; the cluster has machines 0 to 2"),
        (
            RoughLinks { duplicate_ppm: 1_000_001, ..rough(LinksOf::All) }.into(),
            "duplicate_ppm is 1000001; it is at most 1000000",
        ),
        (
            RoughLinks { delay_ms_max: 60_001, ..rough(LinksOf::All) }.into(),
            "delay_ms_max is 60001; it is at most 60000",
        ),
        (
            SlowLinks { of: LinksOf::Datacenter(3), factor_percent: 200, for_ms: 1 }.into(),
            "of is 3; the cluster has datacenters 0 to 2",
        ),
    ];
    for (kind, said) in cases {
        let mut plan = common::plan(1);
        plan.faults[1].kind = kind;
        let error = plan.validate().expect_err(said).to_string();
        assert!(error.contains(&format!("faults[1].kind.{said}")), "said: {error}\nexpected: {said}");
    }
}

#[test]
fn links_follow_new_numbers_or_are_gone() {
    // A cluster without machine 0; the others count from 0 again.
    let down = |number: u16| number.checked_sub(1);
    let of = |links: LinksOf| FaultKind::from(rough(links)).renumbered(&down, &down, &down);
    assert_eq!(of(between()), None, "its only sender is gone");
    let kept = LinksOf::Between { from: vec![0], to: vec![1] };
    assert_eq!(of(LinksOf::Between { from: vec![0, 1], to: vec![2] }), Some(rough(kept).into()));
    assert_eq!(of(LinksOf::All), Some(rough(LinksOf::All).into()));
    assert_eq!(of(LinksOf::Machine(Target::Machine(0))), None);
}

#[test]
fn a_cut_that_flaps_shrinks_to_one_that_stays_and_rough_links_to_one_harm_of_one_link() {
    for (kind, ..) in all().into_iter().take(4) {
        let plain = kind.simpler().into_iter().next().expect("there is something simpler");
        let json = serde_json::to_string(&plain).expect("a kind is JSON");
        assert!(!json.contains("flap"), "{json}");
    }
    let mut kind = FaultKind::from(rough(between()));
    let wanted = |kind: &FaultKind| matches!(kind, FaultKind::RoughLinks(rough) if rough.duplicate_ppm > 0);
    while let Some(simpler) = kind.simpler().into_iter().find(wanted) {
        kind = simpler;
    }
    let FaultKind::RoughLinks(least) = kind else { panic!("it stays what it is") };
    let one = LinksOf::Between { from: vec![0], to: vec![2] };
    let harms = (least.lose_ppm, least.duplicate_ppm, least.delay_ppm, least.delay_ms_max);
    assert_eq!((least.of, harms, least.for_ms), (one, (0, 1, 0, 1), 1));
}
