//! R1: which failed runs reset their instance. A panic, the time limit and a limit of O7 leave object code in the middle of
//! something, so that nothing may be delivered to that instance any more; an error that was returned does not.
//!
//! Judged where the history says how a run failed, and for an error where it says what an instance was reset for.

use crate::check::case::Case;
use crate::check::report::Seconds;
use crate::history::{How, ResetCause, RunOutcome};
use crate::reference::conduct::Failed;
use crate::reference::instance::Instance;
use crate::rules::Id;

/// A run has failed, and that counts.
pub(in crate::check) fn run_failed(case: &mut Case<'_>, instance: &mut Instance, run: u64, how: Option<How>) {
    match how {
        Some(how) => {
            instance.conduct.failed = Some(Failed { run, how, turn: case.by.turn, mark: case.mark });
        }
        None => case.reports.tally.see_untold_failure(),
    }
}

/// Something is delivered to an instance, or its code makes a call.
pub(in crate::check) fn lives_on(case: &mut Case<'_>, instance: &mut Instance, what: &str) {
    let is_over = |failed: &Failed| failed.how != How::Error && failed.turn < case.by.turn;
    let Some(failed) = instance.conduct.failed.filter(is_over) else { return };
    if instance.ended.is_some() || instance.superseded || !instance.conduct.told.insert(Id::R1) {
        return;
    }
    let sentences = format!(
        "Run {} {} at {}, which resets instance {}; yet at {} {what} came in the same instance.",
        failed.run,
        told(failed.how),
        Seconds(failed.mark.at_ns),
        case.by.instance,
        Seconds(case.mark.at_ns),
    );
    case.report(Id::R1, &[failed.mark], sentences);
}

/// An instance is reset.
pub(in crate::check) fn is_reset(case: &mut Case<'_>, instance: &Instance, cause: Option<ResetCause>) {
    let is_it = |failed: &Failed| failed.how == How::Error && failed.turn == case.by.turn;
    let Some(failed) = instance.conduct.failed.filter(is_it) else { return };
    if cause != Some(ResetCause::Error) || instance.superseded {
        return;
    }
    let sentences = format!(
        "Run {} returned an error at {}, and for that instance {} was reset at {}. An error is retried in the instance that \
         there is.",
        failed.run,
        Seconds(failed.mark.at_ns),
        case.by.instance,
        Seconds(case.mark.at_ns),
    );
    case.report(Id::R1, &[failed.mark], sentences);
}

fn told(how: How) -> &'static str {
    match how {
        How::Error => "returned an error",
        How::Panic => "panicked",
        How::TimeLimit => "exceeded its time limit",
        How::OverLimit => "exceeded a limit of its object",
        How::Reset => "was cut short by a reset",
    }
}

/// R8: whether a run that ends so resets its instance, so that the writes of that turn are kept or lost as a whole. Where the
/// history does not say how it failed it may.
pub(in crate::check) fn may_lose_its_turn(outcome: &RunOutcome) -> bool {
    match outcome {
        RunOutcome::Failed { how, .. } => *how != Some(How::Error),
        RunOutcome::Ok | RunOutcome::Platform { .. } => false,
    }
}
