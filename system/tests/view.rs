//! What one instance sees of its storage and its alarm, call by call, without datastore or machines.

use bytes::Bytes;
use reveille_system::ids::{Epoch, ObjectName, Stamp};
use reveille_system::object::view::{
    ALARM_TIME_MAX_MS, BATCH_LEN_MAX, KEY_LEN_MAX, Next, Reading, RunVerdict, VALUE_LEN_MAX, View,
};
use reveille_system::store::command::{AlarmRow, AlarmWrite, Answer, Query};
use reveille_system::words::call::{Call, Key, List, Reply, StorageError};
use reveille_system::words::time::Now;

const NOW: Now = Now { mono_ns: 0, wall_ns: 5_000_000_000 };

struct Instance {
    view: View,
    stamps: u32,
}

fn stamp(count: u32) -> Stamp {
    Stamp { epoch: Epoch(1), count }
}

fn instance(declares_alarm: bool) -> Instance {
    let object = ObjectName::new("Test", "foo");
    Instance { view: View::new(object, stamp(0), declares_alarm, None), stamps: 0 }
}

impl Instance {
    fn next(&mut self, call: &Call) -> Next {
        self.stamps += 1;
        let stamps = self.stamps;
        self.view.call(call, 1, NOW, || stamp(stamps))
    }

    /// A call that is answered from memory.
    fn call(&mut self, call: Call) -> Reply {
        match self.next(&call) {
            Next::Now(reply) => reply,
            Next::Ask(query, _) => panic!("{call:?} asks {query:?}"),
        }
    }

    /// A read that has to ask the datastore.
    fn asks(&mut self, call: Call) -> (Query, Reading) {
        match self.next(&call) {
            Next::Ask(query, reading) => (query, reading),
            Next::Now(reply) => panic!("{call:?} is answered at once: {reply:?}"),
        }
    }

    fn get(&mut self, key: &str) -> Reply {
        self.call(Call::Get(key.into()))
    }

    /// What the turn has written, by key.
    fn end_turn(&mut self, turn: u32) -> Vec<(String, Option<Bytes>)> {
        let writes = self.view.end_turn(turn).map(|writes| writes.keys).unwrap_or_default();
        writes.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }

    fn put(&mut self, key: &str, value: &str) {
        let reply = self.call(Call::Put(key.into(), Bytes::copy_from_slice(value.as_bytes())));
        assert_eq!(reply, Reply::Done);
    }

