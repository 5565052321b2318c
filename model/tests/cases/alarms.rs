//! The alarm slot, and firing.

use reveille_model::history::{AlarmId, Cause, Head, OpResult, StorageCall, What};

use super::{Case, case};
use reveille_model::build::{Tale, wall_ms};

/// The datastore holds in the end what has left the slot.
fn at_rest() -> Vec<Case> {
    vec![
        case(
            "A1",
            "the datastore holds an alarm that was replaced durably by one that was deleted",
            |tale, breaks| {
                tale.set_alarm(1, 100.0).commit().turn(2).set_alarm(2, 200.0).commit();
                tale.turn(3).delete_alarm().commit();
                tale.at(10.0).rests(&[], breaks.then_some((1, 100.0, 0))).end();
            },
        ),
        case(
            "A2",
            "the datastore holds an alarm whose replacement was acknowledged and deleted",
            |tale, breaks| {
                tale.set_alarm(1, 100.0).commit().turn(2).set_alarm(2, 200.0).commit().respond();
                tale.turn(3).delete_alarm().commit();
                tale.at(10.0).rests(&[], breaks.then_some((1, 100.0, 0))).end();
            },
        ),
        case("S3", "the datastore holds an alarm that was lost with its instance", |tale, breaks| {
            tale.set_alarm(1, 100.0).lost().at(1.0).start(2);
            tale.at(10.0).rests(&[], breaks.then_some((1, 100.0, 0))).end();
        }),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = slot();
    cases.extend(times());
    cases.extend(firing());
    cases.extend(at_rest());
    cases
}

fn slot() -> Vec<Case> {
    vec![
        case("A1", "alarm() runs and no alarm was set", |tale, breaks| {
            if !breaks {
                tale.alarm_is_set(1.0);
            }
            tale.at(1.0).turn(2).run(1, 1, 1.0, 0);
        }),
        case("A1", "the datastore holds an alarm that was never set", |tale, breaks| {
            if !breaks {
                tale.alarm_is_set(90.0);
            }
            tale.at(9.0).rests(&[], Some((1, 90.0, 0))).end();
        }),
        case("A2", "a replaced alarm starts after its replacement was acknowledged", |tale, breaks| {
            tale.alarm_is_set(10.0).at(2.0).turn(2).set_alarm(2, 20.0);
            if breaks {
                tale.commit().respond();
            }
            tale.at(10.0).turn(3).run(1, 1, 10.0, 0);
        }),
        case("A3", "get_alarm does not see the set_alarm before it", |tale, breaks| {
            tale.set_alarm(1, 9.0).get_alarm((!breaks).then_some(9.0));
        }),
        case("A4", "get_alarm in the handler is the time of its own alarm", |tale, breaks| {
            running(tale);
            tale.get_alarm(breaks.then_some(1.0));
        }),
        case("A4", "get_alarm in the handler does not see what the handler has set", |tale, breaks| {
            running(tale);
            tale.set_alarm(2, 9.0).get_alarm((!breaks).then_some(9.0));
        }),
        case("A5", "a deleted alarm starts", |tale, breaks| {
            tale.alarm_is_set(10.0).at(2.0).turn(2).delete_alarm();
            if breaks {
                tale.commit();
            }
            tale.at(10.0).turn(3).run(1, 1, 10.0, 0);
        }),
        case("A9", "the alarm starts that its own wake's constructor has replaced", |tale, breaks| {
            tale.alarm_is_set(1.0).lost().at(1.0).begin(2, Cause::Alarm).set_alarm(2, 1.5);
            tale.does(What::ConstructorEnd { failed: None }).turn(2);
            if breaks {
                tale.run(1, 1, 1.0, 0);
            } else {
                tale.turn(1).commit().at(1.5).turn(2).run(1, 2, 1.5, 0);
            }
        }),
        case("A10", "an alarm is lost that the handler set for its own time", |tale, breaks| {
            running(tale);
            tale.set_alarm(2, 1.0).run_ok(1).commit_end(1).at(1.1).turn(3);
            if !breaks {
                tale.run(2, 2, 1.0, 0).run_ok(2).commit_end(2);
            }
            tale.at(9.0).end();
        }),
    ]
}

/// `set_alarm` for a wall time, and what was stored.
fn sets(tale: &mut Tale, time_ms: i64, scheduled_ms: i64, result: OpResult) {
    tale.calls(StorageCall::SetAlarm { time_ms, scheduled_ms, alarm: Some(AlarmId(1)) }, result);
}

fn times() -> Vec<Case> {
    vec![
        case("A6", "a time that is past is stored as it is", |tale, breaks| {
            let stored_s = if breaks { 1.0 } else { 5.0 };
            sets(tale.at(5.0).turn(2), wall_ms(1.0), wall_ms(stored_s), OpResult::Done);
        }),
        case("A6", "a time to come is stored as another", |tale, breaks| {
            let stored_s = if breaks { 8.0 } else { 9.0 };
            sets(tale.at(5.0), wall_ms(9.0), wall_ms(stored_s), OpResult::Done);
            sets(tale.turn(2), wall_ms(1.0), wall_ms(5.0), OpResult::Done);
        }),
        case("A7", "the time zero is not refused", |tale, breaks| {
            let refusal = OpResult::Error("not a time".into());
            sets(tale.at(5.0), 0, 0, if breaks { OpResult::Done } else { refusal });
        }),
        case("A7", "a time beyond 2^63 ns is not refused", |tale, breaks| {
            let last_ms = i64::MAX / 1_000_000;
            let time_ms = if breaks { last_ms + 1 } else { last_ms };
            sets(tale.at(5.0), time_ms, time_ms, OpResult::Done);
            sets(tale.turn(2), -1, -1, OpResult::Error("not a time".into()));
        }),
        case("A8", "a class without alarm() sets one", |tale, breaks| {
            let refusal = OpResult::Error("no alarm()".into());
            sets(
                tale.declares_no_alarm(),
                wall_ms(9.0),
                wall_ms(9.0),
                if breaks { OpResult::Done } else { refusal },
            );
        }),
    ]
}

/// Alarm 1 for second 1, and its run that starts on time in turn 2.
fn running(tale: &mut Tale) {
    tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
}

fn firing() -> Vec<Case> {
    vec![
        case("F1", "an alarm never runs", |tale, breaks| {
            tale.alarm_is_set(10.0);
            if breaks {
                tale.at(100.0).rests(&[], Some((1, 10.0, 0)));
            } else {
                tale.at(10.0).turn(2).run(1, 1, 10.0, 0).run_ok(1).commit_end(1);
            }
            tale.at(100.0).end();
        }),
        case("F2", "alarm() starts before its machine's clock is there", |tale, breaks| {
            tale.alarm_is_set(10.0).at(9.9).clock_off_ms(if breaks { 99 } else { 100 });
            tale.turn(2).run(1, 1, 10.0, 0);
        }),
        case("F3", "a run has an effect after a newer one has started elsewhere", |tale, breaks| {
            running(tale);
            tale.at(1.2).on(1).wake(2).turn(2);
            if breaks {
                tale.run(2, 1, 1.0, 0);
            }
            tale.at(1.4).on(0).as_instance(1).turn(2);
            tale.does(What::Outbound {
                call: 3,
                service: "upstream".into(),
                head: Head::default(),
                body: "b".into(),
                op: None,
            });
        }),
        case("F4", "a run's writes are durable and the removal of its alarm is not", |tale, breaks| {
            running(tale);
            tale.put("k", "v").run_ok(1);
            if breaks {
                tale.commit();
            } else {
                tale.commit_end(1);
            }
        }),
        case("F4", "an alarm runs again after its completion was durable", |tale, breaks| {
            running(tale);
            tale.run_ok(1);
            if breaks {
                tale.commit_end(1);
            }
            tale.lost().at(1.1).wake(2).turn(2).run(2, 1, 1.0, 0);
        }),
        case("F5", "an alarm that the handler set is gone at its end", |tale, breaks| {
            running(tale);
            tale.set_alarm(2, 30.0).run_ok(1).commit_end(1).at(9.0);
            tale.rests(&[], (!breaks).then_some((2, 30.0, 0))).end();
        }),
        case("F6", "a run that was cut short does not start again", |tale, breaks| {
            running(tale);
            tale.at(1.5).fault(1, "crash").lost().at(5.0).heal(1);
            if breaks {
                tale.at(100.0).rests(&[], Some((1, 1.0, 0)));
            } else {
                tale.on(1).wake(2).turn(2).run(2, 1, 1.0, 0).run_ok(2).commit_end(2);
            }
            tale.at(100.0).end();
        }),
        case(
            "F6",
            "a run that was cut short does not start again, and its machine has little to do",
            |tale, breaks| {
                running(tale.speed(10));
                tale.at(1.5).fault(1, "crash").lost().at(5.0).heal(1);
                if breaks {
                    tale.at(100.0).rests(&[], Some((1, 1.0, 0)));
                } else {
                    tale.on(1).wake(2).turn(2).run(2, 1, 1.0, 0).run_ok(2).commit_end(2);
                }
                tale.at(100.0).end();
            },
        ),
        case("F7", "the handler is told another time", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.1).turn(2);
            tale.run_told(1, Some(1), if breaks { 1.05 } else { 1.0 }, 0, false);
        }),
        case("F7", "the handler is told that it is a retry and it is none", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run_told(1, Some(1), 1.0, 0, breaks);
        }),
    ]
}
