//! From a seed to a plan: proptest strategies, drawn with proptest's own ChaCha generator, so that the explorer, `cargo
//! test` and the shrinker read the same plans.
//!
//! Everything that breaks is drawn here, before the run. Vectors may become empty, so that a plan can shrink to nothing
//! but what matters.

mod failover;
mod faults;
mod sweep;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reveille_sim::kinds::draw::{self, Stage, Turn};
use reveille_sim::plan::{
    Clock, Cluster, Disk, Fault, Limits, Network, Outage, Past, Phases, Plan, Request, Tuning, Upstream,
    VERSION,
};

pub use self::failover::{Failure, failover};
pub use self::sweep::Case;
use crate::scenario::Scenario;

/// What is particular about a scenario's plans.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The class of its objects.
    pub class: &'static str,
    /// What its objects are asked.
    pub requests: Requests,
    /// At most so many objects; at least one.
    pub objects_max: usize,
    /// How much breaks.
    pub failures: Failures,
    /// What its objects' code may use up.
    pub limits: Limits,
}

/// What is asked, and what breaks.
pub type Story = (Vec<Request>, Vec<Fault>);

/// What the objects of a plan are asked.
#[derive(Clone, Copy, Debug)]
pub enum Requests {
    /// Requests at any time, to any of the objects.
    Spread {
        /// The body of the `index`-th request of a plan; the second argument is drawn at random.
        body: fn(index: usize, dice: u32) -> String,
        /// At most so many requests.
        max: usize,
    },
    /// What this strategy draws, for so many objects and a time so long in milliseconds, with what is to break because of
    /// it beside everything else.
    Own(fn(objects: usize, within_ms: u64) -> BoxedStrategy<Story>),
}

/// How much breaks in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failures {
    /// Anything, any number of times.
    Many,
    /// Exactly one thing, of the kind that the seed says ([`Failure::of_seed`]).
    One,
    /// One trouble of each shape at each place: the one that the seed says ([`Case::of_seed`]).
    Sweep,
}

/// What a plan is about, where the seeds of a scenario take turns: a row of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic {
    place: usize,
    /// What it is called.
    pub name: String,
}

impl Topic {
    /// What the plan of this seed is about; none where anything may break.
    pub fn of_seed(failures: Failures, seed: u64) -> Option<Self> {
        match failures {
            Failures::Many => None,
            Failures::One => {
                let failure = Failure::of_seed(seed);
                Some(Self { place: failure.place(), name: failure.name() })
            }
            Failures::Sweep => Some(Case::of_seed(seed).topic),
        }
    }
}

/// Machines boot and elect leaders.
const WARM_UP_MS: u64 = 6_000;
/// Workload and faults.
const FAULTS_MS: u64 = 100_000;
/// Long enough for whatever is overdue to show: 60 s after the last change (L2), and then some.
const QUIET_MS: u64 = 90_000;
/// The reference cluster: three datacenters of three machines, eight groups.
pub(crate) const CLUSTER: Cluster =
    Cluster { datacenters: 3, machines_per_datacenter: 3, groups: 8, slices: 32 };

/// The plan that `seed` stands for in `scenario`.
pub fn draw(scenario: &Scenario, seed: u64) -> Plan {
    let mut runner = runner(scenario.name, seed);
    let plans = match scenario.shape.failures {
        Failures::Many => strategy(scenario, seed).boxed(),
        Failures::One => failover(scenario, seed).boxed(),
        Failures::Sweep => sweep::sweep(scenario, seed).boxed(),
    };
    plans.new_tree(&mut runner).expect("the strategies filter nothing out").current()
}

