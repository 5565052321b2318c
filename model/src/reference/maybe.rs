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

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use super::slot::Slot;
use super::{Row, Whole, Writer};
use crate::history::{Blob, Key};

/// What the alarm's slot is after none, one, two ... of some turns, if it was this before them.
pub(super) type Slots<'a> = dyn Fn(&Slot) -> Vec<Slot> + 'a;

/// How many combinations of cuts are told apart. Beyond that the keys concerned are no longer judged.
const WAYS_MAX: usize = 4_096;

/// How many instances are remembered that are known to have lost turns.
const GONE_MAX: usize = 8;

/// The uncertain part of an object's state; the oldest loss first.
#[derive(Debug, Default)]
pub(crate) struct Maybe {
    losses: Vec<Loss>,
    given_up: GivenUp,
    /// The last few instances of which turns are known to be lost, with the first of these.
    gone: VecDeque<(u64, u32)>,
}

/// What is not judged any more because there were too many possibilities.
#[derive(Debug, Default)]
pub(crate) struct GivenUp {
    pub(crate) keys: BTreeSet<Key>,
    /// Whether the alarm's slot is one of that.
    pub(crate) slot: bool,
}

/// Lost instances whose cuts depend on one another.
#[derive(Debug)]
struct Loss {
    parts: Vec<Part>,
    /// The possible cuts; never empty, and without cuts that differ in nothing.
    ways: Vec<Way>,
}

/// The unacknowledged turns of one lost instance.
#[derive(Clone, Debug)]
struct Part {
    instance: u64,
    turns: Vec<Turn>,
}

/// What one turn wrote that may be there.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) turn: u32,
    pub(super) writes: Vec<KeyWrite>,
}

#[derive(Clone, Debug)]
pub(super) enum KeyWrite {
    Key(Key, Option<Blob>, Writer),
    /// S8, with the keys about which more was learned since.
    Clear(Writer, BTreeSet<Key>),
}

/// One possibility: how many turns of each part are durable, and the alarm slot as that leaves it. Without a slot the
/// row's own is the one.
#[derive(Clone, Debug)]
struct Way {
    cuts: Vec<usize>,
    slot: Option<Rc<Slot>>,
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

impl KeyWrite {
    /// What it makes of a key, if anything.
    fn value(&self, key: &str) -> Option<(Option<&Blob>, Writer)> {
        match self {
            KeyWrite::Key(it, value, writer) => (**it == *key).then_some((value.as_ref(), *writer)),
            KeyWrite::Clear(writer, known) => (!known.contains(key)).then_some((None, *writer)),
        }
    }
}

impl Loss {
    fn writes(&self) -> impl Iterator<Item = &KeyWrite> {
        self.parts.iter().flat_map(|part| &part.turns).flat_map(|turn| &turn.writes)
    }

    fn touches(&self, key: &str) -> bool {
        self.writes().any(|write| write.value(key).is_some())
    }

    fn has_slots(&self) -> bool {
        self.ways.iter().any(|way| way.slot.is_some())
    }

    /// What a key holds if it came this way; none if that leaves it as it is below.
    fn value(&self, way: &Way, key: &str) -> Option<(Option<&Blob>, Writer)> {
        let parts = self.parts.iter().zip(&way.cuts).rev();
        let mut turns = parts.flat_map(|(part, cut)| part.turns[..*cut].iter().rev());
        turns.find_map(|turn| turn.writes.iter().rev().find_map(|write| write.value(key)))
    }

    /// What is known of a key now need not be told apart here any more.
    fn strip(&mut self, key: &Key) {
        for turn in self.parts.iter_mut().flat_map(|part| &mut part.turns) {
            turn.writes.retain(|write| !matches!(write, KeyWrite::Key(it, ..) if it == key));
            for write in &mut turn.writes {
                if let KeyWrite::Clear(_, known) = write {
                    known.insert(key.clone());
                }
            }
        }
    }

    /// Turns that no cut leaves are lost. Gives their instances, and the first lost turn of each.
    fn truncate(&mut self) -> Vec<(u64, u32)> {
        let mut gone = Vec::new();
        for (at, part) in self.parts.iter_mut().enumerate() {
            let most = self.ways.iter().map(|way| way.cuts[at]).max().unwrap_or(0);
            if let Some(first) = part.turns.get(most) {
                gone.push((part.instance, first.turn));
                part.turns.truncate(most);
            }
        }
        gone
    }

