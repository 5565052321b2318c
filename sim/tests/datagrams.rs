//! The network between machines in a run: it carries datagrams, over links that are cut one way, flap, or are rough.

use reveille_model::history::{Scope, What};
use reveille_sim::kinds::{DatacenterCut, MachineCut, Partition, RoughLinks};
use reveille_sim::plan::{Direction, FaultKind, Flap, LinksOf, Target};
use reveille_sim::run::Outcome;
use reveille_sim::trace::Kind;
use reveille_system::ids::MachineId;

use crate::common::plan;
use crate::fault::{
    begun, between, crash, effective, majority_changes, moments, pause, reached, run_broken, six_machines,
    with,
};

#[test]
fn a_datacenter_may_be_heard_and_hear_nothing_and_the_reverse() {
    for direction in [Direction::In, Direction::Out] {
        let kind = DatacenterCut { datacenter: 1, for_ms: 5_000, direction, flap: None };
        let outcome = run_broken(six_machines(1), &[(5_000, kind.into())]);
        let (inside, outside) = ([2, 3], [0, 1, 4, 5]);
        let passed = |from: &[u16], to: &[u16]| {
            let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to)));
            pairs.map(|(from, to)| reached(&outcome, from, to, 5_000, 10_000)).sum::<usize>()
        };
        assert_eq!(passed(&outside, &inside) == 0, direction == Direction::In);
        assert_eq!(passed(&inside, &outside) == 0, direction == Direction::Out);
        let (inside, outside) = (inside.to_vec(), outside.to_vec());
        let scope = match direction {
            Direction::In => Scope::Links { from: outside, to: inside },
            Direction::Out | Direction::Both => Scope::Links { from: inside, to: outside },
        };
        assert_eq!(begun(&outcome), [("datacenter-cut-one-way", &scope)]);
        assert_eq!(effective(&outcome, "datacenter-cut-one-way"), (1, 1));
    }
}

#[test]
fn l2_a_cut_that_flaps_is_one_fault_and_lets_messages_pass_by_turns() {
    let (for_ms, flap) = (6_000, Some(Flap { cut_ms: 1_500, open_ms: 500 }));
    let (target, direction) = (Target::Machine(1), Direction::Both);
    let (from, to) = (vec![1], vec![0, 2]);
    let kinds: [(FaultKind, &str); 3] = [
        (MachineCut { target, for_ms, direction, flap }.into(), "flapping-cut"),
        (DatacenterCut { datacenter: 1, for_ms, direction, flap }.into(), "flapping-datacenter-cut"),
        (Partition { from, to, both_ways: true, for_ms, flap }.into(), "flapping-partition"),
    ];
    for (kind, name) in kinds {
        let alone = with(1, &[(5_000, kind.clone())]);
        for turn in [5_000, 7_000, 9_000] {
            let passed = |from_ms, to_ms| {
                reached(&alone, 0, 1, from_ms, to_ms) + reached(&alone, 1, 0, from_ms, to_ms)
            };
            assert_eq!(passed(turn, turn + 1_500), 0, "{name}: cut at {turn}");
            assert!(passed(turn + 1_500, turn + 2_000) > 0, "{name}: open behind it");
        }
        let links = Scope::Links { from: vec![1], to: vec![0, 2] };
        assert_eq!(begun(&alone), [(name, &links)], "it is there at times: nobody has to take over");
        let ends = alone.history.events.iter().filter(|event| matches!(event.what, What::FaultEnd { .. }));
        assert_eq!(ends.map(|event| event.at_ns).collect::<Vec<_>>(), [21_000_000_000]);
        assert_eq!(effective(&alone, name), (1, 1));
        // The majority is gone and back once, with the pause of another machine beside it.
        let both = with(1, &[(4_500, pause(2, 7_500)), (5_000, kind)]);
        let lost = majority_changes(&both, false);
        assert!((1..=3).contains(&lost), "each of three groups may lose its majority, once: {lost}");
        assert_eq!(majority_changes(&both, true), lost);
    }
}

#[test]
fn a_rough_link_repeats_and_delays_what_it_carries() {
    let of = LinksOf::Between { from: vec![0], to: vec![1] };
    let rough = |lose_ppm, duplicate_ppm, delay_ppm| RoughLinks {
        of: of.clone(),
        lose_ppm,
        duplicate_ppm,
        delay_ppm,
        delay_ms_max: 3_000,
        for_ms: 5_000,
    };
    let sent = |outcome: &Outcome, from_ms, to_ms| {
        let sent = between(outcome, from_ms, to_ms).filter(|entry| entry.kind == Kind::Sent && entry.a == 1);
        sent.filter(|entry| entry.machine == Some(MachineId(0))).count()
    };
    let twice = with(1, &[(5_000, rough(0, 1_000_000, 0).into())]);
    let (all, arrived) = (sent(&twice, 5_000, 10_000), reached(&twice, 0, 1, 5_000, 14_000));
    let after = sent(&twice, 10_000, 14_000);
    assert!(all > 20 && (all * 2 + after).abs_diff(arrived) < 4, "{all} twice, {after} once: {arrived}");
    let lost = with(1, &[(5_000, rough(1_000_000, 0, 0).into())]);
    assert_eq!(reached(&lost, 0, 1, 5_050, 10_000), 0);
    assert!(reached(&lost, 1, 0, 5_050, 10_000) > 0, "the link back is another one");
    let late = with(1, &[(5_000, rough(0, 0, 1_000_000).into())]);
    assert!(reached(&late, 0, 1, 10_100, 13_100) > sent(&late, 10_100, 13_000), "some arrive behind the end");
    for (outcome, takes) in [(lost, "Messages"), (twice, "Time"), (late, "Time")] {
        assert_eq!(effective(&outcome, "rough-links"), (1, 1));
        assert_eq!(begun(&outcome), [("rough-links", &Scope::Links { from: vec![0], to: vec![1] })]);
        let told = outcome.history.events.iter().find_map(|event| match &event.what {
            What::FaultBegin { takes, .. } => takes.clone(),
            _ => None,
        });
        assert_eq!(format!("{:?}", told.expect("it is told")), format!("{{{takes}}}"));
    }
}

#[test]
fn a_message_reaches_whichever_incarnation_runs_when_it_arrives() {
    let mut plan = plan(1);
    // One second from 0 to 1: what was sent to the first incarnation arrives at the second.
    plan.network.between_us[0][1] = 1_000_000;
    plan.network.jitter_percent = 0;
    let outcome = run_broken(plan, &[(5_000, crash(1, 100))]);
    let boots = moments(&outcome, 1, Kind::Boot);
    assert_eq!(boots, [5_100]);
    assert!(reached(&outcome, 0, 1, 5_100, 6_000) > 0, "all of it was sent before the crash");
    let undelivered = moments(&outcome, 1, Kind::Undelivered);
    assert!(undelivered.iter().all(|at_ms| (5_000..=5_100).contains(at_ms)), "{undelivered:?}");
}
