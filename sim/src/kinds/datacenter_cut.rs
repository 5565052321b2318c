//! All links between a datacenter and the others are cut.

use proptest::prelude::*;
use reveille_model::history::{Scope, Takes};
use serde::{Deserialize, Serialize};

use super::draw::{Aim, Alone, Draw};
use super::words::Length;
use super::{Kind, Numbers, Row, Strikes};
use crate::plan::{Check, PlanError};
use crate::world::World;

/// All links between a datacenter and the others are cut both ways; its own clients still reach it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatacenterCut {
    /// Which datacenter.
    pub datacenter: u16,
    /// For so long, in milliseconds.
    pub for_ms: u64,
}

impl DatacenterCut {
    pub(super) const ROWS: &[Row] = &[Row {
        name: "datacenter-cut",
        by_role: None,
        strikes: Strikes::Datacenter,
        takes: &[Takes::Reachability],
        about: "All links between a datacenter and the others are cut both ways; its own clients still reach it.",
        begins: |whom| format!("{whom} is cut off from the other datacenters"),
        ends: |whom| format!("{whom} is connected again"),
        draws: &[Draw::Datacenter(3, |it| {
            Just(Self { datacenter: it.datacenter, for_ms: it.for_ms }.into()).boxed()
        })],
        alone: Some(Alone {
            aims: &[Aim::Datacenter],
            fault: |it| Self { datacenter: it.datacenter, for_ms: it.lasts_ms }.into(),
        }),
    }];
}

impl Kind for DatacenterCut {
    lasts!(for_ms);

    one_row!();

    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        check.datacenter("datacenter", self.datacenter)
    }

    fn told(&self) -> String {
        format!("datacenter {} is cut off from the others for {}", self.datacenter, Length(self.for_ms))
    }

    fn renumber(&mut self, numbers: &Numbers<'_>) -> Option<()> {
        numbers.of_datacenter(&mut self.datacenter)
    }

    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let inside = world.machines_of(self.datacenter);
        let outside = world.machines(|machine| !inside.contains(&machine));
        let fault = world.fault_begins(self, Scope::Datacenter(self.datacenter));
        world.cut(fault, &inside, &outside);
        world.cut(fault, &outside, &inside);
        world.review_majorities();
        Some(fault)
    }
}
