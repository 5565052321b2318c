//! Links are slow.

use proptest::prelude::*;
use reveille_model::history::Takes;
use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::links::links_of;
use super::shrink::less;
use super::words::Length;
use super::{FaultKind, Kind, Numbers, Row, Strikes};
use crate::plan::{Check, LinksOf, PlanError, Target};
use crate::world::World;

/// Links are slow. Of several slownesses of a link the worst decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowLinks {
    /// Which links.
    pub of: LinksOf,
    /// Their latency, in percent of what it is otherwise: from 101 to [`SlowLinks::FACTOR_MAX_PERCENT`].
    pub factor_percent: u32,
    /// For so long, in milliseconds.
    pub for_ms: u64,
}

impl SlowLinks {
    /// The largest slowdown of a link, in percent of its latency: a hundred times as slow.
    pub const FACTOR_MAX_PERCENT: u32 = 10_000;

    /// The mildest that is one.
    const FACTOR_MIN_PERCENT: u32 = 101;

    pub(super) const ROWS: &[Row] = &[Row {
        name: "slow-links",
        by_role: None,
        strikes: Strikes::Link,
        takes: &[Takes::Time],
        about: "Messages take several times as long: to and from a machine or a datacenter, on some links, or on all.",
        begins: |whom| format!("messages take much longer on {}", links_of(whom)),
        ends: |whom| format!("messages are as fast as before on {}", links_of(whom)),
        draws: &[
            Draw::Machine(1, |it| Self::drawn(LinksOf::Machine(it.target.clone()), it.for_ms)),
            Draw::Datacenter(1, |it| Self::drawn(LinksOf::Datacenter(it.datacenter), it.for_ms)),
        ],
        alone: None,
    }];

    fn drawn(of: LinksOf, for_ms: u64) -> BoxedStrategy<FaultKind> {
        let factor = 150..1_000_u32;
        factor.prop_map(move |factor_percent| Self { of: of.clone(), factor_percent, for_ms }.into()).boxed()
    }
}

impl Kind for SlowLinks {
    lasts!(for_ms);

    one_row!();

    fn target(&self) -> Option<&Target> {
        self.of.target()
    }

    fn target_mut(&mut self) -> Option<&mut Target> {
        self.of.target_mut()
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        check.within(
            "factor_percent",
            self.factor_percent,
            Self::FACTOR_MIN_PERCENT..=Self::FACTOR_MAX_PERCENT,
        )?;
        self.of.validate(check)
    }

    fn told(&self) -> String {
        let times = f64::from(self.factor_percent) / 100.0;
        format!("messages {} take {times} times as long for {}", self.of.told(), Length(self.for_ms))
    }

    fn plainer(&self) -> Vec<FaultKind> {
        let slow = less::<u32>(self.factor_percent).filter(|percent| *percent >= Self::FACTOR_MIN_PERCENT);
        let slow = slow.map(|factor_percent| Self { factor_percent, ..self.clone() });
        let fewer = self.of.fewer().map(|of| Self { of, ..self.clone() });
        fewer.chain(slow).map(Into::into).collect()
    }

    fn renumber(&mut self, numbers: &Numbers<'_>) -> Option<()> {
        self.of.renumber(numbers)
    }

    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let (links, scope) = self.of.struck(world)?;
        let fault = world.fault_begins(self, scope);
        for (from, to) in links {
            world.net.slow_down(fault, from, to, self.factor_percent);
        }
        Some(fault)
    }
}
