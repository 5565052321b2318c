//! Moments at which a call is in flight when its machine is struck: an object is brought into a state, is busy there with
//! one kind of call, and its machine dies.
//!
//! ```text
//! reads     a request is sent ... arrives | read, read, read, read, ...
//!                                                    ^ down
//! writes    a request is sent ... arrives | write, sync ...
//!           ^ silent: nothing that the machine sends arrives  ^ down
//! ```
//!
//! A machine that was not silent before takes hardly a write with it: what it has sent becomes durable all the same.

use std::ops::Range;

use proptest::prelude::*;

use super::{Asked, Head, Strike, runs, strike};
use crate::scripted::busy::{reads, writes};
use crate::scripted::script::{Call, Script, Step, When};

/// What an object is asked, all of it through one machine, and the end of the machine that has it.
type Moment = (Vec<Asked>, Strike);

/// When a machine is down that was asked to read: the request has mostly arrived, and its program is not over.
const READS_MS: Range<u64> = 5..110;
/// For how long a machine that was asked to write is silent before it is down.
const SILENT_MS: Range<u64> = 120..300;

/// The rarer an object gets into the state, and is still in it then, the more often it is tried.
pub(super) fn in_flight(machines: u16) -> impl Strategy<Value = Moment> {
    let plain = Script { steps: vec![set_late_alarm()], ..Script::default() };
    let in_run = runs(vec![vec![Step::Fetch("x".into()); 9]]);
    let in_backoff = runs(vec![vec![Step::Fail]]);
    prop_oneof![
        1 => by_request(machines, plain.clone(), 300..1_000, |steps| steps),
        1 => by_request(machines, plain, 300..1_000, |steps| vec![Step::Transaction(steps)]),
        3 => by_request(machines, in_run, 400..800, |steps| steps),
        3 => by_request(machines, in_backoff, 500..1_800, |steps| steps),
        3 => by_handler(machines),
        2 => by_constructor(machines),
    ]
}

/// The second request is busy, in the state that the first one brings about.
fn by_request(
    machines: u16,
    first: Script,
    after_ms: Range<u64>,
    within: fn(Vec<Step>) -> Vec<Step>,
) -> impl Strategy<Value = Moment> {
    // Silent from the moment at which it is sent: the machine hears it, and none of its writes becomes durable.
    (busy(READS_MS, 0..1), after_ms, 0..machines).prop_map(move |((steps, strike), after_ms, machine)| {
        let second = Script { steps: within(steps), ..Script::default() };
        (asked(machine, [(0, first.clone()), (after_ms, second)]), strike)
    })
}

/// `alarm()` is busy. It starts once the request that has set it is durable.
fn by_handler(machines: u16) -> impl Strategy<Value = Moment> {
    (busy(60..400, 50..400), 0..machines)
        .prop_map(|((steps, strike), machine)| (asked(machine, [(0, runs(vec![steps]))]), strike))
}

/// The constructor is busy that the second request needs.
fn by_constructor(machines: u16) -> impl Strategy<Value = Moment> {
    // Silent a little later: it has to read its program first.
    (busy(READS_MS, 5..110), 200..500_u64, 0..machines).prop_map(|((steps, strike), after_ms, machine)| {
        let first =
            Script { steps: vec![set_late_alarm(), Step::Panic], alarm: Vec::new(), construct: vec![steps] };
        (asked(machine, [(0, first), (after_ms, Script::default())]), strike)
    })
}

/// A busy program, and the strike after the last request: when the machine is down if it reads, when it falls silent if it
/// writes. Reads are tried twice as often: they are in flight for a shorter time.
fn busy(reads_ms: Range<u64>, writes_ms: Range<u64>) -> impl Strategy<Value = (Vec<Step>, Strike)> {
    // Mostly it is soon back: while it is down its objects are out of reach of other moments.
    let down_ms = || prop_oneof![3 => 200..1_500_u64, 1 => 1_500..6_000_u64];
    prop_oneof![
        6 => (reads(), strike(reads_ms, 0..1, down_ms())),
        9 => (writes(), strike(writes_ms, SILENT_MS, down_ms())),
    ]
}

fn asked<const N: usize>(machine: u16, scripts: [(u64, Script); N]) -> Vec<Asked> {
    scripts.map(|(after_ms, script)| Asked { after_ms, machine, script, head: Head::default() }).into()
}

/// Gives calls that take an alarm out of the slot something to take.
fn set_late_alarm() -> Step {
    Step::Do(Call::SetAlarm(When::InMs(60_000)))
}
