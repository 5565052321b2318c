//! R2 to R5: how often, how soon and how late a failed run is followed by the next.
//!
//! ```text
//!  run fails ──── backoff ────┬── jitter ──┬── bound of L ──┐
//!  ▲ ended                    ▲ no sooner  │                ▲ no later
//! ```
//!
//! Both limits widen by the drift of monotonic clocks, by a millisecond (stored times are integer milliseconds), and
//! by twice E where machine, holder or wall clock changed in between.

use super::changes::Bound;
use super::lateness::{Span, report_late};
use super::report::{OnMachine, Seconds};
use super::{Case, LIVENESS_WALL_ERROR_MAX_MS, NS_PER_MS, ns};
use crate::history::{Constants, Place};
use crate::reference::instance::Instance;
use crate::reference::slot::{Alarm, Failure, FailureKind, Spared};
use crate::rules::Id;

/// R2, R4: the run says how many counted failures of its alarm there were. Brings the model in line.
pub(super) fn count(case: &mut Case<'_>, alarm: &mut Alarm, retry_count: u32) {
    let retries_max = case.constants.retries_max;
    let known = alarm.failures;
    if alarm.committed == case.mark {
        // R7 has judged it: it is back in the slot by this run.
        return;
    }
    if known > 0 {
        case.saw(Id::R4);
    }
    // What was counted wrongly once stays wrong: the next runs are held against it.
    alarm.failures = retry_count;
    let told = |rule_says: String| {
        format!("alarm() started at {} with retry_count {retry_count}. {rule_says}", Seconds(case.mark.at_ns))
    };
    let mut evidence = vec![alarm.setting.set];
    evidence.extend(alarm.last.map(|failure| failure.ended));
    if retry_count > retries_max {
        let sentences =
            told(format!("At most {retries_max} counted retries are made; then the alarm is removed."));
        case.report("R2", &evidence, sentences);
    } else if retry_count != known {
        let is_new = known == 0 && alarm.ended_retries.is_some();
        let sentences =
            told(format!("Of this alarm {known} counted failures had been recorded durably by then."));
        let is_of_platform = retry_count == known.saturating_add(1)
            && alarm.last.is_some_and(|last| matches!(last.kind, FailureKind::Platform { .. }));
        // R5: the count of the alarm that this one replaced is not its own. R1: the platform's failures do not count.
        let rule = match (is_new, is_of_platform) {
            (true, _) => "R5",
            (false, true) => "R1",
            (false, false) => "R4",
        };
        case.report(rule, &evidence, sentences);
    }
}

/// R7: the retry of an alarm that was deleted in a run that failed. That there is one is allowed, and nothing else: it is
/// a retry like any other.
pub(super) fn spared(case: &mut Case<'_>, spared: &Spared, retry_count: u32) {
    let evidence = [spared.setting.set, spared.failure.ended];
    let told = |rule_says: &str| {
        format!(
            "The alarm that was set for {} at {} was deleted in a run that failed at {}. alarm() started for it again at \
             {} with retry_count {retry_count}. {rule_says}",
            case.reports.wall(spared.setting.scheduled_ms),
            Seconds(spared.setting.set.at_ns),
            Seconds(spared.failure.ended.at_ns),
            Seconds(case.mark.at_ns),
        )
    };
    if !spared.admits(retry_count, case.constants.retries_max) {
        let sentences = told("The deletion may fail to prevent the retry that was due, and no other.");
        return case.report("R7", &evidence, sentences);
    }
    let widening_ns = widening_ns(case, &spared.failure, spared.failure.epoch == case.by.epoch);
    let window = Window::after(&spared.failure, case.constants, widening_ns);
    if window.is_some_and(|window| case.mark.at_ns < window.not_before_ns) {
        let sentences = told("Its backoff was not over.");
        case.report("R3", &evidence, sentences);
    }
}

/// The limits for the start after a failure, in true time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) not_before_ns: u64,
    /// The end of the backoff with all jitter; the bound of L comes on top.
    pub(super) not_after_ns: u64,
}

impl Window {
    /// None where a run starts again at once. `widening_ns` is what wall clocks may add.
    pub(super) fn after(failure: &Failure, constants: &Constants, widening_ns: u64) -> Option<Window> {
        let (least, most) = match failure.kind {
            FailureKind::Counted { exponent, .. } => (exponent, exponent),
            FailureKind::Platform { sure, possible } => {
                (sure.min(constants.retry_exponent_max), possible.min(constants.retry_exponent_max))
            }
            FailureKind::Unclear { possible } => (0, possible.min(constants.retry_exponent_max)),
            FailureKind::Cut => return None,
        };
        let backoff_ns = |exponent: u32| {
            let factor = 1_u64.checked_shl(exponent).unwrap_or(u64::MAX);
            ns(constants.retry_start_ms).saturating_mul(factor)
        };
        let (shortest_ns, longest_ns) = (backoff_ns(least), backoff_ns(most));
        let longest_ns =
            longest_ns.saturating_add((longest_ns / 100).saturating_mul(constants.retry_jitter_percent));
        let slack_ns =
            |of_ns: u64| drift_ns(constants, of_ns).saturating_add(NS_PER_MS).saturating_add(widening_ns);
        let ended_ns = failure.ended.at_ns;
        Some(Window {
            not_before_ns: ended_ns.saturating_add(shortest_ns.saturating_sub(slack_ns(shortest_ns))),
            not_after_ns: ended_ns.saturating_add(longest_ns).saturating_add(slack_ns(longest_ns)),
        })
    }
}

