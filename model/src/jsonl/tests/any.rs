//! Any event: what the vocabulary can say, whether it makes sense or not.

use std::sync::Arc;

use bytes::Bytes;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::history::{
    AlarmAtRest, AlarmId, AwaitKind, Blob, By, Cause, Delivery, EndReason, Event, Head, Headers, How,
    ListOptions, ObjectName, OpResult, Outcome, Phase, Place, Process, PromiseKind, ResetCause, RunOutcome,
    Scope, StorageCall, Taken, Takes, What,
};

pub(super) fn object(name: &str) -> ObjectName {
    ObjectName(name.into())
}

fn text() -> impl Strategy<Value = Arc<str>> {
    prop_oneof!["[a-z0-9/]{0,8}", any::<String>()].prop_map(Arc::from)
}

fn object_name() -> impl Strategy<Value = ObjectName> {
    text().prop_map(ObjectName)
}

fn blob() -> impl Strategy<Value = Blob> {
    let bytes = prop_oneof![any::<String>().prop_map(String::into_bytes), vec(any::<u8>(), 0..8)];
    bytes.prop_map(|bytes| Blob(Bytes::from(bytes)))
}

fn alarm() -> impl Strategy<Value = Option<AlarmId>> {
    option::of(any::<u64>().prop_map(AlarmId))
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    let place = any::<(u16, i64)>().prop_map(|(machine, wall_ns)| Place { machine, wall_ns });
    let by = (object_name(), any::<(u64, u64, u32, u32)>()).prop_map(|(object, numbers)| {
        let (instance, epoch, seq, turn) = numbers;
        By { object, instance, epoch, seq, turn }
    });
    let what = prop_oneof![
        (by, of_an_instance()).prop_map(|(by, what)| (Some(by), what)),
        of_the_world().prop_map(|what| (None, what)),
    ];
    (any::<u64>(), option::of(place), what).prop_map(|(at_ns, place, (by, what))| Event {
        at_ns,
        place,
        by,
        what,
    })
}

fn reset_cause() -> impl Strategy<Value = ResetCause> {
    use ResetCause::{Constructor, Datastore, Error, Panic, Section, TimeLimit};
    select(vec![Error, Panic, TimeLimit, Constructor, Section, Datastore])
}

fn how() -> impl Strategy<Value = How> {
    select(vec![How::Error, How::Panic, How::TimeLimit, How::OverLimit, How::Reset])
}

fn of_an_instance() -> impl Strategy<Value = What> {
    let cause = prop_oneof![Just(Cause::Request), Just(Cause::Alarm)];
    let reason = prop_oneof![
        Just(EndReason::Evicted),
        (text(), option::of(reset_cause())).prop_map(|(why, cause)| EndReason::Reset { why, cause }),
        text().prop_map(|why| EndReason::OverLimit { why }),
        Just(EndReason::Moved),
        Just(EndReason::Lost)
    ];
    let delivery = prop_oneof![
        any::<u64>().prop_map(|request| Delivery::Request { request }),
        any::<u64>().prop_map(|run| Delivery::Alarm { run }),
        any::<u64>().prop_map(|op| Delivery::Result { op }),
    ];
    let kind = select(vec![AwaitKind::Storage, AwaitKind::Sync, AwaitKind::Outside, AwaitKind::Timer]);
    let promise_kind = select(vec![PromiseKind::Always, PromiseKind::Sometimes, PromiseKind::Unreachable]);
    let outcome = prop_oneof![
        Just(RunOutcome::Ok),
        (text(), option::of(how())).prop_map(|(why, how)| RunOutcome::Failed { why, how }),
        text().prop_map(|why| RunOutcome::Platform { why }),
    ];
    let run_start = (any::<(u64, i64, u32, bool)>(), alarm()).prop_map(|(numbers, alarm)| {
        let (run, scheduled_ms, retry_count, is_retry) = numbers;
        What::RunStart { run, alarm, scheduled_ms, retry_count, is_retry }
    });
    prop_oneof![
        (option::of(cause), any::<Option<u16>>())
            .prop_map(|(cause, slice)| What::InstanceStart { cause, slice }),
        option::of(text()).prop_map(|failed| What::ConstructorEnd { failed }),
        reason.prop_map(|reason| What::InstanceEnd { reason }),
        delivery.prop_map(|delivery| What::Deliver { delivery }),
        any::<bool>().prop_map(|closed| What::Gate { closed }),
        (any::<u64>(), kind).prop_map(|(op, kind)| What::Await { op, kind }),
        (any::<(u64, bool)>(), call()).prop_map(|((op, allow_concurrency), call)| What::Op {
            op,
            call,
            allow_concurrency
        }),
        (any::<u64>(), result()).prop_map(|(op, result)| What::OpResult { op, result }),
        run_start,
        (any::<u64>(), outcome).prop_map(|(run, outcome)| What::RunEnd { run, outcome }),
        any::<Option<u64>>().prop_map(|ends_run| What::Commit { ends_run }),
        any::<(u64, u64)>().prop_map(|(op, for_ms)| What::Timer { op, for_ms }),
        (text(), promise_kind, any::<bool>()).prop_map(|(name, kind, held)| What::Promise {
            name,
            kind,
            held
        }),
        (any::<u64>(), head(), option::of(blob())).prop_map(|(request, head, body)| What::RequestStart {
            request,
            head,
            body
        }),
        any::<u64>().prop_map(|request| What::RequestEnd { request }),
        (any::<(u64, u16)>(), headers(), blob())
            .prop_map(|((request, status), headers, body)| What::Respond { request, status, headers, body }),
        (any::<(u64, Option<u64>)>(), text(), head(), blob())
            .prop_map(|((call, op), service, head, body)| What::Outbound { call, service, head, body, op }),
    ]
}

