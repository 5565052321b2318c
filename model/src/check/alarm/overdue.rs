//! Alarms that never ran by the end of the run: which promise each is owed (F1, F5, F6, F8, A10, D2, D7), and since when.

use super::{backoff, completion};
use crate::check::case::Scene;
use crate::check::cluster::changes::Wait;
use crate::check::cluster::faults::Faults;
use crate::check::cluster::lateness;
use crate::check::cluster::lateness::Pace;
use crate::check::cluster::load::Suspect;
use crate::check::leniency::handlers;
use crate::check::object::life;
use crate::check::report::Seconds;
use crate::reference::Row;
use crate::reference::object::Object;
use crate::reference::slot::{Alarm, Failure, FailureKind};
use crate::reference::transaction::VoidKind;
use crate::rules::Id;

/// F1, F8, D2, D7: an alarm that is in the slot after it had to start by the rules of L, with nothing of the object in its way.
pub(in crate::check) fn overdue(
    scene: &mut Scene<'_>,
    faults: &Faults,
    pace: &mut Pace,
    object: &Object,
    alarm: &Alarm,
) {
    if handlers::drops(scene, alarm.setting.scheduled_ms) {
        return;
    }
    let constants = scene.constants;
    let current = object.current.as_ref().filter(|current| current.ended.is_none());
    if current.is_some_and(|current| life::is_in_the_way(constants, scene.reports, current, scene.mark)) {
        return;
    }
    let Some(wait) = wait(scene, pace, object) else { return };
    let Some(bound) = faults.bound(constants, &wait) else { return };
    if bound.not_after_ns >= scene.mark.at_ns || completion::awaits_its_commit(scene, faults, alarm, current)
    {
        return;
    }
    let since_ns = wait.from.latest_ns;
    let eligible_ns = wait.from.earliest_ns;
    let (rule, how) = match owed(&object.row, alarm) {
        (Id::F1, how) => faults
            .still_missing(pace, object.current.as_ref().and_then(|current| current.machine))
            .or_else(|| is_asleep(scene, object))
            .unwrap_or((Id::F1, how)),
        owed => owed,
    };
    let sentences = format!(
        "The alarm {how}that was set for {} at {} was durable at {} and was not replaced, deleted or given up. Nothing \
         kept it from running after {}, yet at the end of the run, at {}, it had not run to a successful end.",
        scene.scheduled(alarm.setting.scheduled_ms),
        Seconds(alarm.setting.set.at_ns),
        Seconds(alarm.committed.at_ns),
        Seconds(since_ns),
        Seconds(scene.mark.at_ns),
    );
    let mut evidence = vec![alarm.setting.set, alarm.committed, scene.mark];
    evidence.extend(alarm.failures_since_run().map(|failure| failure.ended));
    let machine = object.current.as_ref().and_then(|current| current.machine).or(alarm.setting.machine);
    let Some(machine) = machine.filter(|_| bound.is_calm() || pace.load.may_widen()) else {
        return scene.report(rule, &evidence, sentences);
    };
    // L3: its machine may have had too many.
    pace.load.add(machine, eligible_ns);
    let suspect = Suspect {
        machine,
        eligible_ns,
        not_after_ns: bound.not_after_ns,
        is_calm: bound.is_calm(),
        object: scene.name.clone(),
        at_ns: scene.mark.at_ns,
        evidence,
        sentences,
    };
    pace.load.suspect(rule, suspect);
}

/// F1 and its relatives: which promise an alarm is owed, and how to call that alarm.
pub(in crate::check) fn owed(row: &Row, alarm: &Alarm) -> (Id, &'static str) {
    let since = alarm.last.map_or(alarm.setting.set, |failure| failure.ended);
    if let Some(void) = row.void_alarm_change(since) {
        return match void.kind {
            VoidKind::Transaction => {
                (Id::S5, "(which a transaction that was rolled back had replaced or deleted) ")
            }
            VoidKind::Refused => (Id::S8, "(which a delete_all that was refused had to leave as it was) "),
        };
    }
    match (alarm.setting.in_run_of_ms, alarm.last.map(|failure| failure.kind)) {
        (Some(time_ms), _) if time_ms == alarm.setting.scheduled_ms => {
            (Id::A10, "(set in a run of another alarm for the same time) ")
        }
        (Some(_), _) => (Id::F5, "(set while alarm() ran) "),
        (None, Some(FailureKind::Cut)) => (Id::F6, "(whose run was cut short by the loss of its machine) "),
        (None, _) => (Id::F1, ""),
    }
}

/// F8: whether the history says that the object is in no memory, so that nothing but its alarm can wake it.
fn is_asleep(scene: &mut Scene<'_>, object: &Object) -> Option<(Id, &'static str)> {
    object.current.as_ref().filter(|current| current.ended.is_some() && !current.is_end_untold)?;
    scene.reports.saw(Id::F8);
    Some((Id::F8, "(of an object that is not in memory, so that nothing else wakes it) "))
}

/// What the object's alarm waits for at the end of the run, on whichever machine may have to start it. None if it has no alarm, or
/// no clock is known.
pub(in crate::check) fn wait<'a>(scene: &Scene<'_>, pace: &Pace, object: &'a Object) -> Option<Wait<'a>> {
    let alarm = object.row.slot.alarm.as_ref().filter(|_| !object.row.slot.doubtful)?;
    let current = object.current.as_ref();
    let machine = current.and_then(|current| current.machine).or(alarm.setting.machine);
    let widening_ns = |failure: &Failure| {
        let then = failure.place.map(|place| (place, failure.ended.at_ns));
        pace.clocks.difference_ns(then, machine)
    };
    let retry_ns = backoff::held_until_ns(alarm, scene.constants, widening_ns);
    let ended_ns = current.map_or(0, |current| current.run_ended_ns);
    let after_ns = retry_ns.max(alarm.committed.at_ns).max(ended_ns);
    let wall_ns = lateness::wall_ns(alarm);
    let Some(machine) = machine else {
        let machines: Vec<u16> = pace.clocks.read().collect();
        return pace.wait(&machines, wall_ns, after_ns, current);
    };
    let own = pace.wait(&[machine], wall_ns, after_ns, current)?;
    let machines = pace.concerned(machine, current, own.from.earliest_ns);
    if machines == [machine] { Some(own) } else { pace.wait(&machines, wall_ns, after_ns, current) }
}
