//! Retries: what counts, how many, how soon, and what ends them.

use reveille_model::history::{Cause, Delivery, How, OpResult, ResetCause, StorageCall};

use super::{Case, case};
use reveille_model::build::Tale;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = counts();
    cases.extend(endings());
    cases
}

fn counts() -> Vec<Case> {
    vec![
        case("R1", "a failure of the platform is counted", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).run_is_failed_by_platform(1);
            tale.at(3.1).turn(3).run(2, 1, 1.0, u32::from(breaks));
        }),
        case("R1", "sync shows object code a failure of the platform", |tale, breaks| {
            let result = if breaks { OpResult::Error("disk".into()) } else { OpResult::Done };
            tale.calls(StorageCall::Sync, result).alarm_is_set(1.0);
            tale.at(1.0).turn(2).run(1, 1, 1.0, 0).run_ok(1).commit_end(1);
        }),
        case("R1", "a run takes longer than it may and ends well", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
            tale.at(if breaks { 902.0 } else { 901.0 }).turn(3).run_ok(1).commit_end(1);
        }),
        case("R1", "a run panics and its instance lives on", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
            tale.run_fails_by(1, if breaks { How::Panic } else { How::Error }).commit_end(1);
            tale.deliver(3, Delivery::Request { request: 9 });
        }),
        case("S3", "a later turn is durable before the record of a failed run", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).run_fails(1).turn(3).put("k", "v");
            if !breaks {
                tale.turn(2).commit_end(1).turn(3);
            }
            tale.commit();
        }),
        case("F4", "the end of a run is lost with an instance that was idle", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).run_ok(1);
            if !breaks {
                tale.commit_end(1);
            }
            tale.evicted().at(2.0).next_instance(2, Cause::Request);
        }),
        case("R1", "a run exceeds its time limit and its instance goes on", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).at(901.1).turn(3);
            tale.put("k", "v").run_fails_by(1, How::TimeLimit).commit_end(1);
            if breaks {
                tale.turn(4).put("k", "w");
            }
        }),
        case("R1", "an error resets the instance", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).run_fails(1).commit_end(1);
            tale.reset(if breaks { ResetCause::Error } else { ResetCause::Section });
        }),
        case("R2", "an alarm runs an eighth time", |tale, breaks| {
            tale.fails_up_to(if breaks { 6 } else { 5 });
            tale.run(8, 1, 1.0, if breaks { 7 } else { 6 });
        }),
        case("R3", "a retry does not wait for its backoff", |tale, breaks| {
            tale.fails_up_to(0);
            tale.at(if breaks { 2.99 } else { 3.0 }).run(2, 1, 1.0, 1);
        }),
        case(
            "R3",
            "a retry that its deletion has not prevented does not wait for its backoff",
            |tale, breaks| {
                deleted_in_a_failed_run(tale);
                tale.at(if breaks { 2.99 } else { 3.0 }).run(2, 1, 1.0, 1);
            },
        ),
        case("R3", "a retry comes late", |tale, breaks| {
            tale.fails_up_to(0);
            tale.at(if breaks { 3.9 } else { 3.6 }).run(2, 1, 1.0, 1);
        }),
        case("R4", "a crash resets the retry count", |tale, breaks| {
            tale.fails_up_to(0);
            tale.fault(1, "crash").lost().at(9.0).on(1).wake(2).turn(2).run(2, 1, 1.0, u32::from(!breaks));
        }),
    ]
}

/// Alarm 1 is deleted in its first run, which fails; it is second 1 and turn 3 then. A retry is left open (R7).
fn deleted_in_a_failed_run(tale: &mut Tale) {
    tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).delete_alarm().run_fails(1).commit_end(1);
    tale.turn(3);
}

fn endings() -> Vec<Case> {
    vec![
        case("R5", "an alarm set in backoff waits for its end", |tale, breaks| {
            tale.fails_up_to(0);
            tale.at(1.1).set_alarm(2, 1.2).commit();
            tale.at(if breaks { 3.2 } else { 1.2 }).turn(4).run(2, 2, 1.2, 0);
        }),
        case("R5", "an alarm set in backoff starts with the count of the one before it", |tale, breaks| {
            tale.fails_up_to(0);
            tale.at(1.1).set_alarm(2, 1.2).commit().at(1.2).turn(4).run(2, 2, 1.2, u32::from(breaks));
        }),
        case("R6", "get_alarm is none in backoff", |tale, breaks| {
            tale.fails_up_to(0);
            tale.at(2.0).get_alarm((!breaks).then_some(1.0));
        }),
        case("R6", "an alarm deleted in backoff is tried again", |tale, breaks| {
            tale.fails_up_to(0);
            tale.at(2.0).delete_alarm();
            if breaks {
                tale.commit();
            }
            tale.at(3.1).turn(4).run(2, 1, 1.0, 1);
        }),
        case("R7", "an alarm deleted in its last run is tried again", |tale, breaks| {
            let last = if breaks { 6 } else { 5 };
            tale.fails_up_to(last - 1);
            tale.run(20, 1, 1.0, last).delete_alarm().run_fails(20).commit_end(20);
            tale.at(140.0).turn(20).run(21, 1, 1.0, last + 1);
        }),
        case("R7", "an alarm deleted in a failed run is tried again with another count", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).delete_alarm();
            tale.run_fails(1).commit_end(1).at(3.1).turn(3).run(2, 1, 1.0, if breaks { 3 } else { 1 });
        }),
        case("R6", "an alarm deleted again after its failed run is tried again", |tale, breaks| {
            deleted_in_a_failed_run(tale);
            if breaks {
                tale.delete_alarm().respond();
            }
            tale.at(3.1).turn(4).run(2, 1, 1.0, 1);
        }),
        case(
            "S8",
            "after delete_all an alarm is tried again that was deleted in its failed run",
            |tale, breaks| {
                deleted_in_a_failed_run(tale);
                tale.calls(StorageCall::DeleteAll { preserve_alarm: !breaks }, OpResult::Done).respond();
                tale.at(3.1).turn(4).run(2, 1, 1.0, 1);
            },
        ),
        case("S8", "delete_all in a run that fails leaves its alarm a retry", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
            tale.calls(StorageCall::DeleteAll { preserve_alarm: !breaks }, OpResult::Done);
            tale.run_fails(1).commit_end(1).at(3.1).turn(3).run(2, 1, 1.0, 1);
        }),
        case(
            "A2",
            "an alarm is tried again that its failed run has replaced, and deleted",
            |tale, breaks| {
                tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
                if breaks {
                    tale.set_alarm(2, 30.0);
                }
                tale.delete_alarm().run_fails(1).commit_end(1).respond().at(3.1).turn(3).run(2, 1, 1.0, 1);
            },
        ),
        case("R8", "a failed run's write is gone", |tale, breaks| {
            tale.put("k", "old").alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).put("k", "new");
            tale.run_fails(1).commit_end(1).turn(3).get("k", Some(if breaks { "old" } else { "new" }));
        }),
    ]
}
