//! What `list` gives (S6): two ordered maps merged, what an instance has changed covering what is durable.
//!
//! What a turn deletes is in the way of its lists until the turn commits. A turn that takes out one entry after the other, and
//! lists what is left each time, would walk over all of them again and again. So an overlay remembers the *gaps* that its
//! lists have walked through, and the next list steps over each at once.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::ops::Bound;

use super::keys::{Change, Keys, Overlay, View, Written};
use crate::history::{Blob, Key, ListOptions};

/// With fewer changes in an overlay its gaps are not worth remembering.
const CHANGES_WITH_GAPS_MIN: usize = 32;

/// Stretches of keys of which an instance sees none, each found by a list.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// By its first key, the last key of each. They do not overlap.
    stretches: BTreeMap<Key, Key>,
    /// What [`Keys::turn_out`] had counted when they were found: what it makes known may lie in one of them.
    as_of: u64,
}

impl Gaps {
    fn around(&self, key: &str) -> Option<(&Key, &Key)> {
        let up_to = (Bound::Unbounded, Bound::Included(key));
        let (first, last) = self.stretches.range::<str, _>(up_to).next_back()?;
        (**last >= *key).then_some((first, last))
    }

    /// Adds a stretch; what lies in it is a part of it.
    fn add(&mut self, first: Key, last: Key) {
        let parts = |stretches: &BTreeMap<Key, Key>| {
            let within = (Bound::Included(&*first), Bound::Included(&*last));
            stretches.range::<str, _>(within).next().map(|(part, _)| part.clone())
        };
        while let Some(part) = parts(&self.stretches) {
            self.stretches.remove(&part);
        }
        self.stretches.insert(first, last);
    }

    /// A key may be seen again: what lies before and behind it is as it was.
    pub(super) fn part(&mut self, key: &str, changed: &BTreeMap<Key, Change>) {
        if self.stretches.is_empty() {
            return;
        }
        let Some(first) = self.around(key).map(|(first, _)| first.clone()) else { return };
        let Some(last) = self.stretches.remove(&first) else { return };
        let before = changed.range::<str, _>((Bound::Included(&*first), Bound::Excluded(key))).next_back();
        let behind = changed.range::<str, _>((Bound::Excluded(key), Bound::Included(&*last))).next();
        if let Some((before, _)) = before {
            self.stretches.insert(first, before.clone());
        }
        if let Some((behind, _)) = behind {
            self.stretches.insert(behind.clone(), last);
        }
    }
}

impl Overlay {
    /// Remembers the gaps that a list will walk through.
    pub(crate) fn find_gaps(&mut self, keys: &Keys, options: &ListOptions) {
        if self.changed.len() < CHANGES_WITH_GAPS_MIN {
            return;
        }
        if self.gaps.as_of != keys.turned_out {
            self.gaps = Gaps { as_of: keys.turned_out, ..Gaps::default() };
        }
        for (first, last) in (View { keys, overlay: self }).gaps(options) {
            self.gaps.add(first, last);
        }
        // Of what has become durable since there is nothing to step over any more.
        if self.gaps.stretches.len() > self.changed.len() {
            self.gaps.stretches.clear();
        }
    }

    /// Whether the instance sees nothing at all.
    pub(crate) fn shows_nothing(&mut self, keys: &Keys) -> bool {
        let first = ListOptions { limit: Some(1), ..ListOptions::default() };
        self.find_gaps(keys, &first);
        View { keys, overlay: self }.entries(&first).next().is_none()
    }
}

