//! Lateness (SPEC.md, "Words"): from the moment at which a run may start to the moment at which it does. Measured here,
//! told with the verdict, and held against L1 to L4.
//!
//! ```text
//!  T, or the end of the backoff ─┬─ set_alarm commits ─┬─ the gate opens ─┬──── lateness ────┐
//!                                                                        ▲ eligible         ▲ alarm() starts
//! ```
//!
//! Retries with a bound of R3 are held against L there, by the same function ([`super::faults::Faults::bound`]).

use std::collections::{BTreeSet, VecDeque};

use super::changes::Bound;
use super::report::{OnMachine, Seconds};
use super::retries::{self, Window};
use super::{Case, LIVENESS_WALL_ERROR_MAX_MS, NS_PER_MS, ns};
use crate::history::{Cause, Place};
use crate::lateness::Lateness;
use crate::reference::instance::Instance;
use crate::reference::slot::Alarm;
use crate::rules::Id;

/// L3: up to so many alarms a second on one machine are promised to be on time.
const CALM_ALARMS_PER_SECOND_MAX: usize = 100;

/// L3: the second that they are counted in.
const SECOND_NS: u64 = 1_000_000_000;

/// How late runs were and where they ran, and how busy each machine was.
#[derive(Debug, Default)]
pub(super) struct Pace {
    pub(super) lateness: Lateness,
    pub(super) datacenter_of: Vec<u16>,
    machines: Vec<Load>,
}

#[derive(Clone, Debug, Default)]
struct Load {
    /// The starts of the last second.
    starts: VecDeque<u64>,
    /// When there were last more of them than L3 allows for.
    over_ns: Option<u64>,
}

impl Pace {
    pub(super) fn new(datacenter_of: Vec<u16>) -> Self {
        let machines = vec![Load::default(); datacenter_of.len()];
        Pace { lateness: Lateness::default(), datacenter_of, machines }
    }

    pub(super) fn datacenter(&self, machine: u16) -> Option<u16> {
        self.datacenter_of.get(usize::from(machine)).copied()
    }

    /// How many datacenters there are.
    pub(super) fn datacenters(&self) -> usize {
        self.datacenter_of.iter().collect::<BTreeSet<_>>().len()
    }

    fn start(&mut self, machine: u16, at_ns: u64) {
        let Some(load) = self.machines.get_mut(usize::from(machine)) else { return };
        while load.starts.front().is_some_and(|start_ns| start_ns.saturating_add(SECOND_NS) <= at_ns) {
            load.starts.pop_front();
        }
        if load.starts.len() < CALM_ALARMS_PER_SECOND_MAX {
            load.starts.push_back(at_ns);
        } else {
            load.over_ns = Some(at_ns);
        }
    }

    /// Whether the machine has had more alarms than L3 allows for since then.
    fn is_over(&self, machine: u16, since_ns: u64) -> bool {
        let load = self.machines.get(usize::from(machine));
        load.and_then(|load| load.over_ns)
            .is_some_and(|over_ns| over_ns.saturating_add(SECOND_NS) >= since_ns)
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

/// A run starts for `alarm`: notes how late and where, and judges it. Called before the instance counts the run and the
/// alarm forgets its failure.
pub(super) fn measure(case: &mut Case<'_>, alarm: &mut Alarm, instance: &Instance) {
    let Some(place) = case.place else { return };
    case.pace.start(place.machine, case.mark.at_ns);
    case.pace.see_where(alarm, place.machine);
    let may_start_ns = may_start_ns(case, alarm, place);
    // An object that was in no memory when it was due is cold, whatever woke it in the end (F8).
    let was_absent = instance.absent_since_ns.is_some_and(|since_ns| since_ns <= may_start_ns)
        && instance.started.at_ns >= may_start_ns;
    if instance.runs == 0 && was_absent {
        case.saw(Id::F8);
    }
    let was_cold = instance.runs == 0 && (instance.cause == Some(Cause::Alarm) || was_absent);
    let (seen_ns, eligible_ns) = if was_cold {
        (instance.started.at_ns, may_start_ns.max(instance.run_ended_ns))
    } else {
        (case.mark.at_ns, may_start_ns.max(instance.gate_ns).max(instance.run_ended_ns))
    };
    let late_ns = seen_ns.saturating_sub(eligible_ns);
    case.pace.lateness.add(late_ns);
    if retries::is_bounded(alarm, case.by.epoch) {
        return;
    }
    let Some(bound) = case.faults.bound(case.constants, eligible_ns) else { return };
    case.saw(bound.rule);
    if late_ns > ns(case.constants.lateness_calm_ms) {
        judge(case, alarm, bound, seen_ns, eligible_ns, instance);
    }
}

/// A run starts whose lateness cannot be told: notes where it does.
pub(super) fn see(case: &mut Case<'_>, alarm: Option<&mut Alarm>) {
    let (Some(place), Some(alarm)) = (case.place, alarm) else { return };
    case.pace.start(place.machine, case.mark.at_ns);
    case.pace.see_where(alarm, place.machine);
}

/// The first moment at which the alarm may start, whatever its object does.
fn may_start_ns(case: &Case<'_>, alarm: &Alarm, place: Place) -> u64 {
    // By the clock of the machine that runs it: what its error adds or takes away is E, not lateness.
    let ahead_ns = i128::from(alarm.setting.scheduled_ms) * i128::from(NS_PER_MS) - i128::from(place.wall_ns);
    let scheduled_ns = u64::try_from(i128::from(case.mark.at_ns) + ahead_ns).unwrap_or(0);
    // How much jitter was drawn is not to be seen: a retry counts from the end of its backoff with all jitter.
    let retry_ns = alarm.last.map_or(0, |failure| {
        Window::after(&failure, case.constants, 0).map_or(failure.ended.at_ns, |window| window.not_after_ns)
    });
    scheduled_ns.max(retry_ns).max(alarm.committed.at_ns)
}

/// L1 to L4, and R5 where an alarm waited for the end of a backoff that was not its own.
fn judge(
    case: &mut Case<'_>,
    alarm: &Alarm,
    bound: Bound,
    seen_ns: u64,
    eligible_ns: u64,
    instance: &Instance,
) {
    if case.constants.wall_error_max_ms > LIVENESS_WALL_ERROR_MAX_MS {
        return;
    }
    let not_after_ns = bound.not_after_ns.saturating_add(ns(case.constants.wall_error_max_ms));
    let is_calm = matches!(bound.rule, Id::L3 | Id::L4);
    let is_busy = case.place.is_some_and(|place| case.pace.is_over(place.machine, eligible_ns));
    if seen_ns <= not_after_ns || (is_calm && is_busy) {
        return;
    }
    let mut evidence = vec![alarm.setting.set, alarm.committed];
    let mut rule = bound.rule.name();
    let mut why = format!("{}.", bound.because);
    let backoff = alarm.ended_retries.filter(|_| is_calm);
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
    let sentences = format!(
        "alarm(), set at {} for {}, could start at {} and started at {}{}; it had to start by {}. {why}",
        Seconds(alarm.setting.set.at_ns),
        case.reports.wall(alarm.setting.scheduled_ms),
        Seconds(eligible_ns),
        Seconds(seen_ns),
        OnMachine(case.place),
        Seconds(not_after_ns),
    );
    case.report(rule, &evidence, sentences);
}
