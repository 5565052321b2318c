//! One object: its durable row, the instance that lives now, and the few before it that may still be heard of.

use std::collections::BTreeSet;

use super::instance::{Ended, Ending, Instance, Run, Superseded};
use super::loss::Unsure;
use super::slot::{Ack, Failure, FailureKind, Why};
use super::transaction::OPEN_TURN;
use super::waits::Waits;
use super::{Mark, Row};
use crate::history::{By, Key, Place};

/// How many superseded instances of an object are followed. More than two at a time needs a machine that is cut
/// off for several takeovers.
const FORMER_MAX: usize = 4;

/// One object.
#[derive(Debug, Default)]
pub(crate) struct Object {
    pub(crate) row: Row,
    pub(crate) current: Option<Instance>,
    former: Vec<Instance>,
    /// Keys about which the history has contradicted the model, and that was reported: not judged any more.
    pub(crate) doubtful: BTreeSet<Key>,
    /// O1: the first effect of the newest epoch that has had one, and the last older instance that was refused.
    effect: Option<Effect>,
    /// O6: it was reported that it has not been started anywhere.
    pub(crate) is_homeless: bool,
    /// Whether its state at the end of the run was seen.
    pub(crate) at_rest: bool,
    /// W1, W2: what waits for its code.
    pub(crate) waits: Waits,
}

/// O1: an effect that fences off all older epochs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effect {
    pub(crate) instance: u64,
    pub(crate) epoch: u64,
    pub(crate) mark: Mark,
    refused: Option<u64>,
}

/// What an older instance's effect breaks; `is_told` if that was said of this instance before.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Overlap {
    /// O1: a newer epoch has had this effect.
    Fenced { by: Effect, is_told: bool },
    /// F3: the run of a newer instance had started while this one was open.
    Runs { open: Run, other: Mark },
}

/// S3: a turn that was acknowledged and can never become durable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LostTurn {
    pub(crate) instance: u64,
    pub(crate) turn: u32,
    /// Its first write.
    pub(crate) write: Mark,
    /// How it was acknowledged; not at all if its instance was idle and evicted, which loses nothing.
    pub(crate) ack: Option<Ack>,
    /// How its instance ended.
    pub(crate) ended: Option<Ended>,
}

/// An instance that does something, and what it does it to.
pub(crate) struct Acting<'a> {
    pub(crate) row: &'a mut Row,
    pub(crate) instance: &'a mut Instance,
    pub(crate) doubtful: &'a mut BTreeSet<Key>,
}

impl Object {
    /// Whether this instance is new to the model although the history did not say that it started.
    pub(crate) fn hears_first_of(&self, by: &By) -> bool {
        let Some(current) = &self.current else { return true };
        current.instance != by.instance
            && (by.epoch, by.instance) > (current.epoch, current.instance)
            && self.former.iter().all(|former| former.instance != by.instance)
    }

