//! The patterns of trouble: each draws a group of faults and outages that belong together, mostly of one shape
//! ([`crate::worlds`] tells of each plan which shapes it has). A seed's plan has a random subset of them.
//!
//! A new one is a function and a row here.

mod clocks;
mod cuts;
mod datacenters;
mod disks;
mod leaders;
mod messages;
mod moments;
mod ordinary;
mod restless;
mod services;
mod single;
mod twice;

pub(super) use self::ordinary::ordinary;
pub(super) use self::services::failing_services;
pub(super) use self::single::{one_by_one, single};
use super::trouble::{Ground, Trouble};

/// A pattern.
pub(super) struct Pattern {
    /// How often it is drawn, beside the others.
    pub(super) weight: u32,
    /// It takes so many datacenters.
    pub(super) datacenters_min: u16,
    /// And so many machines.
    pub(super) machines_min: u16,
    /// Draws it.
    pub(super) draw: fn(&mut Ground<'_>) -> Trouble,
}

const fn of(weight: u32, draw: fn(&mut Ground<'_>) -> Trouble) -> Pattern {
    Pattern { weight, datacenters_min: 1, machines_min: 1, draw }
}

impl Pattern {
    /// It is drawn only where there are so many datacenters.
    const fn of_datacenters(self, datacenters_min: u16) -> Self {
        Self { datacenters_min, ..self }
    }

    /// It is drawn only where there are so many machines.
    const fn of_machines(self, machines_min: u16) -> Self {
        Self { machines_min, ..self }
    }
}

/// All of them.
pub(super) const ALL: &[Pattern] = &[
    of(4, ordinary),
    of(10, single::few_and_long),
    of(5, cuts::one_link),
    of(2, cuts::machine),
    of(3, cuts::deaf_machine),
    of(3, cuts::mute_machine),
    of(6, cuts::deaf_datacenter).of_datacenters(2),
    of(6, cuts::mute_datacenter).of_datacenters(2),
    of(4, cuts::two_that_see_the_third).of_datacenters(3),
    of(9, cuts::chain).of_machines(4),
    of(5, cuts::bridge).of_machines(5),
    of(7, restless::flapping),
    of(5, restless::cut_and_crash),
    of(8, restless::incarnations),
    of(8, restless::back_and_forth),
    of(9, restless::slow_and_cut_off).of_machines(2),
    of(7, datacenters::night),
    of(7, datacenters::all_apart).of_datacenters(3),
    of(9, datacenters::two_down).of_datacenters(3),
    of(7, leaders::struck),
    of(5, leaders::all_at_once),
    of(6, leaders::of_one_group),
    of(7, moments::in_progress),
    of(8, messages::rough_links),
    of(6, messages::slow_one_way).of_machines(2),
    of(7, disks::slow_leader),
    of(9, disks::slow_machine),
    of(6, disks::many_slow),
    of(8, disks::lost).of_datacenters(3),
    of(11, disks::burned).of_datacenters(3),
    of(9, disks::rotten).of_datacenters(3),
    of(10, messages::corrupted),
    of(6, clocks::put_right),
    of(5, clocks::left_wrong),
    of(5, clocks::to_and_fro),
    of(5, services::failing_services),
    of(9, services::slow_services),
    of(7, services::rough_connections),
    of(7, twice::restart_and_power_loss).of_machines(3),
    of(7, twice::claim_and_group_leader).of_machines(2),
];
