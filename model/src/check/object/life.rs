//! Starts and ends of instances: what is lost between them (S3, S4, O7), what they do to the run in progress (F6), and when they
//! are in the way of their object's alarm.

use super::over_limit;
use crate::check::alarm::{limit, resets};
use crate::check::case::Case;
use crate::check::cluster::faults::Faults;
use crate::check::cluster::lateness::Pace;
use crate::check::coverage::Kinds;
use crate::check::report::{Reports, Seconds};
use crate::check::{NS_PER_MS, is_overtime, leniency, ns};
use crate::history::{Cause, Constants, EndReason, Place, ResetCause};
use crate::reference::conduct::Constructor;
use crate::reference::instance::{Ended, Instance};
use crate::reference::object::{self, LostTurn, Object};
use crate::reference::slot::{End, Failure, FailureKind, Slot};
use crate::reference::{Mark, Row};
use crate::rules::Id;

/// R1: what exceeds its limit is ended within this, in milliseconds: a machine may need a moment to see it.
pub(in crate::check) const ENDED_WITHIN_MS: u64 = 1_000;

/// An instance starts, and the history tells that; it may not know what for.
pub(in crate::check) fn starts(
    case: &mut Case<'_>,
    object: &mut Object,
    cause: Option<Cause>,
    slice: Option<u16>,
) {
    let machine = case.place.map(|place| place.machine);
    let mut instance = Instance::new(case.by, machine, case.mark).constructed_for(cause);
    instance.slice = slice;
    start(case, object, instance);
}

/// The first that is heard of an instance. `machine`: where it is, if that tells.
pub(in crate::check) fn is_heard_of(case: &mut Case<'_>, object: &mut Object, machine: Option<u16>) {
    let instance = Instance::new(case.by, machine, case.mark);
    start(case, object, instance);
}

fn start(case: &mut Case<'_>, object: &mut Object, instance: Instance) {
    let machine = instance.machine;
    is_stopped(case.constants, case.reports, case.faults, case.pace, object);
    let current = object.current.as_mut().filter(|current| current.ended.is_none());
    if let Some(current) = current {
        stays_in_the_way(case.constants, case.reports, current, case.mark);
        // Under one holder nothing but a reset is in between, of which the history does not tell.
        if current.epoch == case.by.epoch && may_construct(current) {
            constructor_failed(case, &mut object.row, current, false);
        }
    }
    occasions(case, object, machine);
    over_limit::never_failed(case, object);
    forget_timers(case, object, machine);
    let unsure = case.omits_commits.then(|| leniency::unsure(case.constants, case.reports));
    if let Some(lost) = object.start(instance, unsure) {
        lost_turn(case, lost);
    }
    case.reports.give_up(&mut object.row, &mut object.doubtful);
}

/// The real runtime keeps its retry timers in memory: they go with the machine, or stay behind on it. Within an epoch an
/// instance whose end is not told may have left memory alone.
fn forget_timers(case: &Case<'_>, object: &mut Object, machine: Option<u16>) {
    let Some(before) = object.current.as_ref().filter(|before| before.epoch <= case.by.epoch) else { return };
    let is_lost = match before.ended {
        Some(ended) => ended == Ended::Lost,
        None => before.epoch < case.by.epoch,
    };
    if is_lost || before.machine != machine {
        object.row.each_slot(Slot::restart);
    }
}

/// What a start gives occasion to see. A crash is whatever took the instance before this one without an orderly end.
fn occasions(case: &mut Case<'_>, object: &Object, machine: Option<u16>) {
    case.saw(Id::O4);
    let crashed =
        object.current.as_ref().filter(|before| before.ended.is_none_or(|ended| ended == Ended::Lost));
    let Some(crashed) = crashed.filter(|before| before.epoch <= case.by.epoch) else { return };
    if crashed.machine != machine {
        case.saw(Id::O6);
    }
    if crashed.run.is_some() && crashed.ended.is_none() {
        case.saw(Id::F6);
    }
    if crashed.has_written {
        case.saw(Id::S3);
    }
    if crashed.has_written_twice_in_a_turn {
        case.saw(Id::S2);
    }
}

/// S3: what was acknowledged is durable, or becomes durable before anybody could miss it. S4: so does whatever an instance has
/// written that was evicted because it was idle: only what is lost loses anything.
pub(in crate::check) fn lost_turn(case: &mut Case<'_>, lost: LostTurn) {
    let LostTurn { instance, turn, write, ack, end, ended } = lost;
    if let Some(end) = end {
        return lost_end(case, &lost, end);
    }
    let how = match ack {
        Some(ack) => format!("was acknowledged {ack}"),
        None => "its instance was evicted, which loses nothing".to_owned(),
    };
    let sentences = format!(
        "Turn {turn} of instance {instance} of {} began to write at {}, and {how}. It never became durable: at {} instance \
         {} had started, and from then on it cannot.",
        case.name,
        Seconds(write.at_ns),
        Seconds(case.mark.at_ns),
        case.by.instance,
    );
    let rule = match (ended, ack) {
        (Some(Ended::OverLimit), _) => Id::O7,
        (_, Some(_)) => Id::S3,
        (_, None) => Id::S4,
    };
    let evidence: Vec<_> = [write].into_iter().chain(ack.map(|ack| ack.mark)).collect();
    case.report(rule, &evidence, sentences);
}