    /// The instance that does something; none if it was superseded so long ago that it is forgotten.
    pub(crate) fn acting(&mut self, by: &By) -> Option<Acting<'_>> {
        self.find(|instance| instance.instance == by.instance)
    }

    /// The same for what becomes durable or leaves: of an instance that was reset another one may have taken that over.
    pub(crate) fn answering(&mut self, by: &By) -> Option<Acting<'_>> {
        self.find(|instance| instance.answers_for(by.instance))
    }

    fn find(&mut self, is_it: impl Fn(&Instance) -> bool) -> Option<Acting<'_>> {
        let all = self.current.iter_mut().chain(&mut self.former);
        let instance = all.into_iter().find(|instance| is_it(instance))?;
        Some(Acting { row: &mut self.row, instance, doubtful: &mut self.doubtful })
    }

    /// O1: whether the newest epoch that has had an effect is not this one.
    pub(crate) fn has_had_effect_in_another_epoch(&self, epoch: u64) -> bool {
        self.effect.as_ref().is_some_and(|effect| effect.epoch != epoch)
    }

    /// An instance has an effect; `may_be_of_run` says whether a run can have had it. Returns what that breaks.
    pub(crate) fn effect(&mut self, by: &By, mark: Mark, may_be_of_run: bool) -> Option<Overlap> {
        match &mut self.effect {
            Some(effect) if by.epoch == effect.epoch => {}
            Some(effect) if by.epoch < effect.epoch => {
                let is_told = effect.refused.replace(by.instance) == Some(by.instance);
                return Some(Overlap::Fenced { by: *effect, is_told });
            }
            _ => {
                let (instance, epoch) = (by.instance, by.epoch);
                self.effect = Some(Effect { instance, epoch, mark, refused: None });
            }
        }
        let is_it = |former: &&mut Instance| former.instance == by.instance && may_be_of_run;
        let former = self.former.iter_mut().find(is_it)?;
        let open = former.left_open.filter(|open| by.turn >= open.turn)?;
        let other = former.overlapped.take()?;
        Some(Overlap::Runs { open, other })
    }

    /// F3: a run of the current instance starts.
    pub(crate) fn overlap_runs(&mut self, mark: Mark) {
        for former in &mut self.former {
            if former.left_open.is_some() && former.ended.is_none() {
                former.overlapped.get_or_insert(mark);
            }
        }
    }

    /// An instance starts. What the one before it has not committed by now is lost.
    /// With `unsure` the history does not tell of commits: then that is unknown.
    pub(crate) fn start(&mut self, mut instance: Instance, unsure: Option<Unsure>) -> Option<LostTurn> {
        self.former.retain(|former| former.ended.is_none());
        // O1: an older epoch has no effect, so it takes no seat either.
        if self.current.as_ref().is_some_and(|current| instance.epoch < current.epoch) {
            instance.superseded = true;
            self.retire(instance);
            return None;
        }
        let started = instance.started;
        // "Eligible instant": a handler of the object that ran in an earlier instance counts too.
        if let Some(before) = &mut self.current {
            instance.run_ended_ns = before.run_ended_ns;
            instance.closed = std::mem::take(&mut before.closed);
            instance.slice = instance.slice.or(before.slice);
            if (before.epoch, before.machine) == (instance.epoch, instance.machine) {
                instance.here_since_ns = before.here_since_ns;
            }
        }
        instance.absent_since_ns =
            self.current.as_ref().and_then(|before| before.ended.map(|_| before.ended_ns));
        let mut before = self.current.replace(instance)?;
        if let Some(unsure) = unsure {
            self.succeed_unsure(before, started, unsure);
            return None;
        }
        if let Some(current) = self.current.as_mut().filter(|current| current.goes_on_from(&before)) {
            current.inherit(before);
            return None;
        }
        let is_same_holder = self.current.as_ref().is_some_and(|current| current.epoch == before.epoch);
        let Superseded { lost, cut_off } = before.supersede(started);
        for (setting, cause) in lost {
            self.row.slot.forget(setting, Why::Lost, cause);
        }
        for void in cut_off {
            self.row.remember_void(void, before.instance, OPEN_TURN);
        }
        self.interrupt_at_takeover(&mut before, started);
        let lost = before.lost_turn(is_same_holder);
        if before.ended.is_none() || before.has_uncommitted() {
            self.retire(before);
        }
        lost
    }

    /// The same where commits are not told: what was not acknowledged may have survived.
    fn succeed_unsure(&mut self, mut before: Instance, started: Mark, unsure: Unsure) {
        let is_same_holder = self.current.as_ref().is_some_and(|current| current.epoch == before.epoch);
        let is_lost = before.is_lost(is_same_holder);
        if is_same_holder && before.ended == Some(Ended::Evicted) {
            // It was idle: nothing of it is lost.
            before.make_durable(&mut self.row, OPEN_TURN - 1, started, unsure.retries_max);
        }
        before.left_open = before.run.filter(|_| before.ended.is_none());
        interrupt(&mut self.row, &mut before, started, None, is_lost);
        let splits_end = unsure.splits_end && !is_same_holder;
        before.leave_behind(&mut self.row, started, is_lost, Unsure { splits_end, ..unsure });
        before.supersede(started);
        if before.ended.is_none() {
            self.retire(before);
        }
    }

    /// The history tells what the datastore holds, but not what was committed: that may be any prefix of what the last
    /// instance has not acknowledged.
    pub(crate) fn rest_unsure(&mut self, at: Mark, unsure: Unsure) {
        if let Some(current) = &mut self.current {
            current.leave_behind(&mut self.row, at, true, unsure);
        }
    }

    fn retire(&mut self, instance: Instance) {
        if self.former.len() == FORMER_MAX {
            self.former.remove(0);
        }
        self.former.push(instance);
    }

    fn interrupt_at_takeover(&mut self, before: &mut Instance, started: Mark) {
        let is_same_holder = self.current.as_ref().is_some_and(|current| current.epoch == before.epoch);
        let is_lost = before.is_lost(is_same_holder);
        before.left_open = before.run.filter(|_| before.ended.is_none());
        interrupt(&mut self.row, before, started, None, is_lost);
        // An end of a run that did not become durable in time never happened.
        if let Some(Ending { run, failure, .. }) = before.ending.take()
            && let Some(alarm) = run.alarm.and_then(|alarm| self.row.slot.alarm_set_at(alarm.set))
            && alarm.last.is_none()
        {
            let kind = interruption(alarm, before.epoch, is_lost);
            alarm.last = Some(Failure { kind, ..failure });
        }
    }
}

