//! More than one datacenter at a time is down or cut off: nothing can be served where no majority is left (D2), and what was
//! promised before has to come true once there is one again (L2).

use proptest::prelude::*;
use reveille_sim::kinds::{DatacenterCut, DatacenterDown};
use reveille_sim::plan::Direction;

use super::super::trouble::{Ground, Trouble};

/// How far apart the datacenters begin and end, at most.
const STAGGERED_MS: u64 = 4_000;

/// Everything is off, for a minute to two hours.
pub(super) fn night(ground: &mut Ground<'_>) -> Trouble {
    const LONGEST_MS: u64 = 2 * 3_600_000;
    let (down_ms, power) = (ground.dice.log(60_000..LONGEST_MS), ground.dice.draw(any::<bool>()));
    let (mut trouble, mut night) = (Trouble::default(), 0..u64::MAX);
    for datacenter in ground.datacenters() {
        let at_ms = ground.dice.draw(0..STAGGERED_MS);
        let down_ms = down_ms + ground.dice.draw(0..STAGGERED_MS);
        night = night.start.max(at_ms)..night.end.min(at_ms + down_ms);
        trouble = trouble.and(at_ms, DatacenterDown { datacenter, down_ms, power });
    }
    Trouble { night: Some(night), ..trouble }
}

/// No datacenter sees another one.
pub(super) fn all_apart(ground: &mut Ground<'_>) -> Trouble {
    let for_ms = ground.lasting_ms() + STAGGERED_MS;
    let each = ground.datacenters().into_iter().map(|datacenter| {
        (
            ground.dice.draw(0..STAGGERED_MS),
            DatacenterCut { datacenter, for_ms, direction: Direction::Both, flap: None },
        )
    });
    Trouble::of(each.collect::<Vec<_>>())
}

/// Two datacenters of three are down; of five, four.
pub(super) fn two_down(ground: &mut Ground<'_>) -> Trouble {
    let down_ms = ground.lasting_ms() + STAGGERED_MS;
    let each = ground.datacenters().into_iter().skip(1).map(|datacenter| {
        let power = ground.dice.draw(any::<bool>());
        (ground.dice.draw(0..STAGGERED_MS), DatacenterDown { datacenter, down_ms, power })
    });
    Trouble::of(each.collect::<Vec<_>>())
}
