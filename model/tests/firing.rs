//! Firing: at least once (F1), never early (F2), atomic completion (F4), re-arm (F5), rerun (F6), info (F7).

use reveille_model::build::Tale;
use reveille_model::history::{Cause, OpResult, StorageCall, What};

/// Alarm 1 for second 1, and its run that starts on time in turn 2.
fn running() -> Tale {
    let mut tale = Tale::new();
    tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
    tale
}

#[test]
fn f1_an_alarm_that_never_runs_is_refused() {
    let set = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(10.0);
        tale
    };
    set().at(100.0).rests(&[], Some((1, 10.0, 0))).end().is_refused("F1");
    set().at(10.1).rests(&[], Some((1, 10.0, 0))).end().is_accepted();
    set().at(10.1).turn(2).run(1, 1, 10.0, 0).run_ok(1).commit_end(1).at(100.0).end().is_accepted();
}

#[test]
fn f1_lateness_counts_from_the_last_change_of_a_fault() {
    let faulty = |healed_at| {
        let mut tale = Tale::new();
        tale.alarm_is_set(10.0).at(10.1).fault(1, "crash").on(1).fault(2, "crash");
        tale.heal(2).at(healed_at).heal(1);
        tale.at(100.0).rests(&[], Some((1, 10.0, 0))).end();
        tale
    };
    faulty(20.0).is_refused("F1");
    faulty(60.0).is_accepted();
}

#[test]
fn f1_a_run_that_is_in_progress_is_not_overdue() {
    running().at(100.0).rests(&[], Some((1, 1.0, 0))).end().is_accepted();
}

/// Found by an attack on the checkers: the gate never opened, so that the alarm was never eligible.
#[test]
fn f1_an_alarm_behind_a_closed_gate_is_not_overdue() {
    let read = |allow_concurrency: bool| {
        let mut tale = Tale::new();
        let call = StorageCall::Get { key: "k".into() };
        tale.alarm_is_set(10.0).at(9.0).turn(2).does(What::Op { op: 99, call, allow_concurrency });
        tale.at(100.0).rests(&[], Some((1, 10.0, 0))).end();
        tale
    };
    read(false).is_accepted();
    read(true).is_refused("F1");
}

/// Found by an attack on the checkers: the constructor started on time, and may take 30 s (O4).
#[test]
fn f1_an_alarm_whose_constructor_still_runs_is_not_overdue() {
    let constructs_until = |seconds: f64| {
        let mut tale = Tale::new();
        tale.alarm_is_set(10.0).evicted().at(10.0).begin(2, Cause::Alarm);
        tale.at(seconds).rests(&[], Some((1, 10.0, 0))).end();
        tale
    };
    constructs_until(25.0).is_accepted();
    constructs_until(41.0).is_refused("F1");
}

/// Found by an attack on the checkers: S8 was kept, since the alarm stayed; that it never ran is F1.
#[test]
fn f1_is_what_an_alarm_is_owed_that_delete_all_has_preserved() {
    let preserved = |rests: Option<(u64, f64, u32)>| {
        let mut tale = Tale::new();
        tale.put("k", "v").alarm_is_set(10.0).turn(2);
        tale.calls(StorageCall::DeleteAll { preserve_alarm: true }, OpResult::Done).commit();
        tale.turn(3).get_alarm(Some(10.0)).at(100.0).rests(&[], rests).end();
        tale
    };
    preserved(Some((1, 10.0, 0))).is_refused("F1");
    preserved(None).is_refused("S8");
}

/// Found by an attack on the checkers: a run that was lost with its machine has no end, and its instance need have none.
#[test]
fn f6_a_crash_ends_the_run_whether_or_not_an_end_of_the_instance_is_told() {
    let struck = |kind: &str, is_told: bool| {
        let mut tale = running();
        tale.at(1.5).fault(1, kind);
        if is_told {
            tale.lost();
        }
        tale.at(5.0).heal(1).at(100.0).rests(&[], Some((1, 1.0, 0))).end();
        tale
    };
    struck("crash", true).is_refused("F6");
    struck("crash", false).is_refused("F6");
    // A pause takes nothing along: the run is still in progress.
    struck("pause", false).is_accepted();
}

#[test]
fn f1_an_alarm_that_vanishes_from_the_datastore_is_refused() {
    Tale::new().alarm_is_set(90.0).at(9.0).rests(&[], None).end().is_refused("F1");
    Tale::new().alarm_is_set(90.0).at(9.0).rests(&[], Some((1, 90.0, 0))).end().is_accepted();
}

#[test]
fn f1_an_alarm_in_a_long_backoff_is_not_overdue() {
    let mut tale = Tale::new();
    tale.alarm_is_set(1.0);
    let mut at = 1.0;
    for retry_count in 0..6 {
        let run = u64::from(retry_count) + 1;
        tale.at(at).turn(retry_count + 2).run(run, 1, 1.0, retry_count).run_fails(run).commit_end(run);
        at += 2.0 * f64::from(1 << retry_count);
    }
    tale.at(at + 16.1).rests(&[], Some((1, 1.0, 6))).end().is_accepted();
}

