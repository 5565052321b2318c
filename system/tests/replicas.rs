//! Replicas of three machines together: what was acknowledged stays, whatever crashes, and they agree.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

#[expect(dead_code, reason = "the tests of leadership look at more")]
mod cluster;
#[expect(dead_code, reason = "the log's tests spoil disks too")]
mod disk;

use cluster::{Faults, World};
use reveille_system::config::{Bounds, Config};
use reveille_system::ids::MachineId;
use reveille_system::io::Effects;
use reveille_system::outbox::Outbox;
use reveille_system::replicas::Replicas;

const QUIET: Faults = Faults { loss: 0.0, down_every_ms: None };
const ROUGH: Faults = Faults { loss: 0.05, down_every_ms: Some(4_000) };

/// So little of the past that snapshots and new generations of the log happen all the time.
const LITTLE: Bounds = Bounds { entries_kept: 4, log_bytes_max: 2_000 };

/// After so many ticks without a leader every replica asks for votes, also one whose disk is too slow to lead.
const ELECTION_TICKS_MAX: usize = 20;

fn config() -> Config {
    Config::new(3, 1, 2, 4)
}

/// One minute under faults, then heal, then let the replicas become equal.
fn minute(seed: u64, bounds: Bounds) -> World {
    let mut world = World::new(seed, config(), ROUGH).within(bounds);
    world.run_for(60_000);
    world.heal();
    world.run_for(20_000);
    world.silence_clients();
    world.run_for(5_000);
    world.check_replicas_are_equal_and_whole();
    world
}

#[test]
fn d2_what_was_acknowledged_is_on_all_replicas() {
    let (mut acknowledged, mut reads, mut elections) = (0, 0, 0);
    for seed in 0..60 {
        let world = minute(seed, Bounds::default());
        acknowledged += world.acknowledged();
        reads += world.reads_answered();
        elections += world.elections();
    }
    assert!(acknowledged > 60 * 300, "service goes on under faults: {acknowledged} batches");
    assert!(reads > acknowledged / 2, "most reads are answered: {reads} of {acknowledged}");
    assert!(elections > 60 * 6, "leaders went down: {elections} elections");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for bounds in [Bounds::default(), LITTLE] {
        let digest = |seed| minute(seed, bounds).digest();
        assert_eq!(digest(7), digest(7));
        assert_ne!(digest(7), digest(8));
    }
}

#[test]
fn d2_what_was_acknowledged_outlives_the_log_that_it_stood_in() {
    let (mut acknowledged, mut snapshots, mut generations) = (0, 0, 0);
    for seed in 0..60 {
        let world = minute(seed, LITTLE);
        acknowledged += world.acknowledged();
        snapshots += world.snapshots;
        generations += world.generations;
    }
    assert!(acknowledged > 60 * 300, "service goes on under faults: {acknowledged} batches");
    assert!(snapshots > 60 * 10, "replicas lag behind: {snapshots} snapshots");
    assert!(generations > 60 * 10, "logs are compacted: {generations} odd generations");
}

/// All that the machines know comes from their disks.
#[test]
fn d2_a_cluster_comes_back_from_compacted_logs() {
    let mut world = World::new(1, config(), QUIET).within(LITTLE);
    world.run_for(60_000);
    let machines = || (0..3).map(MachineId);
    machines().for_each(|machine| world.pull_plug(machine));
    world.silence_clients();
    world.run_for(1_000);
    machines().for_each(|machine| world.plug_in(machine));
    world.run_for(5_000);
    assert!(world.generations > 10 && world.snapshots == 0);
    world.check_replicas_are_equal_and_whole();
}

#[test]
fn d2_a_replica_that_was_down_for_long_comes_back_by_a_snapshot() {
    let mut world = World::new(1, config(), QUIET).within(LITTLE);
    world.run_for(5_000);
    world.pull_plug(MachineId(1));
    world.run_for(60_000);
    assert_eq!(world.snapshots, 0);
    world.plug_in(MachineId(1));
    world.run_for(5_000);
    assert!(world.snapshots > 0);
    world.silence_clients();
    world.run_for(2_000);
    world.check_replicas_are_equal_and_whole();
}

