//! The end of the run: what the datastore holds (S3 and the rules of the slot), and alarms that never ran (F1).

use std::collections::BTreeMap;

use super::blame;
use crate::check::alarm::firing;
use crate::check::alarm::retries;
use crate::check::cluster::changes::Wait;
use crate::check::cluster::faults::Faults;
use crate::check::cluster::lateness::{self, Pace};
use crate::check::cluster::load::Suspect;
use crate::check::is_overtime;
use crate::check::ns;
use crate::check::object::life;
use crate::check::report::{Reports, Scheduled, Seconds, Shown};
use crate::history::{AlarmAtRest, Blob, Constants, Key, ObjectName};
use crate::reference::instance::Instance;
use crate::reference::maybe::Fit;
use crate::reference::object::Object;
use crate::reference::slot::{Alarm, Claim, Failure, FailureKind, Setting, Slot, Spared, Why};
use crate::reference::{Mark, Row};
use crate::rules::Id;

/// One object at the end of the run, with all that judging it takes.
pub(in crate::check) struct Scene<'a> {
    pub(in crate::check) constants: &'a Constants,
    pub(in crate::check) reports: &'a mut Reports,
    pub(in crate::check) name: &'a ObjectName,
    pub(in crate::check) mark: Mark,
}

impl Scene<'_> {
    pub(in crate::check) fn report(&mut self, rule: Id, evidence: &[Mark], sentences: String) {
        self.reports.add(rule, Some(self.name), self.mark.at_ns, evidence, sentences);
    }

    fn scheduled(&self, time_ms: i64) -> Scheduled {
        Scheduled(Some(self.reports.wall(time_ms)))
    }
}

/// S3: rules out the states of an object in which the datastore could not hold this.
pub(in crate::check) fn narrow(
    reports: &mut Reports,
    object: &mut Object,
    keys: &BTreeMap<Key, Blob>,
    alarm: Option<&AlarmAtRest>,
) {
    let Object { row, doubtful, .. } = object;
    let is_held = |slot: &Slot, counts: bool| match (&slot.alarm, alarm) {
        (None, None) => true,
        (Some(known), Some(row)) => {
            let is_counted = row.retry_count.is_none_or(|count| count == known.failures);
            Claim::from(row).names(&known.setting) && (!counts || is_counted)
        }
        (None, Some(row)) => slot.spared.is_some_and(|spared| Claim::from(row).names(&spared.setting)),
        (Some(_), None) => false,
    };
    if row.observe_slot(|slot| is_held(slot, true)) == Fit::Contradicts {
        row.observe_slot(|slot| is_held(slot, false));
    }
    for key in row.unsure_keys(keys.keys()) {
        row.observe_key(&key, keys.get(&key));
    }
    reports.give_up(row, doubtful);
}

/// What the datastore holds for one object.
pub(in crate::check) fn at_rest(
    mut scene: Scene<'_>,
    object: &mut Object,
    keys: &BTreeMap<Key, Blob>,
    alarm: Option<&AlarmAtRest>,
) {
    object.at_rest = true;
    if alarm.is_some() {
        scene.reports.saw(Id::A1);
    }
    let known = object.row.slot.alarm.as_ref().map(|alarm| &alarm.setting);
    let held = known.filter(|known| alarm.is_some_and(|row| Claim::from(row).names(known)));
    keys_at_rest(&mut scene, object, keys, held);
    if object.row.slot.doubtful {
        return;
    }
    let is_other = match (&object.row.slot.alarm, alarm) {
        (None, None) => false,
        (Some(known), None) => {
            lost_alarm(&mut scene, &object.row, known);
            true
        }
        (None, Some(row)) => ghost_alarm(&mut scene, object, row),
        (Some(known), Some(row)) => other_alarm(&mut scene, object, known, row),
    };
    object.row.slot.doubtful = is_other;
}

/// S3 and its relatives: the keys at rest are what the durable turns made of them. `alarm` is the alarm of the object, if
/// the datastore holds it too.
fn keys_at_rest(scene: &mut Scene<'_>, object: &Object, keys: &BTreeMap<Key, Blob>, alarm: Option<&Setting>) {
    let known = &object.row.keys;
    let is_equal = known.iter().len() == keys.len()
        && known.iter().zip(keys).all(|(known, row)| known.0 == row.0 && known.1.value == *row.1);
    if is_equal {
        return;
    }
    let all = known.iter().map(|(key, _)| key).chain(keys.keys());
    let is_wrong = |key: &&Key| {
        known.get(key).map(|written| &written.value) != keys.get(*key) && !object.doubtful.contains(*key)
    };
    let Some(key) = all.filter(is_wrong).min() else { return };
    let (seen, writer) = (keys.get(key), known.writer(key));
    let is_split = || {
        let writer = writer?;
        let is_right = |other: &Key| keys.get(other) == known.get(other).map(|written| &written.value);
        let right = known.iter().filter(|(other, _)| is_right(other));
        let shared = right.filter_map(|(_, written)| writer.shares(&written.writer));
        shared.chain(alarm.and_then(|alarm| writer.sets(alarm))).max()
    };
    let rule = blame::rule_of(&object.row, key, seen, writer, is_split);
    let sentences = format!(
        "At the end of the run the datastore holds {} at {key:?}; it should hold {}.{}",
        Shown(seen),
        Shown(known.get(key).map(|written| &written.value)),
        blame::why(rule),
    );
    let mut evidence = vec![scene.mark];
    evidence.extend(writer.map(|writer| writer.mark));
    scene.report(rule, &evidence, sentences);
}

