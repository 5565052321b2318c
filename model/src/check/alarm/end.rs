//! The end of a run of `alarm()`: what it means for its alarm. What may be wrong with it by itself is judged in [`super::limit`]
//! and [`super::resets`] (R1), [`super::completion`] (F4) and `object::over_limit` (O7).

use super::{completion, limit, resets};
use crate::check::case::Case;
use crate::check::leniency::timers;
use crate::check::object::over_limit;
use crate::history::RunOutcome;
use crate::reference::instance::{Ended, Retry};
use crate::reference::object::{Acting, Object};
use crate::reference::slot::{End, Failure, FailureKind, Pending};
use crate::rules::Id;

/// `alarm()` has ended.
pub(in crate::check) fn ends(case: &mut Case<'_>, object: &mut Object, run: u64, outcome: &RunOutcome) {
    let Some(Acting { row, instance, .. }) = object.acting(case.by) else { return };
    if instance.overlapped.is_none() {
        instance.left_open.take_if(|open| open.run == run);
    }
    let Some(ended) = instance.run.filter(|current| current.run == run) else { return };
    let alarm = ended.alarm.filter(|_| !instance.superseded);
    if instance.ended == Some(Ended::OverLimit) && !matches!(outcome, RunOutcome::Failed { .. }) {
        over_limit::outlived(case, ended);
    }
    case.saw(Id::R1);
    limit::overtime(case, instance, ended, outcome);
    match outcome {
        RunOutcome::Ok => [Id::F1, Id::F4].into_iter().for_each(|rule| case.saw(rule)),
        RunOutcome::Failed { how, .. } => {
            case.saw(Id::R8);
            resets::run_failed(case, instance, run, *how);
        }
        RunOutcome::Platform { .. } => {}
    }
    if *outcome != RunOutcome::Ok && ended.retry == Retry::LeftOpen {
        case.saw(Id::R7);
    }
    let is_behind = row.slot.alarm.as_ref().is_some_and(|alarm| alarm.behind_run == Some(run));
    let durable = alarm.and_then(|alarm| row.slot.alarm_set_at(alarm.set));
    let kind = match (outcome, durable) {
        // It starts again at once.
        (RunOutcome::Failed { .. }, _) if is_behind => FailureKind::Cut,
        (RunOutcome::Failed { .. }, _) => {
            FailureKind::Counted { exponent: ended.retry_count, recorded: case.mark }
        }
        (RunOutcome::Platform { .. }, Some(alarm)) => {
            let (sure, possible) = { alarm.platform }.count(case.by.epoch, true);
            FailureKind::Platform { sure, possible }
        }
        // R7: its alarm was deleted; how often the platform has failed it is not remembered.
        (RunOutcome::Platform { .. }, None) => {
            FailureKind::Platform { sure: 0, possible: case.constants.retry_exponent_max }
        }
        // Only if its completion is lost is a good end the platform's failure.
        _ => FailureKind::Unclear { possible: 0 },
    };
    let (epoch, turn) = (case.by.epoch, case.by.turn);
    let computed_ns = instance.conduct.computed_ns(case.mark);
    let failure = Failure { ended: case.mark, place: case.place, epoch, turn, computed_ns, kind };
    if let (RunOutcome::Platform { .. }, Some(setting)) = (outcome, alarm) {
        row.each_slot(|slot| {
            let Some(alarm) = slot.alarm_set_at(setting.set) else { return };
            let (sure, possible) = alarm.platform.count(epoch, true);
            alarm.last = Some(Failure { kind: FailureKind::Platform { sure, possible }, ..failure });
        });
    }
    if let Some(setting) = alarm.filter(|_| *outcome != RunOutcome::Ok && !is_behind) {
        let scheduled = instance.scheduled(&row.slot);
        timers::retry_later(
            case,
            row,
            outcome,
            Pending { setting, failure, retry_count: ended.retry_count },
            scheduled,
        );
    }
    let is_exhausted = ended.retry_count >= case.constants.retries_max;
    let may_lose_its_turn = resets::may_lose_its_turn(outcome);
    instance.end_run(row, ended, End::of(outcome), failure, is_exhausted, may_lose_its_turn);
    if *outcome == RunOutcome::Ok {
        completion::after_its_commit(case, instance, ended);
    }
}
