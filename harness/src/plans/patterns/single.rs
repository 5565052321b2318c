//! One fault, or one after the other, or a few that last: the bounds of time have nothing to hide behind.

use proptest::prelude::*;
use reveille_sim::kinds::{ClockStep, SlowDisk, SyncStall};
use reveille_sim::plan::{Direction, FaultKind};

use super::super::trouble::{Ground, Trouble};
use super::ordinary::{of_datacenter, of_machine};
use super::restless::away;

/// Exactly one fault, of any kind.
pub(in super::super) fn single(ground: &mut Ground<'_>) -> Trouble {
    let for_ms = ground.dice.log(100..200_000);
    Trouble::one(any_kind(ground, for_ms))
}

/// L1: two to five failures, of a machine or a datacenter each, every one of them alone: it begins more than a minute after the
/// one before is over. Most last about as long as a session outlasts its machine: whoever was away is back while others are
/// taking over.
pub(in super::super) fn one_by_one(ground: &mut Ground<'_>) -> Trouble {
    const ALONE_MS: u64 = 60_000;
    let (mut trouble, mut at_ms) = (Trouble::default(), 0);
    for _ in 0..ground.dice.draw(2..=5_u8) {
        let is_machine = ground.dice.draw(any::<bool>()) || ground.stage.cluster.datacenters == 1;
        let (machine, datacenter) = (ground.machines()[0], ground.datacenters()[0]);
        let for_ms = if ground.dice.percent(70) {
            ground.dice.draw(3_000..9_000_u64)
        } else {
            ground.dice.log(100..40_000)
        };
        let machine = is_machine.then_some(machine);
        trouble = trouble.and(at_ms, away(ground, machine, datacenter, Direction::Both, for_ms));
        at_ms += for_ms + ALONE_MS + ground.dice.draw(1..10_000_u64);
    }
    trouble
}

/// One to three faults of 90 to 240 s, of any kind that lasts, that begin within half a minute.
pub(super) fn few_and_long(ground: &mut Ground<'_>) -> Trouble {
    (0..ground.dice.draw(1..=3_u8)).fold(Trouble::default(), |trouble, _| {
        let (at_ms, for_ms) = (ground.dice.draw(0..30_000_u64), ground.long_ms());
        let kind =
            if ground.dice.percent(60) { of_machine(ground, for_ms) } else { of_datacenter(ground, for_ms) };
        trouble.and(at_ms, kind)
    })
}

fn any_kind(ground: &mut Ground<'_>, for_ms: u64) -> FaultKind {
    match ground.dice.draw(0..10_u8) {
        0..5 => of_machine(ground, for_ms),
        5..7 => of_datacenter(ground, for_ms),
        7 => {
            let extra_ms = ground.dice.draw(50..5_000_u32);
            SlowDisk { target: ground.anybody(), extra_ms, for_ms }.into()
        }
        8 => SyncStall { target: ground.anybody(), for_ms }.into(),
        _ => {
            let by_ms = ground.dice.draw(-30_000..=30_000_i32);
            ClockStep { target: ground.anybody(), by_ms }.into()
        }
    }
}
