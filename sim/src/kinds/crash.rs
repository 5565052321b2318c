//! The process of a machine dies.

use proptest::prelude::*;
use reveille_model::history::Takes;
use serde::{Deserialize, Serialize};

use super::draw::{Aim, Alone, Draw};
use super::words::Length;
use super::{Kind, Row, Strikes};
use crate::plan::Target;
use crate::world::World;

/// The process of a machine dies; the page cache stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crash {
    /// Which machine.
    pub target: Target,
    /// It boots again after this, in milliseconds.
    pub down_ms: u64,
}

impl Crash {
    pub(super) const ROWS: &[Row] = &[Row {
        name: "crash",
        by_role: by_role!("crash"),
        strikes: Strikes::Machine,
        takes: &[Takes::Memory, Takes::Reachability],
        about: "The process of a machine dies and starts again later; the page cache stays.",
        begins: |whom| format!("the process of {whom} crashes; what was in its memory is gone"),
        ends: |whom| format!("{whom} starts again"),
        draws: &[Draw::Machine(3, |it| {
            Just(Self { target: it.target.clone(), down_ms: it.for_ms }.into()).boxed()
        })],
        alone: Some(Alone {
            aims: &[Aim::Machine, Aim::Leader, Aim::GroupLeader, Aim::SystemLeader],
            fault: |it| Self { target: it.target.clone(), down_ms: it.lasts_ms }.into(),
        }),
    }];
}

impl Kind for Crash {
    aimed!();
    lasts!(down_ms);

    one_row!();

    fn told(&self) -> String {
        format!("{} crashes and is down for {}", self.target, Length(self.down_ms))
    }

    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        world.machine_stops(self, &self.target, false)
    }
}
