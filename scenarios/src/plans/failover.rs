//! Plans with exactly one failure, for the bound of L1: how late alarms start when one machine, one leader or one
//! datacenter goes, and nothing else is wrong.

use proptest::prelude::*;
use reveille_sim::plan::{Direction, Fault, FaultKind, Plan, Target};

use super::faults::machine;
use super::{CLUSTER, FAULTS_MS, strategy};
use crate::scenario::Scenario;

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// The process of any machine dies.
    MachineCrash,
    /// Any machine loses power.
    MachinePowerLoss,
    /// Any machine stands still.
    MachinePause,
    /// Any machine is cut off.
    MachineCut,
    /// The process of a datacenter's leader dies.
    LeaderCrash,
    /// A datacenter's leader stands still.
    LeaderPause,
    /// A datacenter's leader is cut off.
    LeaderCut,
    /// The process of a group's leader dies.
    GroupLeaderCrash,
    /// The process of the system group's leader dies.
    SystemLeaderCrash,
    /// A datacenter goes down, with or without a loss of power.
    DatacenterDown,
    /// A datacenter is cut off.
    DatacenterCut,
}

impl Failure {
    /// All kinds, in the order in which seeds take turns.
    pub const ALL: [Self; 11] = [
        Self::MachineCrash,
        Self::MachinePowerLoss,
        Self::MachinePause,
        Self::MachineCut,
        Self::LeaderCrash,
        Self::LeaderPause,
        Self::LeaderCut,
        Self::GroupLeaderCrash,
        Self::SystemLeaderCrash,
        Self::DatacenterDown,
        Self::DatacenterCut,
    ];

    /// The failure that a seed's plan has: each has its turn.
    pub fn of_seed(seed: u64) -> Self {
        Self::ALL[(seed % Self::ALL.len() as u64) as usize]
    }

    /// What it is called in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::MachineCrash => "machine-crash",
            Self::MachinePowerLoss => "machine-power-loss",
            Self::MachinePause => "machine-pause",
            Self::MachineCut => "machine-cut",
            Self::LeaderCrash => "leader-crash",
            Self::LeaderPause => "leader-pause",
            Self::LeaderCut => "leader-cut",
            Self::GroupLeaderCrash => "group-leader-crash",
            Self::SystemLeaderCrash => "system-leader-crash",
            Self::DatacenterDown => "datacenter-down",
            Self::DatacenterCut => "datacenter-cut",
        }
    }

    fn strikes(self, whom: Whom, lasts_ms: u64) -> FaultKind {
        let (down_ms, for_ms, direction) = (lasts_ms, lasts_ms, Direction::Both);
        let Whom { machine, datacenter, group, power } = whom;
        let (leader, system) = (Target::LeaderOfDatacenter(datacenter), Target::LeaderOfSystemGroup);
        match self {
            Self::MachineCrash => FaultKind::Crash { target: machine, down_ms },
            Self::MachinePowerLoss => FaultKind::PowerLoss { target: machine, down_ms },
            Self::MachinePause => FaultKind::Pause { target: machine, for_ms },
            Self::MachineCut => FaultKind::MachineCut { target: machine, for_ms, direction },
            Self::LeaderCrash => FaultKind::Crash { target: leader, down_ms },
            Self::LeaderPause => FaultKind::Pause { target: leader, for_ms },
            Self::LeaderCut => FaultKind::MachineCut { target: leader, for_ms, direction },
            Self::GroupLeaderCrash => FaultKind::Crash { target: Target::LeaderOfGroup(group), down_ms },
            Self::SystemLeaderCrash => FaultKind::Crash { target: system, down_ms },
            Self::DatacenterDown => FaultKind::DatacenterDown { datacenter, down_ms, power },
            Self::DatacenterCut => FaultKind::DatacenterCut { datacenter, for_ms },
        }
    }
}

/// Whom the failure may strike; each kind takes what it needs.
#[derive(Clone, Debug)]
struct Whom {
    machine: Target,
    datacenter: u16,
    group: u16,
    power: bool,
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
pub fn failover(scenario: &Scenario, seed: u64) -> impl Strategy<Value = Plan> + use<> {
    let (class, objects) = (scenario.shape.class, scenario.shape.objects_max);
    // All of it ends in the quiet phase, or well before.
    let lasts_ms = prop_oneof![3 => LASTS_MIN_MS..LASTS_MAX_MS, 1 => Just(FAULTS_MS)];
    let begin_ms = BEGIN_MIN_MS..FAULTS_MS - LASTS_MIN_MS;
    let whom = (machine(class, objects), 0..CLUSTER.datacenters, 0..CLUSTER.groups, any::<bool>());
    let whom =
        whom.prop_map(|(machine, datacenter, group, power)| Whom { machine, datacenter, group, power });
    let failure = (begin_ms, lasts_ms, whom).prop_map(move |(at_ms, lasts_ms, whom)| Fault {
        at_ms,
        kind: Failure::of_seed(seed).strikes(whom, lasts_ms),
    });
    (strategy(scenario, seed), failure).prop_map(|(mut plan, failure)| {
        plan.network.loss_ppm = 0;
        plan.upstream.outages.clear();
        for clock in &mut plan.clocks {
            clock.offset_ms %= OFFSET_MAX_MS;
        }
        plan.faults = vec![failure];
        plan
    })
}
