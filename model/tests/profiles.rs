//! What the profile `workerd` lets pass, and what it does not. Each history here is refused by the profile `strict`.

mod cases;

use std::collections::BTreeMap;

use reveille_model::build::{Tale, told};
use reveille_model::history::{Cause, EndReason, ListOptions, OpResult, ResetCause, StorageCall, What};
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

/// The same of what comes after [`failed`]. That later turns are durable, and the record of the failure is not, `strict` refuses by S3.
#[track_caller]
fn is_refused_after_failed(tale: &Tale, rule: &str) {
    for (profile, expected) in [(Profile::Strict, &["S3", rule][..]), (Profile::Workerd, &[rule])] {
        let violations = tale.verdict_by(profile).violations;
        let rules: Vec<&str> = violations.iter().map(|violation| violation.rule.0).collect();
        assert_eq!(rules, expected, "{profile}: {violations:#?}");
    }
}

/// `workerd` refuses it by this rule, whatever `strict` calls it.
#[track_caller]
fn is_refused_by_workerd(tale: &Tale, rule: &str) {
    assert!(!tale.verdict().is_clean(), "`strict` accepts it");
    let violations = tale.verdict_by(Profile::Workerd).violations;
    let is_it = !violations.is_empty() && violations.iter().all(|violation| violation.rule.0 == rule);
    assert!(is_it, "it breaks {rule}: {violations:#?}");
}

/// Alarm 1 for second 1, whose first run fails at once. What the real runtime knows of that is in memory, so nothing of it
/// is committed.
fn failed() -> Tale {
    told(|tale| {
        tale.alarm_is_set(1.0).at(1.0).turn(2).run_told(1, None, 1.0, 0, false).run_fails(1).turn(3);
    })
}

/// Of rules that the profile relaxes in part: what it lets pass.
const PASSES: [&str; 8] = [
    // R4: what is in memory alone becomes durable never.
    "a later turn is durable before the record of a failed run",
    "an alarm set in backoff fires late with the old time and count",
    // F4: in two commits, or again in a later epoch.
    "a run's writes are durable and the removal of its alarm is not",
    "the handler's last writes and the removal of its alarm are two commits",
    "an alarm runs again after its completion was durable",
    "success is told before the removal is durable and the alarm runs again",
    // R4: in a later epoch.
    "a crash resets the retry count",
    "a process that is killed in backoff begins to count again",
];

