//! Turns follow one another, whatever happens in them (O3); nothing runs in an instance that is over (O4), or before a write has
//! resolved (S1).

use reveille_model::history::{AwaitKind, Cause, Delivery, Head, OpResult, PromiseKind, StorageCall, What};

use super::{Case, case};
use reveille_model::build::Tale;

pub(super) fn cases() -> Vec<Case> {
    [goes_on(), others(), over()].into_iter().flatten().collect()
}

/// Turn 2 has begun with a request, and turn 3 with another one. What comes next is of turn 3, or of the one that is over.
fn third_turn(tale: &mut Tale, breaks: bool) -> &mut Tale {
    tale.deliver(2, Delivery::Request { request: 9 }).at(1.0).deliver(3, Delivery::Request { request: 10 });
    tale.turn(if breaks { 2 } else { 3 })
}

/// What an instance may do of itself.
fn goes_on() -> Vec<Case> {
    vec![
        case("O3", "a call is made in a turn that is over", |tale, breaks| {
            third_turn(tale, breaks).get("k", None);
        }),
        case("O3", "a section begins in a turn that is over", |tale, breaks| {
            third_turn(tale, breaks).does(What::Gate { closed: true });
        }),
        case("O3", "code begins to wait in a turn that is over", |tale, breaks| {
            third_turn(tale, breaks).does(What::Await { op: 50, kind: AwaitKind::Outside });
        }),
        case("O3", "a timer is set in a turn that is over", |tale, breaks| {
            third_turn(tale, breaks).does(What::Timer { op: 50, for_ms: 1_000 });
        }),
        case("O3", "code tells of its promises in a turn that is over", |tale, breaks| {
            let (name, kind) = ("p".into(), PromiseKind::Always);
            third_turn(tale, breaks).does(What::Promise { name, kind, held: true });
        }),
        case("O3", "a request starts in a turn that is over", |tale, breaks| {
            third_turn(tale, breaks).does(What::RequestStart {
                request: 10,
                head: Head::default(),
                body: None,
            });
        }),
        case("O3", "a request ends in a turn that is over", |tale, breaks| {
            third_turn(tale, breaks).does(What::RequestEnd { request: 10 });
        }),
    ]
}

/// What others give it.
fn others() -> Vec<Case> {
    vec![
        case("O3", "a result is given in a turn that is over", |tale, breaks| {
            let op =
                tale.deliver(2, Delivery::Request { request: 9 }).call(StorageCall::Get { key: "k".into() });
            tale.at(1.0).deliver(3, Delivery::Result { op });
            tale.turn(if breaks { 2 } else { 3 }).result(op, OpResult::Value(None));
        }),
        case("O3", "alarm() starts in a turn that is over", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0);
            third_turn(tale, false).turn(if breaks { 2 } else { 4 }).run(1, 1, 1.0, 0);
        }),
        case("O3", "alarm() ends in a turn that is over", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
            tale.deliver(3, Delivery::Request { request: 10 }).turn(if breaks { 2 } else { 3 }).run_ok(1);
        }),
        case("O3", "a constructor ends in a turn that is over", |tale, breaks| {
            tale.evicted().at(1.0).under_epoch(1).begin(2, Cause::Request);
            let op = tale.call(StorageCall::Get { key: "k".into() });
            tale.deliver(2, Delivery::Result { op }).result(op, OpResult::Value(None));
            tale.turn(if breaks { 1 } else { 2 }).does(What::ConstructorEnd { failed: None });
        }),
        case("S1", "alarm() starts before a write has resolved", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0).turn(2);
            let put = tale.call(StorageCall::Put { key: "k".into(), value: "v".into() });
            if breaks {
                tale.turn(3).run(1, 1, 1.0, 0);
            } else {
                tale.result(put, OpResult::Done).turn(3).run(1, 1, 1.0, 0);
            }
        }),
        case("S1", "a request is delivered before a write has resolved", |tale, breaks| {
            let put =
                tale.put("j", "v").turn(2).call(StorageCall::Put { key: "k".into(), value: "v".into() });
            if !breaks {
                tale.result(put, OpResult::Done);
            }
            tale.at(1.0).deliver(3, Delivery::Request { request: 9 });
        }),
        case("S1", "an outside service's answer is delivered before a write has resolved", |tale, breaks| {
            let put =
                tale.put("j", "v").turn(2).call(StorageCall::Put { key: "k".into(), value: "v".into() });
            if !breaks {
                tale.result(put, OpResult::Done);
            }
            tale.at(1.0).deliver(3, Delivery::Result { op: 99 });
        }),
    ]
}

/// In an instance that has left memory.
fn over() -> Vec<Case> {
    vec![
        case("O4", "a call is made in an instance that is over", |tale, breaks| {
            ends_before(tale, breaks, |tale| _ = tale.get("k", None));
        }),
        case(
            "O4",
            "alarm() starts before its constructor has ended, and no delivery is told",
            |tale, breaks| {
                tale.alarm_is_set(1.0).evicted().at(1.0).under_epoch(1).begin(2, Cause::Alarm);
                if !breaks {
                    tale.does(What::ConstructorEnd { failed: None });
                }
                tale.turn(2).run(1, 1, 1.0, 0);
            },
        ),
        case("O4", "alarm() starts in an instance that is over, and no delivery is told", |tale, breaks| {
            tale.alarm_is_set(1.0).at(1.0);
            if breaks {
                tale.evicted();
            }
            tale.turn(2).run(1, 1, 1.0, 0);
        }),
        case("O4", "a timer is set in an instance that is over", |tale, breaks| {
            ends_before(tale, breaks, |tale| _ = tale.does(What::Timer { op: 50, for_ms: 1_000 }));
        }),
        case("O4", "a result reaches an instance that is over", |tale, breaks| {
            ends_before(tale, breaks, |tale| _ = tale.deliver(3, Delivery::Result { op: 99 }));
        }),
    ]
}

/// The instance leaves memory before it does something, or behind that.
fn ends_before(tale: &mut Tale, breaks: bool, does: fn(&mut Tale)) {
    tale.turn(2);
    if breaks {
        does(tale.evicted().at(1.0));
    } else {
        does(tale);
        tale.at(1.0).evicted();
    }
}
