//! The shapes of trouble are told from the plan alone, each apart from its nearest neighbour; and whether they were felt,
//! from the history.

use std::collections::BTreeSet;

use std::sync::Arc;

use reveille::plans::CLUSTER;
use reveille::scenario::Scenario;
use reveille::worlds::{SHAPES, Stillness, Worlds};
use reveille_sim::kinds::outside::Slow;
use reveille_sim::kinds::{
    ClockStep, Crash, DatacenterCut, DatacenterDown, MachineCut, Partition, PowerLoss, SlowDisk, SlowLinks,
};
use reveille_sim::plan::{
    Clock, Direction, Fault, FaultKind, LinksOf, Moment, Outage, OutageKind, Plan, Target,
};

fn cron() -> Arc<Scenario> {
    scenarios::catalogue().get("cron").expect("it is one of ours").clone()
}

/// A plan with these faults, each with its begin, and nothing else that is wrong.
fn plan(faults: Vec<(u64, FaultKind)>) -> Plan {
    let mut plan = cron().plan(0);
    (plan.cluster, plan.clocks) = (CLUSTER, vec![Clock::default(); usize::from(CLUSTER.machines())]);
    (plan.network.between_us, plan.network.loss_ppm) = (vec![vec![10_000; 3]; 3], 0);
    plan.upstream.outages.clear();
    (plan.phases.faults_ms, plan.phases.quiet_ms) = (300_000, 110_000);
    plan.faults = faults.into_iter().map(|(at_ms, kind)| Fault { at_ms, kind }).collect();
    plan.workload.retain(|request| request.at_ms < 300_000 && request.machine < CLUSTER.machines());
    plan
}

/// The shapes that a plan has.
fn shapes(plan: &Plan) -> BTreeSet<&'static str> {
    SHAPES.iter().filter(|shape| (shape.find)(plan).is_some()).map(|shape| shape.name).collect()
}

#[track_caller]
fn assert_shapes(faults: Vec<(u64, FaultKind)>, has: &[&str], has_not: &[&str]) {
    let shapes = shapes(&plan(faults));
    for name in has.iter().chain(has_not) {
        assert!(SHAPES.iter().any(|shape| shape.name == *name), "there is no shape {name:?}");
    }
    assert!(has.iter().all(|name| shapes.contains(name)), "{shapes:?} lacks one of {has:?}");
    assert!(!has_not.iter().any(|name| shapes.contains(name)), "{shapes:?} has one of {has_not:?}");
}

fn cut(from: &[u16], to: &[u16], both_ways: bool, for_ms: u64) -> FaultKind {
    Partition { from: from.to_vec(), to: to.to_vec(), both_ways, for_ms, flap: None }.into()
}

fn crash(machine: u16, down_ms: u64) -> FaultKind {
    Crash { target: Target::Machine(machine), down_ms }.into()
}

fn down(datacenter: u16, down_ms: u64) -> FaultKind {
    DatacenterDown { datacenter, down_ms, power: false }.into()
}

const REST: [u16; 6] = [3, 4, 5, 6, 7, 8];

#[test]
fn links_are_told_from_machines_and_directions_apart() {
    let link = |both_ways| vec![(1_000, cut(&[1], &[5], both_ways, 50_000))];
    assert_shapes(link(true), &["exactly one fault", "one link of a pair"], &["one direction of a link"]);
    assert_shapes(link(false), &["one direction of a link"], &["one link of a pair", "few and long"]);
    // Two links that only begin at the same machine.
    let two = vec![(1_000, cut(&[1, 2], &[5], false, 50_000))];
    assert_shapes(two, &["exactly one fault"], &["one direction of a link", "one link of a pair"]);
    let machine = |direction| {
        let target = Target::LeaderOfSystemGroup;
        vec![(1_000, MachineCut { target, for_ms: 90_000, direction, flap: None }.into())]
    };
    let [both, hears_nothing, not_heard] =
        ["a machine cut off", "a machine heard that hears nothing", "a machine that hears, not heard"];
    assert_shapes(machine(Direction::Both), &[both, "few and long"], &[hears_nothing, not_heard]);
    assert_shapes(machine(Direction::In), &[hears_nothing], &[both, not_heard]);
    assert_shapes(machine(Direction::Out), &[not_heard], &[both, hears_nothing]);
}

