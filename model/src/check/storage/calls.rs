//! Calls and their results by themselves, whatever they read or write: a result fits its call and a write has it at once
//! (S1); times that may be asked for and what is stored for them (A6, A7), and who may ask (A8); errors that object
//! code is never to see (R1). Also counts what calls give occasion to judge.

use super::limits::{self, ALARM_TIME_MAX_MS};
use crate::check::Case;
use crate::check::NS_PER_MS;
use crate::check::cluster::lateness;
use crate::check::coverage::Kinds;
use crate::check::object::turns;
use crate::check::report::Seconds;
use crate::history::{OpResult, Place, StorageCall};
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
    occasions(case, acting, call, over);
    if let (CallKind::SetAlarm { .. }, None) = (kind, over) {
        turns::sets_in_constructor(case, acting, op);
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
            set_alarm_occasions(case, acting, *time_ms, *scheduled_ms, in_backoff());
        }
        _ => {}
    }
}

fn set_alarm_occasions(
    case: &mut Case<'_>,
    acting: &Acting<'_>,
    time_ms: i64,
    scheduled_ms: i64,
    in_backoff: bool,
) {
    case.saw(Id::F1);
    if acting.instance.scheduled(&acting.row.slot).is_some() {
        case.saw(Id::A2);
    }
    if in_backoff {
        case.saw(Id::R5);
    }
    if let Some(run) = &acting.instance.run {
        case.saw(Id::F5);
        if run.alarm.is_some_and(|alarm| alarm.scheduled_ms == scheduled_ms) {
            case.saw(Id::A10);
        }
    }
    let is_now = |place: Place| i128::from(time_ms) * i128::from(NS_PER_MS) <= place.wall_ns.into();
    if case.place.is_some_and(is_now) {
        case.saw(Id::A6);
    }
}

/// A call's result is known.
pub(in crate::check) fn returned(case: &mut Case<'_>, acting: &mut Acting<'_>, op: u64, result: &OpResult) {
    let Some(call) = acting.instance.conduct.give_result(op) else {
        // The result of an outbound request, which is no storage call.
        let is_outside = matches!(result, OpResult::Answer { .. } | OpResult::Error(_));
        if is_outside && !case.reports.tally.has(Kinds::GATE) {
            // A block_concurrency_while may have waited for it with the gate closed: this history does not tell of those.
            acting.instance.closed.add(0, case.mark.at_ns);
        }
        if !is_outside && acting.instance.is_start_seen() {
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
            set_alarm(case, acting, call, (time_ms, scheduled_ms), wall_ns, is_refused);
        }
        CallKind::Sync | CallKind::GetAlarm | CallKind::DeleteAlarm if is_refused => {
            shown_error(case, call);
        }
        _ => {}
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
        "The {} that instance {} called at {} gave at {} what no such call gives.",
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
fn shown_error(case: &mut Case<'_>, call: Outstanding) {
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

/// A6 to A8, and R1: what `set_alarm` has to refuse, what it must not refuse, and what it stores. `wall_ns` is what the
/// clock showed when the turn began.
fn set_alarm(
    case: &mut Case<'_>,
    acting: &Acting<'_>,
    call: Outstanding,
    (time_ms, scheduled_ms): (i64, i64),
    wall_ns: Option<i64>,
    is_refused: bool,
) {
    if is_refused {
        if call.over.is_none() && case.declares_alarm() == Some(true) {
            shown_error(case, call);
        }
        return;
    }
    shared_identity(case, acting, call);
    let (rule, why) = match call.over {
        Some(Over::BadTime) => (Id::A7, format!("which is not from 1 ms to {ALARM_TIME_MAX_MS} ms")),
        Some(Over::NoHandler) => {
            (Id::A8, format!("although class {} declares no alarm()", case.name.class()))
        }
        _ => return stored(case, call, time_ms, scheduled_ms, wall_ns),
    };
    let sentences = format!(
        "At {} instance {} called set_alarm for wall time {time_ms} ms, {why}; yet the call was not refused.",
        Seconds(call.mark.at_ns),
        case.by.instance,
    );
    case.report(rule, &[call.mark], sentences);
}

/// A10: an alarm is another one than those before it, and so is its identity, where it has one.
fn shared_identity(case: &mut Case<'_>, acting: &Acting<'_>, call: Outstanding) {
    let new = acting.instance.own_setting().filter(|setting| setting.set == call.mark);
    let Some((new, id)) = new.and_then(|new| Some((new, new.id?))) else { return };
    let slot = &acting.row.slot;
    let before = slot.alarm.as_ref().map(|alarm| alarm.setting).into_iter().chain(slot.gone_settings());
    let Some(other) = before.filter(|other| other.id == Some(id) && other.set != new.set).last() else {
        return;
    };
    let sentences = format!(
        "The set_alarm that instance {} called at {} made an alarm of the same identity as the one that was set at {}.",
        case.by.instance,
        Seconds(new.set.at_ns),
        Seconds(other.set.at_ns),
    );
    case.report(Id::A10, &[other.set, new.set], sentences);
}

/// A6: what is stored is the later of the time and now. Now is some moment of the turn: whether the clock stands still
/// in it is the system's affair.
fn stored(case: &mut Case<'_>, call: Outstanding, time_ms: i64, scheduled_ms: i64, wall_ns: Option<i64>) {
    let Some(place) = case.place else { return };
    let began_ns = wall_ns.unwrap_or(place.wall_ns);
    let ms_per_ns = NS_PER_MS.cast_signed();
    let first_ms = began_ns.min(place.wall_ns).div_euclid(ms_per_ns);
    let last_ms = began_ns.max(place.wall_ns).div_euclid(ms_per_ns).saturating_add(1);
    if (time_ms.max(first_ms)..=time_ms.max(last_ms)).contains(&scheduled_ms) {
        return;
    }
    let (asked, stored) = (case.reports.wall(time_ms), case.reports.wall(scheduled_ms));
    let sentences = format!(
        "At {} instance {} called set_alarm for {asked}, and {stored} was stored. What is stored is the time asked for, or \
         now if that is later.",
        Seconds(call.mark.at_ns),
        case.by.instance,
    );
    case.report(Id::A6, &[call.mark], sentences);
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
