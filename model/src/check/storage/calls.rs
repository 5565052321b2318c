//! Calls and their results by themselves, whatever they read or write: a result fits its call and a write has it at once
//! (S1); errors that object code is never to see (R1). `set_alarm` has rules of its own: `alarm::setting`. Also counts what calls give occasion to judge.

use super::limits;
use crate::check::alarm::{constructor, setting};
use crate::check::case::Case;
use crate::check::cluster::lateness;
use crate::check::coverage::Kinds;
use crate::check::leniency::handlers;
use crate::check::report::Seconds;
use crate::history::{OpResult, StorageCall};
use crate::reference::calls::Over;
use crate::reference::conduct::{CallKind, Outstanding};
use crate::reference::object::Acting;
use crate::reference::slot::FailureKind;
use crate::rules::Id;

/// Of how many calls of an instance a result is expected in a history that has told none yet.
const UNTOLD_MAX: usize = 1_024;

/// Object code makes a call.
pub(in crate::check) fn called(
    case: &mut Case<'_>,
    acting: &mut Acting<'_>,
    op: u64,
    call: &StorageCall,
    allow_concurrency: bool,
) {
    let kind = CallKind::of(call);
    let over = limits::over(case, call, acting.instance.transaction().is_some());
    let over = over.filter(|over| !handlers::may_set(case, acting.instance, *over));
    occasions(case, acting, call, over);
    if let (CallKind::SetAlarm { .. }, None) = (kind, over) {
        constructor::sets_in_constructor(case, acting, op);
    }
    let changes_alarm = matches!(
        call,
        StorageCall::SetAlarm { .. }
            | StorageCall::DeleteAlarm
            | StorageCall::DeleteAll { preserve_alarm: false }
    );
    if changes_alarm && over.is_none() {
        lateness::is_passed_over(case, acting.row, acting.instance);
    }
    let outstanding = Outstanding { op, kind, turn: case.by.turn, mark: case.mark, allow_concurrency, over };
    if !case.reports.tally.has(Kinds::OP_RESULT) && acting.instance.conduct.outstanding().len() >= UNTOLD_MAX
    {
        acting.instance.expect_no_results();
    }
    acting.instance.conduct.call(outstanding);
}

/// What a call gives occasion to judge, before it has acted.
fn occasions(case: &mut Case<'_>, acting: &Acting<'_>, call: &StorageCall, over: Option<Over>) {
    match over {
        Some(Over::Limit { .. } | Over::ZeroLimit | Over::StartTwice) => case.saw(Id::S7),
        Some(Over::BadTime) => return case.saw(Id::A7),
        Some(Over::NoHandler) => return case.saw(Id::A8),
        Some(Over::InTransaction { .. }) | None => {}
    }
    let slot = &acting.row.slot;
    let scheduled = || acting.instance.scheduled(slot);
    let in_backoff = || {
        let last = slot.alarm.as_ref().and_then(|alarm| alarm.last);
        acting.instance.run.is_none()
            && last.is_some_and(|last| matches!(last.kind, FailureKind::Counted { .. }))
    };
    match call {
        StorageCall::List(_) | StorageCall::GetMany { .. } => case.saw(Id::S6),
        StorageCall::DeleteAll { .. } => case.saw(Id::S8),
        StorageCall::GetAlarm if in_backoff() => case.saw(Id::R6),
        StorageCall::DeleteAlarm if scheduled().is_some() => {
            case.saw(if in_backoff() { Id::R6 } else { Id::A5 });
        }
        StorageCall::DeleteAlarm if acting.row.may_retry() => case.saw(Id::R6),
        StorageCall::SetAlarm { time_ms, scheduled_ms, .. } => {
            setting::occasions(case, acting, *time_ms, *scheduled_ms, in_backoff());
        }
        _ => {}
    }
}