impl<'a> View<'a> {
    /// S6: the entries that `list` gives, in its order.
    pub(crate) fn entries(self, options: &ListOptions) -> Entries<'a> {
        let left = options.limit.unwrap_or(u32::MAX);
        let mut entries = Entries { reverse: options.reverse, left, ..Entries::default() };
        if let Some((lower, upper)) = bounds(options) {
            let bounds = (lower.as_ref().map(AsRef::as_ref), upper.as_ref().map(AsRef::as_ref));
            entries.durable =
                self.overlay.cleared.is_none().then(|| self.keys.present.range::<str, _>(bounds));
            entries.changed = Some(self.overlay.changed.range::<str, _>(bounds));
            entries.advance_durable();
            entries.advance_changed();
            let Gaps { stretches, as_of } = &self.overlay.gaps;
            if !stretches.is_empty() && *as_of == self.keys.turned_out {
                let far = if options.reverse { lower } else { upper };
                entries.gaps = Some((self, far.map(Cow::into_owned)));
            }
        }
        entries
    }

    /// The stretches without an entry in a list, if there is more than one step in them.
    fn gaps(self, options: &ListOptions) -> Vec<(Key, Key)> {
        let mut entries = self.entries(options);
        let mut gaps: Vec<(Key, Key)> = Vec::new();
        let mut gap: Option<(&Key, &Key, bool)> = None;
        while entries.left > 0 {
            let step = entries.step();
            if let Some(Step::Gap(first, last)) = step {
                gap = Some(
                    gap.map_or((first, last, false), |(from, to, _)| (from.min(first), to.max(last), true)),
                );
                continue;
            }
            let several = gap.take().filter(|(.., has_several)| *has_several);
            gaps.extend(several.map(|(first, last, _)| (first.clone(), last.clone())));
            if step.is_none() {
                break;
            }
            entries.left -= 1;
        }
        gaps
    }
}

/// An iterator over what `list` gives.
#[derive(Debug, Default)]
pub(crate) struct Entries<'a> {
    durable: Option<Range<'a, Key, Written>>,
    changed: Option<Range<'a, Key, Change>>,
    next_durable: Option<(&'a Key, &'a Written)>,
    next_changed: Option<(&'a Key, &'a Change)>,
    reverse: bool,
    left: u32,
    /// What to look for gaps in, if there are any, and where the list ends.
    gaps: Option<(View<'a>, Bound<String>)>,
}

/// What comes next in the order of a list.
enum Step<'a> {
    Entry(&'a Key, &'a Blob),
    /// Nothing is to be seen from the first of these keys to the last.
    Gap(&'a Key, &'a Key),
}

impl<'a> Entries<'a> {
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

