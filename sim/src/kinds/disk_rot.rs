//! What lies on a machine's disk rots.

use reveille_model::history::{Scope, Takes};
use serde::{Deserialize, Serialize};

use super::{Kind, Row, Strikes};
use crate::plan::Target;
use crate::world::World;

/// One bit of what lies on a machine's disk is another one from now on (D8). Nobody notices before it is read. One such fault hits
/// the log or its end mark, never both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskRot {
    /// Which machine.
    pub target: Target,
    /// Whether it is the end mark that rots, and not the log.
    pub mark: bool,
}

impl DiskRot {
    pub(super) const ROWS: &[Row] = &[Row {
        name: "disk-rot",
        by_role: None,
        strikes: Strikes::Disk,
        takes: &[Takes::Durable],
        about: "One bit of what lies on a machine's disk is another one from now on: of its log, or of the log's end mark.",
        begins: |whom| format!("on the disk of {whom} a bit rots"),
        ends: |whom| format!("no more bits rot on the disk of {whom}"),
        draws: &[],
        alone: None,
    }];
}

impl Kind for DiskRot {
    aimed!();

    one_row!();

    fn lasts_ms(&self) -> u64 {
        0
    }

    fn last(&mut self, _ms: u64) {}

    fn told(&self) -> String {
        let what = if self.mark { "the end mark" } else { "the log" };
        format!("a bit of {what} rots on the disk of {}", self.target)
    }

    /// A disk rots whether its machine is up or down.
    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let machine = world.struck(&self.target)?;
        if !world.hosts[usize::from(machine.0)].rot(self.mark) {
            return None;
        }
        let fault = world.fault_begins(self, Scope::Machine(machine.0));
        world.disk_is_harmed(fault, machine);
        Some(fault)
    }
}
