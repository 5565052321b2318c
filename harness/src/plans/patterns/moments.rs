//! Whoever is in the middle of something is struck: it claims a slice, hands one over, installs a snapshot. What brings such
//! moments about is a fault before them.

use reveille_sim::kinds::draw::{self, OfMachine};
use reveille_sim::plan::Target;

use super::super::trouble::{Ground, Trouble};
use super::restless::down;

/// A machine is down for a while, so that others take over and it catches up; and two to six faults wait for a moment.
pub(super) fn in_progress(ground: &mut Ground<'_>) -> Trouble {
    let (target, down_ms) = (ground.anybody(), ground.dice.log(500..30_000));
    let first = down(ground, target, down_ms);
    (0..ground.dice.draw(2..=6_u8)).fold(Trouble::one(first), |trouble, _| {
        let (cluster, target) = (ground.stage.cluster, Target::Next(ground.moment()));
        let (at_ms, for_ms) = (ground.dice.draw(0..60_000_u64), ground.dice.log(50..60_000));
        let kind = draw::of_machine(&OfMachine { cluster, target, for_ms });
        trouble.and(at_ms, ground.dice.draw(kind))
    })
}