#[test]
fn datacenters_are_told_by_who_hears_whom() {
    let [deaf, mute] = ["a datacenter heard that hears nothing", "a datacenter that hears, not heard"];
    let [third, apart] = ["two datacenters see only the third", "all datacenters apart"];
    let inside = [0, 1, 2];
    assert_shapes(vec![(0, cut(&REST, &inside, false, 5_000))], &[deaf], &[mute, third, apart]);
    assert_shapes(vec![(0, cut(&inside, &REST, false, 5_000))], &[mute], &[deaf, third, apart]);
    assert_shapes(vec![(0, cut(&inside, &REST, true, 5_000))], &[], &[deaf, mute, third, apart]);
    // All but one of the links: it still hears something.
    assert_shapes(vec![(0, cut(&REST[1..], &inside, false, 5_000))], &[], &[deaf, mute]);
    for both_ways in [true, false] {
        assert_shapes(vec![(0, cut(&inside, &REST[..3], both_ways, 5_000))], &[third], &[apart, mute, deaf]);
    }
    assert_shapes(vec![(0, cut(&inside, &REST[1..3], true, 5_000))], &[], &[third]);
    let all = |at_ms: [u64; 3]| {
        let cut = |datacenter| {
            FaultKind::from(DatacenterCut {
                datacenter,
                for_ms: 10_000,
                direction: Direction::Both,
                flap: None,
            })
        };
        at_ms.into_iter().zip((0..3).map(cut)).collect::<Vec<_>>()
    };
    // The third is apart from both as soon as two are cut off.
    assert_shapes(all([0, 1_000, 50_000]), &[apart], &[third]);
    assert_shapes(all([0, 20_000, 40_000]), &[], &[apart, third]);
}

#[test]
fn a_chain_and_a_bridge_are_what_is_left_of_the_links() {
    let chain =
        vec![(0, cut(&[0, 1], &[4, 5, 6, 7, 8], true, 5_000)), (0, cut(&[2, 3], &[6, 7, 8], true, 5_000))];
    assert_shapes(chain.clone(), &["a chain"], &[]);
    // One after the other, never at the same time.
    let [(_, first), (_, second)] = &chain[..] else { panic!("two faults") };
    assert_shapes(vec![(0, first.clone()), (6_000, second.clone())], &[], &["a chain"]);
    let bridge = vec![(0, cut(&[0, 1, 2, 3], &[5, 6, 7, 8], true, 5_000))];
    assert_shapes(bridge, &["a bridge"], &["a chain", "two datacenters see only the third"]);
    // Two machines connect the halves.
    let wide = vec![(0, cut(&[0, 1, 2, 3], &[6, 7, 8], true, 5_000))];
    assert_shapes(wide, &[], &["a bridge"]);
}

#[test]
fn what_changes_quickly_is_told_from_what_lasts() {
    let flaps =
        |apart_ms: u64, times| (0..times).map(|n| (n * apart_ms, cut(&[1], &[5], true, 500))).collect();
    assert_shapes(
        flaps(2_000, 5),
        &["links that flap", "one link of a pair"],
        &["a fault of less than 100 ms"],
    );
    assert_shapes(flaps(2_000, 4), &[], &["links that flap"]);
    assert_shapes(flaps(12_000, 5), &[], &["links that flap"]);
    let crashes = |apart_ms: u64| vec![(1_000, crash(4, 50)), (1_000 + apart_ms, crash(4, 50))];
    assert_shapes(crashes(200), &["incarnations within a second", "a fault of less than 100 ms"], &[]);
    assert_shapes(crashes(2_000), &[], &["incarnations within a second"]);
    // It is down already.
    assert_shapes(crashes(40), &[], &["incarnations within a second"]);
    let other = vec![(1_000, crash(4, 50)), (1_200, crash(5, 50))];
    assert_shapes(other, &[], &["incarnations within a second"]);
    let one_end = |at_ms, machine| {
        let loss = PowerLoss { target: Target::Machine(machine), down_ms: 1_000 };
        vec![(1_000, cut(&[1], &[5], false, 100_000)), (at_ms, loss.into())]
    };
    assert_shapes(one_end(6_000, 5), &["a cut with a crash of one end", "a fault of 90 s or more"], &[]);
    assert_shapes(one_end(6_000, 6), &[], &["a cut with a crash of one end"]);
    assert_shapes(one_end(102_000, 5), &[], &["a cut with a crash of one end"]);
}

