//! The outside services never answer.

use proptest::prelude::*;

use super::{OutageKind, Outside, Said};
use crate::kinds::draw::Draw;
use crate::kinds::row::{Row, Strikes};
use crate::plan::{Check, PlanError};

/// They receive what they are sent and never answer; the connection stays. What ends such a call is the time limit of the
/// machine that made it.
pub(super) struct Silent;

impl Silent {
    pub(super) const ROW: Row = Row {
        name: "upstream-silent",
        by_role: None,
        strikes: Strikes::OutsideService,
        takes: &[],
        about: "The outside services receive what they are sent and never answer.",
        begins: |_| "the outside services answer nothing any more".into(),
        ends: |_| "the outside services answer again what they are sent from now on".into(),
        draws: &[Draw::Outside(Self::drawn)],
        alone: None,
    };

    fn drawn() -> BoxedStrategy<OutageKind> {
        Just(OutageKind::Silent).boxed()
    }
}

impl Outside for Silent {
    fn row(&self) -> &'static Row {
        &Self::ROW
    }

    fn validate(&self, _check: &Check<'_>) -> Result<(), PlanError> {
        Ok(())
    }

    fn told(&self) -> String {
        "the outside services receive what they are sent and never answer".into()
    }

    fn answer(&self, after_ns: u64) -> (u64, Said) {
        (after_ns, Said::Nothing)
    }
}
