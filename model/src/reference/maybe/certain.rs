//! What has become certain moves into the row: because it was seen, because only one state is left, or because it was overwritten
//! for good.

use std::collections::BTreeSet;

use super::GONE_MAX;
use crate::history::{Blob, Key};
use crate::reference::losses::{Age, KeyWrite, Loss, Way};
use crate::reference::slot::Slot;
use crate::reference::{Row, Writer};

impl Row {
    /// A key has this value for certain, whatever became durable before.
    pub(in crate::reference) fn set_key(&mut self, key: Key, value: Option<Blob>, writer: Writer) {
        self.learn(&key);
        self.keys.set(key, value, writer);
    }

    /// All keys are removed for certain.
    pub(in crate::reference) fn clear_keys(&mut self, writer: Writer) {
        if self.is_unsure() {
            let all = self.maybe.losses.ages();
            self.maybe.losses.strip_all(&all);
            self.tidy(all);
        }
        self.keys.clear(writer);
    }

    pub(super) fn learn(&mut self, key: &Key) {
        if !self.is_unsure_of(key) {
            return;
        }
        let touching = self.maybe.losses.touching(key);
        for age in &touching {
            self.maybe.losses.strip(*age, key);
        }
        self.tidy(touching);
    }

    /// Puts back a loss of which fewer ways may be left.
    pub(super) fn narrowed(&mut self, age: Age, mut loss: Loss) {
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
    pub(super) fn tidy(&mut self, mut changed: BTreeSet<Age>) {
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