/// A call's result is known.
pub(in crate::check) fn returned(case: &mut Case<'_>, acting: &mut Acting<'_>, op: u64, result: &OpResult) {
    let Some(call) = acting.instance.conduct.give_result(op) else {
        // The result of an outbound request, which is no storage call.
        let is_outside = matches!(result, OpResult::Answer { .. } | OpResult::Error(_));
        if is_outside {
            outside_of_storage(case, acting);
        }
        if !is_outside && acting.instance.is_start_seen {
            unasked(case, op);
        }
        return;
    };
    case.saw(Id::S1);
    if call.mark.at_ns < case.mark.at_ns && call.closes_gate() {
        // What has its result at once never closed the gate.
        acting.instance.closed.add(call.mark.at_ns, case.mark.at_ns);
    }
    if !fits(call.kind, result) {
        return misfit(case, call);
    }
    if call.kind.resolves_at_once() && call.turn != case.by.turn {
        return late(case, call);
    }
    let is_refused = matches!(result, OpResult::Error(_));
    if is_refused {
        acting.instance.conduct.dropped.take_if(|(_, by)| *by == op);
    }
    match call.kind {
        CallKind::SetAlarm { time_ms, scheduled_ms } => {
            let wall_ns = acting.instance.conduct.wall_ns;
            setting::set_alarm(case, acting, call, (time_ms, scheduled_ms), wall_ns, is_refused);
        }
        CallKind::Sync | CallKind::GetAlarm | CallKind::DeleteAlarm if is_refused => {
            shown_error(case, call);
        }
        _ => {}
    }
}

/// A result is known that is none of a storage call: of an outbound request, or of a timer.
pub(in crate::check) fn outside_of_storage(case: &Case<'_>, acting: &mut Acting<'_>) {
    if !case.reports.tally.has(Kinds::GATE) {
        // A block_concurrency_while may have waited for it with the gate closed: this history does not tell of those.
        acting.instance.closed.add(0, case.mark.at_ns);
    }
}

/// S1: whether a call of this kind can give that.
fn fits(kind: CallKind, result: &OpResult) -> bool {
    match result {
        OpResult::Error(_) => true,
        OpResult::Done => kind.resolves_at_once() || matches!(kind, CallKind::Sync | CallKind::Transaction),
        OpResult::Value(_) => kind == CallKind::Get,
        OpResult::Deleted(_) => kind == CallKind::Delete,
        OpResult::DeletedCount(_) => kind == CallKind::DeleteMany,
        OpResult::Entries(_) => matches!(kind, CallKind::List | CallKind::GetMany),
        OpResult::Alarm(_) => kind == CallKind::GetAlarm,
        OpResult::Answer { .. } => false,
    }
}

fn misfit(case: &mut Case<'_>, call: Outstanding) {
    let sentences = format!(
        "The {} that instance {} called at {} had at {} a result that such a call does not have.",
        name(call.kind),
        case.by.instance,
        Seconds(call.mark.at_ns),
        Seconds(case.mark.at_ns),
    );
    case.report(Id::S1, &[call.mark], sentences);
}

fn unasked(case: &mut Case<'_>, op: u64) {
    let sentences = format!(
        "At {} instance {} was given a result of operation {op}, which it had not called or whose result it had.",
        Seconds(case.mark.at_ns),
        case.by.instance,
    );
    case.report(Id::S1, &[], sentences);
}

fn late(case: &mut Case<'_>, call: Outstanding) {
    let sentences = format!(
        "The {} that instance {} called at {} in turn {} resolved at {} in turn {}. A write resolves at once, in memory.",
        name(call.kind),
        case.by.instance,
        Seconds(call.mark.at_ns),
        call.turn,
        Seconds(case.mark.at_ns),
        case.by.turn,
    );
    case.report(Id::S1, &[call.mark], sentences);
}

/// R1: nothing that object code asks for here can be wrong, so the failure is the platform's.
pub(in crate::check) fn shown_error(case: &mut Case<'_>, call: Outstanding) {
    let sentences = format!(
        "The {} that instance {} called at {} gave it an error at {}. A platform failure of a storage call is never given \
         to object code.",
        name(call.kind),
        case.by.instance,
        Seconds(call.mark.at_ns),
        Seconds(case.mark.at_ns),
    );
    case.report(Id::R1, &[call.mark], sentences);
}

fn name(kind: CallKind) -> &'static str {
    match kind {
        CallKind::Get => "get",
        CallKind::GetMany => "get_many",
        CallKind::Put => "put",
        CallKind::PutMany => "put_many",
        CallKind::Delete => "delete",
        CallKind::DeleteMany => "delete_many",
        CallKind::List => "list",
        CallKind::DeleteAll => "delete_all",
        CallKind::Sync => "sync",
        CallKind::GetAlarm => "get_alarm",
        CallKind::SetAlarm { .. } => "set_alarm",
        CallKind::DeleteAlarm => "delete_alarm",
        CallKind::Transaction => "transaction",
    }
}
