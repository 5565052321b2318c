//! Calls of `set_alarm`: times that may be asked for and what is stored for them (A6, A7), who may ask (A8), and that each makes
//! an alarm of its own (A10). Also counts what they give occasion to judge.

use crate::check::NS_PER_MS;
use crate::check::case::Case;
use crate::check::leniency::handlers;
use crate::check::report::Seconds;
use crate::check::storage::calls;
use crate::check::storage::limits::ALARM_TIME_MAX_MS;
use crate::history::Place;
use crate::reference::calls::Over;
use crate::reference::conduct::Outstanding;
use crate::reference::object::Acting;
use crate::rules::Id;

/// A6 to A8, and R1: what `set_alarm` has to refuse, what it must not refuse, and what it stores. `wall_ns` is what the
/// clock showed when the turn began.
pub(in crate::check) fn set_alarm(
    case: &mut Case<'_>,
    acting: &Acting<'_>,
    call: Outstanding,
    (time_ms, scheduled_ms): (i64, i64),
    wall_ns: Option<i64>,
    is_refused: bool,
) {
    if is_refused {
        if call.over.is_none() && case.declares_alarm() == Some(true) {
            calls::shown_error(case, call);
        }
        return;
    }
    shared_identity(case, acting, call);
    let (rule, why) = match call.over {
        Some(Over::BadTime) => (Id::A7, format!("which is not from 1 ms to {ALARM_TIME_MAX_MS} ms")),
        Some(Over::NoHandler) => {
            (Id::A8, format!("although class {} declares no alarm()", case.name.class()))
        }
        _ => {
            handlers::sets(case);
            return stored(case, call, time_ms, scheduled_ms, wall_ns);
        }
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

pub(in crate::check) fn occasions(
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
