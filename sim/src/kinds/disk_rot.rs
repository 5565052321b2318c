//! What lies on a machine's disk rots.

use reveille_model::history::{Scope, Takes};
use serde::{Deserialize, Serialize};

use super::shrink::less;
use super::{FaultKind, Kind, Row, Strikes};
use crate::disk::SECTOR_BYTES;
use crate::plan::{Check, PlanError, Target};
use crate::world::World;

/// Some bytes behind one another of what lies on a machine's disk are other ones from now on (D8). Nobody notices before they are
/// read. One such fault hits the log or its end mark, never both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskRot {
    /// Which machine.
    pub target: Target,
    /// Whether it is the end mark that rots, and not the log.
    pub mark: bool,
    /// So many bytes: 1 to [`DiskRot::BYTES_MAX`].
    pub bytes: u32,
}

impl DiskRot {
    /// A sector.
    pub const BYTES_MAX: u32 = SECTOR_BYTES as u32;

    pub(super) const ROWS: &[Row] = &[Row {
        name: "disk-rot",
        by_role: None,
        strikes: Strikes::Disk,
        takes: &[Takes::Durable],
        about: "Some bytes of what lies on a machine's disk are other ones from now on: of its log, or of the log's end mark.",
        begins: |whom| format!("what lies on the disk of {whom} rots"),
        ends: |whom| format!("no more rots on the disk of {whom}"),
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

    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        check.within("bytes", self.bytes, 1..=Self::BYTES_MAX)
    }

    fn told(&self) -> String {
        let what = if self.mark { "the end mark" } else { "the log" };
        format!("a part of {what} rots on the disk of {}", self.target)
    }

    fn plainer(&self) -> Vec<FaultKind> {
        less(self.bytes).map(|bytes| Self { bytes, ..self.clone() }.into()).collect()
    }

    /// A disk rots whether its machine is up or down.
    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let machine = world.struck(&self.target)?;
        if !world.hosts[usize::from(machine.0)].rot(self.mark, self.bytes) {
            return None;
        }
        let fault = world.fault_begins(self, Scope::Machine(machine.0));
        world.disk_is_harmed(fault, machine);
        Some(fault)
    }
}
