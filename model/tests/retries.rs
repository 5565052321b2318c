//! Retries: how many (R2), how soon and how late (R3), and what the count says (R4).

use std::collections::BTreeMap;

use reveille_model::build::Tale;
use reveille_model::history::{AlarmAtRest, AlarmId, Cause, How, ResetCause, What};

/// Alarm 1 for second 1 whose first run failed at second 1.
fn failed_once() -> Tale {
    let mut tale = Tale::new();
    tale.fails_up_to(0);
    tale.at(1.0).turn(3);
    tale
}

/// What [`Tale::fails_up_to`] tells.
fn failed_up_to(last: u32) -> Tale {
    let mut tale = Tale::new();
    tale.fails_up_to(last);
    tale
}

#[test]
fn r2_an_alarm_is_given_up_after_seven_counted_runs() {
    failed_up_to(6).run(8, 1, 1.0, 7).is_refused("R2");
    failed_up_to(6).end().is_accepted();
    failed_up_to(5).run(7, 1, 1.0, 6).is_accepted();
}

#[test]
fn r2_a_given_up_alarm_is_gone() {
    failed_up_to(6).get_alarm(None).at(999.0).end().is_accepted();
    failed_up_to(6).get_alarm(Some(1.0)).is_refused("A3");
    failed_up_to(6).rests(&[], Some((1, 1.0, 6))).end().is_refused("R2");
}

#[test]
fn r2_an_alarm_that_is_being_given_up_may_be_read_or_not() {
    let failing = || {
        let mut tale = failed_up_to(5);
        tale.run(7, 1, 1.0, 6).run_fails(7).turn(9);
        tale
    };
    failing().get_alarm(Some(1.0)).is_accepted();
    failing().get_alarm(None).is_accepted();
    failing().turn(8).commit_end(7).turn(9).get_alarm(Some(1.0)).is_refused("A3");
}

/// Alarm 1 for second 1, and its run that starts on time in turn 2.
fn running() -> Tale {
    let mut tale = Tale::new();
    tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
    tale
}

/// Found by an attack on the checkers: what exceeds its limit has failed, whether or not it ever ends.
#[test]
fn r1_a_run_that_never_ends_has_exceeded_its_limit() {
    let runs_until = |seconds: f64| {
        let mut tale = running();
        tale.at(seconds).rests(&[], Some((1, 1.0, 0))).end();
        tale
    };
    runs_until(903.0).is_refused("R1");
    // It is over within a second.
    runs_until(902.0).is_accepted();
    // A machine that stands still cannot end it, and one that has stood still has a second left.
    let paused_until = |heals: f64, ends: f64| {
        let mut tale = running();
        tale.at(800.0).fault(1, "pause").at(heals).heal(1).at(ends).rests(&[], Some((1, 1.0, 0))).end();
        tale
    };
    paused_until(960.0, 960.0).is_accepted();
    paused_until(850.0, 960.0).is_refused("R1");
}

/// How it fails makes no difference, nor whether its instance is reset with it.
#[test]
fn r1_a_run_does_not_go_on_after_its_limit() {
    let fails_at = |seconds: f64| {
        let mut tale = running();
        tale.at(seconds).turn(3).run_fails_by(1, How::TimeLimit).reset(ResetCause::TimeLimit);
        tale
    };
    fails_at(901.5).is_accepted();
    fails_at(903.0).is_refused("R1");
    let mut paused = running();
    paused.at(800.0).fault(1, "pause").at(1_000.0).heal(1).at(1_000.5).turn(3);
    paused.run_fails_by(1, How::TimeLimit).reset(ResetCause::TimeLimit).is_accepted();
    let mut untold = running();
    untold.at(950.0).turn(3).reset(ResetCause::Error).is_refused("R1");
}