fn runner(name: &str, seed: u64) -> TestRunner {
    // The seed and the name side by side: scenarios do not share plans.
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    for (byte, letter) in bytes[8..].iter_mut().zip(name.bytes()) {
        *byte = letter;
    }
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// All plans of a scenario whose random streams have the given seed.
pub fn strategy(scenario: &Scenario, seed: u64) -> impl Strategy<Value = Plan> + use<> {
    let last = draw::apart(&stage(scenario.shape.class, 1), Turn::Last);
    (without_the_last(scenario, seed), last).prop_map(|(mut plan, last)| {
        plan.faults.extend(last);
        plan.faults = faults::by_time(plan.faults);
        plan
    })
}

/// All plans of a scenario, without the faults that are drawn last.
fn without_the_last(scenario: &Scenario, seed: u64) -> impl Strategy<Value = Plan> + use<> {
    let Scenario { name, shape, .. } = *scenario;
    let world = (network(), disk(), clocks(), upstream());
    let story = (1..=shape.objects_max).prop_flat_map(move |objects| {
        let stage = stage(shape.class, objects);
        let faults = (faults::faults(&stage, (0..14).into()), draw::apart(&stage, Turn::Disks));
        let faults = faults.prop_map(|(faults, of_disks)| [faults, of_disks].concat());
        match shape.requests {
            Requests::Spread { body, max } => {
                let crowded = prop::option::weighted(CROWDED, (any::<prop::sample::Index>(), 0..CROWD_MS));
                (vec((asking(objects, FAULTS_MS), crowded), 0..=max), faults)
                    .prop_map(move |(asked, faults)| {
                        (requests(shape.class, body, crowd(asked, &faults)), faults)
                    })
                    .boxed()
            }
            Requests::Own(own) => (own(objects, FAULTS_MS), faults)
                .prop_map(|((workload, aimed), mut faults)| {
                    faults.extend(aimed);
                    (workload, faults)
                })
                .boxed(),
        }
    });
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
                limits: shape.limits,
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

/// What there is to strike in a plan with so many objects.
fn stage(class: &str, objects: usize) -> Stage {
    let objects = (0..objects).map(|index| object(class, index)).collect();
    Stage { cluster: CLUSTER, faults_ms: FAULTS_MS, objects }
}

/// The name of a scenario's `index`-th object.
pub(crate) fn object(class: &str, index: usize) -> String {
    const NAMES: [&str; 4] = ["foo", "bar", "baz", "qux"];
    match NAMES.get(index) {
        Some(name) => format!("{class}/{name}"),
        None => format!("{class}/object-{index}"),
    }
}

/// A request that has no body yet: when, through which machine, which object, and what its body is drawn from.
type Asking = (u64, u16, usize, u32);

fn asking(objects: usize, within_ms: u64) -> impl Strategy<Value = Asking> {
    (0..within_ms, 0..CLUSTER.machines(), 0..objects, any::<u32>())
}

/// Of the requests so many come when something breaks.
const CROWDED: f64 = 0.4;
/// And within this time of it: while others take over, and for a moment two machines believe that they have an object.
const CROWD_MS: u64 = 10_000;

/// Moves the requests that are to come when something breaks to the begin of a fault, if there is one.
fn crowd(asked: Vec<(Asking, Option<(prop::sample::Index, u64)>)>, faults: &[Fault]) -> Vec<Asking> {
    let moved = |((at_ms, machine, which, dice), crowded): (Asking, Option<(prop::sample::Index, u64)>)| {
        let near = crowded.filter(|_| !faults.is_empty());
        let at_ms = near.map_or(at_ms, |(which, after_ms)| which.get(faults).at_ms + after_ms);
        (at_ms.min(FAULTS_MS - 1), machine, which, dice)
    };
    asked.into_iter().map(moved).collect()
}

fn requests(
    class: &str,
    body: fn(index: usize, dice: u32) -> String,
    mut asked: Vec<Asking>,
) -> Vec<Request> {
    asked.sort_by_key(|(at_ms, ..)| *at_ms);
    let numbered = asked.into_iter().enumerate();
    numbered
        .map(|(index, (at_ms, machine, which, dice))| Request {
            at_ms,
            machine,
            object: object(class, which),
            body: body(index, dice),
        })
        .collect()
}

fn network() -> impl Strategy<Value = Network> {
    let between = vec(vec(8_000..60_000_u32, 3), 3);
    let loss = prop_oneof![3 => Just(0), 1 => 0..10_000_u32];
    (100..600_u32, between, 0..60_u32, loss).prop_map(|(within_us, between_us, jitter_percent, loss_ppm)| {
        Network { within_us, between_us, jitter_percent, loss_ppm }
    })
}

fn disk() -> impl Strategy<Value = Disk> {
    (100..1_000_u32, 0..6_000_u32)
        .prop_map(|(sync_us_min, spread_us)| Disk { sync_us_min, sync_us_max: sync_us_min + spread_us })
}

/// Mostly so little that replicas which were away for a moment need a snapshot, and logs begin anew every few seconds.
fn past() -> impl Strategy<Value = Past> {
    let entries_kept = prop_oneof![1 => Just(Past::default().entries_kept), 3 => 1..30_u64];
    let log_bytes_max = prop_oneof![1 => Just(Past::default().log_bytes_max), 3 => 1_000..60_000_u64];
    (entries_kept, log_bytes_max)
        .prop_map(|(entries_kept, log_bytes_max)| Past { entries_kept, log_bytes_max })
}

fn clocks() -> impl Strategy<Value = Vec<Clock>> {
    let clock =
        (-400..400_i32, -400..400_i32).prop_map(|(offset_ms, drift_ppm)| Clock { offset_ms, drift_ppm });
    vec(clock, usize::from(CLUSTER.machines()))
}

fn upstream() -> impl Strategy<Value = Upstream> {
    let outage = (0..FAULTS_MS, 0..30_000_u64, draw::outage()).prop_map(|(at_ms, for_ms, kind)| Outage {
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

/// The plan of the reference run: five virtual minutes, boot and quiet included, 100 objects, five requests a virtual
/// second, and the fault mix of the scenario's other plans, slow disks excepted: figures
/// of different days stay comparable. What comes of it is pinned by [`crate::bench`].
pub fn reference(scenario: &Scenario, seed: u64) -> Plan {
    const RUN_MS: u64 = 300_000;
    const OBJECTS: usize = 100;
    const REQUESTS: usize = 1_500;
    const FAULTS: usize = 5;
    /// Requests go on to the end of their phase, faults do not: so the quiet phase can be short.
    const FAULTS_UNTIL_MS: u64 = 220_000;
    const REST_MS: u64 = 20_000;
    let mut plan = draw(scenario, seed);
    let faults_ms = RUN_MS - WARM_UP_MS - REST_MS;
    plan.phases = Phases { warm_up_ms: WARM_UP_MS, faults_ms, quiet_ms: REST_MS };
    // What it costs to keep little of the past is not what is measured.
    plan.past = Past::default();
    let Shape { class, requests: Requests::Spread { body, .. }, .. } = scenario.shape else {
        panic!("{} has requests of its own", scenario.name);
    };
    let mut runner = runner("reference", seed);
    let drawn =
        (vec(asking(OBJECTS, faults_ms), REQUESTS), faults::faults(&stage(class, OBJECTS), FAULTS.into()));
    let tree = drawn.new_tree(&mut runner).expect("the strategies filter nothing out");
    let (asked, faults) = tree.current();
    (plan.workload, plan.faults) = (requests(class, body, asked), faults);
    for (index, request) in plan.workload.iter_mut().enumerate().step_by(2) {
        // Every other one asks the objects in turn: by chance alone too many would meet an alarm that is set already.
        request.object = object(class, index / 2 % OBJECTS);
    }
    for fault in &mut plan.faults {
        // Drawn for a shorter time: spread over this one.
        fault.at_ms = fault.at_ms * FAULTS_UNTIL_MS / FAULTS_MS;
    }
    plan
}
