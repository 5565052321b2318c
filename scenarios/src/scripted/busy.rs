//! Programs that are busy with one kind of call: it is made again and again, so that for a while one is always in flight.
//!
//! A read is in flight until a replica has answered, mostly for less than a millisecond, and only if the instance does not
//! know the answer itself: so there are many, of keys that nothing else uses. A write is in flight until it is durable,
//! for tens of milliseconds: so there are few, and a `sync` after each makes the next one a turn of its own.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use reveille_system::object::view::KEY_LEN_MAX;

use super::programs::{key, range, value};
use super::script::{self, Call, Keys, Step, Text, When};

/// So many reads take about as long as a request may be on its way.
const READS: Range<usize> = 40..100;
/// So many writes are not over before the machine falls silent.
const WRITES: Range<usize> = 3..7;

/// Reads one kind of thing. `get_alarm` is not among them: it has its result at once.
pub(super) fn reads() -> impl Strategy<Value = Vec<Step>> {
    let nothing = script::Range { limit: Some(0), ..script::Range::default() };
    prop_oneof![
        busy(READS, read(get()), Some(Call::Get(long_key()))),
        busy(READS, read(get_many()), Some(Call::GetMany(long_keys()))),
        busy(READS, read(list()), Some(Call::List(nothing))),
    ]
}

/// Writes in one way.
pub(super) fn writes() -> impl Strategy<Value = Vec<Step>> {
    let put_many = (keys(), value()).prop_map(|(keys, value)| Call::PutMany(keys, value));
    // So late that it does not fire meanwhile.
    let set_alarm = (20_000..60_000_i64).prop_map(|in_ms| Call::SetAlarm(When::InMs(in_ms)));
    prop_oneof![
        busy(WRITES, write(put()), Some(Call::Put(long_key(), "1".into()))),
        busy(WRITES, write(put_many), Some(Call::PutMany(long_keys(), "1".into()))),
        busy(WRITES, write(key().prop_map(Call::Delete)), Some(Call::Delete(long_key()))),
        busy(WRITES, write(keys().prop_map(Call::DeleteMany)), Some(Call::DeleteMany(long_keys()))),
        busy(WRITES, write(Just(Call::DeleteAll)), None),
        busy(WRITES, write(Just(Call::DeleteAllPreservingAlarm)), None),
        busy(WRITES, write(set_alarm), Some(Call::SetAlarm(When::AtMs(0)))),
        busy(WRITES, write(Just(Call::DeleteAlarm)), None),
        busy(WRITES, transaction(), None),
    ]
}

/// The same so many times; half the time after one that is refused, if there is such a one.
fn busy(
    times: Range<usize>,
    once: impl Strategy<Value = Vec<Step>>,
    refused: Option<Call>,
) -> impl Strategy<Value = Vec<Step>> {
    (any::<bool>(), vec(once, times)).prop_map(move |(is_refused_first, all)| {
        let first = refused.clone().filter(|_| is_refused_first).map(Step::Do);
        first.into_iter().chain(all.concat()).collect()
    })
}

fn read(call: impl Strategy<Value = Call>) -> impl Strategy<Value = Vec<Step>> {
    call.prop_map(|call| vec![Step::Do(call)])
}

fn write(call: impl Strategy<Value = Call>) -> impl Strategy<Value = Vec<Step>> {
    call.prop_map(|call| vec![Step::Do(call), Step::Do(Call::Sync)])
}

/// A transaction that reads, then writes.
fn transaction() -> impl Strategy<Value = Vec<Step>> {
    (prop_oneof![get(), get_many(), list()], put()).prop_map(|(read, written)| {
        vec![Step::Transaction(vec![Step::Do(read), Step::Do(written)]), Step::Do(Call::Sync)]
    })
}

fn get() -> impl Strategy<Value = Call> {
    unknown_key().prop_map(Call::Get)
}

fn get_many() -> impl Strategy<Value = Call> {
    vec(unknown_key(), 1..3).prop_map(|keys| Call::GetMany(Keys::These(keys)))
}

/// Not everything at once: who has listed that knows it from then on.
fn list() -> impl Strategy<Value = Call> {
    range().prop_map(|range| Call::List(script::Range { limit: Some(3), ..range }))
}

fn put() -> impl Strategy<Value = Call> {
    (key(), value()).prop_map(|(key, value)| Call::Put(key, value))
}

fn keys() -> impl Strategy<Value = Keys> {
    vec(key(), 1..4).prop_map(Keys::These)
}

/// One that no other program uses, so that no instance knows what it holds.
fn unknown_key() -> impl Strategy<Value = Text> {
    "[b-y]{3}".prop_map(Text::Short)
}

fn long_key() -> Text {
    Text::Long { bytes: KEY_LEN_MAX + 1 }
}

fn long_keys() -> Keys {
    Keys::These(vec![long_key()])
}
