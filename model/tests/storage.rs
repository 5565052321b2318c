//! Storage: the durable prefix (S3), ordered reads (S4, S6), the output gate (O5), and disks (D8).

use reveille_model::build::Tale;
use reveille_model::history::{ListOptions, OpResult, StorageCall, What};

fn first(limit: u32) -> ListOptions {
    ListOptions { limit: Some(limit), ..ListOptions::default() }
}

#[test]
fn s3_an_acknowledged_turn_is_not_lost() {
    let synced = || {
        let mut tale = Tale::new();
        tale.at(1.0).put("k", "v").at(2.0).sync();
        tale
    };
    synced().lost().at(3.0).start(2).is_refused("S3");
    synced().commit().lost().at(3.0).start(2).get("k", Some("v")).is_accepted();
    let mut unacknowledged = Tale::new();
    unacknowledged.at(1.0).put("k", "v").lost().at(3.0).start(2).get("k", None).is_accepted();
}

/// "A write is acknowledged once, after it, `sync` returned": with nothing to save it may return at once, in the middle of a turn.
#[test]
fn s3_a_sync_acknowledges_what_was_written_before_it() {
    let lost = |tell: fn(&mut Tale)| {
        let mut tale = Tale::new();
        tell(tale.turn(2));
        tale.lost().start(2).rests(&[], None).end();
        tale
    };
    lost(|tale| _ = tale.put("k", "v").sync()).is_refused("S3");
    lost(|tale| _ = tale.sync().put("k", "v")).is_accepted();
    lost(|tale| _ = tale.turn(1).put("k", "v").turn(2).sync()).is_refused("S3");
}

#[test]
fn s3_a_lost_turn_may_become_durable_until_its_successor_starts() {
    let lost = || {
        let mut tale = Tale::new();
        tale.at(1.0).put("k", "v").lost();
        tale
    };
    lost().at(2.0).commit().at(3.0).start(2).get("k", Some("v")).is_accepted();
    lost().at(2.0).start(2).at(3.0).as_instance(1).commit().is_refused("S3");
}

#[test]
fn s3_turns_become_durable_in_order() {
    let two = || {
        let mut tale = Tale::new();
        tale.put("a", "1").turn(2).put("b", "2");
        tale
    };
    two().turn(2).commit().turn(1).commit().is_refused("S3");
    two().turn(1).commit().turn(2).commit().is_accepted();
}

#[test]
fn s3_what_an_earlier_instance_made_durable_is_seen() {
    let durable = || {
        let mut tale = Tale::new();
        tale.put("k", "v").put("l", "w").commit().respond().lost().at(3.0).start(2);
        tale
    };
    durable().get("k", None).is_refused("S3");
    durable().get("k", None).get("k", None).is_refused("S3");
    durable().list(ListOptions::default(), &[]).is_refused("S3");
    durable().delete("k", false).is_refused("S3");
    durable().get("k", Some("v")).list(first(1), &[("k", "v")]).delete("k", true).is_accepted();
}

/// What shows later was not lost.
#[test]
fn s4_a_read_of_what_is_durable_may_turn_out_to_have_been_stale() {
    let missed = || {
        let mut tale = Tale::new();
        tale.put("k", "v").commit().respond().lost().at(3.0).start(2).get("k", None);
        tale
    };
    let stale = missed().at(4.0).get("k", Some("v")).is_refused("S4");
    assert!(
        stale
            .sentences
            .ends_with("It was not lost: it was there at 4.000 s. A read sees every earlier write.")
    );
    missed().at(9.0).rests(&[("k", "v")], None).end().is_refused("S4");
    missed().get("k", Some("w")).is_refused("S3");
    missed().put("k", "v").get("k", Some("v")).is_refused("S3");
}

#[test]
fn s3_what_an_earlier_instance_deleted_does_not_come_back() {
    let deleted = || {
        let mut tale = Tale::new();
        tale.put("k", "v").commit().turn(2).delete("k", true).commit().lost().at(3.0).start(2);
        tale
    };
    deleted().get("k", Some("v")).is_refused("S3");
    deleted().get("k", None).is_accepted();
}

#[test]
fn s3_the_datastore_rests_as_the_durable_turns_left_it() {
    let written = || {
        let mut tale = Tale::new();
        tale.put("a", "1").put("b", "2").commit().turn(2).put("a", "3").at(9.0);
        tale
    };
    written().rests(&[("a", "3"), ("b", "2")], None).end().is_refused("S3");
    written().rests(&[], None).end().is_refused("S3");
    written().rests(&[("a", "1"), ("b", "2")], None).end().is_accepted();
    written().turn(2).commit().rests(&[("a", "3"), ("b", "2")], None).end().is_accepted();
}

#[test]
fn s4_a_read_sees_every_earlier_write_of_its_instance() {
    let written = || {
        let mut tale = Tale::new();
        tale.put("k", "old").commit().turn(2).put("k", "new");
        tale
    };
    written().get("k", Some("old")).is_refused("S4");
    written().list(ListOptions::default(), &[("k", "old")]).is_refused("S4");
    written().commit().get("k", Some("old")).is_refused("S4");
    written().get("k", Some("new")).commit().get("k", Some("new")).is_accepted();
}

