//! Histories that do not tell of commits: what was acknowledged is certain; of a lost instance's other turns any prefix
//! may be durable, and what is seen later says which.

use reveille_model::build::Tale;
use reveille_model::history::{ListOptions, OpResult, StorageCall};

fn all() -> ListOptions {
    ListOptions::default()
}

/// Instance 1 set a to 0 and was heard of, then made three turns of which nobody heard, and was lost.
fn three_turns() -> Tale {
    let mut tale = Tale::without_commits();
    tale.put("a", "0").respond();
    tale.turn(2).put("a", "1").put("b", "1");
    tale.turn(3).put("a", "2");
    tale.turn(4).put("a", "0").put("c", "1");
    tale.lost().at(3.0).start(2);
    tale
}

#[test]
fn s3_what_was_acknowledged_is_certain() {
    let acknowledged = |by: fn(&mut Tale) -> &mut Tale| {
        let mut tale = Tale::without_commits();
        by(tale.put("k", "v")).lost().at(3.0).start(2);
        tale
    };
    for by in [Tale::respond, Tale::sync] {
        acknowledged(by).get("k", None).is_refused("S3");
        acknowledged(by).at(9.0).rests(&[], None).end().is_refused("S3");
        acknowledged(by).get("k", Some("v")).at(9.0).rests(&[("k", "v")], None).end().is_accepted();
    }
}

#[test]
fn s3_an_unacknowledged_turn_is_there_or_not() {
    let unknown = || {
        let mut tale = Tale::without_commits();
        tale.put("k", "v").lost().at(3.0).start(2);
        tale
    };
    unknown().get("k", None).is_accepted();
    unknown().get("k", Some("v")).is_accepted();
    unknown().get("k", Some("w")).is_refused("S3");
    unknown().get("k", None).get("k", Some("v")).is_refused("S3");
    unknown().get("k", Some("v")).get("k", None).is_refused("S3");
    unknown().get("k", Some("v")).lost().at(4.0).start(3).get("k", None).is_refused("S3");
}

#[test]
fn s3_any_prefix_of_the_turns_may_be_there() {
    three_turns().list(all(), &[("a", "0")]).is_accepted();
    three_turns().list(all(), &[("a", "1"), ("b", "1")]).is_accepted();
    three_turns().list(all(), &[("a", "2"), ("b", "1")]).is_accepted();
    three_turns().list(all(), &[("a", "0"), ("b", "1"), ("c", "1")]).is_accepted();
    three_turns().list(all(), &[("a", "3")]).is_refused("S3");
    three_turns().list(all(), &[]).is_refused("S3");
}

#[test]
fn s2_no_part_of_a_turn_is_there() {
    three_turns().list(all(), &[("a", "1")]).is_refused("S2");
    three_turns().list(all(), &[("a", "2"), ("c", "1")]).is_refused("S3");
    three_turns().get("a", Some("1")).get("b", None).is_refused("S3");
    three_turns().get("a", Some("1")).get("b", Some("1")).is_accepted();
}

#[test]
fn s3_a_read_rules_out_what_does_not_go_with_it() {
    three_turns().get("b", None).get("a", Some("2")).is_refused("S3");
    three_turns().get("b", None).get("a", Some("0")).get("c", None).is_accepted();
    three_turns().get("a", Some("0")).get("c", None).get("b", None).is_accepted();
    three_turns().get("a", Some("0")).get("c", None).get("b", Some("1")).is_refused("S3");
    three_turns().get("a", Some("0")).get("c", Some("1")).get("b", Some("1")).is_accepted();
}

#[test]
fn s1_batches_and_deletes_rule_out_what_does_not_go_with_them() {
    let deletes = |key: &str, was_there| {
        let mut tale = three_turns();
        tale.delete(key, was_there);
        tale
    };
    deletes("c", true).get("b", Some("1")).get("a", Some("0")).is_accepted();
    deletes("c", true).get("b", None).is_refused("S3");
    deletes("c", false).get("a", Some("2")).get("b", Some("1")).is_accepted();
    deletes("a", false).is_refused("S3");
    let keys = || vec!["b".into(), "c".into(), "b".into()];
    let counts = |count| {
        let mut tale = three_turns();
        tale.calls(StorageCall::DeleteMany { keys: keys() }, OpResult::DeletedCount(count));
        tale
    };
    counts(0).get("a", Some("0")).is_accepted();
    counts(0).get("a", Some("1")).is_refused("S3");
    counts(2).get("a", Some("0")).is_accepted();
    counts(3).is_refused("S3");
    let mut many = three_turns();
    let shows = vec![("b".into(), "1".into())];
    many.calls(StorageCall::GetMany { keys: keys() }, OpResult::Entries(shows));
    many.get("a", Some("0")).is_refused("S3");
}