/// The library sends nothing to a follower while it waits for the acknowledgement of a snapshot.
#[test]
fn d2_a_lost_snapshot_is_sent_again() {
    // One group and the system group: so a third machine leads nothing.
    let mut world = World::new(1, Config::new(3, 1, 1, 4), QUIET).within(LITTLE);
    world.run_for(5_000);
    let follower = world.follower_of_all();
    for up_ms in (0..2_000).step_by(50) {
        world.pull_plug(follower);
        world.run_for(1_500);
        world.plug_in(follower);
        world.run_for(up_ms);
    }
    world.silence_clients();
    world.run_for(6_000);
    world.check_replicas_are_equal_and_whole();
    assert_eq!(world.elections(), 2, "no change of leader helps");
}

#[test]
fn l3_service_begins_soon_after_boot_and_goes_on() {
    let mut world = World::new(1, config(), QUIET);
    world.run_for(2_000);
    assert!(world.acknowledged() > 0, "groups do not wait for a timeout to elect their first leader");
    world.run_for(60_000);
    let message = "a leader that is not disturbed stays: one for each group and the system group";
    assert_eq!(world.elections(), 3, "{message}");
    assert_eq!(world.snapshots, 0, "who does not lag is sent entries");
    let (writes, batches) = (world.disk_writes, world.acknowledged() as u64);
    // Log and mark on three machines, and the clients' claims; not as much again for commit indices.
    assert!(writes < 9 * batches, "{writes} writes for {batches} batches");
}

/// What a process left in its page cache may be gone with the next loss of power, so nobody is told of it.
#[test]
fn d8_a_replica_is_silent_until_what_it_recovered_is_durable() {
    let mut world = World::new(1, config(), QUIET);
    world.run_for(10_000);
    let me = MachineId(1);
    let mut disk = world.disk(me).clone();
    disk.crash();
    let (mut post, mut out) = (Outbox::default(), Effects::default());
    let mut replicas = Replicas::boot(&config(), me, 1, &disk, &mut out);
    for _ in 0..ELECTION_TICKS_MAX {
        replicas.tick();
        replicas.settle(&mut post, &mut out);
        post.drain_into(&mut out);
    }
    assert!(out.sends.is_empty(), "it asks for votes, but nobody hears it yet");
    disk.submit(out.disk.drain(..));
    while let Some(ticket) = disk.sync() {
        replicas.synced(ticket, &mut out);
        replicas.settle(&mut post, &mut out);
        post.drain_into(&mut out);
        disk.submit(out.disk.drain(..));
    }
    assert!(!out.sends.is_empty());
}

/// A lone replica is its own quorum. It is down for most of the time, and leads again an election timeout after each boot.
#[test]
fn a_cluster_of_one_machine_serves() {
    const SEEDS: u64 = 12;
    let (mut between, mut healed) = (0, 0);
    for seed in 0..SEEDS {
        let faults = Faults { loss: 0.0, down_every_ms: Some(2_000) };
        let mut world = World::new(seed, Config::new(1, 1, 1, 2), faults);
        world.run_for(60_000);
        let acknowledged = world.acknowledged();
        world.heal();
        world.run_for(8_000);
        (between, healed) = (between + acknowledged, healed + world.acknowledged() - acknowledged);
        world.silence_clients();
        world.run_for(1_000);
        world.check_replicas_are_equal_and_whole();
    }
    let each = |batches: usize| batches as u64 / SEEDS;
    assert!(each(between) > 30, "service goes on between crashes: {} batches", each(between));
    assert!(each(healed) > 50, "and after them: {} batches", each(healed));
}

#[test]
fn an_idle_cluster_leaves_its_disks_alone() {
    let mut world = World::new(1, config(), QUIET);
    world.silence_clients();
    world.run_for(10_000);
    let writes = world.disk_writes;
    world.run_for(600_000);
    assert_eq!(world.disk_writes, writes);
}
