//! Alarms that become due while something keeps them from starting, and clocks that step back meanwhile: what was due is not
//! when the gate opens (F2).
//!
//! ```text
//! set_alarm ... | section, constructor or run ............................. |
//!                    ^ due    ^ the clock of its machine steps back    opens ^
//! ```

use proptest::prelude::*;

use super::{Asked, Head, Strike, runs};
use crate::scripted::script::{Call, Script, Step, When};

/// When the alarm is due, counted from the call that sets it.
const AHEAD_MS: std::ops::Range<i64> = 0..1_500;
/// One service after another: some seconds.
const CALLS: std::ops::Range<usize> = 4..20;
/// When the clock steps, counted from the last request.
const AFTER_MS: std::ops::Range<u64> = 300..4_000;
/// How far, from hardly further than the alarm is overdue on.
const BACK_MS: std::ops::Range<u32> = 500..20_000;

/// What an object is asked, all of it through one machine, and the step of the clock.
pub(super) fn at_the_gate(machines: u16) -> impl Strategy<Value = (Vec<Asked>, Strike)> {
    let set = AHEAD_MS.prop_map(|in_ms| Step::Do(Call::SetAlarm(When::InMs(in_ms))));
    let waits = CALLS.prop_map(|calls| vec![Step::Fetch("x".into()); calls]);
    let scripts = (0..3_u8, set, waits, 200..500_u64).prop_map(|(behind, set, waits, then_ms)| {
        let of = |steps| Script { steps, ..Script::default() };
        match behind {
            0 => vec![(0, of(vec![set, Step::Block(waits)]))],
            1 => {
                let first =
                    Script { construct: vec![waits], ..of(vec![set, Step::Do(Call::Sync), Step::Panic]) };
                vec![(0, first), (then_ms, Script::default())]
            }
            _ => vec![(0, runs(vec![waits])), (then_ms, of(vec![set]))],
        }
    });
    let strike = (AFTER_MS, BACK_MS).prop_map(|(after_ms, back_ms)| Strike::StepBack { after_ms, back_ms });
    (scripts, strike, 0..machines).prop_map(|(scripts, strike, machine)| {
        let ask = |(after_ms, script)| Asked { after_ms, machine, script, head: Head::default() };
        (scripts.into_iter().map(ask).collect(), strike)
    })
}