#[test]
fn s6_a_limit_leaves_open_what_is_behind_it() {
    let first = || ListOptions { limit: Some(1), ..all() };
    three_turns().list(first(), &[("a", "0")]).get("b", Some("1")).get("c", Some("1")).is_accepted();
    three_turns().list(first(), &[("a", "2")]).get("b", None).is_refused("S3");
    let last = || ListOptions { limit: Some(1), reverse: true, ..all() };
    three_turns().list(last(), &[("b", "1")]).get("a", Some("0")).is_refused("S3");
    three_turns().list(last(), &[("b", "1")]).get("a", Some("2")).is_accepted();
}

#[test]
fn s8_a_delete_all_may_be_there_or_not() {
    let cleared = || {
        let mut tale = Tale::without_commits();
        tale.put("a", "0").put("b", "0").respond().turn(2);
        tale.calls(StorageCall::DeleteAll { preserve_alarm: false }, OpResult::Done);
        tale.turn(3).put("a", "1").lost().at(3.0).start(2);
        tale
    };
    cleared().get("a", Some("0")).list(all(), &[("a", "0"), ("b", "0")]).is_accepted();
    cleared().get("b", None).list(all(), &[]).is_accepted();
    cleared().get("b", None).get("a", Some("1")).list(all(), &[("a", "1")]).is_accepted();
    cleared().get("a", Some("1")).get("b", Some("0")).is_refused("S8");
    cleared().get("a", None).get("b", Some("0")).is_refused("S8");
}

#[test]
fn s3_several_losses_have_their_own_cuts() {
    let twice = || {
        let mut tale = Tale::without_commits();
        tale.put("a", "1").put("x", "1").lost().at(2.0).start(2);
        tale.put("a", "2").put("y", "2").lost().at(3.0).start(3);
        tale
    };
    for (a, x, y) in [(None, None, None), (Some("1"), Some("1"), None), (Some("2"), None, Some("2"))] {
        twice().get("a", a).get("x", x).get("y", y).is_accepted();
        twice().get("y", y).get("x", x).get("a", a).is_accepted();
    }
    twice().get("a", Some("2")).get("x", Some("1")).get("y", Some("2")).is_accepted();
    twice().get("a", Some("2")).get("y", None).is_refused("S3");
    twice().get("a", Some("1")).get("y", Some("2")).is_refused("S3");
    twice().get("a", Some("1")).get("x", None).is_refused("S3");
    twice().get("a", None).get("x", Some("1")).is_refused("S3");
    twice().at(9.0).rests(&[("a", "2"), ("x", "1"), ("y", "2")], None).end().is_accepted();
    twice().at(9.0).rests(&[("a", "1"), ("y", "2")], None).end().is_refused("S2");
}

#[test]
fn s3_many_losses_cost_no_more_than_they_leave_open() {
    let mut tale = Tale::without_commits();
    for instance in 2..200 {
        tale.put(&format!("k{instance}"), "v").put("last", &instance.to_string()).respond();
        tale.turn(2).put(&format!("u{instance}"), "v").lost().at(instance as f64).start(instance);
    }
    tale.get("u7", Some("v")).get("u8", None).get("last", Some("199")).is_accepted();
    tale.get("k9", None).is_refused("S3");
}

#[test]
fn s3_what_the_successor_writes_counts_whatever_was_before() {
    let over = || {
        let mut tale = three_turns();
        tale.put("a", "9").get("a", Some("9")).respond().lost().at(4.0).start(3);
        tale
    };
    over().get("a", Some("9")).get("b", None).get("c", None).is_accepted();
    over().get("a", Some("9")).get("b", Some("1")).is_accepted();
    over().get("a", Some("2")).is_refused("S3");
}

#[test]
fn s3_a_message_that_leaves_late_says_what_is_durable() {
    let taken_over = || {
        let mut tale = Tale::without_commits();
        tale.put("a", "0").respond();
        tale.turn(2).put("a", "1").put("b", "1").turn(3).put("a", "2").at(3.0).start(2);
        tale
    };
    let late = || {
        let mut tale = taken_over();
        tale.as_instance(1).turn(3).respond().as_instance(2).turn(2);
        tale
    };
    late().get("a", Some("2")).get("b", Some("1")).is_accepted();
    late().get("b", None).is_refused("S3");
    let mut contradicted = taken_over();
    contradicted.turn(2).get("a", Some("1")).as_instance(1).turn(3).respond().is_refused("S3");
}

