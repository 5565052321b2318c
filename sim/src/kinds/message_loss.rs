//! Messages between machines are lost.

use proptest::prelude::*;
use reveille_model::history::{Scope, Takes};
use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::shrink::less;
use super::words::{Length, percent};
use super::{FaultKind, Kind, Row, Strikes};
use crate::plan::{Check, PlanError};
use crate::world::World;

/// Messages between machines are lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageLoss {
    /// So many of a million.
    pub ppm: u32,
    /// For so long, in milliseconds.
    pub for_ms: u64,
}

impl MessageLoss {
    pub(super) const ROWS: &[Row] = &[
        Row {
            name: "message-loss",
            by_role: None,
            strikes: Strikes::Link,
            takes: &[Takes::Messages],
            about: "Some of the messages between machines are lost.",
            begins: |whom| format!("messages are lost on {whom}"),
            ends: |whom| format!("no more messages are lost on {whom}"),
            draws: &[Draw::Machine(1, |it| {
                let for_ms = it.for_ms;
                (0..50_000_u32).prop_map(move |ppm| Self { ppm, for_ms }.into()).boxed()
            })],
            alone: None,
        },
        Row {
            name: "background-loss",
            by_role: None,
            strikes: Strikes::Link,
            takes: &[Takes::Messages],
            about: "A few of the messages between machines are lost throughout the fault phase. It stands with the \
                    plan's network.",
            begins: |whom| format!("now and then a message is lost on {whom}"),
            ends: |whom| format!("no more messages are lost on {whom}"),
            draws: &[],
            alone: None,
        },
    ];
}

/// The loss that stands with the plan's network.
pub(crate) const BACKGROUND: &Row = &MessageLoss::ROWS[1];

impl Kind for MessageLoss {
    lasts!(for_ms);

    one_row!();

    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        check.at_most("ppm", self.ppm, 1_000_000)
    }

    fn told(&self) -> String {
        let part = percent(self.ppm);
        format!("{part} of all messages between machines are lost for {}", Length(self.for_ms))
    }

    fn plainer(&self) -> Vec<FaultKind> {
        less(self.ppm).map(|ppm| Self { ppm, ..self.clone() }.into()).collect()
    }

    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let fault = world.fault_begins(self, Scope::Network);
        world.net.lose(fault, self.ppm);
        Some(fault)
    }
}
