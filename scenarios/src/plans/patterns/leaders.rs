//! Whoever leads is struck: a datacenter's leader, a group's, the system group's, and again whoever leads then.

use reveille_sim::kinds::draw::{self, OfMachine};

use super::super::trouble::{Ground, Trouble};

/// One to five faults of leaders over a minute, most of them short.
pub(super) fn struck(ground: &mut Ground<'_>) -> Trouble {
    (0..ground.dice.draw(1..=5_u8)).fold(Trouble::default(), |trouble, _| {
        let (cluster, target) = (ground.stage.cluster, ground.any_leader());
        let (at_ms, for_ms) = (ground.dice.draw(0..60_000_u64), ground.dice.log(100..120_000));
        let kind = draw::of_machine(&OfMachine { cluster, target, for_ms });
        trouble.and(at_ms, ground.dice.draw(kind))
    })
}
