//! An alarm that is late is late whatever becomes of it: if it never runs (F1), and if it is replaced or deleted before it does
//! (L3). And what says nothing about that: a history that does not tell what is at rest, a run that has just ended well.

use reveille_model::build::Tale;
use reveille_model::history::{Cause, OpResult, StorageCall};

/// Alarm 1, for second 10.
fn set() -> Tale {
    let mut tale = Tale::new();
    tale.alarm_is_set(10.0);
    tale
}

/// A read that has its result only then: the gate is closed meanwhile.
fn reads(tale: &mut Tale, turn: u32, since: f64, until: f64) {
    let op = tale.at(since).turn(turn).call(StorageCall::Get { key: "k".into() });
    tale.at(until).turn(turn + 1).result(op, OpResult::Value(None));
}

#[test]
fn f1_a_gate_that_closes_for_a_moment_does_not_put_the_bound_off() {
    let often = |for_s: f64, ends_at: f64| {
        let mut tale = set();
        for n in 0..14 {
            let since = 10.0 + f64::from(n);
            reads(&mut tale, 2 * n + 2, since, since + for_s);
        }
        tale.at(ends_at).rests(&[], Some((1, 10.0, 0))).end();
        tale
    };
    often(0.001, 23.05).is_refused("F1");
    often(0.99, 23.05).is_accepted();
}

#[test]
fn l3_time_with_a_closed_gate_does_not_count() {
    let closed = |seconds: f64| {
        let mut tale = set();
        reads(&mut tale, 2, 10.1, 50.0);
        tale.at(seconds).turn(9).run(1, 1, 10.0, 0).run_ok(1).commit_end(1);
        tale
    };
    closed(50.05).is_accepted();
    closed(50.15).is_refused("L3");
}

#[test]
fn l3_an_alarm_that_is_overdue_is_late_when_it_is_replaced() {
    let ends = |seconds: f64, end: fn(&mut Tale)| {
        let mut tale = set();
        end(tale.at(seconds).turn(2));
        tale
    };
    let replaced = |tale: &mut Tale| _ = tale.set_alarm(2, 9_000.0).commit().respond();
    let deleted = |tale: &mut Tale| _ = tale.delete_alarm().commit().respond();
    let cleared = |tale: &mut Tale| {
        tale.calls(StorageCall::DeleteAll { preserve_alarm: false }, OpResult::Done).commit().respond();
    };
    for end in [replaced, deleted, cleared] {
        ends(3_600.0, end).is_refused("L3");
        ends(10.1, end).is_accepted();
    }
    let preserved = |tale: &mut Tale| {
        tale.calls(StorageCall::DeleteAll { preserve_alarm: true }, OpResult::Done).commit().respond();
    };
    ends(3_600.0, preserved).is_accepted();
}

#[test]
fn l3_it_is_late_once_whatever_becomes_of_what_replaces_it() {
    let mut tale = set();
    tale.at(500.0).turn(2).set_alarm(2, 9_000.0).lost();
    tale.at(500.1).under_epoch(1).wake(2).turn(2).run(1, 1, 10.0, 0).run_ok(1).commit_end(1);
    tale.is_refused("L3");
}

#[test]
fn l3_what_the_constructor_of_a_late_wake_replaces_was_late() {
    let woken = |seconds: f64| {
        let mut tale = set();
        tale.evicted().at(seconds).begin(2, Cause::Alarm).set_alarm(2, 9_000.0);
        tale
    };
    woken(500.0).is_refused("L3");
    woken(10.1).is_accepted();
}

/// The commit of a good end takes longer than calm allows an alarm to wait: nothing is wrong yet.
#[test]
fn f5_an_alarm_whose_run_has_ended_well_waits_for_its_commit_alone() {
    let ends_well = |ends_at: f64| {
        let mut tale = set();
        tale.at(10.0).turn(2).run(1, 1, 10.0, 0).set_alarm(2, 20.0).run_ok(1).commit_end(1);
        tale.at(20.0).turn(3).run(2, 2, 20.0, 0).run_ok(2);
        tale.at(ends_at).rests(&[], Some((2, 20.0, 0))).end();
        tale
    };
    ends_well(21.0).is_accepted();
    ends_well(79.9).is_accepted();
    ends_well(80.1).is_refused("F5");
}

#[test]
fn s3_a_history_that_tells_of_nothing_at_rest_says_nothing_about_it() {
    let mut untold = Tale::new();
    untold.put("k", "v").commit().respond().turn(2).set_alarm(1, 90.0).commit().at(20.0).end();
    untold.is_accepted();
    let mut told = Tale::new();
    told.put("k", "v").commit().respond().at(20.0).rests(&[], None).end();
    told.is_refused("S3");
    // What never ran did not, whatever is at rest.
    let mut never = set();
    never.at(20.0).end();
    never.is_refused("F1");
}

/// Where commits are not told nobody knows whether the good end was durable; that an alarm never ran is known all the same.
#[test]
fn f1_a_good_end_that_nobody_acknowledged_may_be_durable() {
    let mut ended = Tale::without_commits();
    ended.alarm_set(1, 10.0).at(10.0).turn(2).run(1, 1, 10.0, 0).run_ok(1).at(500.0).end().is_accepted();
    let mut never = Tale::without_commits();
    never.alarm_set(1, 10.0).at(500.0).end().is_refused("F1");
}
