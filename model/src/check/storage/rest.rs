//! The keys that the datastore holds at the end of the run (S3 and its relatives).

use std::collections::BTreeMap;

use super::{blame, stale};
use crate::check::case::Scene;
use crate::check::report::Shown;
use crate::history::{Blob, Key};
use crate::reference::object::Object;
use crate::reference::slot::Setting;

/// S3 and its relatives: the keys at rest are what the durable turns made of them. `alarm` is the alarm of the object, if
/// the datastore holds it too.
pub(in crate::check) fn keys(
    scene: &mut Scene<'_>,
    object: &Object,
    keys: &BTreeMap<Key, Blob>,
    alarm: Option<&Setting>,
) {
    let known = &object.row.keys;
    for key in &object.doubtful {
        let written = known.writer(key).map(|writer| writer.mark);
        stale::shows(scene.reports, scene.name, key, written, keys.get(key), scene.mark);
    }
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
