//! D8: what a disk has promised and lost. Its machine comes back with other replicas, which are built from those of the others and vote
//! in the place of the former ones; and the former ones never come back.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

#[expect(dead_code, reason = "the tests of replicas and leadership look at more")]
mod cluster;
#[expect(dead_code, reason = "the log's tests ask for more")]
mod disk;

use cluster::{Faults, World};
use disk::Disk;
use reveille_system::config::{Bounds, Config};
use reveille_system::ids::{GroupId, MachineId};
use reveille_system::io::{DiskImage, FileId};

const QUIET: Faults = Faults { loss: 0.0, down_every_ms: None };
const ROUGH: Faults = Faults { loss: 0.05, down_every_ms: None };
/// So little of the past that who begins anew needs a snapshot.
const LITTLE: Bounds = Bounds { entries_kept: 4, log_bytes_max: 2_000 };
/// Building a replica anew takes less, if nothing is in its way.
const REBUILT_MS: u64 = 10_000;

fn machines() -> impl Iterator<Item = MachineId> {
    (0..3).map(MachineId)
}

fn world(seed: u64, faults: Faults, bounds: Bounds) -> World {
    World::new(seed, Config::new(3, 1, 2, 4), faults).within(bounds)
}

fn groups() -> impl Iterator<Item = GroupId> {
    // The system group is the last one.
    (0..=2).map(GroupId)
}

fn end(mut world: World) {
    world.heal();
    world.run_for(5_000);
    world.silence_clients();
    world.run_for(5_000);
    world.check_replicas_are_equal_and_whole();
}

#[test]
fn d8_who_has_lost_its_disk_votes_again_as_another_replica() {
    for (seed, bounds) in [(1, Bounds::default()), (2, LITTLE)] {
        let mut world = world(seed, QUIET, bounds);
        world.run_for(10_000);
        world.replace_disk(MachineId(1), Disk::default());
        world.plug_in(MachineId(1));
        world.run_for(REBUILT_MS);
        for (group, on) in groups().flat_map(|group| machines().map(move |on| (group, on))) {
            let voters = [(MachineId(0), true), (MachineId(1), false), (MachineId(2), true)];
            assert_eq!(world.voters(group, on), voters, "{group:?} on {on:?}");
        }
        // It counts: with another machine gone it is needed for a majority.
        world.pull_plug(MachineId(0));
        world.run_for(10_000);
        let before = world.acknowledged();
        world.run_for(10_000);
        assert!(world.acknowledged() > before + 20, "service goes on");
        world.plug_in(MachineId(0));
        end(world);
    }
}

/// Each in its turn, so that in the end nothing is left of any first disk.
#[test]
fn d2_nothing_acknowledged_is_lost_with_all_disks_one_after_another() {
    for seed in 0..20 {
        let mut world = world(seed, ROUGH, if seed % 2 == 0 { LITTLE } else { Bounds::default() });
        world.run_for(5_000);
        for machine in machines() {
            world.replace_disk(machine, Disk::default());
            world.run_for(seed * 100);
            world.plug_in(machine);
            world.run_for(2 * REBUILT_MS);
        }
        for group in groups() {
            assert_eq!(
                world.voters(group, MachineId(0)),
                [0, 1, 2].map(|it| (MachineId(it), false)),
                "seed {seed}"
            );
        }
        assert!(world.acknowledged() > 300);
        end(world);
    }
}

/// A disk is lost while its machine is built anew after the last one: what was taken in before is given up.
#[test]
fn d8_a_disk_may_be_lost_again_before_its_replicas_are_built() {
    for after_ms in (0..3_000).step_by(150) {
        let mut world = world(after_ms, QUIET, LITTLE);
        world.run_for(5_000);
        for _ in 0..2 {
            world.replace_disk(MachineId(2), Disk::default());
            world.plug_in(MachineId(2));
            world.run_for(after_ms);
        }
        world.run_for(REBUILT_MS);
        for group in groups() {
            assert_eq!(world.voters(group, MachineId(0)).len(), 3, "after {after_ms} ms");
        }
        end(world);
    }
}

/// The leader has a snapshot at hand, of a time at which the new replica was not known: who is not named in one does not take it.
#[test]
fn d8_a_snapshot_made_for_another_replica_does_not_keep_one_from_being_built() {
    for leads in machines() {
        let [behind, lost] = [1, 2].map(|further| MachineId((leads.0 + further) % 3));
        let mut world = world(7, QUIET, LITTLE);
        world.run_for(5_000);
        world.pull_plug(behind);
        world.run_for(10_000);
        world.silence_clients();
        world.replace_disk(lost, Disk::default());
        world.plug_in(behind);
        world.run_for(15_000);
        world.plug_in(lost);
        world.run_for(REBUILT_MS);
        for group in groups() {
            assert_eq!(
                world.voters(group, leads).iter().filter(|(_, is_first)| !is_first).count(),
                1,
                "{group:?}"
            );
        }
        world.check_replicas_are_equal_and_whole();
    }
}

/// D8: the number of a replica whose disk was given up never votes or answers again, though the disk may turn up again.
#[test]
fn d8_a_disk_that_was_given_up_and_comes_back_is_not_heard() {
    let mut world = world(3, QUIET, LITTLE);
    world.run_for(10_000);
    let former = world.disk(MachineId(1)).clone();
    world.replace_disk(MachineId(1), Disk::default());
    world.plug_in(MachineId(1));
    world.run_for(REBUILT_MS);
    world.replace_disk(MachineId(1), former);
    world.plug_in(MachineId(1));
    world.pull_plug(MachineId(0));
    let before = world.acknowledged();
    world.run_for(30_000);
    // Acknowledgements that were on their way count; with one voter of three there are no new ones.
    assert!(world.acknowledged() < before + 20, "{} after {before}", world.acknowledged());
}

#[test]
fn d8_rot_in_the_log_is_found_at_boot_and_the_replicas_are_built_anew() {
    for (seed, part) in [(4, 0), (5, 1), (6, 2)] {
        let mut world = world(seed, QUIET, Bounds::default());
        world.run_for(10_000);
        let mut rotten = world.disk(MachineId(2)).clone();
        rotten.lose_power(|| true);
        let log = rotten.spoil(FileId::Log);
        let at = (log.len() - 1) * part / 2;
        log[at] ^= 4;
        world.replace_disk(MachineId(2), rotten);
        world.plug_in(MachineId(2));
        world.run_for(REBUILT_MS);
        assert_eq!(world.voters(GroupId(0), MachineId(0))[2], (MachineId(2), false));
        assert!(!world.disk(MachineId(2)).read(FileId::Mark).is_empty());
        end(world);
    }
}
