//! Scripts as proptest strategies, so that a plan's programs shrink step by step.
//!
//! Few keys and short times, so that calls meet each other; most programs end well, so that there is something to meet.

use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use reveille_system::object::view::{BATCH_LEN_MAX, KEY_LEN_MAX, VALUE_LEN_MAX};

use super::script::{Ask, Call, Keys, Range, Script, Step, Text, When};

/// What a request may ask for.
pub(super) fn script() -> impl Strategy<Value = Script> {
    // Often enough one that fails, so that retries are common and giving up happens.
    let alarm = prop_oneof![
        3 => Just(Vec::new()),
        4 => vec(program(0.4, 1), 1..4),
        1 => vec(program(0.98, 1), 7),
    ];
    let construct = prop_oneof![6 => Just(Vec::new()), 1 => vec(constructor(), 1..3)];
    let at_limit = option::weighted(AT_LIMIT, (at_limit(), any::<prop::sample::Index>()));
    (program(0.1, 5), alarm, construct, at_limit).prop_map(|(steps, alarm, construct, at_limit)| {
        let mut script = Script { steps, alarm, construct };
        if let Some((step, place)) = at_limit {
            // Into any of its programs, in front of what it ends with.
            let Script { steps, alarm, construct } = &mut script;
            let mut programs: Vec<_> = std::iter::once(steps).chain(alarm).chain(construct).collect();
            let program = place.get_mut(&mut programs);
            program.insert(program.len().saturating_sub(1), step);
        }
        script
    })
}

/// So many scripts have a call that is made for a limit.
const AT_LIMIT: f64 = 0.3;

/// A call with a key, a value or a batch just within a limit, or just beyond it (S7).
fn at_limit() -> impl Strategy<Value = Step> {
    let key = || (KEY_LEN_MAX - 1..=KEY_LEN_MAX + 1).prop_map(|bytes| Text::Long { bytes });
    let count = || (BATCH_LEN_MAX - 1..=BATCH_LEN_MAX + 1).prop_map(|count| Keys::Count { count });
    let long_value = (VALUE_LEN_MAX - 1..=VALUE_LEN_MAX + 1).prop_map(|bytes| Text::Long { bytes });
    let short = || "[a-z]{0,3}".prop_map(Text::Short);
    let both_starts = Range { start: Some("1".into()), start_after: Some("1".into()), ..Range::default() };
    let call = prop_oneof![
        3 => (key(), short()).prop_map(|(key, value)| Call::Put(key, value)),
        2 => (select(KEYS).prop_map(Text::from), long_value).prop_map(|(key, value)| Call::Put(key, value)),
        2 => (count(), short()).prop_map(|(keys, value)| Call::PutMany(keys, value)),
        1 => (key(), short()).prop_map(|(key, value)| Call::PutMany(Keys::These(vec![key]), value)),
        1 => key().prop_map(Call::Get),
        1 => count().prop_map(Call::GetMany),
        1 => key().prop_map(Call::Delete),
        1 => count().prop_map(Call::DeleteMany),
        1 => (0..2_u32).prop_map(|limit| Call::List(Range { limit: Some(limit), ..Range::default() })),
        1 => Just(Call::List(both_starts)),
    ];
    prop_oneof![
        4 => call.clone().prop_map(Step::Do),
        1 => call.clone().prop_map(Step::Start),
        1 => call.prop_map(|call| Step::Transaction(vec![Step::Do(call)])),
    ]
}

/// What a request or a run of `alarm()` does. `failing` is the share of those that do not end well; `at_once` how many alarms
/// of twenty are for now or the past: a handler that sets one is run again for ever.
pub(super) fn program(failing: f64, at_once: u32) -> impl Strategy<Value = Vec<Step>> {
    let bad = prop_oneof![
        9 => Just(Step::Fail),
        3 => Just(Step::Panic),
        1 => Just(Step::Hang),
        1 => Just(Step::Exceed),
    ];
    (vec(step(at_once), 0..7), option::weighted(failing, bad)).prop_map(with_end)
}

/// What a constructor does.
pub(super) fn constructor() -> impl Strategy<Value = Vec<Step>> {
    let bad = prop_oneof![4 => Just(Step::Fail), 2 => Just(Step::Panic), 1 => Just(Step::Hang)];
    (vec(step(1), 0..4), option::weighted(0.2, bad)).prop_map(with_end)
}

fn with_end((mut steps, end): (Vec<Step>, Option<Step>)) -> Vec<Step> {
    steps.extend(end);
    steps
}

fn step(at_once: u32) -> impl Strategy<Value = Step> {
    let bad = prop_oneof![4 => Just(Step::Fail), 2 => Just(Step::Panic), 1 => Just(Step::Hang)];
    let section = (vec(simple_step(at_once), 1..4), option::weighted(0.07, bad)).prop_map(with_end);
    // A nested transaction is refused.
    let bad = prop_oneof![
        12 => Just(Step::Fail),
        2 => Just(Step::Transaction(Vec::new())),
        1 => Just(Step::Panic),
        1 => Just(Step::Hang),
    ];
    let transaction = (vec(simple_step(at_once), 1..5), option::weighted(0.4, bad)).prop_map(with_end);
    let transaction = (transaction, weighted(0.25)).prop_map(|(steps, is_abandoned)| {
        if is_abandoned { Step::Abandon(steps) } else { Step::Transaction(steps) }
    });
    let bad = prop_oneof![4 => Just(Step::Fail), 1 => Just(Step::Panic)];
    let background = (vec(simple_step(at_once), 1..4), option::weighted(0.1, bad)).prop_map(with_end);
    prop_oneof![
        28 => simple_step(at_once),
        2 => background.prop_map(Step::WaitUntil),
        2 => section.prop_map(Step::Block),
        4 => transaction,
    ]
}

