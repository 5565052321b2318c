//! From the log of an instance into the durable row: how a turn commits, and what a commit can do that the contract
//! does not allow.

use super::instance::{Ending, Instance, Run, SlotChange};
use super::slot::{self, End, Setting, Slot, Why};
use super::{Mark, Row, Writer};
use crate::history::{Blob, Key};

/// How a commit broke up what belongs together (F4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Torn {
    pub(crate) run: Run,
    /// The end of the run and its turn; none if the alarm was removed before the run ended.
    pub(crate) ended: Option<(Mark, u32)>,
    /// Whether this commit removes the alarm; else it is the one that should have and does not.
    pub(crate) removes: bool,
}

/// What a commit did that the contract does not allow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Irregular {
    /// S3: an earlier turn that is not durable yet, and its first write.
    pub(crate) skipped: Option<(u32, Mark)>,
    /// S3, F4: the record of a failed run, of an earlier turn, that is not durable yet, and the end of that run.
    pub(crate) unrecorded: Option<(u32, Mark)>,
    pub(crate) torn: Option<Torn>,
}

/// A logged change, to become durable with its turn.
#[derive(Clone, Debug)]
pub(super) enum Write {
    Key(Key, Option<Blob>, Writer),
    Clear {
        preserve_alarm: bool,
        writer: Writer,
    },
    SetAlarm(Setting),
    DeleteAlarm,
    /// R6, S8: there is no alarm, unless R7 has left one; that is gone too.
    EndRetry(Why),
    RunEnd(Box<Ending>),
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) turn: u32,
    pub(super) mark: Mark,
    pub(super) write: Write,
}

impl Entry {
    /// S5: the transaction that it belongs to has ended in this turn.
    pub(super) fn close(mut self, turn: u32) -> Self {
        self.turn = turn;
        match &mut self.write {
            Write::Key(_, _, writer) | Write::Clear { writer, .. } => writer.turn = turn,
            Write::SetAlarm(setting) => setting.turn = turn,
            Write::DeleteAlarm | Write::EndRetry(_) | Write::RunEnd(_) => {}
        }
        self
    }

    /// Whether object code wrote this, for certain: the end of a run is the system's, and what ends a retry may have found
    /// none.
    fn is_write(&self) -> bool {
        !matches!(self.write, Write::RunEnd(_) | Write::EndRetry(_))
    }

    fn ends_retry(&self) -> bool {
        matches!(self.write, Write::EndRetry(_))
    }
}

impl Instance {
    /// The first uncommitted write of a turn up to `turn`, leaving out turns up to `reported`.
    pub(crate) fn uncommitted(&self, turn: u32, reported: u32) -> Option<(u32, Mark)> {
        let entries = self.log.range(self.first_after(reported)..);
        let mut open = entries.take_while(|entry| entry.turn <= turn).filter(|entry| entry.is_write());
        open.next().map(|entry| (entry.turn, entry.mark))
    }

    pub(crate) fn has_uncommitted(&self) -> bool {
        !self.log.is_empty()
    }

    /// The keys that uncommitted turns up to `turn` change, leaving out turns that have been reported as skipped.
    pub(crate) fn uncommitted_keys(&self, turn: u32) -> impl Iterator<Item = &Key> {
        let entries = self.log.range(self.first_after(self.skips_reported)..);
        entries.take_while(move |entry| entry.turn <= turn).filter_map(|entry| match &entry.write {
            Write::Key(key, ..) => Some(key),
            _ => None,
        })
    }

    /// Where in the log what is later than a turn begins.
    fn first_after(&self, turn: u32) -> usize {
        self.log.partition_point(|entry| entry.turn <= turn)
    }

