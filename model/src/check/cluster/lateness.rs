//! Lateness (SPEC.md, "Words"): from the moment at which a run may start to the moment at which it does. Measured here,
//! told with the verdict, and held against L1 to L4.
//!
//! ```text
//!  T, or the end of the backoff ─┬─ set_alarm commits ─┬─ the gate opens ─┬──── lateness ────┐
//!                                                                        ▲ eligible         ▲ alarm() starts
//! ```
//!
//! Of that time what the object's gate was closed does not count ([`crate::reference::closed`]). What may start on several machines
//! is judged by the latest of their clocks. Retries with a bound of R3 are held against L there, by the same functions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::changes::{Bound, Wait};
use super::clocks::{Clocks, When};
use super::load::{Load, Suspect};
use crate::check::NS_PER_MS;
use crate::check::alarm::backoff;
use crate::check::alarm::backoff::Window;
use crate::check::case::Case;
use crate::check::leniency::timers;
use crate::check::object::life;
use crate::check::report::{OnMachine, Seconds};
use crate::history::{Cause, Header};
use crate::lateness::Lateness;
use crate::reference::instance::{Ended, Instance};
use crate::reference::slot::Alarm;
use crate::reference::{Mark, Row};
use crate::rules::Id;

/// How many holders of a slice are remembered.
const HOLDERS_MAX: usize = 64;

/// How late runs were and where they ran, how busy each machine was, what the clocks showed, and who held what.
#[derive(Debug, Default)]
pub(in crate::check) struct Pace {
    pub(in crate::check) lateness: Lateness,
    pub(in crate::check) datacenter_of: Vec<u16>,
    pub(in crate::check) load: Load,
    pub(in crate::check) clocks: Clocks,
    /// By slice: who has held it, and from when on.
    holders: BTreeMap<u16, VecDeque<(u64, u16)>>,
}

impl Pace {
    pub(in crate::check) fn new(header: &Header) -> Self {
        Pace {
            datacenter_of: header.datacenter_of.clone(),
            load: Load::new(header.constants.speed),
            clocks: Clocks::new(header),
            ..Pace::default()
        }
    }

    pub(in crate::check) fn datacenter(&self, machine: u16) -> Option<u16> {
        self.datacenter_of.get(usize::from(machine)).copied()
    }

    /// How many datacenters there are.
    pub(in crate::check) fn datacenters(&self) -> usize {
        self.datacenter_of.iter().collect::<BTreeSet<_>>().len()
    }

    /// A machine holds a slice from now on.
    pub(in crate::check) fn holds(&mut self, slice: u16, machine: u16, at_ns: u64) {
        let holders = self.holders.entry(slice).or_default();
        if holders.len() == HOLDERS_MAX {
            holders.pop_front();
        }
        holders.push_back((at_ns, machine));
    }

    /// Who has held a slice from that time on, the first one first. None where the history does not tell.
    fn holders_since(&self, slice: Option<u16>, since_ns: u64) -> Option<Vec<u16>> {
        let holders = self.holders.get(&slice?)?;
        let first = holders.partition_point(|(at_ns, _)| *at_ns <= since_ns).saturating_sub(1);
        Some(holders.range(first..).map(|(_, machine)| *machine).collect())
    }