#[test]
fn d8_a_loss_of_power_right_after_a_restart_is_told_by_the_machine_the_disk_and_the_time_between() {
    let name = &["a restart, then a loss of power, on a slow disk"];
    let on_disk_of = |machine, extra_ms, at_ms| {
        let slow = SlowDisk { target: Target::Machine(machine), extra_ms, for_ms: 50_000 };
        let loss = PowerLoss { target: Target::Machine(4), down_ms: 1_000 };
        vec![(0, slow.into()), (10_000, crash(4, 500)), (at_ms, loss.into())]
    };
    assert_shapes(on_disk_of(4, 1_000, 11_499), name, &[]);
    assert_shapes(on_disk_of(4, 1_000, 11_500), &[], name);
    assert_shapes(on_disk_of(5, 1_000, 11_499), &[], name);
    // It is down already.
    assert_shapes(on_disk_of(4, 1_000, 10_400), &[], name);
}

#[test]
fn a_claim_and_a_leader_are_struck_at_once_if_no_more_than_a_second_lies_between() {
    let name = &["a claim and a group's leader struck at once"];
    let struck = |moment, leader, at_ms| {
        let claim = Crash { target: Target::Next(moment), down_ms: 500 };
        vec![(10_000, claim.into()), (at_ms, Crash { target: leader, down_ms: 500 }.into())]
    };
    assert_shapes(struck(Moment::ClaimSlice, Target::LeaderOfGroup(3), 9_000), name, &[]);
    assert_shapes(struck(Moment::ClaimSlice, Target::LeaderOfGroup(3), 11_001), &[], name);
    assert_shapes(struck(Moment::LeaveSlice, Target::LeaderOfGroup(3), 10_000), &[], name);
    assert_shapes(struck(Moment::ClaimSlice, Target::LeaderOfSystemGroup, 10_000), &[], name);
}

#[test]
fn links_that_are_slow_one_way_are_told_from_those_that_are_slow_both_ways() {
    let slow = |of| vec![(1_000, SlowLinks { of, factor_percent: 3_000, for_ms: 50_000 }.into())];
    let name = &["links slow one way"];
    assert_shapes(slow(LinksOf::Between { from: vec![1], to: REST.to_vec() }), name, &[]);
    assert_shapes(slow(LinksOf::Machine(Target::Machine(1))), &[], name);
}

#[test]
fn l1_failures_that_are_each_alone_are_told_from_those_that_are_not() {
    let second = |at_ms| vec![(10_000, crash(1, 5_000)), (at_ms, down(1, 5_000))];
    let name = &["one by one, each alone"];
    assert_shapes(second(75_000), name, &["exactly one fault"]);
    assert_shapes(second(74_999), &[], name);
    assert_shapes(vec![(10_000, crash(1, 5_000))], &["exactly one fault"], name);
}

#[test]
fn everything_off_is_told_from_two_of_three() {
    let [off, two] = ["everything off", "two of three datacenters down"];
    assert_shapes(vec![(0, down(0, 9_000)), (0, down(1, 9_000)), (0, down(2, 9_000))], &[off], &[two]);
    assert_shapes(vec![(0, down(0, 9_000)), (500, down(1, 9_000)), (500, down(2, 9_000))], &[off], &[two]);
    assert_shapes(vec![(0, down(0, 9_000)), (0, down(1, 9_000))], &[two], &[off]);
    assert_shapes(vec![(0, down(0, 9_000)), (0, down(1, 9_000)), (9_500, down(2, 9_000))], &[two], &[off]);
    assert_shapes(vec![(0, down(0, 9_000)), (9_500, down(1, 9_000))], &[], &[off, two]);
}