fn call() -> impl Strategy<Value = StorageCall> {
    let key = || option::of(text());
    let options = (key(), key(), key(), key(), any::<(bool, Option<u32>)>());
    let list = options.prop_map(|(prefix, start, start_after, end, (reverse, limit))| {
        StorageCall::List(ListOptions { prefix, start, start_after, end, reverse, limit })
    });
    prop_oneof![
        text().prop_map(|key| StorageCall::Get { key }),
        (text(), blob()).prop_map(|(key, value)| StorageCall::Put { key, value }),
        text().prop_map(|key| StorageCall::Delete { key }),
        vec(text(), 0..3).prop_map(|keys| StorageCall::GetMany { keys }),
        vec((text(), blob()), 0..3).prop_map(|entries| StorageCall::PutMany { entries }),
        vec(text(), 0..3).prop_map(|keys| StorageCall::DeleteMany { keys }),
        Just(StorageCall::Transaction),
        list,
        any::<bool>().prop_map(|preserve_alarm| StorageCall::DeleteAll { preserve_alarm }),
        Just(StorageCall::Sync),
        Just(StorageCall::GetAlarm),
        (any::<(i64, i64)>(), alarm()).prop_map(|((time_ms, scheduled_ms), alarm)| {
            StorageCall::SetAlarm { time_ms, scheduled_ms, alarm }
        }),
        Just(StorageCall::DeleteAlarm),
    ]
}

fn result() -> impl Strategy<Value = OpResult> {
    prop_oneof![
        Just(OpResult::Done),
        option::of(blob()).prop_map(OpResult::Value),
        any::<bool>().prop_map(OpResult::Deleted),
        any::<u32>().prop_map(OpResult::DeletedCount),
        vec((text(), blob()), 0..3).prop_map(OpResult::Entries),
        any::<Option<i64>>().prop_map(OpResult::Alarm),
        (any::<u16>(), headers(), option::of(blob())).prop_map(|(status, headers, body)| OpResult::Answer {
            status,
            headers,
            body
        }),
        text().prop_map(OpResult::Error),
    ]
}

