//! Disks that are slow for minutes: one by seconds, or many by less than keeps a machine from being up (L2). And disks that lose
//! what they have promised (D8), where the atlas allows it.

use reveille_sim::kinds::{Crash, DiskReplaced, DiskRot, SlowDisk};
use reveille_sim::plan::Target;

use super::restless::down;

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

/// Disks of one to three machines are lost for ever, one after another; a machine may lose two of them.
pub(super) fn lost(ground: &mut Ground<'_>) -> Trouble {
    let machines = ground.within(ground.harm.datacenter);
    let (mut trouble, mut at_ms) = (Trouble::default(), 0);
    for _ in 0..ground.dice.draw(1..=3_u8) {
        let target = Target::Machine(ground.dice.one_of(&machines));
        let down_ms = ground.dice.log(50..90_000);
        trouble = trouble.and(at_ms, DiskReplaced { target: target.clone(), down_ms });
        if ground.dice.percent(40) {
            // In the middle of being built anew.
            let (again_ms, down_ms) = (ground.dice.log(100..20_000), ground.dice.log(50..10_000));
            trouble = trouble.and(at_ms + down_ms + again_ms, down(ground, target, down_ms));
        }
        at_ms = trouble.end_ms() + ground.dice.log(100..60_000);
    }
    trouble
}

/// A datacenter burns down: all its disks are lost at once, and its machines are back one after another.
pub(super) fn burned(ground: &mut Ground<'_>) -> Trouble {
    let machines = ground.within(ground.harm.datacenter);
    let all_ms = ground.dice.log(200..90_000);
    machines.into_iter().fold(Trouble::default(), |trouble, machine| {
        let down_ms = all_ms + ground.dice.log(10..20_000);
        trouble.and(0, DiskReplaced { target: Target::Machine(machine), down_ms })
    })
}

/// Bits rot on the disks of a machine or two, and sooner or later it restarts and reads them.
pub(super) fn rotten(ground: &mut Ground<'_>) -> Trouble {
    let machines = ground.within(ground.harm.datacenter);
    let mark = ground.harm.rots_mark;
    let (mut trouble, mut at_ms) = (Trouble::default(), 0);
    for _ in 0..ground.dice.draw(1..=3_u8) {
        let target = Target::Machine(ground.dice.one_of(&machines));
        let bytes = ground.dice.draw(1..=DiskRot::BYTES_MAX);
        trouble = trouble.and(at_ms, DiskRot { target: target.clone(), mark, bytes });
        let (read_ms, down_ms) = (ground.dice.log(10..30_000), ground.dice.log(50..10_000));
        let reads = if ground.dice.percent(70) {
            Crash { target, down_ms }.into()
        } else {
            down(ground, target, down_ms)
        };
        trouble = trouble.and(at_ms + read_ms, reads);
        at_ms = trouble.end_ms() + ground.dice.log(100..60_000);
    }
    trouble
}
