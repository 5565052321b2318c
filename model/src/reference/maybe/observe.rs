//! What was seen, and which of the possible states it rules out.

use std::collections::BTreeSet;

use super::{Denied, Fit, RuledOut};
use crate::history::{Blob, Key};
use crate::reference::losses::{Age, Loss, Way};
use crate::reference::slot::Slot;
use crate::reference::{Mark, Row, Whole};

impl Row {
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
}

/// S2, S5: whether a lost turn that is not durable as a whole would have made a key so.
fn part_of_turn<'a>(losses: impl Iterator<Item = &'a Loss>, key: &Key, seen: Option<&Blob>) -> Option<Whole> {
    let writes = losses.flat_map(Loss::writes).filter_map(|write| write.value(key));
    let (_, writer) = writes.into_iter().find(|(value, _)| *value == seen)?;
    Some(if writer.transaction.is_some() { Whole::Transaction } else { Whole::Turn })
}
