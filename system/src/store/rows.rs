//! The rows of a slice and the order in which their alarms are due. Made for a million objects: no step walks over all
//! of them. Knows nothing of epochs and batches.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use bytes::Bytes;
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::command::{AlarmRow, AlarmWrite, TurnWrites};
use crate::hash::FixedState;
use crate::ids::ObjectName;
use crate::words::call::{Key, List};

/// What is stored of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its keys (S6).
    pub keys: BTreeMap<Key, Bytes>,
    /// Its alarm (A1).
    pub alarm: Option<AlarmRow>,
}

/// The rows of a slice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    /// Objects with a key or an alarm; the others have no row.
    rows: IndexMap<ObjectName, Row, FixedState>,
    /// The objects with an alarm by `not_before_ms`.
    due: BTreeSet<(i64, ObjectName)>,
}

/// The rows alone: the order in which alarms are due follows from them.
impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.rows)
    }
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows: IndexMap<_, Row, _> = Vec::deserialize(deserializer)?.into_iter().collect();
        let entry = |(object, row): (&ObjectName, &Row)| Some((row.alarm?.not_before_ms, object.clone()));
        let due = rows.iter().filter_map(entry).collect();
        Ok(Self { rows, due })
    }
}

impl Rows {
    /// S2, D1, F4: all writes of a turn, its alarm included, at once.
    pub(super) fn write(&mut self, turn: TurnWrites) {
        let object = turn.object;
        let row = self.rows.entry(object.clone()).or_default();
        if turn.clear {
            row.keys.clear();
        }
        for (key, value) in turn.keys {
            match value {
                Some(value) => row.keys.insert(key, value),
                None => row.keys.remove(&key),
            };
        }
        if let Some(write) = turn.alarm {
            let alarm = match write {
                AlarmWrite::Schedule(alarm) => Some(alarm),
                AlarmWrite::Remove => None,
            };
            // A1, A2: one slot, whatever was in it is gone.
            if let Some(old) = row.alarm {
                let was_due = self.due.remove(&(old.not_before_ms, object.clone()));
                assert!(was_due, "{object} has an alarm, so it is in the index");
            }
            if let Some(new) = alarm {
                self.due.insert((new.not_before_ms, object.clone()));
            }
            row.alarm = alarm;
        }
        if row.keys.is_empty() && row.alarm.is_none() {
            self.rows.swap_remove(&object);
        }
    }

    /// The value of a key.
    pub(super) fn get(&self, object: &ObjectName, key: &Key) -> Option<Bytes> {
        self.rows.get(object)?.keys.get(key).cloned()
    }

    /// S6: the keys in a range in the order asked for.
    pub(super) fn list(&self, object: &ObjectName, list: &List) -> Vec<(Key, Bytes)> {
        let bounds = list.bounds();
        let (Some(row), false) = (self.rows.get(object), is_empty(&bounds)) else { return Vec::new() };
        let range = row.keys.range(bounds);
        if list.reverse { admitted(range.rev(), list) } else { admitted(range, list) }
    }

    /// At most `limit` alarms in the order in which they are due, from behind `after`.
    pub(super) fn due(&self, after: Option<&(i64, ObjectName)>, limit: u32) -> Vec<(ObjectName, AlarmRow)> {
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = self.due.range((begin, Bound::Unbounded)).take(at_most(limit));
        let with_alarm = |(_, object): &(i64, ObjectName)| {
            let alarm = self.rows.get(object).and_then(|row| row.alarm);
            (object.clone(), alarm.expect("what is in the index has an alarm"))
        };
        page.map(with_alarm).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ObjectName, &Row)> {
        self.rows.iter()
    }
}

/// What `list` asks for of `keys`, which are in its order.
fn admitted<'a>(keys: impl Iterator<Item = (&'a Key, &'a Bytes)>, list: &List) -> Vec<(Key, Bytes)> {
    // In the order of keys those asked for stand together, so the first one behind them ends the walk.
    keys.skip_while(|(key, _)| !list.admits(key))
        .take_while(|(key, _)| list.admits(key))
        .take(list.limit.map_or(usize::MAX, at_most))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Whether no key can be in there. The standard library panics if asked for a range that ends before it begins.
fn is_empty(bounds: &(Bound<Key>, Bound<Key>)) -> bool {
    match bounds {
        (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => {
            low >= high
        }
        _ => false,
    }
}

fn at_most(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
