//! Plans of one form: a hundred seconds in which many things break, most of them for seconds. The reference run and the plans
//! with a single failure are made from them, so that their figures can be compared from day to day: nothing that is drawn
//! here may change its place, and what is new is drawn in [`super::swarm`].

use std::ops::RangeInclusive;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;
use reveille_sim::kinds::draw::{self, Turn};
use reveille_sim::kinds::outside::{OutageKind, Refuse, Slow};
use reveille_sim::plan::{
    Clock, Cluster, Disk, Fault, Network, Outage, Past, Phases, Plan, Request, Tuning, Upstream, VERSION,
};

use super::requests::{Asking, asking, requests};
use super::{Body, CLUSTER, Requests, Shape, WARM_UP_MS, faults, stage};

/// Workload and faults.
pub(super) const FAULTS_MS: u64 = 100_000;
/// Long enough for whatever is overdue to show: 60 s after the last change (L2), and then some.
const QUIET_MS: u64 = 90_000;

/// All plans of a scenario whose requests are spread, without the faults that are drawn last.
///
/// # Panics
///
/// If its requests are its own.
pub(super) fn plans(shape: &Shape, seed: u64) -> impl Strategy<Value = Plan> + use<> {
    let (name, shape) = (shape.scenario, shape.clone());
    let Requests::Spread { body, many } = shape.requests.clone() else {
        panic!("{name} has requests of its own")
    };
    let world = (network(CLUSTER), disk(), clocks(CLUSTER), upstream());
    let (class, limits) = (shape.class, shape.limits);
    let story = (1..=shape.objects_max)
        .prop_flat_map(move |objects| story(class, objects, body.clone(), many.start..=many.end));
    (world, story, 8_000..12_000_u64, past()).prop_map(
        move |(world, (workload, faults), idle_evict_ms, past)| {
            let (network, disk, clocks, upstream) = world;
            Plan {
                version: VERSION,
                scenario: name.to_owned(),
                seed,
                cluster: CLUSTER,
                network,
                disk,
                clocks,
                idle_evict_ms,
                outside_timeout_ms: 30_000,
                limits,
                phases: Phases { warm_up_ms: WARM_UP_MS, faults_ms: FAULTS_MS, quiet_ms: QUIET_MS },
                workload,
                request_timeout_ms: 20_000,
                upstream,
                faults: faults::by_time(faults),
                past,
                tuning: Tuning::default(),
            }
        },
    )
}

/// What so many objects are asked, and what breaks.
fn story(
    class: &'static str,
    objects: usize,
    body: Body,
    many: RangeInclusive<usize>,
) -> impl Strategy<Value = (Vec<Request>, Vec<Fault>)> + use<> {
    let stage = stage(CLUSTER, class, objects, FAULTS_MS);
    let faults = (faults::faults(&stage, (0..14).into()), draw::apart(&stage, Turn::Disks));
    let faults = faults.prop_map(|(faults, of_disks)| [faults, of_disks].concat());
    let crowded = prop::option::weighted(CROWDED, (any::<prop::sample::Index>(), 0..CROWD_MS));
    let asked = vec((asking(CLUSTER.machines(), objects, FAULTS_MS), crowded), many);
    (asked, faults).prop_map(move |(asked, faults): (Vec<(Asking, Crowded)>, _)| {
        (requests(class, &body, 0, crowd(asked, &faults)), faults)
    })
}

/// Which fault's begin a request is moved to, and how long after it, if it is.
type Crowded = Option<(prop::sample::Index, u64)>;

/// Of the requests so many come when something breaks.
const CROWDED: f64 = 0.4;
/// And within this time of it: while others take over, and for a moment two machines believe that they have an object.
const CROWD_MS: u64 = 10_000;

/// Moves the requests that are to come when something breaks to the begin of a fault, if there is one.
fn crowd(asked: Vec<(Asking, Crowded)>, faults: &[Fault]) -> Vec<Asking> {
    let moved = |((at_ms, machine, which, dice), crowded): (Asking, Crowded)| {
        let near = crowded.filter(|_| !faults.is_empty());
        let at_ms = near.map_or(at_ms, |(which, after_ms)| which.get(faults).at_ms + after_ms);
        (at_ms.min(FAULTS_MS - 1), machine, which, dice)
    };
    asked.into_iter().map(moved).collect()
}

pub(super) fn network(cluster: Cluster) -> impl Strategy<Value = Network> {
    let datacenters = usize::from(cluster.datacenters);
    let between = vec(vec(8_000..60_000_u32, datacenters), datacenters);
    let loss = prop_oneof![3 => Just(0), 1 => 0..10_000_u32];
    (100..600_u32, between, 0..60_u32, loss).prop_map(|(within_us, between_us, jitter_percent, loss_ppm)| {
        Network { within_us, between_us, jitter_percent, loss_ppm }
    })
}

pub(super) fn disk() -> impl Strategy<Value = Disk> {
    (100..1_000_u32, 0..6_000_u32)
        .prop_map(|(sync_us_min, spread_us)| Disk { sync_us_min, sync_us_max: sync_us_min + spread_us })
}

/// Mostly so little that replicas which were away for a moment need a snapshot, and logs begin anew every few seconds.
pub(super) fn past() -> impl Strategy<Value = Past> {
    let entries_kept = prop_oneof![1 => Just(Past::default().entries_kept), 3 => 1..30_u64];
    let log_bytes_max = prop_oneof![1 => Just(Past::default().log_bytes_max), 3 => 1_000..60_000_u64];
    (entries_kept, log_bytes_max)
        .prop_map(|(entries_kept, log_bytes_max)| Past { entries_kept, log_bytes_max })
}

pub(super) fn clocks(cluster: Cluster) -> impl Strategy<Value = Vec<Clock>> {
    let clock =
        (-400..400_i32, -400..400_i32).prop_map(|(offset_ms, drift_ppm)| Clock { offset_ms, drift_ppm });
    vec(clock, usize::from(cluster.machines()))
}

/// The ways to behave badly that there were when these plans were made.
fn outage() -> impl Strategy<Value = OutageKind> {
    let slow = (0..20_000_u64).prop_map(|extra_ms| OutageKind::Slow(Slow { extra_ms }));
    let refuse = prop_oneof![Just(429), Just(500), Just(503)];
    let refuse = refuse.prop_map(|status| OutageKind::Refuse(Refuse { status }));
    Union::new([slow.boxed(), refuse.boxed(), Just(OutageKind::Fail).boxed()])
}

pub(super) fn upstream() -> impl Strategy<Value = Upstream> {
    let outage = (0..FAULTS_MS, 0..30_000_u64, outage()).prop_map(|(at_ms, for_ms, kind)| Outage {
        at_ms,
        for_ms,
        kind,
    });
    (5..200_u32, 0..800_u32, vec(outage, 0..4)).prop_map(|(answer_ms_min, spread_ms, outages)| Upstream {
        answer_ms_min,
        answer_ms_max: answer_ms_min + spread_ms,
        outages,
    })
}
