//! The loss of an instance in a history that does not tell of commits: its unacknowledged turns, any prefix of which may be
//! durable (S3), the end of a run with the turn that it is part of (F4).

use super::commit::{Entry, Write, finish_in};
use super::instance::Instance;
use super::losses::{KeyWrite, Turn};
use super::maybe::Slots;
use super::object::interruption;
use super::slot::{Failure, Slot, Why};
use super::transaction::OPEN_TURN;
use super::{Mark, Row, slot};

impl Instance {
    /// Nothing more is heard of what it has not acknowledged: from here on that may or may not be durable.
    pub(super) fn leave_behind(&mut self, row: &mut Row, at: Mark, is_lost: bool, retries_max: u32) {
        // A transaction whose end was not told may have ended well.
        let open = self.open.drain(..).flat_map(|open| open.entries).collect::<Vec<_>>();
        let mut entries: Vec<Entry> = self.log.drain(..).collect();
        entries.extend(open.into_iter().map(|entry| entry.close(OPEN_TURN)));
        self.ending = None;
        // Whether its alarm has run is no longer known of it; only what it sets from now on is its own.
        self.slot = None;
        if entries.is_empty() {
            return;
        }
        let turns: Vec<&[Entry]> = entries.chunk_by(|one, next| one.turn == next.turn).collect();
        let writes = |entries: &&[Entry]| Turn {
            turn: entries[0].turn,
            writes: entries.iter().filter_map(key_write).collect(),
        };
        let touches_slot = entries.iter().any(|entry| !matches!(entry.write, Write::Key(..)));
        let slots = |before: &Slot| self.slots_after(before, &turns, at, is_lost, retries_max);
        let slots: Option<&Slots<'_>> = if touches_slot { Some(&slots) } else { None };
        row.lose(self.instance, turns.iter().map(writes).collect(), slots);
    }

    /// R4: a run that starts in this very instance is told of failures whose record is durable. Gives the turn up to which
    /// its unacknowledged turns have to be durable for that, if there is one.
    pub(crate) fn durable_for(
        &self,
        before: &Slot,
        is_it: impl Fn(&Slot) -> bool,
        retries_max: u32,
    ) -> Option<u32> {
        let mut slot = before.clone();
        let mut log = self.log.iter().peekable();
        while let Some(entry) = log.next() {
            self.apply_to_slot(&mut slot, entry, entry.mark, retries_max);
            let is_last = log.peek().is_none_or(|next| next.turn > entry.turn);
            if is_last && is_it(&slot) {
                return Some(entry.turn);
            }
        }
        None
    }

    /// The alarm's slot after none of the turns, after the first, after the first two ...
    fn slots_after(
        &self,
        before: &Slot,
        turns: &[&[Entry]],
        at: Mark,
        is_lost: bool,
        retries_max: u32,
    ) -> Vec<Slot> {
        let mut slot = before.clone();
        let mut slots = vec![self.cut_off(slot.clone(), turns, at, is_lost)];
        for (done, entries) in turns.iter().enumerate() {
            for entry in *entries {
                self.apply_to_slot(&mut slot, entry, at, retries_max);
            }
            slots.push(self.cut_off(slot.clone(), &turns[done + 1..], at, is_lost));
        }
        slots
    }

    fn apply_to_slot(&self, slot: &mut Slot, entry: &Entry, at: Mark, retries_max: u32) {
        let cause = self.cause(entry.mark, entry.turn, at);
        match &entry.write {
            Write::Key(..) => {}
            Write::Clear { preserve_alarm, .. } => slot.clear(*preserve_alarm, cause),
            Write::SetAlarm(setting) => slot.set(*setting, cause),
            Write::DeleteAlarm => slot.delete(cause),
            Write::EndRetry(why) => slot.end_retry(*why, cause),
            Write::RunEnd(ending) => finish_in(slot, ending, cause, retries_max),
        }
    }

    /// What the loss of the other turns does to the slot: alarms that they set were never in it (S3), and the end of a run
    /// that they have never happened (F6).
    fn cut_off(&self, mut slot: Slot, lost: &[&[Entry]], at: Mark, is_lost: bool) -> Slot {
        let mut ended = None;
        for entry in lost.iter().copied().flatten() {
            match &entry.write {
                Write::SetAlarm(setting) => {
                    let cause: slot::Cause = self.cause(entry.mark, entry.turn, at);
                    slot.forget(*setting, Why::Lost, cause);
                }
                Write::RunEnd(ending) if ended.is_none() => ended = Some((ending.run, ending.failure)),
                _ => {}
            }
        }
        if let Some((run, failure)) = ended.or(self.cut_short)
            && let Some(alarm) = run.alarm.and_then(|alarm| slot.alarm_set_at(alarm.set))
            && alarm.last.is_none_or(|last| last.ended < run.started)
        {
            let kind = interruption(alarm, self.epoch, is_lost);
            alarm.last = Some(Failure { kind, ..failure });
        }
        slot
    }
}

fn key_write(entry: &Entry) -> Option<KeyWrite> {
    match &entry.write {
        Write::Key(key, value, writer) => Some(KeyWrite::Key(key.clone(), value.clone(), *writer)),
        Write::Clear { writer, .. } => Some(KeyWrite::Clear(*writer, Default::default())),
        Write::SetAlarm(_) | Write::DeleteAlarm | Write::EndRetry(_) | Write::RunEnd(_) => None,
    }
}
