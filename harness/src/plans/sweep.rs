//! The sweep: one trouble of each shape at each place, long enough to outlast every excuse (L2: a fault that goes on is none).
//! Chance seldom draws the one link, the one machine or the one direction that a system cannot do without; here each has its
//! turn, and so a seed of the scenario `sweep` stands for one of them.

use proptest::prelude::*;
use reveille_sim::kinds::{ClockStep, Crash, DatacenterCut, FaultKind, MachineCut, Partition, SlowDisk};
use reveille_sim::plan::{
    Clock, Direction, Fault, Outage, OutageKind, Past, Phases, Plan, Request, Target, Tuning, Upstream,
    VERSION,
};

use super::mould::{disk, network};
use super::{CLUSTER, QUIET_MS, Requests, Shape, Topic, WARM_UP_MS, object};

/// The trouble begins: the objects are started and their alarms due.
const BEGIN_MS: u64 = 20_000;
/// So long it lasts: more than the bound of L2, and than the six retries of an alarm (R2).
const LASTS_MS: u64 = 150_000;
/// Everything is well again for so long before the quiet phase.
const REST_MS: u64 = 10_000;
/// So many objects: each slice has some.
const OBJECTS: usize = 96;
/// E is part of every bound: here the clocks agree but for this.
const OFFSET_MAX_MS: i32 = 10;

/// A trouble of the sweep.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its shape.
    pub(super) topic: Topic,
    faults: Vec<Fault>,
    outages: Vec<Outage>,
}

impl Case {
    /// All of them, in an order in which any stretch has some of each shape.
    pub fn all() -> Vec<Case> {
        let mut placed: Vec<((usize, usize), Case)> = Vec::new();
        for (place, mut of_shape) in shapes().into_iter().enumerate() {
            let share = of_shape.len();
            of_shape.iter_mut().for_each(|case| case.topic.place = place);
            // Spread evenly over the whole: the i-th of n stands at (2i + 1) / 2n.
            placed.extend((0..).zip(of_shape).map(|(i, case)| ((2 * i + 1, 2 * share), case)));
        }
        placed.sort_by(|((a, of_a), _), ((b, of_b), _)| (a * of_b).cmp(&(b * of_a)));
        placed.into_iter().map(|(_, case)| case).collect()
    }

    /// The case that a seed stands for: each has its turn, and after the last one the first again, in another network.
    pub fn of_seed(seed: u64) -> Case {
        let mut all = Self::all();
        let turn = seed % all.len() as u64;
        all.swap_remove(usize::try_from(turn).expect("a turn is one of them"))
    }

    fn new(shape: &'static str, faults: impl IntoIterator<Item = (u64, FaultKind)>) -> Case {
        let fault = |(after_ms, kind)| Fault { at_ms: BEGIN_MS + after_ms, kind };
        let topic = Topic { place: 0, name: shape.to_owned() };
        Case { topic, faults: faults.into_iter().map(fault).collect(), outages: Vec::new() }
    }

    fn one(shape: &'static str, kind: impl Into<FaultKind>) -> Case {
        Self::new(shape, [(0, kind.into())])
    }
}

/// All plans of the sweep that a seed may stand for: they differ in network and disks.
pub(super) fn sweep(shape: &Shape, seed: u64) -> impl Strategy<Value = Plan> + use<> {
    let (name, shape) = (shape.scenario.to_owned(), shape.clone());
    let offsets = prop::collection::vec(-OFFSET_MAX_MS..OFFSET_MAX_MS, usize::from(CLUSTER.machines()));
    (network(CLUSTER), disk(), offsets).prop_map(move |(mut network, disk, offsets)| {
        network.loss_ppm = 0;
        let Case { faults, outages, .. } = Case::of_seed(seed);
        Plan {
            version: VERSION,
            scenario: name.clone(),
            seed,
            cluster: CLUSTER,
            network,
            disk,
            clocks: offsets.into_iter().map(|offset_ms| Clock { offset_ms, drift_ppm: 0 }).collect(),
            idle_evict_ms: 10_000,
            outside_timeout_ms: 30_000,
            limits: shape.limits,
            phases: Phases {
                warm_up_ms: WARM_UP_MS,
                faults_ms: BEGIN_MS + LASTS_MS + REST_MS,
                quiet_ms: QUIET_MS,
            },
            workload: requests(shape.class, &shape.requests),
            request_timeout_ms: 20_000,
            upstream: Upstream { answer_ms_min: 10, answer_ms_max: 100, outages },
            faults,
            past: Past::default(),
            tuning: Tuning::default(),
        }
    })
}

