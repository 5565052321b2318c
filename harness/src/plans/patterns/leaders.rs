//! Whoever leads is struck: a datacenter's leader, a group's, the system group's, and again whoever leads then; or the leaders
//! of all datacenters at once.

use reveille_sim::kinds::draw::{self, OfMachine};
use reveille_sim::kinds::{Crash, MachineCut, Pause, PowerLoss};
use reveille_sim::plan::{FaultKind, Target};

use super::super::trouble::{Ground, Trouble};
use super::restless::any_direction;

/// One to five faults of leaders over a minute, most of them short.
pub(super) fn struck(ground: &mut Ground<'_>) -> Trouble {
    (0..ground.dice.draw(1..=5_u8)).fold(Trouble::default(), |trouble, _| {
        let (cluster, target) = (ground.stage.cluster, ground.any_leader());
        let (at_ms, for_ms) = (ground.dice.draw(0..60_000_u64), ground.dice.log(100..120_000));
        let kind = draw::of_machine(&OfMachine { cluster, target, for_ms });
        trouble.and(at_ms, ground.dice.draw(kind))
    })
}

/// Whoever leads one group goes for a moment, again and again: who asks the group finds its leader gone, and the other replicas
/// have not heard yet what is committed (S4).
pub(super) fn of_one_group(ground: &mut Ground<'_>) -> Trouble {
    let target = Target::LeaderOfGroup(ground.dice.draw(0..ground.stage.cluster.groups));
    let mut at_ms = 0;
    (0..ground.dice.draw(5..=15_u8)).fold(Trouble::default(), |trouble, _| {
        at_ms += ground.dice.log(500..15_000);
        let (target, for_ms) = (target.clone(), ground.dice.log(200..6_000));
        let kind = if ground.dice.percent(50) {
            FaultKind::from(Crash { target, down_ms: for_ms })
        } else {
            MachineCut { target, for_ms, direction: any_direction(ground), flap: None }.into()
        };
        trouble.and(at_ms, kind)
    })
}

/// The leaders of all datacenters go within a second, in one way: no other datacenter's leader ends their sessions (D5, D6).
pub(super) fn all_at_once(ground: &mut Ground<'_>) -> Trouble {
    let (for_ms, way) = (ground.lasting_ms(), ground.dice.draw(0..4_u8));
    let direction = any_direction(ground);
    let gone = |target| match way {
        0 => FaultKind::from(Crash { target, down_ms: for_ms }),
        1 => PowerLoss { target, down_ms: for_ms }.into(),
        2 => Pause { target, for_ms }.into(),
        _ => MachineCut { target, for_ms, direction, flap: None }.into(),
    };
    let datacenters = ground.datacenters().into_iter();
    let each = datacenters
        .map(|datacenter| (ground.dice.draw(0..1_000_u64), gone(Target::LeaderOfDatacenter(datacenter))));
    Trouble::of(each.collect::<Vec<_>>())
}
