//! What changes faster than anybody can settle: links that flap, machines that crash while they are cut off, machines that
//! start again and again while what they sent before is still on its way, that go and come while others take over, and that
//! are cut off while answers take as long as a lease.

use proptest::prelude::*;
use reveille_sim::kinds::{
    Crash, DatacenterCut, DatacenterDown, MachineCut, Partition, PowerLoss, SlowDisk, SlowLinks,
};
use reveille_sim::plan::{Direction, FaultKind, Flap, LinksOf, Moment, Target};

use super::super::trouble::{Ground, Trouble};
use super::cuts::link;

/// Links that are cut and open by turns, many times: one link, those of a machine, those between two datacenters or of one.
pub(super) fn flapping(ground: &mut Ground<'_>) -> Trouble {
    let turn = |ground: &mut Ground<'_>| u32::try_from(ground.dice.log(100..5_000)).expect("some seconds");
    let flap = Some(Flap { cut_ms: turn(ground), open_ms: turn(ground) });
    let (for_ms, direction) = (ground.lasting_ms().max(10_000), any_direction(ground));
    let shapes = if ground.stage.cluster.datacenters > 1 { 4_u8 } else { 2 };
    Trouble::one(match ground.dice.draw(0..shapes) {
        0 => FaultKind::from(Partition { flap, ..link(ground, for_ms) }),
        1 => MachineCut { target: ground.anybody(), for_ms, direction, flap }.into(),
        2 => DatacenterCut { datacenter: ground.datacenters()[0], for_ms, direction, flap }.into(),
        _ => {
            let pair = ground.datacenters();
            let (from, to) = (ground.within(pair[0]), ground.within(pair[1]));
            Partition { from, to, both_ways: ground.dice.draw(any::<bool>()), for_ms, flap }.into()
        }
    })
}

pub(super) fn any_direction(ground: &mut Ground<'_>) -> Direction {
    ground.dice.one_of(&[Direction::Both, Direction::In, Direction::Out])
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
        let direction = any_direction(ground);
        (MachineCut { target: target.clone(), for_ms, direction, flap: None }.into(), target)
    };
    let after_ms = ground.dice.draw(1_000..10_000_u64);
    let down_ms = ground.dice.log(200..10_000);
    Trouble::one(cut).and(after_ms, down(ground, end, down_ms))
}

/// A machine crashes several times within the time that a message takes, before its questions have their answers or before it
/// has renewed its session for the first time; mostly its links or its disk are slow. What its former incarnations have sent
/// arrives among what the last one sends. Half the time it stays away in the end.
pub(super) fn incarnations(ground: &mut Ground<'_>) -> Trouble {
    let machine = Target::Machine(ground.machines()[0]);
    let factor_percent = ground.dice.draw(2_000..SlowLinks::FACTOR_MAX_PERCENT);
    let (extra_ms, for_ms) = ground.dice.draw((50..3_000_u32, 5_000..30_000_u64));
    let mut trouble = match ground.dice.draw(0..10_u8) {
        0..4 => Trouble::one(SlowLinks { of: LinksOf::Machine(machine.clone()), factor_percent, for_ms }),
        // What it has written stands in its page cache for as long.
        4..7 => Trouble::one(SlowDisk { target: machine.clone(), extra_ms, for_ms }),
        _ => Trouble::default(),
    };
    let mut at_ms = ground.dice.draw(500..3_000_u64);
    for _ in 0..ground.dice.draw(2..=5_u8) {
        let apart_ms = match ground.dice.draw(0..3_u8) {
            0 => ground.dice.draw(50..300_u64),
            1 => ground.dice.draw(300..2_000_u64),
            _ => ground.dice.log(50..6_000),
        };
        let down_ms = ground.dice.draw(10..apart_ms.min(1_500));
        trouble = trouble.and(at_ms, down(ground, machine.clone(), down_ms));
        at_ms += apart_ms;
    }
    if ground.dice.draw(any::<bool>()) {
        let down_ms = ground.dice.draw(30_000..150_000_u64);
        trouble = trouble.and(at_ms, down(ground, machine, down_ms));
    }
    trouble
}