    /// The keys that a list of everything gives, the datastore holding these.
    fn listed(&mut self, list: List, stored: &[&str]) -> Vec<String> {
        let keys = |entries: Vec<(Key, Bytes)>| entries.into_iter().map(|(key, _)| key.to_string()).collect();
        match self.next(&Call::List(list)) {
            Next::Now(Reply::Entries(entries)) => keys(entries),
            Next::Ask(Query::List { list, .. }, reading) => {
                let mut stored: Vec<&str> = stored.iter().copied().filter(|key| list.admits(key)).collect();
                if list.reverse {
                    stored.reverse();
                }
                stored.truncate(list.limit.map_or(usize::MAX, |limit| limit as usize));
                let entries = stored.into_iter().map(|key| (Key::from(key), Bytes::new())).collect();
                let Reply::Entries(entries) = self.view.answered(reading, Answer::Entries(entries)) else {
                    panic!("a list gives entries")
                };
                keys(entries)
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn s4_a_list_shows_the_objects_own_unsaved_writes() {
    let mut it = instance(true);
    it.put("b", "new");
    it.next(&Call::Delete("c".into()));
    assert_eq!(it.listed(List::default(), &["a", "c", "d"]), ["a", "b", "d"]);
}

#[test]
fn s6_a_limit_counts_what_is_left_when_removed_keys_are_gone() {
    let mut it = instance(true);
    it.next(&Call::Delete("a".into()));
    let first = List { limit: Some(2), ..List::default() };
    assert_eq!(it.listed(first, &["a", "b", "c", "d"]), ["b", "c"]);
}

#[test]
fn s6_keys_are_in_the_order_of_their_bytes() {
    let mut it = instance(true);
    for key in ["9", "10", "é", "B", "a"] {
        it.put(key, "");
    }
    assert_eq!(it.listed(List::default(), &[]), ["10", "9", "B", "a", "é"]);
    let last = List {
        reverse: true,
        limit: Some(1),
        start: Some("1".into()),
        end: Some("a".into()),
        ..List::default()
    };
    assert_eq!(it.listed(last, &[]), ["B"], "reverse flips the order and not the bounds");
}

#[test]
fn s7_what_is_too_large_is_refused_and_nothing_is_written() {
    let mut it = instance(true);
    let long = "k".repeat(KEY_LEN_MAX + 1);
    let refused = it.call(Call::Put(long.as_str().into(), Bytes::new()));
    let len = KEY_LEN_MAX + 1;
    assert_eq!(refused, Reply::Refused(StorageError::KeyTooLong { limit: KEY_LEN_MAX, len }));
    let refused = it.call(Call::Put("k".into(), Bytes::from(vec![0; VALUE_LEN_MAX + 1])));
    let len = VALUE_LEN_MAX + 1;
    assert_eq!(refused, Reply::Refused(StorageError::ValueTooLong { limit: VALUE_LEN_MAX, len }));
    let zero = List { limit: Some(0), ..List::default() };
    assert_eq!(it.call(Call::List(zero)), Reply::Refused(StorageError::ZeroLimit));
    let twice = List { start: Some("a".into()), start_after: Some("a".into()), ..List::default() };
    assert_eq!(it.call(Call::List(twice)), Reply::Refused(StorageError::StartTwice));
    assert_eq!(it.view.end_turn(1), None);
}

#[test]
fn s8_delete_all_takes_the_alarm_unless_it_is_preserved() {
    for preserve_alarm in [false, true] {
        let mut it = instance(true);
        it.put("a", "");
        it.call(Call::SetAlarm { time_ms: 9_000 });
        it.call(Call::DeleteAll { preserve_alarm });
        assert_eq!(it.call(Call::GetAlarm), Reply::Alarm(preserve_alarm.then_some(9_000)));
        assert_eq!(it.listed(List::default(), &[]), [""; 0]);
    }
}

/// Found by the scenario scripted: what a read brought that had been asked for before a `delete_all` came back with the next
/// list or get.
#[test]
fn s4_what_was_asked_before_a_delete_all_is_gone_behind_it() {
    let stored = Bytes::from_static(b"old");
    let mut it = instance(true);
    let Next::Ask(_, list) = it.next(&Call::List(List { limit: Some(5), ..List::default() })) else {
        panic!("nothing is known yet")
    };
    let Next::Ask(_, get) = it.next(&Call::Get("b".into())) else { panic!("nothing is known yet") };
    it.call(Call::DeleteAll { preserve_alarm: false });
    let before = it.view.answered(list, Answer::Entries(vec![("a".into(), stored.clone())]));
    assert_eq!(
        before,
        Reply::Entries(vec![("a".into(), stored.clone())]),
        "it was there when the list was made"
    );
    assert_eq!(it.view.answered(get, Answer::Value(Some(stored.clone()))), Reply::Value(Some(stored)));
    assert_eq!(it.listed(List::default(), &[]), [""; 0]);
    assert_eq!(it.call(Call::Get("a".into())), Reply::Value(None));
    assert_eq!(it.call(Call::Get("b".into())), Reply::Value(None));
}

#[test]
fn a6_a_time_in_the_past_means_now() {
    let mut it = instance(true);
    let reply = it.call(Call::SetAlarm { time_ms: 1 });
    assert_eq!(reply, Reply::AlarmSet { alarm: stamp(1), scheduled_ms: NOW.wall_ms() });
}

#[test]
fn a7_a_time_that_no_alarm_can_have_is_refused_and_the_alarm_stays() {
    let mut it = instance(true);
    it.call(Call::SetAlarm { time_ms: 9_000 });
    for time_ms in [0, -1, ALARM_TIME_MAX_MS + 1] {
        let refused = it.call(Call::SetAlarm { time_ms });
        let error = StorageError::BadAlarmTime { limit_ms: ALARM_TIME_MAX_MS, time_ms };
        assert_eq!(refused, Reply::Refused(error));
    }
    assert_eq!(it.call(Call::GetAlarm), Reply::Alarm(Some(9_000)));
}

#[test]
fn a8_a_class_without_a_handler_sets_no_alarm() {
    let refused = instance(false).call(Call::SetAlarm { time_ms: 9_000 });
    assert_eq!(refused, Reply::Refused(StorageError::NoAlarmHandler { class: "Test".into() }));
}

#[test]
fn a10_each_set_alarm_makes_another_alarm() {
    let mut it = instance(true);
    let first = it.call(Call::SetAlarm { time_ms: 9_000 });
    let second = it.call(Call::SetAlarm { time_ms: 9_000 });
    assert_ne!(first, second);
}

fn value(text: &'static str) -> Option<Bytes> {
    Some(Bytes::from_static(text.as_bytes()))
}

fn keys(keys: &[&str]) -> Vec<Key> {
    keys.iter().map(|key| Key::from(*key)).collect()
}

#[test]
fn s4_what_is_read_late_does_not_bring_back_what_was_deleted_meanwhile() {
    let mut it = instance(true);
    let (_, one) = it.asks(Call::Get("a".into()));
    let (_, all) = it.asks(Call::List(List::default()));
    let (_, some) = it.asks(Call::GetMany(keys(&["a", "b"])));
    it.call(Call::DeleteAll { preserve_alarm: false });
    let stored = || vec![(Key::from("a"), Bytes::from_static(b"old"))];
    assert_eq!(it.view.answered(one, Answer::Value(value("old"))), Reply::Value(value("old")));
    assert_eq!(it.view.answered(all, Answer::Entries(stored())), Reply::Entries(stored()));
    assert_eq!(it.view.answered(some, Answer::Entries(stored())), Reply::Entries(stored()));
    assert_eq!(it.get("a"), Reply::Value(None));
    assert_eq!(it.listed(List::default(), &[]), [""; 0]);
}

#[test]
fn s1_get_many_asks_for_what_is_not_known_and_gives_all_in_the_order_of_the_keys() {
    let mut it = instance(true);
    it.put("b", "own");
    it.next(&Call::Delete("c".into()));
    let (query, reading) = it.asks(Call::GetMany(keys(&["d", "c", "b", "a", "d"])));
    let Query::GetMany { keys: asked, .. } = query else { panic!("{query:?}") };
    assert_eq!(asked, keys(&["a", "d"]));
    it.put("d", "later");
    let stored = vec![(Key::from("a"), Bytes::from_static(b"stored"))];
    let expected =
        vec![("a".into(), Bytes::from_static(b"stored")), ("b".into(), Bytes::from_static(b"own"))];
    assert_eq!(it.view.answered(reading, Answer::Entries(stored)), Reply::Entries(expected));
    assert_eq!(it.get("d"), Reply::Value(value("later")));
}

#[test]
fn s1_delete_many_counts_the_keys_that_were_there() {
    let mut it = instance(true);
    it.put("a", "");
    let (query, reading) = it.asks(Call::DeleteMany(keys(&["a", "a", "b", "c"])));
    let Query::GetMany { keys: asked, .. } = query else { panic!("{query:?}") };
    assert_eq!(asked, keys(&["b", "c"]));
    let stored = vec![(Key::from("c"), Bytes::new())];
    assert_eq!(it.view.answered(reading, Answer::Entries(stored)), Reply::DeletedCount(2));
    assert_eq!(it.call(Call::DeleteMany(keys(&["a", "b", "c"]))), Reply::DeletedCount(0));
    assert_eq!(it.end_turn(1).len(), 3);
}

#[test]
fn s7_a_batch_over_a_limit_is_refused_as_a_whole() {
    let mut it = instance(true);
    let many = || (0..=BATCH_LEN_MAX).map(|number| Key::from(number.to_string())).collect::<Vec<_>>();
    let error = StorageError::BatchTooLong { limit: BATCH_LEN_MAX, len: BATCH_LEN_MAX + 1 };
    let entries = many().into_iter().map(|key| (key, Bytes::new())).collect();
    for call in [Call::GetMany(many()), Call::DeleteMany(many()), Call::PutMany(entries)] {
        assert_eq!(it.call(call), Reply::Refused(error.clone()));
    }
    let len = VALUE_LEN_MAX + 1;
    let entries = vec![("a".into(), Bytes::new()), ("b".into(), Bytes::from(vec![0; len]))];
    let error = StorageError::ValueTooLong { limit: VALUE_LEN_MAX, len };
    assert_eq!(it.call(Call::PutMany(entries)), Reply::Refused(error));
    assert_eq!(it.end_turn(1), []);
}

#[test]
fn s5_a_transaction_is_written_in_the_turn_in_which_it_ends() {
    let mut it = instance(true);
    it.put("a", "before");
    it.view.begin_transaction().expect("none is open");
    it.put("a", "in it");
    it.put("b", "in it");
    it.call(Call::SetAlarm { time_ms: 9_000 });
    assert_eq!(it.get("a"), Reply::Value(value("in it")));
    assert_eq!(it.listed(List::default(), &["c"]), ["a", "b", "c"]);
    let before = it.view.end_turn(1).expect("what was written before the transaction is of its own turn");
    assert_eq!((before.keys, before.alarm), (vec![("a".into(), value("before"))], None));
    // The turn before it becomes durable while it is open: what the transaction wrote still lies over that.
    it.view.saved(1, &[("a".into(), value("before"))]);
    assert_eq!(it.listed(List::default(), &["a", "c"]), ["a", "b", "c"]);
    it.view.commit_transaction(3);
    let writes = it.view.end_turn(3).expect("the transaction has ended in this turn");
    assert_eq!(writes.keys, [("a".into(), value("in it")), ("b".into(), value("in it"))]);
    assert!(matches!(writes.alarm, Some(AlarmWrite::Schedule(AlarmRow { scheduled_ms: 9_000, .. }))));
    assert_eq!(it.get("a"), Reply::Value(value("in it")));
}

#[test]
fn s5_a_rollback_leaves_everything_as_it_was() {
    let mut it = instance(true);
    it.put("a", "before");
    it.call(Call::SetAlarm { time_ms: 9_000 });
    it.view.begin_transaction().expect("none is open");
    it.put("a", "in it");
    it.put("b", "in it");
    let (_, reading) = it.asks(Call::Delete("c".into()));
    let (_, list) = it.asks(Call::List(List::default()));
    it.call(Call::SetAlarm { time_ms: 7_000 });
    assert_eq!(it.call(Call::GetAlarm), Reply::Alarm(Some(7_000)));
    it.view.roll_back_transaction();
    assert_eq!(it.get("a"), Reply::Value(value("before")));
    assert_eq!(it.call(Call::GetAlarm), Reply::Alarm(Some(9_000)));
    // Reads that were called in it show what it had written, and leave nothing of that behind.
    assert_eq!(it.view.answered(reading, Answer::Value(value("stored"))), Reply::Deleted(true));
    let stored = vec![("c".into(), Bytes::from_static(b"stored"))];
    let Reply::Entries(listed) = it.view.answered(list, Answer::Entries(stored)) else { panic!("a list") };
    assert_eq!(listed.iter().map(|(key, _)| &**key).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(it.get("c"), Reply::Value(value("stored")));
    assert_eq!(it.get("b"), Reply::Value(None));
    assert_eq!(it.end_turn(1), [("a".to_owned(), value("before"))]);
}

#[test]
fn s5_a_rollback_in_a_run_takes_back_that_its_alarm_was_replaced() {
    for commits in [false, true] {
        let mut it = instance(true);
        let Reply::AlarmSet { alarm, scheduled_ms } = it.call(Call::SetAlarm { time_ms: 9_000 }) else {
            panic!("the alarm is set")
        };
        let row = AlarmRow { alarm, scheduled_ms, retry_count: 0, not_before_ms: scheduled_ms };
        it.view.end_turn(1);
        it.view.begin_run(stamp(7), row);
        it.view.begin_transaction().expect("none is open");
        it.call(Call::SetAlarm { time_ms: 50_000 });
        assert_eq!(it.call(Call::GetAlarm), Reply::Alarm(Some(50_000)));
        if commits {
            it.view.commit_transaction(2);
            assert_eq!(it.call(Call::GetAlarm), Reply::Alarm(Some(50_000)));
        } else {
            it.view.roll_back_transaction();
            assert_eq!(it.call(Call::GetAlarm), Reply::Alarm(None), "A4");
        }
        let again = it.view.end_run(RunVerdict::Failed { retry_at_ms: 12_000 });
        let retried = again.map(|row| (row.alarm, row.retry_count));
        assert_eq!(retried, (!commits).then_some((alarm, 1)), "R5: retries end with a set_alarm that counts");
    }
}

#[test]
fn s5_a_transaction_is_not_begun_in_a_transaction() {
    let mut it = instance(true);
    it.view.begin_transaction().expect("none is open");
    assert_eq!(it.view.begin_transaction(), Err(StorageError::NestedTransaction));
    it.view.roll_back_transaction();
    it.view.begin_transaction().expect("none is open any more");
}

#[test]
fn s8_delete_all_is_refused_in_a_transaction() {
    let mut it = instance(true);
    it.put("a", "");
    it.view.begin_transaction().expect("none is open");
    let refused = it.call(Call::DeleteAll { preserve_alarm: false });
    assert_eq!(refused, Reply::Refused(StorageError::DeleteAllInTransaction));
    it.view.commit_transaction(1);
    assert_eq!(it.get("a"), Reply::Value(value("")));
}