    /// What waits for a wall time on one of these machines, and for no more than `after_ns` on all of them. None where no clock
    /// is known.
    pub(in crate::check) fn wait<'a>(
        &self,
        machines: &[u16],
        wall_ns: i128,
        after_ns: u64,
        instance: Option<&'a Instance>,
    ) -> Option<Wait<'a>> {
        let mut from: Option<When> = None;
        for machine in machines {
            let when = self.clocks.shows(*machine, wall_ns, after_ns)?;
            from = Some(from.map_or(when, |from| from.or(when)));
        }
        let from = from?;
        let restarts =
            machines.iter().flat_map(|machine| self.clocks.restarts(*machine, wall_ns, from.latest_ns));
        let mut restarts: Vec<_> = restarts.collect();
        restarts.sort_by_key(|restart| restart.step_ns);
        let (closed, slice) = (instance.map(|instance| &instance.closed), instance.and_then(|it| it.slice));
        Some(Wait { from, restarts, closed, slice })
    }

    /// The machines on which an alarm may have waited from `since_ns` on that starts on `machine`, or would start there, in this
    /// instance or the next.
    pub(in crate::check) fn concerned(
        &self,
        machine: u16,
        instance: Option<&Instance>,
        since_ns: u64,
    ) -> Vec<u16> {
        let was_here = |instance: &Instance| {
            instance.ended.is_none_or(|ended| ended == Ended::Evicted)
                && instance.machine == Some(machine)
                && instance.here_since_ns <= since_ns
        };
        if instance.is_some_and(was_here) {
            return vec![machine];
        }
        let told = self.holders_since(instance.and_then(|instance| instance.slice), since_ns);
        let mut machines = told.unwrap_or_else(|| self.clocks.read().collect());
        machines.push(machine);
        machines.sort_unstable();
        machines.dedup();
        machines
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

/// Whether the object was in no memory then: it is cold, whatever woke it in the end (F8).
fn was_absent(instance: &Instance, then_ns: u64) -> bool {
    instance.absent_since_ns.is_some_and(|since_ns| since_ns <= then_ns) && instance.started.at_ns >= then_ns
}

/// A run starts for `alarm`: notes how late and where, and judges it. Called before the instance counts the run and the
/// alarm forgets its failure.
pub(in crate::check) fn measure(case: &mut Case<'_>, alarm: &mut Alarm, instance: &Instance) {
    let Some(place) = case.place else { return };
    case.pace.see_where(alarm, place.machine);
    let Some(wait) = waits_here(case, alarm, instance) else { return };
    if instance.runs == 0 && was_absent(instance, wait.from.latest_ns) {
        case.saw(Id::F8);
    }
    case.pace.load.add(place.machine, wait.from.latest_ns);
    case.pace.lateness.add(wait.lasted_ns(case.mark.at_ns));
    if backoff::is_bounded(alarm, case.by.epoch) || alarm.is_told_late {
        return;
    }
    if let Some((wait, bound)) = too_late(case, alarm, instance, wait, case.mark.at_ns) {
        judge(case, alarm, bound, wait.from, instance, Start::At(case.mark.at_ns));
    }
}

/// L1 to L4: an alarm is about to be replaced or deleted by a call that is made now, in the slot of its object. It is late if it
/// had to start before, and had not.
pub(in crate::check) fn is_passed_over(case: &mut Case<'_>, row: &mut Row, instance: &Instance) {
    let Some(mut alarm) = row.slot.alarm.clone().filter(|_| case.place.is_some()) else { return };
    let is_in_slot = instance.scheduled(&row.slot).is_some_and(|it| it.set == alarm.setting.set);
    let has_run = instance.has_ended_run_of(&alarm.setting);
    let is_unsure = row.slot.doubtful || row.is_unsure_of_slot() || alarm.is_told_late;
    if !is_in_slot || has_run || is_unsure || instance.superseded || instance.run.is_some() {
        return;
    }
    let open_ns = life::closed_since_ns(case.reports, instance).unwrap_or(case.mark.at_ns);
    let Some(wait) = waits_here(case, &alarm, instance) else { return };
    let Some((wait, bound)) = too_late(case, &alarm, instance, wait, open_ns) else { return };
    judge(case, &alarm, bound, wait.from, instance, Start::Never);
    alarm.is_told_late = true;
    row.slot.alarm = Some(alarm);
}

/// What an alarm waits for that starts here and now, or would.
fn waits_here<'a>(case: &Case<'_>, alarm: &Alarm, instance: &'a Instance) -> Option<Wait<'a>> {
    case.pace.wait(&[case.place?.machine], wall_ns(alarm), held_ns(case, alarm, instance), Some(instance))
}

/// Until when an alarm cannot start, whatever its time.
fn held_ns(case: &Case<'_>, alarm: &Alarm, instance: &Instance) -> u64 {
    // How much jitter was drawn is not to be seen: a retry counts from the end of its backoff with all jitter.
    let retry_ns =
        backoff::held_until_ns(alarm, case.constants, |failure| backoff::widening_ns(case, failure));
    retry_ns.max(alarm.committed.at_ns).max(instance.run_ended_ns)
}

/// By what bound a start at that time is too late, if it is. By the clock of the machine alone if that held the alarm all the
/// time; else by the latest of those that may have.
fn too_late<'a>(
    case: &mut Case<'_>,
    alarm: &Alarm,
    instance: &'a Instance,
    wait: Wait<'a>,
    start_ns: u64,
) -> Option<(Wait<'a>, Bound)> {
    let bound = case.faults.bound(case.constants, &wait)?;
    case.saw(bound.rule);
    let machine = case.place?.machine;
    if start_ns <= bound.not_after_ns {
        return None;
    }
    let machines = case.pace.concerned(machine, Some(instance), wait.from.earliest_ns);
    if machines == [machine] {
        return Some((wait, bound));
    }
    let wait = case.pace.wait(&machines, wall_ns(alarm), held_ns(case, alarm, instance), Some(instance))?;
    let bound = case.faults.bound(case.constants, &wait)?;
    (start_ns > bound.not_after_ns).then_some((wait, bound))
}

