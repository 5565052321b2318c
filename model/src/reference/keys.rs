//! Keys and values: what is durable, what an instance has written over it and not committed, and both seen as one.
//!
//! The durable map is never copied: an instance keeps only its uncommitted changes, and a read looks through
//! them. That makes a read one or two lookups and the loss of an instance free, whatever the object holds.

use std::borrow::Cow;
use std::collections::btree_map::{Entry, Range};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::Writer;
use crate::history::{Blob, Key, ListOptions};

/// A durable value and who wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) value: Blob,
    pub(crate) writer: Writer,
    /// What was there before, if anything: a lost write shows that again (S2, R8).
    before: Option<Blob>,
}

/// A key that was there and is not.
#[derive(Clone, Debug)]
struct Removed {
    writer: Writer,
    before: Blob,
}

/// The durable keys of an object.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    present: BTreeMap<Key, Written>,
    /// Who removed what was deleted since the last `delete_all`. It only names culprits; no read depends on it.
    removed: BTreeMap<Key, Removed>,
    cleared: Option<Writer>,
}

impl Keys {
    pub(crate) fn get(&self, key: &str) -> Option<&Written> {
        self.present.get(key)
    }

    /// Sets or removes one key.
    pub(crate) fn set(&mut self, key: Key, value: Option<Blob>, writer: Writer) {
        match value {
            Some(value) => {
                if !self.removed.is_empty() {
                    self.removed.remove(&key);
                }
                match self.present.entry(key) {
                    Entry::Occupied(mut known) => {
                        let known = known.get_mut();
                        known.before = Some(std::mem::replace(&mut known.value, value));
                        known.writer = writer;
                    }
                    Entry::Vacant(vacant) => {
                        vacant.insert(Written { value, writer, before: None });
                    }
                }
            }
            None => {
                if let Some(Written { value: before, .. }) = self.present.remove(&key) {
                    self.removed.insert(key, Removed { writer, before });
                }
            }
        }
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
        written.or_else(|| self.removed.get(key).map(|removed| removed.writer)).or(self.cleared)
    }

    /// Whether a read that shows `seen` at a key lacks exactly the last write of it.
    pub(crate) fn lacks_last_write(&self, key: &str, seen: Option<&Blob>) -> bool {
        let is_known = self.present.contains_key(key) || self.removed.contains_key(key);
        is_known && self.get(key).map(|written| &written.value) != seen && self.before(key) == seen
    }

    /// What a key was before its last write, as far as that is still known.
    pub(crate) fn before(&self, key: &str) -> Option<&Blob> {
        let written = self.present.get(key).and_then(|written| written.before.as_ref());
        written.or_else(|| self.removed.get(key).map(|removed| &removed.before))
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
    changed: BTreeMap<Key, Change>,
    /// The latest uncommitted `delete_all`: what is durable shows no more.
    cleared: Option<(u32, Writer)>,
}

impl Overlay {
    /// Records a change and returns the one that it covers.
    pub(crate) fn set(&mut self, key: Key, change: Change) -> Option<Change> {
        self.changed.insert(key, change)
    }

    /// Puts back what [`Overlay::set`] returned.
    pub(crate) fn restore(&mut self, key: &Key, covered: Option<Change>) {
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
        std::mem::replace(self, Overlay { changed: BTreeMap::new(), cleared: Some((turn, writer)) })
    }

    /// A change of `key` in `turn` became durable: it no longer needs to be held here, unless a later one covers it.
    pub(crate) fn settle(&mut self, key: &str, turn: u32) {
        if self.changed.get(key).is_some_and(|change| change.turn <= turn) {
            self.changed.remove(key);
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

    /// Whether nothing is there.
    pub(crate) fn is_empty(self) -> bool {
        self.entries(&ListOptions { limit: Some(1), ..ListOptions::default() }).next().is_none()
    }

    /// The entries of those of the keys that there are.
    pub(crate) fn entries_of<'k>(
        self,
        keys: impl IntoIterator<Item = &'k Key>,
    ) -> impl Iterator<Item = (&'k Key, &'a Blob)> {
        keys.into_iter().filter_map(move |key| Some((key, self.value(key)?)))
    }

    /// S6: the entries that `list` gives, in its order.
    pub(crate) fn entries(self, options: &ListOptions) -> Entries<'a> {
        let left = options.limit.unwrap_or(u32::MAX);
        let mut entries = Entries { reverse: options.reverse, left, ..Entries::default() };
        if let Some(bounds) = bounds(options) {
            let bounds = (bounds.0.as_ref().map(AsRef::as_ref), bounds.1.as_ref().map(AsRef::as_ref));
            entries.durable =
                self.overlay.cleared.is_none().then(|| self.keys.present.range::<str, _>(bounds));
            entries.changed = Some(self.overlay.changed.range::<str, _>(bounds));
            entries.advance_durable();
            entries.advance_changed();
        }
        entries
    }
}

/// An iterator over what `list` gives: two ordered maps merged, the changes covering what is durable.
#[derive(Debug, Default)]
pub(crate) struct Entries<'a> {
    durable: Option<Range<'a, Key, Written>>,
    changed: Option<Range<'a, Key, Change>>,
    next_durable: Option<(&'a Key, &'a Written)>,
    next_changed: Option<(&'a Key, &'a Change)>,
    reverse: bool,
    left: u32,
}

