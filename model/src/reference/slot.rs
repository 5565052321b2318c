//! The alarm slot as it is durable: the one alarm that is scheduled, and the last few that have left and why.
//!
//! ```text
//! set_alarm ── commit ──▶ in the slot ──▶ gone: replaced | deleted | completed | exhausted
//!      └── its turn never committed ────▶ gone: lost
//! ```
//!
//! What has left is kept only so that a later run for it can be blamed on the right promise.

use std::collections::VecDeque;

use super::Mark;
use crate::history::{AlarmAtRest, AlarmId, Place, RunOutcome};

/// How many alarms that have left the slot are remembered for each object.
const GONE_MAX: usize = 8;

/// What `set_alarm` makes (A10: a new alarm each time).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// The call: the alarm's identity in the model.
    pub(crate) set: Mark,
    /// The alarm's identity in the system, where it has one.
    pub(crate) id: Option<AlarmId>,
    /// The stored time, wall time.
    pub(crate) scheduled_ms: i64,
    /// The machine that it was set on, where the history tells.
    pub(crate) machine: Option<u16>,
    /// The turn that set it, and that turn's instance.
    pub(crate) instance: u64,
    pub(crate) turn: u32,
    /// S5: the transaction that it was set in.
    pub(crate) transaction: Option<Mark>,
    /// The scheduled time of the alarm whose run was in progress when this one was set (F5, A10).
    pub(crate) in_run_of_ms: Option<i64>,
}

/// A scheduled alarm.
#[derive(Clone, Debug)]
pub(crate) struct Alarm {
    pub(crate) setting: Setting,
    /// Where it became durable.
    pub(crate) committed: Mark,
    /// R4: its counted failures whose record is durable.
    pub(crate) failures: u32,
    /// How its last run ended, if that was not the end of the alarm.
    pub(crate) last: Option<Failure>,
    /// The constructors that have failed since then.
    pub(crate) constructors: Constructors,
    /// Platform failures in a row, and the epoch that they belong to.
    pub(crate) platform: Platform,
    /// The machine of its last run.
    pub(crate) tried_on: Option<u16>,
    /// The retry timer that was pending when it was set.
    pub(crate) behind: Option<Pending>,
    /// The run of it that such a timer started.
    pub(crate) behind_run: Option<u64>,
    /// The run in progress that is for it, where several states are possible and that run is for another alarm in others.
    pub(crate) run: Option<u64>,
    /// How often it has failed since it was set or the process restarted, recorded or not: so the real runtime counts.
    pub(crate) failed: u32,
    /// R5: the counted failure of the alarm before it whose retries it ended.
    pub(crate) ended_retries: Option<Failure>,
    /// S8: the last `delete_all` that preserved it.
    pub(crate) preserved: Option<Mark>,
    /// L: it was told already that it is late.
    pub(crate) is_told_late: bool,
}

/// R3: platform failures in a row under one holder.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Platform {
    pub(crate) epoch: u64,
    /// Those that surely counted for the backoff.
    pub(crate) sure: u32,
    /// Those that may have counted: whether a reset counts is not to be seen in a history.
    pub(crate) possible: u32,
}

impl Platform {
    /// Those in a row after this failure of a run.
    pub(crate) fn after(failure: &Failure) -> Platform {
        match failure.kind {
            FailureKind::Platform { sure, possible } => {
                Platform { epoch: failure.epoch, sure: sure + 1, possible: possible + 1 }
            }
            _ => Platform::default(),
        }
    }

    /// A run ended by the platform's fault, or may have: returns the exponents of the backoff (sure, possible) and
    /// counts it. `sure` says whether the history shows that it counted.
    pub(crate) fn count(&mut self, epoch: u64, sure: bool) -> (u32, u32) {
        if self.epoch != epoch {
            *self = Platform { epoch, sure: 0, possible: 0 };
        }
        let before = (self.sure, self.possible);
        self.sure += u32::from(sure);
        self.possible += 1;
        before
    }
}

/// R3: the last constructors that have failed since the last run of an alarm. Each holds the next run back, and none takes
/// away what the run before it does.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Constructors {
    /// That surely failed for the alarm.
    pub(crate) sure: Option<Failure>,
    /// That may have: a request may have been what it ran for.
    pub(crate) possible: Option<Failure>,
}

/// A run that did not complete its alarm, or a constructor that failed for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    /// Its end.
    pub(crate) ended: Mark,
    /// Where it ended.
    pub(crate) place: Option<Place>,
    /// The epoch under which it ran.
    pub(crate) epoch: u64,
    /// The turn in which it ended.
    pub(crate) turn: u32,
    /// How long that turn had gone on by then: so long its process had computed without a pause.
    pub(crate) computed_ns: u64,
    pub(crate) kind: FailureKind,
}

impl Failure {
    fn is_counted(&self) -> bool {
        matches!(self.kind, FailureKind::Counted { .. })
    }

    /// The record of a counted failure became durable.
    fn recorded(mut self, mark: Mark) -> Self {
        if let FailureKind::Counted { recorded, .. } = &mut self.kind {
            *recorded = mark;
        }
        self
    }
}

