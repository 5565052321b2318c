//! What breaks in ordinary plans. Within what the system promises to survive (D2): of the datacenters at most one at a
//! time is down or cut off as a whole, or has lost another one. Single machines may fail anywhere at any time; their
//! disks stay. What still lasts at the end of the fault phase is healed then.

use proptest::collection::{SizeRange, vec};
use proptest::prelude::*;
use reveille_sim::plan::{Direction, Fault, FaultKind, LinksOf, Target};

use super::{CLUSTER, FAULTS_MS, object};

/// The most that a wall clock steps. With two steps, an offset and the drift of a run its error stays below 5 s: beyond
/// that only safety would be checked.
const STEP_MAX_MS: i32 = 1_500;
/// How far apart the troubles of two datacenters are.
const BETWEEN_DATACENTERS_MS: u64 = 1_000;

/// All faults of a plan, by time; `machines` of them are faults of single machines and of the links.
pub(super) fn faults(
    class: &'static str,
    objects: usize,
    machines: impl Into<SizeRange>,
) -> impl Strategy<Value = Vec<Fault>> {
    let drawn = (vec(of_machines(class, objects), machines), vec(of_datacenters(), 0..4), clock_steps());
    drawn.prop_map(|(mut faults, of_datacenters, steps)| {
        faults.extend(one_at_a_time(of_datacenters));
        faults.extend(steps);
        by_time(faults)
    })
}

pub(super) fn by_time(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by_key(|fault| fault.at_ms);
    faults
}

/// A machine: half the time one that has an object in its hands, so that the fault rarely goes by unnoticed.
pub(super) fn machine(class: &'static str, objects: usize) -> impl Strategy<Value = Target> {
    prop_oneof![
        (0..CLUSTER.machines()).prop_map(Target::Machine),
        (0..objects).prop_map(move |index| Target::HolderOf(object(class, index))),
    ]
}

/// Whoever may be struck: a machine, half the time one with an object, or one with a role.
fn anybody(class: &'static str, objects: usize) -> impl Strategy<Value = Target> {
    prop_oneof![
        5 => machine(class, objects),
        3 => leader(),
        2 => (0..=CLUSTER.groups).prop_map(|group| match group {
            group if group == CLUSTER.groups => Target::LeaderOfSystemGroup,
            group => Target::LeaderOfGroup(group),
        }),
    ]
}

fn leader() -> impl Strategy<Value = Target> {
    (0..CLUSTER.datacenters).prop_map(Target::LeaderOfDatacenter)
}

fn of_machines(class: &'static str, objects: usize) -> impl Strategy<Value = Fault> {
    // Most are over before anybody takes over, some are not.
    let for_ms = prop_oneof![4 => 200..12_000_u64, 1 => 12_000..40_000_u64];
    let kind = (anybody(class, objects), for_ms).prop_flat_map(|(target, for_ms)| {
        let [crash, power, pause, cut, slow] = std::array::from_fn(|_| target.clone());
        let direction = prop_oneof![2 => Just(Direction::Both), 1 => Just(Direction::In), 1 => Just(Direction::Out)];
        prop_oneof![
            3 => Just(FaultKind::Crash { target: crash, down_ms: for_ms }),
            3 => Just(FaultKind::PowerLoss { target: power, down_ms: for_ms }),
            2 => Just(FaultKind::Pause { target: pause, for_ms }),
            2 => direction.prop_map(move |direction| FaultKind::MachineCut { target: cut.clone(), for_ms, direction }),
            1 => (150..1_000_u32).prop_map(move |factor_percent| {
                FaultKind::SlowLinks { of: LinksOf::Machine(slow.clone()), factor_percent, for_ms }
            }),
            1 => partition_within(for_ms),
            1 => (0..50_000_u32).prop_map(move |ppm| FaultKind::MessageLoss { ppm, for_ms }),
        ]
    });
    (0..FAULTS_MS, kind).prop_map(|(at_ms, kind)| Fault { at_ms, kind })
}

/// A machine that does not reach the others of its datacenter, and perhaps is not reached by them.
fn partition_within(for_ms: u64) -> impl Strategy<Value = FaultKind> {
    (0..CLUSTER.machines(), any::<bool>()).prop_map(move |(machine, both_ways)| {
        let others = machines_of(machine / CLUSTER.machines_per_datacenter).filter(|other| *other != machine);
        FaultKind::Partition { from: vec![machine], to: others.collect(), both_ways, for_ms }
    })
}

