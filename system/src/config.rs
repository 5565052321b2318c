//! What every machine knows before it starts: the shape of the cluster, who holds what, and the constants of time.

use crate::ids::{DatacenterId, GroupId, MachineId, SliceId};

/// Nanoseconds in a millisecond.
pub const NS_PER_MS: u64 = 1_000_000;

/// The beat of a machine unless it is told otherwise, in milliseconds.
pub const TICK_MS: u64 = 500;

/// The most requests of clients that a machine keeps. It refuses further ones.
pub const REQUESTS_MAX: usize = 4_096;

/// The configuration of a cluster; the same on every machine.
#[derive(Clone, Debug)]
pub struct Config {
    /// Number of datacenters; odd, so that f of 2f+1 may go (D2).
    pub datacenters: u16,
    /// Machines in each datacenter.
    pub machines_per_datacenter: u16,
    /// Consensus groups.
    pub groups: u16,
    /// Slices; a multiple of `groups`.
    pub slices: u16,
    /// The beat of a machine: one tick of every consensus group on it, and one look at everything that may have to be
    /// sent again.
    pub tick_ms: u64,
    /// An instance without work is evicted after this (O4).
    pub idle_evict_ms: u64,
    /// An outbound call without an answer fails after this.
    pub outside_timeout_ms: u64,
    /// R1: the longest a run of `alarm()` may take. 15 minutes in the contract.
    pub run_limit_ms: u64,
    /// O4: the longest that a `block_concurrency_while`, of a constructor or not, or a transaction may take. 30 s in the
    /// contract.
    pub constructor_limit_ms: u64,
    /// O7: the most polls, and the most calls of the host, of one turn.
    pub turn_budget: u32,
    /// How much of the past each machine keeps.
    pub bounds: Bounds,
    /// How much goes at once, and how much may wait.
    pub tuning: Tuning,
}

/// How much of the past a machine keeps. What is older is in its state alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// So many applied entries of each group, and at most twice as many, are kept in memory for followers that lag
    /// behind. One that lags further gets a snapshot.
    pub entries_kept: u64,
    /// The log on disk is compacted once it is longer than this, in bytes, and than twice what the state took in it
    /// when it was compacted last: so its cost is in proportion to what is written.
    pub log_bytes_max: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { entries_kept: 1_000, log_bytes_max: 1 << 20 }
    }
}

/// How much goes at once on a machine, and how much may wait there. None of it is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Alarms in one page of the due index.
    pub page_alarms: u32,
    /// The most turns in one batch of a slice; further ones go with the next.
    pub batch_turns: u32,
    /// The most bytes of entries in one message to a follower; one entry goes whatever its size.
    pub append_bytes: u64,
    /// Requests that may wait for a slice to be served; more are sent back, to come again later.
    pub waiting_requests: u32,
    /// Questions that may wait for a replica to catch up. Further ones are dropped; who asks asks again.
    pub parked_reads: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            page_alarms: 512,
            batch_turns: 1_000_000,
            append_bytes: 1 << 20,
            waiting_requests: 1_024,
            parked_reads: 1_024,
        }
    }
}

impl Config {
    /// A cluster of the given shape with the constants of the contract.
    ///
    /// # Panics
    ///
    /// If a count is zero, or `slices` is not a multiple of `groups`.
    pub fn new(datacenters: u16, machines_per_datacenter: u16, groups: u16, slices: u16) -> Self {
        assert!(datacenters > 0 && machines_per_datacenter > 0 && groups > 0, "a cluster has no empty part");
        assert!(slices > 0 && slices.is_multiple_of(groups), "each group has the same number of slices");
        Self {
            datacenters,
            machines_per_datacenter,
            groups,
            slices,
            tick_ms: TICK_MS,
            idle_evict_ms: 10_000,
            outside_timeout_ms: 30_000,
            run_limit_ms: 15 * 60_000,
            constructor_limit_ms: 30_000,
            turn_budget: 10_000,
            bounds: Bounds::default(),
            tuning: Tuning::default(),
        }
    }

    /// Machines in all datacenters.
    pub fn machines(&self) -> u16 {
        self.datacenters * self.machines_per_datacenter
    }

    /// Where a machine stands.
    pub fn datacenter_of(&self, machine: MachineId) -> DatacenterId {
        DatacenterId(machine.0 / self.machines_per_datacenter)
    }

    /// The machines that have a replica of `group`: one in each datacenter, spread evenly over its machines (D2, D3).
    pub fn replicas_of(&self, group: GroupId) -> impl Iterator<Item = MachineId> + Clone + use<> {
        let within = self.machines_per_datacenter;
        (0..self.datacenters).map(move |datacenter| {
            // Rotated by datacenter, so that no two machines carry the same set of groups.
            MachineId(datacenter * within + (group.0 + datacenter) % within)
        })
    }

    /// The group in which a slice's rows are kept.
    pub fn group_of(&self, slice: SliceId) -> GroupId {
        GroupId(slice.0 % self.groups)
    }

    /// The slices of a group, ascending; none of the system group.
    pub fn slices_of(&self, group: GroupId) -> impl Iterator<Item = SliceId> + use<> {
        let first = if group == self.system_group() { self.slices } else { group.0 };
        (first..self.slices).step_by(usize::from(self.groups)).map(SliceId)
    }

    /// The group that keeps the registry ([`crate::registry`]).
    pub fn system_group(&self) -> GroupId {
        GroupId(self.groups)
    }

    /// All groups, the system group last.
    pub fn all_groups(&self) -> impl Iterator<Item = GroupId> + use<> {
        (0..=self.groups).map(GroupId)
    }

    /// The datacenter in which a group's first leader is. Leaders of the groups begin spread over the datacenters.
    pub fn home_of_group(&self, group: GroupId) -> DatacenterId {
        DatacenterId(group.0 % self.datacenters)
    }

    /// The machine that holds a slice while all machines are well: in the datacenter in which its group is led, so that a
    /// commit takes one round trip to the nearest quorum. A datacenter's slices are spread evenly over its machines (D3).
    /// If there are fewer groups than datacenters that would leave some without any: then they are spread over all.
    pub fn home_of(&self, slice: SliceId) -> MachineId {
        if self.groups < self.datacenters {
            return MachineId(slice.0 % self.machines());
        }
        let group = self.group_of(slice);
        let datacenter = self.home_of_group(group);
        // Which one it is of the slices of its datacenter, in a count of groups first and of slices in a group second.
        let groups_before = group.0 / self.datacenters;
        let groups_at_home = (self.groups - datacenter.0).div_ceil(self.datacenters);
        let nth = slice.0 / self.groups * groups_at_home + groups_before;
        MachineId(datacenter.0 * self.machines_per_datacenter + nth % self.machines_per_datacenter)
    }
}
