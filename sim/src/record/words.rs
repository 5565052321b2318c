//! One word of the system, one word of the model: what needs no context to be translated.

use std::sync::Arc;

use bytes::Bytes;
use reveille_model::history::{
    self, AwaitKind, Blob, EndReason, Head, Headers, How, ListOptions, ObjectName, OpResult, ResetCause,
    RunOutcome, StorageCall,
};
use reveille_system::ids;
use reveille_system::observe::{self, Ended, RunEnd, WaitKind};
use reveille_system::words::call::{Call, Key, List, Reply};
use reveille_system::words::failure::{self, Reset};
use reveille_system::words::http;
use reveille_system::words::outside::OutsideAnswer;

use crate::counts::Counts;

pub(crate) fn object_name(object: &ids::ObjectName) -> ObjectName {
    ObjectName(object.shared())
}

pub(crate) fn blob(bytes: Bytes) -> Blob {
    Blob(bytes)
}

pub(super) fn await_kind(kind: WaitKind) -> AwaitKind {
    match kind {
        WaitKind::Storage => AwaitKind::Storage,
        WaitKind::Sync => AwaitKind::Sync,
        WaitKind::Outside => AwaitKind::Outside,
        WaitKind::Timer => AwaitKind::Timer,
    }
}

pub(super) fn promise_kind(kind: observe::PromiseKind) -> history::PromiseKind {
    match kind {
        observe::PromiseKind::Always => history::PromiseKind::Always,
        observe::PromiseKind::Sometimes => history::PromiseKind::Sometimes,
        observe::PromiseKind::Unreachable => history::PromiseKind::Unreachable,
    }
}

/// What a request says beside its body, and its body. What is as usual is not told.
pub(crate) fn asked(request: http::Request) -> (Head, Blob) {
    let (told, body) = request.into_parts();
    if told.is_usual() {
        return (Head::default(), blob(body));
    }
    let usual = http::Head::default();
    let unusual = |told: http::Text, usual: &str| (told != usual).then(|| Arc::from(&*told));
    let head = Head::new(
        unusual(told.method, &usual.method),
        unusual(told.path, &usual.path),
        headers(&told.headers),
    );
    (head, blob(body))
}

/// What a service answers: status, headers and body, none of it where it gave no answer.
pub(crate) fn answered(answer: Option<&OutsideAnswer>) -> (Option<u16>, Headers, Option<Blob>) {
    let Some(OutsideAnswer { status, headers: told, body }) = answer else {
        return (None, Headers::default(), None);
    };
    (Some(*status), headers(told), Some(blob(body.clone())))
}

pub(crate) fn headers(told: &http::Headers) -> Headers {
    Headers::new(told.iter().map(|(name, value)| (name.into(), value.into())).collect())
}

pub(super) fn end_reason(ended: Ended) -> EndReason {
    match ended {
        Ended::Idle => EndReason::Evicted,
        Ended::Moved => EndReason::Moved,
        Ended::Reset(Reset { why, cause }) => match reset_cause(cause) {
            Some(cause) => EndReason::Reset { why, cause: Some(cause) },
            None => EndReason::OverLimit { why },
        },
    }
}

/// None for a limit of O7, which is another end.
fn reset_cause(cause: failure::ResetCause) -> Option<ResetCause> {
    Some(match cause {
        failure::ResetCause::Panic => ResetCause::Panic,
        failure::ResetCause::TimeLimit => ResetCause::TimeLimit,
        failure::ResetCause::Constructor => ResetCause::Constructor,
        failure::ResetCause::Section => ResetCause::Section,
        failure::ResetCause::OverLimit => return None,
    })
}

fn how(how: failure::How) -> How {
    match how {
        failure::How::Error => How::Error,
        failure::How::Panic => How::Panic,
        failure::How::TimeLimit => How::TimeLimit,
        failure::How::OverLimit => How::OverLimit,
        failure::How::Reset => How::Reset,
    }
}

pub(super) fn run_outcome(end: RunEnd, counts: &mut Counts) -> RunOutcome {
    match end {
        RunEnd::Ok => {
            counts.runs_ok += 1;
            RunOutcome::Ok
        }
        RunEnd::Failed(failure) => {
            counts.runs_failed += 1;
            RunOutcome::Failed { why: failure.why, how: Some(how(failure.how)) }
        }
        RunEnd::Platform(why) => {
            counts.runs_platform += 1;
            RunOutcome::Platform { why }
        }
    }
}

/// A call whose arguments say all. `set_alarm` is recorded with its result; alone it says what was asked for.
pub(super) fn storage_call(call: Call) -> StorageCall {
    match call {
        Call::Get(key) => StorageCall::Get { key },
        Call::GetMany(keys) => StorageCall::GetMany { keys },
        Call::Put(key, value) => StorageCall::Put { key, value: blob(value) },
        Call::PutMany(entries) => StorageCall::PutMany { entries: blobs(entries) },
        Call::Delete(key) => StorageCall::Delete { key },
        Call::DeleteMany(keys) => StorageCall::DeleteMany { keys },
        Call::List(list) => StorageCall::List(list_options(list)),
        Call::DeleteAll { preserve_alarm } => StorageCall::DeleteAll { preserve_alarm },
        Call::Sync => StorageCall::Sync,
        Call::GetAlarm => StorageCall::GetAlarm,
        Call::SetAlarm { time_ms } => StorageCall::SetAlarm { time_ms, scheduled_ms: time_ms, alarm: None },
        Call::DeleteAlarm => StorageCall::DeleteAlarm,
        Call::Transaction => StorageCall::Transaction,
    }
}

fn blobs(entries: Vec<(Key, Bytes)>) -> Vec<(history::Key, Blob)> {
    entries.into_iter().map(|(key, value)| (key, blob(value))).collect()
}

fn list_options(list: List) -> ListOptions {
    let List { prefix, start, start_after, end, reverse, limit } = list;
    ListOptions { prefix, start, start_after, end, reverse, limit }
}

pub(super) fn op_result(reply: Reply) -> OpResult {
    match reply {
        Reply::Done | Reply::AlarmSet { .. } => OpResult::Done,
        Reply::Value(value) => OpResult::Value(value.map(blob)),
        Reply::Deleted(was_there) => OpResult::Deleted(was_there),
        Reply::DeletedCount(count) => OpResult::DeletedCount(count),
        Reply::Entries(entries) => OpResult::Entries(blobs(entries)),
        Reply::Alarm(scheduled_ms) => OpResult::Alarm(scheduled_ms),
        Reply::Outside(Ok(OutsideAnswer { status, headers: told, body })) => {
            OpResult::Answer { status, headers: headers(&told), body: Some(blob(body)) }
        }
        Reply::Outside(Err(error)) => OpResult::Error(error.to_string().into()),
        Reply::Refused(error) => OpResult::Error(error.to_string().into()),
        Reply::RolledBack(why) => OpResult::Error(why),
    }
}