/// A machine or a datacenter goes for about as long as a session outlasts its machine, and is back while others are taking
/// over, again and again; and who takes over is cut off for less than a lease while it claims. Whoever is given a slice
/// has to leave it again before it knows that it has it (O1, L2). Half the time all links are slow, and what others have begun
/// takes as long as that.
pub(super) fn back_and_forth(ground: &mut Ground<'_>) -> Trouble {
    let (machine, datacenter) = (ground.machines()[0], ground.datacenters()[0]);
    let is_machine = ground.dice.percent(50) || ground.stage.cluster.datacenters == 1;
    let is_slow = ground.dice.draw(any::<bool>());
    let (mut trouble, mut at_ms) = (Trouble::default(), 0);
    for _ in 0..ground.dice.draw(2..=4_u8) {
        let away_ms = ground.dice.draw(3_000..10_000_u64);
        let direction = any_direction(ground);
        let machine = is_machine.then_some(machine);
        trouble = trouble.and(at_ms, away(ground, machine, datacenter, direction, away_ms));
        for _ in 0..ground.dice.draw(1..=3_u8) {
            let (target, direction) = (Target::Next(Moment::ClaimSlice), any_direction(ground));
            let for_ms = ground.dice.log(100..4_000);
            let from_ms = at_ms + ground.dice.draw(2_000..away_ms);
            trouble = trouble.and(from_ms, MachineCut { target, for_ms, direction, flap: None });
        }
        at_ms += away_ms + ground.dice.draw(3_000..25_000_u64);
    }
    if is_slow {
        // A round trip between two datacenters takes from parts of a second to a second or two.
        let (factor_percent, for_ms) = (ground.dice.draw(300..2_000_u32), trouble.end_ms() + 10_000);
        trouble = trouble.and(0, SlowLinks { of: LinksOf::All, factor_percent, for_ms });
    }
    trouble
}

/// A machine, or all of a datacenter, is down or cut off for a while.
pub(super) fn away(
    ground: &mut Ground<'_>,
    machine: Option<u16>,
    datacenter: u16,
    direction: Direction,
    for_ms: u64,
) -> FaultKind {
    let is_cut = ground.dice.draw(any::<bool>());
    match machine.map(Target::Machine) {
        Some(target) if is_cut => MachineCut { target, for_ms, direction, flap: None }.into(),
        Some(target) => down(ground, target, for_ms),
        None if is_cut => DatacenterCut { datacenter, for_ms, direction, flap: None }.into(),
        None => {
            let power = ground.dice.draw(any::<bool>());
            DatacenterDown { datacenter, down_ms: for_ms, power }.into()
        }
    }
}

/// What a machine asks is answered after about as long as a lease lasts, and some of that is on its way when the machine is cut
/// off, again and again: a lease counts from before it was asked for (O1). Mostly the question arrives at once and only the
/// answer is late, or the reverse.
pub(super) fn slow_and_cut_off(ground: &mut Ground<'_>) -> Trouble {
    let machine = ground.machines()[0];
    let target = Target::Machine(machine);
    let for_ms = ground.dice.draw(30_000..90_000_u64);
    let slow = if ground.dice.percent(75) {
        let direction = any_direction(ground);
        let factor_percent = ground.dice.draw(3_000..SlowLinks::FACTOR_MAX_PERCENT);
        FaultKind::from(SlowLinks { of: links_of(ground, machine, direction), factor_percent, for_ms })
    } else {
        let extra_ms = ground.dice.draw(500..4_000_u32);
        SlowDisk { target: Target::LeaderOfSystemGroup, extra_ms, for_ms }.into()
    };
    let (mut trouble, mut at_ms) = (Trouble::one(slow), 0);
    for _ in 0..ground.dice.draw(2..=5_u8) {
        at_ms += ground.dice.draw(3_000..10_000_u64);
        // What is on its way to the machine arrives only if that way is open.
        let direction = ground.dice.one_of(&[Direction::Both, Direction::In, Direction::Out, Direction::Out]);
        let cut_ms = ground.dice.draw(5_000..25_000_u64);
        trouble =
            trouble.and(at_ms, MachineCut { target: target.clone(), for_ms: cut_ms, direction, flap: None });
        at_ms += cut_ms;
    }
    trouble
}

/// The links between a machine and all others, one way or both.
fn links_of(ground: &Ground<'_>, machine: u16, direction: Direction) -> LinksOf {
    let others = || (0..ground.stage.cluster.machines()).filter(|other| *other != machine).collect();
    match direction {
        Direction::Both => LinksOf::Machine(Target::Machine(machine)),
        Direction::In => LinksOf::Between { from: others(), to: vec![machine] },
        Direction::Out => LinksOf::Between { from: vec![machine], to: others() },
    }
}

/// Down, with the page cache or without.
pub(super) fn down(ground: &mut Ground<'_>, target: Target, down_ms: u64) -> FaultKind {
    if ground.dice.percent(70) {
        Crash { target, down_ms }.into()
    } else {
        PowerLoss { target, down_ms }.into()
    }
}
