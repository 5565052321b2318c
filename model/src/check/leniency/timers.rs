//! The profile `workerd`: what the real runtime's retry timers do to an alarm that is set while one is pending (R5).
//!
//! ```text
//!  run fails ─── set_alarm(N) ─── N ─── the timer ends: alarm() starts for N, and is told of the old alarm
//!  ▲ failure                            ▲ if N is still to come then, N is put off to its own time
//! ```
//!
//! A timer lives in memory: a restart ends it, and so does `delete_alarm` while it is pending.

use super::Told;
use crate::check::alarm::backoff::Window;
use crate::check::alarm::{backoff, start};
use crate::check::case::Case;
use crate::check::ns;
use crate::check::report::Seconds;
use crate::history::RunOutcome;
use crate::profile::Relaxation;
use crate::reference::Row;
use crate::reference::slot::{Alarm, Claim, Pending, Setting, Slot};
use crate::rules::Id;

/// A run has failed of which `pending` says what it was told: the real runtime counts that, and sets a timer for the retry,
/// if there is to be one and no other alarm.
pub(in crate::check) fn retry_later(
    case: &Case<'_>,
    row: &mut Row,
    outcome: &RunOutcome,
    mut pending: Pending,
    scheduled: Option<Setting>,
) {
    let set = pending.setting.set;
    if matches!(outcome, RunOutcome::Failed { .. }) {
        pending.retry_count = pending.retry_count.saturating_add(1);
        row.each_slot(|slot| {
            if let Some(alarm) = slot.alarm_set_at(set) {
                alarm.failed = alarm.failed.saturating_add(1);
            }
        });
    }
    let is_last = pending.retry_count > case.constants.retries_max;
    if !is_last && scheduled.is_none_or(|scheduled| scheduled.set == set) {
        row.each_slot(|slot| slot.pending = Some(pending));
    }
}

/// The real runtime starts a run at the end of a retry timer with what it knew when it set the timer, though the alarm has
/// been replaced since: whether a run now may be that of the alarm in this slot. F2 it does not relax.
pub(super) fn behind(case: &Case<'_>, slot: &Slot, claim: Claim) -> Option<Pending> {
    let alarm = slot.alarm.as_ref()?;
    let pending = alarm.behind.filter(|pending| claim.names(&pending.setting))?;
    (!claim.names(&alarm.setting) && is_end(case, &pending, &alarm.setting)).then_some(pending)
}

/// Such a run starts for that alarm.
pub(super) fn starts(case: &mut Case<'_>, pending: &Pending, setting: Setting, told: &Told) {
    case.reports.relax(Relaxation::SetWhileRetryPending);
    start::not_early(case, setting);
    start::told_the_truth(case, pending.setting, told.info(), told.is_retry);
    count(case, pending, &setting, told.retry_count);
}

/// R5: whether an alarm has taken the place of another whose run was in progress or to be tried again, and has never failed
/// itself. The real runtime makes no failure durable by which that could be told.
pub(in crate::check) fn has_replaced(case: &Case<'_>, alarm: &Alarm) -> bool {
    case.reports.is_lenient()
        && alarm.failed == 0
        && (alarm.behind.is_some() || alarm.setting.in_run_of_ms.is_some())
}

/// R5: of an alarm that was set while a retry timer was pending, whether the profile lets pass what that timer made of it.
pub(in crate::check) fn lets_pass(case: &mut Case<'_>, alarm: &Alarm) -> bool {
    let timer = alarm.behind.filter(|_| case.reports.is_lenient()).map(|pending| Timer::of(case, &pending));
    let passes = timer.is_some_and(|timer| timer.is_pending_at(alarm.setting.set.at_ns));
    if passes {
        case.reports.relax(Relaxation::SetWhileRetryPending);
    }
    passes
}

/// R5: a run at the end of a retry timer that was pending when its alarm was set starts at zero, or is told what the timer
/// was set with, and nothing else.
fn count(case: &mut Case<'_>, pending: &Pending, setting: &Setting, retry_count: u32) {
    if retry_count == 0 || retry_count == pending.retry_count {
        return;
    }
    let sentences = format!(
        "alarm() started at {} with retry_count {retry_count}, at the end of a retry timer that was set at {} with {}. The \
         alarm that it is for was set while that timer was pending, and has never failed.",
        Seconds(case.mark.at_ns),
        Seconds(pending.failure.ended.at_ns),
        pending.retry_count,
    );
    case.report(Id::R5, &[setting.set, pending.failure.ended], sentences);
}

/// Whether a run now is one at the end of a retry timer, for an alarm that was set while that was pending and was due by
/// then. An alarm that was not is put off to its own time by the end of the timer.
fn is_end(case: &Case<'_>, pending: &Pending, setting: &Setting) -> bool {
    let timer = Timer::of(case, pending);
    let due_ns = case.reports.true_ns(setting.scheduled_ms).unwrap_or(0).max(0);
    timer.is_pending_at(setting.set.at_ns)
        && timer.not_before_ns <= case.mark.at_ns
        && timer.is_pending_at(u64::try_from(due_ns).unwrap_or(u64::MAX))
}

/// When a retry timer ends, in true time.
struct Timer {
    not_before_ns: u64,
    /// None where the contract has no bound for that.
    not_after_ns: Option<u64>,
}

impl Timer {
    fn of(case: &Case<'_>, pending: &Pending) -> Timer {
        let failure = &pending.failure;
        let widening_ns = backoff::widening_ns(case, failure);
        let at_once = Window { not_before_ns: failure.ended.at_ns, not_after_ns: failure.ended.at_ns };
        let window = Window::after(failure, case.constants, widening_ns).unwrap_or(at_once);
        let latest = backoff::latest(case, window.not_after_ns);
        let not_after_ns =
            latest.map(|bound| bound.not_after_ns.saturating_add(ns(case.constants.wall_error_max_ms)));
        Timer { not_before_ns: window.not_before_ns, not_after_ns }
    }

    /// Whether it may not have ended by then.
    fn is_pending_at(&self, at_ns: u64) -> bool {
        self.not_after_ns.is_none_or(|not_after_ns| at_ns <= not_after_ns)
    }
}
