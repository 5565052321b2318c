//! The alarm slot as it is durable: the one alarm that is scheduled, and the last few that have left and why.
//!
//! ```text
//! set_alarm ── commit ──▶ in the slot ──▶ gone: replaced | deleted | completed | exhausted
//!      └── its turn never committed ────▶ gone: lost
//! ```
//!
//! What has left is kept only so that a later run for it can be blamed on the right promise.

mod alarm;
mod failure;
mod gone;

use std::collections::VecDeque;

pub(crate) use self::alarm::{Alarm, Claim, Pending, Setting};
pub(crate) use self::failure::{Constructors, End, Failure, FailureKind, Platform, Spared};
pub(crate) use self::gone::{Ack, AckKind, Cause, Gone, Why};
use super::Mark;

/// How many alarms that have left the slot are remembered for each object.
const GONE_MAX: usize = 8;

/// The durable alarm slot of one object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    /// A1: at most one.
    pub(crate) alarm: Option<Alarm>,
    gone: VecDeque<Gone>,
    /// R7: an alarm that was deleted in a run which then failed. Whether it runs again is left open.
    pub(crate) spared: Option<Spared>,
    pub(crate) pending: Option<Pending>,
    /// The history has contradicted the slot, and that was reported: until the next `set_alarm` is durable nothing
    /// that follows from the same cause is held against it.
    pub(crate) doubtful: bool,
}

/// What can be seen of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Essence {
    /// Its alarm, that one's counted failures, and the run that is for it.
    alarm: Option<(Mark, u32, Option<u64>)>,
    /// The alarm that R7 spares.
    spared: Option<Mark>,
}

impl Slot {
    /// What can be seen of it.
    pub(crate) fn essence(&self) -> Essence {
        Essence {
            alarm: self.alarm.as_ref().map(|alarm| (alarm.setting.set, alarm.failures, alarm.run)),
            spared: self.spared.map(|spared| spared.setting.set),
        }
    }

    /// A `set_alarm` became durable.
    pub(crate) fn set(&mut self, setting: Setting, cause: Cause) {
        let ended_retries = self.alarm.as_ref().and_then(|alarm| alarm.last).filter(Failure::is_counted);
        self.leave(Why::Replaced { by_ms: setting.scheduled_ms }, cause);
        // What was set before that failure had been deleted again by then.
        self.spared.take_if(|spared| spared.failure.ended < setting.set);
        self.doubtful = false;
        let behind = self.pending.filter(|pending| pending.failure.ended < setting.set);
        self.alarm = Some(Alarm { behind, ended_retries, ..Alarm::new(setting, cause.commit, 0) });
    }

    /// A `delete_alarm` became durable.
    pub(crate) fn delete(&mut self, cause: Cause) {
        let in_backoff =
            self.alarm.as_ref().is_some_and(|alarm| alarm.last.is_some_and(|last| last.is_counted()));
        self.leave(if in_backoff { Why::DeletedInBackoff } else { Why::Deleted }, cause);
    }

    /// S8: a `delete_all` became durable.
    pub(crate) fn clear(&mut self, preserve_alarm: bool, cause: Cause) {
        match &mut self.alarm {
            Some(alarm) if preserve_alarm => alarm.preserved = Some(cause.op),
            _ => self.leave(Why::Cleared, cause),
        }
    }

    /// R6, S8: what is called after a failed run ends a retry of it that R7 has left open.
    pub(crate) fn end_retry(&mut self, why: Why, cause: Cause) {
        if let Some(spared) = self.spared.take_if(|spared| spared.failure.ended < cause.op) {
            let Spared { setting, retry_count: failures, failure, .. } = spared;
            self.remember(Gone { failures, last: Some(failure), ..Gone::new(setting, why, cause) });
        }
    }

