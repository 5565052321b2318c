//! A machine loses its disk for ever.

use reveille_model::history::{Scope, Takes};
use serde::{Deserialize, Serialize};

use super::words::Length;
use super::{FaultKind, Kind, PowerLoss, Row, Strikes};
use crate::plan::Target;
use crate::world::World;

/// A machine goes down and loses its disk for ever: it boots again with an empty one (D8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskReplaced {
    /// Which machine.
    pub target: Target,
    /// It boots again after this, in milliseconds.
    pub down_ms: u64,
}

impl DiskReplaced {
    pub(super) const ROWS: &[Row] = &[Row {
        name: "disk-replaced",
        by_role: None,
        strikes: Strikes::Disk,
        takes: &[Takes::Memory, Takes::Unsynced, Takes::Durable, Takes::Reachability],
        about: "A machine goes down and loses its disk for ever; it boots again later with an empty one.",
        begins: |whom| format!("{whom} goes down, and its disk is lost for ever"),
        ends: |whom| format!("{whom} starts again, with an empty disk"),
        draws: &[],
        alone: None,
    }];
}

impl Kind for DiskReplaced {
    aimed!();
    lasts!(down_ms);

    one_row!();

    fn told(&self) -> String {
        format!(
            "{} loses its disk for ever, and is back with an empty one after {}",
            self.target,
            Length(self.down_ms)
        )
    }

    fn plainer(&self) -> Vec<FaultKind> {
        vec![PowerLoss { target: self.target.clone(), down_ms: self.down_ms }.into()]
    }

    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let machine = world.struck_and_up(&self.target)?;
        let fault = world.fault_begins(self, Scope::Machine(machine.0));
        world.goes_down(fault, machine, true);
        world.hosts[usize::from(machine.0)].replace_disk();
        world.disk_is_harmed(fault, machine);
        Some(fault)
    }
}
