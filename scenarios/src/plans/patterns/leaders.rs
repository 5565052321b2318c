//! Whoever leads is struck: a datacenter's leader, a group's, the system group's, and again whoever leads then; or the leaders
//! of all datacenters at once.

use reveille_sim::kinds::draw::{self, OfMachine};
use reveille_sim::plan::{FaultKind, Target};

use super::super::trouble::{Ground, Trouble};

/// One to five faults of leaders over a minute, most of them short.
pub(super) fn struck(ground: &mut Ground<'_>) -> Trouble {
    (0..ground.dice.draw(1..=5_u8)).fold(Trouble::default(), |trouble, _| {
        let (target, at_ms) = (ground.any_leader(), ground.dice.draw(0..60_000_u64));
        let for_ms = ground.dice.log(100..120_000);
        trouble.and(at_ms, of_machine(ground, target, for_ms))
    })
}

/// The leaders of all datacenters within a second: nobody else's leader looks after their sessions (D5, D6).
pub(super) fn all_at_once(ground: &mut Ground<'_>) -> Trouble {
    let for_ms = ground.lasting_ms();
    ground.datacenters().into_iter().fold(Trouble::default(), |trouble, datacenter| {
        let at_ms = ground.dice.draw(0..1_000_u64);
        trouble.and(at_ms, of_machine(ground, Target::LeaderOfDatacenter(datacenter), for_ms))
    })
}

fn of_machine(ground: &mut Ground<'_>, target: Target, for_ms: u64) -> FaultKind {
    let cluster = ground.stage.cluster;
    ground.dice.draw(draw::of_machine(&OfMachine { cluster, target, for_ms }))
}
