//! The outside services give no answer.

use proptest::prelude::*;

use super::{OutageKind, Outside, Said};
use crate::kinds::draw::Draw;
use crate::kinds::row::{Row, Strikes};
use crate::plan::{Check, PlanError};

/// They receive what they are sent and give no answer; the connection breaks.
pub(super) struct Fail;

impl Fail {
    pub(super) const ROW: Row = Row {
        name: "upstream-fails",
        by_role: None,
        strikes: Strikes::OutsideService,
        takes: &[],
        about: "The outside services receive what they are sent and break the connection without an answer.",
        begins: |_| "the outside services break the connection without an answer".into(),
        ends: |_| "the outside services answer again".into(),
        draws: &[Draw::Outside(Self::drawn)],
        alone: None,
    };

    fn drawn() -> BoxedStrategy<OutageKind> {
        Just(OutageKind::Fail).boxed()
    }
}

impl Outside for Fail {
    fn row(&self) -> &'static Row {
        &Self::ROW
    }

    fn validate(&self, _check: &Check<'_>) -> Result<(), PlanError> {
        Ok(())
    }

    fn told(&self) -> String {
        "the outside services break the connection without an answer".into()
    }

    fn answer(&self, after_ns: u64) -> (u64, Said) {
        (after_ns, Said::Breaks)
    }
}
