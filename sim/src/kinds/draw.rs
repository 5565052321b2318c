//! How faults are drawn: what a kind is told when its turn comes, and where in a plan its turn is. The reference run and
//! the plans with a single failure are what is drawn in that order, and have to stay what they are, so that figures of
//! different days can be compared. So a kind that is new is drawn last: at the end of the list, in [`Turn::Last`], and not
//! as all that breaks. All other plans may change with every kind.

use std::fmt;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::Union;

use super::outside::OutageKind;
use super::{FaultKind, Row, table};
use crate::plan::{Cluster, Fault, Flap, Target};

/// What there is to strike.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The cluster.
    pub cluster: Cluster,
    /// How long the fault phase is, in milliseconds.
    pub faults_ms: u64,
    /// The objects whose holders may be struck; at least one.
    pub objects: Arc<[String]>,
}

/// One way in which a kind gets into plans.
#[derive(Clone, Copy)]
pub enum Draw {
    /// Among the faults of machines and of links within a datacenter, with this weight.
    Machine(u32, fn(&OfMachine) -> BoxedStrategy<FaultKind>),
    /// Among the faults of datacenters, of which no two may be in trouble at a time (D2), with this weight.
    Datacenter(u32, fn(&OfDatacenter) -> BoxedStrategy<FaultKind>),
    /// Among the ways in which outside services behave badly, each as likely as another.
    Outside(fn() -> BoxedStrategy<OutageKind>),
    /// By itself, all of a plan at once, when it is its turn.
    Apart(Turn, fn(&Stage) -> BoxedStrategy<Vec<Fault>>),
}

/// Where in a plan the faults of a kind are drawn that is drawn apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Right behind the faults of datacenters.
    Clocks,
    /// Behind those.
    Disks,
    /// When everything else is drawn.
    Last,
}

/// For a fault of a machine, or of links within a datacenter.
#[derive(Clone, Debug)]
pub struct OfMachine {
    /// The cluster.
    pub cluster: Cluster,
    /// Whom to strike.
    pub target: Target,
    /// For how long, in milliseconds.
    pub for_ms: u64,
}

/// For a fault of a datacenter.
#[derive(Clone, Copy, Debug)]
pub struct OfDatacenter {
    /// The cluster.
    pub cluster: Cluster,
    /// The datacenter to strike.
    pub datacenter: u16,
    /// Another one.
    pub other: u16,
    /// One of the two forms of the kind, if it has two.
    pub flag: bool,
    /// For how long, in milliseconds.
    pub for_ms: u64,
}

/// A kind as all that breaks in a plan (L1).
#[derive(Clone, Copy)]
pub struct Alone {
    /// Whom it is aimed at: each of these in a plan of its own.
    pub aims: &'static [Aim],
    /// The fault.
    pub fault: fn(&Only) -> FaultKind,
}

/// Whom the only failure of a plan is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Any machine.
    Machine,
    /// A datacenter's leader.
    Leader,
    /// A group's leader.
    GroupLeader,
    /// The system group's leader.
    SystemLeader,
    /// A datacenter.
    Datacenter,
}

/// For a fault that is all that breaks.
#[derive(Clone, Debug)]
pub struct Only {
    /// Whom to strike, if the kind strikes machines.
    pub target: Target,
    /// The datacenter to strike, if it strikes those.
    pub datacenter: u16,
    /// One of the two forms of the kind, if it has two.
    pub flag: bool,
    /// For how long, in milliseconds.
    pub lasts_ms: u64,
}

impl Stage {
    /// A machine: half the time one that has an object in its hands, so that the fault rarely goes by unnoticed.
    pub fn machine(&self) -> impl Strategy<Value = Target> + use<> {
        let objects = Arc::clone(&self.objects);
        prop_oneof![
            (0..self.cluster.machines()).prop_map(Target::Machine),
            (0..objects.len()).prop_map(move |index| Target::HolderOf(objects[index].clone())),
        ]
    }

    /// The leader of a datacenter.
    pub fn leader(&self) -> impl Strategy<Value = Target> + use<> {
        (0..self.cluster.datacenters).prop_map(Target::LeaderOfDatacenter)
    }

