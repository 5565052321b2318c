//! Plans as JSON, and what is said about those that cannot be run.

use reveille_sim::kinds::outside::{Refuse, Slow};
use reveille_sim::kinds::{
    ClockStep, Crash, DatacenterCut, DatacenterDown, MachineCut, MessageLoss, Partition, Pause, PowerLoss,
    SlowDisk, SlowLinks,
};
use reveille_sim::plan::{Direction, Fault, FaultKind, LinksOf, Outage, OutageKind, Plan, Target};
use reveille_system::config::Bounds;

use crate::common;

fn json(plan: &Plan) -> String {
    serde_json::to_string_pretty(plan).expect("a plan is JSON")
}

#[test]
fn a_plan_survives_json() {
    let mut plan = common::plan(u64::MAX);
    let kinds = [
        OutageKind::Slow(Slow { extra_ms: 5 }),
        OutageKind::Refuse(Refuse { status: 503 }),
        OutageKind::Fail,
    ];
    plan.upstream.outages = kinds.map(|kind| Outage { at_ms: 1, for_ms: 2, kind }).into();
    assert_eq!(plan.validate(), Ok(()));
    let text = json(&plan);
    let again: Plan = serde_json::from_str(&text).expect("what was written can be read");
    assert_eq!(again, plan);
    assert_eq!(json(&again), text);
}

#[test]
fn a_plan_that_does_not_say_what_is_kept_of_the_past_means_the_usual() {
    let mut plan: serde_json::Value = serde_json::from_str(&json(&common::plan(1))).expect("it is JSON");
    plan.as_object_mut().expect("a plan is an object").remove("past").expect("it was written");
    let plan: Plan = serde_json::from_value(plan).expect("a plan as it was written before");
    assert_eq!(plan, common::plan(1));
    assert_eq!(plan.config().bounds, Bounds::default());
}

#[test]
fn a_fault_reads_as_one_would_write_it() {
    let text = r#"{"at_ms": 5, "kind": {"power_loss": {"target": {"holder_of": "Bell/0"}, "down_ms": 7}}}"#;
    let fault: Fault = serde_json::from_str(text).expect("a fault");
    let target = Target::HolderOf("Bell/0".to_owned());
    assert_eq!(fault, Fault { at_ms: 5, kind: FaultKind::PowerLoss(PowerLoss { target, down_ms: 7 }) });
}

/// One fault of each kind, aimed in each way.
fn every_fault() -> Vec<FaultKind> {
    let leader = || Target::LeaderOfDatacenter(2);
    vec![
        FaultKind::Crash(Crash { target: leader(), down_ms: 1 }),
        FaultKind::PowerLoss(PowerLoss { target: Target::LeaderOfGroup(2), down_ms: 1 }),
        FaultKind::Pause(Pause { target: Target::HolderOf("Bell/0".into()), for_ms: 1 }),
        FaultKind::MachineCut(MachineCut {
            target: leader(),
            for_ms: 1,
            direction: Direction::Both,
            flap: None,
        }),
        FaultKind::MachineCut(MachineCut {
            target: Target::Machine(0),
            for_ms: 1,
            direction: Direction::In,
            flap: None,
        }),
        FaultKind::MachineCut(MachineCut {
            target: Target::Machine(0),
            for_ms: 1,
            direction: Direction::Out,
            flap: None,
        }),
        FaultKind::DatacenterDown(DatacenterDown { datacenter: 2, down_ms: 1, power: true }),
        FaultKind::DatacenterCut(DatacenterCut {
            datacenter: 2,
            for_ms: 1,
            direction: Direction::Both,
            flap: None,
        }),
        FaultKind::Partition(Partition {
            from: vec![0, 1],
            to: vec![2],
            both_ways: false,
            for_ms: 1,
            flap: None,
        }),
        FaultKind::SlowLinks(SlowLinks { of: LinksOf::Datacenter(2), factor_percent: 200, for_ms: 1 }),
        FaultKind::SlowLinks(SlowLinks { of: LinksOf::Machine(leader()), factor_percent: 10_000, for_ms: 1 }),
        FaultKind::ClockStep(ClockStep { target: leader(), by_ms: -7 }),
        FaultKind::SlowDisk(SlowDisk { target: leader(), extra_ms: 300, for_ms: 1 }),
        FaultKind::MessageLoss(MessageLoss { ppm: 5, for_ms: 1 }),
    ]
}

