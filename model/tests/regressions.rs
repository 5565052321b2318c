//! Histories that the checkers once judged wrongly, because several rules meet in them; each with the sentence of the contract
//! that decides it. Rules by themselves are told in `cases/`.

use std::collections::BTreeMap;

use reveille_model::build::{Tale, told, wall_ms};
use reveille_model::history::{
    AlarmAtRest, AlarmId, Blob, Cause, Delivery, Headers, How, Key, ListOptions, ObjectName, OpResult,
    Outcome, Phase, ResetCause, Scope, StorageCall, What,
};
use reveille_model::verdict::{Coverage, RuleId};

/// The history breaks one of these rules.
#[track_caller]
fn breaks(tale: &Tale, rules: &[&str]) {
    let violations = tale.verdict().violations;
    assert!(!violations.is_empty(), "accepted, though it breaks {rules:?}");
    let is_meant = violations.iter().all(|violation| rules.contains(&violation.rule.0));
    assert!(is_meant, "it breaks {rules:?}: {violations:#?}");
}

/// Alarm 1 for second 1, and its run that starts on time in turn 2.
fn running() -> Tale {
    told(|tale| {
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
    })
}

fn answers(request: u64) -> What {
    What::Respond { request, status: 200, headers: Headers::default(), body: Blob::default() }
}

fn asked(request: u64) -> What {
    What::Deliver { delivery: Delivery::Request { request } }
}

fn put(key: &str, value: &str) -> StorageCall {
    StorageCall::Put { key: key.into(), value: value.into() }
}

fn too_large() -> String {
    "v".repeat(131_073)
}

// ---- Turns, instances, gates

/// S2: "All writes of a turn, alarm changes included, commit as one atomic unit. A crash splits work only between turns."
/// The commit of turn 2 came before its last write, and the crash has split it: a is there and b is not.
#[test]
fn s2_a_turn_that_is_committed_before_its_last_write_is_split() {
    let split = || {
        told(|tale| {
            tale.turn(2).put("a", "1").commit().put("b", "2");
        })
    };
    let mut lost = split();
    lost.lost().at(3.0).start(2).get("a", Some("1")).get("b", None);
    breaks(&lost, &["S2"]);
    let mut twice = split();
    twice.commit();
    breaks(&twice, &["S2"]);
}

/// S2, as above; F4: "The writes that are uncommitted when the handler returns and the removal of its alarm are one commit."
/// Both are of one turn, and a crash between the two commits would leave the one without the other.
#[test]
fn s2_the_end_of_a_run_and_the_writes_of_its_turn_are_one_commit() {
    let mut tale = running();
    tale.put("k", "v").commit().run_ok(1).commit_end(1);
    breaks(&tale, &["S2", "F4"]);
}

/// S3: "Turns become durable in order: after a crash the state is a prefix of them that contains everything acknowledged."
/// Turn 2 is the end of the run, whose commit is the removal of its alarm (F4); turn 3 is durable and answered, and of turn 2
/// nothing is: the alarm is still there and runs again.
#[test]
fn s3_the_completion_of_a_run_is_not_overtaken_by_a_later_turn() {
    let mut tale = running();
    tale.run_ok(1).turn(3).put("k", "v").commit().respond().fault(1, "crash").lost();
    tale.at(2.0).heal(1).wake(2).turn(2).get("k", Some("v")).run(2, 1, 1.0, 0);
    breaks(&tale, &["S3", "F4"]);
}

/// The same order of commits without a crash. It is S3 that is broken: the completion is the commit of its own turn, so F4 is
/// kept, and the report says that turn 2 ended in turn 2 and was committed with turn 2.
#[test]
fn s3_a_completion_after_a_later_turn_is_out_of_order_and_not_torn() {
    let mut tale = running();
    tale.run_ok(1).turn(3).put("k", "v").commit().turn(2).commit_end(1);
    breaks(&tale, &["S3"]);
}

/// O1: "Every request for an object id reaches the same live instance." Two instances live under one epoch, and both answer.
#[test]
fn o1_two_instances_of_one_epoch_do_not_both_answer() {
    let mut tale = Tale::new();
    tale.put("k", "1").commit().respond().next_instance(2, Cause::Request);
    tale.turn(2).does(asked(8)).does(answers(8));
    tale.as_instance(1).turn(2).does(asked(9)).does(answers(9));
    breaks(&tale, &["O1"]);
}

