//! What may be durable: of a lost instance's unacknowledged turns a prefix may survive (S3), and a history that does not
//! record commits does not tell which. Then an object has several possible states, and what is seen later narrows them.
//!
//! ```text
//! certain row ── instance 1: turn 7 | turn 8 | turn 9 ── instance 2: turn 3 | turn 4 ── what the live instance sees
//!                        ▲ cut after 0, 1, 2 or 3 turns          ▲ after 0, 1 or 2
//! ```
//!
//! A state is one cut for each lost instance. As long as nothing that was seen depends on two of them, each keeps its own
//! set of cuts; else the two are joined and the pairs are kept. Whatever has become certain, because it was seen, or
//! because only one cut is left, or because it was overwritten for good, moves into the row. So an object costs nothing
//! here as long as nothing is uncertain, and what is kept is bounded by the unacknowledged turns that were lost.

mod certain;
mod observe;

use std::collections::{BTreeSet, VecDeque};
use std::ops::{Bound, RangeInclusive};
use std::rc::Rc;

use super::losses::{Age, KeyWrite, Loss, Losses, Part, Split, Turn, Way};
use super::slot::Slot;
use super::{Mark, Row, list};
use crate::history::{Blob, Key, ListOptions};

/// What the alarm's slot is after none, one, two ... of some turns, if it was this before them.
pub(super) type Slots<'a> = dyn Fn(&Slot) -> Vec<Slot> + 'a;

/// How many combinations of cuts are told apart. Beyond that the keys concerned are no longer judged.
const WAYS_MAX: usize = 4_096;

/// The instance of what no instance has written.
const NOBODY: u64 = u64::MAX;

/// How many instances are remembered that are known to have lost turns.
const GONE_MAX: usize = 8;

/// The uncertain part of an object's state.
#[derive(Debug, Default)]
pub(crate) struct Maybe {
    losses: Losses,
    given_up: GivenUp,
    /// The last few instances of which turns are known to be lost, with the first of these.
    gone: VecDeque<(u64, u32)>,
    /// What the start of a run has ruled out last.
    ruled_out: Option<RuledOut>,
}

/// States that the start of a run has ruled out.
#[derive(Debug)]
struct RuledOut {
    started: Mark,
    /// The alarm that it was for.
    alarm: Option<Mark>,
    /// What was possible before, and the ways of it that are not.
    loss: Loss,
}

/// What the start of a run denied that turns out to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// F4: that a run had ended, and its alarm was gone.
    End,
    /// R4: that a run had failed.
    Count,
}

/// What the checkers have to be told: what is not judged any more because there were too many possibilities, and what has turned
/// out.
#[derive(Debug, Default)]
pub(crate) struct GivenUp {
    pub(crate) keys: BTreeSet<Key>,
    /// Whether the alarm's slot is one of that.
    pub(crate) slot: bool,
    /// What has turned out to have taken a turn apart.
    pub(crate) splits: Vec<Split>,
}

/// What an observation says about the possible states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is about nothing that is uncertain.
    Certain,
    /// It fits at least one of them.
    Fits,
    /// It fits none.
    Contradicts,
}

impl Row {
    /// Whether more than one state is possible.
    pub(crate) fn is_unsure(&self) -> bool {
        !self.maybe.losses.is_empty()
    }

    /// Whether more than one value of a key is possible.
    pub(crate) fn is_unsure_of(&self, key: &str) -> bool {
        self.maybe.losses.any_touches(key)
    }

    /// Whether more than one state of the alarm's slot is possible.
    pub(crate) fn is_unsure_of_slot(&self) -> bool {
        self.maybe.losses.of_slot().is_some()
    }

    /// R7: whether an alarm may be tried again that was deleted in a run which then failed.
    pub(crate) fn may_retry(&self) -> bool {
        let ways = self.maybe.losses.of_slot().into_iter().flat_map(|(_, loss)| &loss.ways);
        self.slot.spared.is_some()
            || ways.filter_map(|way| way.slot.as_ref()).any(|slot| slot.spared.is_some())
    }

