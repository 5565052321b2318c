//! Objects that are asked one thing and never again: to set an alarm. Nobody touches that alarm afterwards, beside whatever
//! the other objects on its machine do: what a neighbour's panic, reset, section or constructor does to it has to show.

use proptest::collection::vec;
use proptest::prelude::*;
use reveille_system::object::api::DurableObject;

use super::{Asked, Head, Moment};
use crate::scripted::Scripted;
use crate::scripted::programs::program;
use crate::scripted::script::{Call, Script, Step, When};
use reveille::plans::object;

/// At most so many of them in a plan.
const OBJECTS_MAX: usize = 4;
/// How far ahead their alarms are: from at once until long after the fault.
const AHEAD_MS: std::ops::Range<i64> = 0..180_000;

/// Numbers that no other object has, and hardly two of these.
const NUMBERS: std::ops::Range<usize> = 100..1_000_000;

/// One moment for each of them.
pub(super) fn left_alone(machines: u16, within_ms: u64) -> impl Strategy<Value = Vec<Moment>> {
    // Some are given up in the end: all seven runs fail (R2).
    let alarm = prop_oneof![2 => vec(program(0.3, 1), 0..3), 1 => Just(vec![vec![Step::Fail]; 7])];
    let asked = (AHEAD_MS, alarm, 0..machines);
    let asked = asked.prop_map(|(ahead_ms, alarm, machine)| {
        let steps = vec![Step::Do(Call::SetAlarm(When::InMs(ahead_ms)))];
        Asked {
            after_ms: 0,
            machine,
            script: Script { steps, alarm, construct: Vec::new() },
            head: Head::default(),
        }
    });
    let one = (0..within_ms, NUMBERS, asked).prop_map(|(at_ms, number, asked)| Moment {
        at_ms,
        object: object(Scripted::<true>::CLASS, number),
        asked: vec![asked],
        strike: None,
    });
    vec(one, 0..=OBJECTS_MAX)
}
