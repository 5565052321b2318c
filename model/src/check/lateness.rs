//! Lateness (SPEC.md, "Words"): from the moment at which a run may start to the moment at which it does. Measured here,
//! told with the verdict, and held against L1 to L4.
//!
//! ```text
//!  T, or the end of the backoff ─┬─ set_alarm commits ─┬─ the gate opens ─┬──── lateness ────┐
//!                                                                        ▲ eligible         ▲ alarm() starts
//! ```
//!
//! Retries with a bound of R3 are held against L there, by the same functions ([`super::faults::Faults::bound`], [`Span::of`]).

use std::collections::BTreeSet;

use super::changes::Bound;
use super::load::{Load, Suspect};
use super::report::{OnMachine, Seconds};
use super::retries::{self, Window};
use super::{Case, LIVENESS_WALL_ERROR_MAX_MS, NS_PER_MS, ns, timers};
use crate::history::{Cause, Place};
use crate::lateness::Lateness;
use crate::reference::Mark;
use crate::reference::instance::Instance;
use crate::reference::slot::Alarm;
use crate::rules::Id;

/// How late runs were and where they ran, and how busy each machine was.
#[derive(Debug, Default)]
pub(super) struct Pace {
    pub(super) lateness: Lateness,
    pub(super) datacenter_of: Vec<u16>,
    pub(super) load: Load,
}

impl Pace {
    pub(super) fn new(datacenter_of: Vec<u16>) -> Self {
        Pace { datacenter_of, ..Pace::default() }
    }

    pub(super) fn datacenter(&self, machine: u16) -> Option<u16> {
        self.datacenter_of.get(usize::from(machine)).copied()
    }

    /// How many datacenters there are.
    pub(super) fn datacenters(&self) -> usize {
        self.datacenter_of.iter().collect::<BTreeSet<_>>().len()
    }

    fn see_where(&mut self, alarm: &mut Alarm, machine: u16) {
        let before = alarm.tried_on.replace(machine).or(alarm.setting.machine);
        if let Some(before) = before.filter(|before| *before != machine) {
            self.lateness.moved.machine += 1;
            let is_far = self.datacenter(before) != self.datacenter(machine);
            self.lateness.moved.datacenter += u64::from(is_far);
        }
    }
}

/// When a run could have started, and when it did: SPEC.md, "Lateness".
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) eligible_ns: u64,
    pub(super) seen_ns: u64,
}

impl Span {
    /// Of a run that starts now for an alarm that may start from `may_start_ns` on, whatever its object does. Called before
    /// the instance counts the run.
    pub(super) fn of(case: &Case<'_>, instance: &Instance, may_start_ns: u64) -> Span {
        // What an alarm has woken is cold as long as its constructor runs.
        let was_ready = instance.conduct.constructed_ns.is_some_and(|ready_ns| ready_ns < may_start_ns);
        let is_woken = instance.cause == Some(Cause::Alarm) && !was_ready;
        let eligible_ns = may_start_ns.max(instance.run_ended_ns);
        if instance.runs == 0 && (is_woken || was_absent(instance, may_start_ns)) {
            return Span { eligible_ns, seen_ns: instance.started.at_ns };
        }
        Span { eligible_ns: eligible_ns.max(instance.gate_ns), seen_ns: case.mark.at_ns }
    }
}

/// Whether the object was in no memory then: it is cold, whatever woke it in the end (F8).
fn was_absent(instance: &Instance, then_ns: u64) -> bool {
    instance.absent_since_ns.is_some_and(|since_ns| since_ns <= then_ns) && instance.started.at_ns >= then_ns
}

/// A run starts for `alarm`: notes how late and where, and judges it. Called before the instance counts the run and the
/// alarm forgets its failure.
pub(super) fn measure(case: &mut Case<'_>, alarm: &mut Alarm, instance: &Instance) {
    let Some(place) = case.place else { return };
    case.pace.see_where(alarm, place.machine);
    let may_start_ns = may_start_ns(case, alarm, place);
    if instance.runs == 0 && was_absent(instance, may_start_ns) {
        case.saw(Id::F8);
    }
    let span = Span::of(case, instance, may_start_ns);
    let late_ns = span.seen_ns.saturating_sub(span.eligible_ns);
    case.pace.load.add(place.machine, span.eligible_ns);
    case.pace.lateness.add(late_ns);
    if retries::is_bounded(alarm, case.by.epoch) {
        return;
    }
    let Some(bound) = case.faults.bound(case.constants, span.eligible_ns) else { return };
    case.saw(bound.rule);
    if late_ns > ns(case.constants.lateness_calm_ms) {
        judge(case, alarm, bound, span, instance);
    }
}

