//! Which faults are at work, as far as the time bounds and D8 need to know.

use std::collections::BTreeSet;

/// The faults of a run so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    active: BTreeSet<u32>,
    /// True time of the last begin or end of a fault.
    changed_ns: Option<u64>,
    /// D8: whether a disk was ever harmed on purpose.
    any_of_disk: bool,
}

impl Faults {
    pub(super) fn begin(&mut self, fault: u32, kind: &str, at_ns: u64) {
        self.active.insert(fault);
        self.changed_ns = Some(at_ns);
        self.any_of_disk |= kind.starts_with("disk");
    }

    pub(super) fn end(&mut self, fault: u32, at_ns: u64) {
        self.active.remove(&fault);
        self.changed_ns = Some(at_ns);
    }

    pub(super) fn is_any_active(&self) -> bool {
        !self.active.is_empty()
    }

    pub(super) fn changed_ns(&self) -> Option<u64> {
        self.changed_ns
    }

    pub(super) fn any_of_disk(&self) -> bool {
        self.any_of_disk
    }
}