#[test]
fn f2_a_run_never_starts_early() {
    let early = |clock_off_ms| {
        let mut tale = Tale::new();
        tale.alarm_is_set(10.0).at(9.9).clock_off_ms(clock_off_ms).turn(2).run(1, 1, 10.0, 0);
        tale
    };
    early(0).is_refused("F2");
    early(100).is_accepted();
}

#[test]
fn f4_a_completed_alarm_never_runs_again() {
    running().run_ok(1).commit_end(1).at(2.0).turn(3).run(2, 1, 1.0, 0).is_refused("F4");
    running().run_ok(1).lost().at(1.1).wake(2).turn(2).run(2, 1, 1.0, 0).is_accepted();
    running().run_ok(1).commit_end(1).at(2.0).rests(&[], Some((1, 1.0, 0))).end().is_refused("F4");
}

#[test]
fn f4_completion_is_atomic() {
    running().put("k", "v").run_ok(1).commit().is_refused("F4");
    running().put("k", "v").run_ok(1).commit_end(1).is_accepted();
    running().set_alarm(2, 9.0).run_ok(1).commit().is_accepted();
    running().delete_alarm().run_ok(1).commit().is_accepted();
}

#[test]
fn f4_a_completion_in_two_commits_is_refused_once() {
    running().put("k", "v").run_ok(1).commit().turn(3).commit_end(1).is_refused("F4");
}

#[test]
fn f4_an_alarm_is_not_removed_before_its_run_has_ended() {
    running().put("k", "v").commit_end(1).turn(3).run_ok(1).is_refused("F4");
    running().put("k", "v").commit().turn(3).run_ok(1).commit_end(1).is_accepted();
}

#[test]
fn f5_an_alarm_set_while_the_handler_runs_survives_its_end() {
    let rearmed = || {
        let mut tale = running();
        tale.set_alarm(2, 30.0).run_ok(1).commit_end(1).at(9.0);
        tale
    };
    rearmed().rests(&[], None).end().is_refused("F5");
    rearmed().at(100.0).rests(&[], Some((2, 30.0, 0))).end().is_refused("F5");
    rearmed().rests(&[], Some((2, 30.0, 0))).end().is_accepted();
    rearmed().at(30.0).turn(3).run(2, 2, 30.0, 0).run_ok(2).commit_end(2).at(100.0).end().is_accepted();
}

#[test]
fn f6_a_run_that_was_cut_short_starts_again() {
    let cut = || {
        let mut tale = running();
        tale.at(1.5).fault(1, "crash").lost().at(5.0).heal(1);
        tale
    };
    cut().at(100.0).rests(&[], Some((1, 1.0, 0))).end().is_refused("F6");
    let mut again = cut();
    again.on(1).wake(2).turn(2).run(2, 1, 1.0, 0).run_ok(2).commit_end(2).at(100.0).end().is_accepted();
}

#[test]
fn f6_a_run_that_was_cut_short_after_a_durable_replacement_does_not_start_again() {
    let cut = || {
        let mut tale = running();
        tale.set_alarm(2, 30.0).commit().lost().at(5.0).on(1).wake(2).turn(2);
        tale
    };
    cut().run(2, 1, 1.0, 0).is_refused("A1");
    cut().at(30.0).run(2, 2, 30.0, 0).is_accepted();
}

#[test]
fn f7_the_handler_is_told_its_scheduled_time() {
    let set = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).at(1.1).turn(2);
        tale
    };
    set().run_told(1, Some(1), 1.05, 0, false).is_refused("F7");
    set().run_told(1, None, 1.05, 0, false).is_refused("F7");
    set().run_told(1, None, 1.0, 0, false).is_accepted();
}

#[test]
fn f7_is_retry_says_whether_there_were_counted_failures() {
    let mut tale = Tale::new();
    tale.alarm_is_set(1.0).at(1.0).turn(2).run_told(1, Some(1), 1.0, 0, true).is_refused("F7");
}

#[test]
fn what_a_superseded_instance_runs_is_not_judged() {
    let mut tale = running();
    tale.at(40.0).on(1).wake(2).turn(2).run(2, 1, 1.0, 0).run_ok(2).commit_end(2);
    tale.at(41.0).on(0).as_instance(1).turn(3).run_ok(1).run(3, 1, 1.0, 5).get("k", Some("?"));
    tale.at(99.0).end().is_accepted();
}

#[test]
fn f4_an_alarm_is_removed_by_the_commit_of_the_last_turn_and_no_other() {
    running().run_ok(1).turn(3).put("k", "v").commit_end(1).is_refused("F4");
    running().run_fails(1).turn(3).put("k", "v").commit_end(1).is_accepted();
}

#[test]
fn f4_an_instance_goes_on_to_see_its_run_completed() {
    running().put("k", "v").run_ok(1).commit().turn(3).get_alarm(None).is_refused("F4");
}