/// The datastore has lost an alarm: the rule says how it was set, or what became of its last run.
fn lost_alarm(scene: &mut Scene<'_>, row: &Row, alarm: &Alarm) {
    let (rule, how) = match owed(row, alarm) {
        owed if owed.0 != Id::S5 && alarm.preserved.is_some() => {
            (Id::S8, "(which a delete_all was to preserve) ")
        }
        owed => owed,
    };
    let sentences = format!(
        "The alarm {how}that was set for {} at {} was durable at {} and was not replaced, deleted, completed or given \
         up; yet at the end of the run the datastore holds no alarm.",
        scene.scheduled(alarm.setting.scheduled_ms),
        Seconds(alarm.setting.set.at_ns),
        Seconds(alarm.committed.at_ns),
    );
    scene.report(rule, &[alarm.setting.set, alarm.committed, scene.mark], sentences);
}

/// The datastore holds an alarm that has left the slot. Returns whether that is wrong.
fn ghost_alarm(scene: &mut Scene<'_>, object: &Object, row: &AlarmAtRest) -> bool {
    let slot = &object.row.slot;
    let claim = Claim::from(row);
    if let Some(spared) = slot.spared.filter(|spared| claim.names(&spared.setting)) {
        return ghost_retry(scene, &spared, row);
    }
    let held = scene.scheduled(row.scheduled_ms);
    match slot.find_gone(claim) {
        Some(gone) => {
            let (rule, story) = firing::story(scene.reports, scene.constants, gone);
            let sentences = format!(
                "The alarm that was set for {held} at {} {story}; yet at the end of the run the datastore holds it.",
                Seconds(gone.setting.set.at_ns),
            );
            scene.report(rule, &[gone.setting.set, gone.cause.op, gone.cause.commit, scene.mark], sentences);
        }
        None => {
            let sentences =
                format!("At the end of the run the datastore holds an alarm for {held}, yet none was set.");
            scene.report(Id::A1, &[scene.mark], sentences);
        }
    }
    true
}

/// R7: the datastore holds an alarm that was deleted in a run that failed. Returns whether that is wrong.
fn ghost_retry(scene: &mut Scene<'_>, spared: &Spared, row: &AlarmAtRest) -> bool {
    let is_its_time = row.scheduled_ms == spared.setting.scheduled_ms;
    let retries_max = scene.constants.retries_max;
    if is_its_time && row.retry_count.is_none_or(|count| spared.admits(count, retries_max)) {
        return false;
    }
    let sentences = format!(
        "The alarm that was set for {} at {} was deleted in a run that failed at {}. At the end of the run the datastore \
         holds it for {}{}: the deletion may fail to prevent the retry that was due, and no other.",
        scene.scheduled(spared.setting.scheduled_ms),
        Seconds(spared.setting.set.at_ns),
        Seconds(spared.failure.ended.at_ns),
        scene.scheduled(row.scheduled_ms),
        row.retry_count.map_or(String::new(), |count| format!(" with retry_count {count}")),
    );
    scene.report(Id::R7, &[spared.setting.set, spared.failure.ended, scene.mark], sentences);
    true
}

/// Both hold an alarm. Returns whether they differ.
fn other_alarm(scene: &mut Scene<'_>, object: &Object, known: &Alarm, row: &AlarmAtRest) -> bool {
    let gone = object.row.slot.find_gone(Claim::from(row));
    if gone.is_some_and(|gone| gone.why == Why::RolledBack && gone.setting.set > known.setting.set) {
        return ghost_alarm(scene, object, row);
    }
    let evidence = [known.setting.set, known.committed, scene.mark];
    let held = scene.scheduled(row.scheduled_ms);
    let set = format!(
        "set for {} at {}",
        scene.scheduled(known.setting.scheduled_ms),
        Seconds(known.setting.set.at_ns)
    );
    if !Claim::from(row).names(&known.setting) || row.scheduled_ms != known.setting.scheduled_ms {
        let sentences = format!(
            "At the end of the run the datastore holds an alarm for {held}; the object's one alarm is that {set}."
        );
        scene.report(Id::A2, &evidence, sentences);
        return true;
    }
    let Some(counted) = row.retry_count.filter(|count| *count != known.failures) else { return false };
    let sentences = format!(
        "At the end of the run the datastore counts {} failures of the alarm {set}; {} were recorded durably.",
        counted, known.failures,
    );
    scene.report(Id::R4, &evidence, sentences);
    true
}

