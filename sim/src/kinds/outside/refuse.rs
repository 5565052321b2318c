//! The outside services refuse what they are sent.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::{OutageKind, Outside, Said};
use crate::kinds::draw::Draw;
use crate::kinds::row::{Row, Strikes};
use crate::plan::{Check, PlanError};

/// The status that says nothing of why.
const PLAIN: u16 = 500;

/// They refuse what they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refuse {
    /// With this HTTP status: 400 to 599.
    pub status: u16,
}

impl Refuse {
    pub(super) const ROW: Row = Row {
        name: "upstream-refuses",
        by_role: None,
        strikes: Strikes::OutsideService,
        takes: &[],
        about: "The outside services refuse what they are sent, with an HTTP status of 400 to 599.",
        begins: |_| "the outside services refuse what they are sent".into(),
        ends: |_| "the outside services accept again what they are sent".into(),
        draws: &[Draw::Outside(Self::drawn)],
        alone: None,
    };

    fn drawn() -> BoxedStrategy<OutageKind> {
        let status = prop_oneof![Just(429), Just(500), Just(503)];
        status.prop_map(|status| OutageKind::Refuse(Self { status })).boxed()
    }
}

impl Outside for Refuse {
    fn row(&self) -> &'static Row {
        &Self::ROW
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        check.within("refuse.status", self.status, 400..=599)
    }

    fn told(&self) -> String {
        format!("the outside services refuse with status {}", self.status)
    }

    fn simpler(&self) -> Vec<OutageKind> {
        let plain = OutageKind::Refuse(Self { status: PLAIN });
        (self.status != PLAIN).then_some(plain).into_iter().collect()
    }

    fn answer(&self, after_ns: u64) -> (u64, Said) {
        (after_ns, Said::Refuses(self.status))
    }
}