/// O4: "After any absence from memory (idle eviction, crash, migration) the constructor ... runs to its end before any request".
/// Before the successor starts such a delivery is refused; that there is a successor makes it no better.
#[test]
fn o4_nothing_is_delivered_to_an_instance_that_has_left_memory_and_was_succeeded() {
    let mut tale = Tale::new();
    tale.put("k", "1").commit().respond().evicted().at(3.0).next_instance(2, Cause::Request);
    tale.turn(2).does(asked(8)).as_instance(1).turn(2).does(asked(9)).does(answers(9));
    breaks(&tale, &["O1", "O4"]);
}

/// S4: "A read sees every earlier write of its object, committed or not". Only a *lost* instance's writes may go ("Of a lost
/// instance's unacknowledged writes a prefix of its turns may survive"), and this one was idle.
#[test]
fn s4_an_idle_eviction_loses_no_write() {
    let mut tale = Tale::new();
    tale.put("k", "v").evicted().at(3.0).next_instance(2, Cause::Request).turn(2).get("k", None);
    breaks(&tale, &["S3", "S4"]);
}

/// O3: "while a storage operation is outstanding no other event is delivered", its alarm among them, and "An object runs one
/// turn at a time". Here `alarm()` starts in the turn of a request that waits for a `get`.
#[test]
fn o3_the_alarm_does_not_start_in_the_turn_of_a_request() {
    let tale = told(|tale| {
        tale.alarm_is_set(1.0).at(1.0).deliver(2, Delivery::Request { request: 9 });
        tale.call(StorageCall::Get { key: "k".into() });
        tale.run(1, 1, 1.0, 0);
    });
    breaks(&tale, &["O3"]);
}

/// O2: "`id_from_name(name)` always gives the same id". That the client has given up waiting does not change whom it asked.
#[test]
fn o2_a_request_whose_outcome_is_unknown_still_leads_to_its_object() {
    let tale = told(|tale| {
        tale.asks(9, "Batcher/1").world(What::Return { request: 9, outcome: Outcome::Unknown });
        tale.deliver(2, Delivery::Request { request: 9 });
    });
    breaks(&tale, &["O2"]);
}

/// F3: "Two runs of an object never overlap in effect." The answer to a request is no effect of a run. O1 allows it too: the
/// newer epoch has had no effect yet.
#[test]
fn f3_the_answer_to_a_request_is_no_effect_of_a_run() {
    let mut tale = running();
    tale.at(1.2).on(1).wake(2).turn(2).run(2, 1, 1.0, 0);
    tale.at(1.4).on(0).as_instance(1).deliver(3, Delivery::Request { request: 7 }).respond().is_accepted();
}

// ---- Calls

/// S7: "an oversized key or value: a typed error ..., and nothing is written"; S1: "A call acts when it is made, not when it is
/// awaited": object code may make the next call before it looks at the result of the one before.
#[test]
fn s7_an_oversized_value_is_refused_also_when_another_call_follows() {
    let tale = told(|tale| {
        let one = tale.call(put("a", &too_large()));
        let other = tale.call(put("b", "v"));
        tale.result(one, OpResult::Done).result(other, OpResult::Done);
    });
    breaks(&tale, &["S7"]);
}

/// The legal neighbour of the last one: it is refused, and nothing is written.
#[test]
fn s7_a_refused_call_that_another_one_follows_has_written_nothing() {
    told(|tale| {
        let one = tale.call(put("a", &too_large()));
        let other = tale.call(put("b", "v"));
        tale.result(one, OpResult::Error("too large".into())).result(other, OpResult::Done);
        tale.get("a", None).get("b", Some("v"));
    })
    .is_accepted();
}

/// A7: "a typed error; the alarm that was set stays as it was."
#[test]
fn a7_a_refused_set_alarm_that_another_call_follows_leaves_the_alarm() {
    told(|tale| {
        tale.alarm_is_set(9.0).turn(2);
        let one = tale.call(StorageCall::SetAlarm { time_ms: -1, scheduled_ms: -1, alarm: None });
        let other = tale.call(put("b", "v"));
        tale.result(one, OpResult::Error("not a time".into())).result(other, OpResult::Done);
        tale.get_alarm(Some(9.0));
    })
    .is_accepted();
}

