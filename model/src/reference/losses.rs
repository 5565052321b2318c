//! Lost instances, and which of their unacknowledged turns may be durable. [`super::maybe`] says what that means for an
//! object, and narrows it; here they are only kept, and found by what they are asked for: a loss that nobody asks for
//! costs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeInclusive};
use std::rc::Rc;

use super::Writer;
use super::slot::Slot;
use crate::history::{Blob, Key};

/// A loss by its age: a later one has a larger number.
pub(super) type Age = u64;

/// The losses of an object, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Losses {
    all: BTreeMap<Age, Loss>,
    /// Those that have written a key, and those with a `delete_all`, which writes all of them.
    by_key: BTreeMap<Key, BTreeSet<Age>>,
    clearing: BTreeSet<Age>,
    /// The one that tells states of the alarm's slot apart, if there is one.
    of_slot: Option<Age>,
    by_instance: BTreeMap<u64, Age>,
}

impl Losses {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The age of what is lost next.
    pub(super) fn next_age(&self) -> Age {
        self.all.last_key_value().map_or(0, |(age, _)| age + 1)
    }

    pub(super) fn get(&self, age: Age) -> Option<&Loss> {
        self.all.get(&age)
    }

    pub(super) fn ages(&self) -> BTreeSet<Age> {
        self.all.keys().copied().collect()
    }

    pub(super) fn age_of(&self, instance: u64) -> Option<Age> {
        self.by_instance.get(&instance).copied()
    }

    /// The loss whose ways have slots.
    pub(super) fn of_slot(&self) -> Option<(Age, &Loss)> {
        let age = self.of_slot?;
        Some((age, self.all.get(&age)?))
    }

    /// The same, for changes of the slots alone.
    pub(super) fn slots_mut(&mut self) -> impl Iterator<Item = &mut Rc<Slot>> {
        let loss = self.of_slot.and_then(|age| self.all.get_mut(&age));
        loss.into_iter().flat_map(|loss| &mut loss.ways).filter_map(|way| way.slot.as_mut())
    }

    /// The losses that touch a key.
    pub(super) fn touching(&self, key: &str) -> BTreeSet<Age> {
        let mut ages = self.by_key.get(key).cloned().unwrap_or_default();
        ages.extend(self.clearing.iter().filter(|age| self.touches(**age, key)));
        ages
    }

    pub(super) fn any_touches(&self, key: &str) -> bool {
        !self.all.is_empty()
            && (self.by_key.contains_key(key) || self.clearing.iter().any(|age| self.touches(*age, key)))
    }

    fn touches(&self, age: Age, key: &str) -> bool {
        self.all.get(&age).is_some_and(|loss| loss.touches(key))
    }

    /// Whether a `delete_all` is among what was lost.
    pub(super) fn any_clears(&self) -> bool {
        !self.clearing.is_empty()
    }

    /// The keys within these bounds that were written.
    pub(super) fn keys(&self, within: (Bound<&str>, Bound<&str>)) -> impl Iterator<Item = &Key> {
        self.by_key.range::<str, _>(within).map(|(key, _)| key)
    }

    pub(super) fn put(&mut self, age: Age, loss: Loss) {
        for write in loss.writes() {
            match write {
                KeyWrite::Key(key, ..) => _ = self.by_key.entry(key.clone()).or_default().insert(age),
                KeyWrite::Clear(..) => _ = self.clearing.insert(age),
            }
        }
        if loss.has_slots() {
            self.of_slot = Some(age);
        }
        self.by_instance.extend(loss.parts.iter().map(|part| (part.instance, age)));
        self.all.insert(age, loss);
    }

    pub(super) fn take(&mut self, age: Age) -> Option<Loss> {
        let loss = self.all.remove(&age)?;
        for write in loss.writes() {
            if let KeyWrite::Key(key, ..) = write {
                self.forget(key, age);
            }
        }
        self.clearing.remove(&age);
        self.of_slot.take_if(|of_slot| *of_slot == age);
        for part in &loss.parts {
            self.by_instance.remove(&part.instance);
        }
        Some(loss)
    }

    /// Takes those of these ages, the oldest first.
    pub(super) fn take_all(&mut self, ages: RangeInclusive<Age>) -> Vec<Loss> {
        let ages: Vec<Age> = self.all.range(ages).map(|(age, _)| *age).collect();
        ages.into_iter().filter_map(|age| self.take(age)).collect()
    }

    /// What is known of a key now need not be told apart any more in the loss of that age.
    pub(super) fn strip(&mut self, age: Age, key: &Key) {
        if let Some(loss) = self.all.get_mut(&age) {
            loss.strip(key);
            self.forget(key, age);
        }
    }