    /// Turn `turn` has become durable (S2), with the end of run `ends_run` in it (F4).
    pub(crate) fn commit(
        &mut self,
        row: &mut Row,
        turn: u32,
        ends_run: Option<u64>,
        mark: Mark,
        retries_max: u32,
    ) -> Irregular {
        self.undo = None;
        self.committed = Some((turn, mark));
        let skipped = turn.checked_sub(1).and_then(|before| self.uncommitted(before, self.skips_reported));
        let overtaken = self.overtaken_end(row, turn, ends_run);
        let end_of = |end| overtaken.filter(|it| it.end == end).map(|it| (it.turn, it.failure.ended));
        let skipped = skipped.or(end_of(End::Completes));
        let mut irregular = Irregular { skipped, unrecorded: end_of(End::Fails), torn: None };
        let open = self.take_open_turn(turn, ends_run);
        // What has been skipped stays in the log, and is not looked at again before its own commit.
        let mut next = self.first_after(self.skips_reported.min(turn.saturating_sub(1)));
        while let Some(entry) = self.log.get(next).filter(|entry| entry.turn <= turn) {
            if entry.turn < turn && entry.is_write() {
                next += 1;
                continue;
            }
            let Some(entry) = self.log.remove(next) else { break };
            if entry.turn == turn || entry.ends_retry() {
                self.apply(row, entry, Ends::Run(ends_run), mark, retries_max);
            }
        }
        irregular.torn = self.finish_apart(row, turn, ends_run, mark, retries_max);
        if let Some(ending) = self.ending.as_mut().filter(|ending| ending.turn == turn) {
            // The commit of its turn does not name it, and none will.
            ending.overtaken = true;
        }
        self.leave_open(row, open, mark);
        let is_ending = self.ending.is_some();
        let is_settled = |change: &SlotChange| change.turn <= turn && !(change.by_end && is_ending);
        self.slot.take_if(|change| is_settled(change));
        for open in &mut self.open {
            open.settle_slot(is_settled);
        }
        irregular
    }

    /// R8: what this turn wrote besides the end of a run that has reset the instance. Unless it was acknowledged it may be durable
    /// with that end or not.
    fn take_open_turn(&mut self, turn: u32, ends_run: Option<u64>) -> Vec<Entry> {
        let is_it = |ending: &Ending| {
            ending.may_lose_its_turn && ending.turn == turn && ends_run == Some(ending.run.run)
        };
        let is_acknowledged = self.acked.is_some_and(|acked| acked.turn >= turn);
        if is_acknowledged || !self.ending.as_ref().is_some_and(is_it) {
            return Vec::new();
        }
        let all = std::mem::take(&mut self.log);
        let is_open = |entry: &Entry| entry.turn == turn && !matches!(entry.write, Write::RunEnd(_));
        let (open, log): (Vec<Entry>, Vec<Entry>) = all.into_iter().partition(is_open);
        self.log = log.into();
        open
    }

    /// S3: the end of a run whose turn is earlier than this one and is not durable.
    fn overtaken_end(&mut self, row: &Row, turn: u32, ends_run: Option<u64>) -> Option<Ending> {
        let is_it = |ending: &Ending| ending.turn < turn && ends_run != Some(ending.run.run);
        let open = self.open_end(row).filter(is_it)?;
        self.ending = Some(Ending { overtaken: true, ..open });
        Some(open)
    }

    /// F4: the end of a run that has to become durable and has not: it takes its alarm away, or records a failure of it. None if it
    /// is known already that it is out of order.
    pub(crate) fn open_end(&self, row: &Row) -> Option<Ending> {
        let scheduled = row.slot.alarm.as_ref().map(|alarm| alarm.setting.set)?;
        let is_its_own = |ending: &Ending| ending.run.alarm.is_some_and(|alarm| alarm.set == scheduled);
        self.ending.filter(|ending| is_its_own(ending) && !ending.torn && !ending.overtaken)
    }

    pub(super) fn cause(&self, op: Mark, turn: u32, commit: Mark) -> slot::Cause {
        let acked = self.acked.filter(|ack| ack.turn >= turn);
        slot::Cause { op, instance: self.instance, turn, commit, acked }
    }

    fn apply(&mut self, row: &mut Row, entry: Entry, ends: Ends, mark: Mark, retries_max: u32) {
        let cause = self.cause(entry.mark, entry.turn, mark);
        self.settle(&entry);
        match entry.write {
            Write::Key(key, value, writer) => row.set_key(key, value, writer),
            Write::Clear { preserve_alarm, writer } => {
                row.clear_keys(writer);
                row.each_slot(|slot| slot.clear(preserve_alarm, cause));
            }
            Write::SetAlarm(setting) => row.each_slot(|slot| slot.set(setting, cause)),
            Write::DeleteAlarm => row.each_slot(|slot| slot.delete(cause)),
            Write::EndRetry(why) => row.each_slot(|slot| slot.end_retry(why, cause)),
            Write::RunEnd(ending) => match ends {
                Ends::Run(ends_run) => {
                    let run = ending.run.run;
                    let is_this = |ending: &mut Ending| ends_run == Some(run) && ending.run.run == run;
                    if let Some(ending) = self.ending.take_if(is_this) {
                        finish(row, ending, cause, retries_max);
                    }
                }
                Ends::WithItsTurn => finish(row, *ending, cause, retries_max),
            },
        }
    }