/// S4: "A read sees every earlier write of its object ... and no later one." What the list is asked for was acknowledged; that
/// something else of the object is uncertain and that a write follows does not make junk right.
#[test]
fn s4_a_pending_list_is_judged_where_another_key_is_uncertain() {
    let listed = |value: &str| {
        let mut tale = Tale::without_commits();
        tale.put("u", "1").lost().at(3.0).start(2).turn(2).put("a", "1").respond();
        let prefix = Some(Key::from("a"));
        let op = tale.call(StorageCall::List(ListOptions { prefix, ..ListOptions::default() }));
        tale.put("b", "2").turn(3).result(op, OpResult::Entries(vec![("a".into(), value.into())]));
        tale
    };
    listed("1").is_accepted();
    breaks(&listed("junk"), &["S3", "S4"]);
}

/// S5: "an error in the closure rolls back": its `set_alarm` never was, so the run has completed its own alarm, and none is
/// left.
#[test]
fn s5_a_transaction_that_is_rolled_back_after_the_run_does_not_bring_its_alarm_back() {
    let mut tale = running();
    let op = tale.call(StorageCall::Transaction);
    tale.set_alarm(2, 50.0).run_ok(1).result(op, OpResult::Error("no".into())).get_alarm(None);
    tale.commit_end(1).is_accepted();
}

// ---- The alarm slot, R7

/// A2: "Once it is acknowledged the replaced one never starts." R7 spares the alarm that was deleted, and that is alarm 2.
#[test]
fn a2_deleting_the_replacement_in_a_failed_run_does_not_bring_the_replaced_alarm_back() {
    let mut tale = running();
    tale.set_alarm(2, 30.0).commit().respond().turn(3).delete_alarm().commit();
    tale.turn(4).run_fails(1).commit_end(1).at(3.1).turn(5).run(2, 1, 1.0, 1);
    breaks(&tale, &["A2", "R5", "R7"]);
}

/// F4: "An alarm whose completion is durable never runs again." The deletion and the failure of the first run were lost; the
/// second run completed the alarm durably. No leniency of R7 is left after that.
#[test]
fn f4_a_completed_alarm_does_not_run_again_though_a_lost_turn_had_deleted_it() {
    let mut tale = running();
    tale.delete_alarm().run_fails(1).fault(1, "crash").lost().at(4.0).heal(1).on(1).wake(2).turn(2);
    tale.run(2, 1, 1.0, 0).run_ok(2).commit_end(2).at(8.0).turn(3).run(3, 1, 1.0, 0);
    breaks(&tale, &["F4"]);
}

/// The same where commits are not told; the answer says that the completion is durable.
#[test]
fn f4_a_completed_alarm_does_not_run_again_without_commits() {
    let mut tale = Tale::without_commits();
    tale.alarm_set(1, 1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).delete_alarm().run_fails(1);
    tale.fault(1, "crash").lost().at(4.0).heal(1).on(1).wake(2).turn(2).run(2, 1, 1.0, 0).run_ok(2);
    tale.turn(3).respond().at(8.0).turn(4).run(3, 1, 1.0, 0);
    breaks(&tale, &["F4"]);
}

/// A3: `get_alarm` "sees the object's own uncommitted `set_alarm`". What R7 leaves open ended with that call (A2, R5).
#[test]
fn a3_after_set_alarm_the_alarm_that_r7_spares_is_not_read() {
    let mut tale = running();
    tale.delete_alarm().commit().run_fails(1).turn(3).set_alarm(2, 50.0).get_alarm(Some(1.0));
    breaks(&tale, &["A2", "A3"]);
}

/// R2: "At most 6 counted retries: 7 counted runs, `retry_count` 0 to 6." All seven failures are durable; R7 allows the retry
/// that was due, and none was.
#[test]
fn r2_an_alarm_that_was_deleted_in_its_seventh_run_does_not_run_an_eighth_time() {
    let mut tale = Tale::new();
    let at = tale.fails_up_to(5);
    tale.run(7, 1, 1.0, 6).delete_alarm().run_fails(7).commit_end(7);
    tale.at(at + 150.0).turn(21).run(8, 1, 1.0, 6);
    breaks(&tale, &["R2", "R4", "R7"]);
}