    /// The keys that may be other than they are in the row. `others` are keys that may have been there too.
    pub(crate) fn unsure_keys<'a>(&'a self, others: impl Iterator<Item = &'a Key>) -> BTreeSet<Key> {
        self.unsure_keys_within((Bound::Unbounded, Bound::Unbounded), others)
    }

    /// The same for those that a list which shows `seen` says something of.
    pub(crate) fn unsure_keys_of(&self, options: &ListOptions, seen: &[(Key, Blob)]) -> BTreeSet<Key> {
        let Some((lower, upper)) = list::bounds_shown(options, seen) else { return BTreeSet::new() };
        let within = (lower.as_ref().map(AsRef::as_ref), upper.as_ref().map(AsRef::as_ref));
        let mut keys = self.unsure_keys_within(within, seen.iter().map(|(key, _)| key));
        keys.retain(|key| options.admits(key) && !options.is_pushed_out(key, seen));
        keys
    }

    fn unsure_keys_within<'a>(
        &'a self,
        within: (Bound<&str>, Bound<&str>),
        others: impl Iterator<Item = &'a Key>,
    ) -> BTreeSet<Key> {
        let mut keys: BTreeSet<Key> = self.maybe.losses.keys(within).cloned().collect();
        if self.maybe.losses.any_clears() {
            let all = self.keys.present.range::<str, _>(within).map(|(key, _)| key).chain(others);
            keys.extend(all.filter(|key| self.is_unsure_of(key)).cloned());
        }
        keys
    }

    /// What is not to be judged any more, as far as that was not taken before.
    pub(crate) fn take_given_up(&mut self) -> GivenUp {
        std::mem::take(&mut self.maybe.given_up)
    }

    /// Changes the alarm's slot, whichever of the possible ones it is.
    pub(crate) fn each_slot(&mut self, mut change: impl FnMut(&mut Slot)) {
        change(&mut self.slot);
        for slot in self.maybe.losses.slots_mut() {
            change(Rc::make_mut(slot));
        }
    }

    /// An instance is lost with these turns; `slots` says what they make of the alarm's slot; none if none of
    /// them touches it.
    pub(super) fn lose(&mut self, instance: u64, turns: Vec<Turn>, slots: Option<&Slots<'_>>) {
        let cuts = 0..=turns.len();
        let part = Part { instance, turns };
        let age = self.maybe.losses.next_age();
        let Some(slots) = slots else {
            let ways = cuts.map(|cut| Way { cuts: vec![cut], slot: None }).collect();
            self.maybe.losses.put(age, Loss { parts: vec![part], ways });
            return self.tidy(BTreeSet::from([age]));
        };
        let first = self.maybe.losses.of_slot().map_or(age, |(first, _)| first);
        let certain = || Loss { parts: Vec::new(), ways: vec![Way { cuts: Vec::new(), slot: None }] };
        let Some(before) = self.joined(first..=age, part.turns.len() + 1) else {
            let ways = vec![Way { cuts: vec![0], slot: None }];
            self.give_up_slot();
            return self.give_up(&[Loss { parts: vec![part], ways }]);
        };
        let mut loss = before.unwrap_or_else(certain);
        let before = std::mem::take(&mut loss.ways);
        for way in before {
            let after = slots(way.slot.as_deref().unwrap_or(&self.slot));
            for (cut, slot) in after.into_iter().enumerate() {
                let cuts = way.cuts.iter().copied().chain([cut]).collect();
                loss.ways.push(Way { cuts, slot: Some(Rc::new(slot)) });
            }
        }
        loss.parts.push(part);
        self.narrowed(age, loss);
    }

    /// Takes out the losses of these ages, joined; none if there is none. The outer none: there were too many
    /// combinations, times `more`, and they are given up.
    fn joined(&mut self, ages: RangeInclusive<Age>, more: usize) -> Option<Option<Loss>> {
        let losses = self.maybe.losses.take_all(ages);
        let ways = losses.iter().map(|loss| loss.ways.len()).fold(1, usize::saturating_mul);
        if !losses.is_empty() && ways.saturating_mul(more) > WAYS_MAX {
            self.give_up(&losses);
            return None;
        }
        Some(losses.into_iter().reduce(Loss::join))
    }

    fn give_up(&mut self, losses: &[Loss]) {
        for write in losses.iter().flat_map(Loss::writes) {
            match write {
                KeyWrite::Key(key, ..) => _ = self.maybe.given_up.keys.insert(key.clone()),
                KeyWrite::Clear(..) => {
                    self.maybe.given_up.keys.extend(self.keys.iter().map(|(key, _)| key.clone()));
                }
            }
        }
        if losses.iter().any(Loss::has_slots) {
            self.give_up_slot();
        }
    }

    fn give_up_slot(&mut self) {
        self.slot.doubtful = true;
        self.maybe.given_up.slot = true;
    }

    /// The alarm's slot may be each of these from now on, whichever of the possible ones it is.
    pub(crate) fn fork_slot(&mut self, fork: &dyn Fn(&Slot) -> Vec<Slot>) {
        self.lose(NOBODY, vec![Turn { turn: 0, writes: Vec::new(), split: None }], Some(fork));
    }
}