/// Found by an attack on the checkers: what exceeds its limit counts, so that its failure is not the platform's.
#[test]
fn r1_a_run_that_has_exceeded_its_limit_is_not_failed_by_the_platform() {
    let mut late = running();
    late.at(902.0).turn(3).run_is_failed_by_platform(1).is_refused("R1");
    let mut timely = running();
    timely.at(901.0).turn(3).run_is_failed_by_platform(1).is_accepted();
    // A machine that has stood still may have lost its epoch meanwhile, and what it does then is no run.
    let mut paused = running();
    paused.at(800.0).fault(1, "pause").at(950.0).heal(1).turn(3).run_is_failed_by_platform(1).is_accepted();
}

#[test]
fn r2_more_retries_than_there_may_be_are_refused_even_unseen() {
    let mut tale = Tale::new();
    tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 7).is_refused("R2");
}

#[test]
fn r3_a_retry_waits_for_its_backoff() {
    failed_once().at(2.99).run(2, 1, 1.0, 1).is_refused("R3");
    failed_once().at(3.0).run(2, 1, 1.0, 1).is_accepted();
}

#[test]
fn r3_a_retry_in_calm_comes_within_the_jitter_and_a_moment() {
    failed_once().at(3.71).run(2, 1, 1.0, 1).is_refused("R3");
    failed_once().at(3.69).run(2, 1, 1.0, 1).is_accepted();
}

#[test]
fn r3_the_backoff_doubles() {
    failed_up_to(2).at(14.9).run(4, 1, 1.0, 3).is_refused("R3");
    failed_up_to(2).at(15.0).run(4, 1, 1.0, 3).is_accepted();
}

#[test]
fn r3_a_retry_among_faults_has_until_the_last_change_and_sixty_seconds() {
    let faulty = || {
        let mut tale = failed_once();
        tale.at(2.0).fault(1, "crash").on(1).fault(2, "crash").heal(2).at(10.0).on(0).heal(1);
        tale
    };
    faulty().at(70.1).run(2, 1, 1.0, 1).is_refused("R3");
    faulty().at(69.9).run(2, 1, 1.0, 1).is_accepted();
    let mut apart = failed_once();
    apart
        .fault(1, "crash")
        .on(1)
        .fault(2, "crash")
        .on(0)
        .world(What::Majority { group: 0, connected: false });
    apart.at(300.0).run(2, 1, 1.0, 1).is_accepted();
}

#[test]
fn r3_the_bounds_widen_by_the_clocks_where_the_machine_changed() {
    let moved = || {
        let mut tale = failed_once();
        tale.at(1.5).fault(1, "crash").lost().on(1).clock_off_ms(1_000);
        tale
    };
    moved().at(1.9).wake(2).turn(2).run(2, 1, 1.0, 1).is_refused("R3");
    moved().at(2.1).wake(2).turn(2).run(2, 1, 1.0, 1).is_accepted();
}

#[test]
fn r3_a_clock_that_jumps_during_the_backoff_widens_the_bounds_too() {
    failed_once().at(2.6).clock_off_ms(400).run(2, 1, 1.0, 1).is_accepted();
    failed_once().at(2.6).clock_off_ms(0).run(2, 1, 1.0, 1).is_refused("R3");
}

#[test]
fn r3_platform_failures_in_a_row_back_off_too_and_are_not_counted() {
    let twice = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).run_is_failed_by_platform(1);
        tale.at(3.1).turn(3).run(2, 1, 1.0, 0).run_is_failed_by_platform(2).turn(4);
        tale
    };
    twice().at(6.9).run(3, 1, 1.0, 0).is_refused("R3");
    twice().at(7.2).run(3, 1, 1.0, 0).is_accepted();
}

#[test]
fn r3_a_failed_constructor_backs_off_like_a_platform_failure() {
    let again_at = |seconds: f64| {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).evicted().at(1.0).begin(2, Cause::Alarm).constructor_fails();
        // Under the same holder.
        tale.at(seconds).under_epoch(2).wake(3).turn(2).run_told(1, None, 1.0, 0, false);
        tale
    };
    again_at(2.5).is_refused("R3");
    again_at(3.1).is_accepted();
}