fn of_datacenters() -> impl Strategy<Value = Fault> {
    let drawn = (0..CLUSTER.datacenters, 1..CLUSTER.datacenters, any::<bool>(), 3_000..40_000_u64);
    let kind = drawn.prop_flat_map(|(datacenter, further, flag, for_ms)| {
        let other = (datacenter + further) % CLUSTER.datacenters;
        let (from, to) = (machines_of(datacenter).collect(), machines_of(other).collect());
        prop_oneof![
            4 => Just(FaultKind::DatacenterDown { datacenter, down_ms: for_ms, power: flag }),
            3 => Just(FaultKind::DatacenterCut { datacenter, for_ms }),
            2 => Just(FaultKind::Partition { from, to, both_ways: flag, for_ms }),
            1 => (150..1_000_u32).prop_map(move |factor_percent| {
                FaultKind::SlowLinks { of: LinksOf::Datacenter(datacenter), factor_percent, for_ms }
            }),
        ]
    });
    (0..FAULTS_MS, kind).prop_map(|(at_ms, kind)| Fault { at_ms, kind })
}

/// Ends each fault before the next one begins.
fn one_at_a_time(faults: Vec<Fault>) -> Vec<Fault> {
    let mut faults = by_time(faults);
    let mut next_ms = u64::MAX;
    for fault in faults.iter_mut().rev() {
        let most_ms = next_ms.saturating_sub(fault.at_ms + BETWEEN_DATACENTERS_MS);
        next_ms = fault.at_ms;
        let (FaultKind::DatacenterDown { down_ms: for_ms, .. }
        | FaultKind::DatacenterCut { for_ms, .. }
        | FaultKind::Partition { for_ms, .. }
        | FaultKind::SlowLinks { for_ms, .. }) = &mut fault.kind
        else {
            continue;
        };
        *for_ms = most_ms.min(*for_ms);
    }
    faults.retain(|fault| fault.kind.lasts_ms() > 0);
    faults
}

/// In most plans none: the error of the wall clocks is part of every bound of time, which a step would blur.
fn clock_steps() -> impl Strategy<Value = Vec<Fault>> {
    let target = prop_oneof![3 => (0..CLUSTER.machines()).prop_map(Target::Machine), 1 => leader()];
    let step = (0..FAULTS_MS, target, -STEP_MAX_MS..=STEP_MAX_MS)
        .prop_map(|(at_ms, target, by_ms)| Fault { at_ms, kind: FaultKind::ClockStep { target, by_ms } });
    prop_oneof![3 => Just(Vec::new()), 1 => vec(step, 1..3)]
}

/// Disks that are slow for a while. Mostly the power fails meanwhile: then it shows what a machine has said, and had
/// not written.
pub(super) fn slow_disks(class: &'static str, objects: usize) -> impl Strategy<Value = Vec<Fault>> {
    let slow = (0..FAULTS_MS, anybody(class, objects), 50..800_u32, 2_000..15_000_u64);
    let power_loss = (prop::bool::weighted(0.75), 0..100_u64, 500..8_000_u64);
    let faults = (slow, power_loss).prop_map(|(slow, (fails, after_percent, down_ms))| {
        let (at_ms, target, extra_ms, for_ms) = slow;
        let fails_at_ms = at_ms + for_ms * after_percent / 100;
        let power_loss =
            Fault { at_ms: fails_at_ms, kind: FaultKind::PowerLoss { target: target.clone(), down_ms } };
        let slow = Fault { at_ms, kind: FaultKind::SlowDisk { target, extra_ms, for_ms } };
        [Some(slow), Some(power_loss).filter(|_| fails && fails_at_ms < FAULTS_MS)]
    });
    let all = prop_oneof![1 => Just(Vec::new()), 3 => vec(faults, 1..4)];
    all.prop_map(|faults| faults.into_iter().flatten().flatten().collect())
}

fn machines_of(datacenter: u16) -> std::ops::Range<u16> {
    let within = CLUSTER.machines_per_datacenter;
    datacenter * within..(datacenter + 1) * within
}
