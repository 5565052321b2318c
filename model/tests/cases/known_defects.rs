//! What has gone wrong in real runtimes, as far as it can be seen at the API. Each is named after what it was.

use reveille_model::history::{Cause, Delivery, EndReason, Head, OpResult, StorageCall, What};

use super::{Case, case};
use reveille_model::build::Tale;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = lost();
    cases.extend(too_often());
    cases.extend(stale());
    cases
}

/// Alarm 1 for second 1, and its run that starts on time in turn 2.
fn running(tale: &mut Tale) {
    tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
}

/// Alarms that never fire.
fn lost() -> Vec<Case> {
    vec![
        case("A10", "set_alarm(now) in the handler severs the chain", |tale, breaks| {
            running(tale);
            tale.set_alarm(2, 1.0).commit().turn(3).run_ok(1).commit_end(1).get_alarm(Some(1.0));
            if !breaks {
                tale.at(1.1).turn(4).run(2, 2, 1.0, 0).run_ok(2).commit_end(2);
            }
            tale.at(90.0).rests(&[], breaks.then_some((2, 1.0, 0))).end();
        }),
        case("F1", "get_alarm shows a time long past and nothing ever fires", |tale, breaks| {
            tale.alarm_is_set(1.0);
            if breaks {
                tale.at(80.0).turn(2).get_alarm(Some(1.0)).rests(&[], Some((1, 1.0, 0)));
            } else {
                tale.at(1.0).turn(2).run(1, 1, 1.0, 0).run_ok(1).commit_end(1);
            }
            tale.at(90.0).end();
        }),
        case("F1", "the late removal of a fired alarm takes its successor", |tale, breaks| {
            running(tale);
            tale.run_ok(1).commit_end(1).turn(3).set_alarm(2, 90.0).commit().respond().at(9.0);
            tale.rests(&[], (!breaks).then_some((2, 90.0, 0))).end();
        }),
        case("F5", "giving up an alarm takes the newer one", |tale, breaks| {
            running(tale);
            tale.set_alarm(2, 90.0).commit().respond().turn(3).run_fails(1).commit_end(1).at(9.0);
            tale.rests(&[], (!breaks).then_some((2, 90.0, 0))).end();
        }),
        case("A2", "a stale move to later overwrites an acknowledged earlier alarm", |tale, breaks| {
            tale.alarm_is_set(80.0)
                .turn(2)
                .set_alarm(2, 90.0)
                .commit()
                .turn(3)
                .set_alarm(3, 85.0)
                .commit()
                .respond();
            tale.at(9.0).rests(&[], Some(if breaks { (2, 90.0, 0) } else { (3, 85.0, 0) })).end();
        }),
        case("F8", "after a restart get_alarm is still set and nothing fires", |tale, breaks| {
            tale.alarm_is_set(10.0).at(5.0).fault(1, "crash").lost().at(6.0).heal(1);
            if breaks {
                tale.at(90.0).rests(&[], Some((1, 10.0, 0)));
            } else {
                tale.at(10.0).wake(2).turn(2).run(1, 1, 10.0, 0).run_ok(1).commit_end(1);
            }
            tale.at(90.0).end();
        }),
        case("S3", "the completion is durable and the re-arm in an earlier turn is not", |tale, breaks| {
            running(tale);
            tale.set_alarm(2, 90.0).turn(3).put("k", "v").run_ok(1);
            if !breaks {
                tale.turn(2).commit();
            }
            tale.turn(3).commit_end(1).lost().start(2);
        }),
        case("F8", "retries die with the instance that is evicted in backoff", |tale, breaks| {
            tale.alarm_is_set(10.0).does(What::InstanceEnd { reason: EndReason::Evicted }).at(90.0);
            if breaks {
                tale.start(2);
            } else {
                tale.at(10.0).wake(2);
            }
            tale.turn(2).run(1, 1, 10.0, 0);
        }),
    ]
}

