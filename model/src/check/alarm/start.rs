//! Starts of `alarm()`: for the alarm that is in the slot, not early (F2), one at a time (F3), told the truth (F7). A run for
//! any other alarm comes to [`super::gone`].
//!
//! F2 in true time needs no check of its own: a run whose machine's clock is at or past T starts no earlier than T - E
//! as long as that clock is within E, which is what E means.

use super::{backoff, completion, count, gone};
use crate::check::case::Case;
use crate::check::cluster::lateness;
use crate::check::leniency::{Told, unsure};
use crate::check::report::{OnMachine, Seconds};
use crate::check::{NS_PER_MS, leniency};
use crate::history::AlarmId;
use crate::reference::Row;
use crate::reference::instance::{Instance, Run};
use crate::reference::object::{Acting, Object};
use crate::reference::slot::{Claim, Setting};
use crate::rules::Id;

/// What `alarm(info)` was given (F7).
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Info {
    pub(in crate::check) id: Option<AlarmId>,
    pub(in crate::check) scheduled_ms: i64,
    pub(in crate::check) retry_count: u32,
}

/// `alarm()` starts.
pub(in crate::check) fn starts(
    case: &mut Case<'_>,
    object: &mut Object,
    run: u64,
    info: Info,
    is_retry: bool,
) {
    let Some(Acting { row, instance, .. }) = object.acting(case.by) else { return };
    if instance.superseded {
        instance.start_run(run, None, info.retry_count, case.mark, case.by.turn);
        return;
    }
    if let Some(open) = instance.run {
        second_run(case, open);
    }
    [Id::A1, Id::F3, Id::F7].into_iter().for_each(|rule| case.saw(rule));
    if info.retry_count >= case.constants.retries_max {
        case.saw(Id::R2);
    }
    let claim = Claim { id: info.id, scheduled_ms: info.scheduled_ms };
    let told = Told { run, claim, retry_count: info.retry_count, is_retry };
    if case.omits_commits || row.is_unsure_of_slot() {
        unsure::run_starts(case, row, instance, &told);
    }
    row.each_slot(|slot| slot.pending = None);
    if let Some(other) = leniency::other_run(case, row, instance, &told) {
        lateness::see(case, row.slot.alarm_set_at(other.setting.set));
        instance.start_run(run, Some(other.setting), 0, case.mark, case.by.turn);
        if let Some(run) = &mut instance.run {
            (run.replaced, run.retry, run.tolerated_ms) = (other.replaced, other.retry, other.tolerated_ms);
        }
        return object.overlap_runs(case.mark);
    }
    let alarm = identify(case, row, instance.scheduled(&row.slot), claim, info.retry_count);
    if let Some(setting) = alarm {
        is_judged(case, row, instance, setting, info, is_retry);
    }
    instance.start_run(run, alarm, info.retry_count, case.mark, case.by.turn);
    object.overlap_runs(case.mark);
}

/// A run for this alarm starts: is it due, told the truth, on time and due again?
fn is_judged(
    case: &mut Case<'_>,
    row: &mut Row,
    instance: &Instance,
    setting: Setting,
    info: Info,
    is_retry: bool,
) {
    not_early(case, setting);
    told_the_truth(case, setting, info, is_retry);
    if completion::runs_again(case, row, instance, setting) {
        return;
    }
    let is_uncounted = count::uncounted(case, instance, setting);
    match row.slot.alarm_set_at(setting.set) {
        Some(alarm) => {
            lateness::measure(case, alarm, instance);
            if !is_uncounted {
                count::count(case, alarm, info.retry_count);
            }
            backoff::spacing(case, alarm, instance);
        }
        None => count::first_count(case, setting, info.retry_count),
    }
    row.each_slot(|slot| slot.told(setting.set, info.retry_count));
}

