//! What stands in a slot: an alarm as `set_alarm` has made it, what has become of it since, and how a run names it.

use super::failure::{Constructors, Failure, Platform};
use crate::history::{AlarmAtRest, AlarmId};
use crate::reference::Mark;

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

impl Alarm {
    pub(super) fn new(setting: Setting, committed: Mark, failures: u32) -> Self {
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
