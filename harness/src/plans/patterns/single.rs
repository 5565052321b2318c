//! One fault, or a few that last: the bounds of time have nothing to hide behind.

use reveille_sim::kinds::{ClockStep, SlowDisk, SyncStall};
use reveille_sim::plan::FaultKind;

use super::super::trouble::{Ground, Trouble};
use super::ordinary::{of_datacenter, of_machine};

/// Exactly one fault, of any kind.
pub(in super::super) fn single(ground: &mut Ground<'_>) -> Trouble {
    let for_ms = ground.dice.log(100..200_000);
    Trouble::one(any_kind(ground, for_ms))
}

/// One to three faults of 90 to 200 s, of any kind that lasts, that begin within half a minute.
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
