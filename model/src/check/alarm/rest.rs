//! The alarm of an object in the datastore at the end of the run (A1, A2, R4, R7, and the rule of what the alarm has been through).

use super::{gone, overdue};
use crate::check::case::Scene;
use crate::check::leniency::handlers;
use crate::check::report::Seconds;
use crate::history::AlarmAtRest;
use crate::reference::Row;
use crate::reference::object::Object;
use crate::reference::slot::{Alarm, Claim, Spared, Why};
use crate::rules::Id;

/// The datastore has lost an alarm: the rule says how it was set, or what became of its last run.
pub(in crate::check) fn lost(scene: &mut Scene<'_>, row: &Row, alarm: &Alarm) {
    if handlers::drops(scene, alarm.setting.scheduled_ms) {
        return;
    }
    let (rule, how) = match overdue::owed(row, alarm) {
        owed if !matches!(owed.0, Id::S5 | Id::S8) && alarm.preserved.is_some() => {
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
pub(in crate::check) fn ghost(scene: &mut Scene<'_>, object: &Object, row: &AlarmAtRest) -> bool {
    let slot = &object.row.slot;
    let claim = Claim::from(row);
    if let Some(spared) = slot.spared.filter(|spared| claim.names(&spared.setting)) {
        return ghost_retry(scene, &spared, row);
    }
    let held = scene.scheduled(row.scheduled_ms);
    match slot.find_gone(claim) {
        Some(gone) => {
            let (rule, story) = gone::story(scene.reports, scene.constants, gone);
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
pub(in crate::check) fn other(
    scene: &mut Scene<'_>,
    object: &Object,
    known: &Alarm,
    row: &AlarmAtRest,
) -> bool {
    let gone = object.row.slot.find_gone(Claim::from(row));
    if gone.is_some_and(|gone| gone.why == Why::RolledBack && gone.setting.set > known.setting.set) {
        return ghost(scene, object, row);
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
