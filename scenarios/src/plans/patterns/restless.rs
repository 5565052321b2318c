//! What changes faster than anybody can settle: links that flap, machines that crash while they are cut off, and machines
//! that start again and again while what they sent before is still on its way.

use proptest::prelude::*;
use reveille_sim::kinds::{Crash, MachineCut, Partition, PowerLoss, SlowLinks};
use reveille_sim::plan::{Direction, FaultKind, LinksOf, Target};

use super::super::trouble::{Ground, Trouble};
use super::cuts::link;

/// The same links cut and open again, many times.
pub(super) fn flapping(ground: &mut Ground<'_>) -> Trouble {
    const TIMES_MAX: u64 = 80;
    let links = flapping_links(ground);
    let (cut_ms, open_ms) = (ground.dice.log(100..5_000), ground.dice.log(100..5_000));
    let times = (ground.lasting_ms() / (cut_ms + open_ms)).clamp(6, TIMES_MAX);
    let each = (0..times).map(|time| (time * (cut_ms + open_ms), links.lasting(cut_ms)));
    Trouble::of(each.collect::<Vec<_>>())
}

/// One link, those of a machine, or those between two datacenters.
fn flapping_links(ground: &mut Ground<'_>) -> FaultKind {
    match ground.dice.draw(0..3_u8) {
        0 => link(ground, 0).into(),
        1 => {
            // By number: a role may have moved by the next time.
            let target = Target::Machine(ground.machines()[0]);
            let direction = ground.dice.one_of(&[Direction::Both, Direction::In, Direction::Out]);
            MachineCut { target, for_ms: 0, direction }.into()
        }
        _ => {
            let pair = ground.datacenters();
            let (from, to) = (ground.within(pair[0]), ground.within(pair[1]));
            Partition { from, to, both_ways: ground.dice.draw(any::<bool>()), for_ms: 0 }.into()
        }
    }
}

/// A link or a machine is cut off, and some seconds later one end crashes and is soon back.
pub(super) fn cut_and_crash(ground: &mut Ground<'_>) -> Trouble {
    let for_ms = ground.long_ms();
    let (cut, end) = if ground.dice.percent(70) {
        let link = link(ground, for_ms);
        let end = Target::Machine(ground.dice.one_of(&[link.from[0], link.to[0]]));
        (FaultKind::from(link), end)
    } else {
        let target = Target::Machine(ground.machines()[0]);
        let direction = ground.dice.one_of(&[Direction::Both, Direction::In, Direction::Out]);
        (MachineCut { target: target.clone(), for_ms, direction }.into(), target)
    };
    let after_ms = ground.dice.draw(1_000..10_000_u64);
    let down_ms = ground.dice.log(200..10_000);
    Trouble::one(cut).and(after_ms, down(ground, end, down_ms))
}

/// A machine's links are slow, and it crashes several times within the time that a message takes: what its former
/// incarnations have sent arrives among what the last one sends.
pub(super) fn incarnations(ground: &mut Ground<'_>) -> Trouble {
    let machine = Target::Machine(ground.machines()[0]);
    let factor_percent = ground.dice.draw(2_000..SlowLinks::FACTOR_MAX_PERCENT);
    let for_ms = ground.dice.draw(5_000..30_000_u64);
    let slow = SlowLinks { of: LinksOf::Machine(machine.clone()), factor_percent, for_ms };
    let mut trouble = Trouble::one(slow);
    let mut at_ms = ground.dice.draw(500..3_000_u64);
    for _ in 0..ground.dice.draw(2..=5_u8) {
        let apart_ms = ground.dice.draw(50..300_u64);
        let down_ms = ground.dice.draw(10..apart_ms);
        trouble = trouble.and(at_ms, down(ground, machine.clone(), down_ms));
        at_ms += apart_ms;
    }
    trouble
}

/// Down, with the page cache or without.
fn down(ground: &mut Ground<'_>, target: Target, down_ms: u64) -> FaultKind {
    if ground.dice.percent(70) {
        Crash { target, down_ms }.into()
    } else {
        PowerLoss { target, down_ms }.into()
    }
}
