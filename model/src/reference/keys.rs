//! Keys and values: what is durable, what an instance has written over it and not committed, and both seen as one. Lists are
//! [`super::list`]'s.
//!
//! The durable map is never copied: an instance keeps only its uncommitted changes, and a read looks through
//! them. That makes a read one or two lookups and the loss of an instance free, whatever the object holds.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Writer;
use super::list::Gaps;
use crate::history::{Blob, Key};

/// How many keys that were deleted are remembered for each object.
const REMOVED_MAX: usize = 8;

/// How many bytes a value may have that is remembered after it was replaced.
const BEFORE_BYTES_MAX: usize = 64;

/// A durable value and who wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) value: Blob,
    pub(crate) writer: Writer,
    before: Before,
}

/// What a key was before its last write: a lost write shows that again (S2, R8). It only names culprits, so of what is large
/// only the length is kept.
#[derive(Clone, Debug)]
enum Before {
    Nothing,
    Value(Blob),
    Large(usize),
}

impl Before {
    fn of(value: Blob) -> Self {
        match value.0.len() {
            0..=BEFORE_BYTES_MAX => Before::Value(value),
            length => Before::Large(length),
        }
    }

    /// Whether it was this, as far as is known.
    fn may_be(&self, seen: Option<&Blob>) -> bool {
        match (self, seen) {
            (Before::Nothing, seen) => seen.is_none(),
            (Before::Value(value), seen) => Some(value) == seen,
            (Before::Large(length), seen) => seen.is_some_and(|seen| seen.0.len() == *length),
        }
    }
}

/// A key that was there and is not.
#[derive(Clone, Debug)]
struct Removed {
    key: Key,
    writer: Writer,
    before: Before,
}

/// The durable keys of an object.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(super) present: BTreeMap<Key, Written>,
    /// Who removed what was deleted last since the last `delete_all`. It only names culprits; no read depends on it.
    removed: VecDeque<Removed>,
    cleared: Option<Writer>,
    /// How often a key has turned out to be so.
    pub(super) turned_out: u64,
}

impl Keys {
    pub(crate) fn get(&self, key: &str) -> Option<&Written> {
        self.present.get(key)
    }

    /// Sets or removes one key.
    pub(crate) fn set(&mut self, key: Key, value: Option<Blob>, writer: Writer) {
        match value {
            Some(value) => match self.present.entry(key) {
                Entry::Occupied(mut known) => {
                    let known = known.get_mut();
                    known.before = Before::of(std::mem::replace(&mut known.value, value));
                    known.writer = writer;
                }
                Entry::Vacant(vacant) => {
                    vacant.insert(Written { value, writer, before: Before::Nothing });
                }
            },
            None => {
                if let Some(Written { value, .. }) = self.present.remove(&key) {
                    if self.removed.len() == REMOVED_MAX {
                        self.removed.pop_front();
                        // Whether that or the `delete_all` before it removed a key is not known any more.
                        self.cleared = None;
                    }
                    self.removed.push_back(Removed { key, writer, before: Before::of(value) });
                }
            }
        }
    }

    /// The same where it is no commit that says so: what an instance sees changes without a write of its own.
    pub(crate) fn turn_out(&mut self, key: Key, value: Option<Blob>, writer: Writer) {
        self.turned_out += 1;
        self.set(key, value, writer);
    }

    /// S8: removes all keys.
    pub(crate) fn clear(&mut self, writer: Writer) {
        self.present.clear();
        self.removed.clear();
        self.cleared = Some(writer);
    }

    /// S8: removes all keys but these.
    pub(crate) fn clear_except(&mut self, writer: Writer, spared: &BTreeSet<Key>) {
        let mut present = std::mem::take(&mut self.present);
        self.clear(writer);
        present.retain(|key, _| spared.contains(key));
        self.present = present;
    }

    /// Who last changed a key, as far as that is still known.
    pub(crate) fn writer(&self, key: &str) -> Option<Writer> {
        let written = self.present.get(key).map(|written| written.writer);
        written.or_else(|| self.removed(key).map(|removed| removed.writer)).or(self.cleared)
    }

    /// Whether a read that shows `seen` at a key lacks exactly the last write of it.
    pub(crate) fn lacks_last_write(&self, key: &str, seen: Option<&Blob>) -> bool {
        self.get(key).map(|written| &written.value) != seen
            && self.last_change(key).is_some_and(|before| before.may_be(seen))
    }

    /// What a key was before its last write, as far as that is still known.
    pub(crate) fn before(&self, key: &str) -> Option<&Blob> {
        match self.last_change(key)? {
            Before::Value(value) => Some(value),
            Before::Nothing | Before::Large(_) => None,
        }
    }

