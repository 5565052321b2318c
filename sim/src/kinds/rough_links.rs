//! Links are rough: they lose, repeat and delay single messages.

use proptest::prelude::*;
use reveille_model::history::Takes;
use serde::{Deserialize, Serialize};

use super::draw::{Draw, Stage, Turn, now_and_then};
use super::links::links_of;
use super::shrink::less;
use super::words::{Length, percent};
use super::{FaultKind, Kind, Numbers, Row, Strikes};
use crate::net::Rough;
use crate::plan::{Check, Fault, LinksOf, PlanError, Target};
use crate::world::World;

/// Links are rough: of the messages that they carry they lose some, carry some twice, and keep some back while others pass
/// them. What was kept back arrives when it arrives, even if the fault is over by then. Of several of these faults at one
/// link that which does a harm most often decides about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoughLinks {
    /// Which links.
    pub of: LinksOf,
    /// Of a million messages so many are lost.
    pub lose_ppm: u32,
    /// Of a million so many are carried twice. The second copy is kept back for up to `delay_ms_max`.
    pub duplicate_ppm: u32,
    /// Of a million so many are kept back.
    pub delay_ppm: u32,
    /// For so long at most, in milliseconds; at most [`RoughLinks::DELAY_MAX_MS`].
    pub delay_ms_max: u32,
    /// For so long, in milliseconds.
    pub for_ms: u64,
}

impl RoughLinks {
    /// The longest that a message is kept back: a minute.
    pub const DELAY_MAX_MS: u32 = 60_000;

    pub(super) const ROWS: &[Row] = &[Row {
        name: "rough-links",
        by_role: None,
        strikes: Strikes::Link,
        takes: &[Takes::Messages, Takes::Time],
        about: "Some of the messages on some links are lost, some arrive twice, and some arrive up to many seconds late while \
                others pass them.",
        begins: |whom| format!("messages are lost, repeated and kept back on {}", links_of(whom)),
        ends: |whom| format!("messages pass once and in time again on {}", links_of(whom)),
        draws: &[Draw::Apart(Turn::Last, drawn)],
        alone: None,
    }];
}

fn drawn(stage: &Stage) -> BoxedStrategy<Vec<Fault>> {
    let of = prop_oneof![2 => stage.anybody().prop_map(LinksOf::Machine), 1 => Just(LinksOf::All)];
    let ppm = (0..50_000_u32, 0..200_000_u32, 0..200_000_u32);
    let kind = (of, ppm, 100..10_000_u32, 2_000..30_000_u64);
    let kind = kind.prop_map(|(of, (lose_ppm, duplicate_ppm, delay_ppm), delay_ms_max, for_ms)| {
        RoughLinks { of, lose_ppm, duplicate_ppm, delay_ppm, delay_ms_max, for_ms }.into()
    });
    now_and_then(stage, kind)
}

impl Kind for RoughLinks {
    lasts!(for_ms);

    one_row!();

    fn target(&self) -> Option<&Target> {
        self.of.target()
    }

    fn target_mut(&mut self) -> Option<&mut Target> {
        self.of.target_mut()
    }

    fn takes(&self) -> &'static [Takes] {
        match (self.lose_ppm > 0, self.duplicate_ppm > 0 || self.delay_ppm > 0) {
            (true, false) => &[Takes::Messages],
            (false, _) => &[Takes::Time],
            (true, true) => self.row().takes,
        }
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        let ppm = [
            ("lose_ppm", self.lose_ppm),
            ("duplicate_ppm", self.duplicate_ppm),
            ("delay_ppm", self.delay_ppm),
        ];
        ppm.into_iter().try_for_each(|(field, ppm)| check.at_most(field, ppm, 1_000_000))?;
        check.at_most("delay_ms_max", self.delay_ms_max, Self::DELAY_MAX_MS)?;
        self.of.validate(check)
    }

    fn told(&self) -> String {
        let parts = [
            (self.lose_ppm, " are lost".to_owned()),
            (self.duplicate_ppm, " arrive twice".to_owned()),
            (self.delay_ppm, format!(" are up to {} late", Length(u64::from(self.delay_ms_max)))),
        ];
        let parts = parts.into_iter().filter(|(ppm, _)| *ppm > 0);
        let mut parts: Vec<_> = parts.map(|(ppm, harm)| format!("{}{harm}", percent(ppm))).collect();
        if parts.is_empty() {
            parts.push("none are harmed".into());
        }
        format!("of the messages {} {} for {}", self.of.told(), parts.join(", "), Length(self.for_ms))
    }

    fn plainer(&self) -> Vec<FaultKind> {
        let without = [
            (self.lose_ppm, Self { lose_ppm: 0, ..self.clone() }),
            (self.duplicate_ppm, Self { duplicate_ppm: 0, ..self.clone() }),
            (self.delay_ppm, Self { delay_ppm: 0, ..self.clone() }),
        ];
        let without = without.into_iter().filter(|(ppm, _)| *ppm > 0).map(|(_, without)| without);
        let fewer = self.of.fewer().map(|of| Self { of, ..self.clone() });
        let milder = less(self.lose_ppm)
            .map(|lose_ppm| Self { lose_ppm, ..self.clone() })
            .chain(less(self.duplicate_ppm).map(|duplicate_ppm| Self { duplicate_ppm, ..self.clone() }))
            .chain(less(self.delay_ppm).map(|delay_ppm| Self { delay_ppm, ..self.clone() }))
            .chain(less(self.delay_ms_max).map(|delay_ms_max| Self { delay_ms_max, ..self.clone() }));
        without.chain(fewer).chain(milder).map(Into::into).collect()
    }

    fn renumber(&mut self, numbers: &Numbers<'_>) -> Option<()> {
        self.of.renumber(numbers)
    }

    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let (links, scope) = self.of.struck(world)?;
        let fault = world.fault_begins(self, scope);
        let Self { lose_ppm, duplicate_ppm, delay_ppm, .. } = *self;
        let delay_ns_max = u64::from(self.delay_ms_max) * 1_000_000;
        for (from, to) in links {
            world.net.roughen(fault, from, to, Rough { lose_ppm, duplicate_ppm, delay_ppm, delay_ns_max });
        }
        Some(fault)
    }
}
