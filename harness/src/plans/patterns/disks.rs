//! Disks that are slow for minutes: one by seconds, or many by less than keeps a machine from being up (L2).

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

/// All disks, or all of a datacenter: each sync takes up to 450 ms longer, and replicas lag behind each other by as much.
pub(super) fn many_slow(ground: &mut Ground<'_>) -> Trouble {
    let struck = if ground.dice.percent(60) {
        ground.machines()
    } else {
        let datacenter = ground.datacenters()[0];
        ground.within(datacenter)
    };
    let for_ms = ground.lasting_ms();
    let slow = |machine| {
        let extra_ms = u32::try_from(ground.dice.log(20..450)).expect("less than a second");
        (0, SlowDisk { target: Target::Machine(machine), extra_ms, for_ms })
    };
    Trouble::of(struck.into_iter().map(slow).collect::<Vec<_>>())
}
