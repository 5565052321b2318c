//! The alarm slot: one alarm (A1), replaced (A2), read (A3, A4), deleted (A5), and new each time it is set (A10).

use reveille_model::build::Tale;
use reveille_model::history::{OpResult, StorageCall};

#[test]
fn a1_a_run_without_any_alarm_is_refused() {
    Tale::new().at(1.0).turn(2).run(1, 1, 1.0, 0).is_refused("A1");
    Tale::new().alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).is_accepted();
}

#[test]
fn a1_an_alarm_whose_replacement_is_durable_does_not_start() {
    let replaced = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(10.0).at(2.0).turn(2).set_alarm(2, 20.0);
        tale
    };
    replaced().commit().at(10.0).turn(3).run(1, 1, 10.0, 0).is_refused("A1");
    replaced().at(10.0).turn(3).run(1, 1, 10.0, 0).is_accepted();
}

#[test]
fn a2_an_alarm_whose_replacement_is_acknowledged_never_starts() {
    let mut tale = Tale::of_machines();
    tale.on(4)
        .start(1)
        .at(2.3)
        .alarm_is_set(12.3)
        .at(4.1)
        .turn(2)
        .set_alarm(2, 20.0)
        .commit()
        .at(4.18)
        .respond();
    let violation = tale.at(12.31).turn(3).run(1, 1, 12.3, 0).is_refused("A2");
    assert_eq!(
        violation.sentences,
        "The alarm that was set for 12.300 s at 2.300 s was replaced at 4.100 s by one for 20.000 s, and that \
         replacement was acknowledged at 4.180 s by the answer to request 7; yet alarm() started for it at 12.310 s \
         on machine 4."
    );
    let mut legal = Tale::new();
    legal.at(2.3).alarm_is_set(12.3).at(4.1).turn(2).set_alarm(2, 20.0).commit().at(4.18).respond();
    legal.at(20.01).turn(3).run(1, 2, 20.0, 0).is_accepted();
}

#[test]
fn a2_the_datastore_holds_the_latest_alarm() {
    let replaced = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(90.0).at(2.0).turn(2).set_alarm(2, 95.0).commit().respond().at(3.0);
        tale
    };
    replaced().rests(&[], Some((1, 90.0, 0))).end().is_refused("A2");
    replaced().rests(&[], Some((2, 95.0, 0))).end().is_accepted();
}

/// The slot is empty, and the datastore holds an alarm that was in it once: which rule that breaks is how it left.
#[test]
fn a1_a2_s3_the_datastore_holds_no_alarm_that_has_left_the_slot() {
    let is_told = |tale: &mut Tale, rule: &str| {
        let verdict = tale.at(9.0).rests(&[], Some((1, 90.0, 0))).end().verdict();
        let is_it =
            |sentences: &str| sentences.ends_with("yet at the end of the run the datastore holds it.");
        let told = verdict.violations.iter().filter(|it| is_it(&it.sentences));
        let rules: Vec<String> = told.map(|it| it.rule.to_string()).collect();
        assert_eq!(rules, [rule], "{:?}", verdict.violations);
    };
    let mut replaced = Tale::new();
    replaced.alarm_is_set(90.0).at(2.0).turn(2).set_alarm(2, 95.0).commit();
    replaced.turn(3).delete_alarm().commit();
    is_told(&mut replaced, "A1");
    let mut acknowledged = Tale::new();
    acknowledged.alarm_is_set(90.0).at(2.0).turn(2).set_alarm(2, 95.0).commit().respond();
    acknowledged.turn(3).delete_alarm().commit();
    is_told(&mut acknowledged, "A2");
    let mut lost = Tale::new();
    lost.at(1.0).set_alarm(1, 90.0).lost().at(2.0).wake(2).put("k", "v").commit();
    is_told(&mut lost, "S3");
}

#[test]
fn a3_get_alarm_sees_an_uncommitted_set_alarm() {
    Tale::new().set_alarm(1, 9.0).get_alarm(None).is_refused("A3");
    Tale::new().set_alarm(1, 9.0).get_alarm(Some(9.0)).is_accepted();
}