fn of_the_world() -> impl Strategy<Value = What> {
    let outcome = prop_oneof![that_leaves(), Just(Outcome::Unknown)];
    let phase = prop_oneof![Just(Phase::WarmUp), Just(Phase::Faults), Just(Phase::Quiet), Just(Phase::End)];
    let rest = (alarm(), any::<(i64, Option<u32>)>())
        .prop_map(|(alarm, (scheduled_ms, retry_count))| AlarmAtRest { alarm, scheduled_ms, retry_count });
    let at_rest = (object_name(), btree_map(text(), blob(), 0..3), option::of(rest), any::<Option<u16>>());
    prop_oneof![
        (any::<u64>(), object_name(), head(), blob()).prop_map(|(request, to, head, body)| What::Call {
            request,
            to,
            head,
            body
        }),
        (any::<u64>(), outcome).prop_map(|(request, outcome)| What::Return { request, outcome }),
        (any::<u64>(), option::of(text()), head(), option::of(blob()))
            .prop_map(|(call, service, head, body)| What::OutboundArrive { call, service, head, body }),
        of_witnesses(),
        (any::<(u64, Option<u16>)>(), headers(), option::of(blob()))
            .prop_map(|((call, status), headers, body)| What::OutboundAnswer { call, status, headers, body }),
        (any::<u32>(), text(), scope(), option::of(taken()))
            .prop_map(|(fault, kind, scope, takes)| { What::FaultBegin { fault, kind, scope, takes } }),
        any::<u32>().prop_map(|fault| What::FaultEnd { fault }),
        any::<(u16, bool)>().prop_map(|(group, connected)| What::Majority { group, connected }),
        any::<(u16, u64, Option<u16>)>().prop_map(|(slice, epoch, group)| What::Holder {
            slice,
            epoch,
            group
        }),
        any::<(u16, u64)>().prop_map(|(datacenter, term)| What::Leader { datacenter, term }),
        any::<(u16, u64)>().prop_map(|(group, term)| What::GroupLeader { group, term }),
        any::<(u16, u64)>().prop_map(|(group, index)| What::Committed { group, index }),
        any::<(u16, u64, u64)>().prop_map(|(group, applied, state)| What::Replica { group, applied, state }),
        phase.prop_map(|phase| What::Phase { phase }),
        at_rest.prop_map(|(object, keys, alarm, slice)| What::AtRest { object, keys, alarm, slice }),
        Just(What::DiskDamaged),
    ]
}

fn headers() -> impl Strategy<Value = Headers> {
    vec((text(), text()), 0..3).prop_map(Headers::new)
}

fn head() -> impl Strategy<Value = Head> {
    (option::of(text()), option::of(text()), headers())
        .prop_map(|(method, path, headers)| Head::new(method, path, headers))
}

/// What a machine may say to a client.
fn that_leaves() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        (any::<u16>(), headers(), blob()).prop_map(|(status, headers, body)| Outcome::Answered {
            status,
            headers,
            body
        }),
        text().prop_map(|reason| Outcome::Refused { reason }),
    ]
}

fn of_witnesses() -> impl Strategy<Value = What> {
    let state = select(vec![Process::Up, Process::Down, Process::Paused]);
    let machines = || vec(any::<u16>(), 0..3);
    let on_disk = (object_name(), any::<(u64, u32)>(), machines(), machines());
    prop_oneof![
        any::<u64>().prop_map(|request| What::RequestArrive { request }),
        (any::<u64>(), that_leaves()).prop_map(|(request, outcome)| What::AnswerLeave { request, outcome }),
        any::<u64>().prop_map(|request| What::AnswerLost { request }),
        (any::<u64>(), text(), head(), blob()).prop_map(|(call, service, head, body)| What::OutboundLeave {
            call,
            service,
            head,
            body
        }),
        any::<u64>().prop_map(|call| What::OutboundLost { call }),
        (any::<(u64, Option<u16>)>(), headers(), option::of(blob()))
            .prop_map(|((call, status), headers, body)| What::OutboundReturn { call, status, headers, body }),
        state.prop_map(|state| What::Process { state }),
        on_disk.prop_map(|(object, (instance, turn), replicas, held_by)| What::OnDisk {
            object,
            instance,
            turn,
            replicas,
            held_by
        }),
    ]
}

fn taken() -> impl Strategy<Value = Taken> {
    btree_set(select(&Takes::ALL), 0..4)
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        any::<u16>().prop_map(Scope::Machine),
        any::<u16>().prop_map(Scope::Datacenter),
        any::<(Vec<u16>, Vec<u16>)>().prop_map(|(from, to)| Scope::Links { from, to }),
        Just(Scope::Network),
        text().prop_map(Scope::Service),
    ]
}