impl Instance {
    /// F6, R3: whether its machine was lost, now that the next instance has started. Where the history does not tell of its end,
    /// it was if the holder is another one; the same holder has reset it.
    fn is_lost(&self, is_same_holder: bool) -> bool {
        self.ended.map_or(!is_same_holder, |ended| ended == Ended::Lost)
    }

    /// S3, S4: a turn that should be durable now that the next instance has started, and is not. `is_same_holder` says
    /// whether nothing can have failed in between.
    fn lost_turn(&self, is_same_holder: bool) -> Option<LostTurn> {
        let is_evicted = is_same_holder && self.ended == Some(Ended::Evicted);
        let (last, ack) = match self.acked {
            _ if is_evicted => (OPEN_TURN - 1, self.acked),
            Some(ack) => (ack.turn, Some(ack)),
            None => return None,
        };
        let (turn, write) = self.uncommitted(last, self.skips_reported)?;
        let ack = ack.filter(|ack| turn <= ack.turn);
        Some(LostTurn { instance: self.instance, turn, write, ack, ended: self.ended })
    }
}

/// The run that is in progress in an instance will not go on. After a reset its end may still be told, since a failure
/// of the handler can be what the reset is for.
pub(crate) fn interrupt(
    row: &mut Row,
    instance: &mut Instance,
    at: Mark,
    place: Option<Place>,
    is_lost: bool,
) {
    let Some(run) = instance.run else { return };
    let epoch = instance.epoch;
    let failure = Failure { ended: at, place, epoch, turn: 0, computed_ns: 0, kind: FailureKind::Cut };
    if is_lost {
        instance.run = None;
    }
    instance.cut_short.get_or_insert((run, failure));
    row.each_slot(|slot| {
        let Some(alarm) = run.alarm.and_then(|alarm| slot.alarm_set_at(alarm.set)) else { return };
        if alarm.last.is_none() {
            alarm.last = Some(Failure { kind: interruption(alarm, epoch, is_lost), ..failure });
        }
    });
}

/// F6, R3: after the loss of its machine a run starts again at once; after a reset it may have to wait.
pub(super) fn interruption(alarm: &mut super::slot::Alarm, epoch: u64, is_lost: bool) -> FailureKind {
    if is_lost {
        return FailureKind::Cut;
    }
    let (_, possible) = alarm.platform.count(epoch, false);
    FailureKind::Unclear { possible }
}
