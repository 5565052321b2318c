//! A time of a plan.

use reveille_sim::plan::{Fault, Outage};

/// A time from the begin of the fault phase, in milliseconds; its end is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Begin.
    pub from_ms: u64,
    /// End.
    pub to_ms: u64,
}

impl Span {
    /// From here to there.
    pub fn new(from_ms: u64, to_ms: u64) -> Self {
        Self { from_ms, to_ms }
    }

    /// When a fault lasts, as the plan says it.
    pub fn of(fault: &Fault) -> Self {
        Self::new(fault.at_ms, fault.at_ms + fault.kind.lasts_ms())
    }

    /// When an outage lasts.
    pub fn of_outage(outage: &Outage) -> Self {
        Self::new(outage.at_ms, outage.at_ms + outage.for_ms)
    }

    /// How long.
    pub fn lasts_ms(self) -> u64 {
        self.to_ms - self.from_ms
    }

    /// The same, ending so much later.
    pub fn longer(self, by_ms: u64) -> Self {
        Self { to_ms: self.to_ms.saturating_add(by_ms), ..self }
    }

    /// What both have in common, if they have.
    pub fn common(self, other: Self) -> Option<Self> {
        let common = Self::new(self.from_ms.max(other.from_ms), self.to_ms.min(other.to_ms));
        (common.from_ms < common.to_ms).then_some(common)
    }
}