/// Each object is asked early, and then one after the other, through machine after machine, until the trouble is over.
fn requests(class: &str, requests: &Requests) -> Vec<Request> {
    let Requests::Spread { body, .. } = requests else { panic!("the sweep's objects are asked at any time") };
    let early = (0..OBJECTS).map(|index| (20 * index as u64, index));
    let every_second =
        (0..(BEGIN_MS + LASTS_MS + REST_MS) / 1_000 - 3).map(|s| (3_000 + 1_000 * s, 7 * s as usize));
    (early.chain(every_second).zip(0_u16..))
        .map(|((at_ms, index), number)| Request {
            at_ms,
            machine: number % CLUSTER.machines(),
            object: object(class, index % OBJECTS),
            body: body(usize::from(number), 0),
        })
        .collect()
}

fn shapes() -> [Vec<Case>; 12] {
    let machines = || 0..CLUSTER.machines();
    let datacenters = || 0..CLUSTER.datacenters;
    let pairs = |n: u16| (0..n).flat_map(move |a| (0..n).filter(move |b| *b != a).map(move |b| (a, b)));
    let cut = |shape, direction| {
        let kind = move |machine| MachineCut {
            target: Target::Machine(machine),
            for_ms: LASTS_MS,
            direction,
            flap: None,
        };
        machines().map(move |machine| Case::one(shape, kind(machine))).collect()
    };
    [
        pairs(CLUSTER.machines()).map(|(a, b)| link_and_crash(a, b)).collect(),
        cut("a machine is cut off", Direction::Both),
        cut("a machine is heard and hears nothing", Direction::In),
        cut("a machine hears and is not heard", Direction::Out),
        datacenters()
            .map(|datacenter| {
                Case::one(
                    "a datacenter is cut off",
                    DatacenterCut { datacenter, for_ms: LASTS_MS, direction: Direction::Both, flap: None },
                )
            })
            .collect(),
        datacenters()
            .map(|at| {
                Case::one(
                    "a datacenter is heard and hears nothing",
                    partition(outside(at), inside(at), false),
                )
            })
            .collect(),
        datacenters()
            .map(|at| {
                Case::one("a datacenter hears and is not heard", partition(inside(at), outside(at), false))
            })
            .collect(),
        pairs(CLUSTER.datacenters)
            .filter(|(a, b)| a < b)
            .map(|(a, b)| {
                Case::one("two datacenters see only the third", partition(inside(a), inside(b), true))
            })
            .collect(),
        pairs(CLUSTER.datacenters)
            .map(|(a, b)| {
                Case::one("a datacenter is not heard by another", partition(inside(a), inside(b), false))
            })
            .collect(),
        machines()
            .map(|machine| {
                let target = Target::Machine(machine);
                Case::one("a disk is slow by 3 s", SlowDisk { target, extra_ms: 3_000, for_ms: LASTS_MS })
            })
            .collect(),
        machines().flat_map(|machine| [-3_600_000, -3_000].map(|by_ms| clock(machine, by_ms))).collect(),
        machines().flat_map(|machine| [3_000, 3_600_000].map(|by_ms| clock(machine, by_ms))).collect(),
    ]
}

/// One link of a pair is cut both ways, and one of its ends crashes: it comes back with the link still cut.
fn link_and_crash(end: u16, other: u16) -> Case {
    let crash = Crash { target: Target::Machine(end), down_ms: 1_000 };
    let faults = [(0, partition(vec![end], vec![other], true)), (5_000, crash.into())];
    Case::new("a link is cut, and one of its ends crashes", faults)
}

/// The wall clock of a machine steps while alarms fail: the outside services fail from before the step until after it.
fn clock(machine: u16, by_ms: i32) -> Case {
    let shape =
        if by_ms < 0 { "a clock steps back by 3 s, 1 h" } else { "a clock steps forward by 3 s, 1 h" };
    let fails = Outage { at_ms: BEGIN_MS - 6_000, for_ms: 20_000, kind: OutageKind::Fail };
    let step = ClockStep { target: Target::Machine(machine), by_ms };
    Case { outages: vec![fails], ..Case::one(shape, step) }
}

fn partition(from: Vec<u16>, to: Vec<u16>, both_ways: bool) -> FaultKind {
    Partition { from, to, both_ways, for_ms: LASTS_MS, flap: None }.into()
}

/// The machines of a datacenter.
fn inside(datacenter: u16) -> Vec<u16> {
    let within = CLUSTER.machines_per_datacenter;
    (datacenter * within..(datacenter + 1) * within).collect()
}

/// The machines of the others.
fn outside(datacenter: u16) -> Vec<u16> {
    (0..CLUSTER.machines())
        .filter(|machine| machine / CLUSTER.machines_per_datacenter != datacenter)
        .collect()
}
