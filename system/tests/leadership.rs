//! Groups are served although one of their machines could lead and would lead badly (L2): its disk is slow, or its links
//! let through too little. Each machine is the one in turn, whether it leads a group or only follows.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

#[expect(dead_code, reason = "other tests of replicas look at more")]
mod cluster;
#[expect(dead_code, reason = "the log's tests spoil disks too")]
mod disk;

use cluster::{Faults, Troubles, World};
use reveille_system::config::Config;
use reveille_system::ids::{GroupId, MachineId};

const QUIET: Faults = Faults { loss: 0.0, down_every_ms: None };
const CALM_MS: u64 = 10_000;
const TROUBLE_MS: u64 = 60_000;
const STEP_MS: u64 = 500;

/// The longest time in which a group was served nothing, in milliseconds, while the troubles last and after.
fn longest_gap_ms(datacenters: u16, troubles: Troubles) -> u64 {
    let mut world = World::new(1, Config::new(datacenters, 1, 2, 2), QUIET);
    world.run_for(CALM_MS);
    world.troubles = troubles;
    let groups = || (0..2).map(GroupId);
    let mut served: Vec<_> = groups().map(|group| (world.acknowledged_in(group), 0)).collect();
    let (mut longest_ms, mut now_ms) = (0, 0);
    while now_ms < TROUBLE_MS + CALM_MS {
        world.run_for(STEP_MS);
        now_ms += STEP_MS;
        if now_ms == TROUBLE_MS {
            world.heal();
        }
        for (group, (count, at_ms)) in groups().zip(&mut served) {
            let now = world.acknowledged_in(group);
            if now > *count {
                (*count, *at_ms) = (now, now_ms);
            }
            longest_ms = longest_ms.max(now_ms - *at_ms);
        }
    }
    world.silence_clients();
    world.run_for(5_000);
    world.check_replicas_are_equal_and_whole();
    longest_ms
}

/// With three replicas and with five, for each machine.
fn each_is_served_within(ms: u64, troubles: impl Fn(MachineId) -> Troubles) {
    for (datacenters, victim) in [3, 5].into_iter().flat_map(|all| (0..all).map(move |one| (all, one))) {
        let gap_ms = longest_gap_ms(datacenters, troubles(MachineId(victim)));
        assert!(gap_ms <= ms, "machine {victim} of {datacenters}: nothing is served for {gap_ms} ms");
    }
}

#[test]
fn l2_a_slow_disk_holds_up_no_group() {
    each_is_served_within(4_000, |victim| {
        Troubles::of_disks(move |_, machine| if machine == victim { 3_000 } else { 0 })
    });
}

#[test]
fn l2_a_disk_that_is_slow_now_and_then_holds_up_no_group() {
    each_is_served_within(8_000, |victim| {
        let extra_ms = |now_ms: u64| (now_ms * 7_919) % 3_000;
        Troubles::of_disks(move |now_ms, machine| if machine == victim { extra_ms(now_ms) } else { 0 })
    });
}

#[test]
fn l2_a_group_whose_disks_are_all_just_fast_enough_keeps_a_leader() {
    let gap_ms = longest_gap_ms(3, Troubles::of_disks(|_, _| 450));
    assert!(gap_ms <= 10_000, "nothing is served for {gap_ms} ms");
}

#[test]
fn l2_a_machine_that_flaps_holds_up_no_group() {
    for (cut_ms, period_ms) in [(300, 400), (1_500, 2_000), (5_000, 6_600)] {
        each_is_served_within(15_000, |victim| {
            Troubles::of_links(move |now_ms, from, to| {
                let is_cut = (from == victim || to == victim) && now_ms % period_ms < cut_ms;
                (!is_cut).then_some(0)
            })
        });
    }
}

#[test]
fn l2_a_machine_whose_messages_take_seconds_holds_up_no_group() {
    for longer_ms in [1_000, 4_000] {
        each_is_served_within(20_000, |victim| {
            Troubles::of_links(move |_, from, to| {
                Some(if from == victim || to == victim { longer_ms } else { 0 })
            })
        });
    }
}

#[test]
fn l2_a_machine_that_is_heard_and_hears_nothing_holds_up_no_group() {
    each_is_served_within(10_000, |victim| Troubles::of_links(move |_, _, to| (to != victim).then_some(0)));
}

#[test]
fn l2_a_machine_that_hears_and_is_not_heard_holds_up_no_group() {
    each_is_served_within(10_000, |victim| {
        Troubles::of_links(move |_, from, _| (from != victim).then_some(0))
    });
}

/// The machine's link to one of the others is whole, the rest of its links let through a quarter.
#[test]
fn l2_a_machine_that_flaps_to_all_but_one_holds_up_no_group() {
    each_is_served_within(20_000, |victim| {
        Troubles::of_links(move |now_ms, from, to| {
            let other = if from == victim { to } else { from };
            let is_troubled = (from == victim || to == victim) && other.0 != (victim.0 + 1) % 3;
            (!is_troubled || now_ms % 1_000 >= 750).then_some(0)
        })
    });
}

/// A round trip over links that count as connected may take ten ticks, where ticks are short: no leader is deposed for that.
#[test]
fn l2_ticks_shorter_than_round_trips_depose_no_leader() {
    let config = Config { tick_ms: 100, ..Config::new(3, 1, 2, 2) };
    let mut world = World::new(1, config, QUIET);
    world.run_for(CALM_MS);
    world.troubles = Troubles::of_links(|_, _, _| Some(400));
    let groups = || (0..2).map(GroupId);
    let served: Vec<usize> = groups().map(|group| world.acknowledged_in(group)).collect();
    let elections = world.elections();
    world.run_for(TROUBLE_MS);
    assert_eq!(world.elections(), elections);
    for (group, before) in groups().zip(served) {
        assert!(world.acknowledged_in(group) > before, "{group:?} is served");
    }
}

#[test]
fn leadership_goes_to_where_the_slices_are_held() {
    let mut world = World::new(1, Config::new(3, 1, 3, 6), QUIET);
    world.run_for(CALM_MS);
    let away = MachineId(2);
    assert_ne!(world.leader_of(GroupId(0)), away);
    world.claim_for(away);
    world.run_for(4 * CALM_MS);
    for group in (0..3).map(GroupId) {
        assert_eq!(world.leader_of(group), away, "{group:?}");
    }
    let elections = world.elections();
    world.run_for(12 * CALM_MS);
    assert_eq!(world.elections(), elections, "and stays there");
}

/// A machine that resigned for its disk gets nothing back while the disk is slow.
#[test]
fn l2_leadership_does_not_go_to_a_slow_disk() {
    let mut world = World::new(1, Config::new(3, 1, 3, 6), QUIET);
    world.run_for(CALM_MS);
    let slow = MachineId(2);
    world.troubles = Troubles::of_disks(move |_, machine| if machine == slow { 3_000 } else { 0 });
    world.claim_for(slow);
    world.run_for(TROUBLE_MS);
    for group in (0..3).map(GroupId) {
        assert_ne!(world.leader_of(group), slow, "{group:?}");
    }
    world.heal();
    world.run_for(2 * TROUBLE_MS);
    for group in (0..3).map(GroupId) {
        assert_eq!(world.leader_of(group), slow, "{group:?}");
    }
}