#[test]
fn disks_clocks_and_services_are_told_by_how_much_and_how_long() {
    let [leader, other] = ["a leader's disk slow for a minute", "another disk slow for a minute"];
    let disk = |target, extra_ms, for_ms| vec![(0, SlowDisk { target, extra_ms, for_ms }.into())];
    assert_shapes(disk(Target::LeaderOfGroup(3), 500, 60_000), &[leader], &[other]);
    assert_shapes(disk(Target::Machine(3), 500, 60_000), &[other], &[leader]);
    assert_shapes(disk(Target::Machine(3), 499, 60_000), &[], &[other, leader]);
    assert_shapes(disk(Target::Machine(3), 500, 59_999), &[], &[other, leader]);
    let [second, minute, right] =
        ["a clock steps a second or more", "... a minute or more", "... and is put right"];
    let step = |machine, by_ms| ClockStep { target: Target::Machine(machine), by_ms }.into();
    assert_shapes(vec![(0, step(1, -1_000)), (9_000, step(1, 1_000))], &[second, right], &[minute]);
    assert_shapes(vec![(0, step(1, 60_000)), (9_000, step(2, -60_000))], &[second, minute], &[right]);
    assert_shapes(vec![(0, step(1, 999)), (9_000, step(1, -999))], &[], &[second, minute, right]);
    let [fails, slow] = ["services refuse or fail for 126 s", "services slow for half a minute"];
    let services = |for_ms, kind| {
        let mut plan = plan(Vec::new());
        plan.upstream.outages = vec![Outage { at_ms: 0, for_ms, kind }];
        shapes(&plan)
    };
    let slowness = OutageKind::Slow(Slow { extra_ms: 1_000 });
    assert!(services(126_000, OutageKind::Fail).contains(fails));
    assert!(!services(125_999, OutageKind::Fail).contains(fails));
    assert!(!services(126_000, slowness).contains(fails) && services(30_000, slowness).contains(slow));
    assert!(!services(30_000, OutageKind::Fail).contains(slow));
    assert!(!services(29_999, OutageKind::Fail).contains("nothing breaks"), "services have broken");
    assert!(shapes(&plan(Vec::new())).contains("nothing breaks"));
}

#[test]
fn clusters_and_their_links_are_told_by_what_they_are() {
    let [other, few, lossy] = [
        "other than three datacenters of three",
        "at most a dozen slices",
        "links that lose a hundredth or more",
    ];
    let shapes_of = |change: fn(&mut Plan)| {
        let mut plan = plan(Vec::new());
        change(&mut plan);
        shapes(&plan)
    };
    assert!([other, few, lossy].iter().all(|name| !shapes_of(|_| ()).contains(name)));
    assert!(shapes_of(|plan| plan.cluster.datacenters = 1).contains(other));
    assert!(shapes_of(|plan| plan.cluster.machines_per_datacenter = 2).contains(other));
    let slices = shapes_of(|plan| plan.cluster.slices = 12);
    assert!(slices.contains(few) && !slices.contains(other));
    assert!(shapes_of(|plan| plan.network.loss_ppm = 10_000).contains(lossy));
    assert!(!shapes_of(|plan| plan.network.loss_ppm = 9_999).contains(lossy));
}

/// 300 s of fault phase; from 60 s after the last change on, while something is broken, nights excepted.
#[test]
fn l2_stillness_counts_from_the_last_change() {
    let still = |faults| {
        let Stillness { still_ms, all_ms } = Stillness::of(&plan(faults));
        (still_ms, all_ms)
    };
    assert_eq!(still(Vec::new()), (0, 300_000));
    assert_eq!(still(vec![(10_000, crash(1, 100_000))]), (40_000, 300_000));
    assert_eq!(still(vec![(10_000, crash(1, 100_000)), (50_000, crash(2, 10_000))]), (0, 300_000));
    // Clocks and services are no failure.
    let step = ClockStep { target: Target::Machine(1), by_ms: 5_000 };
    assert_eq!(still(vec![(10_000, crash(1, 100_000)), (50_000, step.into())]), (40_000, 300_000));
    // What lasts until the phase is over counts until then.
    assert_eq!(still(vec![(200_000, crash(1, 900_000))]), (40_000, 300_000));
    let night = |datacenter| (10_000, down(datacenter, 200_000));
    assert_eq!(still((0..3).map(night).collect()), (0, 100_000));
}

/// Each fault is felt, or is not.
#[test]
fn a_shape_takes_effect_if_something_is_delayed_fails_or_moves() {
    let mut plan = plan(vec![(20_000, down(0, 30_000))]);
    plan.phases.faults_ms = 100_000;
    plan.workload.retain(|request| request.at_ms < 20_000);
    let seen = |plan: &Plan| {
        let worlds = Worlds::of(plan, &cron().run(plan));
        let position = SHAPES.iter().position(|shape| shape.name == "exactly one fault").expect("a shape");
        (worlds.seeds, worlds.shapes[position])
    };
    let (seeds, felt) = seen(&plan);
    assert_eq!((seeds, felt.had, felt.at_a_time, felt.took_effect), (1, 1, 1, 1));
    // No machine hears the difference.
    plan.faults[0].kind = ClockStep { target: Target::Machine(3), by_ms: 1 }.into();
    let (_, felt) = seen(&plan);
    assert_eq!((felt.had, felt.at_a_time, felt.took_effect), (1, 1, 0));
}