#[test]
fn a_rule_that_is_neither_ours_nor_named_stays() {
    let relaxed = ["A10", "R5", "D8", "L1", "L2", "L3", "L4"];
    let mut failures = Vec::new();
    for case in cases::all() {
        let violations = case.refused.verdict_by(Profile::Workerd).violations;
        let passes = relaxed.contains(&case.rule) || PASSES.contains(&case.name);
        if violations.is_empty() != passes {
            failures.push(format!("{}, {}: {violations:#?}", case.rule, case.name));
        }
        assert_eq!(case.accepted.verdict_by(Profile::Workerd).violations, [], "{}, {}", case.rule, case.name);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
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

/// Where commits are not told, as the real runtime does not tell them.
#[test]
fn an_alarm_behind_a_timer_is_known_without_commits() {
    let mut tale = Tale::without_commits();
    tale.alarm_set(1, 1.0).at(1.0).turn(2).run_told(1, None, 1.0, 0, false).run_fails(1);
    tale.at(1.1).turn(3).alarm_set(2, 1.2).at(3.1).turn(4).run_told(2, None, 1.0, 1, true).run_fails(2);
    tale.turn(5).run_told(3, None, 1.2, 0, false).run_ok(3).turn(6).respond().at(90.0).end();
    passes(&tale, &[(Relaxation::SetWhileRetryPending, 1)]);
}

/// The timer that a failed run at second 1 leaves ends at second 3 at the earliest.
#[test]
fn an_alarm_behind_a_timer_does_not_fire_before_its_end() {
    let fires_at = |seconds: f64| {
        let mut tale = failed();
        tale.at(1.1).set_alarm(2, 1.2).commit().respond();
        tale.at(seconds).turn(4).run_told(2, None, 1.0, 1, true).run_ok(2).commit_end(2);
        tale
    };
    is_refused_after_failed(&fires_at(1.15), "A2");
    is_refused_after_failed(&fires_at(2.9), "A2");
    passes(&fires_at(3.1), &[(Relaxation::SetWhileRetryPending, 1)]);
}

/// At its own time it may be told the old count, and no other.
#[test]
fn an_alarm_behind_a_timer_starts_at_zero_or_at_the_old_count() {
    let starts = |count: u32| {
        let mut tale = failed();
        tale.at(1.1).set_alarm(2, 1.2).commit().at(1.2).turn(4).run(2, 2, 1.2, count);
        tale
    };
    assert!(starts(0).verdict_by(Profile::Workerd).is_clean());
    passes(&starts(1), &[(Relaxation::SetWhileRetryPending, 1)]);
    is_refused_by_workerd(&starts(2), "R5");
}

/// What is still to come when the timer ends is put off to its own time, and is told the truth then.
#[test]
fn an_alarm_behind_a_timer_does_not_fire_before_its_own_time() {
    let fires_at = |seconds: f64, set_for: f64| {
        let mut tale = failed();
        tale.at(1.1).set_alarm(2, set_for).commit().respond();
        tale.at(seconds).turn(4).run_told(2, None, 1.0, 1, true).run_ok(2).commit_end(2).at(900.0).end();
        tale
    };
    is_refused_by_workerd(&fires_at(3.1, 3.3), "F2");
    is_refused_after_failed(&fires_at(3.1, 500.0), "A2");
    is_refused_after_failed(&fires_at(500.0, 500.0), "A2");
}

#[test]
fn an_alarm_behind_a_timer_is_told_the_old_count_and_no_other() {
    let told_count = |count: u32, is_retry: bool| {
        let mut tale = failed();
        tale.at(1.1).set_alarm(2, 1.2).commit().respond();
        tale.at(3.1).turn(4).run_told(2, None, 1.0, count, is_retry).run_ok(2).commit_end(2);
        tale
    };
    passes(&told_count(1, true), &[(Relaxation::SetWhileRetryPending, 1)]);
    is_refused_by_workerd(&told_count(99, true), "R5");
    is_refused_by_workerd(&told_count(1, false), "F7");
}

/// A failed constructor sets a timer too, and does not count.
#[test]
fn an_alarm_behind_the_timer_of_a_constructor_is_told_the_count_of_the_runs() {
    let told_count = |count: u32| {
        let mut tale = failed();
        tale.does(What::InstanceEnd { reason: EndReason::Evicted }).at(3.1).begin(2, Cause::Alarm);
        tale.does(What::ConstructorEnd { failed: Some("boom".into()) }).reset(ResetCause::Constructor);
        tale.at(3.2).start(3).turn(2).set_alarm(2, 3.3).commit().respond();
        tale.at(5.6).turn(3).run_told(2, None, 1.0, count, count > 0).run_ok(2).commit_end(2);
        tale
    };
    passes(&told_count(1), &[(Relaxation::SetWhileRetryPending, 1)]);
    is_refused_by_workerd(&told_count(2), "R5");
}

/// R6: `delete_alarm` ends the retries, and with them the timer. One that has ended is not pending either.
#[test]
fn a_timer_that_is_over_holds_no_alarm_back() {
    let mut deleted = failed();
    deleted.at(1.1).delete_alarm().commit().turn(4).set_alarm(2, 1.3).commit().respond();
    deleted.at(3.1).turn(5).run_told(2, None, 1.0, 1, true);
    is_refused_after_failed(&deleted, "A5");
    // Its gate is closed by a read when the timer ends, so that the retry is not late.
    let mut ended = failed();
    let op = ended.at(3.2).call(StorageCall::Get { key: "k".into() });
    ended.at(60.0).turn(4).result(op, OpResult::Value(None));
    ended.set_alarm(2, 61.0).commit().respond().at(61.1).turn(5).run_told(2, None, 1.0, 1, true);
    is_refused_after_failed(&ended, "A2");
}

/// R5: it starts at zero. When it starts is for L to say, and that is relaxed.
#[test]
fn an_alarm_that_was_set_during_the_run_may_be_late_and_starts_at_zero() {
    let starts = |seconds: f64, count: u32| {
        told(|tale| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).set_alarm(2, 1.2).commit();
            tale.run_fails(1).commit_end(1).at(seconds).turn(3).run(2, 2, 1.2, count);
        })
    };
    is_refused(&starts(1.2, 1), "R5");
    passes(&starts(3.1, 0), &[(Relaxation::Late, 1)]);
    let in_memory = told(|tale| {
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).set_alarm(2, 1.2).commit().run_fails(1);
        tale.at(1.2).turn(3).run(2, 2, 1.2, 1);
    });
    is_refused_by_workerd(&in_memory, "R5");
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