#[test]
fn a3_a_refused_set_alarm_leaves_the_alarm_as_it_was() {
    let refused = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(9.0).turn(2);
        let call = StorageCall::SetAlarm { time_ms: -1, scheduled_ms: -1, alarm: None };
        tale.calls(call, OpResult::Error("not a time".into()));
        tale
    };
    refused().get_alarm(None).is_refused("A3");
    refused().get_alarm(Some(9.0)).is_accepted();
}

#[test]
fn r6_get_alarm_is_the_original_time_during_backoff() {
    let failed = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).run_fails(1).commit_end(1).turn(3);
        tale
    };
    failed().get_alarm(None).is_refused("R6");
    failed().get_alarm(Some(1.0)).is_accepted();
}

#[test]
fn a4_get_alarm_is_none_in_the_handler() {
    let running = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
        tale
    };
    running().get_alarm(Some(1.0)).is_refused("A4");
    running().get_alarm(None).is_accepted();
    running().set_alarm(2, 9.0).get_alarm(None).is_refused("A4");
    running().set_alarm(2, 9.0).commit().turn(3).get_alarm(Some(9.0)).is_accepted();
    running().set_alarm(2, 9.0).delete_alarm().get_alarm(None).is_accepted();
}

#[test]
fn a4_get_alarm_is_still_t_in_the_constructor_of_a_wake() {
    let waking = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).lost().at(1.0).begin(2, reveille_model::history::Cause::Alarm);
        tale
    };
    waking().get_alarm(Some(1.0)).is_accepted();
    waking().get_alarm(None).is_refused("A3");
}

#[test]
fn a5_a_deleted_alarm_does_not_start() {
    let deleted = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(10.0).at(2.0).turn(2).delete_alarm();
        tale
    };
    deleted().commit().at(10.0).turn(3).run(1, 1, 10.0, 0).is_refused("A5");
    deleted().at(10.0).turn(3).run(1, 1, 10.0, 0).is_accepted();
    deleted().commit().at(20.0).rests(&[], Some((1, 10.0, 0))).end().is_refused("A5");
    deleted().commit().at(20.0).end().is_accepted();
}

#[test]
fn s8_delete_all_deletes_the_alarm_unless_it_is_preserved() {
    let cleared = |preserve_alarm| {
        let mut tale = Tale::new();
        tale.put("k", "v").alarm_is_set(10.0).at(2.0).turn(2);
        tale.calls(StorageCall::DeleteAll { preserve_alarm }, OpResult::Done).commit().at(10.0).turn(3);
        tale
    };
    cleared(false).run(1, 1, 10.0, 0).is_refused("S8");
    cleared(true).run(1, 1, 10.0, 0).is_accepted();
}

#[test]
fn r7_after_a_delete_in_a_failed_run_both_outcomes_are_allowed() {
    let failed = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).delete_alarm();
        tale.run_fails(1).commit_end(1).turn(3);
        tale
    };
    failed().get_alarm(None).at(99.0).end().is_accepted();
    failed().get_alarm(Some(1.0)).at(3.6).run(2, 1, 1.0, 1).is_accepted();
}

#[test]
fn a5_after_a_delete_in_a_good_run_the_alarm_does_not_start() {
    let mut tale = Tale::new();
    tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).delete_alarm().run_ok(1).commit_end(1);
    tale.at(4.0).turn(3).run(2, 1, 1.0, 0).is_refused("A5");
}

#[test]
fn a10_an_alarm_set_in_the_handler_for_its_own_time_is_a_new_one() {
    let set_again = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).set_alarm(2, 1.0).run_ok(1).commit_end(1);
        tale.at(1.1).turn(3);
        tale
    };
    set_again().at(9.0).end().is_refused("A10");
    set_again().at(90.0).rests(&[], Some((2, 1.0, 0))).end().is_refused("A10");
    set_again().run(2, 2, 1.0, 0).run_ok(2).commit_end(2).at(90.0).end().is_accepted();
}

#[test]
fn r7_after_a_delete_in_a_failed_run_the_datastore_may_hold_the_alarm() {
    let mut tale = Tale::new();
    tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).delete_alarm().run_fails(1).commit_end(1);
    tale.at(2.0).rests(&[], Some((1, 1.0, 1))).end().is_accepted();
}