/// A run starts whose lateness cannot be told: notes where it does.
pub(super) fn see(case: &mut Case<'_>, alarm: Option<&mut Alarm>) {
    let (Some(place), Some(alarm)) = (case.place, alarm) else { return };
    case.pace.load.add(place.machine, case.mark.at_ns);
    case.pace.see_where(alarm, place.machine);
}

/// The first moment at which the alarm may start, whatever its object does.
fn may_start_ns(case: &Case<'_>, alarm: &Alarm, place: Place) -> u64 {
    // By the clock of the machine that runs it: what its error adds or takes away is E, not lateness.
    let ahead_ns = i128::from(alarm.setting.scheduled_ms) * i128::from(NS_PER_MS) - i128::from(place.wall_ns);
    let scheduled_ns = u64::try_from(i128::from(case.mark.at_ns) + ahead_ns).unwrap_or(0);
    // How much jitter was drawn is not to be seen: a retry counts from the end of its backoff with all jitter.
    let retry_ns = retries::held_until_ns(alarm, case.constants, 0);
    scheduled_ns.max(retry_ns).max(alarm.committed.at_ns)
}

/// A run starts after its bound, so that the rule is broken; in calm, as far as its machine had not too many alarms (L3).
pub(super) fn report_late(
    case: &mut Case<'_>,
    rule: &'static str,
    span: Span,
    bound: Bound,
    mut evidence: Vec<Mark>,
    sentences: String,
) {
    let Some(place) = case.place.filter(|_| bound.is_calm()) else {
        return case.report(rule, &evidence, sentences);
    };
    evidence.push(case.mark);
    let suspect = Suspect {
        machine: place.machine,
        eligible_ns: span.eligible_ns,
        not_after_ns: bound.not_after_ns,
        object: case.name.clone(),
        at_ns: case.mark.at_ns,
        evidence,
        sentences,
    };
    case.pace.load.suspect(rule, suspect);
}

/// L1 to L4, and R5 where an alarm waited for the end of a backoff that was not its own.
fn judge(case: &mut Case<'_>, alarm: &Alarm, bound: Bound, span: Span, instance: &Instance) {
    if case.constants.wall_error_max_ms > LIVENESS_WALL_ERROR_MAX_MS {
        return;
    }
    let Span { eligible_ns, seen_ns } = span;
    let bound = bound.widened(ns(case.constants.wall_error_max_ms));
    let not_after_ns = bound.not_after_ns;
    if seen_ns <= not_after_ns {
        return;
    }
    let mut evidence = vec![alarm.setting.set, alarm.committed];
    let mut rule = bound.rule.name();
    let mut why = format!("{}.", bound.because);
    let backoff = alarm.ended_retries.filter(|_| bound.is_calm());
    if let Some((failure, window)) =
        backoff.and_then(|failure| Some((failure, Window::after(&failure, case.constants, 0)?)))
        && seen_ns >= window.not_before_ns
    {
        rule = "R5";
        evidence.push(failure.ended);
        why = format!(
            "It was set when the alarm before it had failed at {}, and waited for the end of that alarm's backoff.",
            Seconds(failure.ended.at_ns)
        );
    }
    let waited_for_request = instance.cause == Some(Cause::Request)
        && instance.started.at_ns > not_after_ns
        && instance.absent_since_ns.is_some_and(|since_ns| since_ns <= eligible_ns);
    if waited_for_request {
        rule = Id::F8.name();
        evidence.push(instance.started);
        why = format!(
            "The object was in no memory, and nothing woke it before a request did at {}.",
            Seconds(instance.started.at_ns)
        );
    }
    if rule == "R5" && case.reports.is_lenient() {
        if timers::lets_pass(case, alarm) {
            return;
        }
        rule = bound.rule.name();
    }
    let sentences = format!(
        "alarm(), set at {} for {}, could start at {} and started at {}{}; it had to start by {}. {why}",
        Seconds(alarm.setting.set.at_ns),
        case.reports.wall(alarm.setting.scheduled_ms),
        Seconds(eligible_ns),
        Seconds(seen_ns),
        OnMachine(case.place),
        Seconds(not_after_ns),
    );
    report_late(case, rule, span, bound, evidence, sentences);
}