/// R2 stays: where nothing restarts the count does not begin again.
#[test]
fn an_alarm_runs_seven_times_where_nothing_restarts() {
    let runs = |runs: u32, restarts_after: Option<u32>| {
        told(|tale| {
            tale.alarm_is_set(1.0);
            let (mut at, mut count) = (1.0, 0);
            for run in 1..=runs {
                tale.at(at).turn(run + 1);
                tale.run(run.into(), 1, 1.0, count).run_fails(run.into()).commit_end(run.into());
                at += 2.0 * f64::from(1 << count);
                count += 1;
                if restarts_after == Some(run) {
                    tale.lost().wake(2);
                    count = 0;
                }
            }
        })
    };
    is_refused_by_workerd(&runs(8, None), "R2");
    assert!(runs(7, None).verdict_by(Profile::Workerd).is_clean());
    passes(&runs(12, Some(6)), &[(Relaxation::CountRestarted, 1)]);
}

/// A1 stays, though F4 lets an alarm run that has completed.
#[test]
fn a_completion_that_is_not_atomic_does_not_excuse_a_run_of_no_alarm() {
    let ran_again = |epoch: u64| {
        told(|tale| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).run_ok(1).commit_end(1);
            tale.under_epoch(epoch).lost().wake(2).turn(3).run(2, 1, 1.0, 0).run_ok(2).commit_end(2);
        })
    };
    passes(&ran_again(2), &[(Relaxation::SplitCompletion, 1)]);
    is_refused(&ran_again(1), "F4");
    let mut of_none = ran_again(2);
    of_none.at(77.0).turn(4).run(3, 9, 77.0, 0);
    is_refused_by_workerd(&of_none, "A1");
}

/// A3 and A1 stay but for what A10 explains.
#[test]
fn an_alarm_that_the_handler_set_for_its_own_time_and_that_is_lost_is_not_read() {
    let lost = || {
        told(|tale| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).set_alarm(2, 1.0).run_ok(1);
            tale.commit_end(1).turn(3).get_alarm(None);
        })
    };
    passes(&lost(), &[(Relaxation::SetNowLost, 1)]);
    let mut of_none = lost();
    of_none.at(77.0).turn(4).run(3, 9, 77.0, 0);
    is_refused_by_workerd(&of_none, "A1");
}

/// Found in a history of the real runtime: nobody saw that the instance left memory, and its timer is the process's.
#[test]
fn a_timer_outlives_an_instance_whose_end_is_not_told() {
    let set_under = |epoch| {
        let mut tale = failed();
        tale.under_epoch(epoch).at(1.6).start(2).turn(2).set_alarm(2, 1.7).commit().respond();
        tale.at(3.2).turn(3).run_told(2, None, 1.0, 1, true).run_ok(2).commit_end(2);
        tale
    };
    passes(&set_under(1), &[(Relaxation::SetWhileRetryPending, 1)]);
    is_refused_by_workerd(&set_under(2), "A2");
}

/// The same: it keeps no record of a failure, so that a restart forgets the backoff too.
#[test]
fn a_restart_forgets_the_backoff() {
    let again_under = |epoch, count| {
        let mut tale = Tale::without_commits();
        tale.alarm_set(1, 1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).run_fails(1).turn(3).respond();
        tale.at(1.5).lost().under_epoch(epoch).at(1.6).wake(2).turn(2).run(2, 1, 1.0, count);
        tale
    };
    passes(&again_under(2, 0), &[(Relaxation::CountRestarted, 1)]);
    is_refused_by_workerd(&again_under(1, 1), "R3");
}

/// Alarm 1 for second 1, whose delivery waits behind a section from 0.9 s to 1.5 s.
fn delivery_waits(tell: impl Fn(&mut Tale)) -> Tale {
    let mut tale = Tale::without_commits();
    tale.alarm_set(1, 1.0).at(0.9).turn(2).does(What::Gate { closed: true });
    tale.at(1.2).turn(3);
    tell(&mut tale);
    tale.at(1.5).does(What::Gate { closed: false }).turn(4).run_told(1, None, 1.0, 0, false);
    tale
}