/// R4: `retry_count` "counts this alarm's counted failures whose record became durable". The record of this one did, in one
/// commit with the deletion; if there is a retry after all, it is told 1.
#[test]
fn r4_a_retry_that_r7_allows_is_told_of_the_failure_that_is_durable() {
    let retried = |told: u32| {
        let mut tale = running();
        tale.delete_alarm().run_fails(1).commit_end(1).at(3.1).turn(3).run(2, 1, 1.0, told);
        tale
    };
    retried(1).is_accepted();
    breaks(&retried(0), &["R4", "R7"]);
}

/// R6: in backoff the alarm's is "the original time"; none was ever set for second 77.
#[test]
fn r7_the_alarm_that_the_datastore_holds_after_all_has_its_own_time() {
    let rests = |seconds: f64| {
        let mut tale = running();
        tale.delete_alarm().commit().run_fails(1).commit_end(1).at(4.0);
        tale.rests(&[], Some((1, seconds, 1))).end();
        tale
    };
    rests(1.0).is_accepted();
    breaks(&rests(77.0), &["A1", "A2", "R6", "R7"]);
}

/// R7: "both outcomes are allowed". Where commits are not told nobody knows whether the deletion was durable, and a retry in the
/// same instance says that the failure was recorded (R4), as it does without the deletion.
#[test]
fn r7_a_retry_in_the_same_instance_is_allowed_without_commits() {
    let retried = |deletes: bool| {
        let mut tale = Tale::without_commits();
        tale.alarm_set(1, 1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
        if deletes {
            tale.delete_alarm();
        }
        tale.run_fails(1).at(3.1).turn(3).run(2, 1, 1.0, 1);
        tale
    };
    retried(false).is_accepted();
    retried(true).is_accepted();
}

/// The same after a crash: the deletion and the first failure were lost (any prefix of the turns may be durable, and none is
/// one). From there on the alarm fails and is retried as any other: 0, 1, 2.
#[test]
fn r7_retries_after_a_crash_go_on_counting_without_commits() {
    let retried = |deletes: bool| {
        let mut tale = Tale::without_commits();
        tale.alarm_set(1, 1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
        if deletes {
            tale.delete_alarm();
        }
        tale.run_fails(1).fault(1, "crash").lost().at(4.0).heal(1).wake(2).turn(2);
        tale.run(2, 1, 1.0, 0).run_fails(2).at(6.1).turn(3).run(3, 1, 1.0, 1).run_fails(3);
        tale.at(10.2).turn(4).run(4, 1, 1.0, 2).run_ok(4);
        tale
    };
    retried(false).is_accepted();
    retried(true).is_accepted();
}

/// R7: "both outcomes are allowed". That the retry is told of the failure says that its record is durable (R4), even where the
/// deletion, which is all that the slot shows, had been heard of before.
#[test]
fn r7_a_retry_says_that_the_failure_is_recorded_without_commits() {
    let deleted = |then: fn(&mut Tale)| {
        let mut tale = Tale::without_commits();
        tale.set_alarm(1, 1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).delete_alarm();
        then(&mut tale);
        tale.run_fails(1).at(3.0).turn(4).run(2, 1, 1.0, 1).run_ok(2);
        tale.is_accepted();
    };
    deleted(|tale| _ = tale.sync().turn(3));
    deleted(|tale| _ = tale.turn(3));
    deleted(|_| {});
}

/// R1: "a failure of the platform (machine, network, datastore, constructor) is retried", and R3: "the run after a failed one
/// starts no sooner than `2 s * 2^n` after its end and no later than 1.25 times that plus the bound of L". A constructor that
/// fails for a retry is such a failure, also of a retry that R7 leaves open.
#[test]
fn r3_a_constructor_that_fails_for_a_retry_that_r7_leaves_open_holds_that_back() {
    let retried = |at: f64| {
        let mut tale = running();
        tale.delete_alarm().run_fails_by(1, How::Panic).commit_end(1).reset(ResetCause::Panic);
        tale.under_epoch(1).at(3.0).begin(2, Cause::Alarm).constructor_fails();
        tale.at(at).wake(3).turn(2).run(2, 1, 1.0, 1);
        tale
    };
    retried(5.1).is_accepted();
    breaks(&retried(4.0), &["R3"]);
    breaks(&retried(7.0), &["R3"]);
}

/// R3: "after a platform failure on a live machine (constructor failed, commit refused) n is the number of consecutive platform
/// failures under this holder before it". The datastore refuses what the constructor wrote: the instance is reset before its
/// constructor has ended.
#[test]
fn r3_an_instance_that_is_reset_in_its_constructor_holds_its_alarm_back() {
    let tale = told(|tale| {
        tale.alarm_is_set(1.0).evicted().under_epoch(1).at(1.0).begin(2, Cause::Alarm);
        tale.reset(ResetCause::Datastore).at(3.1).wake(3).turn(2).run(1, 1, 1.0, 0);
    });
    tale.is_accepted();
}

/// R3: "A run cut short by the loss of its machine is started again by the next holder at once". Under the same epoch there is
/// no next holder: an instance whose end is not told was reset, and what resets it is the platform's failure.
#[test]
fn r3_a_run_that_ended_untold_under_the_same_holder_waits_for_its_backoff() {
    let tale = told(|tale| {
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
        tale.at(1.5).next_instance(2, Cause::Request).at(3.6).turn(2).run(2, 1, 1.0, 0);
    });
    tale.is_accepted();
}

/// R3, as above, of a run that the platform failed after its alarm had been deleted, and of one whose alarm is known to be
/// durable only afterwards: how often in a row the platform has failed it is not forgotten.
#[test]
fn r3_the_platforms_failures_in_a_row_are_counted_without_commits() {
    // Run and instance have one number.
    let fails = |tale: &mut Tale, instance| {
        tale.turn(9).run_is_failed_by_platform(instance).reset(ResetCause::Datastore);
    };
    let runs = |tale: &mut Tale, instance, at: f64| {
        tale.under_epoch(1).at(at).wake(instance).turn(2).run(instance, 1, 1.0, 0);
    };
    let mut deleted = Tale::without_commits();
    deleted.alarm_set(1, 1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).turn(3).delete_alarm();
    fails(&mut deleted, 1);
    runs(&mut deleted, 2, 3.1);
    fails(&mut deleted, 2);
    runs(&mut deleted, 3, 7.9);
    deleted.is_accepted();
    let mut unheard = Tale::without_commits();
    unheard.set_alarm(1, 1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
    fails(&mut unheard, 1);
    runs(&mut unheard, 2, 3.4);
    unheard.is_accepted();
}

/// A10: "`set_alarm(now)` in a handler whose own time equals now schedules a new run". A writer that knows no identities tells
/// of two alarms for the same time; the one that runs next, as a first run, is the new one.
#[test]
fn a10_a_new_alarm_for_the_same_time_runs_without_identities_and_commits() {
    let mut tale = Tale::without_commits();
    let set = || StorageCall::SetAlarm { time_ms: wall_ms(1.0), scheduled_ms: wall_ms(1.0), alarm: None };
    tale.calls(set(), OpResult::Done).respond().at(1.0).turn(2).run_told(1, None, 1.0, 0, false);
    tale.calls(set(), OpResult::Done).run_fails(1).turn(3).run_told(2, None, 1.0, 0, false);
    tale.run_ok(2).turn(4).get_alarm(None);
    tale.is_accepted();
}

/// L3: "at most 100 alarms a second on a machine". Of three hundred that are due at once half have run when the run is over:
/// nothing promises the others by then. Of fifty it does.
#[test]
fn f1_what_is_left_of_a_crowd_at_the_end_of_the_run_is_not_overdue() {
    let left_of = |all: u32, ran: u32| {
        told(|tale| {
            tale.others_set(all, |_| 10.0).others_run(ran, |_| 10.0, 10.01, 0.01).at(12.0);
            for other in ran..all {
                let object = ObjectName(format!("Batcher/other {other}").as_str().into());
                let (alarm, scheduled_ms) = (Some(AlarmId(1)), wall_ms(10.0));
                let alarm = Some(AlarmAtRest { alarm, scheduled_ms, retry_count: Some(0) });
                tale.world(What::AtRest { object, keys: BTreeMap::new(), alarm, slice: None });
            }
            tale.end();
        })
    };
    left_of(300, 150).is_accepted();
    breaks(&left_of(50, 25), &["F1"]);
}

/// R3: "after a platform failure on a live machine (constructor failed, commit refused) n is the number of consecutive platform
/// failures". A constructor that fails for a request long before the alarm is due has not failed the alarm (L3).
#[test]
fn l3_constructors_that_fail_before_the_alarm_is_due_do_not_hold_it_back() {
    let mut tale = Tale::new();
    tale.alarm_is_set(100.0).evicted().under_epoch(1);
    for instance in 2..14 {
        tale.at(instance as f64).begin(instance, Cause::Request).constructor_fails();
    }
    tale.at(900.0).wake(14).turn(2).run(1, 1, 100.0, 0).is_refused("L3");
}

/// A10: "Each `set_alarm` makes a new alarm, whatever its time." Two of them that are durable have one identity.
#[test]
fn a10_two_alarms_do_not_share_an_identity() {
    let mut tale = Tale::new();
    tale.alarm_is_set(10.0).turn(2).set_alarm(1, 20.0).commit().respond();
    breaks(&tale, &["A10"]);
}

// ---- Counting

/// R1: a handler that returns an error "is retried and counted"; R4 excuses only "a failure whose record was lost with its
/// machine", and no machine is lost here. R2: "At most 6 counted retries". There is no wait between these runs, so that no
/// bound of L is near either.
#[test]
fn r1_a_failure_on_a_live_machine_is_counted() {
    for tell in [Tale::new, Tale::without_commits] {
        let mut tale = tell();
        tale.set_alarm(1, 1.0).commit().respond().at(1.0).turn(2).run(1, 1, 1.0, 0);
        for run in 2..30_u64 {
            let turn = u32::try_from(run).expect("few") + 1;
            tale.run_fails(run - 1).turn(turn).run(run, 1, 1.0, 0);
        }
        breaks(&tale, &["R1", "R2", "R3", "R4"]);
    }
}

/// R4: `retry_count` "counts this alarm's counted failures whose record became durable": there are none of an alarm that has
/// never run, durable or not. R2: `retry_count` is 0 to 6.
#[test]
fn r4_an_alarm_that_is_not_durable_yet_has_no_failures() {
    let first_run = |mut tale: Tale, told: u32| {
        tale.set_alarm(1, 1.0).at(1.0).turn(2).run(1, 1, 1.0, told).run_ok(1);
        tale
    };
    for tell in [Tale::new, Tale::without_commits] {
        first_run(tell(), 0).is_accepted();
        breaks(&first_run(tell(), 5), &["R4"]);
        breaks(&first_run(tell(), 9), &["R2", "R4"]);
    }
}

// ---- What a history does not tell

fn coverage(tale: &Tale, rule: &'static str) -> Coverage {
    tale.verdict().coverage[&RuleId(rule)].clone()
}

/// "A rule for which a history lacks the fields is reported as *not checked*, never as passed." The header says that commits
/// are not told, and O5 is not judged then, whether or not one of them is there.
#[test]
fn o5_is_not_checked_where_commits_are_omitted() {
    let mut tale = Tale::without_commits();
    tale.put("k", "v").respond().commit();
    assert!(matches!(coverage(&tale, "O5"), Coverage::NotChecked { .. }), "{:?}", coverage(&tale, "O5"));
}

/// The same sentence; HISTORY.md: "Without an `end` what has to happen at last is not judged (F1, L4)." O6, D2 and D7 are
/// judged at the end and nowhere else.
#[test]
fn what_is_judged_at_the_end_is_not_checked_without_an_end() {
    let mut tale = Tale::new();
    tale.world(What::Phase { phase: Phase::Faults }).alarm_is_set(1.0).fault(1, "crash");
    tale.world(What::FaultBegin {
        fault: 2,
        kind: "datacenter-down".into(),
        scope: Scope::Datacenter(1),
        takes: None,
    });
    tale.lost().asks(9, "Batcher/0").at(900.0).on(2).wake(2).turn(2).run(1, 1, 1.0, 0);
    let judged: Vec<&str> = ["F1", "O6", "D2", "D7"]
        .into_iter()
        .filter(|rule| matches!(coverage(&tale, rule), Coverage::Judged { .. }))
        .collect();
    assert_eq!(judged, [""; 0], "the history has no end");
}

/// The same sentence; HISTORY.md: "What a writer cannot know it leaves out: optional fields, and whole kinds of events." Without
/// any `op_result` nobody knows when a call had its result, so that neither S1 nor O3 is broken by a delivery after it.
#[test]
fn s1_without_results_no_call_is_known_to_be_outstanding() {
    let called = |call: StorageCall| {
        told(|tale| {
            tale.call(call);
            tale.commit().deliver(2, Delivery::Request { request: 9 });
        })
    };
    called(put("k", "v")).is_accepted();
    called(StorageCall::Get { key: "k".into() }).is_accepted();
}
