//! What scripted objects are asked to do: scripts as proptest strategies, so that a plan's programs shrink step by step.
//!
//! Few keys and short times, so that calls meet each other; most programs end well, so that there is something to meet.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use reveille_sim::plan::Request;
use reveille_system::object::api::DurableObject;
use reveille_system::object::view::{KEY_LEN_MAX, VALUE_LEN_MAX};

use super::Scripted;
use super::script::{Call, Range, Script, Step, Text, When};
use crate::plans::{CLUSTER, object};

/// At most so many moments at which objects are asked something.
const MOMENTS_MAX: usize = 70;

/// All requests of a plan. At one moment an object is asked one thing, or several at the same instant.
pub(super) fn requests(objects: usize, within_ms: u64) -> BoxedStrategy<Vec<Request>> {
    let asked = || (0..CLUSTER.machines(), script());
    let asked = prop_oneof![5 => vec(asked(), 1), 2 => vec(asked(), 2..5)];
    // One object of the other class, asked now and then.
    let name = prop_oneof![
        12 => (0..objects).prop_map(|index| object(Scripted::<true>::CLASS, index)),
        1 => Just(object(Scripted::<false>::CLASS, 0)),
    ];
    let moments = vec((0..within_ms, name, asked), 0..=MOMENTS_MAX);
    moments
        .prop_map(|mut moments| {
            moments.sort_by_key(|(at_ms, ..)| *at_ms);
            let requests = moments.into_iter().flat_map(|(at_ms, object, asked)| {
                asked.into_iter().map(move |(machine, script)| Request {
                    at_ms,
                    machine,
                    object: object.clone(),
                    body: script.to_body(),
                })
            });
            requests.collect()
        })
        .boxed()
}

fn script() -> impl Strategy<Value = Script> {
    // A third of the attempts fail, so that retries are common and giving up happens.
    let alarm = prop_oneof![3 => Just(Vec::new()), 4 => vec(program(2), 1..4), 1 => vec(program(12), 7)];
    let construct = prop_oneof![6 => Just(Vec::new()), 1 => vec(constructor(), 1..3)];
    (program(1), alarm, construct).prop_map(|(steps, alarm, construct)| Script { steps, alarm, construct })
}

/// What a request or a run of `alarm()` does. `failing` is how many of a dozen do not end well.
fn program(failing: u32) -> impl Strategy<Value = Vec<Step>> {
    let end = prop_oneof![
        12 - failing => Just(None),
        failing => prop_oneof![8 => Just(Step::Fail), 3 => Just(Step::Panic), 2 => Just(Step::Hang), 1 => Just(Step::Exceed)].prop_map(Some),
    ];
    (vec(step(), 0..6), end).prop_map(|(mut steps, end)| {
        steps.extend(end);
        steps
    })
}

fn constructor() -> impl Strategy<Value = Vec<Step>> {
    let end = prop_oneof![
        5 => Just(None),
        1 => prop_oneof![4 => Just(Step::Fail), 2 => Just(Step::Panic), 1 => Just(Step::Hang)].prop_map(Some),
    ];
    (vec(step(), 0..4), end).prop_map(|(mut steps, end)| {
        steps.extend(end);
        steps
    })
}

fn step() -> impl Strategy<Value = Step> {
    let section = (vec(simple_step(), 1..4), prop_oneof![15 => Just(None), 1 => Just(Some(Step::Fail))])
        .prop_map(|(mut steps, end)| {
            steps.extend(end);
            Step::Block(steps)
        });
    prop_oneof![16 => simple_step(), 1 => section]
}

fn simple_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => call().prop_map(Step::Do),
        4 => call().prop_map(Step::Start),
        2 => vec(call(), 2..4).prop_map(Step::Together),
        3 => "[a-z]{1,3}".prop_map(Step::Fetch),
        1 => "[a-z]{1,3}".prop_map(Step::Post),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        4 => key().prop_map(Call::Get),
        5 => (key(), value()).prop_map(|(key, value)| Call::Put(key, value)),
        2 => key().prop_map(Call::Delete),
        3 => range().prop_map(Call::List),
        1 => prop_oneof![Just(Call::DeleteAll), Just(Call::DeleteAllPreservingAlarm)],
        1 => Just(Call::Sync),
        2 => Just(Call::GetAlarm),
        6 => when().prop_map(Call::SetAlarm),
        1 => Just(Call::DeleteAlarm),
    ]
}

/// Keys that are near each other in the order of bytes, and two that are too long or just not.
fn key() -> impl Strategy<Value = Text> {
    prop_oneof![
        40 => select(KEYS).prop_map(Text::from),
        1 => (KEY_LEN_MAX..KEY_LEN_MAX + 2).prop_map(|bytes| Text::Long { bytes }),
    ]
}

const KEYS: &[&str] = &["", "1", "10", "2", "9", "a", "ab", "\u{e9}"];

fn value() -> impl Strategy<Value = Text> {
    prop_oneof![
        120 => "[a-z]{0,3}".prop_map(Text::Short),
        1 => (VALUE_LEN_MAX..VALUE_LEN_MAX + 2).prop_map(|bytes| Text::Long { bytes }),
    ]
}

fn range() -> impl Strategy<Value = Range> {
    let bound = |share| option::weighted(share, select(KEYS).prop_map(Into::into));
    // Here and there both of start and start_after, or a limit of zero: both are refused (S7).
    let limit = option::weighted(0.4, prop_oneof![1 => Just(0), 8 => 1..4_u32]);
    (bound(0.2), bound(0.3), bound(0.15), bound(0.3), any::<bool>(), limit).prop_map(
        |(prefix, start, start_after, end, reverse, limit)| Range {
            prefix,
            start,
            start_after,
            end,
            reverse,
            limit,
        },
    )
}

/// Now and soon, the past, the far future, and times that no alarm can have (A7).
fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        3 => Just(When::InMs(0)),
        10 => (1..4_000_i64).prop_map(When::InMs),
        2 => (4_000..30_000_i64).prop_map(When::InMs),
        1 => (60_000..600_000_i64).prop_map(When::InMs),
        2 => (-600_000..0_i64).prop_map(When::InMs),
        1 => select(BAD_OR_EXTREME_MS).prop_map(When::AtMs),
    ]
}

/// Too small, the smallest, the largest, and too large.
const BAD_OR_EXTREME_MS: &[i64] =
    &[i64::MIN, -1, 0, 1, i64::MAX / 1_000_000, i64::MAX / 1_000_000 + 1, i64::MAX];
