//! Links that are cut, in every shape that lasts. Shapes that change all the time stand in [`super::restless`].

use proptest::prelude::*;
use reveille_sim::kinds::{DatacenterCut, MachineCut, Partition};
use reveille_sim::plan::Direction;

use super::super::trouble::{Ground, Trouble};

/// One to three links of pairs of machines, both ways or one.
pub(super) fn one_link(ground: &mut Ground<'_>) -> Trouble {
    let links = ground.dice.draw(1..=3_u64);
    // Mostly one.
    let links = if ground.dice.percent(60) { 1 } else { links };
    let for_ms = ground.lasting_ms();
    (0..links).fold(Trouble::default(), |trouble, _| {
        let at_ms = ground.dice.draw(0..2_000_u64);
        trouble.and(at_ms, link(ground, for_ms))
    })
}

/// The link between two machines.
pub(super) fn link(ground: &mut Ground<'_>, for_ms: u64) -> Partition {
    let pair = ground.machines();
    let both_ways = ground.dice.draw(any::<bool>());
    Partition { from: vec![pair[0]], to: vec![pair[1]], both_ways, for_ms, flap: None }
}

fn cut(ground: &mut Ground<'_>, direction: Direction) -> Trouble {
    let (target, for_ms) = (ground.anybody(), ground.lasting_ms());
    Trouble::one(MachineCut { target, for_ms, direction, flap: None })
}

/// A machine that is cut off.
pub(super) fn machine(ground: &mut Ground<'_>) -> Trouble {
    cut(ground, Direction::Both)
}

/// A machine that is heard and hears nothing.
pub(super) fn deaf_machine(ground: &mut Ground<'_>) -> Trouble {
    cut(ground, Direction::In)
}

/// A machine that hears and is not heard.
pub(super) fn mute_machine(ground: &mut Ground<'_>) -> Trouble {
    cut(ground, Direction::Out)
}

/// A datacenter that is heard by the others and hears nothing from them.
pub(super) fn deaf_datacenter(ground: &mut Ground<'_>) -> Trouble {
    one_way(ground, Direction::In)
}

/// A datacenter that hears the others and is not heard by them.
pub(super) fn mute_datacenter(ground: &mut Ground<'_>) -> Trouble {
    one_way(ground, Direction::Out)
}

fn one_way(ground: &mut Ground<'_>, direction: Direction) -> Trouble {
    let (datacenter, for_ms) = (ground.datacenters()[0], ground.lasting_ms());
    Trouble::one(DatacenterCut { datacenter, for_ms, direction, flap: None })
}

/// Two datacenters that do not see each other, and both see the third; both ways or one.
pub(super) fn two_that_see_the_third(ground: &mut Ground<'_>) -> Trouble {
    let (pair, for_ms) = (ground.datacenters(), ground.lasting_ms());
    let (from, to) = (ground.within(pair[0]), ground.within(pair[1]));
    let both_ways = ground.dice.percent(60);
    Trouble::one(Partition { from, to, both_ways, for_ms, flap: None })
}

/// Machines in a row, alone or a few together, each of which sees only the ones beside it.
pub(super) fn chain(ground: &mut Ground<'_>) -> Trouble {
    const SHORTEST: usize = 4;
    let (order, for_ms) = (ground.machines(), ground.lasting_ms());
    let all = order.len();
    let length = ground.dice.draw(SHORTEST..=all);
    // Where one place in the row ends and the next begins.
    let mut bounds = ground.dice.shuffled(1..all);
    bounds.truncate(length - 1);
    bounds.extend([0, all]);
    bounds.sort_unstable();
    let cut = |place: &[usize]| {
        let (from, to) = (order[place[0]..place[1]].to_vec(), order[place[2]..].to_vec());
        Partition { from, to, both_ways: true, for_ms, flap: None }
    };
    let not_beside = bounds.windows(3).filter(|place| place[2] < all);
    Trouble::of(not_beside.map(|place| (0, cut(place))))
}

/// Two halves that see each other only through one machine.
pub(super) fn bridge(ground: &mut Ground<'_>) -> Trouble {
    let (order, for_ms) = (ground.machines(), ground.lasting_ms());
    let halves = &order[1..];
    let (from, to) = halves.split_at(ground.dice.draw(2..=halves.len() - 2));
    Trouble::one(Partition { from: from.to_vec(), to: to.to_vec(), both_ways: true, for_ms, flap: None })
}