/// A2: the run is for the alarm that has replaced its own and is due; or for its own, as if it had been replaced in the handler.
#[test]
fn an_alarm_replaced_in_delivery_starts_and_its_replacement_is_consumed_or_not() {
    let replaced = |seconds: f64| delivery_waits(|tale| _ = tale.set_alarm(2, seconds).sync());
    let relaxed = [(Relaxation::InDelivery, 1)];
    let mut consumed = replaced(1.3);
    consumed.run_ok(1).turn(5).sync().get_alarm(None).at(90.0).end();
    passes(&consumed, &relaxed);
    let mut spared = replaced(1.3);
    spared.run_ok(1).turn(5).sync().get_alarm(Some(1.3)).run(2, 2, 1.3, 0).run_ok(2).at(90.0).end();
    passes(&spared, &relaxed);
    let mut failed = replaced(1.3);
    failed.run_fails(1).turn(5).run(2, 2, 1.3, 0).run_ok(2).turn(6).respond().at(90.0).end();
    passes(&failed, &relaxed);
    let mut to_come = replaced(60.0);
    to_come.run_ok(1).turn(5).sync().get_alarm(Some(60.0));
    passes(&to_come, &relaxed);
    let mut lost = replaced(60.0);
    lost.run_ok(1).turn(5).sync().get_alarm(None);
    is_refused_by_workerd(&lost, "A3");
}

/// A5, S8: what removes an alarm between the passings does what it does in the handler.
#[test]
fn an_alarm_deleted_in_delivery_starts_all_the_same_and_once() {
    for call in [StorageCall::DeleteAlarm, StorageCall::DeleteAll { preserve_alarm: false }] {
        let deleted = || delivery_waits(|tale| _ = tale.calls(call.clone(), OpResult::Done).sync());
        let mut once = deleted();
        once.run_ok(1).turn(5).sync().get_alarm(None);
        passes(&once, &[(Relaxation::InDelivery, 1)]);
        let mut twice = deleted();
        twice.run_ok(1).turn(5).sync().run_told(2, None, 1.0, 0, false);
        let rule = if call == StorageCall::DeleteAlarm { "A5" } else { "S8" };
        is_refused_by_workerd(&twice, rule);
    }
}

/// Before T there is no delivery.
#[test]
fn an_alarm_replaced_or_deleted_before_its_time_does_not_start() {
    let before = |tell: fn(&mut Tale)| {
        let mut tale = Tale::without_commits();
        tale.alarm_set(1, 1.0).at(0.5).turn(2);
        tell(&mut tale);
        tale.at(1.5).turn(3).run_told(1, None, 1.0, 0, false);
        tale
    };
    is_refused(&before(|tale| _ = tale.set_alarm(2, 1.3).sync()), "A2");
    is_refused(&before(|tale| _ = tale.delete_alarm().sync()), "A5");
}

/// The scheduler had not heard of the replacement when the process died.
#[test]
fn an_alarm_replaced_before_a_kill_may_start_for_the_one_that_replaced_it() {
    let runs = |by: f64| {
        let mut tale = Tale::without_commits();
        tale.alarm_set(1, 5.0).at(1.0).turn(2).alarm_set(2, by).fault(1, "kill").lost();
        tale.at(6.0).heal(1).wake(2).turn(2).run_told(1, None, 5.0, 0, false).run_ok(1).turn(3).respond();
        tale.at(90.0).end();
        tale
    };
    passes(&runs(3.0), &[(Relaxation::InDelivery, 1)]);
    is_refused(&runs(80.0), "A2");
}

/// A3: between the passings `get_alarm` is none.
#[test]
fn get_alarm_is_none_once_the_alarm_is_due() {
    let reads = |seconds: f64| {
        let mut tale = Tale::without_commits();
        tale.alarm_set(1, 1.0).at(seconds).turn(2).get_alarm(None);
        tale.at(1.5).turn(3).run_told(1, None, 1.0, 0, false).run_ok(1);
        tale
    };
    passes(&reads(1.2), &[(Relaxation::InDelivery, 1), (Relaxation::Late, 1)]);
    is_refused_by_workerd(&reads(0.9), "A3");
}

