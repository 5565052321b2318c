//! The process of a machine stands still.

use proptest::prelude::*;
use reveille_model::history::{Scope, Takes};
use serde::{Deserialize, Serialize};

use super::draw::{Aim, Alone, Draw};
use super::words::Length;
use super::{Kind, Row, Strikes};
use crate::plan::Target;
use crate::world::World;

/// The process of a machine stands still and its clocks run on. What comes for it waits and is handed over in order when
/// it goes on. If it dies first, the pause is over with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// Which machine.
    pub target: Target,
    /// For so long, in milliseconds.
    pub for_ms: u64,
}

impl Pause {
    pub(super) const ROWS: &[Row] = &[Row {
        name: "pause",
        by_role: by_role!("pause"),
        strikes: Strikes::Machine,
        takes: &[Takes::Reachability, Takes::Time],
        about: "The process of a machine stands still while its clocks run on; what comes for it waits. It is over early \
                if the process dies.",
        begins: |whom| format!("{whom} stands still and does not know it"),
        ends: |whom| format!("{whom} stands still no longer"),
        draws: &[Draw::Machine(2, |it| {
            Just(Self { target: it.target.clone(), for_ms: it.for_ms }.into()).boxed()
        })],
        alone: Some(Alone {
            aims: &[Aim::Machine, Aim::Leader],
            fault: |it| Self { target: it.target.clone(), for_ms: it.lasts_ms }.into(),
        }),
    }];
}

impl Kind for Pause {
    aimed!();
    lasts!(for_ms);

    one_row!();

    fn told(&self) -> String {
        format!("{} stands still for {}", self.target, Length(self.for_ms))
    }

    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let machine = world.struck_and_up(&self.target)?;
        let fault = world.fault_begins(self, Scope::Machine(machine.0));
        world.machine_pauses(fault, machine);
        Some(fault)
    }
}