    /// What the instance sees of a change is in the row now, and not its own any more.
    pub(super) fn settle(&mut self, entry: &Entry) {
        match &entry.write {
            Write::Key(key, ..) => {
                self.overlay.settle(key, entry.turn);
                for open in &mut self.open {
                    open.settle(key, entry.turn);
                }
            }
            Write::Clear { .. } => self.overlay.settle_clear(entry.turn),
            Write::SetAlarm(_) | Write::DeleteAlarm | Write::EndRetry(_) | Write::RunEnd(_) => {}
        }
    }

    /// Turns up to this one were acknowledged: what needs no commit in them has come to be.
    pub(crate) fn settle_acknowledged(&mut self, row: &mut Row, turn: u32, mark: Mark) {
        if !row.may_retry() {
            return;
        }
        for entry in self.log.iter().filter(|entry| entry.turn <= turn) {
            if let Write::EndRetry(why) = entry.write {
                let cause = self.cause(entry.mark, entry.turn, mark);
                row.each_slot(|slot| slot.end_retry(why, cause));
            }
        }
        self.log.retain(|entry| entry.turn > turn || !entry.ends_retry());
    }

    /// The history does not tell of commits, and these turns are known to be durable: they were acknowledged.
    pub(crate) fn make_durable(&mut self, row: &mut Row, turn: u32, mark: Mark, retries_max: u32) {
        self.undo = None;
        while let Some(entry) = self.log.pop_front_if(|entry| entry.turn <= turn) {
            self.apply(row, entry, Ends::WithItsTurn, mark, retries_max);
        }
        self.ending.take_if(|ending| ending.turn <= turn);
        let is_settled = |change: &SlotChange| change.turn <= turn;
        self.slot.take_if(|change| is_settled(change));
        for open in &mut self.open {
            open.settle_slot(is_settled);
        }
        row.agree();
    }

    /// F4: whatever of a run's end is in a commit without the rest, or missing in the commit that should have it.
    fn finish_apart(
        &mut self,
        row: &mut Row,
        turn: u32,
        ends_run: Option<u64>,
        mark: Mark,
        retries_max: u32,
    ) -> Option<Torn> {
        if let Some(run) = self.run.filter(|run| ends_run == Some(run.run)) {
            let alarm = run.alarm?;
            row.slot.alarm_set_at(alarm.set)?;
            row.slot.complete(self.epoch, self.cause(mark, turn, mark));
            return Some(Torn { run, ended: None, removes: true });
        }
        let ending = self.ending?;
        let alarm = ending.run.alarm?;
        let is_scheduled = row.slot.alarm_set_at(alarm.set).is_some();
        let is_torn = is_scheduled && ending.end == End::Completes && !ending.torn && !ending.overtaken;
        let torn =
            |removes| Torn { run: ending.run, ended: Some((ending.failure.ended, ending.turn)), removes };
        if ends_run == Some(ending.run.run) {
            let cause = self.cause(ending.failure.ended, turn, mark);
            self.ending = None;
            finish(row, ending, cause, retries_max);
            return (is_torn && turn != ending.turn).then(|| torn(true));
        }
        if turn != ending.turn || !is_torn {
            return None;
        }
        self.ending = Some(Ending { torn: true, ..ending });
        Some(torn(false))
    }
}

/// What says that the end of a run is durable.
#[derive(Clone, Copy)]
enum Ends {
    /// F4: the commit names it.
    Run(Option<u64>),
    /// The history does not tell of commits: what is durable of a turn is all of it.
    WithItsTurn,
}

/// The end of a run is durable.
fn finish(row: &mut Row, ending: Ending, cause: slot::Cause, retries_max: u32) {
    if ending.end == End::Fails {
        row.remember_failed(ending.run.run);
    }
    row.each_slot(|slot| finish_in(slot, &ending, cause, retries_max));
}

/// If its alarm was replaced or deleted, there is nothing left to do (F5).
pub(super) fn finish_in(slot: &mut Slot, ending: &Ending, cause: slot::Cause, retries_max: u32) {
    let Some(alarm) = ending.run.alarm else { return };
    if slot.alarm_of(ending.run.run, alarm.set).is_none() {
        if ending.end == End::Fails {
            slot.end_retries(ending.failure);
        }
        if let Some(spared) = slot.spared.as_mut().filter(|spared| spared.setting.set == alarm.set) {
            spared.is_recorded = true;
        }
        return;
    }
    match ending.end {
        End::Completes => slot.complete(ending.failure.epoch, cause),
        End::Fails => slot.fail(ending.failure, retries_max, cause),
    }
}
