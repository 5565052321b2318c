//! Messages between machines arrive other than they were sent.

use reveille_model::history::{Scope, Takes};
use serde::{Deserialize, Serialize};

use super::shrink::less;
use super::words::{Length, percent};
use super::{FaultKind, Kind, MessageLoss, Row, Strikes};
use crate::plan::{Check, PlanError};
use crate::world::World;

/// Of some messages between machines a bit is another one when they arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorruptMessages {
    /// So many of a million.
    pub ppm: u32,
    /// For so long, in milliseconds.
    pub for_ms: u64,
}

impl CorruptMessages {
    pub(super) const ROWS: &[Row] = &[Row {
        name: "corrupt-messages",
        by_role: None,
        strikes: Strikes::Link,
        takes: &[Takes::Messages],
        about: "Of some of the messages between machines a bit is another one when they arrive.",
        begins: |whom| format!("messages arrive corrupted on {whom}"),
        ends: |whom| format!("messages arrive as they were sent on {whom}"),
        draws: &[],
        alone: None,
    }];
}

impl Kind for CorruptMessages {
    lasts!(for_ms);

    one_row!();

    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        check.at_most("ppm", self.ppm, 1_000_000)
    }

    fn told(&self) -> String {
        let part = percent(self.ppm);
        format!("{part} of all messages between machines arrive corrupted for {}", Length(self.for_ms))
    }

    fn plainer(&self) -> Vec<FaultKind> {
        let lost = MessageLoss { ppm: self.ppm, for_ms: self.for_ms };
        std::iter::once(lost.into())
            .chain(less(self.ppm).map(|ppm| Self { ppm, ..self.clone() }.into()))
            .collect()
    }

    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let fault = world.fault_begins(self, Scope::Network);
        world.net.corrupt(fault, self.ppm);
        Some(fault)
    }
}