    /// Cuts that have come to differ in nothing are one.
    fn simplify(&mut self) {
        if self.has_slots() {
            return;
        }
        for (at, part) in self.parts.iter_mut().enumerate() {
            let mut left = 0;
            let mut position = vec![0];
            for turn in &part.turns {
                left += usize::from(!turn.writes.is_empty());
                position.push(left);
            }
            part.turns.retain(|turn| !turn.writes.is_empty());
            for way in &mut self.ways {
                way.cuts[at] = position[way.cuts[at]];
            }
        }
        self.ways.sort_by(|one, other| one.cuts.cmp(&other.cuts));
        self.ways.dedup_by(|one, other| one.cuts == other.cuts);
    }

    /// All combinations of this loss and a later one.
    fn join(self, later: Loss) -> Loss {
        let ways = self.ways.iter().flat_map(|way| {
            later.ways.iter().map(|then| Way {
                cuts: way.cuts.iter().chain(&then.cuts).copied().collect(),
                slot: then.slot.clone().or_else(|| way.slot.clone()),
            })
        });
        Loss { ways: ways.collect(), parts: self.parts.into_iter().chain(later.parts).collect() }
    }
}

impl Row {
    /// Whether more than one state is possible.
    pub(crate) fn is_unsure(&self) -> bool {
        !self.maybe.losses.is_empty()
    }

    /// Whether more than one value of a key is possible.
    pub(crate) fn is_unsure_of(&self, key: &str) -> bool {
        self.maybe.losses.iter().any(|loss| loss.touches(key))
    }

    /// Whether more than one state of the alarm's slot is possible.
    pub(crate) fn is_unsure_of_slot(&self) -> bool {
        self.maybe.losses.iter().any(Loss::has_slots)
    }

    /// R7: whether an alarm may be tried again that was deleted in a run which then failed.
    pub(crate) fn may_retry(&self) -> bool {
        let ways = self.maybe.losses.iter().flat_map(|loss| &loss.ways);
        self.slot.spared.is_some()
            || ways.filter_map(|way| way.slot.as_ref()).any(|slot| slot.spared.is_some())
    }

    /// The keys that may be other than they are in the row. `others` are keys that may have been there too.
    pub(crate) fn unsure_keys<'a>(&'a self, others: impl Iterator<Item = &'a Key>) -> BTreeSet<Key> {
        let writes = || self.maybe.losses.iter().flat_map(Loss::writes);
        let mut keys: BTreeSet<Key> = BTreeSet::new();
        for write in writes() {
            if let KeyWrite::Key(key, ..) = write {
                keys.insert(key.clone());
            }
        }
        if writes().any(|write| matches!(write, KeyWrite::Clear(..))) {
            let all = self.keys.iter().map(|(key, _)| key).chain(others);
            keys.extend(all.filter(|key| self.is_unsure_of(key)).cloned());
        }
        keys
    }

    /// What is not to be judged any more, as far as that was not taken before.
    pub(crate) fn take_given_up(&mut self) -> GivenUp {
        std::mem::take(&mut self.maybe.given_up)
    }

    /// A key has this value for certain, whatever became durable before.
    pub(super) fn set_key(&mut self, key: Key, value: Option<Blob>, writer: Writer) {
        self.learn(&key);
        self.keys.set(key, value, writer);
    }

    /// All keys are removed for certain.
    pub(super) fn clear_keys(&mut self, writer: Writer) {
        for turn in
            self.maybe.losses.iter_mut().flat_map(|loss| &mut loss.parts).flat_map(|part| &mut part.turns)
        {
            turn.writes.clear();
        }
        self.tidy();
        self.keys.clear(writer);
    }

    fn learn(&mut self, key: &Key) {
        if self.is_unsure_of(key) {
            self.maybe.losses.iter_mut().for_each(|loss| loss.strip(key));
            self.tidy();
        }
    }

    /// Changes the alarm's slot, whichever of the possible ones it is.
    pub(crate) fn each_slot(&mut self, mut change: impl FnMut(&mut Slot)) {
        change(&mut self.slot);
        let ways = self.maybe.losses.iter_mut().flat_map(|loss| &mut loss.ways);
        for slot in ways.filter_map(|way| way.slot.as_mut()) {
            change(Rc::make_mut(slot));
        }
    }

