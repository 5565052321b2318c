//! A history survives its own file format: every kind of event reads back as it was written.

use std::collections::BTreeMap;
use std::sync::Arc;

use reveille_model::history::{
    AlarmAtRest, AlarmId, AwaitKind, Blob, By, Cause, Constants, Delivery, EndReason, Event, Head, Headers,
    How, ListOptions, ObjectName, OpResult, Outcome, Phase, Place, Process, ResetCause, RunOutcome, Scope,
    StorageCall, Taken, Takes, What,
};

fn object() -> ObjectName {
    ObjectName("Batcher/0".into())
}

fn by() -> By {
    By { object: object(), instance: 3, epoch: 2, seq: 7, turn: 1 }
}

fn binary() -> Blob {
    Blob(vec![0xff, 0x00, 0xfe].into())
}

/// What an instance of an object does.
fn of_instances() -> Vec<What> {
    let why: Arc<str> = "boom".into();
    let mut kinds = vec![
        What::InstanceStart { cause: None, slice: None },
        What::InstanceStart { cause: Some(Cause::Request), slice: None },
        What::InstanceStart { cause: Some(Cause::Alarm), slice: None },
        What::ConstructorEnd { failed: None },
        What::ConstructorEnd { failed: Some(why.clone()) },
        What::InstanceEnd { reason: EndReason::Evicted },
        What::InstanceEnd { reason: EndReason::Reset { why: why.clone(), cause: None } },
        What::InstanceEnd {
            reason: EndReason::Reset { why: why.clone(), cause: Some(ResetCause::TimeLimit) },
        },
        What::InstanceEnd { reason: EndReason::Lost },
        What::Deliver { delivery: Delivery::Request { request: 1 } },
        What::Deliver { delivery: Delivery::Alarm { run: 1 } },
        What::Deliver { delivery: Delivery::Result { op: 1 } },
        What::Await { op: 1, kind: AwaitKind::Storage },
        What::Await { op: 1, kind: AwaitKind::Sync },
        What::Await { op: 1, kind: AwaitKind::Outside },
        What::RunStart { run: 1, alarm: None, scheduled_ms: -5, retry_count: 0, is_retry: false },
        What::RunStart { run: 1, alarm: Some(AlarmId(9)), scheduled_ms: 5, retry_count: 1, is_retry: true },
        What::RunEnd { run: 1, outcome: RunOutcome::Ok },
        What::RunEnd { run: 1, outcome: RunOutcome::Failed { why: why.clone(), how: None } },
        What::RunEnd { run: 1, outcome: RunOutcome::Failed { why: why.clone(), how: Some(How::OverLimit) } },
        What::RunEnd { run: 1, outcome: RunOutcome::Platform { why: why.clone() } },
        What::Commit { ends_run: None },
        What::Commit { ends_run: Some(1) },
        What::RequestStart { request: 1, head: Head::default(), body: None },
        What::RequestStart { request: 1, head: Head::default(), body: Some(binary()) },
        What::RequestEnd { request: 1 },
        What::Respond { request: 1, status: 200, headers: Headers::default(), body: "ok".into() },
        What::Outbound {
            call: 1,
            service: "upstream".into(),
            head: Head::default(),
            body: binary(),
            op: None,
        },
        What::Outbound {
            call: 1,
            service: "upstream".into(),
            head: Head::default(),
            body: binary(),
            op: Some(4),
        },
    ];
    for allow_concurrency in [false, true] {
        kinds.extend(calls().into_iter().map(|call| What::Op { op: 4, call, allow_concurrency }));
    }
    kinds.extend(results(why).into_iter().map(|result| What::OpResult { op: 4, result }));
    kinds
}

fn calls() -> Vec<StorageCall> {
    let key: Arc<str> = "k".into();
    vec![
        StorageCall::Get { key: key.clone() },
        StorageCall::Put { key: key.clone(), value: "v".into() },
        StorageCall::Put { key: key.clone(), value: binary() },
        StorageCall::GetMany { keys: vec![key.clone()] },
        StorageCall::PutMany { entries: vec![(key.clone(), "v".into()), (key.clone(), binary())] },
        StorageCall::PutMany { entries: Vec::new() },
        StorageCall::Delete { key: key.clone() },
        StorageCall::DeleteMany { keys: vec![key.clone(), key.clone()] },
        StorageCall::List(ListOptions::default()),
        StorageCall::List(ListOptions {
            prefix: Some(key.clone()),
            start: Some(key.clone()),
            start_after: None,
            end: Some(key),
            reverse: true,
            limit: Some(3),
        }),
        StorageCall::DeleteAll { preserve_alarm: true },
        StorageCall::Sync,
        StorageCall::GetAlarm,
        StorageCall::SetAlarm { time_ms: -1, scheduled_ms: 5, alarm: None },
        StorageCall::SetAlarm { time_ms: 1, scheduled_ms: 5, alarm: Some(AlarmId(1)) },
        StorageCall::DeleteAlarm,
        StorageCall::Transaction,
    ]
}

fn headers() -> Headers {
    Headers::new(vec![("content-type".into(), "text/plain".into())])
}

fn results(why: Arc<str>) -> Vec<OpResult> {
    vec![
        OpResult::Done,
        OpResult::Value(None),
        OpResult::Value(Some("v".into())),
        OpResult::Value(Some(binary())),
        OpResult::Deleted(true),
        OpResult::DeletedCount(3),
        OpResult::Entries(vec![("k".into(), "v".into())]),
        OpResult::Alarm(None),
        OpResult::Alarm(Some(5)),
        OpResult::Answer { status: 500, headers: Headers::default(), body: None },
        OpResult::Answer { status: 200, headers: headers(), body: Some(binary()) },
        OpResult::Error(why),
    ]
}

