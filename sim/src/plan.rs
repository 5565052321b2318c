//! A plan: everything that a run depends on beside the code, as data. The same plan gives the same run; nothing about
//! workload or faults is drawn while the run goes on, so that a plan can be printed, kept and shrunk.
//!
//! Times of workload, outages and faults count from the begin of the fault phase. What still lasts when that phase ends
//! is healed then. Faults and outages begin in the fault phase; requests may come in the quiet phase, too.

mod fault;
mod json;
mod tuning;
mod validate;

use reveille_system::config::{Bounds, Config};
use serde::{Deserialize, Serialize};

pub use self::fault::{ConnectionsOf, Direction, Fault, Flap, LinksOf, Moment, Target};
pub use self::json::FILE_BYTES_MAX;
pub use self::tuning::Tuning;
pub(crate) use self::validate::Check;
pub use self::validate::PlanError;
pub use crate::kinds::FaultKind;
pub use crate::kinds::outside::OutageKind;

/// The version of the plan's format. It rises when a field changes its meaning; a new field has a default instead, which
/// is what was before it.
pub const VERSION: u32 = 1;

/// The shortest warm-up: every machine has booted by its end.
pub const WARM_UP_MIN_MS: u64 = 100;

/// The longest run, all phases together: a week.
pub const RUN_MAX_MS: u64 = 7 * 24 * 3_600_000;

/// The most machines of a cluster: each pair of them is a link.
pub const MACHINES_MAX: u32 = 255;

/// The most consensus groups: each has a replica in every datacenter, with a memory of its own.
pub const GROUPS_MAX: u16 = 4_096;

/// The most faults of a plan.
pub const FAULTS_MAX: usize = 100_000;

/// The largest one-way latency of a link, before jitter: 1 s.
pub const LATENCY_MAX_US: u32 = 1_000_000;

/// The largest jitter, in percent of the latency: a message takes at most four times as long as another.
pub const JITTER_MAX_PERCENT: u32 = 300;

/// The largest drift of a clock, from the contract (SPEC.md, "Clocks").
pub const DRIFT_MAX_PPM: u32 = 500;

/// The largest offset of a wall clock: a day.
pub const OFFSET_MAX_MS: u32 = 24 * 3_600_000;

/// The most entries that a plan may have a replica keep for others.
pub const ENTRIES_KEPT_MAX: u64 = 1_000_000;

/// The longest log that a plan may have a machine keep before it is compacted: 1 GiB.
pub const LOG_BYTES_MAX: u64 = 1 << 30;

/// Everything that a run depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// The scenario that this plan is one of, by name; it says which classes the objects are of.
    pub scenario: String,
    /// The seed of the random streams: latencies, sync times, what survives a loss of power.
    pub seed: u64,
    /// The shape of the cluster.
    pub cluster: Cluster,
    /// The links between machines.
    pub network: Network,
    /// The disk of every machine.
    pub disk: Disk,
    /// The clocks of each machine.
    pub clocks: Vec<Clock>,
    /// An instance without work is evicted after this.
    pub idle_evict_ms: u64,
    /// A machine waits so long for an outside service.
    pub outside_timeout_ms: u64,
    /// What object code may use up.
    #[serde(default)]
    pub limits: Limits,
    /// How long each phase lasts.
    pub phases: Phases,
    /// What clients ask.
    pub workload: Vec<Request>,
    /// A client waits so long for an answer.
    pub request_timeout_ms: u64,
    /// The outside services; all of them behave alike.
    pub upstream: Upstream,
    /// What breaks.
    pub faults: Vec<Fault>,
    /// How much of the past each machine keeps.
    #[serde(default)]
    pub past: Past,
    /// How much goes at once on each machine, how much may wait there, and how often it looks at what may have to be done
    /// again.
    #[serde(default)]
    pub tuning: Tuning,
}

/// The shape of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Datacenters; odd.
    pub datacenters: u16,
    /// Machines in each of them.
    pub machines_per_datacenter: u16,
    /// Consensus groups.
    pub groups: u16,
    /// Slices; a multiple of `groups`.
    pub slices: u16,
}

/// The links between machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// One-way latency between two machines of a datacenter, of a machine to itself, and between a client and the
    /// machine that it is connected to.
    pub within_us: u32,
    /// One-way latency between machines of two datacenters: `between_us[from][to]`. The diagonal is not used.
    pub between_us: Vec<Vec<u32>>,
    /// A message takes up to so much longer, in percent of the latency.
    pub jitter_percent: u32,
    /// Of a million messages so many are lost throughout the fault phase.
    pub loss_ppm: u32,
}

/// The disk of every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// The shortest sync.
    pub sync_us_min: u32,
    /// The longest sync.
    pub sync_us_max: u32,
}

/// How much of the past each machine keeps. With little, logs are compacted and replicas that lag behind are sent
/// snapshots all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    /// So many applied entries of each group, and at most twice as many, are kept in memory: from 1 to
    /// [`ENTRIES_KEPT_MAX`]. A replica that lags further behind is sent a snapshot.
    pub entries_kept: u64,
    /// The log on disk is compacted once it is longer than this, in bytes, and than twice what the state took in it when
    /// it was compacted last: from 1 to [`LOG_BYTES_MAX`].
    pub log_bytes_max: u64,
}

impl Default for Past {
    /// What a machine keeps unless it is told otherwise.
    fn default() -> Self {
        let Bounds { entries_kept, log_bytes_max } = Bounds::default();
        Self { entries_kept, log_bytes_max }
    }
}

