//! How what runs in an object fails, and what an object is reset for.

use std::sync::Arc;

/// Why an event failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub why: Arc<str>,
    /// In which way.
    pub how: How,
}

/// In which way an event failed. R1: the instance lives on after an error alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Its code returned an error.
    Error,
    /// Its code panicked.
    Panic,
    /// It exceeded its time limit.
    TimeLimit,
    /// The object exceeded its memory limit or its budget of a turn (O7).
    OverLimit,
    /// The instance was reset for something else.
    Reset,
}

/// Why an instance has to be reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    /// What went wrong.
    pub why: Arc<str>,
    /// What it was that went wrong.
    pub cause: ResetCause,
}

/// What an instance is reset for (R1, O4, O7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetCause {
    /// The code of an event panicked.
    Panic,
    /// `alarm()` exceeded its time limit.
    TimeLimit,
    /// The object exceeded its memory limit or its budget of a turn.
    OverLimit,
    /// The constructor failed or exceeded its limit.
    Constructor,
    /// A `block_concurrency_while` failed, or it or a transaction exceeded its limit.
    Section,
}

impl Reset {
    /// The same, as something that happened in the constructor or a section. A limit of O7 is one wherever it is exceeded.
    pub(crate) fn within(self, part: ResetCause) -> Self {
        match self.cause {
            ResetCause::OverLimit => self,
            _ => Self { cause: part, ..self },
        }
    }

    /// How what is in progress in the instance fails.
    pub(crate) fn failure(&self) -> Failure {
        let how = match self.cause {
            ResetCause::TimeLimit => How::TimeLimit,
            ResetCause::OverLimit => How::OverLimit,
            ResetCause::Panic | ResetCause::Constructor | ResetCause::Section => How::Reset,
        };
        Failure { why: format!("the object was reset: {}", self.why).into(), how }
    }
}
