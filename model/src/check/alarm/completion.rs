//! F4: the writes that are uncommitted when the handler returns and the removal of its alarm are one commit, and an alarm whose
//! completion is durable never runs again. A run that does comes to [`super::gone`], where the alarm's story says so. What a
//! commit does to the slot, and whether it tears the two apart, is for `reference::commit`.

use crate::check::case::{Case, Scene};
use crate::check::cluster::changes::Wait;
use crate::check::cluster::faults::Faults;
use crate::check::leniency;
use crate::check::report::Seconds;
use crate::reference::Row;
use crate::reference::commit::{Irregular, Torn};
use crate::reference::instance::{Ending, Instance, Run};
use crate::reference::slot::{Alarm, End, Setting};
use crate::rules::Id;

/// F4: what the handler left uncommitted and the removal of its alarm are one commit.
pub(in crate::check) fn completion(case: &mut Case<'_>, irregular: &Irregular) {
    let Some(Torn { run, ended, removes }) = irregular.torn else { return };
    if ended.is_some() && leniency::splits_completion(case) {
        return;
    }
    let (commit, turn) = (Seconds(case.mark.at_ns), case.by.turn);
    let mut evidence = vec![run.started];
    let what = match (ended, removes) {
        (None, _) => format!("is in progress; yet the commit of turn {turn} at {commit} removes its alarm"),
        (Some((end, last)), true) => {
            evidence.push(end);
            format!(
                "ended well at {} in turn {last}; yet its alarm was removed at {commit} by the commit of turn {turn}",
                Seconds(end.at_ns)
            )
        }
        (Some((end, last)), false) => {
            evidence.push(end);
            format!(
                "ended well at {} in turn {last}; yet the commit of that turn at {commit} does not remove its alarm",
                Seconds(end.at_ns)
            )
        }
    };
    let started = Seconds(run.started.at_ns);
    let sentences = format!(
        "Run {} started at {started} and {what}. What the handler left uncommitted and the removal of its alarm have \
         to be one commit.",
        run.run,
    );
    case.report(Id::F4, &evidence, sentences);
}

/// F4: a run ends well in a turn that is durable already, without the removal of its alarm.
pub(in crate::check) fn after_its_commit(case: &mut Case<'_>, instance: &Instance, run: Run) {
    let Some(durable) = instance.goes_on(case.by.turn).filter(|_| !instance.superseded) else { return };
    if leniency::splits_completion(case) {
        return;
    }
    let sentences = format!(
        "Run {} started at {} and ended well at {} in turn {}, which had become durable at {}. What the handler wrote in that \
         turn and the removal of its alarm have to be one commit.",
        run.run,
        Seconds(run.started.at_ns),
        Seconds(case.mark.at_ns),
        case.by.turn,
        Seconds(durable.at_ns),
    );
    case.report(Id::F4, &[run.started, durable], sentences);
}

/// F4, R4: whether the last run has ended, so that its alarm waits for a commit and for nothing else. How long that may take no
/// rule says; but if its machine is gone it has to run again, in the time that any failure may take (L2).
pub(in crate::check) fn awaits_its_commit(
    scene: &Scene<'_>,
    faults: &Faults,
    alarm: &Alarm,
    current: Option<&Instance>,
) -> bool {
    let Some(current) = current.filter(|current| current.has_ended_run_of(&alarm.setting)) else {
        return false;
    };
    let wait = Wait::from_ns(current.run_ended_ns, current.slice);
    let latest_ns = faults.among_failures_ns(scene.constants, &wait);
    latest_ns.is_none_or(|latest_ns| scene.mark.at_ns <= latest_ns)
}

/// F4: an alarm runs again in the very instance in which its run has ended well. No failure lies between that could have taken the
/// completion along. Returns whether it does.
pub(in crate::check) fn runs_again(
    case: &mut Case<'_>,
    row: &Row,
    instance: &Instance,
    setting: Setting,
) -> bool {
    let is_it = |ending: &Ending| {
        ending.end == End::Completes && ending.run.alarm.is_some_and(|alarm| alarm.set == setting.set)
    };
    let Some(ended) = instance.ending.filter(is_it) else { return false };
    // Without identities another alarm for its time, which the instance has set since, is not to be told apart.
    if instance.scheduled(&row.slot).is_some_and(|it| it.scheduled_ms == setting.scheduled_ms) {
        return false;
    }
    let sentences = format!(
        "Run {} of the alarm that was set for {} at {} ended well at {} in instance {}; yet alarm() started for it again at {} in \
         the same instance. An alarm whose run has ended well does not run again.",
        ended.run.run,
        case.reports.wall(setting.scheduled_ms),
        Seconds(setting.set.at_ns),
        Seconds(ended.failure.ended.at_ns),
        case.by.instance,
        Seconds(case.mark.at_ns),
    );
    case.report(Id::F4, &[setting.set, ended.run.started, ended.failure.ended], sentences);
    true
}