    fn forget(&mut self, key: &Key, age: Age) {
        if let Some(ages) = self.by_key.get_mut(key) {
            ages.remove(&age);
            if ages.is_empty() {
                self.by_key.remove(key);
            }
        }
    }

    /// All keys are known now, as far as these losses go.
    pub(super) fn strip_all(&mut self, ages: &BTreeSet<Age>) {
        for age in ages {
            if let Some(mut loss) = self.take(*age) {
                let turns = loss.parts.iter_mut().flat_map(|part| &mut part.turns);
                turns.for_each(|turn| turn.writes.clear());
                self.put(*age, loss);
            }
        }
    }
}

/// Lost instances whose cuts depend on one another.
#[derive(Debug)]
pub(super) struct Loss {
    pub(super) parts: Vec<Part>,
    /// The possible cuts; never empty, and without cuts that differ in nothing.
    pub(super) ways: Vec<Way>,
}

/// The unacknowledged turns of one lost instance.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) instance: u64,
    pub(super) turns: Vec<Turn>,
}

/// What one turn wrote that may be there.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) turn: u32,
    pub(super) writes: Vec<KeyWrite>,
    /// Whether what is durable up to here is a part of the turn only, and what takes it apart there.
    pub(super) split: Option<Split>,
}

/// What may take a turn apart where the contract is not kept to the letter (F4, S2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Split {
    /// The writes of a run are durable, and its end is not.
    End,
    /// A `delete_all` is durable, and what its turn wrote after it is not.
    Clear,
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
pub(super) struct Way {
    pub(super) cuts: Vec<usize>,
    pub(super) slot: Option<Rc<Slot>>,
}

impl KeyWrite {
    /// What it makes of a key, if anything.
    pub(super) fn value(&self, key: &str) -> Option<(Option<&Blob>, Writer)> {
        match self {
            KeyWrite::Key(it, value, writer) => (**it == *key).then_some((value.as_ref(), *writer)),
            KeyWrite::Clear(writer, known) => (!known.contains(key)).then_some((None, *writer)),
        }
    }
}

impl Loss {
    pub(super) fn writes(&self) -> impl Iterator<Item = &KeyWrite> {
        self.parts.iter().flat_map(|part| &part.turns).flat_map(|turn| &turn.writes)
    }

    fn touches(&self, key: &str) -> bool {
        self.writes().any(|write| write.value(key).is_some())
    }

    pub(super) fn has_slots(&self) -> bool {
        self.ways.iter().any(|way| way.slot.is_some())
    }

    /// What a key holds if it came this way; none if that leaves it as it is below.
    pub(super) fn value(&self, way: &Way, key: &str) -> Option<(Option<&Blob>, Writer)> {
        let parts = self.parts.iter().zip(&way.cuts).rev();
        let mut turns = parts.flat_map(|(part, cut)| part.turns[..*cut].iter().rev());
        turns.find_map(|turn| turn.writes.iter().rev().find_map(|write| write.value(key)))
    }

    /// What is known of a key now need not be told apart here any more.
    pub(super) fn strip(&mut self, key: &Key) {
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
    pub(super) fn truncate(&mut self) -> Vec<(u64, u32)> {
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

    /// Whether a cut of this way takes a turn apart, and what does.
    pub(super) fn split(&self, way: &Way) -> Option<Split> {
        let cuts = self.parts.iter().zip(&way.cuts);
        let mut splits = cuts.filter_map(|(part, cut)| part.turns.get(cut.checked_sub(1)?)?.split);
        splits.next()
    }

    /// Cuts that have come to differ in nothing are one.
    pub(super) fn simplify(&mut self) {
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
            let whole: Vec<bool> = (1..=part.turns.len())
                .map(|next| {
                    part.turns.get(next).is_none_or(|next_turn| next_turn.turn != part.turns[next - 1].turn)
                })
                .collect();
            for (turn, _) in part.turns.iter_mut().zip(whole).filter(|(_, is_whole)| *is_whole) {
                turn.split = None;
            }
            for way in &mut self.ways {
                way.cuts[at] = position[way.cuts[at]];
            }
        }
        self.ways.sort_by(|one, other| one.cuts.cmp(&other.cuts));
        self.ways.dedup_by(|one, other| one.cuts == other.cuts);
    }

    /// All combinations of this loss and a later one.
    pub(super) fn join(self, later: Loss) -> Loss {
        let ways = self.ways.iter().flat_map(|way| {
            later.ways.iter().map(|then| Way {
                cuts: way.cuts.iter().chain(&then.cuts).copied().collect(),
                slot: then.slot.clone().or_else(|| way.slot.clone()),
            })
        });
        Loss { ways: ways.collect(), parts: self.parts.into_iter().chain(later.parts).collect() }
    }
}
