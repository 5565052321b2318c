//! What a call does and gives (S1, S4 to S6, S8, A3 to A6).

use reveille_model::history::{Blob, Key, ListOptions, OpResult, StorageCall};

use super::Wrong;
use super::alarm::Alarm;
use super::object::{Image, State};
use super::scene::Scene;

/// A call without a result: what it may give.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Open {
    Gives(OpResult),
    /// `sync` in this turn.
    Syncs(u32),
    /// R7: whether an alarm is there that was deleted in a run which failed is left open.
    MayShow(Option<i64>),
    Transaction,
}

impl Image {
    /// S6.
    fn list(&self, options: &ListOptions) -> Vec<(Key, Blob)> {
        let admits = |key: &str| {
            options.prefix.as_ref().is_none_or(|prefix| key.starts_with(&**prefix))
                && options.start.as_ref().is_none_or(|start| key >= &**start)
                && options.start_after.as_ref().is_none_or(|after| key > &**after)
                && options.end.as_ref().is_none_or(|end| key < &**end)
        };
        let all = self.keys.iter().filter(|(key, _)| admits(key));
        let mut shown: Vec<(Key, Blob)> = all.map(|(key, value)| (key.clone(), value.clone())).collect();
        if options.reverse {
            shown.reverse();
        }
        shown.truncate(options.limit.map_or(usize::MAX, |limit| limit as usize));
        shown
    }
}

impl State {
    /// S1: a call acts when it is made.
    pub(super) fn calls(
        &mut self,
        scene: &Scene,
        turn: u32,
        op: u64,
        call: &StorageCall,
    ) -> Result<(), Wrong> {
        let before = self.view.image.clone();
        let open = match call {
            StorageCall::Transaction => {
                self.view.transaction = Some((before.clone(), self.view.run.clone()));
                Open::Transaction
            }
            StorageCall::Sync => Open::Syncs(turn),
            StorageCall::GetAlarm => self.shows_alarm(),
            StorageCall::SetAlarm { .. } | StorageCall::DeleteAlarm => self.changes_alarm(scene, call)?,
            _ => Open::Gives(self.on_keys(call)?),
        };
        self.view.open.insert(op, open);
        if self.view.image != before && self.view.transaction.is_none() {
            self.writes(turn);
        }
        Ok(())
    }

    fn on_keys(&mut self, call: &StorageCall) -> Result<OpResult, Wrong> {
        let keys = &mut self.view.image.keys;
        Ok(match call {
            StorageCall::Get { key } => OpResult::Value(keys.get(key).cloned()),
            StorageCall::List(options) => OpResult::Entries(self.view.image.list(options)),
            StorageCall::Put { key, value } => {
                keys.insert(key.clone(), value.clone());
                OpResult::Done
            }
            StorageCall::Delete { key } => OpResult::Deleted(keys.remove(key).is_some()),
            StorageCall::DeleteAll { preserve_alarm } => {
                keys.clear();
                if !preserve_alarm {
                    self.view.image.alarm = None;
                    // X2: no retry is left.
                    self.view.run.iter_mut().for_each(|run| run.may_retry = false);
                }
                OpResult::Done
            }
            _ => return Err("a call that the system of these histories does not make"),
        })
    }

    /// A3, A4: while `alarm()` runs there is none, unless it was set anew.
    fn shows_alarm(&self) -> Open {
        let alarm = self.view.image.alarm.as_ref();
        let own = self.view.run.as_ref().filter(|run| !run.is_replaced);
        match alarm {
            Some(alarm) if own.is_none() && alarm.is_spared => Open::MayShow(Some(alarm.scheduled_ms)),
            Some(alarm) if own.is_none() => Open::Gives(OpResult::Alarm(Some(alarm.scheduled_ms))),
            _ => Open::Gives(OpResult::Alarm(None)),
        }
    }

    fn changes_alarm(&mut self, scene: &Scene, call: &StorageCall) -> Result<Open, Wrong> {
        let run = self.view.run.as_mut();
        match call {
            StorageCall::SetAlarm { time_ms, scheduled_ms, alarm } => {
                let now_ms = scene.place.map(|place| place.wall_ns.div_euclid(1_000_000));
                if now_ms.is_some_and(|now_ms| *scheduled_ms != now_ms.max(*time_ms)) {
                    return Err("A6: what is stored is not the later of the time and now");
                }
                self.view.image.alarm = Some(Alarm::new(scene.index, *alarm, *scheduled_ms));
                // F5, R5: what was set stays, and the retries of the one before are over.
                run.into_iter().for_each(|run| (run.is_replaced, run.may_retry) = (true, false));
            }
            _ => self.view.image.alarm = None,
        }
        Ok(Open::Gives(OpResult::Done))
    }

    /// The result of a call.
    pub(super) fn results(
        &mut self,
        scene: &Scene,
        turn: u32,
        op: u64,
        result: &OpResult,
    ) -> Result<(), Wrong> {
        match self.view.open.remove(&op) {
            // An answer of a service.
            None => Ok(()),
            Some(Open::Syncs(turn)) => {
                self.acknowledges(scene, turn, "S3: sync returned before what was written is durable")
            }
            Some(Open::MayShow(time)) => match result {
                OpResult::Alarm(shown) if shown.is_none() || *shown == time => Ok(()),
                _ => Err("A3: get_alarm gave another time"),
            },
            Some(Open::Transaction) => self.transaction_ends(turn, *result == OpResult::Done),
            Some(Open::Gives(expected)) if expected == *result => Ok(()),
            Some(Open::Gives(OpResult::Alarm(_))) => Err("A3: get_alarm gave another time"),
            Some(Open::Gives(_)) => Err("S4: a call gave something else"),
        }
    }

    /// S5: all of it belongs to this turn, or none.
    fn transaction_ends(&mut self, turn: u32, is_done: bool) -> Result<(), Wrong> {
        let Some((image, run)) = self.view.transaction.take() else {
            return Err("S5: a transaction ends that has not begun");
        };
        if !is_done {
            (self.view.image, self.view.run) = (image, run);
        } else if self.view.image != image {
            self.writes(turn);
        }
        Ok(())
    }
}