#[test]
fn every_fault_survives_json() {
    let mut plan = common::plan(1);
    plan.faults = every_fault().into_iter().map(|kind| Fault { at_ms: 1, kind }).collect();
    assert_eq!(plan.validate(), Ok(()));
    let again: Plan = serde_json::from_str(&json(&plan)).expect("what was written can be read");
    assert_eq!(again, plan);
}

#[test]
fn faults_that_cannot_happen_are_refused_with_what_would_be_right() {
    let machine = || Target::Machine(0);
    let cases = [
        (
            FaultKind::Crash(Crash { target: Target::Machine(3), down_ms: 1 }),
            "target is 3; the cluster has machines 0 to 2",
        ),
        (
            FaultKind::Pause(Pause { target: Target::LeaderOfDatacenter(3), for_ms: 1 }),
            "target is 3; the cluster has datacenters 0 to 2",
        ),
        (
            FaultKind::MachineCut(MachineCut {
                target: Target::LeaderOfGroup(3),
                for_ms: 1,
                direction: Direction::In,
                flap: None,
            }),
            "target is 3; the cluster has groups 0 to 1, and the system group 2",
        ),
        (
            FaultKind::PowerLoss(PowerLoss { target: Target::HolderOf("Bell".into()), down_ms: 1 }),
            "target is \"Bell\"; an object is named Class/name",
        ),
        (
            FaultKind::Crash(Crash { target: machine(), down_ms: u64::MAX }),
            "down_ms is 18446744073709551615; it is at most",
        ),
        (
            FaultKind::Pause(Pause { target: machine(), for_ms: u64::MAX }),
            "for_ms is 18446744073709551615; it is at most",
        ),
        (
            FaultKind::DatacenterDown(DatacenterDown { datacenter: 7, down_ms: 1, power: false }),
            "datacenter is 7; the cluster has datacenters 0 to 2",
        ),
        (
            FaultKind::DatacenterCut(DatacenterCut {
                datacenter: 3,
                for_ms: 1,
                direction: Direction::Both,
                flap: None,
            }),
            "datacenter is 3; the cluster has",
        ),
        (
            FaultKind::Partition(Partition {
                from: vec![0],
                to: vec![1, 9],
                both_ways: true,
                for_ms: 1,
                flap: None,
            }),
            "to[1] is 9; the cluster has machines 0 to 2",
        ),
        (
            FaultKind::Partition(Partition {
                from: vec![0, 1],
                to: vec![2, 1],
                both_ways: true,
                for_ms: 1,
                flap: None,
            }),
            "to[1] is 1; a machine is on one side",
        ),
        (
            FaultKind::SlowLinks(SlowLinks {
                of: LinksOf::Machine(machine()),
                factor_percent: 100,
                for_ms: 1,
            }),
            "factor_percent is 100; it is from 101 to 10000",
        ),
        (
            FaultKind::SlowLinks(SlowLinks { of: LinksOf::Datacenter(3), factor_percent: 200, for_ms: 1 }),
            "of is 3; the cluster has datacenters 0 to 2",
        ),
        (
            FaultKind::ClockStep(ClockStep { target: machine(), by_ms: -3_600_001 }),
            "by_ms is -3600001; it is from -3600000 to 3600000",
        ),
        (
            FaultKind::SlowDisk(SlowDisk { target: machine(), extra_ms: 10_001, for_ms: 1 }),
            "extra_ms is 10001; it is at most 10000",
        ),
        (
            FaultKind::SlowDisk(SlowDisk { target: Target::Machine(3), extra_ms: 1, for_ms: 1 }),
            "target is 3; the cluster has machines 0 to 2",
        ),
        (
            FaultKind::MessageLoss(MessageLoss { ppm: 1_000_001, for_ms: 1 }),
            "ppm is 1000001; it is at most 1000000",
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
fn the_error_of_wall_clocks_counts_their_steps() {
    let mut plan = common::plan(1);
    let step = |target, by_ms| Fault { at_ms: 1, kind: FaultKind::ClockStep(ClockStep { target, by_ms }) };
    // Machine 1: 40 ms ahead, and 200 ppm of 100 s. Machine 2: 30 ms behind, and 100 ppm.
    plan.faults = vec![step(Target::Machine(1), 500), step(Target::Machine(1), -100)];
    assert_eq!(plan.wall_error_max_ms(), 560);
    plan.faults = vec![step(Target::Machine(2), -1_000)];
    assert_eq!(plan.wall_error_max_ms(), 1_040);
    // Whom this one strikes is not known yet.
    plan.faults.push(step(Target::LeaderOfDatacenter(0), 2_000));
    assert_eq!(plan.wall_error_max_ms(), 2_060);
}

#[test]
fn an_unknown_field_is_refused_by_name() {
    for (from, to) in [("\"seed\"", "\"sead\""), ("\"down_ms\"", "\"down\""), ("\"groups\"", "\"group\"")] {
        let text = json(&common::plan(1)).replace(from, to);
        let error = serde_json::from_str::<Plan>(&text).expect_err("a misspelt field");
        assert!(error.to_string().contains("unknown field"), "{error}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_would_be_right() {
    type Spoil = fn(&mut Plan);
    let cases: [(Spoil, &str); 21] = [
        (|p| p.version = 2, "the plan's version is 2; this build reads version 1"),
        (|p| p.cluster.datacenters = 4, "cluster.datacenters is 4; it is odd"),
        (|p| p.cluster.slices = 7, "cluster.slices is 7; it is a multiple of the 2 groups"),
        (|p| p.cluster.groups = 0, "cluster.groups is 0; it is at least 1"),
        (|p| p.network.within_us = 0, "network.within_us is 0; a latency is from 1 to"),
        (|p| p.network.between_us[2][0] = 0, "network.between_us[2][0] is 0; a latency is from 1 to"),
        (|p| p.network.between_us.truncate(2), "network.between_us is of another shape; it has 3 rows of 3"),
        (
            |p| p.disk.sync_us_min = 9_999,
            "disk.sync_us_max is 3000; it is at least disk.sync_us_min, which is 9999",
        ),
        (|p| p.past.entries_kept = 0, "past.entries_kept is 0; it is from 1 to 1000000"),
        (|p| p.past.log_bytes_max = 1 << 31, "past.log_bytes_max is 2147483648; it is from 1 to 1073741824"),
        (|p| p.clocks.truncate(1), "clocks is a list of 1; there is one for each of the 3 machines"),
        (|p| p.clocks[1].drift_ppm = -501, "clocks[1].drift_ppm is -501; it is from -500 to 500"),
        (|p| p.phases.warm_up_ms = 5, "phases.warm_up_ms is 5; machines need 100 to boot"),
        (|p| p.phases.quiet_ms = u64::MAX, "phases is 18446744073709551615 ms long; a run is at most"),
        (|p| p.workload[3].machine = 3, "workload[3].machine is 3; the cluster has machines 0 to 2"),
        (
            |p| p.workload[4].object = "Bell".into(),
            "workload[4].object is \"Bell\"; an object is named Class/name",
        ),
        (
            |p| p.workload[4].at_ms = 90_000,
            "workload[4].at_ms is 90000; fault phase and quiet phase are 90000 ms long together",
        ),
        (|p| p.faults[2].at_ms = 20_000, "faults[2].at_ms is 20000; the fault phase is 20000 ms long"),
        (|p| p.limits.run_ms = 0, "limits.run_ms is 0; it is from 1 to"),
        (|p| p.limits.turn_budget = 0, "limits.turn_budget is 0; it is at least 1"),
        (|p| p.request_timeout_ms = 0, "request_timeout_ms is 0; it is from 1 to"),
    ];
    for (spoil, said) in cases {
        let mut plan = common::plan(1);
        spoil(&mut plan);
        let error = plan.validate().expect_err(said).to_string();
        assert!(error.contains(said), "said: {error}\nexpected: {said}");
    }
}

#[test]
fn clients_may_ask_until_the_run_is_over() {
    let mut plan = common::plan(1);
    plan.workload[4].at_ms = 89_999;
    assert_eq!(plan.validate(), Ok(()));
}

#[test]
fn the_constants_of_the_run_cover_its_clocks_and_links() {
    let plan = common::plan(1);
    // Machine 1: 40 ms ahead, and 200 ppm of 100 s.
    assert_eq!(plan.wall_error_max_ms(), 60);
    // 30 ms there, 31 ms back, and 20 % of it.
    assert_eq!(plan.network.round_trip_max_ms(), 74);
}

/// Faults in each way in which a plan may say whom they strike.
fn struck_in_each_way() -> Vec<FaultKind> {
    let machine = || Target::Machine(2);
    let (for_ms, down_ms) = (12_345, 12_345);
    vec![
        FaultKind::Crash(Crash { target: Target::HolderOf("Cron/foo".into()), down_ms }),
        FaultKind::PowerLoss(PowerLoss { target: Target::LeaderOfSystemGroup, down_ms }),
        FaultKind::Pause(Pause { target: Target::LeaderOfGroup(1), for_ms }),
        FaultKind::MachineCut(MachineCut {
            target: Target::LeaderOfDatacenter(1),
            for_ms,
            direction: Direction::Out,
            flap: None,
        }),
        FaultKind::DatacenterDown(DatacenterDown { datacenter: 1, down_ms, power: true }),
        FaultKind::DatacenterCut(DatacenterCut {
            datacenter: 1,
            for_ms,
            direction: Direction::Both,
            flap: None,
        }),
        FaultKind::Partition(Partition {
            from: vec![0],
            to: vec![1, 2],
            both_ways: false,
            for_ms,
            flap: None,
        }),
        FaultKind::SlowLinks(SlowLinks { of: LinksOf::Datacenter(1), factor_percent: 350, for_ms }),
        FaultKind::SlowLinks(SlowLinks { of: LinksOf::Machine(machine()), factor_percent: 350, for_ms }),
        FaultKind::ClockStep(ClockStep { target: machine(), by_ms: -1_234 }),
        FaultKind::SlowDisk(SlowDisk { target: machine(), extra_ms: 777, for_ms }),
        FaultKind::MessageLoss(MessageLoss { ppm: 25_000, for_ms }),
    ]
}

#[test]
fn what_breaks_is_told_as_a_clause() {
    let told: Vec<_> = struck_in_each_way().iter().map(FaultKind::told).collect();
    let expected = [
        "the machine that holds Cron/foo crashes and is down for 12.345 s",
        "the leader of the system group loses power and is down for 12.345 s",
        "the leader of consensus group 1 stands still for 12.345 s",
        "nothing that the leader of datacenter 1 sends reaches the others for 12.345 s",
        "datacenter 1 loses power and is down for 12.345 s",
        "datacenter 1 is cut off from the others for 12.345 s",
        "no message passes from machine 0 to machines 1, 2 for 12.345 s",
        "messages to, from and within datacenter 1 take 3.5 times as long for 12.345 s",
        "messages to and from machine 2 take 3.5 times as long for 12.345 s",
        "the wall clock of machine 2 jumps back by 1.234 s",
        "each sync of machine 2 takes up to 777 ms longer for 12.345 s",
        "2.5 % of all messages between machines are lost for 12.345 s",
    ];
    assert_eq!(told, expected);
    let outage = Outage { at_ms: 1, for_ms: 10_000, kind: OutageKind::Slow(Slow { extra_ms: 40 }) };
    assert_eq!(outage.told(), "the outside services answer 40 ms later for 10 s");
}

#[test]
fn what_breaks_follows_new_numbers_or_is_gone() {
    // A cluster without machine 0 and datacenter 0; the others count from 0 again.
    let down = |number: u16| number.checked_sub(1);
    let of = |kind: FaultKind| kind.renumbered(&down, &down, &down);
    let (for_ms, down_ms) = (1, 1);
    let crash = |target| FaultKind::Crash(Crash { target, down_ms });
    assert_eq!(of(crash(Target::Machine(2))), Some(crash(Target::Machine(1))));
    assert_eq!(of(crash(Target::Machine(0))), None);
    assert_eq!(of(crash(Target::LeaderOfGroup(1))), Some(crash(Target::LeaderOfGroup(0))));
    assert_eq!(of(crash(Target::LeaderOfSystemGroup)), Some(crash(Target::LeaderOfSystemGroup)));
    assert_eq!(
        of(FaultKind::DatacenterCut(DatacenterCut {
            datacenter: 0,
            for_ms,
            direction: Direction::Both,
            flap: None
        })),
        None
    );
    let partition =
        |from, to| FaultKind::Partition(Partition { from, to, both_ways: true, for_ms, flap: None });
    assert_eq!(of(partition(vec![0, 1], vec![2])), Some(partition(vec![0], vec![1])));
    assert_eq!(of(partition(vec![0], vec![2])), None);
    let holder = crash(Target::HolderOf("Cron/foo".into()));
    assert_eq!(holder.aimed_at(), Some("Cron/foo"));
    assert_eq!(of(holder.clone()), Some(holder.clone()));
    let renamed = holder.with_object(&|object| object.replace("foo", "bar"));
    assert_eq!(renamed.aimed_at(), Some("Cron/bar"));
}

/// What is wrong with a plan's file: each of these has one place, and what would be right.
#[test]
fn a_file_that_is_no_plan_of_this_version_is_refused_with_the_reason() {
    let whole = common::plan(1).to_json();
    assert_eq!(Plan::from_json(&whole), Ok(common::plan(1)));
    let edited = |from: &str, to: &str| {
        let text = whole.replacen(from, to, 1);
        assert_ne!(text, whole, "{from}");
        Plan::from_json(&text).expect_err(to).to_string()
    };
    let cases = [
        (
            "\"version\": 1",
            "\"version\": 2",
            "version is 2; this build reads version 1: a newer one wrote the plan",
        ),
        ("\"version\": 1", "\"version\": 0", "version is 0; plans begin with version 1"),
        ("\"version\": 1,", "", "missing field `version`"),
        (
            "\"jitter_percent\"",
            "\"jitter\"",
            "the plan's network.jitter is not right (unknown field `jitter`",
        ),
        (
            "\"datacenters\": 3",
            "\"datacenters\": -3",
            "the plan's cluster.datacenters is not right (invalid value: integer `-3`",
        ),
        ("\"datacenters\": 3", "\"datacenters\": 4", "the plan's cluster.datacenters is 4; it is odd"),
        ("\"seed\": 1,", "\"seed\": 1", "the plan's line"),
    ];
    for (from, to, expected) in cases {
        let error = edited(from, to);
        assert!(error.contains(expected), "{to}: {error}");
    }
    assert!(
        Plan::from_json(&format!("{whole}{whole}")).expect_err("two plans").to_string().contains("trailing")
    );
    // A plan of another version is refused by its version, not by a field that only that version has.
    let newer = whole.replacen("\"version\": 1", "\"weather\": \"rain\", \"version\": 2", 1);
    assert!(Plan::from_json(&newer).expect_err("newer").to_string().contains("a newer one wrote the plan"));
}

/// Plans that were kept are read as what they were: the format has been this since version 1.
#[test]
fn each_kind_stands_in_a_plan_as_it_always_did() {
    let for_ms = 5_000;
    let kinds: [(&str, FaultKind); 7] = [
        (
            r#"{"crash":{"target":{"machine":2},"down_ms":5000}}"#,
            Crash { target: Target::Machine(2), down_ms: 5_000 }.into(),
        ),
        (
            r#"{"pause":{"target":{"leader_of_group":8},"for_ms":5000}}"#,
            Pause { target: Target::LeaderOfGroup(8), for_ms }.into(),
        ),
        (
            r#"{"machine_cut":{"target":{"holder_of":"Cron/foo"},"for_ms":5000,"direction":"in"}}"#,
            MachineCut {
                target: Target::HolderOf("Cron/foo".into()),
                for_ms,
                direction: Direction::In,
                flap: None,
            }
            .into(),
        ),
        (
            r#"{"datacenter_down":{"datacenter":1,"down_ms":5000,"power":true}}"#,
            DatacenterDown { datacenter: 1, down_ms: 5_000, power: true }.into(),
        ),
        (
            r#"{"partition":{"from":[0],"to":[1,2],"both_ways":false,"for_ms":5000}}"#,
            Partition { from: vec![0], to: vec![1, 2], both_ways: false, for_ms, flap: None }.into(),
        ),
        (
            r#"{"slow_links":{"of":{"datacenter":1},"factor_percent":200,"for_ms":5000}}"#,
            SlowLinks { of: LinksOf::Datacenter(1), factor_percent: 200, for_ms }.into(),
        ),
        (
            r#"{"clock_step":{"target":{"leader_of_datacenter":1},"by_ms":-7}}"#,
            ClockStep { target: Target::LeaderOfDatacenter(1), by_ms: -7 }.into(),
        ),
    ];
    for (text, kind) in kinds {
        assert_eq!(serde_json::to_string(&kind).expect("a kind is JSON"), text);
        assert_eq!(serde_json::from_str::<FaultKind>(text).expect("it was written"), kind);
    }
    let outages = [
        (r#"{"slow":{"extra_ms":5}}"#, OutageKind::Slow(Slow { extra_ms: 5 })),
        (r#"{"refuse":{"status":503}}"#, OutageKind::Refuse(Refuse { status: 503 })),
        (r#""fail""#, OutageKind::Fail),
    ];
    for (text, kind) in outages {
        assert_eq!(serde_json::to_string(&kind).expect("a kind is JSON"), text);
        assert_eq!(serde_json::from_str::<OutageKind>(text).expect("it was written"), kind);
    }
}