impl Entries<'_> {
    fn advance_durable(&mut self) {
        let reverse = self.reverse;
        self.next_durable =
            self.durable.as_mut().and_then(|range| if reverse { range.next_back() } else { range.next() });
    }

    fn advance_changed(&mut self) {
        let reverse = self.reverse;
        self.next_changed =
            self.changed.as_mut().and_then(|range| if reverse { range.next_back() } else { range.next() });
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a Key, &'a Blob);

    fn next(&mut self) -> Option<Self::Item> {
        while self.left > 0 {
            let order = match (self.next_durable, self.next_changed) {
                (None, None) => return None,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some((durable, _)), Some((changed, _))) if self.reverse => changed.cmp(durable),
                (Some((durable, _)), Some((changed, _))) => durable.cmp(changed),
            };
            let (durable, changed) = (self.next_durable, self.next_changed);
            if order.is_le() {
                self.advance_durable();
            }
            if order.is_ge() {
                self.advance_changed();
            }
            let entry = match order {
                std::cmp::Ordering::Less => durable.map(|(key, written)| (key, &written.value)),
                _ => changed.and_then(|(key, change)| change.value.as_ref().map(|value| (key, value))),
            };
            if entry.is_some() {
                self.left -= 1;
                return entry;
            }
        }
        None
    }
}

type TextBound<'a> = Bound<Cow<'a, str>>;

/// S6: the range of keys that the options name; none if it is empty, which a map's `range` would panic on.
fn bounds(options: &ListOptions) -> Option<(TextBound<'_>, TextBound<'_>)> {
    let mut lower: TextBound<'_> = Bound::Unbounded;
    let included = [options.prefix.as_deref(), options.start.as_deref()];
    for start in included.into_iter().flatten() {
        if text(&lower).is_none_or(|lower| lower < start) {
            lower = Bound::Included(Cow::Borrowed(start));
        }
    }
    if let Some(after) = options.start_after.as_deref()
        && text(&lower).is_none_or(|lower| lower <= after)
    {
        lower = Bound::Excluded(Cow::Borrowed(after));
    }
    let mut upper = options.end.as_deref().map(Cow::Borrowed);
    if let Some(behind) = options.prefix.as_deref().and_then(behind_prefix)
        && upper.as_ref().is_none_or(|upper| behind.as_str() < upper.as_ref())
    {
        upper = Some(Cow::Owned(behind));
    }
    let contradictory =
        matches!((text(&lower), &upper), (Some(lower), Some(upper)) if lower >= upper.as_ref());
    (!contradictory).then(|| (lower, upper.map_or(Bound::Unbounded, Bound::Excluded)))
}

fn text<'a>(bound: &'a TextBound<'_>) -> Option<&'a str> {
    match bound {
        Bound::Included(text) | Bound::Excluded(text) => Some(text),
        Bound::Unbounded => None,
    }
}

/// The smallest string that is behind all strings with this prefix; none if there is no such string.
fn behind_prefix(prefix: &str) -> Option<String> {
    let mut behind = prefix.to_owned();
    while let Some(last) = behind.pop() {
        // The range of `char` steps over the surrogates, which no string contains.
        if let Some(next) = (last..=char::MAX).nth(1) {
            behind.push(next);
            return Some(behind);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::Mark;

    fn writer() -> Writer {
        let mark = Mark { index: 0, at_ns: 0 };
        Writer { instance: 1, turn: 1, mark, run: None, transaction: None, clears: false }
    }

    fn listed(keys: &[&str], changes: &[(&str, Option<&str>)], options: &ListOptions) -> Vec<String> {
        let mut durable = Keys::default();
        for key in keys {
            durable.set((*key).into(), Some("old".into()), writer());
        }
        let mut overlay = Overlay::default();
        for (key, value) in changes {
            let value = value.map(Blob::from);
            overlay.set((*key).into(), Change { turn: 1, value, writer: writer() });
        }
        let view = View { keys: &durable, overlay: &overlay };
        view.entries(options).map(|(key, value)| format!("{key}={}", value.text())).collect()
    }

    #[test]
    fn s6_list_orders_by_bytes_and_limits_after_ordering() {
        let newest = ListOptions { reverse: true, limit: Some(1), ..ListOptions::default() };
        assert_eq!(listed(&["9", "10"], &[], &newest), ["9=old"], "X1(a): \"10\" is before \"9\"");
    }

    #[test]
    fn s6_bounds_stay_when_the_order_is_reversed() {
        let (start, end) = (Some("b".into()), Some("d".into()));
        let options = ListOptions { start, end, reverse: true, ..ListOptions::default() };
        assert_eq!(listed(&["a", "b", "c", "d"], &[], &options), ["c=old", "b=old"]);
        let after = ListOptions { start_after: Some("b".into()), ..ListOptions::default() };
        assert_eq!(listed(&["a", "b", "c"], &[], &after), ["c=old"]);
    }

    #[test]
    fn s6_a_prefix_holds_in_both_directions() {
        for reverse in [false, true] {
            let options = ListOptions { prefix: Some("k/".into()), reverse, ..ListOptions::default() };
            assert_eq!(listed(&["j", "k/1", "k0", "l"], &[], &options), ["k/1=old"]);
        }
        let last = char::MAX.to_string();
        let options = ListOptions { prefix: Some(last.as_str().into()), ..ListOptions::default() };
        assert_eq!(listed(&["a", &last], &[], &options).len(), 1);
    }

    #[test]
    fn s4_a_list_sees_uncommitted_changes_over_durable_keys() {
        let changes = [("a", None), ("b", Some("new")), ("d", Some("new"))];
        assert_eq!(listed(&["a", "b", "c"], &changes, &ListOptions::default()), ["b=new", "c=old", "d=new"]);
    }

    #[test]
    fn s6_contradictory_bounds_give_nothing() {
        let (start_after, end) = (Some("b".into()), Some("b".into()));
        let options = ListOptions { start_after, end, ..ListOptions::default() };
        assert!(listed(&["a", "b", "c"], &[], &options).is_empty());
    }
}
