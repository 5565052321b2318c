//! What can break, as a plan says it. What a fault then does is said in `crate::fault`; that a role may have nobody in
//! it, or a machine be down already, shows only in the run.

use serde::{Deserialize, Serialize};

/// The largest step of a wall clock: an hour.
pub const CLOCK_STEP_MAX_MS: u32 = 3_600_000;

/// The largest slowdown of a link, in percent of its latency: a hundred times as slow.
pub const SLOW_MAX_PERCENT: u32 = 10_000;

/// The most that a slow disk adds to a sync: 10 s.
pub const SYNC_EXTRA_MAX_MS: u32 = 10_000;

/// Something that breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When.
    pub at_ms: u64,
    /// What.
    pub kind: FaultKind,
}

/// What can break. Faults may overlap: a machine is back, a link open, once no fault holds it any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// The process of a machine dies; the page cache stays.
    Crash {
        /// Which machine.
        target: Target,
        /// It boots again after this.
        down_ms: u64,
    },
    /// A machine loses power; of what was not synced any subset of sectors survives.
    PowerLoss {
        /// Which machine.
        target: Target,
        /// It boots again after this.
        down_ms: u64,
    },
    /// The process of a machine stands still and its clocks run on. What comes for it waits and is handed over in order
    /// when it goes on, unless it dies first.
    Pause {
        /// Which machine.
        target: Target,
        /// For so long.
        for_ms: u64,
    },
    /// The links between a machine and all others are cut; its own clients still reach it.
    MachineCut {
        /// Which machine.
        target: Target,
        /// For so long.
        for_ms: u64,
        /// Which of its links.
        direction: Direction,
    },
    /// All machines of a datacenter go down at once.
    DatacenterDown {
        /// Which datacenter.
        datacenter: u16,
        /// They boot again after this.
        down_ms: u64,
        /// Whether they lose power; if not, their processes die and the page caches stay.
        power: bool,
    },
    /// All links between a datacenter and the others are cut both ways; its own clients still reach it.
    DatacenterCut {
        /// Which datacenter.
        datacenter: u16,
        /// For so long.
        for_ms: u64,
    },
    /// The links from each of some machines to each of others are cut.
    Partition {
        /// Senders.
        from: Vec<u16>,
        /// Receivers; none of the senders.
        to: Vec<u16>,
        /// Whether the links back are cut as well.
        both_ways: bool,
        /// For so long.
        for_ms: u64,
    },
    /// Links are slow. Of several slownesses of a link the worst decides.
    SlowLinks {
        /// Which links.
        of: LinksOf,
        /// Their latency, in percent of what it is otherwise: from 101 to [`SLOW_MAX_PERCENT`].
        factor_percent: u32,
        /// For so long.
        for_ms: u64,
    },
    /// The wall clock of a machine steps, and stays there.
    ClockStep {
        /// Which machine.
        target: Target,
        /// How far: forward, or back if negative; at most [`CLOCK_STEP_MAX_MS`] either way.
        by_ms: i32,
    },
    /// The disk of a machine is slow: each sync that is asked for meanwhile takes longer, by a time of its own. Nothing of
    /// it is wrong otherwise (D8, stall).
    SlowDisk {
        /// Which machine.
        target: Target,
        /// By so much at most; at most [`SYNC_EXTRA_MAX_MS`].
        extra_ms: u32,
        /// For so long.
        for_ms: u64,
    },
    /// Messages between machines are lost.
    MessageLoss {
        /// So many of a million.
        ppm: u32,
        /// For so long.
        for_ms: u64,
    },
}

/// Whom a fault strikes: a machine by name, or by the role it has when the fault begins. A fault aimed at a role that
/// nobody has is skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// This machine.
    Machine(u16),
    /// The machine that serves this object.
    HolderOf(String),
    /// The machine that leads this datacenter (D4).
    LeaderOfDatacenter(u16),
    /// The machine whose replica leads this consensus group. The group behind the last one is the system group, too.
    LeaderOfGroup(u16),
    /// The machine whose replica leads the system group, however many other groups there are.
    LeaderOfSystemGroup,
}

/// Links of a machine by the way that messages take over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// All.
    Both,
    /// Those to the machine: it sends and hears nothing.
    In,
    /// Those from the machine: it hears and nothing that it sends arrives.
    Out,
}

/// Links by where they begin or end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LinksOf {
    /// Between this machine and all others.
    Machine(Target),
    /// Between this datacenter and the others, and within it.
    Datacenter(u16),
}

impl FaultKind {
    /// What the fault is called in histories and counts. Faults that are aimed at a leader are named apart.
    pub fn name(&self) -> &'static str {
        use Target::{HolderOf, LeaderOfDatacenter, LeaderOfGroup, LeaderOfSystemGroup, Machine};
        match self {
            Self::Crash { target: Machine(_) | HolderOf(_), .. } => "crash",
            Self::Crash { target: LeaderOfDatacenter(_), .. } => "leader-crash",
            Self::Crash { target: LeaderOfGroup(_), .. } => "group-leader-crash",
            Self::Crash { target: LeaderOfSystemGroup, .. } => "system-leader-crash",
            Self::PowerLoss { target: Machine(_) | HolderOf(_), .. } => "power-loss",
            Self::PowerLoss { target: LeaderOfDatacenter(_), .. } => "leader-power-loss",
            Self::PowerLoss { target: LeaderOfGroup(_), .. } => "group-leader-power-loss",
            Self::PowerLoss { target: LeaderOfSystemGroup, .. } => "system-leader-power-loss",
            Self::Pause { target: Machine(_) | HolderOf(_), .. } => "pause",
            Self::Pause { target: LeaderOfDatacenter(_), .. } => "leader-pause",
            Self::Pause { target: LeaderOfGroup(_), .. } => "group-leader-pause",
            Self::Pause { target: LeaderOfSystemGroup, .. } => "system-leader-pause",
            Self::MachineCut { target: Machine(_) | HolderOf(_), .. } => "cut",
            Self::MachineCut { target: LeaderOfDatacenter(_), .. } => "leader-cut",
            Self::MachineCut { target: LeaderOfGroup(_), .. } => "group-leader-cut",
            Self::MachineCut { target: LeaderOfSystemGroup, .. } => "system-leader-cut",
            Self::DatacenterDown { .. } => "datacenter-down",
            Self::DatacenterCut { .. } => "datacenter-cut",
            Self::Partition { both_ways: true, .. } => "partition",
            // A history tells the links that are cut one way; that those back are open has to be said by the name.
            Self::Partition { both_ways: false, .. } => "partition-one-way",
            Self::SlowLinks { .. } => "slow-links",
            Self::ClockStep { .. } => "clock-step",
            Self::SlowDisk { .. } => "slow-disk",
            Self::MessageLoss { .. } => "message-loss",
        }
    }

    /// How long the fault lasts, unless the fault phase ends before. A step of a clock lasts no time: it stays.
    pub fn lasts_ms(&self) -> u64 {
        match self {
            Self::Crash { down_ms, .. }
            | Self::PowerLoss { down_ms, .. }
            | Self::DatacenterDown { down_ms, .. } => *down_ms,
            Self::Pause { for_ms, .. }
            | Self::MachineCut { for_ms, .. }
            | Self::DatacenterCut { for_ms, .. }
            | Self::Partition { for_ms, .. }
            | Self::SlowLinks { for_ms, .. }
            | Self::SlowDisk { for_ms, .. }
            | Self::MessageLoss { for_ms, .. } => *for_ms,
            Self::ClockStep { .. } => 0,
        }
    }
}
