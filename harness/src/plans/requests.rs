//! When clients ask. In the fault phase at any time, and above all when something breaks; and again in the quiet phase, once
//! everything has been well for a minute, so that what was broken for good shows.

use std::ops::Range;

use proptest::prelude::*;
use reveille_sim::plan::{Phases, Request};

use super::dice::Dice;
use super::{Body, object};

/// A request that has no body yet: when, through which machine, which object, and what its body is drawn from.
pub(super) type Asking = (u64, u16, usize, u32);

/// Any request of so many objects, through one of so many machines.
pub(super) fn asking(machines: u16, objects: usize, within_ms: u64) -> impl Strategy<Value = Asking> {
    (0..within_ms, 0..machines, 0..objects, any::<u32>())
}

/// A client that does not wait for answers: it asks one object again and again, within a second or within most of a minute,
/// through one machine or by turns through two or three.
pub(super) fn insistent(dice: &mut Dice, machines: u16, objects: usize, from_ms: u64) -> Vec<Asking> {
    let (many, which) = (dice.draw(4..=24_usize), dice.draw(0..objects));
    let (every_ms, ways) = (dice.log(50..2_000), dice.draw(1..=3_usize));
    let ways: Vec<u16> = dice.shuffled(0..machines).into_iter().take(ways).collect();
    let through = ways.into_iter().cycle().take(many);
    let times = (0..).map(|count| from_ms + count * every_ms);
    times.zip(through).map(|(at_ms, machine)| (at_ms, machine, which, dice.draw(any::<u32>()))).collect()
}

/// The requests themselves, by time and numbered from `first` on.
pub(super) fn requests(class: &str, body: &Body, first: usize, mut asked: Vec<Asking>) -> Vec<Request> {
    asked.sort_by_key(|(at_ms, ..)| *at_ms);
    let numbered = asked.into_iter().zip(first..);
    numbered
        .map(|((at_ms, machine, which, dice), index)| Request {
            at_ms,
            machine,
            object: object(class, which),
            body: body(index, dice),
        })
        .collect()
}

/// The time of the quiet phase in which clients ask, counted from the begin of the fault phase: 60 s after the heal
/// everything is as it should be (L2, L4), and what is asked 20 s before the end has time to be answered and followed by
/// its alarm.
pub(super) fn late(phases: Phases) -> Range<u64> {
    const AFTER_HEAL_MS: u64 = 60_000;
    const BEFORE_END_MS: u64 = 20_000;
    let Phases { faults_ms, quiet_ms, .. } = phases;
    faults_ms + AFTER_HEAL_MS..faults_ms + quiet_ms - BEFORE_END_MS
}
