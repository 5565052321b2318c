//! Two faults of which the second meets what the first has left half done: a machine that has just restarted loses power, and
//! while a slice is claimed its group loses its leader.

use proptest::prelude::*;
use reveille_sim::kinds::{Crash, MachineCut, PowerLoss, SlowDisk, SlowLinks};
use reveille_sim::plan::{FaultKind, LinksOf, Moment, Target};

use super::super::trouble::{Ground, Trouble};
use super::restless::{any_direction, away, down};

/// Machines, or a datacenter.
#[derive(Clone, Copy)]
struct Others {
    machine: Option<u16>,
    datacenter: u16,
}

/// A machine whose disk is slow restarts, and loses power before what stands in its page cache can be synced (D8). Meanwhile
/// others that may have replicas of its groups are away or as slow, so that a majority is one with this machine; and when
/// they are back, a third part of the cluster goes (D2). In the end something stays away.
pub(super) fn restart_and_power_loss(ground: &mut Ground<'_>) -> Trouble {
    let (machine, lags, goes) = three_parts(ground);
    let extra_ms = ground.dice.draw(500..4_000_u32);
    let mut trouble = Trouble::default();
    let mut at_ms = 0;
    for _ in 0..ground.dice.draw(1..=4_u8) {
        let down_ms = ground.dice.log(10..1_000);
        let restart_ms = at_ms + ground.dice.draw(500..5_000_u64);
        let power_ms = restart_ms + down_ms + ground.dice.log(50..extra_ms.into());
        let until_ms = power_ms + ground.dice.draw(0..2_000_u64);
        trouble = trouble.joined(lagging(ground, lags, until_ms - at_ms).later(at_ms));
        trouble = trouble.and(restart_ms, Crash { target: machine.clone(), down_ms });
        let down_ms = ground.dice.log(200..10_000);
        trouble = trouble.and(power_ms, PowerLoss { target: machine.clone(), down_ms });
        if ground.dice.draw(any::<bool>()) {
            let for_ms = ground.dice.log(500..15_000);
            trouble = trouble.and(until_ms, goes.away(ground, for_ms));
        }
        at_ms = trouble.end_ms() + ground.dice.draw(3_000..15_000_u64);
    }
    let for_ms = ground.lasting_ms();
    trouble = trouble.and(at_ms, goes.away(ground, for_ms));
    trouble.and(0, SlowDisk { target: machine, extra_ms, for_ms: at_ms })
}

/// A machine, and two other parts of the cluster, each with at most one replica of a group: mostly datacenters.
fn three_parts(ground: &mut Ground<'_>) -> (Target, Others, Others) {
    let (machines, datacenters) = (ground.machines(), ground.datacenters());
    let within = ground.stage.cluster.machines_per_datacenter;
    let others: Vec<u16> =
        datacenters.into_iter().filter(|datacenter| *datacenter != machines[0] / within).collect();
    let parts = match others[..] {
        [one, other, ..] if ground.dice.percent(75) => [one, other].map(|datacenter| (None, datacenter)),
        _ => [machines[1], machines[2]].map(|machine| (Some(machine), machine / within)),
    };
    let [lags, goes] = parts.map(|(machine, datacenter)| Others { machine, datacenter });
    (Target::Machine(machines[0]), lags, goes)
}

impl Others {
    fn away(self, ground: &mut Ground<'_>, for_ms: u64) -> FaultKind {
        let direction = any_direction(ground);
        away(ground, self.machine, self.datacenter, direction, for_ms)
    }
}

/// Away, or with disks so slow that what they hold is behind.
fn lagging(ground: &mut Ground<'_>, others: Others, for_ms: u64) -> Trouble {
    if ground.dice.draw(any::<bool>()) {
        return Trouble::one(others.away(ground, for_ms));
    }
    let machines = others.machine.map_or_else(|| ground.within(others.datacenter), |machine| vec![machine]);
    slow_disks(ground, machines, for_ms)
}

fn slow_disks(ground: &mut Ground<'_>, machines: Vec<u16>, for_ms: u64) -> Trouble {
    let extra_ms = ground.dice.draw(300..3_000_u32);
    let slow = |machine| (0, SlowDisk { target: Target::Machine(machine), extra_ms, for_ms });
    Trouble::of(machines.into_iter().map(slow))
}

/// A machine goes or restarts, again and again, so that slices are claimed; within the same seconds whoever claims one or has
/// just done so is struck, and so is the leader of a group. Who asks the group then what has become of a claim, or of the first
/// batch under it, asks replicas that do not know it yet (O5, S3). In most of these plans replicas lag anyway: all links are
/// slow, or the disks of a datacenter.
pub(super) fn claim_and_group_leader(ground: &mut Ground<'_>) -> Trouble {
    let machine = Target::Machine(ground.machines()[0]);
    let leader = Target::LeaderOfGroup(ground.dice.draw(0..ground.stage.cluster.groups));
    let (mut trouble, mut at_ms) = (Trouble::default(), 0);
    for _ in 0..ground.dice.draw(2..=4_u8) {
        let (is_restart, away_ms) = (ground.dice.draw(any::<bool>()), ground.dice.draw(8_000..20_000_u64));
        let away_ms = if is_restart { ground.dice.log(50..2_000) } else { away_ms };
        trouble = trouble.and(at_ms, down(ground, machine.clone(), away_ms));
        // Who claims its slices: itself, or others once its session is over.
        let claims_ms =
            if is_restart { at_ms..at_ms + away_ms + 3_000 } else { at_ms + 3_000..at_ms + 10_000 };
        for _ in 0..ground.dice.draw(1..=3_u8) {
            let moment = ground.dice.one_of(&[Moment::ClaimSlice, Moment::AskForDue, Moment::EndRun]);
            let (from_ms, for_ms) = (ground.dice.draw(claims_ms.clone()), ground.dice.log(50..3_000));
            trouble = trouble.and(from_ms, gone(ground, Target::Next(moment), for_ms));
        }
        for _ in 0..ground.dice.draw(1..=4_u8) {
            let (from_ms, for_ms) = (ground.dice.draw(claims_ms.clone()), ground.dice.log(100..3_000));
            trouble = trouble.and(from_ms, gone(ground, leader.clone(), for_ms));
        }
        at_ms += away_ms + ground.dice.draw(10_000..25_000_u64);
    }
    let for_ms = trouble.end_ms() + 5_000;
    match ground.dice.draw(0..3_u8) {
        0 => {
            let factor_percent = ground.dice.draw(300..2_000_u32);
            trouble.and(0, SlowLinks { of: LinksOf::All, factor_percent, for_ms })
        }
        1 => {
            let datacenter = ground.datacenters()[0];
            let machines = ground.within(datacenter);
            trouble.joined(slow_disks(ground, machines, for_ms))
        }
        _ => trouble,
    }
}

/// Down or cut off.
fn gone(ground: &mut Ground<'_>, target: Target, for_ms: u64) -> FaultKind {
    if ground.dice.percent(70) {
        return down(ground, target, for_ms);
    }
    MachineCut { target, for_ms, direction: any_direction(ground), flap: None }.into()
}
