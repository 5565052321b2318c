//! Batches (S1) and what a call may ask for (S7, S8): one over a limit is refused and writes nothing, one within the
//! limits is not refused.

use reveille_model::build::Tale;
use reveille_model::history::{Blob, Delivery, Key, ListOptions, OpResult, StorageCall, What};

fn keys(keys: &[&str]) -> Vec<Key> {
    keys.iter().map(|key| Key::from(*key)).collect()
}

fn entries(entries: &[(&str, &str)]) -> Vec<(Key, Blob)> {
    entries.iter().map(|(key, value)| (Key::from(*key), Blob::from(*value))).collect()
}

fn refused() -> OpResult {
    OpResult::Error("over a limit".into())
}

fn put(key: &str, value: &str) -> StorageCall {
    StorageCall::Put { key: key.into(), value: value.into() }
}

fn numbered(count: usize) -> Vec<(Key, Blob)> {
    (0..count).map(|number| (format!("{number:03}").into(), Blob::from("v"))).collect()
}

/// Everything that is over a limit, each with its nearest neighbour within it and what that gives.
fn at_the_limits() -> Vec<(StorageCall, StorageCall, OpResult)> {
    let (long, longest) = ("k".repeat(2_049), "k".repeat(2_048));
    let (large, largest) = ("v".repeat(131_073), "v".repeat(131_072));
    let batch = |count: usize| numbered(count).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    let get = |key: &str| StorageCall::Get { key: key.into() };
    let delete = |key: &str| StorageCall::Delete { key: key.into() };
    let list = |options| StorageCall::List(options);
    let at = |key: &str| Some(Key::from(key));
    let (both, start) = (
        ListOptions { start: at("a"), start_after: at("a"), ..ListOptions::default() },
        ListOptions { start: at("a"), ..ListOptions::default() },
    );
    let at_most = |limit| list(ListOptions { limit: Some(limit), ..ListOptions::default() });
    vec![
        (get(&long), get(&longest), OpResult::Value(None)),
        (delete(&long), delete(&longest), OpResult::Deleted(false)),
        (put(&long, "v"), put(&longest, "v"), OpResult::Done),
        (put("k", &large), put("k", &largest), OpResult::Done),
        (
            StorageCall::GetMany { keys: batch(129) },
            StorageCall::GetMany { keys: batch(128) },
            OpResult::Entries(Vec::new()),
        ),
        (
            StorageCall::GetMany { keys: keys(&["a", &long]) },
            StorageCall::GetMany { keys: keys(&["a", &longest]) },
            OpResult::Entries(Vec::new()),
        ),
        (
            StorageCall::PutMany { entries: numbered(129) },
            StorageCall::PutMany { entries: numbered(128) },
            OpResult::Done,
        ),
        (
            StorageCall::PutMany { entries: entries(&[("a", "1"), ("b", &large)]) },
            StorageCall::PutMany { entries: entries(&[("a", "1"), ("b", &largest)]) },
            OpResult::Done,
        ),
        (
            StorageCall::DeleteMany { keys: batch(129) },
            StorageCall::DeleteMany { keys: batch(128) },
            OpResult::DeletedCount(0),
        ),
        (at_most(0), at_most(1), OpResult::Entries(Vec::new())),
        (list(both), list(start), OpResult::Entries(Vec::new())),
    ]
}

#[test]
fn s7_what_is_over_a_limit_is_refused_and_nothing_else() {
    for (over, within, gives) in at_the_limits() {
        Tale::new().calls(over.clone(), gives.clone()).is_refused("S7");
        Tale::new().calls(over, refused()).is_accepted();
        Tale::new().calls(within.clone(), refused()).is_refused("S7");
        Tale::new().calls(within, gives).is_accepted();
    }
}

#[test]
fn s7_a_refused_write_wrote_nothing() {
    let too_large = "v".repeat(131_073);
    let tried = || {
        let mut tale = Tale::new();
        tale.put("a", "old").calls(put("a", &too_large), refused());
        tale
    };
    tried().get("a", Some(&too_large)).is_refused("S7");
    tried().get("a", Some("old")).commit().respond().is_accepted();
    tried().commit().at(9.0).rests(&[("a", &too_large)], None).end().is_refused("S7");
    Tale::new().calls(put("a", &too_large), refused()).respond().is_accepted();
}

