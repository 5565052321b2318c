//! How the outside services may behave badly: a part of the table of its own, since plans say it with the services and not
//! with the faults. A kind stands in one file, and with three lines in this one.

mod fail;
mod refuse;
mod silent;
mod slow;

use serde::{Deserialize, Serialize};

use self::fail::Fail;
pub use self::refuse::Refuse;
use self::silent::Silent;
pub use self::slow::Slow;
use super::row::Row;
use super::words::Length;
use crate::plan::{Check, Outage, PlanError};

/// What a kind does.
pub(crate) trait Outside {
    /// The row that it stands in.
    fn row(&self) -> &'static Row;

    /// Whether it can happen in a plan; if not, the first thing that is wrong.
    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError>;

    /// What the services do, as a clause.
    fn told(&self) -> String;

    /// Simpler variants, simplest first.
    fn simpler(&self) -> Vec<OutageKind> {
        Vec::new()
    }

    /// What becomes of an answer that would come after this time: when something comes, and what.
    fn answer(&self, after_ns: u64) -> (u64, Said);
}

/// What a service says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// What it says when nothing is wrong.
    AsUsual,
    /// It refuses the call, with this HTTP status.
    Refuses(u16),
    /// It breaks the connection instead.
    Breaks,
    /// It says nothing, ever.
    Nothing,
}

/// How an outside service behaves badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OutageKind {
    /// It answers, but takes longer.
    Slow(Slow),
    /// It refuses.
    Refuse(Refuse),
    /// It receives the request and gives no answer; the connection breaks.
    Fail,
    /// It receives the request and never answers.
    Silent,
}

/// Their rows.
pub(super) const ROWS: &[Row] = &[Slow::ROW, Refuse::ROW, Fail::ROW, Silent::ROW];

impl OutageKind {
    pub(crate) fn kind(&self) -> &dyn Outside {
        match self {
            Self::Slow(slow) => slow,
            Self::Refuse(refuse) => refuse,
            Self::Fail => &Fail,
            Self::Silent => &Silent,
        }
    }

    /// What it is called in histories and counts.
    pub fn name(&self) -> &'static str {
        self.kind().row().name
    }

    /// What the services do, as a clause for a sentence: "the outside services refuse with status 503".
    pub fn told(&self) -> String {
        self.kind().told()
    }

    /// Simpler variants to try when a plan is shrunk, as [`crate::kinds::FaultKind::simpler`].
    pub fn simpler(&self) -> Vec<Self> {
        self.kind().simpler()
    }
}

impl Outage {
    /// What the plan says will happen, as a clause for a sentence: "the outside services refuse with status 503 for 5 s".
    pub fn told(&self) -> String {
        format!("{} for {}", self.kind.told(), Length(self.for_ms))
    }
}