/// Found by the scenario scripted: the constructor's failure belongs to the alarm that woke the object, not to one that was
/// set since.
#[test]
fn r5_an_alarm_set_by_a_constructor_that_fails_keeps_its_own_time() {
    let mut tale = Tale::new();
    tale.alarm_is_set(1.0).evicted().at(1.0).begin(2, Cause::Alarm).set_alarm(2, 1.5).commit();
    // The next instance runs under the same holder.
    tale.at(1.2).constructor_fails().under_epoch(2).at(1.5).wake(3).turn(2).run(1, 2, 1.5, 0).is_accepted();
}

#[test]
fn r3_a_constructor_that_fails_for_a_request_does_not_shorten_the_backoff() {
    let failed = || {
        let mut tale = failed_once();
        tale.evicted().at(1.2).begin(2, Cause::Request);
        tale.constructor_fails();
        tale
    };
    failed().at(1.9).wake(3).turn(2).run(2, 1, 1.0, 1).is_refused("R3");
    failed().at(3.8).wake(3).turn(2).run(2, 1, 1.0, 1).is_accepted();
}

/// Found by an attack on the checkers: n is at most 9, and the constructor's failure is the first, so that its backoff is over
/// by second 5.7. Nobody knows whether it counted for the alarm; later than both it is late.
#[test]
fn r3_a_constructor_that_fails_for_a_request_does_not_lift_the_upper_bound() {
    let failed = || {
        let mut tale = failed_once();
        tale.evicted().at(3.2).begin(2, Cause::Request).constructor_fails();
        tale
    };
    failed().at(9_000.0).wake(3).turn(2).run(2, 1, 1.0, 1).is_refused("R3");
    failed().at(5.85).wake(3).turn(2).run(2, 1, 1.0, 1).is_accepted();
    failed().at(9.0).rests(&[], Some((1, 1.0, 1))).end().is_refused("F8");
    failed().at(5.85).rests(&[], Some((1, 1.0, 1))).end().is_accepted();
}

/// Found by an attack on the checkers: a constructor that fails in backoff adds a failure and takes none away. The fourth
/// failure is at second 15 and its backoff 16 s; that of the constructor, at second 15.5, is 2 s.
#[test]
fn r3_a_constructor_that_fails_early_for_the_alarm_does_not_shorten_the_backoff() {
    let again_at = |seconds: f64| {
        let mut tale = failed_up_to(3);
        tale.under_epoch(1).at(15.1).evicted().at(15.5).begin(2, Cause::Alarm).constructor_fails();
        tale.at(seconds).wake(3).turn(2).run(9, 1, 1.0, 4);
        tale
    };
    again_at(17.6).is_refused("R3");
    again_at(31.0).is_accepted();
    again_at(35.0).is_accepted();
    again_at(36.0).is_refused("R3");
}

/// Found by an attack on the checkers: R7 allows the retry or none, and R3 bounds it as any other.
#[test]
fn r3_a_retry_that_r7_allows_is_not_hours_late() {
    let retried_at = |seconds: f64| {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).delete_alarm().commit().run_fails(1);
        tale.commit_end(1).at(seconds).turn(3).run(2, 1, 1.0, 1);
        tale
    };
    retried_at(9_000.0).is_refused("R3");
    retried_at(2.9).is_refused("R3");
    retried_at(3.6).is_accepted();
}

/// Found by an attack on the checkers: the object has been warm since second 1.5, so that its constructor is no start.
#[test]
fn r3_an_object_that_was_woken_before_the_end_of_the_backoff_is_not_cold() {
    let runs_at = |seconds: f64| {
        let mut tale = failed_once();
        tale.at(1.2).evicted().at(1.5).wake(2).at(seconds).turn(2).run(2, 1, 1.0, 1);
        tale
    };
    runs_at(500.0).is_refused("R3");
    runs_at(3.6).is_accepted();
}