#[test]
fn s7_a_refused_batch_wrote_no_part_of_it() {
    let too_large = "v".repeat(131_073);
    let tried = || {
        let mut tale = Tale::new();
        tale.put("a", "old").put("b", "old");
        let batch = entries(&[("a", "new"), ("b", &too_large)]);
        tale.calls(StorageCall::PutMany { entries: batch }, refused());
        tale
    };
    tried().get("a", Some("new")).is_refused("S7");
    tried().list(ListOptions::default(), &[("a", "new"), ("b", "old")]).is_refused("S7");
    tried().list(ListOptions::default(), &[("a", "old"), ("b", "old")]).is_accepted();
    tried().commit().lost().start(2).get("a", Some("new")).is_refused("S7");
    tried().commit().lost().start(2).get("a", Some("old")).is_accepted();
}

#[test]
fn s7_a_key_that_is_written_after_the_refusal_is_as_it_was_written() {
    let mut tale = Tale::new();
    tale.calls(put("a", &"v".repeat(131_073)), refused()).put("a", "small");
    tale.get("a", Some("small")).commit().respond().lost().start(2).get("a", Some("small")).is_accepted();
}

#[test]
fn s1_get_many_gives_the_keys_that_there_are_in_their_order() {
    let asked = |shows: &[(&str, &str)]| {
        let mut tale = Tale::new();
        tale.put("9", "nine").put("10", "ten");
        let call = StorageCall::GetMany { keys: keys(&["9", "missing", "10", "9"]) };
        tale.calls(call, OpResult::Entries(entries(shows)));
        tale
    };
    asked(&[("10", "ten"), ("9", "nine")]).is_accepted();
    asked(&[("9", "nine"), ("10", "ten")]).is_refused("S6");
    asked(&[("10", "ten")]).is_refused("S4");
    asked(&[("10", "ten"), ("9", "nine"), ("missing", "?")]).is_refused("S3");
}

#[test]
fn s4_get_many_sees_no_later_write() {
    let pending = |shows: &[(&str, &str)]| {
        let mut tale = Tale::new();
        tale.put("a", "1");
        let op = tale.call(StorageCall::GetMany { keys: keys(&["a", "b"]) });
        tale.put("b", "2");
        tale.turn(2).result(op, OpResult::Entries(entries(shows)));
        tale
    };
    pending(&[("a", "1"), ("b", "2")]).is_refused("S4");
    pending(&[("a", "1")]).is_accepted();
}

#[test]
fn s2_put_many_is_durable_as_a_whole() {
    let written = || {
        let mut tale = Tale::new();
        let batch = entries(&[("a", "1"), ("b", "2"), ("a", "3")]);
        tale.calls(StorageCall::PutMany { entries: batch }, OpResult::Done).commit().respond();
        tale
    };
    written().at(9.0).rests(&[("a", "3")], None).end().is_refused("S2");
    written().at(9.0).rests(&[("a", "3"), ("b", "2")], None).end().is_accepted();
    written().get("a", Some("1")).is_refused("S4");
}

#[test]
fn s4_delete_many_counts_each_key_once_that_was_there() {
    let deleted = |gives| {
        let mut tale = Tale::new();
        tale.put("a", "1").put("b", "2");
        let call = StorageCall::DeleteMany { keys: keys(&["a", "a", "b", "missing"]) };
        tale.calls(call, OpResult::DeletedCount(gives));
        tale
    };
    deleted(3).is_refused("S4");
    deleted(2).list(ListOptions::default(), &[]).is_accepted();
    deleted(2).get("a", Some("1")).is_refused("S4");
}

#[test]
fn s3_delete_many_counts_what_an_earlier_instance_wrote() {
    let deleted = |gives| {
        let mut tale = Tale::new();
        tale.put("a", "1").commit().respond().lost().start(2);
        tale.calls(StorageCall::DeleteMany { keys: keys(&["a"]) }, OpResult::DeletedCount(gives));
        tale
    };
    deleted(0).is_refused("S3");
    deleted(1).is_accepted();
}

#[test]
fn o3_a_read_that_allows_concurrency_leaves_the_gate_open() {
    let delivered = |allow_concurrency| {
        let mut tale = Tale::new();
        tale.turn(2).does(What::Deliver { delivery: Delivery::Request { request: 7 } });
        let call = StorageCall::Get { key: "a".into() };
        tale.does(What::Op { op: 1, call, allow_concurrency });
        tale.turn(3).does(What::Deliver { delivery: Delivery::Request { request: 8 } });
        tale.turn(4).does(What::Deliver { delivery: Delivery::Result { op: 1 } });
        tale.result(1, OpResult::Value(None));
        tale
    };
    delivered(false).is_refused("O3");
    delivered(true).is_accepted();
}