    /// R7: the alarm that the system has chosen to run again after all is back in the slot, if it had left it, for a retry
    /// that comes after `last` like any other.
    pub(crate) fn readmit(&mut self, spared: Spared, at: Mark, failures: u32, last: Option<Failure>) {
        if self.alarm.is_some() {
            return;
        }
        self.spared = None;
        let Spared { setting, constructors, platform, .. } = spared;
        self.alarm = Some(Alarm { last, constructors, platform, ..Alarm::new(setting, at, failures) });
    }

    /// R1: a constructor has failed, or may have, that was to run for the alarm, unless the alarm is for later than
    /// `latest_ms`. `failed` is that failure but for its kind; `is_sure` says whether it was the alarm's, and not a request's.
    pub(crate) fn constructor_failed(
        &mut self,
        instance: u64,
        failed: Failure,
        is_sure: bool,
        latest_ms: i64,
    ) {
        let (setting, failures, constructors, platform) = match (&mut self.alarm, &mut self.spared) {
            // R5: an alarm that the constructor has set itself is not the one that it failed for.
            (Some(alarm), _) if alarm.setting.instance == instance => return,
            (Some(Alarm { setting, failures, constructors, platform, .. }), _) => {
                (*setting, *failures, constructors, platform)
            }
            (None, Some(Spared { setting, retry_count, constructors, platform, .. })) => {
                (*setting, *retry_count, constructors, platform)
            }
            (None, None) => return,
        };
        if setting.scheduled_ms > latest_ms {
            return;
        }
        let (sure, possible) = platform.count(failed.epoch, is_sure);
        constructors.possible = Some(Failure { kind: FailureKind::Unclear { possible }, ..failed });
        if is_sure {
            let failure = Failure { kind: FailureKind::Platform { sure, possible }, ..failed };
            constructors.sure = Some(failure);
            let before = self.pending.filter(|pending| pending.setting.set == setting.set);
            let retry_count = before.map_or(failures, |pending| pending.retry_count);
            self.pending = Some(Pending { setting, failure, retry_count });
        }
    }

    /// F4: a completion became durable.
    pub(crate) fn complete(&mut self, epoch: u64, cause: Cause) {
        self.leave(Why::Completed { epoch }, cause);
    }

    /// R4, R2: the record of a counted failure became durable.
    pub(crate) fn fail(&mut self, ended: Failure, retries_max: u32, cause: Cause) {
        let Some(alarm) = &mut self.alarm else { return };
        if alarm.failures >= retries_max {
            self.leave(Why::Exhausted, cause);
            return;
        }
        alarm.failures += u32::from(ended.is_counted());
        alarm.platform = Platform::default();
        alarm.last = Some(ended.recorded(cause.commit));
    }

    /// R5: a run failed whose alarm had been replaced while it ran.
    pub(crate) fn end_retries(&mut self, ended: Failure) {
        if let Some(alarm) = self.alarm.as_mut().filter(|alarm| alarm.setting.in_run_of_ms.is_some()) {
            alarm.ended_retries = Some(ended);
        }
    }

    /// What is kept in memory alone is gone: timers, and what the real runtime counts.
    pub(crate) fn restart(&mut self) {
        self.pending = None;
        self.gone.iter_mut().for_each(|gone| gone.is_unheard = true);
        if let Some(alarm) = &mut self.alarm {
            (alarm.behind, alarm.failed) = (None, 0);
        }
    }

    /// What set an alarm came to nothing: it never was in the slot.
    pub(crate) fn forget(&mut self, setting: Setting, why: Why, cause: Cause) {
        self.remember(Gone::new(setting, why, cause));
    }

    /// S5: the last alarm for this time that was set in a transaction which was rolled back.
    pub(crate) fn find_rolled_back(&self, scheduled_ms: i64) -> Option<&Gone> {
        let is_it = |gone: &&Gone| gone.why == Why::RolledBack && gone.setting.scheduled_ms == scheduled_ms;
        self.gone.iter().rev().find(is_it)
    }