/// F3: a run starts in an instance that is in one.
fn second_run(case: &mut Case<'_>, open: Run) {
    let sentences = format!(
        "alarm() started at {}{} while run {} of the same instance, which started at {}, had not ended.",
        Seconds(case.mark.at_ns),
        OnMachine(case.place),
        open.run,
        Seconds(open.started.at_ns),
    );
    case.report(Id::F3, &[open.started], sentences);
}

/// Which alarm a run is for. What is durable counts; an alarm that its own instance has set and not committed is let
/// pass, as is one whose deletion R7 leaves open.
fn identify(
    case: &mut Case<'_>,
    row: &mut Row,
    seen: Option<Setting>,
    claim: Claim,
    retry_count: u32,
) -> Option<Setting> {
    let durable = row.slot.alarm.as_ref().map(|alarm| alarm.setting);
    if let Some(setting) = durable.into_iter().chain(seen).find(|setting| claim.names(setting)) {
        return Some(setting);
    }
    if let Some(spared) = row.slot.spared.filter(|spared| claim.names(&spared.setting)) {
        let is_due = count::spared(case, &spared, retry_count);
        let last = is_due.then_some(spared.failure);
        row.each_slot(|slot| slot.readmit(spared, case.mark, retry_count, last));
        return Some(spared.setting);
    }
    let gone = row.slot.find_gone(claim).copied();
    // Without identities a time that was never set is the wrong time of the alarm that is there (F7).
    let is_anonymous = |setting: &Setting| claim.id.is_none() || setting.id.is_none();
    if gone.is_none() && durable.as_ref().is_some_and(is_anonymous) {
        return durable;
    }
    // What runs again and again is told again and again.
    if row.slot.doubtful && gone.is_none_or(|gone| !gone.is_delivered) {
        return None;
    }
    if let Some(gone) = gone.filter(|gone| leniency::reruns(case, gone)) {
        row.each_slot(|slot| slot.come_back(gone.setting, case.mark, retry_count));
        return Some(gone.setting);
    }
    row.each_slot(|slot| slot.deliver_gone(claim));
    match &gone {
        Some(gone) => gone::run_of(case, gone),
        None => gone::run_of_none(case, claim, durable),
    }
    row.slot.doubtful = true;
    None
}

/// F2: the machine's wall clock is at or past T.
pub(in crate::check) fn not_early(case: &mut Case<'_>, setting: Setting) {
    let Some(place) = case.place else { return };
    case.saw(Id::F2);
    let early_ns = i128::from(setting.scheduled_ms) * i128::from(NS_PER_MS) - i128::from(place.wall_ns);
    if early_ns <= 0 {
        return;
    }
    let sentences = format!(
        "alarm() started at {} on machine {} for {}, which by the wall clock of that machine was {} ms ahead.",
        Seconds(case.mark.at_ns),
        place.machine,
        case.reports.wall(setting.scheduled_ms),
        early_ns.div_euclid(i128::from(NS_PER_MS)) + 1,
    );
    case.report(Id::F2, &[setting.set], sentences);
}

/// F7: `scheduled_time` is the alarm's, `is_retry` says whether `retry_count` is above zero.
pub(in crate::check) fn told_the_truth(case: &mut Case<'_>, setting: Setting, info: Info, is_retry: bool) {
    let is_right_time = info.scheduled_ms == setting.scheduled_ms;
    if is_right_time && is_retry == (info.retry_count > 0) {
        return;
    }
    let wrong = if is_right_time {
        format!("is_retry {is_retry} and retry_count {}", info.retry_count)
    } else {
        format!("scheduled_time {}", case.reports.wall(info.scheduled_ms))
    };
    let sentences = format!(
        "alarm() started at {} and was told {wrong}. The alarm was set at {} for {}.",
        Seconds(case.mark.at_ns),
        Seconds(setting.set.at_ns),
        case.reports.wall(setting.scheduled_ms),
    );
    case.report(Id::F7, &[setting.set], sentences);
}
