//! Plans with exactly one failure, for the bound of L1: how late alarms start when one machine, one leader or one
//! datacenter goes, and nothing else is wrong.

use proptest::prelude::*;
use reveille_sim::kinds::draw::{self, Aim, Alone, Only};
use reveille_sim::kinds::{Role, Row};
use reveille_sim::plan::{Fault, FaultKind, Plan, Target};

use super::mould::{self, FAULTS_MS};
use super::{CLUSTER, Shape, stage};

/// A kind of failure: what breaks, and whom it is aimed at. Each that the table of kinds knows as a plan's only one.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// The position in [`Failure::all`].
    place: usize,
    row: &'static Row,
    alone: Alone,
    aim: Aim,
}

impl Failure {
    /// All kinds, in the order in which seeds take turns.
    pub fn all() -> impl Iterator<Item = Self> {
        draw::alone().enumerate().map(|(place, (row, alone, aim))| Self { place, row, alone, aim })
    }

    /// The failure that a seed's plan has: each has its turn.
    ///
    /// # Panics
    ///
    /// If the table knows none.
    pub fn of_seed(seed: u64) -> Self {
        let turn = seed % Self::all().count() as u64;
        Self::all().nth(turn as usize).expect("a turn is one of them")
    }

    /// Its position among them.
    pub(super) fn place(self) -> usize {
        self.place
    }

    /// What it is called in tables.
    pub fn name(self) -> String {
        let role = match self.aim {
            Aim::Machine => return format!("machine-{}", self.row.name),
            Aim::Leader => Some(Role::Leader),
            Aim::GroupLeader => Some(Role::GroupLeader),
            Aim::SystemLeader => Some(Role::SystemLeader),
            Aim::Datacenter => None,
        };
        self.row.name_for(role).to_owned()
    }

    fn strikes(self, whom: Whom, lasts_ms: u64) -> FaultKind {
        let Whom { machine, datacenter, group, flag } = whom;
        let target = match self.aim {
            Aim::Machine | Aim::Datacenter => machine,
            Aim::Leader => Target::LeaderOfDatacenter(datacenter),
            Aim::GroupLeader => Target::LeaderOfGroup(group),
            Aim::SystemLeader => Target::LeaderOfSystemGroup,
        };
        (self.alone.fault)(&Only { target, datacenter, flag, lasts_ms })
    }
}

/// Whom the failure may strike; each kind takes what it needs.
#[derive(Clone, Debug)]
struct Whom {
    machine: Target,
    datacenter: u16,
    group: u16,
    flag: bool,
}

/// The earliest begin of the failure: the workload is under way.
const BEGIN_MIN_MS: u64 = 10_000;
/// The shortest failure, longer than a session's lease: whoever is struck loses what it held.
const LASTS_MIN_MS: u64 = 20_000;
/// The longest one that ends within the phase.
const LASTS_MAX_MS: u64 = 40_000;
/// The largest offset of a wall clock: E is part of every bound, and here there is to be little of it.
const OFFSET_MAX_MS: i32 = 20;

/// All plans of a scenario with exactly one failure, of the kind that the seed says.
pub fn failover(shape: &Shape, seed: u64) -> impl Strategy<Value = Plan> + use<> {
    let stage = stage(CLUSTER, shape.class, shape.objects_max, FAULTS_MS);
    // All of it ends in the quiet phase, or well before.
    let lasts_ms = prop_oneof![3 => LASTS_MIN_MS..LASTS_MAX_MS, 1 => Just(FAULTS_MS)];
    let begin_ms = BEGIN_MIN_MS..FAULTS_MS - LASTS_MIN_MS;
    let whom = (stage.machine(), 0..CLUSTER.datacenters, 0..CLUSTER.groups, any::<bool>());
    let whom = whom.prop_map(|(machine, datacenter, group, flag)| Whom { machine, datacenter, group, flag });
    let failure = (begin_ms, lasts_ms, whom).prop_map(move |(at_ms, lasts_ms, whom)| Fault {
        at_ms,
        kind: Failure::of_seed(seed).strikes(whom, lasts_ms),
    });
    (mould::plans(shape, seed), failure).prop_map(|(mut plan, failure)| {
        plan.network.loss_ppm = 0;
        plan.upstream.outages.clear();
        for clock in &mut plan.clocks {
            clock.offset_ms %= OFFSET_MAX_MS;
        }
        plan.faults = vec![failure];
        plan
    })
}