#[test]
fn s5_a_transaction_whose_end_is_not_told_is_there_as_a_whole_or_not() {
    let open = || {
        let mut tale = Tale::without_commits();
        tale.put("a", "0").put("b", "0").respond().turn(2);
        tale.call(StorageCall::Transaction);
        tale.put("a", "1").turn(3).put("b", "1").lost().at(3.0).start(2);
        tale
    };
    open().list(all(), &[("a", "0"), ("b", "0")]).is_accepted();
    open().list(all(), &[("a", "1"), ("b", "1")]).is_accepted();
    open().list(all(), &[("a", "1"), ("b", "0")]).is_refused("S5");
    let rolled_back = || {
        let mut tale = Tale::without_commits();
        tale.put("a", "0").respond().turn(2);
        let op = tale.call(StorageCall::Transaction);
        tale.put("a", "1").result(op, OpResult::Error("no".into())).lost().at(3.0).start(2);
        tale
    };
    rolled_back().get("a", Some("0")).is_accepted();
    rolled_back().get("a", Some("1")).is_refused("S5");
}

#[test]
fn s4_the_live_instance_sees_all_it_has_written() {
    let mut tale = Tale::without_commits();
    tale.put("a", "1").turn(2).put("a", "2");
    tale.get("a", Some("2")).is_accepted();
    tale.get("a", Some("1")).is_refused("S4");
}

/// Turn 2 replaced alarm 1, for second 90, by alarm 2, for second 50; nobody heard of it.
fn replaced() -> Tale {
    let mut tale = Tale::without_commits();
    tale.set_alarm(1, 90.0).respond().turn(2).put("k", "v").set_alarm(2, 50.0).lost().at(3.0).start(2);
    tale
}

#[test]
fn a3_the_alarm_is_one_of_those_that_may_be_durable() {
    replaced().get_alarm(Some(90.0)).get("k", None).is_accepted();
    replaced().get_alarm(Some(50.0)).get("k", Some("v")).is_accepted();
    replaced().get_alarm(None).is_refused("A3");
    replaced().get_alarm(Some(90.0)).get_alarm(Some(50.0)).is_refused("A3");
    replaced().get_alarm(Some(50.0)).get("k", None).is_refused("S3");
    replaced().get("k", Some("v")).get_alarm(Some(90.0)).is_refused("A3");
}

#[test]
fn s3_a_run_says_which_alarm_is_durable() {
    let runs = |alarm: u64, seconds: f64| {
        let mut tale = replaced();
        tale.at(seconds).turn(2).run(1, alarm, seconds, 0);
        tale
    };
    runs(2, 50.0).get("k", Some("v")).run_ok(1).is_accepted();
    runs(1, 90.0).get("k", None).run_ok(1).is_accepted();
    runs(2, 50.0).get("k", None).is_refused("S3");
    replaced().get("k", Some("v")).at(90.0).turn(2).run(1, 1, 90.0, 0).is_refused("A1");
    replaced().at(50.0).turn(2).run(1, 3, 50.0, 0).is_refused("A1");
    let rests = |keys: &[(&str, &str)], alarm| {
        let mut tale = replaced();
        tale.at(9.0).rests(keys, Some(alarm)).end();
        tale
    };
    rests(&[("k", "v")], (2, 50.0, 0)).is_accepted();
    rests(&[], (1, 90.0, 0)).is_accepted();
    rests(&[("k", "v")], (1, 90.0, 0)).is_refused("S3");
}

/// The run of alarm 1 wrote k and ended well in turn 3. `heard` says whether a response of turn 4 left; then the
/// instance was lost.
fn completed(heard: bool) -> Tale {
    let mut tale = Tale::without_commits();
    tale.alarm_set(1, 1.0).at(1.0).turn(3).run(1, 1, 1.0, 0).put("k", "v").run_ok(1);
    if heard {
        tale.turn(4).respond();
    }
    tale.lost().fault(1, "crash").at(2.0).heal(1).start(2).turn(2);
    tale
}

#[test]
fn f4_a_completion_that_nobody_heard_of_may_be_durable() {
    completed(false).run(2, 1, 1.0, 0).get("k", None).is_accepted();
    completed(false).get("k", Some("v")).get_alarm(None).is_accepted();
    completed(false).get("k", None).get_alarm(Some(1.0)).is_accepted();
    completed(false).get("k", Some("v")).run(2, 1, 1.0, 0).is_refused("F4");
    completed(false).run(2, 1, 1.0, 0).get("k", Some("v")).is_refused("F4");
    completed(false).get_alarm(None).get("k", None).is_refused("S3");
}

#[test]
fn f4_a_completion_that_was_acknowledged_is_certain() {
    completed(true).run(2, 1, 1.0, 0).is_refused("F4");
    completed(true).get("k", None).is_refused("S3");
    completed(true).get("k", Some("v")).get_alarm(None).is_accepted();
}