/// What happens outside all instances.
fn of_the_world() -> Vec<What> {
    let keys = BTreeMap::from([("k".into(), Blob::from("v"))]);
    let alarm = AlarmAtRest { alarm: Some(AlarmId(1)), scheduled_ms: 5, retry_count: Some(2) };
    vec![
        What::Call { request: 1, to: object(), head: Head::default(), body: "add".into() },
        What::Return {
            request: 1,
            outcome: Outcome::Answered { status: 200, headers: Headers::default(), body: "ok".into() },
        },
        What::Return { request: 1, outcome: Outcome::Unknown },
        What::Return { request: 1, outcome: Outcome::Refused { reason: "busy".into() } },
        What::RequestArrive { request: 1 },
        What::AnswerLeave {
            request: 1,
            outcome: Outcome::Answered { status: 200, headers: Headers::default(), body: binary() },
        },
        What::AnswerLost { request: 1 },
        What::OutboundLeave { call: 1, service: "upstream".into(), head: Head::default(), body: binary() },
        What::OutboundArrive { call: 1, service: None, head: Head::default(), body: None },
        What::OutboundArrive {
            call: 1,
            service: Some("upstream".into()),
            head: Head::default(),
            body: Some("b".into()),
        },
        What::OutboundReturn { call: 1, status: Some(200), headers: headers(), body: Some("b".into()) },
        What::OutboundReturn { call: 1, status: None, headers: Headers::default(), body: None },
        What::OutboundLost { call: 1 },
        What::Process { state: Process::Up },
        What::Process { state: Process::Paused },
        What::OnDisk { object: object(), instance: 1, turn: 2, replicas: vec![0, 1, 2], held_by: vec![0, 2] },
        What::OutboundAnswer { call: 1, status: None, headers: Headers::default(), body: None },
        What::OutboundAnswer { call: 1, status: Some(503), headers: headers(), body: Some(binary()) },
        What::FaultBegin { fault: 1, kind: "crash".into(), scope: Scope::Machine(2), takes: None },
        What::FaultBegin { fault: 1, kind: "message-loss".into(), scope: Scope::Network, takes: None },
        What::FaultBegin {
            fault: 1,
            kind: "refuse".into(),
            scope: Scope::Service("upstream".into()),
            takes: None,
        },
        What::FaultBegin {
            fault: 1,
            kind: "meteor".into(),
            scope: Scope::Machine(2),
            takes: Some(Taken::from([Takes::Memory, Takes::Durable])),
        },
        What::FaultBegin { fault: 1, kind: "calm".into(), scope: Scope::Network, takes: Some(Taken::new()) },
        What::FaultEnd { fault: 1 },
        What::Majority { group: 1, connected: false },
        What::Phase { phase: Phase::WarmUp },
        What::Phase { phase: Phase::End },
        What::AtRest { object: object(), keys: keys.clone(), alarm: None, slice: None },
        What::AtRest { object: object(), keys, alarm: Some(alarm), slice: None },
        What::DiskDamaged,
    ]
}

fn assert_survives(event: &Event) {
    let line = serde_json::to_string(event).expect("an event is JSON");
    let back: Event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
    assert_eq!(&back, event, "{line}");
}

#[test]
fn every_kind_of_event_survives_json() {
    let place = Place { machine: 4, wall_ns: 1_700_000_000_000_000_000 };
    for what in of_instances() {
        assert_survives(&Event { at_ns: 17, place: Some(place), by: Some(by()), what: what.clone() });
        assert_survives(&Event { at_ns: 17, place: None, by: Some(by()), what });
    }
    for what in of_the_world() {
        assert_survives(&Event { at_ns: u64::MAX, place: Some(place), by: None, what: what.clone() });
        assert_survives(&Event { at_ns: 0, place: None, by: None, what });
    }
}

#[test]
fn absent_place_and_instance_read_as_none() {
    let event: Event =
        serde_json::from_str(r#"{"at_ns":5,"event":"outbound_arrive","call":1}"#).expect("an event");
    assert_eq!(
        event,
        Event {
            at_ns: 5,
            place: None,
            by: None,
            what: What::OutboundArrive { call: 1, service: None, head: Head::default(), body: None }
        }
    );
}

#[test]
fn an_older_history_has_the_limits_of_the_contract_and_no_concurrent_calls() {
    let by = r#""object":"Batcher/0","instance":3,"epoch":2,"seq":7,"turn":1"#;
    let op = format!(r#"{{"at_ns":5,{by},"event":"op","op":1,"call":"get","key":"k"}}"#);
    let event: Event = serde_json::from_str(&op).expect("an event");
    let call = StorageCall::Get { key: "k".into() };
    assert_eq!(event.what, What::Op { op: 1, call, allow_concurrency: false });
    let contract = Constants::of_the_contract(0, 0);
    let mut json = serde_json::to_value(&contract).expect("constants are JSON");
    let fields = json.as_object_mut().expect("an object");
    for field in ["key_bytes_max", "value_bytes_max", "batch_keys_max"] {
        fields.remove(field).expect("it is there");
    }
    assert_eq!(serde_json::from_value::<Constants>(json).expect("constants"), contract);
}

#[test]
fn text_is_readable_in_json_and_other_bytes_are_base64() {
    let text = serde_json::to_string(&Blob::from("three eggs")).expect("a blob is JSON");
    assert_eq!(text, r#""three eggs""#);
    let bytes = serde_json::to_string(&binary()).expect("a blob is JSON");
    assert_eq!(bytes, r#"{"base64":"/wD+"}"#);
}