/// S2: what its turn writes behind it is the next unit.
#[test]
fn a_delete_all_is_durable_by_itself() {
    let left = |left: &[(&str, &str)]| {
        let mut tale = Tale::without_commits();
        tale.put("a", "1").respond().turn(2).put("b", "1");
        tale.calls(StorageCall::DeleteAll { preserve_alarm: false }, OpResult::Done).put("c", "1");
        tale.fault(1, "kill").lost().at(1.0).heal(1).start(2).turn(2).list(ListOptions::default(), left);
        tale
    };
    passes(&left(&[]), &[(Relaxation::ClearApart, 1)]);
    for whole in [left(&[("c", "1")]), left(&[("a", "1")])] {
        assert!(whole.verdict().is_clean() && whole.verdict_by(Profile::Workerd).relaxed.is_empty());
    }
    is_refused_by_workerd(&left(&[("b", "1")]), "S2");
}

/// R3: the backoff counts from the begin of the turn in which the run failed.
#[test]
fn a_backoff_is_shorter_by_what_the_process_has_computed() {
    let again = |seconds: f64| {
        let mut tale = Tale::without_commits();
        tale.alarm_set(1, 1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).at(2.5).run_fails(1);
        tale.at(seconds).turn(3).run(2, 1, 1.0, 1);
        tale
    };
    passes(&again(3.1), &[(Relaxation::BackoffFromTurn, 1)]);
    is_refused_by_workerd(&again(2.9), "R3");
}

/// A8: outside its section, and nowhere else.
#[test]
fn a_constructor_of_a_class_without_alarm_may_set_one_that_is_dropped() {
    let sets = |in_section: bool| {
        let mut tale = Tale::of_machines();
        tale.declares_no_alarm().begin(1, Cause::Request);
        if in_section {
            tale.does(What::Gate { closed: true });
        }
        tale.set_alarm(1, 1.0).does(What::ConstructorEnd { failed: None });
        tale
    };
    let mut dropped = sets(false);
    dropped
        .commit()
        .turn(2)
        .get_alarm(Some(1.0))
        .at(2.0)
        .turn(3)
        .get_alarm(None)
        .at(90.0)
        .rests(&[], None)
        .end();
    passes(&dropped, &[(Relaxation::SetWithoutHandler, 1)]);
    is_refused(&sets(true), "A8");
    let mut handler = Tale::of_machines();
    handler.declares_no_alarm().start(1).turn(2).set_alarm(1, 1.0);
    is_refused(&handler, "A8");
}

/// F4: no run in a later epoch lies between.
#[test]
fn an_alarm_that_has_run_well_does_not_run_again_in_its_epoch() {
    let again = |tell: fn(&mut Tale)| {
        let mut tale = Tale::without_commits();
        tale.alarm_set(1, 1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).put("k", "v").run_ok(1).turn(3);
        tell(&mut tale);
        tale
    };
    is_refused(&again(|tale| _ = tale.run(2, 1, 1.0, 0)), "F4");
    is_refused(&again(|tale| _ = tale.respond().turn(4).run(2, 1, 1.0, 0)), "F4");
    let evicted =
        |tale: &mut Tale| _ = tale.evicted().next_instance(2, Cause::Alarm).turn(2).run(2, 1, 1.0, 0);
    is_refused(&again(evicted), "F4");
    let killed =
        again(|tale| _ = tale.respond().lost().wake(2).turn(2).run(2, 1, 1.0, 0).get("k", Some("v")));
    passes(&killed, &[(Relaxation::SplitCompletion, 1)]);
}

/// R4: within an epoch the count is exact.
#[test]
fn the_retry_count_begins_again_at_zero_and_in_a_new_epoch_alone() {
    let retried = |epoch: u64, count: u32| {
        let mut tale = Tale::without_commits();
        tale.alarm_set(1, 1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).run_fails(1).at(3.1).turn(3);
        tale.run(2, 1, 1.0, 1).run_fails(2).turn(4).respond().lost();
        tale.under_epoch(epoch).at(7.2).wake(2).turn(2).run(3, 1, 1.0, count);
        tale
    };
    passes(&retried(2, 0), &[(Relaxation::CountRestarted, 1)]);
    is_refused_by_workerd(&retried(2, 1), "R4");
    is_refused_by_workerd(&retried(1, 0), "R4");
    assert!(retried(1, 2).verdict_by(Profile::Workerd).is_clean());
}
