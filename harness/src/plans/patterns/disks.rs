//! Disks that are slow by seconds, for minutes.

use reveille_sim::kinds::SlowDisk;
use reveille_sim::plan::Target;

use super::super::trouble::{Ground, Trouble};

/// The disk of whoever leads: a datacenter, a group, the system group.
pub(super) fn slow_leader(ground: &mut Ground<'_>) -> Trouble {
    let target = ground.any_leader();
    slow(ground, target)
}

/// The disk of a machine, or of whoever holds an object.
pub(super) fn slow_machine(ground: &mut Ground<'_>) -> Trouble {
    let target = ground.dice.draw(ground.stage.machine());
    slow(ground, target)
}

fn slow(ground: &mut Ground<'_>, target: Target) -> Trouble {
    let (extra_ms, for_ms) = ground.dice.draw((500..5_000_u32, 60_000..200_000_u64));
    Trouble::one(SlowDisk { target, extra_ms, for_ms })
}