fn drift_ns(constants: &Constants, of_ns: u64) -> u64 {
    (of_ns / 1_000_000).saturating_mul(constants.drift_max_ppm)
}

/// Whether R3 bounds the next run of this alarm, under a holder of that epoch. What it leaves open L bounds.
pub(super) fn is_bounded(alarm: &Alarm, epoch: u64) -> bool {
    alarm.last.is_some_and(|failure| match failure.kind {
        FailureKind::Counted { .. } => true,
        FailureKind::Platform { .. } => failure.epoch == epoch,
        FailureKind::Unclear { .. } | FailureKind::Cut => false,
    })
}

/// R3: the start of a run after a failed one. Called before the instance counts the run.
pub(super) fn spacing(case: &mut Case<'_>, alarm: &mut Alarm, instance: &Instance) {
    let is_bounded = is_bounded(alarm, case.by.epoch);
    let Some(failure) = alarm.last.take() else { return };
    let is_same_holder = failure.epoch == case.by.epoch;
    if !is_bounded {
        return;
    }
    case.saw(Id::R3);
    let widening_ns = widening_ns(case, &failure, is_same_holder);
    let Some(window) = Window::after(&failure, case.constants, widening_ns) else { return };
    if case.mark.at_ns < window.not_before_ns {
        too_soon(case, alarm, &failure, window);
        return;
    }
    // A counted failure after which a constructor may have failed too: the system may rightly wait longer.
    let is_clear = matches!(failure.kind, FailureKind::Platform { .. }) || alarm.platform.possible == 0;
    if is_clear {
        check_not_late(case, alarm, instance, &failure, window);
    }
}

fn too_soon(case: &mut Case<'_>, alarm: &Alarm, failure: &Failure, window: Window) {
    let sentences = format!(
        "The run that failed at {}{} was followed by the next at {}{}. Its backoff does not end before {}.",
        Seconds(failure.ended.at_ns),
        OnMachine(failure.place),
        Seconds(case.mark.at_ns),
        OnMachine(case.place),
        Seconds(window.not_before_ns),
    );
    case.report("R3", &[alarm.setting.set, failure.ended], sentences);
}

/// The upper limit, wherever the contract gives one: E is small and L has a bound.
fn check_not_late(
    case: &mut Case<'_>,
    alarm: &Alarm,
    instance: &Instance,
    failure: &Failure,
    window: Window,
) {
    if case.constants.wall_error_max_ms > LIVENESS_WALL_ERROR_MAX_MS {
        return;
    }
    let recorded_ns = match failure.kind {
        FailureKind::Counted { recorded, .. } => recorded.at_ns,
        _ => failure.ended.at_ns,
    };
    let span = Span::of(case, instance, window.not_after_ns.max(recorded_ns));
    let Some(bound) = latest(case, span.eligible_ns).filter(|bound| span.seen_ns > bound.not_after_ns) else {
        return;
    };
    let sentences = format!(
        "The run that failed at {}{} was followed by the next only at {}{}. Its backoff, with jitter, was over by {}, \
         and with the lateness that is allowed here it had to start by {}.",
        Seconds(failure.ended.at_ns),
        OnMachine(failure.place),
        Seconds(case.mark.at_ns),
        OnMachine(case.place),
        Seconds(window.not_after_ns),
        Seconds(bound.not_after_ns),
    );
    report_late(case, "R3", span, bound, vec![alarm.setting.set, failure.ended], sentences);
}

/// The latest start by rule L. In calm the backoff's own widening is enough: only a failure moves alarms and changes
/// clocks.
fn latest(case: &Case<'_>, eligible_ns: u64) -> Option<Bound> {
    let bound = case.faults.bound(case.constants, eligible_ns)?;
    let clocks_ns = ns(case.constants.wall_error_max_ms).saturating_mul(2);
    Some(if bound.is_calm() { bound } else { bound.widened(clocks_ns) })
}

/// R3: what the wall clocks may add to or take from a backoff.
fn widening_ns(case: &Case<'_>, failure: &Failure, is_same_holder: bool) -> u64 {
    let all_ns = ns(case.constants.wall_error_max_ms).saturating_mul(2);
    let (Some(then), Some(now)) = (failure.place, case.place) else { return all_ns };
    if then.machine != now.machine || !is_same_holder {
        return all_ns;
    }
    let ahead_then = wall_ahead_ns(then, failure.ended.at_ns);
    let ahead_now = wall_ahead_ns(now, case.mark.at_ns);
    let elapsed_ns = case.mark.at_ns.saturating_sub(failure.ended.at_ns);
    let drifted_ns = 2 * i128::from(drift_ns(case.constants, elapsed_ns)) + i128::from(NS_PER_MS);
    if (ahead_now - ahead_then).abs() <= drifted_ns { 0 } else { all_ns }
}

fn wall_ahead_ns(place: Place, at_ns: u64) -> i128 {
    i128::from(place.wall_ns) - i128::from(at_ns)
}
