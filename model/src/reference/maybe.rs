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
use std::ops::{Bound, RangeInclusive};
use std::rc::Rc;

use super::losses::{Age, KeyWrite, Loss, Losses, Part, Split, Turn, Way};
use super::slot::Slot;
use super::{Mark, Row, Whole, Writer, list};
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

    /// A key has this value for certain, whatever became durable before.
    pub(super) fn set_key(&mut self, key: Key, value: Option<Blob>, writer: Writer) {
        self.learn(&key);
        self.keys.set(key, value, writer);
    }

    /// All keys are removed for certain.
    pub(super) fn clear_keys(&mut self, writer: Writer) {
        if self.is_unsure() {
            let all = self.maybe.losses.ages();
            self.maybe.losses.strip_all(&all);
            self.tidy(all);
        }
        self.keys.clear(writer);
    }

    fn learn(&mut self, key: &Key) {
        if !self.is_unsure_of(key) {
            return;
        }
        let touching = self.maybe.losses.touching(key);
        for age in &touching {
            self.maybe.losses.strip(*age, key);
        }
        self.tidy(touching);
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

    /// Something was seen that depends on these keys: states in which it could not have been are ruled out.
    pub(crate) fn observe<'a>(
        &mut self,
        keys: impl Iterator<Item = &'a Key> + Clone,
        fits: impl Fn(&dyn Fn(&Key) -> Option<Blob>) -> bool,
    ) -> Fit {
        let touched: BTreeSet<Age> = keys.clone().flat_map(|key| self.maybe.losses.touching(key)).collect();
        let (Some(first), Some(last)) = (touched.first(), touched.last()) else { return Fit::Certain };
        let Some(Some(mut loss)) = self.joined(*first..=*last, 1) else { return Fit::Certain };
        let value = |way: &Way, key: &Key| match loss.value(way, key) {
            Some((value, _)) => value.cloned(),
            None => self.keys.get(key).map(|written| written.value.clone()),
        };
        let is_possible = |way: &&Way| fits(&|key| value(way, key));
        let left: Vec<Way> = loss.ways.iter().filter(is_possible).cloned().collect();
        let fit = if left.is_empty() { Fit::Contradicts } else { Fit::Fits };
        if !left.is_empty() {
            self.leave(&mut loss, left);
        }
        self.narrowed(*last, loss);
        fit
    }

    /// A read shows this at a key: it is so for certain from now on, or else, where it cannot be, what is possible is.
    pub(crate) fn observe_key(&mut self, key: &Key, seen: Option<&Blob>) {
        if !self.is_unsure_of(key) {
            return;
        }
        let fit = self.observe(std::iter::once(key), |value| value(key).as_ref() == seen);
        let touching = self.maybe.losses.touching(key);
        let losses = || touching.iter().filter_map(|age| self.maybe.losses.get(*age));
        let torn = (fit == Fit::Contradicts).then(|| part_of_turn(losses(), key, seen));
        // After a fit all states that are left show the same.
        let latest = losses().rev().find_map(|loss| loss.value(loss.ways.last()?, key));
        let latest = latest.map(|(value, writer)| (value.cloned(), writer));
        if let Some(torn) = torn {
            self.torn = torn.map(|whole| (key.clone(), whole));
        }
        self.learn(key);
        if let Some((value, writer)) = latest {
            self.keys.turn_out(key.clone(), value, writer);
        }
    }

    /// S2, S5: what a read of the key has contradicted that was to be durable together.
    pub(crate) fn torn_at(&self, key: &str) -> Option<Whole> {
        self.torn.as_ref().filter(|(it, _)| **it == *key).map(|(_, whole)| *whole)
    }

    /// The alarm's slot was seen to be so: states of it in which it is not are ruled out.
    pub(crate) fn observe_slot(&mut self, fits: impl Fn(&Slot) -> bool) -> Fit {
        let Some((age, loss)) = self.maybe.losses.of_slot() else { return Fit::Certain };
        let is_possible = |way: &Way| way.slot.as_deref().is_some_and(&fits);
        if !loss.ways.iter().any(is_possible) {
            return Fit::Contradicts;
        }
        self.narrow(age, is_possible);
        Fit::Fits
    }

    /// A run has started, so that the slot was so: states in which it was not are ruled out, and remembered, since what is read
    /// later may show that it was one of them.
    pub(crate) fn observe_run(&mut self, started: Mark, fits: impl Fn(&Slot) -> bool) -> Fit {
        let Some((_, loss)) = self.maybe.losses.of_slot() else { return Fit::Certain };
        let is_possible = |way: &Way| way.slot.as_deref().is_some_and(&fits);
        let (left, ruled_out): (Vec<&Way>, Vec<&Way>) = loss.ways.iter().partition(|way| is_possible(way));
        if !left.is_empty() && !ruled_out.is_empty() {
            let ways = ruled_out.into_iter().cloned().collect();
            let alarm =
                left.iter().find_map(|way| way.slot.as_ref()?.alarm.as_ref()).map(|alarm| alarm.setting.set);
            let loss = Loss { parts: loss.parts.clone(), ways };
            self.maybe.ruled_out = Some(RuledOut { started, alarm, loss });
        }
        self.observe_slot(fits)
    }

    /// F4, R4: whether a key was seen to be as a state has it that a run has ruled out, which the key's last change, as far as it
    /// is known, did not follow.
    pub(crate) fn ruled_out(&self, key: &str, seen: Option<&Blob>, changed: Option<Mark>) -> Option<Denied> {
        let RuledOut { started, alarm, loss } = self.maybe.ruled_out.as_ref()?;
        if changed.is_some_and(|changed| changed > *started) {
            return None;
        }
        let shows = |way: &&Way| loss.value(way, key).is_some_and(|(value, _)| value == seen);
        let way = loss.ways.iter().find(shows)?;
        let held = way.slot.as_ref().and_then(|slot| slot.alarm.as_ref()).map(|alarm| alarm.setting.set);
        Some(if held == *alarm { Denied::Count } else { Denied::End })
    }

    /// A lost turn turns out to have been acknowledged: it and what was before it in its instance are durable. Gives
    /// whether that is still possible.
    pub(crate) fn observe_durable(&mut self, instance: u64, turn: u32) -> bool {
        if self.maybe.gone.iter().any(|(gone, first)| *gone == instance && *first <= turn) {
            return false;
        }
        let losses = &self.maybe.losses;
        let Some((age, loss)) = losses.age_of(instance).and_then(|age| Some((age, losses.get(age)?))) else {
            return true;
        };
        let Some(at) = loss.parts.iter().position(|part| part.instance == instance) else { return true };
        let least = loss.parts[at].turns.iter().filter(|it| it.turn <= turn).count();
        let is_possible = loss.ways.iter().any(|way| way.cuts[at] >= least);
        if is_possible {
            self.narrow(age, |way| way.cuts[at] >= least);
        }
        is_possible
    }

    /// Leaves only these ways of a loss, one of which there has to be.
    fn narrow(&mut self, age: Age, is_possible: impl Fn(&Way) -> bool) {
        if let Some(mut loss) = self.maybe.losses.take(age) {
            let left = loss.ways.iter().filter(|way| is_possible(way)).cloned().collect();
            self.leave(&mut loss, left);
            self.narrowed(age, loss);
        }
    }

    /// These ways of a loss are left. If every one of them takes a turn apart that is known now.
    fn leave(&mut self, loss: &mut Loss, left: Vec<Way>) {
        let split = left.iter().map(|way| loss.split(way)).reduce(|one, other| one.and(other)).flatten();
        let was_split = loss.ways.iter().all(|way| loss.split(way).is_some());
        self.maybe.given_up.splits.extend(split.filter(|_| !was_split));
        loss.ways = left;
    }

    /// The alarm's slot may be each of these from now on, whichever of the possible ones it is.
    pub(crate) fn fork_slot(&mut self, fork: &dyn Fn(&Slot) -> Vec<Slot>) {
        self.lose(NOBODY, vec![Turn { turn: 0, writes: Vec::new(), split: None }], Some(fork));
    }

    /// Puts back a loss of which fewer ways may be left.
    fn narrowed(&mut self, age: Age, mut loss: Loss) {
        self.maybe.gone.extend(loss.truncate());
        while self.maybe.gone.len() > GONE_MAX {
            self.maybe.gone.pop_front();
        }
        let has_slots = loss.has_slots();
        self.maybe.losses.put(age, loss);
        if has_slots {
            self.agree();
        }
        self.tidy(BTreeSet::from([age]));
    }

    /// Where all possible states of the slot are alike for whoever reads it, or runs its alarm, there is only one. Else
    /// the latest of them stands in the row for all.
    pub(crate) fn agree(&mut self) {
        let Some((age, loss)) = self.maybe.losses.of_slot() else { return };
        let Some(latest) = loss.ways.last().and_then(|way| way.slot.as_deref()) else { return };
        let essence = |way: &Way| way.slot.as_deref().map(Slot::essence);
        let are_alike = loss.ways.iter().all(|way| essence(way) == Some(latest.essence()));
        let doubtful = self.slot.doubtful;
        self.slot = latest.clone();
        self.slot.doubtful |= doubtful;
        if are_alike && let Some(mut loss) = self.maybe.losses.take(age) {
            loss.ways.iter_mut().for_each(|way| way.slot = None);
            self.maybe.losses.put(age, loss);
            self.tidy(BTreeSet::from([age]));
        }
    }

    /// What has become certain in losses that have changed moves into the row.
    fn tidy(&mut self, mut changed: BTreeSet<Age>) {
        while let Some(age) = changed.pop_first() {
            let Some(mut loss) = self.maybe.losses.take(age) else { continue };
            loss.simplify();
            if loss.ways.len() > 1 {
                self.maybe.losses.put(age, loss);
                continue;
            }
            for (part, cut) in loss.parts.into_iter().zip(&loss.ways[0].cuts) {
                for write in part.turns.into_iter().take(*cut).flat_map(|turn| turn.writes) {
                    changed.append(&mut self.promote(write, age));
                }
            }
        }
    }

    /// A write of the loss that was of this age is certain: it covers what was before. Gives the losses that this changes.
    fn promote(&mut self, write: KeyWrite, age: Age) -> BTreeSet<Age> {
        match write {
            KeyWrite::Key(key, value, writer) => {
                let mut before = self.maybe.losses.touching(&key);
                before.retain(|it| *it < age);
                for age in &before {
                    self.maybe.losses.strip(*age, &key);
                }
                self.keys.turn_out(key, value, writer);
                before
            }
            KeyWrite::Clear(writer, known) => {
                let mut before = self.maybe.losses.ages();
                before.retain(|it| *it < age);
                self.maybe.losses.strip_all(&before);
                self.keys.clear_except(writer, &known);
                before
            }
        }
    }
}

/// S2, S5: whether a lost turn that is not durable as a whole would have made a key so.
fn part_of_turn<'a>(losses: impl Iterator<Item = &'a Loss>, key: &Key, seen: Option<&Blob>) -> Option<Whole> {
    let writes = losses.flat_map(Loss::writes).filter_map(|write| write.value(key));
    let (_, writer) = writes.into_iter().find(|(value, _)| *value == seen)?;
    Some(if writer.transaction.is_some() { Whole::Transaction } else { Whole::Turn })
}
