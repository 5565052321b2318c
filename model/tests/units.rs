//! What belongs together: the writes of a turn (S2), `delete_all` (S8), a failed run and its writes (R8), and an alarm
//! with its retries (R5, R6).

use reveille_model::build::Tale;
use reveille_model::history::{ListOptions, OpResult, StorageCall};

/// Turn 1 of instance 1 wrote two keys, durably; then its machine was lost and instance 2 started.
fn two_keys() -> Tale {
    let mut tale = Tale::new();
    tale.put("a", "1").put("b", "2").commit().respond().lost().at(3.0).start(2);
    tale
}

#[test]
fn s2_a_part_of_a_turn_is_never_seen() {
    let list = |shows: &[(&str, &str)]| {
        let mut tale = two_keys();
        tale.list(ListOptions::default(), shows);
        tale
    };
    list(&[("b", "2")]).is_refused("S2");
    list(&[]).is_refused("S3");
    list(&[("a", "1"), ("b", "2")]).is_accepted();
    let newest = ListOptions { limit: Some(1), ..ListOptions::default() };
    two_keys().list(newest, &[("b", "2")]).is_refused("S2");
}

#[test]
fn s2_a_part_of_a_turn_never_rests() {
    let written = || {
        let mut tale = Tale::new();
        tale.put("a", "1").commit().turn(2).put("a", "2").put("b", "2").commit().at(9.0);
        tale
    };
    written().rests(&[("a", "2")], None).end().is_refused("S2");
    written().rests(&[("a", "1"), ("b", "2")], None).end().is_refused("S2");
    written().rests(&[("a", "?"), ("b", "2")], None).end().is_refused("S3");
    written().rests(&[("a", "1")], None).end().is_refused("S3");
    written().rests(&[("a", "2"), ("b", "2")], None).end().is_accepted();
}

#[test]
fn s2_an_alarm_is_part_of_its_turn() {
    let written = || {
        let mut tale = Tale::new();
        tale.put("a", "1").set_alarm(1, 90.0).commit().at(9.0);
        tale
    };
    written().rests(&[], Some((1, 90.0, 0))).end().is_refused("S2");
    written().rests(&[("a", "1")], Some((1, 90.0, 0))).end().is_accepted();
}

/// An object with a key and an alarm for second 90 is cleared, durably.
fn cleared(preserve_alarm: bool) -> Tale {
    let mut tale = Tale::new();
    tale.put("k", "v").alarm_is_set(90.0).turn(2);
    tale.calls(StorageCall::DeleteAll { preserve_alarm }, OpResult::Done).commit().respond().at(9.0);
    tale
}

#[test]
fn s8_delete_all_removes_all_keys() {
    cleared(false).rests(&[("k", "v")], None).end().is_refused("S8");
    cleared(false).lost().start(2).get("k", Some("v")).is_refused("S8");
    cleared(false).lost().start(2).get("k", None).end().is_accepted();
}

#[test]
fn s8_delete_all_removes_the_alarm_with_the_keys() {
    cleared(false).rests(&[], Some((1, 90.0, 0))).end().is_refused("S8");
    cleared(false).turn(3).get_alarm(Some(90.0)).is_refused("S8");
    cleared(false).turn(3).get_alarm(None).end().is_accepted();
}

#[test]
fn s8_delete_all_preserves_the_alarm_if_asked_to() {
    cleared(true).rests(&[], None).end().is_refused("S8");
    cleared(true).turn(3).get_alarm(None).is_refused("S8");
    cleared(true).turn(3).get_alarm(Some(90.0)).rests(&[], Some((1, 90.0, 0))).end().is_accepted();
}

/// The first run of alarm 1 wrote a key and failed at second 1; that is durable.
fn failed() -> Tale {
    let mut tale = Tale::new();
    tale.put("k", "old").alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).put("k", "new");
    tale.run_fails(1).commit_end(1).turn(3);
    tale
}

#[test]
fn r8_a_failed_run_keeps_its_writes() {
    failed().get("k", Some("old")).is_refused("R8");
    failed().lost().at(1.5).start(2).get("k", Some("old")).is_refused("R8");
    failed().lost().at(1.5).start(2).get("k", Some("?")).is_refused("S3");
    failed().rests(&[("k", "old")], Some((1, 1.0, 1))).end().is_refused("R8");
    failed().get("k", Some("new")).rests(&[("k", "new")], Some((1, 1.0, 1))).end().is_accepted();
}

#[test]
fn r6_delete_alarm_ends_the_retries() {
    let deleted = || {
        let mut tale = failed();
        tale.delete_alarm().commit().at(3.1).turn(4);
        tale
    };
    deleted().run(2, 1, 1.0, 1).is_refused("R6");
    deleted().rests(&[("k", "new")], Some((1, 1.0, 1))).end().is_refused("R6");
    deleted().at(99.0).rests(&[("k", "new")], None).end().is_accepted();
}

#[test]
fn r5_an_alarm_set_during_backoff_does_not_wait_for_its_end() {
    let replaced = || {
        let mut tale = failed();
        tale.at(1.1).set_alarm(2, 1.2).commit().turn(4);
        tale
    };
    replaced().at(3.2).run(2, 2, 1.2, 0).is_refused("R5");
    replaced().at(2.0).run(2, 2, 1.2, 0).is_refused("L3");
    replaced().at(1.3).run(2, 2, 1.2, 0).is_accepted();
}

#[test]
fn r5_an_alarm_set_in_a_run_that_fails_starts_at_zero_and_at_its_own_time() {
    let replaced = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).set_alarm(2, 1.2);
        tale.run_fails(1).commit_end(1).turn(3);
        tale
    };
    replaced().at(3.2).run(2, 2, 1.2, 0).is_refused("R5");
    replaced().at(1.2).run(2, 2, 1.2, 1).is_refused("R5");
    replaced().at(1.2).run(2, 2, 1.2, 0).is_accepted();
}
