//! The disk of a machine stalls.

use proptest::collection::vec;
use proptest::prelude::*;
use reveille_model::history::{Scope, Takes};
use serde::{Deserialize, Serialize};

use super::draw::{Draw, Stage, Turn};
use super::words::Length;
use super::{Kind, Row, Strikes};
use crate::plan::{Fault, Target};
use crate::world::World;

/// The longest stall that is drawn: shorter than a session's lease, since nobody deposes a leader of the system group
/// whose disk says nothing.
const DRAWN_MAX_MS: u64 = 3_000;

/// The disk of a machine stalls: no sync ends until it is over, and what it would have covered is not durable until then.
/// Then all end at once (D8, stall).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncStall {
    /// Which machine.
    pub target: Target,
    /// For so long, in milliseconds.
    pub for_ms: u64,
}

impl SyncStall {
    pub(super) const ROWS: &[Row] = &[Row {
        name: "sync-stall",
        by_role: None,
        strikes: Strikes::Disk,
        takes: &[Takes::Time],
        about: "No sync of a machine ends until it is over; then all do that would have ended.",
        begins: |whom| format!("the disk of {whom} stalls: nothing that it writes becomes safe"),
        ends: |whom| format!("the disk of {whom} goes on"),
        draws: &[Draw::Apart(Turn::Last, drawn)],
        alone: None,
    }];
}

fn drawn(stage: &Stage) -> BoxedStrategy<Vec<Fault>> {
    let stall = (0..stage.faults_ms, stage.anybody(), 300..DRAWN_MAX_MS)
        .prop_map(|(at_ms, target, for_ms)| Fault { at_ms, kind: SyncStall { target, for_ms }.into() });
    prop_oneof![4 => Just(Vec::new()), 1 => vec(stall, 1..3)].boxed()
}

impl Kind for SyncStall {
    aimed!();
    lasts!(for_ms);

    one_row!();

    fn told(&self) -> String {
        format!("no sync of {} ends for {}", self.target, Length(self.for_ms))
    }

    /// The disk of a machine that is down stalls as well: it may be up again before this is over.
    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let machine = world.struck(&self.target)?;
        let fault = world.fault_begins(self, Scope::Machine(machine.0));
        world.hosts[usize::from(machine.0)].stalls.push(fault);
        Some(fault)
    }
}