    /// An instance is lost with these turns; `slots` says what they make of the alarm's slot; none if none of
    /// them touches it.
    pub(super) fn lose(&mut self, instance: u64, turns: Vec<Turn>, slots: Option<&Slots<'_>>) {
        let cuts = 0..=turns.len();
        let part = Part { instance, turns };
        let Some(slots) = slots else {
            let ways = cuts.map(|cut| Way { cuts: vec![cut], slot: None }).collect();
            self.maybe.losses.push(Loss { parts: vec![part], ways });
            return self.tidy();
        };
        let first = self.maybe.losses.iter().position(Loss::has_slots).unwrap_or(self.maybe.losses.len());
        let certain = || Loss { parts: Vec::new(), ways: vec![Way { cuts: Vec::new(), slot: None }] };
        let Some(before) = self.joined(first, part.turns.len() + 1) else {
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
        self.maybe.losses.push(loss);
        self.agree();
    }

    /// Takes out the losses from `first` on, joined; none if there is none. The outer none: there were too many
    /// combinations, times `more`, and they are given up.
    fn joined(&mut self, first: usize, more: usize) -> Option<Option<Loss>> {
        let mut losses = self.maybe.losses.split_off(first).into_iter();
        let Some(mut all) = losses.next() else { return Some(None) };
        let mut rest: Vec<Loss> = losses.collect();
        let ways = rest.iter().map(|loss| loss.ways.len()).fold(all.ways.len(), usize::saturating_mul);
        if ways.saturating_mul(more) > WAYS_MAX {
            rest.push(all);
            self.give_up(&rest);
            return None;
        }
        for loss in rest {
            all = all.join(loss);
        }
        Some(Some(all))
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

    /// Something was seen that depends on these keys: states in which it could not have been are ruled out.
    pub(crate) fn observe<'a>(
        &mut self,
        keys: impl Iterator<Item = &'a Key> + Clone,
        fits: impl Fn(&dyn Fn(&Key) -> Option<Blob>) -> bool,
    ) -> Fit {
        let touched = |loss: &Loss| keys.clone().any(|key| loss.touches(key));
        let Some(first) = self.maybe.losses.iter().position(touched) else { return Fit::Certain };
        let last = self.maybe.losses.iter().rposition(touched).unwrap_or(first);
        let behind = self.maybe.losses.split_off(last + 1);
        let joined = self.joined(first, 1);
        let Some(Some(mut loss)) = joined else {
            self.maybe.losses.extend(behind);
            return Fit::Certain;
        };
        let value = |way: &Way, key: &Key| match loss.value(way, key) {
            Some((value, _)) => value.cloned(),
            None => self.keys.get(key).map(|written| written.value.clone()),
        };
        let is_possible = |way: &&Way| fits(&|key| value(way, key));
        let left: Vec<Way> = loss.ways.iter().filter(is_possible).cloned().collect();
        let fit = if left.is_empty() { Fit::Contradicts } else { Fit::Fits };
        if !left.is_empty() {
            loss.ways = left;
        }
        self.maybe.losses.push(loss);
        self.maybe.losses.extend(behind);
        self.agree();
        fit
    }

    /// A read shows this at a key: it is so for certain from now on, or else, where it cannot be, what is possible is.
    pub(crate) fn observe_key(&mut self, key: &Key, seen: Option<&Blob>) {
        if !self.is_unsure_of(key) {
            return;
        }
        let fit = self.observe(std::iter::once(key), |value| value(key).as_ref() == seen);
        if fit == Fit::Contradicts {
            self.torn = self.part_of_turn(key, seen).map(|whole| (key.clone(), whole));
        }
        // After a fit all states that are left show the same.
        let latest = self.maybe.losses.iter().rev().find_map(|loss| loss.value(loss.ways.last()?, key));
        let latest = latest.map(|(value, writer)| (value.cloned(), writer));
        self.learn(key);
        if let Some((value, writer)) = latest {
            self.keys.set(key.clone(), value, writer);
        }
    }

    /// S2, S5: whether a lost turn that is not durable as a whole would have made a key so.
    fn part_of_turn(&self, key: &Key, seen: Option<&Blob>) -> Option<Whole> {
        let turns = self.maybe.losses.iter().flat_map(|loss| &loss.parts).flat_map(|part| &part.turns);
        let writes = turns.flat_map(|turn| &turn.writes);
        let (_, writer) = writes.filter_map(|write| write.value(key)).find(|(value, _)| *value == seen)?;
        Some(if writer.transaction.is_some() { Whole::Transaction } else { Whole::Turn })
    }

    /// S2, S5: what a read of the key has contradicted that was to be durable together.
    pub(crate) fn torn_at(&self, key: &str) -> Option<Whole> {
        self.torn.as_ref().filter(|(it, _)| **it == *key).map(|(_, whole)| *whole)
    }

    /// The alarm's slot was seen to be so: states of it in which it is not are ruled out.
    pub(crate) fn observe_slot(&mut self, fits: impl Fn(&Slot) -> bool) -> Fit {
        let Some(loss) = self.maybe.losses.iter_mut().find(|loss| loss.has_slots()) else {
            return Fit::Certain;
        };
        let is_possible = |way: &Way| way.slot.as_deref().is_some_and(&fits);
        if !loss.ways.iter().any(is_possible) {
            return Fit::Contradicts;
        }
        loss.ways.retain(is_possible);
        self.agree();
        Fit::Fits
    }

    /// A lost turn turns out to have been acknowledged: it and what was before it in its instance are durable. Gives
    /// whether that is still possible.
    pub(crate) fn observe_durable(&mut self, instance: u64, turn: u32) -> bool {
        let is_of = |part: &Part| part.instance == instance;
        if self.maybe.gone.iter().any(|(gone, first)| *gone == instance && *first <= turn) {
            return false;
        }
        let Some(loss) = self.maybe.losses.iter_mut().find(|loss| loss.parts.iter().any(is_of)) else {
            return true;
        };
        let Some(at) = loss.parts.iter().position(is_of) else { return true };
        let least = loss.parts[at].turns.iter().filter(|it| it.turn <= turn).count();
        let is_possible = loss.ways.iter().any(|way| way.cuts[at] >= least);
        if is_possible {
            loss.ways.retain(|way| way.cuts[at] >= least);
            self.agree();
        }
        is_possible
    }

    /// Where all possible states of the slot are alike for whoever reads it, or runs its alarm, there is only one. Else
    /// the latest of them stands in the row for all.
    pub(crate) fn agree(&mut self) {
        let gone = self.maybe.losses.iter_mut().flat_map(Loss::truncate).collect::<Vec<_>>();
        self.maybe.gone.extend(gone);
        while self.maybe.gone.len() > GONE_MAX {
            self.maybe.gone.pop_front();
        }
        if let Some(loss) = self.maybe.losses.iter_mut().find(|loss| loss.has_slots()) {
            let essence = |way: &Way| way.slot.as_deref().map(Slot::essence);
            let latest = loss.ways.last().map(essence);
            let are_alike = loss.ways.iter().all(|way| Some(essence(way)) == latest);
            if let Some(slot) = loss.ways.last().and_then(|way| way.slot.as_deref()) {
                let doubtful = self.slot.doubtful;
                self.slot = slot.clone();
                self.slot.doubtful |= doubtful;
            }
            if are_alike {
                loss.ways.iter_mut().for_each(|way| way.slot = None);
            }
        }
        self.tidy();
    }

    /// What has become certain moves into the row.
    fn tidy(&mut self) {
        self.maybe.losses.iter_mut().for_each(Loss::simplify);
        while let Some(at) = self.maybe.losses.iter().position(|loss| loss.ways.len() == 1) {
            let loss = self.maybe.losses.remove(at);
            for (part, cut) in loss.parts.into_iter().zip(&loss.ways[0].cuts) {
                for write in part.turns.into_iter().take(*cut).flat_map(|turn| turn.writes) {
                    self.promote(write, at);
                }
            }
            self.maybe.losses.iter_mut().for_each(Loss::simplify);
        }
    }

    /// A write of the loss that was at this position is certain: it covers what was before.
    fn promote(&mut self, write: KeyWrite, at: usize) {
        let before = &mut self.maybe.losses[..at];
        match write {
            KeyWrite::Key(key, value, writer) => {
                before.iter_mut().for_each(|loss| loss.strip(&key));
                self.keys.set(key, value, writer);
            }
            KeyWrite::Clear(writer, known) => {
                for turn in
                    before.iter_mut().flat_map(|loss| &mut loss.parts).flat_map(|part| &mut part.turns)
                {
                    turn.writes.clear();
                }
                self.keys.clear_except(writer, &known);
            }
        }
    }
}
