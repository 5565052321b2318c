//! What `get_alarm` gives (A3, A4), and the rule of what the slot has been through where that is wrong.

use crate::check::case::Case;
use crate::check::leniency::{delivery, handlers};
use crate::check::report::{Scheduled, Seconds};
use crate::profile::Relaxation;
use crate::reference::object::Acting;
use crate::reference::read::{AlarmView, Read};
use crate::rules::Id;

/// A3, A4: the alarm as it is read.
pub(in crate::check) fn get_alarm(
    case: &mut Case<'_>,
    acting: &mut Acting<'_>,
    read: &Read,
    view: AlarmView,
    seen: Option<i64>,
) {
    let is_right = seen == view.scheduled_ms || (seen.is_some() && seen == view.tolerated_ms);
    if is_right || acting.row.slot.doubtful {
        return;
    }
    let shown = |time_ms: Option<i64>| Scheduled(time_ms.map(|time_ms| case.reports.wall(time_ms)));
    let (rule, why) = rule_of_alarm(acting, view, seen);
    if seen.is_none() && handlers::has_dropped(case, view.scheduled_ms) {
        return;
    }
    let is_hidden = matches!(rule, Id::A3 | Id::R6) && seen.is_none();
    if is_hidden && delivery::hides_alarm(case, acting.row.slot.alarm.as_ref(), view.scheduled_ms) {
        return case.reports.relax(Relaxation::InDelivery);
    }
    acting.row.slot.doubtful = !case.reports.lets_pass(rule);
    let sentences = format!(
        "get_alarm, called at {} by instance {}, gave {}; it should have given {}. {why}",
        Seconds(read.mark.at_ns),
        case.by.instance,
        shown(seen),
        shown(view.scheduled_ms),
    );
    let mut evidence = vec![read.mark];
    evidence.extend(acting.instance.run.filter(|_| view.in_run).map(|run| run.started));
    evidence.extend(acting.instance.scheduled(&acting.row.slot).map(|alarm| alarm.set));
    case.report(rule, &evidence, sentences);
}

/// A4, A3, A10, or the rule of what the slot has been through.
fn rule_of_alarm(acting: &Acting<'_>, view: AlarmView, seen: Option<i64>) -> (Id, &'static str) {
    let slot = &acting.row.slot;
    if is_of_transaction(acting, view, seen) {
        return (Id::S5, "A transaction that was rolled back leaves the alarm as it was.");
    }
    if view.in_run {
        return (Id::A4, "While alarm() runs it gives none, unless set_alarm was called since it started.");
    }
    let alarm = slot.alarm.as_ref().filter(|alarm| Some(alarm.setting.scheduled_ms) == view.scheduled_ms);
    if alarm.is_some_and(|alarm| alarm.failures > 0) {
        return (Id::R6, "While an alarm waits for its retry it gives the alarm's original time.");
    }
    let set = acting.instance.scheduled(slot).filter(|set| Some(set.scheduled_ms) == view.scheduled_ms);
    if seen.is_none() && set.is_some_and(|set| set.in_run_of_ms == Some(set.scheduled_ms)) {
        return (Id::A10, "An alarm that a handler sets for the time of its own run is a new one.");
    }
    let was_cleared = view.scheduled_ms.is_none() && slot.is_last_cleared(seen);
    if was_cleared || (seen.is_none() && alarm.is_some_and(|alarm| alarm.preserved.is_some())) {
        return (Id::S8, "delete_all removes the alarm, unless it is to preserve it.");
    }
    (Id::A3, "It gives the time of the alarm that is scheduled, or none.")
}

/// S5: whether that is what a transaction would have made of the alarm that was rolled back.
fn is_of_transaction(acting: &Acting<'_>, view: AlarmView, seen: Option<i64>) -> bool {
    let before = acting.instance.scheduled(&acting.row.slot).map(|alarm| alarm.set);
    match seen {
        Some(time_ms) => {
            let gone = acting.row.slot.find_rolled_back(time_ms);
            gone.is_some_and(|gone| before.is_none_or(|before| gone.setting.set > before))
        }
        None => !view.in_run && before.is_some_and(|before| acting.row.void_alarm_change(before).is_some()),
    }
}