#[test]
fn r4_a_failure_that_nobody_heard_of_may_be_counted() {
    let failed = || {
        let mut tale = Tale::without_commits();
        tale.alarm_set(1, 1.0).at(1.0).turn(3).run(1, 1, 1.0, 0).put("k", "v").run_fails(1);
        tale.lost().fault(1, "crash").at(3.1).heal(1).start(2).turn(2);
        tale
    };
    failed().run(2, 1, 1.0, 0).get("k", None).is_accepted();
    failed().run(2, 1, 1.0, 1).get("k", Some("v")).is_accepted();
    failed().run(2, 1, 1.0, 1).get("k", None).is_refused("S3");
    failed().get("k", None).run(2, 1, 1.0, 1).is_refused("R4");
    failed().run(2, 1, 1.0, 2).is_refused("R4");
}

#[test]
fn r4_a_retry_in_the_same_instance_says_that_the_failure_was_recorded() {
    let failed = |retry_count: u32| {
        let mut tale = Tale::without_commits();
        tale.alarm_set(1, 1.0).at(1.0).turn(3).run(1, 1, 1.0, 0).put("k", "v").run_fails(1);
        tale.at(3.1).turn(4).run(2, 1, 1.0, retry_count);
        tale
    };
    failed(1).run_ok(2).is_accepted();
    failed(2).is_refused("R4");
    failed(1).lost().fault(1, "crash").at(3.2).heal(1).start(2).get("k", None).is_refused("R8");
    failed(1).lost().fault(1, "crash").at(3.2).heal(1).start(2).get("k", Some("v")).is_accepted();
    failed(1)
        .at(3.2)
        .lost()
        .fault(1, "crash")
        .at(3.3)
        .heal(1)
        .start(2)
        .turn(2)
        .run(3, 1, 1.0, 0)
        .is_refused("R4");
}

/// Alarm 1 for second 1 was deleted in its run, which failed; it is deleted again in turn 3.
fn deleted_again(heard: bool) -> Tale {
    let mut tale = Tale::without_commits();
    tale.alarm_set(1, 1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).delete_alarm().run_fails(1).respond();
    tale.turn(3).delete_alarm();
    if heard {
        tale.respond();
    }
    tale.lost().at(3.1).wake(2).turn(2);
    tale
}

#[test]
fn r6_a_retry_that_was_left_open_is_over_once_its_end_was_heard_of() {
    deleted_again(false).run(2, 1, 1.0, 1).is_accepted();
    deleted_again(false).get_alarm(None).is_accepted();
    deleted_again(true).run(2, 1, 1.0, 1).is_refused("R6");
    deleted_again(true).get_alarm(None).is_accepted();
}

#[test]
fn a4_an_instance_that_was_succeeded_in_its_run_still_sees_none() {
    let mut tale = Tale::without_commits();
    tale.set_alarm(1, 1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
    tale.on(1).at(5.0).wake(2).turn(2).run(2, 1, 1.0, 0);
    tale.on(0).as_instance(1).turn(3).get_alarm(None).set_alarm(2, 9.0).get_alarm(Some(9.0));
    assert!(!tale.verdict().violations.iter().any(|violation| violation.rule.0.starts_with('A')));
    tale.get_alarm(None).is_refused("A3");
}

/// Found in a history of the real runtime: that an alarm runs says that it is durable, and that its replacement is not yet.
#[test]
fn a2_an_alarm_runs_whose_replacement_nobody_has_heard_of() {
    let replaced = |heard: bool| {
        let mut tale = Tale::without_commits();
        tale.alarm_set(1, 1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).set_alarm(2, 1.5).run_ok(1);
        tale.at(1.48).turn(3).set_alarm(3, 9.0);
        if heard {
            tale.respond();
        }
        tale.at(1.5).turn(4).run(2, 2, 1.5, 0);
        tale
    };
    replaced(false).run_ok(2).at(9.0).turn(5).run(3, 3, 9.0, 0).is_accepted();
    replaced(true).is_refused("A2");
}

/// The same: what was told wrongly is reported, and the next runs are held against it.
#[test]
fn r4_a_count_that_began_again_goes_on() {
    let mut tale = Tale::without_commits();
    tale.alarm_set(1, 1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).run_fails(1);
    tale.at(3.1).turn(3).run(2, 1, 1.0, 1).run_fails(2).at(3.5).lost();
    tale.at(9.0).wake(2).turn(2).run(3, 1, 1.0, 0).run_fails(3);
    tale.at(11.1).turn(3).run(4, 1, 1.0, 1).is_refused("R4");
}

#[test]
fn f1_an_alarm_that_may_not_be_durable_is_owed_nothing() {
    let set = |heard: bool| {
        let mut tale = Tale::without_commits();
        tale.set_alarm(1, 9.0);
        if heard {
            tale.respond();
        }
        tale.lost().at(200.0).rests(&[], None).end();
        tale
    };
    set(false).is_accepted();
    set(true).is_refused("F1");
}

#[test]
fn a_told_commit_is_not_relied_on() {
    let mut tale = Tale::without_commits();
    tale.put("a", "1").commit().lost().at(3.0).start(2).get("a", None).is_accepted();
}