/// R1: what a failure means for the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// It was counted, and its record is durable since `recorded`. The exponent is the failed run's `retry_count`.
    Counted { exponent: u32, recorded: Mark },
    /// The platform failed on a live machine. The exponents are for the lower and the upper bound.
    Platform { sure: u32, possible: u32 },
    /// It may have been the platform's failure; no bound of R3 is sure.
    Unclear { possible: u32 },
    /// Its machine was lost: the next holder starts it again at once.
    Cut,
}

/// Why an alarm is not in the slot any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// A2: by a later `set_alarm`, for this time.
    Replaced { by_ms: i64 },
    /// A5.
    Deleted,
    /// R6: while it waited for a retry.
    DeletedInBackoff,
    /// S8: by `delete_all`.
    Cleared,
    /// F4: its run ended well, in that epoch.
    Completed { epoch: u64 },
    /// R2: its retries were used up.
    Exhausted,
    /// The turn that set it was lost before it was durable.
    Lost,
    /// S5: it was set in a transaction that was rolled back, or lost with its instance.
    RolledBack,
}

/// How something was acknowledged (SPEC.md, "Words").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckKind {
    Response(u64),
    Outbound(u64),
    Sync,
    Completion(u64),
}

/// The moment at which an instance's turns up to one of them were acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ack {
    pub(crate) turn: u32,
    pub(crate) kind: AckKind,
    pub(crate) mark: Mark,
}

/// What removed an alarm: which call or end of run, in which turn of which instance, durable where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    pub(crate) op: Mark,
    pub(crate) instance: u64,
    pub(crate) turn: u32,
    pub(crate) commit: Mark,
    /// The acknowledgment that covers it, if there was one by then.
    pub(crate) acked: Option<Ack>,
}

/// An alarm that has left the slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone {
    pub(crate) setting: Setting,
    /// R4: its counted failures, and how its last run had ended.
    pub(crate) failures: u32,
    pub(crate) last: Option<Failure>,
    pub(crate) why: Why,
    pub(crate) cause: Cause,
    /// Whether a run has started for it since.
    pub(crate) is_delivered: bool,
    /// Whether its process was gone since: whatever is to start its runs may not have heard that it has left.
    pub(crate) is_unheard: bool,
}

impl Gone {
    fn new(setting: Setting, why: Why, cause: Cause) -> Gone {
        Gone { setting, failures: 0, last: None, why, cause, is_delivered: false, is_unheard: false }
    }
}

/// What a run says about the alarm that it is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) id: Option<AlarmId>,
    pub(crate) scheduled_ms: i64,
}

impl Claim {
    /// Whether this names the alarm: by identity where both sides know it, else by time.
    pub(crate) fn names(self, setting: &Setting) -> bool {
        match (self.id, setting.id) {
            (Some(claimed), Some(known)) => claimed == known,
            _ => self.scheduled_ms == setting.scheduled_ms,
        }
    }
}

impl From<&AlarmAtRest> for Claim {
    fn from(row: &AlarmAtRest) -> Self {
        Claim { id: row.alarm, scheduled_ms: row.scheduled_ms }
    }
}

/// R7: an alarm that was deleted in a run which then failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spared {
    pub(crate) setting: Setting,
    /// How that run ended.
    pub(crate) failure: Failure,
    /// What it was told.
    pub(crate) retry_count: u32,
    pub(crate) end: Option<End>,
    /// R4: whether the record of that failure is durable.
    pub(crate) is_recorded: bool,
    /// R3: what has failed since, on the way to the retry.
    pub(crate) constructors: Constructors,
    pub(crate) platform: Platform,
}

impl Spared {
    /// Whether a retry may be told this count: the failure was counted, or its record was lost.
    pub(crate) fn admits(&self, retry_count: u32, retries_max: u32) -> bool {
        let counted = (self.end == Some(End::Fails)).then_some(self.retry_count.saturating_add(1));
        let is_uncounted = retry_count == self.retry_count && !self.is_recorded;
        retry_count <= retries_max && (is_uncounted || Some(retry_count) == counted)
    }
}

/// A run or its constructor failed: whoever keeps a timer for the retry keeps one now. [`crate::Profile::Workerd`] needs
/// to know what the real runtime's timer was for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    pub(crate) setting: Setting,
    /// What it counts from.
    pub(crate) failure: Failure,
    /// What the retry is told.
    pub(crate) retry_count: u32,
}

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

impl Alarm {
    fn new(setting: Setting, committed: Mark, failures: u32) -> Self {
        Alarm {
            setting,
            committed,
            failures,
            last: None,
            constructors: Constructors::default(),
            platform: Platform::default(),
            tried_on: None,
            behind: None,
            behind_run: None,
            run: None,
            failed: 0,
            ended_retries: None,
            preserved: None,
            is_told_late: false,
        }
    }

    /// R3: everything that holds back its next run.
    pub(crate) fn failures_since_run(&self) -> impl Iterator<Item = Failure> {
        [self.last, self.constructors.sure, self.constructors.possible].into_iter().flatten()
    }
}

/// What a run's end does to its alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Completes,
    Fails,
}

impl End {
    /// None for the platform's failures: they change nothing that is durable.
    pub(crate) fn of(outcome: &RunOutcome) -> Option<End> {
        match outcome {
            RunOutcome::Ok => Some(End::Completes),
            RunOutcome::Failed { .. } => Some(End::Fails),
            RunOutcome::Platform { .. } => None,
        }
    }
}
