//! R1: a run that exceeds its time limit has failed, and that counts. It is ended within a second of its machine's running, unpaused
//! time.

use crate::check::case::{Case, Scene};
use crate::check::cluster::faults::Faults;
use crate::check::cluster::lateness::Pace;
use crate::check::object::life::ENDED_WITHIN_MS;
use crate::check::report::Seconds;
use crate::check::{NS_PER_MS, is_overtime};
use crate::history::{Constants, RunOutcome};
use crate::reference::Mark;
use crate::reference::instance::{Instance, Run};
use crate::reference::object::Object;
use crate::rules::Id;

/// A run has ended. After its limit it has failed, and that counts, unless its machine was struck meanwhile: then it may have lost
/// its epoch before it could say so, and its failure is the platform's.
pub(in crate::check) fn overtime(case: &mut Case<'_>, instance: &Instance, run: Run, outcome: &RunOutcome) {
    if instance.superseded {
        return;
    }
    if *outcome != RunOutcome::Ok && is_endless(case.constants, case.faults, instance, run, case.mark) {
        return went_on(case, run);
    }
    let limit_ms = case.constants.run_limit_ms;
    let is_struck = || {
        let machine = instance.machine;
        machine.is_none_or(|machine| {
            case.faults.was_struck_since(machine, case.pace.datacenter(machine), run.started.at_ns)
        })
    };
    let how = match outcome {
        RunOutcome::Ok => "ended well",
        RunOutcome::Platform { .. } if !is_struck() => "was failed by the platform",
        RunOutcome::Platform { .. } | RunOutcome::Failed { .. } => return,
    };
    if !is_overtime(case.constants, run.started, case.mark, limit_ms) {
        return;
    }
    let sentences = format!(
        "Run {} started at {} and {how} at {}. After {limit_ms} ms it has failed, and that counts.",
        run.run,
        Seconds(run.started.at_ns),
        Seconds(case.mark.at_ns),
    );
    case.report(Id::R1, &[run.started], sentences);
}

/// An instance ends with a run in it that should have ended before.
pub(in crate::check) fn takes_along(case: &mut Case<'_>, instance: &Instance) {
    let Some(run) = instance.run.filter(|_| !instance.superseded) else { return };
    if is_endless(case.constants, case.faults, instance, run, case.mark) {
        went_on(case, run);
    }
}

/// Whether a run goes on now for longer than it may, whatever stood still meanwhile.
fn is_endless(constants: &Constants, faults: &Faults, instance: &Instance, run: Run, now: Mark) -> bool {
    let Some(machine) = instance.machine else { return false };
    let still_ms = faults.still_ns(machine, run.started.at_ns, now.at_ns).div_ceil(NS_PER_MS);
    let limit_ms = constants.run_limit_ms.saturating_add(ENDED_WITHIN_MS).saturating_add(still_ms);
    is_overtime(constants, run.started, now, limit_ms)
}

fn went_on(case: &mut Case<'_>, run: Run) {
    let limit_ms = case.constants.run_limit_ms;
    let sentences = format!(
        "Run {} started at {} and went on until {}. After {limit_ms} ms it has failed, and {ENDED_WITHIN_MS} ms of its machine's \
         time later it has to be over.",
        run.run,
        Seconds(run.started.at_ns),
        Seconds(case.mark.at_ns),
    );
    case.report(Id::R1, &[run.started], sentences);
}

/// A run has not ended at the end of the history. Whether a machine that is struck by then has ended it nobody hears.
pub(in crate::check) fn endless_run(scene: &mut Scene<'_>, faults: &Faults, pace: &Pace, object: &Object) {
    let constants = scene.constants;
    let Some(current) = object.current.as_ref().filter(|current| current.ended.is_none()) else { return };
    let (Some(run), Some(machine)) = (current.run.filter(|run| run.alarm.is_some()), current.machine) else {
        return;
    };
    if !is_endless(constants, faults, current, run, scene.mark)
        || faults.is_struck(machine, pace.datacenter(machine))
    {
        return;
    }
    let sentences = format!(
        "Run {} started at {} on machine {machine} and had not ended at the end of the run, at {}. After {} ms it has \
         failed.",
        run.run,
        Seconds(run.started.at_ns),
        Seconds(scene.mark.at_ns),
        constants.run_limit_ms,
    );
    scene.report(Id::R1, &[run.started, scene.mark], sentences);
}