/// The time that an alarm is for.
pub(in crate::check) fn wall_ns(alarm: &Alarm) -> i128 {
    i128::from(alarm.setting.scheduled_ms) * i128::from(NS_PER_MS)
}

/// What became of an alarm that is late.
#[derive(Clone, Copy, Debug)]
enum Start {
    At(u64),
    /// It is replaced or deleted.
    Never,
}

/// A run starts whose lateness cannot be told: notes where it does.
pub(in crate::check) fn see(case: &mut Case<'_>, alarm: Option<&mut Alarm>) {
    let (Some(place), Some(alarm)) = (case.place, alarm) else { return };
    case.pace.load.add(place.machine, case.mark.at_ns);
    case.pace.see_where(alarm, place.machine);
}

/// A run starts after its bound, so that the rule is broken; in calm, as far as its machine had not too many alarms (L3).
pub(in crate::check) fn report_late(
    case: &mut Case<'_>,
    rule: Id,
    from: When,
    bound: Bound,
    mut evidence: Vec<Mark>,
    sentences: String,
) {
    let Some(place) = case.place.filter(|_| bound.is_calm() || case.pace.load.may_widen()) else {
        return case.report(rule, &evidence, sentences);
    };
    evidence.push(case.mark);
    let suspect = Suspect {
        machine: place.machine,
        eligible_ns: from.earliest_ns,
        not_after_ns: bound.not_after_ns,
        is_calm: bound.is_calm(),
        object: case.name.clone(),
        at_ns: case.mark.at_ns,
        evidence,
        sentences,
    };
    case.pace.load.suspect(rule, suspect);
}

/// L1 to L4, and R5 where an alarm waited for the end of a backoff that was not its own.
fn judge(case: &mut Case<'_>, alarm: &Alarm, bound: Bound, from: When, instance: &Instance, start: Start) {
    let mut evidence = vec![alarm.setting.set, alarm.committed];
    let mut rule = bound.rule;
    let mut why = format!("{}.", bound.because);
    let backoff = alarm.ended_retries.filter(|_| bound.is_calm());
    let waited_for_backoff = |failure| {
        let window = Window::after(&failure, case.constants, 0)?;
        (case.mark.at_ns >= window.not_before_ns).then_some(failure)
    };
    if let Some(failure) = backoff.and_then(waited_for_backoff) {
        rule = Id::R5;
        evidence.push(failure.ended);
        why = format!(
            "It was set when the alarm before it had failed at {}, and waited for the end of that alarm's backoff.",
            Seconds(failure.ended.at_ns)
        );
    }
    let waited_for_request = instance.cause == Some(Cause::Request)
        && instance.started.at_ns > bound.not_after_ns
        && instance.absent_since_ns.is_some_and(|since_ns| since_ns <= from.earliest_ns);
    if waited_for_request {
        rule = Id::F8;
        evidence.push(instance.started);
        why = format!(
            "The object was not in memory, and nothing woke it before a request did at {}.",
            Seconds(instance.started.at_ns)
        );
    }
    if rule == Id::R5 && case.reports.is_lenient() {
        if timers::lets_pass(case, alarm) {
            return;
        }
        rule = bound.rule;
    }
    let started = match start {
        Start::At(at_ns) => format!("started at {}", Seconds(at_ns)),
        Start::Never => {
            format!("had not started at {}, when it was replaced or deleted,", Seconds(case.mark.at_ns))
        }
    };
    let sentences = format!(
        "alarm(), set at {} for {}, could start at {} and {started}{}; it had to start by {}. {why}",
        Seconds(alarm.setting.set.at_ns),
        case.reports.wall(alarm.setting.scheduled_ms),
        Seconds(from.latest_ns),
        OnMachine(case.place),
        Seconds(bound.not_after_ns),
    );
    report_late(case, rule, from, bound, evidence, sentences);
}