/// F4: the end of a run is durable like what the run has written, and an instance that was idle and evicted loses nothing. The real
/// runtime records no failure.
fn lost_end(case: &mut Case<'_>, lost: &LostTurn, end: End) {
    if end == End::Fails && case.reports.is_lenient() {
        return;
    }
    let what = match end {
        End::Completes => "the removal of its alarm",
        End::Fails => "the record of its failure",
    };
    let sentences = format!(
        "A run of alarm() ended at {} in turn {} of instance {} of {}, which was evicted because it was idle. That loses nothing; \
         yet {what} never became durable: at {} instance {} had started, and from then on it cannot.",
        Seconds(lost.write.at_ns),
        lost.turn,
        lost.instance,
        case.name,
        Seconds(case.mark.at_ns),
        case.by.instance,
    );
    case.report(Id::F4, &[lost.write], sentences);
}

/// The constructor ends. One that fails is a failure of the platform (R1) for the alarm that it was to run for.
pub(in crate::check) fn constructor_end(case: &mut Case<'_>, object: &mut Object, has_failed: bool) {
    let Some(acting) = object.acting(case.by) else { return };
    is_constructed(case, acting.instance);
    if has_failed {
        // A request may have waited for this constructor together with the alarm, so that it is unclear what counted.
        let is_sure = acting.instance.cause == Some(Cause::Alarm);
        constructor_failed(case, acting.row, acting.instance, is_sure);
    }
}

/// "Lateness": a constructor has run until now, as far as it may.
fn is_constructed(case: &Case<'_>, instance: &mut Instance) {
    let limit_ms = case.constants.constructor_limit_ms.saturating_add(ENDED_WITHIN_MS);
    let limit_ns = instance.started.at_ns.saturating_add(ns(limit_ms));
    instance.closed.add(instance.started.at_ns, case.mark.at_ns.min(limit_ns));
}

/// O4: a request or the alarm reaches an instance: its constructor is over by then, whether or not the history tells of its end.
pub(in crate::check) fn lets_in(case: &Case<'_>, instance: &mut Instance) {
    if may_construct(instance) {
        is_constructed(case, instance);
    }
    instance.conduct.has_let_in = true;
}

/// Whether the constructor of an instance runs, as far as the history shows.
pub(in crate::check) fn is_constructing(instance: &Instance) -> bool {
    instance.conduct.constructor == Constructor::Running && !instance.conduct.has_let_in
}

fn constructor_failed(case: &Case<'_>, row: &mut Row, instance: &Instance, is_sure: bool) {
    if instance.superseded {
        return;
    }
    let (ended, place, epoch, turn) = (case.mark, case.place, instance.epoch, case.by.turn);
    let failed = Failure {
        ended,
        place,
        epoch,
        turn,
        computed_ns: instance.conduct.computed_ns(ended),
        kind: FailureKind::Cut,
    };
    // An alarm that is not due yet is not what the constructor ran for, nor what waited for it.
    let is_own_clock =
        |place: &Place| !case.pace.clocks.has_stepped_since(place.machine, instance.started.at_ns);
    let latest_ms =
        place.filter(is_own_clock).map_or(i64::MAX, |place| place.wall_ns / NS_PER_MS.cast_signed());
    row.each_slot(|slot| slot.constructor_failed(instance.instance, failed, is_sure, latest_ms));
}

/// The instance is no more. A run in it was cut short (F6).
pub(in crate::check) fn end(case: &mut Case<'_>, object: &mut Object, reason: &EndReason) {
    let Some(acting) = object.acting(case.by) else { return };
    if let EndReason::Reset { cause, .. } = reason {
        resets::is_reset(case, acting.instance, *cause);
    }
    limit::takes_along(case, acting.instance);
    let ended = match reason {
        EndReason::Lost => Ended::Lost,
        EndReason::OverLimit { .. } => Ended::OverLimit,
        EndReason::Evicted => Ended::Evicted,
        EndReason::Reset { .. } | EndReason::Moved => Ended::Orderly,
    };
    let scene = Leaving { constants: case.constants, ended, mark: case.mark, place: case.place };
    let is_constructing = may_construct(acting.instance);
    leaves(case.reports, acting.row, acting.instance, scene);
    if is_constructing && matches!(reason, EndReason::Reset { .. } | EndReason::OverLimit { .. }) {
        let is_of_constructor =
            matches!(reason, EndReason::Reset { cause: Some(ResetCause::Constructor), .. });
        let is_sure = is_of_constructor && acting.instance.cause == Some(Cause::Alarm);
        constructor_failed(case, acting.row, acting.instance, is_sure);
    }
}