/// Alarms that fire too early, too often or twice at a time.
fn too_often() -> Vec<Case> {
    vec![
        case(
            "F4",
            "success is told before the removal is durable and the alarm runs again",
            |tale, breaks| {
                running(tale);
                tale.put("k", "v").run_ok(1);
                if breaks {
                    tale.commit_end(1);
                }
                tale.at(1.1).lost().wake(2).turn(2).run(2, 1, 1.0, 0);
            },
        ),
        case(
            "F4",
            "the handler's last writes and the removal of its alarm are two commits",
            |tale, breaks| {
                running(tale);
                tale.put("k", "v").run_ok(1);
                if breaks {
                    tale.commit().turn(3).commit_end(1);
                } else {
                    tale.commit_end(1);
                }
            },
        ),
        case("F3", "two deliveries of one alarm both run", |tale, breaks| {
            running(tale);
            if !breaks {
                tale.lost().start(2);
            }
            tale.turn(3).run(2, 1, 1.0, 0);
        }),
        case("F2", "an alarm fires before its time", |tale, breaks| {
            tale.alarm_is_set(10.0).at(if breaks { 9.0 } else { 10.0 }).turn(2).run(1, 1, 10.0, 0);
        }),
        case("A5", "the entry of a deleted alarm is never cleared and wakes the object", |tale, breaks| {
            tale.alarm_is_set(10.0).turn(2).delete_alarm().commit().respond();
            tale.does(What::InstanceEnd { reason: EndReason::Evicted }).at(10.0).wake(2).turn(2);
            if breaks {
                tale.run(1, 1, 10.0, 0);
            }
        }),
        case("S8", "delete_all leaves the alarm, which revives the object", |tale, breaks| {
            tale.put("k", "v").alarm_is_set(10.0).turn(2);
            tale.calls(StorageCall::DeleteAll { preserve_alarm: false }, OpResult::Done).commit().respond();
            tale.does(What::InstanceEnd { reason: EndReason::Evicted }).at(10.0).wake(2).turn(2);
            if breaks {
                tale.run(1, 1, 10.0, 0);
            }
        }),
        case(
            "R4",
            "a handler that fails for good is retried for ever as if it had not failed",
            |tale, breaks| {
                running(tale);
                tale.run_fails(1).commit_end(1).at(3.1).turn(3).run(2, 1, 1.0, u32::from(!breaks));
            },
        ),
        case("O4", "an alarm's retry does not wait for the constructor", |tale, breaks| {
            running(tale);
            tale.run_fails(1).commit_end(1).does(What::InstanceEnd { reason: EndReason::Evicted });
            tale.at(3.1).begin(2, Cause::Alarm);
            if breaks {
                tale.deliver(2, Delivery::Alarm { run: 2 });
            } else {
                tale.does(What::ConstructorEnd { failed: None }).turn(2);
            }
            tale.run(2, 1, 1.0, 1);
        }),
    ]
}

/// Times, counts and answers that are out of date.
fn stale() -> Vec<Case> {
    vec![
        case("A3", "get_alarm shows an alarm whose retries are exhausted", |tale, breaks| {
            tale.alarm_is_set(1.0);
            let mut at = 1.0;
            for count in 0..7 {
                let run = u64::from(count) + 1;
                tale.at(at).turn(count + 2).run(run, 1, 1.0, count).run_fails(run).commit_end(run);
                at += 2.0 * f64::from(1 << count);
            }
            tale.turn(10).get_alarm(breaks.then_some(1.0));
        }),
        case("A2", "an alarm set in backoff fires late with the old time and count", |tale, breaks| {
            running(tale);
            tale.run_fails(1).commit_end(1).at(1.1).turn(3).set_alarm(2, 1.2).commit().respond();
            if breaks {
                tale.at(3.1).turn(4).run_told(2, None, 1.0, 1, true);
            } else {
                tale.at(1.2).turn(4).run_told(2, None, 1.2, 0, false);
            }
        }),
        case("A2", "an alarm fires at a time from which it was long moved away", |tale, breaks| {
            tale.alarm_is_set(10.0);
            for later in 2..6 {
                tale.at(later as f64)
                    .turn(later as u32)
                    .set_alarm(later, 10.0 + later as f64)
                    .commit()
                    .respond();
            }
            let (alarm, at) = if breaks { (2, 12.0) } else { (5, 15.0) };
            tale.at(at).turn(9).run(1, alarm, at, 0);
        }),
        case("R4", "a process that is killed in backoff begins to count again", |tale, breaks| {
            running(tale);
            tale.run_fails(1).commit_end(1).fault(1, "crash").lost().at(4.0).heal(1);
            tale.wake(2).turn(2).run(2, 1, 1.0, u32::from(!breaks));
        }),
        case("L3", "a late alarm is put off again and again", |tale, breaks| {
            tale.alarm_is_set(10.0).at(if breaks { 25.0 } else { 10.1 }).turn(2).run(1, 1, 10.0, 0);
        }),
        case("O5", "a handler's outbound request leaves while its write is not durable", |tale, breaks| {
            let outbound = || What::Outbound {
                call: 3,
                service: "upstream".into(),
                head: Head::default(),
                body: "b".into(),
                op: None,
            };
            running(tale);
            tale.put("k", "v");
            if breaks {
                tale.does(outbound()).commit();
            } else {
                tale.commit().does(outbound());
            }
            tale.lost().at(3.0).start(2).get("k", Some("v"));
        }),
    ]
}
