//! Storage: calls and their results, turns that are durable together and in order, reads, keys.

use reveille_model::history::{Delivery, ListOptions, OpResult, StorageCall};

use super::{Case, case};
use reveille_model::build::Tale;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("S1", "a put resolves a turn later", |tale, breaks| {
            let op = tale.call(StorageCall::Put { key: "k".into(), value: "v".into() });
            tale.turn(if breaks { 2 } else { 1 }).result(op, OpResult::Done);
        }),
        case("S1", "a request is delivered while a put has no result", |tale, breaks| {
            let op = tale.put("j", "v").call(StorageCall::Put { key: "k".into(), value: "v".into() });
            if !breaks {
                tale.result(op, OpResult::Done);
            }
            tale.at(1.0).deliver(2, Delivery::Request { request: 8 });
        }),
        case("S1", "a get gives what a list gives", |tale, breaks| {
            let result = if breaks { OpResult::Entries(Vec::new()) } else { OpResult::Value(None) };
            tale.calls(StorageCall::Get { key: "k".into() }, result);
        }),
        case("S1", "a read has its result twice", |tale, breaks| {
            let op = tale.call(StorageCall::Get { key: "k".into() });
            tale.result(op, OpResult::Value(None));
            if breaks {
                tale.result(op, OpResult::Value(None));
            }
        }),
        case("S2", "a crash splits a turn", |tale, breaks| {
            two_keys(tale);
            tale.list(ListOptions::default(), if breaks { &[("b", "2")] } else { &[("a", "1"), ("b", "2")] });
        }),
        case("S2", "an alarm outlives a crash and the key of its turn does not", |tale, breaks| {
            tale.put("a", "1").set_alarm(1, 90.0).commit().lost().at(3.0).start(2).at(9.0);
            tale.rests(if breaks { &[] } else { &[("a", "1")] }, Some((1, 90.0, 0))).end();
        }),
        case("S3", "a synced turn is lost in a crash", |tale, breaks| {
            tale.put("k", "v").sync();
            if !breaks {
                tale.commit();
            }
            tale.lost().at(3.0).start(2);
        }),
        case("S3", "a later turn outlives a crash and an earlier one does not", |tale, breaks| {
            tale.put("a", "1").turn(2).put("b", "2");
            if !breaks {
                tale.turn(1).commit();
            }
            tale.turn(2).commit().lost().at(3.0).start(2);
        }),
        case("S3", "sync returns although the write before it can never be durable", |tale, breaks| {
            let op = tale.put("k", "v").call(StorageCall::Sync);
            if !breaks {
                tale.commit();
            }
            tale.at(3.0).on(1).start(2).on(0).as_instance(1).turn(2).result(op, OpResult::Done);
        }),
        case("S4", "a read does not see the write before it", |tale, breaks| {
            tale.put("k", "old").commit().turn(2).put("k", "new");
            tale.get("k", Some(if breaks { "old" } else { "new" }));
        }),
        case("S4", "a read sees a write after it", |tale, breaks| {
            let op = tale.call(StorageCall::Get { key: "k".into() });
            tale.put("k", "later").turn(2);
            tale.result(op, OpResult::Value(breaks.then(|| "later".into())));
        }),
        case("S5", "a rolled-back transaction leaves its alarm", |tale, breaks| {
            let op = tale.alarm_is_set(80.0).at(2.0).turn(2).call(StorageCall::Transaction);
            tale.set_alarm(2, 90.0).result(op, OpResult::Error("boom".into())).turn(3).respond();
            tale.get_alarm(Some(if breaks { 90.0 } else { 80.0 }));
        }),
        case("S5", "a transaction is durable in part", |tale, breaks| {
            let op = tale.call(StorageCall::Transaction);
            tale.put("a", "1")
                .put("b", "2")
                .result(op, OpResult::Done)
                .commit()
                .respond()
                .lost()
                .at(3.0)
                .start(2);
            tale.list(ListOptions::default(), if breaks { &[("b", "2")] } else { &[("a", "1"), ("b", "2")] });
        }),
        case("S6", "list orders keys as numbers", |tale, breaks| {
            let numbers = [("9", "item"), ("10", "item")];
            let bytes = [("10", "item"), ("9", "item")];
            tale.put("9", "item").put("10", "item");
            tale.list(ListOptions::default(), if breaks { &numbers } else { &bytes });
        }),
        case("S7", "a key that is too long is taken", |tale, breaks| {
            tale.put(&"k".repeat(if breaks { 2_049 } else { 2_048 }), "v");
        }),
        case("S7", "a put within the limits is refused", |tale, breaks| {
            let call = StorageCall::Put { key: "k".into(), value: "v".into() };
            tale.calls(call, if breaks { OpResult::Error("too long".into()) } else { OpResult::Done });
        }),
        case("S8", "delete_all in a transaction is not refused", |tale, breaks| {
            let op = tale.call(StorageCall::Transaction);
            let refusal = OpResult::Error("in a transaction".into());
            let call = StorageCall::DeleteAll { preserve_alarm: false };
            tale.calls(call, if breaks { OpResult::Done } else { refusal });
            if !breaks {
                tale.result(op, OpResult::Done);
            }
        }),
        case("S8", "a key outlives delete_all", |tale, breaks| {
            tale.put("k", "v").commit().turn(2);
            tale.calls(StorageCall::DeleteAll { preserve_alarm: false }, OpResult::Done).commit();
            tale.lost().at(3.0).start(2).get("k", breaks.then_some("v"));
        }),
        case("S8", "delete_all takes the alarm that it was to preserve", |tale, breaks| {
            tale.put("k", "v").alarm_is_set(90.0).turn(2);
            tale.calls(StorageCall::DeleteAll { preserve_alarm: true }, OpResult::Done).commit().respond();
            tale.at(9.0).rests(&[], (!breaks).then_some((1, 90.0, 0))).end();
        }),
    ]
}

/// Turn 1 of instance 1 wrote two keys, durably; then its machine was lost and instance 2 started.
fn two_keys(tale: &mut Tale) {
    tale.put("a", "1").put("b", "2").commit().respond().lost().at(3.0).start(2);
}
