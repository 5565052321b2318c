//! R1: a run that exceeds its time limit has failed, and that counts.

use crate::check::case::{Case, Scene};
use crate::check::cluster::faults::Faults;
use crate::check::cluster::lateness::Pace;
use crate::check::report::Seconds;
use crate::check::{is_overtime, ns};
use crate::history::RunOutcome;
use crate::reference::instance::{Instance, Run};
use crate::reference::object::Object;
use crate::rules::Id;

/// R1: a run that exceeds its time limit has failed, and that counts. Where its machine was struck meanwhile it may have
/// lost its epoch before it could say so: then its failure is the platform's.
pub(in crate::check) fn overtime(case: &mut Case<'_>, instance: &Instance, run: Run, outcome: &RunOutcome) {
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
    if instance.superseded || !is_overtime(case.constants, run.started, case.mark, limit_ms) {
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

/// R1: a run that exceeds its time limit fails, and that was to be seen: its machine was up.
pub(in crate::check) fn endless_run(scene: &mut Scene<'_>, faults: &Faults, pace: &Pace, object: &Object) {
    let constants = scene.constants;
    let Some(current) = object.current.as_ref().filter(|current| current.ended.is_none()) else { return };
    let (Some(run), Some(machine)) = (current.run.filter(|run| run.alarm.is_some()), current.machine) else {
        return;
    };
    let settled_ns = scene.mark.at_ns.saturating_sub(ns(constants.lateness_failures_ms));
    // The contract has no bound for how soon that is seen: a moment, as for everything in calm.
    let limit_ms = constants.run_limit_ms.saturating_add(constants.lateness_calm_ms);
    if !is_overtime(constants, run.started, scene.mark, limit_ms)
        || faults.was_struck_since(machine, pace.datacenter(machine), settled_ns)
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