/// The clocks of one machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// How far the wall clock is ahead at the begin of the run.
    pub offset_ms: i32,
    /// How fast both clocks run: microseconds gained in a second.
    pub drift_ppm: i32,
}

/// What object code may use up. By default what the contract says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// R1: the longest a run of `alarm()` may take, on the monotonic clock.
    pub run_ms: u64,
    /// O7: the most polls, and the most calls of the host, of one turn.
    pub turn_budget: u32,
    /// O4: the longest that a `block_concurrency_while`, of a constructor or not, or a transaction may take.
    #[serde(default = "constructor_ms")]
    pub constructor_ms: u64,
}

fn constructor_ms() -> u64 {
    Limits::OF_THE_CONTRACT.constructor_ms
}

impl Limits {
    /// Those of the contract: 15 minutes, 10,000, and 30 seconds.
    pub const OF_THE_CONTRACT: Self =
        Self { run_ms: 15 * 60_000, turn_budget: 10_000, constructor_ms: 30_000 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::OF_THE_CONTRACT
    }
}

/// How long each phase lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phases {
    /// The cluster boots.
    pub warm_up_ms: u64,
    /// What breaks breaks in this time.
    pub faults_ms: u64,
    /// Everything is healed.
    pub quiet_ms: u64,
}

/// A client's request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// When it is sent.
    pub at_ms: u64,
    /// The machine that the client is connected to.
    pub machine: u16,
    /// The object that it is for, as `Class/name`.
    pub object: String,
    /// What it says.
    pub body: String,
}

/// The outside services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// The shortest time from arrival to answer.
    pub answer_ms_min: u32,
    /// The longest.
    pub answer_ms_max: u32,
    /// When they behave badly. Where outages overlap the one that began last decides.
    pub outages: Vec<Outage>,
}

/// A time in which outside services behave badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// Begin.
    pub at_ms: u64,
    /// Length.
    pub for_ms: u64,
    /// What they do.
    pub kind: OutageKind,
}

impl Plan {
    /// What every machine of the plan's cluster is told.
    ///
    /// # Panics
    ///
    /// If the plan is not valid.
    pub fn config(&self) -> Config {
        let Cluster { datacenters, machines_per_datacenter, groups, slices } = self.cluster;
        let mut config = Config::new(datacenters, machines_per_datacenter, groups, slices);
        config.idle_evict_ms = self.idle_evict_ms;
        config.outside_timeout_ms = self.outside_timeout_ms;
        config.run_limit_ms = self.limits.run_ms;
        config.turn_budget = self.limits.turn_budget;
        config.constructor_limit_ms = self.limits.constructor_ms;
        let Past { entries_kept, log_bytes_max } = self.past;
        config.bounds = Bounds { entries_kept, log_bytes_max };
        self.tuning.apply_to(&mut config);
        config
    }

    /// The largest error of any wall clock in the run (E), rounded up: a bound, whatever the order of the steps. Whom a
    /// step strikes that is aimed at a role shows only in the run: here it counts for every machine.
    pub fn wall_error_max_ms(&self) -> u64 {
        let run_ms = self.phases.run_ms();
        let error = |(machine, clock): (u16, &Clock)| {
            let drift_ms = (run_ms * u64::from(clock.drift_ppm.unsigned_abs())).div_ceil(1_000_000);
            let (mut ahead_ms, mut behind_ms) = (i64::from(clock.offset_ms), i64::from(clock.offset_ms));
            for by_ms in self.faults.iter().filter_map(|fault| fault.kind.kind().steps_clock_ms(machine)) {
                ahead_ms += i64::from(by_ms.max(0));
                behind_ms += i64::from(by_ms.min(0));
            }
            ahead_ms.unsigned_abs().max(behind_ms.unsigned_abs()) + drift_ms
        };
        (0..).zip(&self.clocks).map(error).max().unwrap_or(0)
    }
}

impl Cluster {
    /// Machines in all datacenters.
    pub fn machines(self) -> u16 {
        self.datacenters.saturating_mul(self.machines_per_datacenter)
    }
}

impl Network {
    /// One-way latency between machines of two datacenters, or of one.
    pub fn latency_us(&self, from: usize, to: usize) -> u32 {
        if from == to { self.within_us } else { self.between_us[from][to] }
    }

    /// What a message between machines of two datacenters, or of one, takes on average, in nanoseconds: half the jitter included.
    pub fn mean_latency_ns(&self, from: usize, to: usize) -> u64 {
        u64::from(self.latency_us(from, to)) * 1_000 * (200 + u64::from(self.jitter_percent)) / 200
    }

    /// The longest round trip between any two machines, jitter included, rounded up to milliseconds.
    pub fn round_trip_max_ms(&self) -> u64 {
        let datacenters = self.between_us.len();
        let pairs = (0..datacenters).flat_map(|a| (0..datacenters).map(move |b| (a, b)));
        let round_trip_us = |(a, b)| u64::from(self.latency_us(a, b)) + u64::from(self.latency_us(b, a));
        let longest_us = pairs.map(round_trip_us).max().unwrap_or(0);
        (longest_us * u64::from(100 + self.jitter_percent)).div_ceil(100 * 1_000)
    }
}

impl Phases {
    /// All phases together.
    pub fn run_ms(self) -> u64 {
        self.warm_up_ms + self.faults_ms + self.quiet_ms
    }
}
