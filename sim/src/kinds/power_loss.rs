//! A machine loses power.

use proptest::prelude::*;
use reveille_model::history::Takes;
use serde::{Deserialize, Serialize};

use super::draw::{Aim, Alone, Draw};
use super::words::Length;
use super::{Crash, FaultKind, Kind, Row, Strikes};
use crate::plan::Target;
use crate::world::World;

/// A machine loses power; of what was not synced any subset of sectors survives (D8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerLoss {
    /// Which machine.
    pub target: Target,
    /// It boots again after this, in milliseconds.
    pub down_ms: u64,
}

impl PowerLoss {
    pub(super) const ROWS: &[Row] = &[Row {
        name: "power-loss",
        by_role: by_role!("power-loss"),
        strikes: Strikes::Machine,
        takes: &[Takes::Memory, Takes::Unsynced, Takes::Reachability],
        about: "A machine loses power and boots again later; of what was not synced any subset of sectors survives.",
        begins: |whom| format!("{whom} loses power; what was in its memory or not yet synced is gone"),
        ends: |whom| format!("{whom} starts again"),
        draws: &[Draw::Machine(3, |it| {
            Just(Self { target: it.target.clone(), down_ms: it.for_ms }.into()).boxed()
        })],
        alone: Some(Alone {
            aims: &[Aim::Machine],
            fault: |it| Self { target: it.target.clone(), down_ms: it.lasts_ms }.into(),
        }),
    }];
}

impl Kind for PowerLoss {
    aimed!();
    lasts!(down_ms);

    one_row!();

    fn told(&self) -> String {
        format!("{} loses power and is down for {}", self.target, Length(self.down_ms))
    }

    fn plainer(&self) -> Vec<FaultKind> {
        vec![Crash { target: self.target.clone(), down_ms: self.down_ms }.into()]
    }

    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        world.machine_stops(self, &self.target, true)
    }
}
