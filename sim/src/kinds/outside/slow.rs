//! The outside services answer, but take longer.

use proptest::prelude::*;
use reveille_model::history::Takes;
use serde::{Deserialize, Serialize};

use super::{OutageKind, Outside, Said};
use crate::kinds::draw::Draw;
use crate::kinds::row::{Row, Strikes};
use crate::kinds::shrink::less;
use crate::kinds::words::Length;
use crate::plan::{Check, PlanError, RUN_MAX_MS};

/// They answer, but take longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slow {
    /// How much.
    pub extra_ms: u64,
}

impl Slow {
    pub(super) const ROW: Row = Row {
        name: "upstream-slow",
        by_role: None,
        strikes: Strikes::OutsideService,
        takes: &[Takes::Time],
        about: "The outside services take longer to answer.",
        begins: |_| "the outside services answer slowly".into(),
        ends: |_| "the outside services answer as fast as before".into(),
        draws: &[Draw::Outside(Self::drawn)],
        alone: None,
    };

    fn drawn() -> BoxedStrategy<OutageKind> {
        (0..20_000_u64).prop_map(|extra_ms| OutageKind::Slow(Self { extra_ms })).boxed()
    }
}

impl Outside for Slow {
    fn row(&self) -> &'static Row {
        &Self::ROW
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        check.at_most("slow.extra_ms", self.extra_ms, RUN_MAX_MS)
    }

    fn told(&self) -> String {
        format!("the outside services answer {} later", Length(self.extra_ms))
    }

    fn simpler(&self) -> Vec<OutageKind> {
        less(self.extra_ms).map(|extra_ms| OutageKind::Slow(Self { extra_ms })).collect()
    }

    fn answer(&self, after_ns: u64) -> (u64, Said) {
        (after_ns + self.extra_ms * 1_000_000, Said::AsUsual)
    }
}