/// Found by an attack on the checkers: R3 adds the bound of L, and L3 has none for a machine with 250 alarms a second.
#[test]
fn r3_the_upper_bound_is_that_of_l_and_there_is_none_for_a_busy_machine() {
    let crowded_by = |others: u32| {
        let mut tale = failed_once();
        let at = |other| 3.0 + 0.004 * f64::from(other);
        tale.others_set(others, at).others_run(others, at, 3.0, 0.004);
        tale.at(4.6).turn(3).run(2, 1, 1.0, 1);
        tale
    };
    crowded_by(400).is_accepted();
    crowded_by(90).is_refused("R3");
}

#[test]
fn r3_a_run_cut_short_by_the_loss_of_its_machine_starts_again_at_once() {
    let mut tale = Tale::new();
    tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).fault(1, "crash").lost();
    tale.at(1.1).on(1).wake(2).turn(2).run(2, 1, 1.0, 0).is_accepted();
}

#[test]
fn r3_a_cold_object_is_on_time_if_its_constructor_starts_on_time() {
    let evicted = || {
        let mut tale = failed_once();
        tale.evicted();
        tale
    };
    let wakes_at = |seconds| {
        let mut tale = evicted();
        tale.at(seconds).begin(2, Cause::Alarm).at(20.0).does(What::ConstructorEnd { failed: None });
        tale.turn(2).run(2, 1, 1.0, 1);
        tale
    };
    wakes_at(6.0).is_refused("R3");
    wakes_at(3.5).is_accepted();
}

#[test]
fn r4_the_count_is_that_of_durable_failures() {
    failed_once().at(3.1).run(2, 1, 1.0, 0).is_refused("R4");
    failed_once().at(3.1).run(2, 1, 1.0, 2).is_refused("R4");
    failed_once().at(3.1).run(2, 1, 1.0, 1).is_accepted();
}

#[test]
fn r4_a_failure_whose_record_was_lost_is_not_counted() {
    let lost = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).run_fails(1).fault(1, "power-loss").lost();
        tale.at(9.0).on(1).wake(2).turn(2);
        tale
    };
    lost().run(2, 1, 1.0, 1).is_refused("R4");
    lost().run(2, 1, 1.0, 0).is_accepted();
}

#[test]
fn r4_the_count_survives_a_crash() {
    let mut crashed = failed_once();
    crashed.fault(1, "crash").lost().at(9.0).on(1).wake(2).turn(2).run(2, 1, 1.0, 0).is_refused("R4");
    failed_once().rests(&[], Some((1, 1.0, 0))).end().is_refused("R4");
    failed_once().rests(&[], Some((1, 1.0, 1))).end().is_accepted();
}

#[test]
fn r5_an_alarm_set_during_backoff_starts_at_zero_and_at_its_own_time() {
    let mut tale = failed_once();
    tale.at(1.1).set_alarm(2, 1.2).commit().at(1.2).turn(4).run(2, 2, 1.2, 0).is_accepted();
    let mut tale = failed_once();
    tale.at(1.1).set_alarm(2, 1.2).commit().at(1.2).turn(4).run(2, 2, 1.2, 1).is_refused("R5");
}

#[test]
fn r4_a_failure_that_resets_the_instance_is_counted_too() {
    let mut tale = Tale::new();
    tale.alarm_is_set(1.0)
        .at(1.0)
        .turn(2)
        .run(1, 1, 1.0, 0)
        .reset(ResetCause::Panic)
        .run_fails_by(1, How::Panic)
        .commit_end(1);
    tale.at(3.1).wake(2).turn(2).run(2, 1, 1.0, 1).is_accepted();
}

#[test]
fn r4_a_count_that_the_datastore_does_not_hold_is_not_judged() {
    let rests = |retry_count| {
        let mut tale = failed_once();
        let alarm = AlarmAtRest {
            alarm: Some(AlarmId(1)),
            scheduled_ms: reveille_model::build::wall_ms(1.0),
            retry_count,
        };
        tale.world(What::AtRest {
            object: reveille_model::build::object(),
            keys: BTreeMap::new(),
            alarm: Some(alarm),
            slice: None,
        })
        .end();
        tale
    };
    rests(None).is_accepted();
    rests(Some(1)).is_accepted();
    rests(Some(0)).is_refused("R4");
}
