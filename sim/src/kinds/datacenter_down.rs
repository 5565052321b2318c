//! All machines of a datacenter go down at once.

use proptest::prelude::*;
use reveille_model::history::{Scope, Takes};
use serde::{Deserialize, Serialize};

use super::draw::{Aim, Alone, Draw};
use super::words::Length;
use super::{FaultKind, Kind, Numbers, Row, Strikes};
use crate::plan::{Check, PlanError};
use crate::world::World;

/// All machines of a datacenter go down at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatacenterDown {
    /// Which datacenter.
    pub datacenter: u16,
    /// They boot again after this, in milliseconds.
    pub down_ms: u64,
    /// Whether they lose power; if not, their processes die and the page caches stay.
    pub power: bool,
}

impl DatacenterDown {
    pub(super) const ROWS: &[Row] = &[Row {
        name: "datacenter-down",
        by_role: None,
        strikes: Strikes::Datacenter,
        takes: &[Takes::Memory, Takes::Unsynced, Takes::Reachability],
        about: "All machines of a datacenter go down at once, with or without a loss of power, and boot again later.",
        begins: |whom| format!("{whom} goes down, all its machines at once"),
        ends: |whom| format!("the machines of {whom} start again"),
        draws: &[Draw::Datacenter(4, |it| {
            Just(Self { datacenter: it.datacenter, down_ms: it.for_ms, power: it.flag }.into()).boxed()
        })],
        alone: Some(Alone {
            aims: &[Aim::Datacenter],
            fault: |it| Self { datacenter: it.datacenter, down_ms: it.lasts_ms, power: it.flag }.into(),
        }),
    }];
}

impl Kind for DatacenterDown {
    lasts!(down_ms);

    one_row!();

    fn takes(&self) -> &'static [Takes] {
        if self.power { self.row().takes } else { &[Takes::Memory, Takes::Reachability] }
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        check.datacenter("datacenter", self.datacenter)
    }

    fn told(&self) -> String {
        let (datacenter, lasts) = (self.datacenter, Length(self.down_ms));
        if self.power {
            format!("datacenter {datacenter} loses power and is down for {lasts}")
        } else {
            format!("all machines of datacenter {datacenter} crash and are down for {lasts}")
        }
    }

    fn plainer(&self) -> Vec<FaultKind> {
        self.power.then(|| Self { power: false, ..self.clone() }.into()).into_iter().collect()
    }

    fn renumber(&mut self, numbers: &Numbers<'_>) -> Option<()> {
        numbers.of_datacenter(&mut self.datacenter)
    }

    /// What is down already stays down until this is over, too.
    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let machines = world.machines_of(self.datacenter);
        let fault = world.fault_begins(self, Scope::Datacenter(self.datacenter));
        let any_was_up = machines.iter().any(|machine| world.is_up(*machine));
        for machine in machines {
            world.goes_down(fault, machine, self.power);
        }
        if any_was_up {
            world.took_effect(fault);
        }
        world.review_majorities();
        Some(fault)
    }
}