#[test]
fn s4_a_read_sees_no_later_write() {
    let pending = |shows: Option<&str>| {
        let mut tale = Tale::new();
        let op = tale.call(StorageCall::Get { key: "k".into() });
        tale.put("k", "later");
        tale.turn(2).result(op, OpResult::Value(shows.map(Into::into)));
        tale
    };
    pending(Some("later")).is_refused("S4");
    pending(None).is_accepted();
}

#[test]
fn s4_a_pending_list_sees_no_later_write() {
    let pending = |shows: &[&str]| {
        let mut tale = Tale::new();
        tale.put("a", "v").put("b", "v");
        let op = tale.call(StorageCall::List(first(2)));
        tale.delete("a", true).put("c", "v");
        let entries = shows.iter().map(|key| ((*key).into(), "v".into())).collect();
        tale.turn(2).result(op, OpResult::Entries(entries));
        tale
    };
    pending(&["b", "c"]).is_refused("S4");
    pending(&["a", "b"]).is_accepted();
}

#[test]
fn s4_delete_says_whether_the_key_was_there() {
    Tale::new().put("k", "v").delete("k", false).is_refused("S4");
    Tale::new().put("k", "v").delete("k", true).delete("k", false).is_accepted();
}

#[test]
fn s4_delete_all_hides_what_was_there() {
    let cleared = || {
        let mut tale = Tale::new();
        tale.put("k", "v").commit().turn(2).put("l", "w");
        tale.calls(StorageCall::DeleteAll { preserve_alarm: false }, OpResult::Done);
        tale
    };
    cleared().get("k", Some("v")).is_refused("S4");
    cleared().put("m", "x").list(ListOptions::default(), &[("m", "x")]).is_accepted();
    cleared().commit().respond().lost().start(2).list(ListOptions::default(), &[]).is_accepted();
}

#[test]
fn s6_list_gives_what_its_options_ask_for() {
    let written = || {
        let mut tale = Tale::new();
        for key in ["9", "10"] {
            tale.put(key, "item");
        }
        tale
    };
    let newest = || ListOptions { reverse: true, ..first(1) };
    written().list(newest(), &[("10", "item")]).is_refused("S4");
    written().list(newest(), &[("9", "item")]).is_accepted();
    written().list(ListOptions::default(), &[("9", "item"), ("10", "item")]).is_refused("S6");
    written().list(ListOptions::default(), &[("10", "item"), ("9", "item")]).is_accepted();
}

#[test]
fn o5_a_response_waits_for_the_writes_before_it() {
    Tale::new().put("k", "v").respond().commit().is_refused("O5");
    Tale::new().put("k", "v").commit().respond().is_accepted();
    Tale::new().turn(2).put("k", "v").turn(1).respond().is_accepted();
}

#[test]
fn o5_an_outbound_request_waits_for_the_writes_before_it() {
    let outbound = || What::Outbound { call: 3, service: "upstream".into(), body: "b".into(), op: None };
    let violation = Tale::new().at(1.0).put("k", "v").at(2.0).turn(2).does(outbound()).is_refused("O5");
    assert_eq!(
        violation.sentences,
        "At 2.000 s outbound request 3, made in turn 2 of instance 1, left its machine. By then turn 1, which began \
         to write at 1.000 s, was not durable."
    );
    Tale::new().put("k", "v").commit().turn(2).does(outbound()).is_accepted();
}

#[test]
fn o5_a_delete_of_nothing_holds_nothing_back() {
    Tale::new().delete("k", false).delete_alarm().respond().is_accepted();
}

#[test]
fn d8_damage_without_a_disk_fault_is_refused() {
    Tale::new().fault(1, "power-loss").world(What::DiskDamaged).is_refused("D8");
    Tale::new().fault(1, "disk-rot").world(What::DiskDamaged).is_accepted();
}

#[test]
fn s3_a_key_that_a_limit_pushes_out_of_a_list_is_not_blamed() {
    let mut tale = Tale::new();
    tale.put("k", "v").commit().respond().lost().start(2).list(first(1), &[("a", "?")]);
    tale.is_refused("S3");
    assert_eq!(tale.get("k", None).verdict().violations.len(), 2, "that k is lost is another matter");
}

#[test]
fn s4_a_commit_does_not_uncover_what_a_later_turn_wrote() {
    let mut tale = Tale::new();
    tale.put("k", "1").turn(2).put("k", "2").turn(1).commit().turn(3);
    tale.get("k", Some("2")).is_accepted();
    tale.get("k", Some("1")).is_refused("S4");
}

#[test]
fn s3_an_alarm_that_was_lost_with_its_turn_does_not_start() {
    let mut tale = Tale::new();
    tale.set_alarm(1, 9.0).lost().at(5.0).start(2).at(9.0).turn(2).run(1, 1, 9.0, 0).is_refused("S3");
}