    /// An alarm that has left runs again: if no other has come since it is back in the slot.
    pub(crate) fn come_back(&mut self, setting: Setting, at: Mark, failures: u32) {
        self.alarm.get_or_insert_with(|| Alarm::new(setting, at, failures));
    }

    /// A run of the alarm that was set there was told of so many failures: what was counted wrongly once stays wrong, and the
    /// next runs are held against it.
    pub(crate) fn told(&mut self, set: Mark, failures: u32) {
        if let Some(alarm) = self.alarm_set_at(set) {
            (alarm.failures, alarm.failed) = (failures, failures);
        }
    }

    /// A run starts for an alarm that has left.
    pub(crate) fn deliver_gone(&mut self, claim: Claim) {
        if let Some(gone) = self.gone.iter_mut().rev().find(|gone| claim.names(&gone.setting)) {
            gone.is_delivered = true;
        }
    }

    /// A run is for the alarm in the slot though it was told of another; if it fails this one starts again at once.
    pub(crate) fn run_behind(&mut self, run: u64) {
        if let Some(alarm) = &mut self.alarm {
            (alarm.behind, alarm.behind_run, alarm.run) = (None, Some(run), Some(run));
            (alarm.last, alarm.constructors) = (None, Constructors::default());
        }
    }

    /// The alarm, if it is the one that was set there.
    pub(crate) fn alarm_set_at(&mut self, set: Mark) -> Option<&mut Alarm> {
        self.alarm.as_mut().filter(|alarm| alarm.setting.set == set)
    }

    /// The alarm, if that run is for it.
    pub(crate) fn alarm_of(&mut self, run: u64, set: Mark) -> Option<&mut Alarm> {
        self.alarm.as_mut().filter(|alarm| alarm.setting.set == set || alarm.run == Some(run))
    }

    /// The most recent alarm that has left and answers to the claim.
    pub(crate) fn find_gone(&self, claim: Claim) -> Option<&Gone> {
        self.gone.iter().rev().find(|gone| claim.names(&gone.setting))
    }

    /// The last few alarms that have left, the oldest first.
    pub(crate) fn gone_settings(&self) -> impl Iterator<Item = Setting> {
        self.gone.iter().map(|gone| gone.setting)
    }

    /// S8: whether the last alarm that has left was for this time and went with a `delete_all`.
    pub(crate) fn is_last_cleared(&self, scheduled_ms: Option<i64>) -> bool {
        let last = self.gone.back().filter(|gone| gone.why == Why::Cleared);
        last.is_some_and(|gone| Some(gone.setting.scheduled_ms) == scheduled_ms)
    }

    /// Turns of an instance were acknowledged: with them what removed alarms in them.
    pub(crate) fn acknowledge(&mut self, instance: u64, ack: Ack) {
        for gone in self.gone.iter_mut().rev() {
            if gone.cause.instance != instance || gone.cause.acked.is_some() {
                break;
            }
            if gone.cause.turn <= ack.turn {
                gone.cause.acked = Some(ack);
            }
        }
    }

    fn leave(&mut self, why: Why, cause: Cause) {
        if let Some(alarm) = self.alarm.take() {
            // R7: it was still there, so that the retry left open was its own.
            self.spared.take_if(|spared| spared.failure.ended < cause.op);
            // R6: so was the timer. An alarm that replaces it stays behind that.
            let is_replaced = matches!(why, Why::Replaced { .. });
            let is_its_own = |pending: &mut Pending| {
                pending.setting.set == alarm.setting.set && pending.failure.ended < cause.op
            };
            self.pending.take_if(|pending| !is_replaced && is_its_own(pending));
            let Alarm { setting, failures, last, .. } = alarm;
            self.remember(Gone { failures, last, ..Gone::new(setting, why, cause) });
        }
    }

    fn remember(&mut self, gone: Gone) {
        if self.gone.len() == GONE_MAX {
            self.gone.pop_front();
        }
        self.gone.push_back(gone);
    }
}
