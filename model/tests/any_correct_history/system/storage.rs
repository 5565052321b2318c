//! What object code asks of its storage.

use reveille_model::history::{
    AlarmId, AwaitKind, Blob, Delivery, Key, ListOptions, OpResult, StorageCall, What,
};

use super::{Alarm, KEYS, State, System};

impl System {
    pub(super) fn call(&mut self, call: StorageCall) -> u64 {
        self.ops += 1;
        let is_read = matches!(
            call,
            StorageCall::Get { .. } | StorageCall::List(_) | StorageCall::GetAlarm | StorageCall::Sync
        );
        self.it().has_written |= !is_read;
        self.does(What::Op { op: self.ops, call, allow_concurrency: false });
        self.ops
    }

    pub(super) fn calls(&mut self, call: StorageCall, result: OpResult) {
        let op = self.call(call);
        self.does(What::OpResult { op, result });
    }

    pub(super) fn key(&mut self) -> Key {
        Key::from(KEYS[self.chance.below(3) as usize])
    }

    /// S6, for orders and limits.
    pub(super) fn lists(&mut self, options: ListOptions) {
        let mut entries: Vec<(Key, Blob)> = self.it().seen.keys.clone().into_iter().collect();
        if options.reverse {
            entries.reverse();
        }
        entries.truncate(options.limit.map_or(usize::MAX, |limit| limit as usize));
        self.it().given.extend(entries.iter().map(|(key, value)| (key.clone(), Some(value.clone()))));
        self.calls(StorageCall::List(options), OpResult::Entries(entries));
    }

    /// A3, A4.
    pub(super) fn asks_for_alarm(&mut self) {
        let it = self.it();
        let is_hidden = it.run.is_some() && !it.is_replaced;
        let alarm = it.seen.alarm.as_ref().filter(|_| !is_hidden).map(|alarm| alarm.scheduled_ms);
        self.calls(StorageCall::GetAlarm, OpResult::Alarm(alarm));
    }

    /// S4.
    pub(super) fn reads(&mut self) {
        match self.chance.below(4) {
            0 => {
                let (reverse, limit) = (self.chance.one_in(2), Some(self.chance.below(3) as u32 + 1));
                self.lists(ListOptions { reverse, limit, ..ListOptions::default() });
            }
            1 => self.asks_for_alarm(),
            _ => {
                let key = self.key();
                self.asks_for(key);
            }
        }
    }

    pub(super) fn asks_for(&mut self, key: Key) {
        let value = self.gets(&key);
        self.calls(StorageCall::Get { key }, OpResult::Value(value));
    }

    /// What a read of the key gives.
    fn gets(&mut self, key: &Key) -> Option<Blob> {
        let it = self.it();
        let value = it.seen.keys.get(key).cloned();
        it.given.push((key.clone(), value.clone()));
        value
    }

    pub(super) fn sets_alarm(&mut self) {
        self.alarms += 1;
        let (id, now_ms) = (self.alarms, self.wall_ms());
        let time_ms = now_ms + self.chance.below(4_000) as i64 - 200;
        let scheduled_ms = time_ms.max(now_ms);
        let alarm = Some(AlarmId(id));
        self.calls(StorageCall::SetAlarm { time_ms, scheduled_ms, alarm }, OpResult::Done);
        let it = self.it();
        it.seen.alarm = Some(Alarm { id, scheduled_ms, failures: 0, not_before_ms: 0, platform: 0 });
        (it.is_replaced, it.may_retry) = (true, false);
    }

    pub(super) fn writes(&mut self) {
        let key = self.key();
        match self.chance.below(12) {
            0..=3 => {
                let value = Blob::from(self.ops.to_string().as_str());
                self.it().seen.keys.insert(key.clone(), value.clone());
                self.calls(StorageCall::Put { key, value }, OpResult::Done);
            }
            4..=5 => {
                let was_there = self.it().seen.keys.remove(&key).is_some();
                self.calls(StorageCall::Delete { key }, OpResult::Deleted(was_there));
            }
            6 => {
                self.it().seen.alarm = None;
                self.calls(StorageCall::DeleteAlarm, OpResult::Done);
            }
            7 if self.chance.one_in(2) => {
                self.it().seen = State::default();
                self.it().may_retry = false;
                self.calls(StorageCall::DeleteAll { preserve_alarm: false }, OpResult::Done);
            }
            8 if !self.has_transactions => self.transaction(),
            _ => self.sets_alarm(),
        }
    }

    /// S5.
    pub(super) fn transaction(&mut self) {
        let op = self.call(StorageCall::Transaction);
        let it = self.it();
        let before = (it.seen.clone(), it.is_replaced, it.may_retry);
        self.has_transactions = true;
        for _ in 0..self.chance.below(3) {
            match self.chance.below(4) {
                0 => self.sets_alarm(),
                1 => self.reads(),
                _ => {
                    let (key, value) = (self.key(), Blob::from(self.ops.to_string().as_str()));
                    self.it().seen.keys.insert(key.clone(), value.clone());
                    self.calls(StorageCall::Put { key, value }, OpResult::Done);
                }
            }
        }
        self.has_transactions = false;
        let is_rolled_back = self.chance.one_in(2);
        let result = if is_rolled_back { OpResult::Error("boom".into()) } else { OpResult::Done };
        self.does(What::OpResult { op, result });
        if is_rolled_back {
            let it = self.it();
            (it.seen, it.is_replaced, it.may_retry) = before;
        }
    }

    /// What object code does before it waits or ends. S1: a read of what is not in memory waits, and the gate is closed.
    pub(super) fn acts(&mut self) {
        for _ in 0..self.chance.below(4) {
            if self.chance.one_in(3) {
                self.reads();
            } else {
                self.writes();
            }
        }
        if self.chance.one_in(4) {
            let key = self.key();
            let value = self.gets(&key);
            let op = self.call(StorageCall::Get { key });
            self.does(What::Await { op, kind: AwaitKind::Storage });
            self.end_turn(None);
            self.now_ms += self.chance.below(20);
            self.it().turn += 1;
            self.does(What::Deliver { delivery: Delivery::Result { op } });
            self.does(What::OpResult { op, result: OpResult::Value(value) });
        }
        if self.chance.one_in(6) {
            let op = self.call(StorageCall::Sync);
            self.does(What::Await { op, kind: AwaitKind::Sync });
            self.end_turn(None);
            self.commit_all();
            self.it().turn += 1;
            self.does(What::Deliver { delivery: Delivery::Result { op } });
            self.does(What::OpResult { op, result: OpResult::Done });
        }
    }
}
