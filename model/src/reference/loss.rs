//! The loss of an instance in a history that does not tell of commits: its unacknowledged turns, any prefix of which may be
//! durable (S3), the end of a run with the turn that it is part of (F4).

use super::commit::{Entry, Write, finish_in};
use super::instance::Instance;
use super::losses::{KeyWrite, Split, Turn};
use super::maybe::Slots;
use super::object::interruption;
use super::slot::{Failure, Slot, Why};
use super::transaction::OPEN_TURN;
use super::{Mark, Row, slot};

/// How what is not acknowledged may have become durable, where a history does not tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsure {
    /// R2.
    pub(crate) retries_max: u32,
    /// Whether a `delete_all` is durable by itself, and what its turn writes behind it is the next unit.
    pub(crate) splits_clear: bool,
    /// Whether the end of a run may not be durable although its writes are, once its process is gone.
    pub(crate) splits_end: bool,
}

/// A turn, or as much of it as may be durable by itself.
struct Step<'a> {
    turn: u32,
    /// What is durable of the turn then.
    durable: Vec<&'a Entry>,
    /// What is not.
    lost: Vec<&'a Entry>,
    /// What is of the keys that was not before.
    writes: Vec<KeyWrite>,
    split: Option<Split>,
}

impl Instance {
    /// Nothing more is heard of what it has not acknowledged: from here on that may or may not be durable.
    pub(super) fn leave_behind(&mut self, row: &mut Row, at: Mark, is_lost: bool, unsure: Unsure) {
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
        let turns = entries.chunk_by(|one, next| one.turn == next.turn);
        let steps: Vec<Step<'_>> = turns.flat_map(|turn| steps(turn, unsure)).collect();
        let touches_slot = entries.iter().any(|entry| !matches!(entry.write, Write::Key(..)));
        let slots = |before: &Slot| self.slots_after(before, &steps, at, is_lost, unsure.retries_max);
        let slots: Option<&Slots<'_>> = if touches_slot { Some(&slots) } else { None };
        let turn = |step: &Step<'_>| Turn { turn: step.turn, writes: step.writes.clone(), split: step.split };
        row.lose(self.instance, steps.iter().map(turn).collect(), slots);
    }

    /// R8: of these writes of one turn all may be durable, or none.
    pub(super) fn leave_open(&mut self, row: &mut Row, open: Vec<Entry>, at: Mark) {
        let Some(turn) = open.first().map(|entry| entry.turn) else { return };
        open.iter().for_each(|entry| self.settle(entry));
        let writes: Vec<KeyWrite> = open.iter().filter_map(key_write).collect();
        let touches_slot = open.iter().any(|entry| !matches!(entry.write, Write::Key(..)));
        let slots = |before: &Slot| {
            let mut kept = before.clone();
            open.iter().for_each(|entry| self.apply_to_slot(&mut kept, entry, at, 0));
            vec![self.cut_off(before.clone(), open.iter(), at, false), kept]
        };
        let slots: Option<&Slots<'_>> = if touches_slot { Some(&slots) } else { None };
        row.lose(self.instance, vec![Turn { turn, writes, split: None }], slots);
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

    /// The alarm's slot after none of the steps, after the first, after the first two ...
    fn slots_after(
        &self,
        before: &Slot,
        steps: &[Step<'_>],
        at: Mark,
        is_lost: bool,
        retries_max: u32,
    ) -> Vec<Slot> {
        let later = |next: usize| {
            let turns = steps[next..].chunk_by(|one, next| one.turn == next.turn);
            turns.flat_map(|turn| turn.last().map_or(&[][..], |whole| &whole.durable)).copied()
        };
        let mut whole = before.clone();
        let mut slots = vec![self.cut_off(whole.clone(), later(0), at, is_lost)];
        for (done, step) in steps.iter().enumerate() {
            let mut slot = whole.clone();
            for entry in &step.durable {
                self.apply_to_slot(&mut slot, entry, at, retries_max);
            }
            let next =
                steps[done..].iter().position(|it| it.turn != step.turn).map_or(steps.len(), |it| done + it);
            if next == done + 1 {
                whole = slot.clone();
            }
            slots.push(self.cut_off(slot, step.lost.iter().copied().chain(later(next)), at, is_lost));
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
    fn cut_off<'a>(
        &self,
        mut slot: Slot,
        lost: impl Iterator<Item = &'a Entry>,
        at: Mark,
        is_lost: bool,
    ) -> Slot {
        let mut ended = None;
        for entry in lost {
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

/// The parts of a turn that may be durable by themselves, the last of which is all of it.
fn steps<'a>(turn: &'a [Entry], unsure: Unsure) -> Vec<Step<'a>> {
    let mut cuts: Vec<(usize, Option<Split>)> = Vec::new();
    for (at, entry) in turn.iter().enumerate() {
        match &entry.write {
            Write::Clear { .. } if unsure.splits_clear => cuts.push((at + 1, Some(Split::Clear))),
            Write::RunEnd(_) if unsure.splits_end && at > 0 => cuts.push((at, Some(Split::End))),
            _ => {}
        }
    }
    cuts.retain(|(cut, _)| *cut < turn.len());
    cuts.push((turn.len(), None));
    cuts.dedup_by_key(|(cut, _)| *cut);
    let is_record =
        |entry: &&Entry| matches!(&entry.write, Write::RunEnd(ending) if ending.may_lose_its_turn);
    let number = turn[0].turn;
    let mut steps = Vec::new();
    if turn.len() > 1 && turn.iter().any(|entry| is_record(&entry)) {
        // R8: the failure is counted, and what the turn wrote is lost.
        let (durable, lost) = turn.iter().partition(is_record);
        steps.push(Step { turn: number, durable, lost, writes: Vec::new(), split: None });
    }
    let mut before = 0;
    for (cut, split) in cuts {
        let writes = turn[before..cut].iter().filter_map(key_write).collect();
        let (durable, lost) = (turn[..cut].iter().collect(), turn[cut..].iter().collect());
        steps.push(Step { turn: number, durable, lost, writes, split });
        before = cut;
    }
    steps
}

fn key_write(entry: &Entry) -> Option<KeyWrite> {
    match &entry.write {
        Write::Key(key, value, writer) => Some(KeyWrite::Key(key.clone(), value.clone(), *writer)),
        Write::Clear { writer, .. } => Some(KeyWrite::Clear(*writer, Default::default())),
        Write::SetAlarm(_) | Write::DeleteAlarm | Write::EndRetry(_) | Write::RunEnd(_) => None,
    }
}
