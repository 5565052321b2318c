//! One instance of an object: its uncommitted turns, what it sees through them, and the run that is in progress.
//!
//! Calls act on the overlay and are logged by turn; a commit moves one turn from the log into the durable row. Of an
//! instance that was superseded the model knows only what it wrote itself.

use std::collections::VecDeque;

use super::calls::Undo;
use super::closed::Closed;
use super::commit::{Entry, Write};
use super::conduct::Conduct;
use super::keys::{Overlay, View};
use super::read::{AlarmView, Read, ReadCall};
use super::slot::{self, Ack, Constructors, End, Failure, Platform, Setting, Slot, Spared};
use super::transaction::{Open, Void};
use super::{Mark, Row};
use crate::history::{self, By};

/// What the calls made while a run is in progress mean for the retry of its alarm, should it fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// It is due (R1).
    Due,
    /// `delete_alarm` may or may not prevent it (R7).
    LeftOpen,
    /// `set_alarm` (R5) or `delete_all` (S8) has ended it.
    Ended,
}

/// A run in progress.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) run: u64,
    /// Its alarm; none if it is a run that no alarm of the model accounts for.
    pub(crate) alarm: Option<Setting>,
    pub(crate) retry_count: u32,
    pub(crate) started: Mark,
    /// The turn that it started in.
    pub(crate) turn: u32,
    /// A4: whether `set_alarm` was called since it started.
    pub(crate) replaced: bool,
    /// What `get_alarm` may show beside none while it was not.
    pub(crate) tolerated_ms: Option<i64>,
    pub(crate) retry: Retry,
}

/// A run that has ended and whose end is not durable yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) run: Run,
    pub(crate) end: End,
    pub(crate) failure: Failure,
    pub(crate) turn: u32,
    /// F4, R2: whether it takes its alarm away.
    pub(super) removes: bool,
    /// F4: it is known already that its parts are not one commit.
    pub(super) torn: bool,
    /// S3: it is known already that a later turn was durable before it.
    pub(super) overtaken: bool,
    /// R8: whether it resets the instance, so that what its turn wrote may be lost.
    pub(super) may_lose_its_turn: bool,
}

/// The latest uncommitted change of the alarm slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlotChange {
    pub(super) turn: u32,
    pub(super) alarm: Option<Setting>,
    pub(super) tolerated_ms: Option<i64>,
    /// Whether the end of a run did it.
    pub(super) by_end: bool,
}

/// How an instance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was idle.
    Evicted,
    /// It was reset, or its object has moved.
    Orderly,
    /// O7.
    OverLimit,
    Lost,
}

/// One instance.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) instance: u64,
    pub(crate) epoch: u64,
    /// Where it runs, where the history tells.
    pub(crate) machine: Option<u16>,
    pub(crate) cause: Option<history::Cause>,
    pub(crate) started: Mark,
    /// The turn that it started in.
    pub(super) first_turn: u32,
    /// The first of the instances whose turns it has taken over, if it has.
    pub(super) heir_from: Option<u64>,
    /// Since when instances of its object have been on its machine, under its epoch.
    pub(crate) here_since_ns: u64,
    pub(crate) conduct: Conduct,
    /// When its input gate was closed, or that of an instance before it, since a run of the object last ended.
    pub(crate) closed: Closed,
    /// The slice that its object belongs to, where the history tells.
    pub(crate) slice: Option<u16>,
    pub(crate) ended: Option<Ended>,
    /// When it ended, if it has.
    pub(crate) ended_ns: u64,
    /// F6: whether the history does not tell of its end, only that its machine stopped.
    pub(crate) is_end_untold: bool,
    /// F8: since when the object had been in no memory when this one started.
    pub(crate) absent_since_ns: Option<u64>,
    /// Whether a newer instance has started.
    pub(crate) superseded: bool,
    /// How many runs it has started.
    pub(crate) runs: u32,
    pub(crate) run: Option<Run>,
    /// F3: the run that it was in when a newer instance started, and the first run of a newer one that started then.
    pub(crate) left_open: Option<Run>,
    pub(crate) overlapped: Option<Mark>,
    /// When a run of the object last ended, in this instance or one before it.
    pub(crate) run_ended_ns: u64,
    pub(crate) ending: Option<Ending>,
    /// F6, R1: the run that its loss cut short, or that the platform failed, and where.
    pub(super) cut_short: Option<(Run, Failure)>,
    pub(crate) acked: Option<Ack>,
    /// S2: the last turn that has become durable, and where.
    pub(crate) committed: Option<(u32, Mark)>,
    /// Turns up to this one have been reported as skipped (S3) or as overtaken by a message (O5).
    pub(crate) skips_reported: u32,
    pub(crate) leaks_reported: u32,
    /// S3: a commit that came after it was superseded has been reported.
    pub(crate) late_reported: bool,
    pub(crate) overlay: Overlay,
    pub(super) slot: Option<SlotChange>,
    pub(super) log: VecDeque<Entry>,
    /// S5: transactions that have not ended, the innermost last.
    pub(super) open: Vec<Open>,
    /// S3: whether a turn of it has become durable or still can.
    pub(crate) has_written: bool,
    /// S2: whether a turn of it has made several writes.
    pub(crate) has_written_twice_in_a_turn: bool,
    pub(super) reads: Vec<Read>,
    pub(super) undo: Option<Undo>,
}

