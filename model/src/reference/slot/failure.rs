//! What has failed on the way to the end of an alarm: runs and constructors, what counted (R1), what holds the next run back (R3),
//! and what R7 leaves open.

use super::alarm::Setting;
use crate::history::{Place, RunOutcome};
use crate::reference::Mark;

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
    pub(super) fn is_counted(&self) -> bool {
        matches!(self.kind, FailureKind::Counted { .. })
    }

    /// The record of a counted failure became durable.
    pub(super) fn recorded(mut self, mark: Mark) -> Self {
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
