//! What a run is told of the failures before it (R2, R4, R5, R7), and failures that are not counted although they have to be (R1).

use crate::check::case::Case;
use crate::check::leniency;
use crate::check::leniency::timers;
use crate::check::report::Seconds;
use crate::reference::instance::{Ending, Instance};
use crate::reference::slot::{Alarm, End, Failure, FailureKind, Setting, Spared};
use crate::rules::Id;

/// R2, R4: the run says how many counted failures of its alarm there were.
pub(in crate::check) fn count(case: &mut Case<'_>, alarm: &Alarm, retry_count: u32) {
    let retries_max = case.constants.retries_max;
    let known = alarm.failures;
    if alarm.committed == case.mark {
        // R7 has judged it: it is back in the slot by this run.
        return;
    }
    if known > 0 {
        case.saw(Id::R4);
    }
    let told = |rule_says: String| {
        format!("alarm() started at {} with retry_count {retry_count}. {rule_says}", Seconds(case.mark.at_ns))
    };
    let mut evidence = vec![alarm.setting.set];
    evidence.extend(alarm.last.map(|failure| failure.ended));
    if retry_count > retries_max {
        let sentences =
            told(format!("At most {retries_max} counted retries are made; then the alarm is removed."));
        case.report(Id::R2, &evidence, sentences);
    } else if retry_count != known {
        let is_new = known == 0 && (alarm.ended_retries.is_some() || timers::has_replaced(case, alarm));
        let sentences =
            told(format!("Of this alarm {known} counted failures had been recorded durably by then."));
        let is_of_platform = |failure: Failure| matches!(failure.kind, FailureKind::Platform { .. });
        let is_of_platform =
            retry_count == known.saturating_add(1) && alarm.failures_since_run().any(is_of_platform);
        // R5: the count of the alarm that this one replaced is not its own. R1: the platform's failures do not count.
        let rule = match (is_new, is_of_platform) {
            (true, _) => Id::R5,
            (false, true) => Id::R1,
            (false, false) => Id::R4,
        };
        if rule == Id::R5
            && alarm.behind.is_some_and(|pending| pending.retry_count == retry_count)
            && timers::lets_pass(case, alarm)
        {
            return;
        }
        if rule == Id::R4 && leniency::counts(case, alarm, retry_count) {
            return;
        }
        case.report(rule, &evidence, sentences);
    }
}

/// R4: no failure of an alarm is recorded that is not durable itself.
pub(in crate::check) fn first_count(case: &mut Case<'_>, setting: Setting, retry_count: u32) {
    if retry_count == 0 {
        return;
    }
    let sentences = format!(
        "alarm() started at {} with retry_count {retry_count} for an alarm that was set at {} and is not durable yet: no \
         failure of it can have been recorded.",
        Seconds(case.mark.at_ns),
        Seconds(setting.set.at_ns),
    );
    case.report(Id::R4, &[setting.set], sentences);
}

/// R1: a run starts in the very instance in which the one before it failed, although that failure is not recorded: it is not
/// going to be counted. Nothing was lost that could have taken the record along. The real runtime keeps no such record (R4).
pub(in crate::check) fn uncounted(case: &mut Case<'_>, instance: &Instance, setting: Setting) -> bool {
    let failed = instance.ending.filter(|ending| ending.end == End::Fails && !case.reports.is_lenient());
    let is_it = |ending: &Ending| ending.run.alarm.is_some_and(|alarm| alarm.set == setting.set);
    let Some(failed) = failed.filter(is_it) else { return false };
    let sentences = format!(
        "Run {} of the alarm failed at {} in instance {}, and alarm() started for it again at {} in the same instance before \
         that failure was recorded. A failure on a machine that lives is counted.",
        failed.run.run,
        Seconds(failed.failure.ended.at_ns),
        case.by.instance,
        Seconds(case.mark.at_ns),
    );
    case.report(Id::R1, &[setting.set, failed.failure.ended], sentences);
    true
}

/// R7: the retry of an alarm that was deleted in a run that failed. That there is one is allowed, and nothing else: it is
/// a retry like any other. Returns whether it is one that was due; then [`super::backoff`] says whether it comes in time.
pub(in crate::check) fn spared(case: &mut Case<'_>, spared: &Spared, retry_count: u32) -> bool {
    if spared.admits(retry_count, case.constants.retries_max) {
        return true;
    }
    let sentences = format!(
        "The alarm that was set for {} at {} was deleted in a run that failed at {}. alarm() started for it again at {} \
         with retry_count {retry_count}. The deletion may fail to prevent the retry that was due, and no other.",
        case.reports.wall(spared.setting.scheduled_ms),
        Seconds(spared.setting.set.at_ns),
        Seconds(spared.failure.ended.at_ns),
        Seconds(case.mark.at_ns),
    );
    case.report(Id::R7, &[spared.setting.set, spared.failure.ended], sentences);
    false
}