impl Instance {
    pub(crate) fn new(by: &By, machine: Option<u16>, cause: Option<history::Cause>, started: Mark) -> Self {
        Instance {
            instance: by.instance,
            epoch: by.epoch,
            machine,
            cause,
            started,
            first_turn: by.turn,
            heir_from: None,
            here_since_ns: started.at_ns,
            conduct: Conduct::new(cause.is_some()),
            closed: Closed::default(),
            slice: None,
            ended: None,
            ended_ns: 0,
            is_end_untold: false,
            absent_since_ns: None,
            superseded: false,
            runs: 0,
            run: None,
            left_open: None,
            overlapped: None,
            run_ended_ns: 0,
            ending: None,
            cut_short: None,
            acked: None,
            committed: None,
            skips_reported: 0,
            leaks_reported: 0,
            late_reported: false,
            overlay: Overlay::default(),
            slot: None,
            log: VecDeque::new(),
            open: Vec::new(),
            has_written: false,
            has_written_twice_in_a_turn: false,
            reads: Vec::new(),
            undo: None,
        }
    }

    /// Whether the history says when it started.
    pub(crate) fn is_start_seen(&self) -> bool {
        self.cause.is_some()
    }

    pub(crate) fn view<'a>(&'a self, row: &'a Row) -> View<'a> {
        View { keys: &row.keys, overlay: &self.overlay }
    }

    /// S4: reads that are pending do not see the write that comes now.
    pub(super) fn freeze_reads(&mut self, row: &Row) {
        if row.is_unsure() {
            // What such a read has to show is not known, and after this it cannot be told apart from what is written.
            let overlay = &self.overlay;
            self.reads.retain(|read| read.frozen.is_some() || !read.is_unsure(row, overlay));
        }
        let view = View { keys: &row.keys, overlay: &self.overlay };
        for read in &mut self.reads {
            read.freeze(view);
        }
    }

    /// The alarm that is in the slot as this instance sees it, whether or not `get_alarm` shows it.
    pub(crate) fn scheduled(&self, slot: &Slot) -> Option<Setting> {
        match &self.slot {
            Some(change) => change.alarm,
            None => slot.alarm.as_ref().map(|alarm| alarm.setting),
        }
    }

    /// S2: where this turn has become durable, although something of it was logged since.
    pub(crate) fn goes_on(&self, turn: u32) -> Option<Mark> {
        let (committed, mark) = self.committed.filter(|(committed, _)| *committed == turn)?;
        self.log.back().filter(|last| last.turn == committed && last.mark > mark).map(|_| mark)
    }

    /// F4, R4: whether a run of this alarm has ended, and the end is not durable yet.
    pub(crate) fn has_ended_run_of(&self, alarm: &Setting) -> bool {
        let own = self.ending.and_then(|ending| ending.run.alarm);
        own.is_some_and(|own| own.set == alarm.set)
    }

    /// The alarm that the instance itself has set, as far as that may not be durable.
    pub(crate) fn own_setting(&self) -> Option<Setting> {
        self.slot.and_then(|change| change.alarm)
    }

    pub(super) fn alarm_view(&self, row: &Row) -> AlarmView {
        // A4: in a run there is none, unless it was set since the run started.
        if self.run.is_some_and(|run| !run.replaced) {
            let tolerated_ms = self.run.and_then(|run| run.tolerated_ms);
            return AlarmView { scheduled_ms: None, tolerated_ms, in_run: true, is_unsure: false };
        }
        let slot = &row.slot;
        let scheduled_ms = self.scheduled(slot).map(|alarm| alarm.scheduled_ms);
        let tolerated_ms = match &self.slot {
            Some(change) => change.tolerated_ms,
            None => slot.spared.map(|alarm| alarm.setting.scheduled_ms),
        };
        let is_unsure = self.slot.is_none() && row.is_unsure_of_slot();
        AlarmView { scheduled_ms, tolerated_ms, in_run: self.run.is_some(), is_unsure }
    }

