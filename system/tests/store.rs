//! The state machine of a group: claims, commits and questions.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeMap;

use bytes::Bytes;
use reveille_system::config::Config;
use reveille_system::ids::{Epoch, GroupId, MachineId, ObjectName, SessionId, SliceId, Stamp};
use reveille_system::store::command::{
    AlarmRow, AlarmWrite, Answer, Applied, Claim, Command, Commit, Query, Release, TurnWrites,
};
use reveille_system::store::{Outcome, Store};
use reveille_system::words::call::{Key, List};

const SLICE: SliceId = SliceId(0);

/// One group with one slice, so that every object is in it.
fn store() -> Store {
    Store::new(&Config::new(1, 1, 1, 1), GroupId(0))
}

fn claim(over: u32, machine: u16, session: u64) -> Command {
    let session = SessionId(session);
    Command::Claim(Claim { slice: SLICE, over: Epoch(over), machine: MachineId(machine), session })
}

fn commit(epoch: u32, batch: u64, turns: Vec<TurnWrites>) -> Command {
    Command::Commit(Commit { slice: SLICE, epoch: Epoch(epoch), batch, turns })
}

fn turn(object: &str, keys: &[(&str, Option<&str>)]) -> TurnWrites {
    let value = |value: &&str| Bytes::copy_from_slice(value.as_bytes());
    TurnWrites {
        object: name(object),
        instance: stamp(1),
        turn: 1,
        clear: false,
        keys: keys.iter().map(|(key, given)| (Key::from(*key), given.as_ref().map(value))).collect(),
        alarm: None,
        ends_run: None,
    }
}

fn alarm(object: &str, count: u32, not_before_ms: i64) -> TurnWrites {
    let row = AlarmRow { alarm: stamp(count), scheduled_ms: not_before_ms, retry_count: 0, not_before_ms };
    TurnWrites { alarm: Some(AlarmWrite::Schedule(row)), ..turn(object, &[]) }
}

fn stamp(count: u32) -> Stamp {
    Stamp { epoch: Epoch(1), count }
}

fn name(object: &str) -> ObjectName {
    ObjectName::new("Test", object)
}

fn claimed() -> Store {
    let mut store = store();
    assert_eq!(store.apply(claim(0, 0, 7)).applied, Applied::Claimed(Epoch(1)));
    store
}

fn get(store: &Store, object: &str, key: &str) -> Option<Bytes> {
    match store.read(&Query::Get { object: name(object), key: key.into() }) {
        Answer::Value(value) => value,
        other => panic!("{other:?} is no answer to Get"),
    }
}

fn list(store: &Store, object: &str, list: &List) -> Vec<String> {
    match store.read(&Query::List { object: name(object), list: list.clone() }) {
        Answer::Entries(entries) => entries.into_iter().map(|(key, _)| key.to_string()).collect(),
        other => panic!("{other:?} is no answer to List"),
    }
}

fn due(store: &Store, after: Option<(i64, ObjectName)>, limit: u32) -> Vec<(String, i64)> {
    match store.read(&Query::Due { slice: SLICE, after, limit }) {
        Answer::Due(due) => {
            due.into_iter().map(|(object, row)| (object.to_string(), row.not_before_ms)).collect()
        }
        other => panic!("{other:?} is no answer to Due"),
    }
}

#[test]
fn o1_one_claim_over_an_epoch_wins() {
    let mut store = claimed();
    assert_eq!(store.apply(claim(0, 1, 8)).applied, Applied::Stale(Epoch(1)));
    assert_eq!(store.apply(claim(0, 0, 7)).applied, Applied::Claimed(Epoch(1)), "applied before");
    assert_eq!(store.apply(claim(0, 0, 9)).applied, Applied::Stale(Epoch(1)), "another boot");
    assert_eq!(store.apply(claim(1, 1, 8)).applied, Applied::Claimed(Epoch(2)));
    assert_eq!(store.apply(claim(2, 0, 7)).applied, Applied::Claimed(Epoch(3)));
    assert_eq!(
        store.apply(claim(0, 0, 7)).applied,
        Applied::Stale(Epoch(3)),
        "its first claim, not its last"
    );
}

