//! Wall clocks that step by seconds to an hour, both ways, while alarms run, fail and wait.

use proptest::prelude::*;
use reveille_sim::kinds::ClockStep;
use reveille_sim::plan::Target;

use super::super::trouble::{Ground, Trouble};

/// The clocks of one to three machines step, and are put right some seconds to a minute and a half later.
pub(super) fn put_right(ground: &mut Ground<'_>) -> Trouble {
    stepping(ground).into_iter().fold(Trouble::default(), |trouble, (at_ms, step)| {
        let after_ms = ground.dice.log(500..90_000);
        let back = ClockStep { by_ms: -step.by_ms, ..step.clone() };
        trouble.and(at_ms, step).and(at_ms + after_ms, back)
    })
}

/// The clocks of one to three machines step, and stay wrong.
pub(super) fn left_wrong(ground: &mut Ground<'_>) -> Trouble {
    Trouble::of(stepping(ground))
}

/// The clock of one machine steps to and fro by up to a minute, every few seconds.
pub(super) fn to_and_fro(ground: &mut Ground<'_>) -> Trouble {
    let target = Target::Machine(ground.machines()[0]);
    let (mut trouble, mut at_ms) = (Trouble::default(), 0);
    for _ in 0..ground.dice.draw(4..=15_u8) {
        let by_ms = i32::try_from(ground.dice.log(500..60_000)).expect("a minute in milliseconds");
        let for_ms = ground.dice.log(200..8_000);
        let by_ms = if ground.dice.draw(any::<bool>()) { by_ms } else { -by_ms };
        trouble = trouble.and(at_ms, ClockStep { target: target.clone(), by_ms });
        trouble = trouble.and(at_ms + for_ms, ClockStep { target: target.clone(), by_ms: -by_ms });
        at_ms += for_ms + ground.dice.log(200..8_000);
    }
    trouble
}

/// By number: whoever has a role when the clock is put right may be another machine.
fn stepping(ground: &mut Ground<'_>) -> Vec<(u64, ClockStep)> {
    let machines = ground.machines();
    let struck = ground.dice.draw(1..=machines.len().min(3));
    let step = |machine: &u16| {
        let far = ground.dice.log(1_000..u64::from(ClockStep::BY_MAX_MS) + 1);
        let far = i32::try_from(far).expect("an hour in milliseconds");
        let by_ms = if ground.dice.draw(any::<bool>()) { far } else { -far };
        (ground.dice.draw(0..20_000_u64), ClockStep { target: Target::Machine(*machine), by_ms })
    };
    machines[..struck].iter().map(step).collect()
}