    /// The handler starts.
    pub(crate) fn start_run(
        &mut self,
        run: u64,
        alarm: Option<Setting>,
        retry_count: u32,
        started: Mark,
        turn: u32,
    ) {
        self.undo = None;
        self.runs += 1;
        let (replaced, tolerated_ms, retry) = (false, None, Retry::Due);
        self.run = Some(Run { run, alarm, retry_count, started, turn, replaced, tolerated_ms, retry });
    }

    /// The handler has ended: what the instance sees changes now, what is durable with the commit.
    pub(crate) fn end_run(
        &mut self,
        row: &mut Row,
        run: Run,
        end: Option<End>,
        failure: Failure,
        exhausted: bool,
        may_lose_its_turn: bool,
    ) {
        let turn_of_end = failure.turn;
        (self.run, self.undo) = (None, None);
        self.run_ended_ns = failure.ended.at_ns;
        self.closed.clear();
        let Some(alarm) = run.alarm else { return };
        let scheduled = self.scheduled(&row.slot);
        if end != Some(End::Completes) && run.retry == Retry::LeftOpen && scheduled.is_none() {
            let retry_count = run.retry_count;
            let spared = Spared {
                setting: alarm,
                failure,
                retry_count,
                end,
                is_recorded: false,
                constructors: Constructors::default(),
                platform: Platform::after(&failure),
            };
            row.each_slot(|slot| slot.spared = Some(spared));
            if let Some(change) = &mut self.slot {
                change.tolerated_ms = Some(alarm.scheduled_ms);
            }
        }
        let Some(end) = end else {
            // R3: that counts, too, if what set the alarm only turns out to be durable.
            self.cut_short.get_or_insert((run, failure));
            return;
        };
        let is_scheduled = scheduled.is_some_and(|scheduled| scheduled.set == alarm.set);
        let removes = end == End::Completes || exhausted;
        if is_scheduled && removes {
            let tolerated_ms = (end == End::Fails).then_some(alarm.scheduled_ms).or(run.tolerated_ms);
            self.slot = Some(SlotChange { turn: turn_of_end, alarm: None, tolerated_ms, by_end: true });
        }
        let ending = Ending {
            run,
            end,
            failure,
            turn: turn_of_end,
            removes,
            torn: false,
            overtaken: false,
            may_lose_its_turn,
        };
        self.ending = Some(ending);
        let write = Write::RunEnd(Box::new(ending));
        self.log.push_back(Entry { turn: turn_of_end, mark: failure.ended, write });
    }

    /// S5: what has replaced the alarm of a run was rolled back after the run had ended, which so has taken its alarm away.
    pub(super) fn end_run_again(&mut self, row: &Row) {
        let Some(ending) = self.ending.filter(|ending| ending.removes) else { return };
        let is_its_own =
            |scheduled: Setting| ending.run.alarm.is_some_and(|alarm| alarm.set == scheduled.set);
        if self.scheduled(&row.slot).is_some_and(is_its_own) {
            let given_up = ending.run.alarm.filter(|_| ending.end == End::Fails);
            let tolerated_ms = given_up.map(|alarm| alarm.scheduled_ms);
            self.slot = Some(SlotChange { turn: ending.turn, alarm: None, tolerated_ms, by_end: true });
        }
    }

    /// A newer instance has started: nothing of this one becomes durable any more, and what it reads is its own
    /// affair.
    pub(crate) fn supersede(&mut self, by: Mark) -> Superseded {
        self.superseded = true;
        self.undo = None;
        self.reads.retain(|read| matches!(read.call, ReadCall::Sync));
        let lost = self.log.iter().filter_map(|entry| match entry.write {
            Write::SetAlarm(setting) => Some((setting, self.cause(entry.mark, entry.turn, entry.mark))),
            _ => None,
        });
        Superseded { lost: lost.collect(), cut_off: self.open.iter().map(|open| open.void(by)).collect() }
    }
}

/// What an instance leaves behind that a newer one has succeeded.
#[derive(Debug)]
pub(crate) struct Superseded {
    /// The alarms that it had set and that are lost with it.
    pub(crate) lost: Vec<(Setting, slot::Cause)>,
    /// S5: transactions that had not ended.
    pub(crate) cut_off: Vec<Void>,
}