/// F1 and its relatives: which promise an alarm is owed, and how to call that alarm.
fn owed(row: &Row, alarm: &Alarm) -> (Id, &'static str) {
    let since = alarm.last.map_or(alarm.setting.set, |failure| failure.ended);
    if row.void_alarm_change(since).is_some() {
        return (Id::S5, "(which a transaction that was rolled back had replaced or deleted) ");
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

/// What a history tells of the end of the run.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Told {
    /// When it was.
    pub(in crate::check) end: bool,
    /// What the datastore held then. That of an object nothing is told of an object then says that there is nothing of it; that
    /// nothing is told of any says nothing.
    pub(in crate::check) rest: bool,
}

/// The run is over: what has no row at rest is lost, and what is overdue never ran.
pub(in crate::check) fn end_of_run(
    mut scene: Scene<'_>,
    faults: &Faults,
    pace: &mut Pace,
    object: &mut Object,
    told: Told,
) {
    let is_gone = told.rest && !object.at_rest;
    if is_gone {
        keys_at_rest(&mut scene, object, &BTreeMap::new(), None);
    }
    if told.end && !object.is_homeless {
        endless_run(&mut scene, faults, pace, object);
    }
    let slot = &object.row.slot;
    let Some(alarm) = slot.alarm.as_ref().filter(|_| !slot.doubtful) else { return };
    // What is at rest has said which of several states it is, if it is told.
    let is_unsure = !told.rest && object.row.is_unsure_of_slot();
    if is_gone {
        lost_alarm(&mut scene, &object.row, alarm);
    } else if told.end && !object.is_homeless && !is_unsure {
        overdue(&mut scene, faults, pace, object, alarm);
    }
}

/// R1: a run that exceeds its time limit fails, and that was to be seen: its machine was up.
fn endless_run(scene: &mut Scene<'_>, faults: &Faults, pace: &Pace, object: &Object) {
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

/// F1, F8, D2, D7: an alarm that is in the slot after it had to start by the rules of L, with nothing of the object in its way.
fn overdue(scene: &mut Scene<'_>, faults: &Faults, pace: &mut Pace, object: &Object, alarm: &Alarm) {
    let constants = scene.constants;
    let current = object.current.as_ref().filter(|current| current.ended.is_none());
    if current.is_some_and(|current| life::is_in_the_way(constants, scene.reports, current, scene.mark)) {
        return;
    }
    let Some(wait) = wait(scene, pace, object) else { return };
    let Some(bound) = faults.bound(constants, &wait) else { return };
    if bound.not_after_ns >= scene.mark.at_ns || awaits_its_commit(scene, faults, alarm, current) {
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
    let Some(machine) = machine.filter(|_| bound.is_calm()) else {
        return scene.report(rule, &evidence, sentences);
    };
    // L3: its machine may have had too many.
    pace.load.add(machine, eligible_ns);
    let (not_after_ns, object, at_ns) = (bound.not_after_ns, scene.name.clone(), scene.mark.at_ns);
    pace.load
        .suspect(rule, Suspect { machine, eligible_ns, not_after_ns, object, at_ns, evidence, sentences });
}

/// F8: whether the history says that the object is in no memory, so that nothing but its alarm can wake it.
fn is_asleep(scene: &mut Scene<'_>, object: &Object) -> Option<(Id, &'static str)> {
    object.current.as_ref().filter(|current| current.ended.is_some() && !current.is_end_untold)?;
    scene.reports.saw(Id::F8);
    Some((Id::F8, "(of an object that is in no memory, so that it is to wake it) "))
}

/// F4, R4: whether the last run has ended, so that its alarm waits for a commit and for nothing else. How long that may take no
/// rule says; but if its machine is gone it has to run again, in the time that any failure may take (L2).
fn awaits_its_commit(scene: &Scene<'_>, faults: &Faults, alarm: &Alarm, current: Option<&Instance>) -> bool {
    let Some(current) = current.filter(|current| current.has_ended_run_of(&alarm.setting)) else {
        return false;
    };
    let wait = Wait::from_ns(current.run_ended_ns, current.slice);
    let latest_ns = faults.among_failures_ns(scene.constants, &wait);
    latest_ns.is_none_or(|latest_ns| scene.mark.at_ns <= latest_ns)
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
    let retry_ns = retries::held_until_ns(alarm, scene.constants, widening_ns);
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