#[test]
fn o1_a_stale_epoch_changes_nothing() {
    let mut store = claimed();
    store.apply(claim(1, 1, 8));
    let before = store.clone();
    let outcome = store.apply(commit(1, 1, vec![turn("a", &[("k", Some("v"))])]));
    assert_eq!(outcome, Outcome { applied: Applied::Stale(Epoch(2)), turns: Vec::new() });
    assert_eq!(store, before);
}

#[test]
fn s3_a_batch_takes_effect_once() {
    let mut store = claimed();
    let first = commit(1, 1, vec![turn("a", &[("k", Some("1"))])]);
    assert_eq!(store.apply(first.clone()).turns.len(), 1);
    store.apply(commit(1, 2, vec![turn("a", &[("k", Some("2"))])]));
    assert_eq!(store.apply(first), Outcome { applied: Applied::Committed, turns: Vec::new() });
    assert_eq!(get(&store, "a", "k"), Some("2".into()));
}

#[test]
fn batches_count_anew_in_each_epoch() {
    let mut store = claimed();
    store.apply(commit(1, 1, vec![]));
    store.apply(claim(1, 1, 8));
    let outcome = store.apply(commit(2, 1, vec![turn("a", &[("k", Some("v"))])]));
    assert_eq!((outcome.applied, outcome.turns.len()), (Applied::Committed, 1));
}

#[test]
#[should_panic(expected = "has no gap between batches")]
fn s3_a_gap_between_batches_is_a_bug() {
    claimed().apply(commit(1, 2, vec![]));
}

#[test]
fn s2_turns_of_a_batch_apply_in_order() {
    let mut store = claimed();
    let wipe = TurnWrites { clear: true, ..turn("a", &[("new", Some("3"))]) };
    let turns =
        vec![turn("a", &[("k", Some("1")), ("old", Some("1"))]), wipe, turn("b", &[("k", Some("4"))])];
    let outcome = store.apply(commit(1, 1, turns));
    let objects: Vec<_> = outcome.turns.iter().map(|turn| turn.object.to_string()).collect();
    assert_eq!(objects, ["Test/a", "Test/a", "Test/b"]);
    assert_eq!(list(&store, "a", &List::default()), ["new"]);
    assert_eq!(get(&store, "b", "k"), Some("4".into()));
}

#[test]
fn f4_completion_is_one_turn() {
    let mut store = claimed();
    store.apply(commit(1, 1, vec![alarm("a", 1, 50)]));
    let end = TurnWrites {
        alarm: Some(AlarmWrite::Remove),
        ends_run: Some(stamp(4)),
        ..turn("a", &[("done", Some("1"))])
    };
    let outcome = store.apply(commit(1, 2, vec![end]));
    assert_eq!(outcome.turns[0].ends_run, Some(stamp(4)));
    assert_eq!(due(&store, None, 9), []);
    assert_eq!(get(&store, "a", "done"), Some("1".into()));
}

#[test]
fn a1_an_alarm_replaces_the_one_before() {
    let mut store = claimed();
    store.apply(commit(1, 1, vec![alarm("a", 1, 50), alarm("a", 2, 20), turn("a", &[("k", Some("v"))])]));
    assert_eq!(due(&store, None, 9), [("Test/a".to_owned(), 20)]);
    let (_, row) = store.rows().next().expect("one object");
    assert_eq!(row.alarm.expect("it has an alarm").alarm, stamp(2));
}

#[test]
fn an_object_without_keys_and_alarm_has_no_row() {
    let mut store = claimed();
    store.apply(commit(1, 1, vec![turn("a", &[("k", Some("v"))]), alarm("b", 1, 5), turn("c", &[])]));
    assert_eq!(store.rows().count(), 2);
    let remove = TurnWrites { alarm: Some(AlarmWrite::Remove), ..turn("b", &[]) };
    store.apply(commit(1, 2, vec![turn("a", &[("k", None)]), remove]));
    assert_eq!(store.rows().count(), 0);
}

