//! Objects: one instance, by name, a turn at a time, the constructor first, gates, moves, limits.

use reveille_model::history::{Cause, Delivery, EndReason, OpResult, Phase, Scope, StorageCall, What};

use super::{Case, case};
use reveille_model::build::Tale;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("O1", "an instance answers after its successor has had an effect", |tale, breaks| {
            tale.put("k", "v").at(1.0).on(1).start(2).turn(2).put("l", "w").at(2.0);
            if breaks {
                tale.commit();
            }
            tale.at(3.0).on(0).as_instance(1).turn(0).respond();
        }),
        case("O1", "an instance does something on another machine than its own", |tale, breaks| {
            tale.put("k", "v").at(1.0).on(1);
            if breaks {
                tale.put("l", "w");
            } else {
                tale.commit();
            }
            tale.at(2.0).on(0).turn(2).put("m", "x");
        }),
        case("O1", "two instances of one epoch start on two machines", |tale, breaks| {
            tale.evicted().at(1.0).on(1).under_epoch(if breaks { 1 } else { 2 }).start(2);
        }),
        case("O1", "object code is given a request twice", |tale, breaks| {
            tale.asks(9, "Batcher/0").asks(10, "Batcher/0");
            tale.deliver(2, Delivery::Request { request: 9 });
            tale.at(1.0).deliver(3, Delivery::Request { request: if breaks { 9 } else { 10 } });
        }),
        case("O2", "a request reaches an object of another name", |tale, breaks| {
            tale.asks(9, if breaks { "Batcher/1" } else { "Batcher/0" });
            tale.deliver(2, Delivery::Request { request: 9 });
        }),
        case("O2", "a request reaches an object of another class", |tale, breaks| {
            tale.asks(9, if breaks { "Counter/0" } else { "Batcher/0" });
            tale.deliver(2, Delivery::Request { request: 9 });
        }),
        case("O3", "a request is delivered while a read is outstanding", |tale, breaks| {
            let op =
                tale.deliver(2, Delivery::Request { request: 9 }).call(StorageCall::Get { key: "k".into() });
            if breaks {
                tale.deliver(3, Delivery::Request { request: 10 });
            }
            tale.deliver(4, Delivery::Result { op }).result(op, OpResult::Value(None));
            if !breaks {
                tale.deliver(5, Delivery::Request { request: 10 });
            }
        }),
        case("O3", "alarm() starts while a read is outstanding", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0);
            let op = tale.turn(2).call(StorageCall::List(Default::default()));
            if !breaks {
                tale.deliver(3, Delivery::Result { op }).result(op, OpResult::Entries(Vec::new()));
            }
            tale.turn(4).run(1, 1, 1.0, 0);
        }),
        case("O3", "an outside service's answer is delivered while a read is outstanding", |tale, breaks| {
            let op = tale.turn(2).call(StorageCall::Get { key: "k".into() });
            if breaks {
                tale.deliver(3, Delivery::Result { op: 99 });
            }
            tale.deliver(4, Delivery::Result { op }).result(op, OpResult::Value(None));
        }),
        case(
            "O3",
            "what a read with allow_concurrency gives is delivered while a read is outstanding",
            |tale, breaks| {
                let get = || StorageCall::Get { key: "k".into() };
                let open = tale.deliver(2, Delivery::Request { request: 9 }).call_with_concurrency(get());
                tale.awaits(open);
                let op = tale.deliver(3, Delivery::Request { request: 10 }).call(get());
                tale.awaits(op);
                for (turn, op) in (4..).zip(if breaks { [open, op] } else { [op, open] }) {
                    tale.deliver(turn, Delivery::Result { op }).result(op, OpResult::Value(None));
                }
            },
        ),
        case(
            "O3",
            "what a read with allow_concurrency gives is delivered in the section of another event",
            |tale, breaks| {
                let get = || StorageCall::Get { key: "k".into() };
                let open = tale.deliver(2, Delivery::Request { request: 9 }).call_with_concurrency(get());
                tale.awaits(open)
                    .deliver(3, Delivery::Request { request: 10 })
                    .does(What::Gate { closed: true });
                let own = tale.call_with_concurrency(get());
                tale.awaits(own);
                for (turn, op) in (4..).zip(if breaks { [open, own] } else { [own, open] }) {
                    tale.deliver(turn, Delivery::Result { op }).result(op, OpResult::Value(None));
                    tale.does(What::Gate { closed: op == open && breaks });
                }
            },
        ),
        case("O3", "what a sync gives is delivered in a transaction of another event", |tale, breaks| {
            let sync =
                tale.deliver(2, Delivery::Request { request: 9 }).put("k", "v").call(StorageCall::Sync);
            tale.awaits(sync).commit();
            let transaction =
                tale.deliver(3, Delivery::Request { request: 10 }).call(StorageCall::Transaction);
            tale.awaits(transaction);
            for (turn, op) in (4..).zip(if breaks { [sync, transaction] } else { [transaction, sync] }) {
                tale.deliver(turn, Delivery::Result { op }).result(op, OpResult::Done);
            }
        }),
        case("O3", "a request is delivered while a section keeps the gate closed", |tale, breaks| {
            tale.turn(2).does(What::Gate { closed: true });
            if !breaks {
                tale.turn(3).does(What::Gate { closed: false });
            }
            tale.deliver(4, Delivery::Request { request: 9 });
        }),
        case("O3", "two events are delivered in one turn", |tale, breaks| {
            tale.deliver(2, Delivery::Request { request: 9 });
            tale.deliver(if breaks { 2 } else { 3 }, Delivery::Request { request: 10 });
        }),
        case("O3", "a turn goes on after the next has begun", |tale, breaks| {
            tale.deliver(2, Delivery::Request { request: 9 }).deliver(3, Delivery::Request { request: 10 });
            tale.turn(if breaks { 2 } else { 3 }).put("k", "v");
        }),
        case("O4", "a request is delivered while the constructor runs", |tale, breaks| {
            tale.lost().at(3.0).begin(2, Cause::Request);
            if !breaks {
                tale.does(What::ConstructorEnd { failed: None });
            }
            tale.deliver(2, Delivery::Request { request: 9 });
        }),
        case("O4", "a constructor has failed and a request is delivered all the same", |tale, breaks| {
            tale.lost().at(3.0).begin(2, Cause::Request);
            tale.does(What::ConstructorEnd { failed: breaks.then(|| "boom".into()) });
            tale.deliver(2, Delivery::Request { request: 9 });
        }),
        case("O4", "a request is delivered to an instance that has left memory", |tale, breaks| {
            tale.does(What::InstanceEnd { reason: EndReason::Evicted }).at(3.0);
            if !breaks {
                tale.start(2);
            }
            tale.deliver(2, Delivery::Request { request: 9 });
        }),
        case("O4", "a constructor takes longer than it may and ends well", |tale, breaks| {
            tale.lost().at(3.0).begin(2, Cause::Request).at(if breaks { 33.1 } else { 33.0 });
            tale.does(What::ConstructorEnd { failed: None });
        }),
        case("O5", "a response leaves before the write that it follows is durable", |tale, breaks| {
            tale.put("k", "v");
            if breaks {
                tale.respond().commit();
            } else {
                tale.commit().respond();
            }
            tale.lost().start(2);
        }),
        case("O6", "an object that is called is not started elsewhere", |tale, breaks| {
            tale.at(1.0).fault(1, "crash").lost().at(2.0).asks(9, "Batcher/0");
            if !breaks {
                tale.at(30.0).on(1).start(2);
            }
            tale.at(99.0).end();
        }),
        case("O7", "an object over its limit loses what was acknowledged", |tale, breaks| {
            tale.put("k", "v").sync();
            if !breaks {
                tale.commit();
            }
            tale.does(over_limit()).at(3.0).start(2);
        }),
        case("O7", "a run ends well although its object was over its limit", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).does(over_limit());
            if breaks {
                tale.run_ok(1);
            } else {
                tale.run_fails(1);
            }
            tale.commit_end(1);
        }),
        case("O7", "a run never fails although its object was over its limit", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).does(over_limit());
            if !breaks {
                tale.run_fails(1).commit_end(1);
            }
            tale.at(3.1).next_instance(2, Cause::Request);
        }),
        case("D2", "alarms elsewhere stop while one datacenter is gone", |tale, breaks| {
            let gone = |datacenter| What::FaultBegin {
                fault: 1,
                kind: "datacenter-down".into(),
                scope: Scope::Datacenter(datacenter),
                takes: None,
            };
            tale.alarm_is_set(10.0).alarm_elsewhere().at(9.0).world(gone(2));
            ends_with_or_without_run(tale, breaks);
        }),
        case("D7", "alarms elsewhere stop while one machine is gone", |tale, breaks| {
            tale.alarm_is_set(10.0).alarm_elsewhere().at(9.0).on(2).fault(1, "crash").on(0);
            ends_with_or_without_run(tale, breaks);
        }),
        case(
            "D7",
            "alarms elsewhere stop while one machine is gone, and theirs has little to do",
            |tale, breaks| {
                tale.speed(10).alarm_is_set(10.0).alarm_elsewhere().at(9.0).on(2).fault(1, "crash").on(0);
                ends_with_or_without_run(tale, breaks);
            },
        ),
        case("F8", "an object that has left memory is not woken by its alarm", |tale, breaks| {
            tale.alarm_is_set(10.0).does(What::InstanceEnd { reason: EndReason::Evicted }).at(10.0);
            if breaks {
                tale.alarm_elsewhere().at(99.0).rests(&[], Some((1, 10.0, 0)));
            } else {
                tale.wake(2).turn(2).run(1, 1, 10.0, 0).run_ok(1).commit_end(1);
            }
            tale.at(99.0).world(What::Phase { phase: Phase::End });
        }),
        case(
            "F8",
            "an object that has left memory runs its alarm only when a request comes",
            |tale, breaks| {
                tale.alarm_is_set(10.0).does(What::InstanceEnd { reason: EndReason::Evicted });
                if breaks {
                    tale.at(50.0).start(2);
                } else {
                    tale.at(10.0).wake(2);
                }
                tale.turn(2).run(1, 1, 10.0, 0);
            },
        ),
    ]
}

fn over_limit() -> What {
    What::InstanceEnd { reason: EndReason::OverLimit { why: "memory".into() } }
}

fn ends_with_or_without_run(tale: &mut Tale, breaks: bool) {
    if breaks {
        tale.at(100.0).rests(&[], Some((1, 10.0, 0)));
    } else {
        tale.at(10.0).turn(2).run(1, 1, 10.0, 0).run_ok(1).commit_end(1);
    }
    tale.at(100.0).end();
}