    fn last_change(&self, key: &str) -> Option<&Before> {
        let written = self.present.get(key).map(|written| &written.before);
        written.or_else(|| self.removed(key).map(|removed| &removed.before))
    }

    fn removed(&self, key: &str) -> Option<&Removed> {
        self.removed.iter().rev().find(|removed| *removed.key == *key)
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&Key, &Written)> {
        self.present.iter()
    }
}

/// An uncommitted change of one key.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) turn: u32,
    pub(crate) value: Option<Blob>,
    pub(crate) writer: Writer,
}

/// The uncommitted changes of one instance: of each key only the latest.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    pub(super) changed: BTreeMap<Key, Change>,
    /// The latest uncommitted `delete_all`: what is durable shows no more.
    pub(super) cleared: Option<(u32, Writer)>,
    pub(super) gaps: Gaps,
}

impl Overlay {
    /// Records a change and returns the one that it covers.
    pub(crate) fn set(&mut self, key: Key, change: Change) -> Option<Change> {
        if change.value.is_some() {
            self.gaps.part(&key, &self.changed);
        }
        self.changed.insert(key, change)
    }

    /// Puts back what [`Overlay::set`] returned.
    pub(crate) fn restore(&mut self, key: &Key, covered: Option<Change>) {
        self.gaps.part(key, &self.changed);
        match covered {
            Some(change) => self.changed.insert(key.clone(), change),
            None => self.changed.remove(key),
        };
    }

    /// S5: the transaction that last changed `key` has ended in this turn.
    pub(crate) fn close(&mut self, key: &str, turn: u32) {
        if let Some(change) = self.changed.get_mut(key) {
            (change.turn, change.writer.turn) = (turn, turn);
        }
    }

    /// S8: everything is gone. Returns the overlay as it was.
    pub(crate) fn clear(&mut self, turn: u32, writer: Writer) -> Overlay {
        std::mem::replace(self, Overlay { cleared: Some((turn, writer)), ..Overlay::default() })
    }

    /// A change of `key` in `turn` became durable: it no longer needs to be held here, unless a later one covers it.
    pub(crate) fn settle(&mut self, key: &str, turn: u32) {
        if self.changed.get(key).is_some_and(|change| change.turn <= turn) {
            self.changed.remove(key);
            if self.changed.is_empty() {
                self.gaps = Gaps::default();
            }
        }
    }

    /// A `delete_all` in `turn` became durable.
    pub(crate) fn settle_clear(&mut self, turn: u32) {
        if self.cleared.is_some_and(|(cleared, _)| cleared <= turn) {
            self.cleared = None;
        }
    }

    /// Whether this overlay alone decides what a read of `key` shows.
    pub(crate) fn decides(&self, key: &str) -> bool {
        self.cleared.is_some() || self.changed.contains_key(key)
    }

    /// Whether this overlay alone decides what any read shows.
    pub(crate) fn decides_all(&self) -> bool {
        self.cleared.is_some()
    }

    /// Makes reads of `key` show `value`, if it was this overlay that said otherwise. Returns whether it was.
    pub(crate) fn correct(&mut self, key: &str, value: Option<&Blob>) -> bool {
        self.gaps.part(key, &self.changed);
        let change = self.changed.get_mut(key);
        let found = change.is_some();
        if let Some(change) = change {
            change.value = value.cloned();
        }
        found
    }
}

/// What an instance sees: its own changes over what is durable (S4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) overlay: &'a Overlay,
}

impl<'a> View<'a> {
    pub(crate) fn value(self, key: &str) -> Option<&'a Blob> {
        if !self.overlay.changed.is_empty()
            && let Some(change) = self.overlay.changed.get(key)
        {
            return change.value.as_ref();
        }
        if self.overlay.cleared.is_some() {
            return None;
        }
        self.keys.get(key).map(|written| &written.value)
    }

    /// Who last changed a key, seen from this instance.
    pub(crate) fn writer(self, key: &str) -> Option<Writer> {
        let change = self.overlay.changed.get(key).map(|change| change.writer);
        change.or(self.overlay.cleared.map(|(_, writer)| writer)).or_else(|| self.keys.writer(key))
    }

    /// The entries of those of the keys that there are.
    pub(crate) fn entries_of<'k>(
        self,
        keys: impl IntoIterator<Item = &'k Key>,
    ) -> impl Iterator<Item = (&'k Key, &'a Blob)> {
        keys.into_iter().filter_map(move |key| Some((key, self.value(key)?)))
    }
}
