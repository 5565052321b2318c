//! What the profile `workerd` lets pass, and what it does not. Each history here is refused by the profile `strict`.

mod cases;
mod common;

use std::collections::BTreeMap;

use common::{Tale, told};
use reveille_model::{Profile, Relaxation};

/// `workerd` finds nothing wrong and says that it let this pass, so often; `strict` refuses it.
#[track_caller]
fn passes(tale: &Tale, relaxed: &[(Relaxation, u64)]) {
    assert!(!tale.verdict().is_clean(), "there is nothing to let pass");
    let verdict = tale.verdict_by(Profile::Workerd);
    assert_eq!(verdict.violations, []);
    assert_eq!(verdict.profile, Profile::Workerd);
    assert_eq!(verdict.relaxed, BTreeMap::from_iter(relaxed.iter().copied()));
}

/// `workerd` refuses it like `strict`.
#[track_caller]
fn is_refused(tale: &Tale, rule: &str) {
    for profile in [Profile::Strict, Profile::Workerd] {
        let violations = tale.verdict_by(profile).violations;
        let rules: Vec<&str> = violations.iter().map(|violation| violation.rule.0).collect();
        assert_eq!(rules, [rule], "{profile}: {violations:#?}");
    }
}

/// Alarm 1 for second 1, whose first run fails at once. What the real runtime knows of that is in memory, so nothing of it
/// is committed.
fn failed() -> Tale {
    told(|tale| {
        tale.alarm_is_set(1.0).at(1.0).turn(2).run_told(1, None, 1.0, 0, false).run_fails(1).turn(3);
    })
}

#[test]
fn a_rule_that_is_neither_ours_nor_named_stays() {
    let relaxed = ["A10", "F4", "R4", "R5", "D8", "L1", "L2", "L3", "L4"];
    for case in cases::all() {
        let violations = case.refused.verdict_by(Profile::Workerd).violations;
        let is_set_while_pending =
            case.name == "an alarm set in backoff fires late with the old time and count";
        let passes = relaxed.contains(&case.rule) || is_set_while_pending;
        assert_eq!(violations.is_empty(), passes, "{}, {}: {violations:#?}", case.rule, case.name);
        assert_eq!(case.accepted.verdict_by(Profile::Workerd).violations, [], "{}, {}", case.rule, case.name);
    }
}

#[test]
fn a_completion_in_two_commits_passes() {
    let split = told(|tale| {
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).put("k", "v").run_ok(1);
        tale.commit().turn(3).commit_end(1);
    });
    passes(&split, &[(Relaxation::SplitCompletion, 1)]);
}

#[test]
fn an_alarm_that_the_handler_set_for_its_own_time_may_be_lost() {
    let lost = told(|tale| {
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).set_alarm(2, 1.0).run_ok(1).commit_end(1);
        tale.at(90.0).turn(3).get_alarm(Some(1.0)).rests(&[], Some((2, 1.0, 0))).end();
    });
    passes(&lost, &[(Relaxation::SetNowLost, 1)]);
    let other_time = told(|tale| {
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).set_alarm(2, 1.1).run_ok(1).commit_end(1);
        tale.at(90.0).rests(&[], Some((2, 1.1, 0))).end();
    });
    is_refused(&other_time, "F5");
}

#[test]
fn an_alarm_set_in_backoff_may_fire_at_its_end_with_the_old_time_and_count() {
    let late = |again: f64, count: u32| {
        let mut tale = failed();
        tale.at(1.1).set_alarm(2, 1.2).commit().respond();
        tale.at(3.1).turn(4).run_told(2, None, 1.0, 1, true).run_fails(2);
        tale.at(again).turn(5).run_told(3, None, 1.2, count, count > 0).run_ok(3).commit_end(3);
        tale.at(90.0).end();
        tale
    };
    passes(&late(3.1, 0), &[(Relaxation::SetWhileRetryPending, 1)]);
}

#[test]
fn an_alarm_set_after_a_deletion_in_a_failed_run_may_fire_at_the_end_of_the_timer() {
    let tale = told(|tale| {
        tale.alarm_is_set(1.0).at(1.0).turn(2).run_told(1, None, 1.0, 0, false).delete_alarm().commit();
        tale.run_fails(1).turn(3).at(1.1).set_alarm(2, 1.2).commit().respond();
        tale.at(3.1).turn(4).run_told(2, None, 1.0, 1, true).run_ok(2).commit_end(2).at(90.0).end();
    });
    passes(&tale, &[(Relaxation::SetWhileRetryPending, 1)]);
}

#[test]
fn an_alarm_that_was_set_during_the_run_is_behind_no_timer() {
    let tale = told(|tale| {
        tale.alarm_is_set(1.0).at(1.0).turn(2).run_told(1, None, 1.0, 0, false).set_alarm(2, 1.2).commit();
        tale.run_fails(1).turn(3).respond().at(3.1).turn(4).run_told(2, None, 1.0, 1, true);
    });
    is_refused(&tale, "A2");
}

#[test]
fn an_alarm_that_was_set_after_a_restart_is_behind_no_timer() {
    let mut tale = failed();
    tale.fault(1, "crash").lost().at(1.1).heal(1).start(2).turn(2).set_alarm(2, 1.2).commit().respond();
    tale.at(3.1).turn(3).run_told(2, None, 1.0, 1, true);
    is_refused(&tale, "A2");
}

#[test]
fn the_retry_count_may_begin_again() {
    let restarted = told(|tale| {
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).run_fails(1).commit_end(1);
        tale.fault(1, "crash").lost().at(4.0).heal(1).wake(2).turn(2).run(2, 1, 1.0, 0);
    });
    passes(&restarted, &[(Relaxation::CountRestarted, 1)]);
}

#[test]
fn a_run_may_be_late() {
    let late = told(|tale| {
        tale.alarm_is_set(10.0).at(25.0).turn(2).run(1, 1, 10.0, 0);
    });
    passes(&late, &[(Relaxation::Late, 1)]);
}