    fn step(&mut self) -> Option<Step<'a>> {
        let order = match (self.next_durable, self.next_changed) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((durable, _)), Some((changed, _))) if self.reverse => changed.cmp(durable),
            (Some((durable, _)), Some((changed, _))) => durable.cmp(changed),
        };
        let (durable, changed) = (self.next_durable, self.next_changed);
        let (key, value) = match order {
            Ordering::Less => durable.map(|(key, written)| (key, Some(&written.value)))?,
            _ => changed.map(|(key, change)| (key, change.value.as_ref()))?,
        };
        if value.is_none()
            && let Some(gap) = self.step_over(key)
        {
            return Some(gap);
        }
        if order.is_le() {
            self.advance_durable();
        }
        if order.is_ge() {
            self.advance_changed();
        }
        Some(value.map_or(Step::Gap(key, key), |value| Step::Entry(key, value)))
    }

    /// The gap that a key lies in, if it does: what comes next is behind that.
    fn step_over(&mut self, key: &Key) -> Option<Step<'a>> {
        let (view, far) = self.gaps.as_ref()?;
        let (first, last) = view.overlay.gaps.around(key)?;
        let far = far.as_ref().map(String::as_str);
        let (lower, upper) = match self.reverse {
            false => (Bound::Excluded(&**last), far),
            true => (far, Bound::Excluded(&**first)),
        };
        let is_over = match (lower, upper) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (
                Bound::Included(lower) | Bound::Excluded(lower),
                Bound::Included(upper) | Bound::Excluded(upper),
            ) => lower >= upper,
        };
        let range = (!is_over).then_some((lower, upper));
        let durable = range.filter(|_| view.overlay.cleared.is_none());
        self.durable = durable.map(|bounds| view.keys.present.range::<str, _>(bounds));
        self.changed = range.map(|bounds| view.overlay.changed.range::<str, _>(bounds));
        self.advance_durable();
        self.advance_changed();
        Some(Step::Gap(first, last))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a Key, &'a Blob);

    fn next(&mut self) -> Option<Self::Item> {
        while self.left > 0 {
            if let Step::Entry(key, value) = self.step()? {
                self.left -= 1;
                return Some((key, value));
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

/// The same as far as a list that shows `seen` says anything of them: its limit may be why it shows no more.
pub(super) fn bounds_shown<'a>(
    options: &'a ListOptions,
    seen: &'a [(Key, Blob)],
) -> Option<(TextBound<'a>, TextBound<'a>)> {
    let (lower, upper) = bounds(options)?;
    let is_full = options.limit.is_some_and(|limit| seen.len() as u64 >= u64::from(limit));
    let end = seen.last().filter(|(last, _)| is_full && options.admits(last));
    let Some(end) = end.map(|(last, _)| Bound::Included(Cow::Borrowed(&**last))) else {
        return Some((lower, upper));
    };
    Some(if options.reverse { (end, upper) } else { (lower, end) })
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
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::reference::keys::Change;
    use crate::reference::{Mark, Writer};

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

    #[derive(Clone, Debug)]
    enum Step {
        Delete(u8),
        Put(u8),
        Undo(u8),
        Commit(u8),
        TurnOut(u8),
        List { from: u8, reverse: bool, limit: u32 },
    }

    fn step() -> impl Strategy<Value = Step> {
        let key = || 0..100_u8;
        prop_oneof![
            6 => key().prop_map(Step::Delete),
            1 => key().prop_map(Step::Put),
            1 => key().prop_map(Step::Undo),
            1 => key().prop_map(Step::Commit),
            1 => key().prop_map(Step::TurnOut),
            6 => (key(), any::<bool>(), 1..9_u32)
                .prop_map(|(from, reverse, limit)| Step::List { from, reverse, limit }),
        ]
    }

    fn named(key: u8) -> Key {
        format!("{key:03}").as_str().into()
    }

    proptest! {
        #[test]
        fn s6_gaps_hide_no_key_that_is_there(steps in vec(step(), 1..200)) {
            let (mut keys, mut overlay) = (Keys::default(), Overlay::default());
            (0..100).for_each(|key| keys.set(named(key), Some("old".into()), writer()));
            let delete = Change { turn: 1, value: None, writer: writer() };
            let put = Change { value: Some("new".into()), ..delete.clone() };
            (10..60).for_each(|key| _ = overlay.set(named(key), delete.clone()));
            for step in steps {
                match step {
                    Step::Delete(key) => _ = overlay.set(named(key), delete.clone()),
                    Step::Put(key) => _ = overlay.set(named(key), put.clone()),
                    Step::Undo(key) => overlay.restore(&named(key), None),
                    Step::Commit(key) => {
                        if let Some(change) = overlay.changed.get(&named(key)).cloned() {
                            overlay.settle(&named(key), 1);
                            keys.set(named(key), change.value, writer());
                        }
                    }
                    Step::TurnOut(key) => keys.turn_out(named(key), Some("seen".into()), writer()),
                    Step::List { from, reverse, limit } => {
                        let (start, limit) = (Some(named(from)), Some(limit));
                        let options = ListOptions { start, reverse, limit, ..ListOptions::default() };
                        overlay.find_gaps(&keys, &options);
                        let view = View { keys: &keys, overlay: &overlay };
                        let listed: Vec<&Key> = view.entries(&options).map(|(key, _)| key).collect();
                        let mut there: Vec<Key> = (from..100).map(named).collect();
                        there.retain(|key| view.value(key).is_some());
                        if reverse {
                            there.reverse();
                        }
                        there.truncate(options.limit.unwrap_or_default() as usize);
                        prop_assert_eq!(listed, there.iter().collect::<Vec<_>>());
                    }
                }
            }
        }
    }
}