/// R1: whether the constructor of an instance may be running, so that what resets the instance makes it fail. Where the history
/// does not tell of starts or ends of constructors it may have ended long ago.
pub(in crate::check) fn may_construct(instance: &Instance) -> bool {
    let conduct = &instance.conduct;
    matches!(conduct.constructor, Constructor::Running | Constructor::Unseen)
        && instance.runs == 0
        && !conduct.has_let_in
}

/// F6: an instance is lost when its machine stops, whether or not the history says so of the instance too. One that has
/// gone on since was not.
pub(in crate::check) fn is_stopped(
    constants: &Constants,
    reports: &mut Reports,
    faults: &Faults,
    pace: &Pace,
    object: &mut Object,
) {
    let Object { row, current: Some(current), .. } = object else { return };
    let Some(machine) = current.machine.filter(|_| current.ended.is_none()) else { return };
    let last = current.conduct.turn_began.unwrap_or(current.started).max(current.started);
    let stopped = faults.stopped(machine, pace.datacenter(machine));
    if let Some(stopped) = stopped.filter(|stopped| *stopped > last) {
        let scene = Leaving { constants, ended: Ended::Lost, mark: stopped, place: None };
        leaves(reports, row, current, scene);
        current.is_end_untold = true;
    }
}

/// "Lateness": since when an instance keeps its object's alarm from being given to it, because its gate is closed, by a section
/// or a read, or because its constructor runs. None if it does not.
pub(in crate::check) fn closed_since_ns(reports: &Reports, instance: &Instance) -> Option<u64> {
    let conduct = &instance.conduct;
    let is_told = reports.tally.has(Kinds::OP_RESULT);
    let waiting =
        conduct.outstanding().iter().filter(|call| is_told && call.closes_gate()).map(|call| call.mark);
    let constructing = is_constructing(instance).then_some(instance.started);
    conduct.gate_closed.into_iter().chain(waiting).chain(constructing).map(|since| since.at_ns).min()
}

/// Until when that lasts at most: O4: no constructor is in the way longer than it may take.
fn closed_until_ns(constants: &Constants, reports: &Reports, instance: &Instance, now: Mark) -> u64 {
    let conduct = &instance.conduct;
    let is_only_constructing = is_constructing(instance)
        && conduct.gate_closed.is_none()
        && !(reports.tally.has(Kinds::OP_RESULT)
            && conduct.outstanding().iter().any(|call| call.closes_gate()));
    let limit_ms = constants.constructor_limit_ms;
    if is_only_constructing && is_overtime(constants, instance.started, now, limit_ms) {
        return instance.started.at_ns.saturating_add(ns(limit_ms));
    }
    now.at_ns
}

/// Whether an instance is in the way of its object's alarm now: because a run is in progress in it, or its gate is closed.
pub(in crate::check) fn is_in_the_way(
    constants: &Constants,
    reports: &Reports,
    instance: &Instance,
    now: Mark,
) -> bool {
    let is_closed = || closed_since_ns(reports, instance).is_some();
    instance.run.is_some() || (is_closed() && closed_until_ns(constants, reports, instance, now) == now.at_ns)
}

/// The gate of an instance that ends, or that a newer one succeeds, opens with the next one. So ends its run.
fn stays_in_the_way(constants: &Constants, reports: &Reports, instance: &mut Instance, now: Mark) {
    if let Some(since_ns) = closed_since_ns(reports, instance) {
        let until_ns = closed_until_ns(constants, reports, instance, now);
        instance.closed.add(since_ns, until_ns);
    }
    if instance.run.is_some() {
        instance.run_ended_ns = instance.run_ended_ns.max(now.at_ns);
    }
}

/// How and when an instance leaves memory.
struct Leaving<'a> {
    constants: &'a Constants,
    ended: Ended,
    mark: Mark,
    place: Option<Place>,
}

/// An instance leaves memory.
fn leaves(reports: &mut Reports, row: &mut Row, instance: &mut Instance, scene: Leaving<'_>) {
    let Leaving { constants, ended, mark, place } = scene;
    let is_lost = ended == Ended::Lost;
    stays_in_the_way(constants, reports, instance, mark);
    if instance.run.is_some() && is_lost {
        reports.saw(Id::F6);
    }
    instance.ended = Some(ended);
    instance.ended_ns = mark.at_ns;
    if ended == Ended::OverLimit {
        reports.saw(Id::O7);
    }
    if instance.superseded {
        instance.run = None;
        return;
    }
    object::interrupt(row, instance, mark, place, is_lost);
}
