//! What one instance sees of its storage and its alarm, call by call, without datastore or machines.

use bytes::Bytes;
use reveille_system::ids::{Epoch, ObjectName, Stamp};
use reveille_system::io::Now;
use reveille_system::object::op::{Call, Key, List, Reply, StorageError};
use reveille_system::object::view::{ALARM_TIME_MAX_MS, KEY_LEN_MAX, Next, VALUE_LEN_MAX, View};
use reveille_system::store::command::{Answer, Query};

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