    /// Whoever may be struck: a machine, half the time one with an object, or one with a role.
    pub fn anybody(&self) -> impl Strategy<Value = Target> + use<> {
        let groups = self.cluster.groups;
        let leader_of = move |group| match group {
            _ if group == groups => Target::LeaderOfSystemGroup,
            group => Target::LeaderOfGroup(group),
        };
        prop_oneof![
            5 => self.machine(),
            3 => self.leader(),
            2 => (0..=groups).prop_map(leader_of),
        ]
    }
}

impl Cluster {
    /// The machines of a datacenter.
    pub(super) fn machines_of(self, datacenter: u16) -> std::ops::Range<u16> {
        let within = self.machines_per_datacenter;
        datacenter * within..(datacenter + 1) * within
    }
}

fn draws() -> impl Iterator<Item = &'static Draw> {
    table().flat_map(|row| row.draws)
}

/// A fault of a machine, or of links within a datacenter.
pub fn of_machine(it: &OfMachine) -> impl Strategy<Value = FaultKind> + use<> {
    weighted(draws().filter_map(|draw| match draw {
        Draw::Machine(weight, kind) => Some((*weight, kind(it))),
        _ => None,
    }))
}

/// A fault of a datacenter.
pub fn of_datacenter(it: &OfDatacenter) -> impl Strategy<Value = FaultKind> + use<> {
    weighted(draws().filter_map(|draw| match draw {
        Draw::Datacenter(weight, kind) => Some((*weight, kind(it))),
        _ => None,
    }))
}

/// A way for outside services to behave badly.
pub fn outage() -> impl Strategy<Value = OutageKind> + use<> {
    Union::new(draws().filter_map(|draw| match draw {
        Draw::Outside(kind) => Some(kind()),
        _ => None,
    }))
}

/// All faults of a plan that are drawn apart in this turn.
pub fn apart(stage: &Stage, turn: Turn) -> impl Strategy<Value = Vec<Fault>> + use<> {
    let in_turn = draws().filter_map(|draw| match draw {
        Draw::Apart(of, faults) if *of == turn => Some(faults(stage)),
        _ => None,
    });
    in_turn.collect::<Vec<_>>().prop_map(|faults| faults.concat())
}

/// A fault that is drawn apart: none in most plans, one in some.
pub(super) fn now_and_then(
    stage: &Stage,
    kind: impl Strategy<Value = FaultKind> + 'static,
) -> BoxedStrategy<Vec<Fault>> {
    let fault = (0..stage.faults_ms, kind).prop_map(|(at_ms, kind)| vec![Fault { at_ms, kind }]);
    prop_oneof![5 => Just(Vec::new()), 1 => fault].boxed()
}

/// How a cut comes and goes: parts of a second to seconds.
pub(super) fn flaps() -> impl Strategy<Value = Flap> {
    (100..4_000_u32, 100..4_000_u32).prop_map(|(cut_ms, open_ms)| Flap { cut_ms, open_ms })
}

/// The likely ones first, and so the simplest: what shrinks goes that way.
fn weighted(kinds: impl Iterator<Item = (u32, BoxedStrategy<FaultKind>)>) -> Union<BoxedStrategy<FaultKind>> {
    let mut kinds: Vec<_> = kinds.collect();
    kinds.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    Union::new_weighted(kinds)
}

/// The kinds that may be all that breaks in a plan, with whom they are aimed at: machines first.
pub fn alone() -> impl Iterator<Item = (&'static Row, Alone, Aim)> {
    let of_aim = |aim| {
        let rows = table().filter_map(|row| Some((row, row.alone?)));
        rows.filter(move |(_, alone)| alone.aims.contains(&aim)).map(move |(row, alone)| (row, alone, aim))
    };
    Aim::ALL.into_iter().flat_map(of_aim)
}

impl Aim {
    const ALL: [Self; 5] =
        [Self::Machine, Self::Leader, Self::GroupLeader, Self::SystemLeader, Self::Datacenter];
}

impl fmt::Debug for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(weight, _) => write!(f, "Machine({weight})"),
            Self::Datacenter(weight, _) => write!(f, "Datacenter({weight})"),
            Self::Outside(_) => write!(f, "Outside"),
            Self::Apart(turn, _) => write!(f, "Apart({turn:?})"),
        }
    }
}

impl fmt::Debug for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Alone({:?})", self.aims)
    }
}