fn simple_step(at_once: u32) -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => call(at_once).prop_map(Step::Do),
        4 => call(at_once).prop_map(Step::Start),
        2 => call(at_once).prop_map(Step::LettingIn),
        2 => vec(call(at_once), 2..4).prop_map(Step::Together),
        2 => read_and_written().prop_map(Step::Together),
        3 => "[a-z]{1,3}".prop_map(Step::Fetch),
        1 => "[a-z]{1,3}".prop_map(Step::Post),
        1 => (method(), path(), headers(), "[a-z]{0,3}")
            .prop_map(|(method, path, headers, body)| Step::Ask(Ask { method, path, headers, body })),
        1 => (0..3_000_u64).prop_map(Step::Sleep),
        1 => Just(Step::Random),
    ]
}

pub(super) fn method() -> impl Strategy<Value = String> {
    select(["GET", "PUT", "DELETE", "POST"].as_slice()).prop_map(str::to_owned)
}

pub(super) fn path() -> impl Strategy<Value = String> {
    "/[a-z]{0,3}(/[a-z0-9]{1,2})?"
}

/// Now and then a name stands there twice.
pub(super) fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = select(["accept", "x-trace", "if-match"].as_slice()).prop_map(str::to_owned);
    vec((name, "[a-z0-9]{0,4}"), 0..3)
}

/// S4: reads of keys that the same turn writes afterwards. Half the time nobody has read or written them before, so that the
/// datastore has to be asked.
fn read_and_written() -> impl Strategy<Value = Vec<Call>> {
    let unknown = "[b-y]{3}".prop_map(Text::Short);
    let key = prop_oneof![select(KEYS).prop_map(Text::from), unknown];
    let written = vec((key, option::weighted(0.8, value())), 1..4);
    (0..3_u8, range(), written).prop_map(|(read, range, written)| {
        let keys: Vec<Text> = written.iter().map(|(key, _)| key.clone()).collect();
        let mut calls = match read {
            0 => keys.into_iter().map(Call::Get).collect(),
            1 => vec![Call::GetMany(Keys::These(keys))],
            _ => vec![Call::List(range)],
        };
        calls.extend(written.into_iter().map(|(key, value)| match value {
            Some(value) => Call::Put(key, value),
            None => Call::Delete(key),
        }));
        calls
    })
}

fn call(at_once: u32) -> impl Strategy<Value = Call> {
    prop_oneof![
        4 => key().prop_map(Call::Get),
        5 => (key(), value()).prop_map(|(key, value)| Call::Put(key, value)),
        2 => key().prop_map(Call::Delete),
        1 => keys().prop_map(Call::GetMany),
        1 => (keys(), value()).prop_map(|(keys, value)| Call::PutMany(keys, value)),
        1 => keys().prop_map(Call::DeleteMany),
        3 => range().prop_map(Call::List),
        1 => prop_oneof![Just(Call::DeleteAll), Just(Call::DeleteAllPreservingAlarm)],
        1 => Just(Call::Sync),
        2 => Just(Call::GetAlarm),
        6 => when(at_once).prop_map(Call::SetAlarm),
        1 => Just(Call::DeleteAlarm),
    ]
}

/// Keys that are near each other in the order of bytes, and two that are too long or just not.
pub(super) fn key() -> impl Strategy<Value = Text> {
    prop_oneof![
        40 => select(KEYS).prop_map(Text::from),
        1 => (KEY_LEN_MAX..KEY_LEN_MAX + 2).prop_map(|bytes| Text::Long { bytes }),
    ]
}

/// Keys of a batch, some of them twice; now and then more than a batch may have, or just not.
fn keys() -> impl Strategy<Value = Keys> {
    prop_oneof![
        20 => vec(key(), 0..5).prop_map(Keys::These),
        1 => (BATCH_LEN_MAX..BATCH_LEN_MAX + 2).prop_map(|count| Keys::Count { count }),
    ]
}

const KEYS: &[&str] = &["", "1", "10", "2", "9", "a", "ab", "\u{e9}"];

pub(super) fn value() -> impl Strategy<Value = Text> {
    prop_oneof![
        120 => "[a-z]{0,3}".prop_map(Text::Short),
        1 => (VALUE_LEN_MAX..VALUE_LEN_MAX + 2).prop_map(|bytes| Text::Long { bytes }),
    ]
}

pub(super) fn range() -> impl Strategy<Value = Range> {
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
fn when(at_once: u32) -> impl Strategy<Value = When> {
    prop_oneof![
        at_once => prop_oneof![2 => Just(0), 1 => -600_000..0_i64].prop_map(When::InMs),
        17 - at_once => (1..4_000_i64).prop_map(When::InMs),
        1 => (4_000..30_000_i64).prop_map(When::InMs),
        1 => (60_000..600_000_i64).prop_map(When::InMs),
        1 => select(BAD_OR_EXTREME_MS).prop_map(When::AtMs),
    ]
}

/// Too small, the smallest, the largest, and too large.
const BAD_OR_EXTREME_MS: &[i64] =
    &[i64::MIN, -1, 0, 1, i64::MAX / 1_000_000, i64::MAX / 1_000_000 + 1, i64::MAX];
