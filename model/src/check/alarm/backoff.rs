//! R3: how soon and how late a failed run is followed by the next.
//!
//! ```text
//!  run fails ──── backoff ────┬── jitter ──┬── bound of L ──┐
//!  ▲ ended                    ▲ no sooner  │                ▲ no later
//! ```
//!
//! Both limits widen by the drift of monotonic clocks, by a millisecond (stored times are integer milliseconds), and
//! by the difference of the two wall clocks where machine, holder or clock changed in between.

use crate::check::case::Case;
use crate::check::cluster::changes::{Bound, Wait};
use crate::check::cluster::lateness;
use crate::check::cluster::lateness::report_late;
use crate::check::report::{OnMachine, Seconds};
use crate::check::{NS_PER_MS, leniency, ns};
use crate::history::{Constants, Place};
use crate::reference::instance::Instance;
use crate::reference::slot::{Alarm, Constructors, Failure, FailureKind};
use crate::rules::Id;

/// The limits for the start after a failure, in true time.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Window {
    pub(in crate::check) not_before_ns: u64,
    /// The end of the backoff with all jitter; the bound of L comes on top.
    pub(in crate::check) not_after_ns: u64,
}

impl Window {
    /// None where a run starts again at once. `widening_ns` is what wall clocks may add.
    pub(in crate::check) fn after(
        failure: &Failure,
        constants: &Constants,
        widening_ns: u64,
    ) -> Option<Window> {
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

/// When everything is over that holds back the next run of this alarm, with all jitter; zero if nothing does. `widening_ns` is
/// what wall clocks may add to what follows a failure.
pub(in crate::check) fn held_until_ns(
    alarm: &Alarm,
    constants: &Constants,
    widening_ns: impl Fn(&Failure) -> u64,
) -> u64 {
    let over_ns = |failure: Failure| {
        Window::after(&failure, constants, widening_ns(&failure))
            .map_or(failure.ended.at_ns, |window| window.not_after_ns)
    };
    alarm.failures_since_run().map(over_ns).max().unwrap_or(0)
}

/// Whether R3 bounds the next run of this alarm, under a holder of that epoch. What it leaves open L bounds.
pub(in crate::check) fn is_bounded(alarm: &Alarm, epoch: u64) -> bool {
    alarm.failures_since_run().any(|failure| binds(&failure, epoch))
}

fn binds(failure: &Failure, epoch: u64) -> bool {
    match failure.kind {
        FailureKind::Counted { .. } => true,
        FailureKind::Platform { .. } => failure.epoch == epoch,
        FailureKind::Unclear { .. } | FailureKind::Cut => false,
    }
}

/// What holds back a run, and what wall clocks may add to that.
#[derive(Clone, Copy, Debug)]
struct Held {
    failure: Failure,
    /// Whether it was a run that failed, else a constructor.
    is_run: bool,
    /// None where a run starts again at once.
    window: Option<Window>,
}

impl Held {
    fn not_after_ns(&self) -> u64 {
        self.window.map_or(self.failure.ended.at_ns, |window| window.not_after_ns)
    }

    fn what(&self) -> &'static str {
        if self.is_run { "run" } else { "constructor" }
    }
}

/// R3: the start of a run after what has failed since the run before. Called before the instance counts the run.
pub(in crate::check) fn spacing(case: &mut Case<'_>, alarm: &mut Alarm, instance: &Instance) {
    let run_ended = alarm.last.map(|failure| failure.ended);
    let held = |failure: Failure| Held {
        failure,
        is_run: Some(failure.ended) == run_ended,
        window: Window::after(&failure, case.constants, widening_ns(case, &failure)),
    };
    let held: Vec<Held> = alarm.failures_since_run().map(held).collect();
    (alarm.last, alarm.constructors) = (None, Constructors::default());
    let soonest = held.iter().filter(|held| binds(&held.failure, case.by.epoch));
    let soonest = soonest.filter(|held| !is_forgotten(case, held));
    let soonest = soonest.filter_map(|held| Some((held.window?.not_before_ns, held)));
    let Some((not_before_ns, first)) = soonest.max_by_key(|(not_before_ns, _)| *not_before_ns) else {
        return;
    };
    case.saw(Id::R3);
    if case.mark.at_ns < not_before_ns && !leniency::shortens(case, &first.failure, not_before_ns) {
        return too_soon(case, alarm, first, not_before_ns);
    }
    if let Some(last) = held.iter().max_by_key(|held| held.not_after_ns())
        && !alarm.is_told_late
    {
        check_not_late(case, alarm, instance, last, recorded_ns(&held));
    }
}

/// R3: the lower bound holds if the failure's record is durable. The real runtime makes none durable: a restart forgets it.
fn is_forgotten(case: &Case<'_>, held: &Held) -> bool {
    case.reports.is_lenient() && held.failure.epoch != case.by.epoch
}

/// When the record of a counted failure was durable.
fn recorded_ns(held: &[Held]) -> u64 {
    let recorded = held.iter().filter_map(|held| match held.failure.kind {
        FailureKind::Counted { recorded, .. } => Some(recorded.at_ns),
        _ => None,
    });
    recorded.max().unwrap_or(0)
}

fn too_soon(case: &mut Case<'_>, alarm: &Alarm, held: &Held, not_before_ns: u64) {
    let sentences = format!(
        "The {} that failed at {}{} was followed by the next run at {}{}. Its backoff does not end before {}.",
        held.what(),
        Seconds(held.failure.ended.at_ns),
        OnMachine(held.failure.place),
        Seconds(case.mark.at_ns),
        OnMachine(case.place),
        Seconds(not_before_ns),
    );
    case.report(Id::R3, &[alarm.setting.set, held.failure.ended], sentences);
}

/// The upper limit, wherever L has a bound.
fn check_not_late(case: &mut Case<'_>, alarm: &Alarm, instance: &Instance, held: &Held, recorded_ns: u64) {
    let Some(place) = case.place else { return };
    let after_ns = held.not_after_ns().max(recorded_ns).max(instance.run_ended_ns);
    // A clock that is set back before the end of the backoff shows that again (SPEC.md, "Clocks").
    let backoff_ns = i128::from(held.not_after_ns().saturating_sub(held.failure.ended.at_ns));
    let retry_ns = held.failure.place.map_or(0, |failed| i128::from(failed.wall_ns) + backoff_ns);
    let wall_ns = lateness::wall_ns(alarm).max(retry_ns);
    let machines = case.pace.concerned(place.machine, Some(instance), after_ns);
    let Some(mut wait) = case.pace.wait(&machines, lateness::wall_ns(alarm), after_ns, Some(instance)) else {
        return;
    };
    let steps = machines.iter().flat_map(|it| case.pace.clocks.restarts(*it, wall_ns, wait.from.latest_ns));
    wait.restarts = steps.collect();
    wait.restarts.sort_by_key(|restart| restart.step_ns);
    let bound = case.faults.bound(case.constants, &wait);
    let Some(bound) = bound.filter(|bound| case.mark.at_ns > bound.not_after_ns) else { return };
    let sentences = format!(
        "The {} that failed at {}{} was followed by the next run only at {}{}. Its backoff, with jitter, was over by {}, \
         and with the lateness that is allowed here it had to start by {}.",
        held.what(),
        Seconds(held.failure.ended.at_ns),
        OnMachine(held.failure.place),
        Seconds(case.mark.at_ns),
        OnMachine(case.place),
        Seconds(held.not_after_ns()),
        Seconds(bound.not_after_ns),
    );
    report_late(case, Id::R3, wait.from, bound, vec![alarm.setting.set, held.failure.ended], sentences);
}

/// The latest start by rule L, of what waits from that moment on.
pub(in crate::check) fn latest(case: &Case<'_>, from_ns: u64) -> Option<Bound> {
    case.faults.bound(case.constants, &Wait::from_ns(from_ns, None))
}

/// R3: what the wall clocks may add to or take from a backoff: their difference, or as much as any two of the run may differ if
/// one of them is not told.
pub(in crate::check) fn widening_ns(case: &Case<'_>, failure: &Failure) -> u64 {
    let (Some(then), Some(now)) = (failure.place, case.place) else {
        return case.pace.clocks.difference_ns(None, None);
    };
    let differ_ns = (wall_ahead_ns(now, case.mark.at_ns) - wall_ahead_ns(then, failure.ended.at_ns)).abs();
    let elapsed_ns = case.mark.at_ns.saturating_sub(failure.ended.at_ns);
    let drifted_ns = 2 * i128::from(drift_ns(case.constants, elapsed_ns)) + i128::from(NS_PER_MS);
    let is_own = then.machine == now.machine && differ_ns <= drifted_ns;
    if is_own { 0 } else { u64::try_from(differ_ns).unwrap_or(u64::MAX) }
}

fn wall_ahead_ns(place: Place, at_ns: u64) -> i128 {
    i128::from(place.wall_ns) - i128::from(at_ns)
}