/// A replica that begins with a snapshot goes on as the one that made it.
#[test]
fn d2_a_snapshot_is_the_whole_state() {
    let mut store = claimed();
    store.apply(claim(1, 1, 8));
    let turns = vec![alarm("a", 1, 70), turn("b", &[("k", Some("v")), ("l", Some(""))]), alarm("c", 2, 50)];
    store.apply(commit(2, 1, turns));
    let mut copy = Store::from_bytes(&store.to_bytes());
    assert_eq!(copy, store);
    assert_eq!(due(&copy, None, 9), [("Test/c".to_owned(), 50), ("Test/a".to_owned(), 70)]);
    let later = [
        claim(1, 1, 8),
        commit(1, 2, vec![turn("a", &[("stale", Some("epoch"))])]),
        commit(2, 1, vec![turn("a", &[("applied", Some("before"))])]),
        commit(2, 2, vec![alarm("a", 3, 10), turn("b", &[("k", None), ("l", None)])]),
    ];
    for command in later {
        assert_eq!(copy.apply(command.clone()), store.apply(command));
    }
    assert_eq!(copy, store);
    assert_eq!(copy.to_bytes(), store.to_bytes(), "equal histories of rows give equal bytes");
}

#[test]
fn due_alarms_come_page_by_page_in_order() {
    let mut store = claimed();
    let alarms = [("d", 30), ("a", 30), ("c", 10), ("b", -5), ("e", 31)];
    store.apply(commit(1, 1, alarms.map(|(object, at)| alarm(object, 1, at)).into()));
    let mut seen = Vec::new();
    loop {
        let after = seen.last().map(|(object, at): &(String, i64)| (*at, ObjectName::parse(object).unwrap()));
        let page = due(&store, after, 2);
        let last = page.len() < 2;
        seen.extend(page);
        if last {
            break;
        }
    }
    let order = [("b", -5), ("c", 10), ("a", 30), ("d", 30), ("e", 31)];
    assert_eq!(seen, order.map(|(object, at)| (format!("Test/{object}"), at)));
}

#[test]
fn s6_list_is_what_a_filter_over_the_sorted_keys_gives() {
    let words = ["", "1", "10", "2", "9", "a", "a/1", "a/2", "a0", "b", "\u{e9}"];
    let mut store = claimed();
    let keys: Vec<_> = words.iter().map(|word| (*word, Some("v"))).collect();
    store.apply(commit(1, 1, vec![turn("o", &keys), turn("other", &[("a", Some("x"))])]));
    let sorted: BTreeMap<&str, ()> = words.iter().map(|word| (*word, ())).collect();
    let options = |words: &[&str]| -> Vec<Option<Key>> {
        std::iter::once(None).chain(words.iter().map(|word| Some(Key::from(*word)))).collect()
    };
    let bounds = options(&["", "10", "a", "a/", "a/1", "c"]);
    for prefix in options(&["", "a", "a/", "x"]) {
        for (start, start_after) in bounds.iter().flat_map(|b| [(b.clone(), None), (None, b.clone())]) {
            for (end, reverse) in bounds.iter().flat_map(|b| [(b.clone(), false), (b.clone(), true)]) {
                for limit in [None, Some(1), Some(2), Some(100)] {
                    let (prefix, start, start_after) = (prefix.clone(), start.clone(), start_after.clone());
                    let asked = List { prefix, start, start_after, end: end.clone(), reverse, limit };
                    let mut expected: Vec<_> = sorted.keys().filter(|key| asked.admits(key)).collect();
                    if reverse {
                        expected.reverse();
                    }
                    expected.truncate(limit.map_or(usize::MAX, |limit| limit as usize));
                    assert_eq!(list(&store, "o", &asked), expected.into_iter().copied().collect::<Vec<_>>());
                }
            }
        }
    }
}

#[test]
fn o1_after_its_release_an_epoch_has_no_effect() {
    let mut store = store();
    store.apply(claim(0, 1, 7));
    let release = Release { slice: SLICE, epoch: Epoch(1) };
    assert_eq!(store.apply(Command::Release(release)).applied, Applied::Released);
    assert_eq!(store.apply(Command::Release(release)).applied, Applied::Released, "twice is once");
    assert_eq!(store.apply(commit(1, 1, Vec::new())).applied, Applied::Stale(Epoch(1)));
    assert_eq!(store.apply(claim(1, 2, 8)).applied, Applied::Claimed(Epoch(2)));
    assert_eq!(
        store.apply(Command::Release(release)).applied,
        Applied::Stale(Epoch(2)),
        "it is not his any more"
    );
}
