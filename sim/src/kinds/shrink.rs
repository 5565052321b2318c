//! Smaller plans out of a plan: what to try in place of a fault, and the same fault in a smaller cluster.

use super::FaultKind;
use crate::plan::{Outage, Target};

/// New numbers for whom faults strike; none for what is gone.
pub(crate) struct Numbers<'a> {
    pub(super) machine: &'a dyn Fn(u16) -> Option<u16>,
    pub(super) datacenter: &'a dyn Fn(u16) -> Option<u16>,
    pub(super) group: &'a dyn Fn(u16) -> Option<u16>,
}

impl Numbers<'_> {
    pub(super) fn target(&self, target: &mut Target) -> Option<()> {
        match target {
            Target::Machine(machine) => *machine = (self.machine)(*machine)?,
            Target::LeaderOfDatacenter(datacenter) => *datacenter = (self.datacenter)(*datacenter)?,
            Target::LeaderOfGroup(group) => *group = (self.group)(*group)?,
            Target::HolderOf(_) | Target::LeaderOfSystemGroup | Target::Next(_) => {}
        }
        Some(())
    }

    pub(super) fn of_datacenter(&self, datacenter: &mut u16) -> Option<()> {
        *datacenter = (self.datacenter)(*datacenter)?;
        Some(())
    }

    /// Those that are left; none if nobody is.
    pub(super) fn machines(&self, machines: &mut Vec<u16>) -> Option<()> {
        *machines = machines.iter().copied().filter_map(self.machine).collect();
        (!machines.is_empty()).then_some(())
    }
}

impl FaultKind {
    /// Simpler variants to try when a plan is shrunk, simplest first: shorter, rounder, less; never the same. Whoever
    /// goes on with one of them comes to an end.
    pub fn simpler(&self) -> Vec<Self> {
        let mut simpler = self.kind().plainer();
        simpler.extend(less(self.lasts_ms()).map(|ms| self.lasting(ms)));
        simpler
    }

    /// The fault in a cluster whose machines, datacenters and groups have other numbers, each one of its own; none if it
    /// strikes something that is gone. The system group has no number.
    pub fn renumbered(
        &self,
        machine: &dyn Fn(u16) -> Option<u16>,
        datacenter: &dyn Fn(u16) -> Option<u16>,
        group: &dyn Fn(u16) -> Option<u16>,
    ) -> Option<Self> {
        let mut kind = self.clone();
        kind.kind_mut().renumber(&Numbers { machine, datacenter, group })?;
        Some(kind)
    }

    /// The object that the fault is aimed at, if it is aimed at the holder of one.
    pub fn aimed_at(&self) -> Option<&str> {
        match self.kind().target()? {
            Target::HolderOf(object) => Some(object),
            _ => None,
        }
    }

    /// The fault with another object, if it is aimed at the holder of one.
    pub fn with_object(&self, rename: &dyn Fn(&str) -> String) -> Self {
        let mut kind = self.clone();
        if let Some(Target::HolderOf(object)) = kind.kind_mut().target_mut() {
            *object = rename(object);
        }
        kind
    }
}

impl Outage {
    /// Simpler variants to try when a plan is shrunk, as [`FaultKind::simpler`].
    pub fn simpler(&self) -> Vec<Self> {
        let plainer = self.kind.simpler().into_iter().map(|kind| Self { kind, ..*self });
        plainer.chain(less(self.for_ms).map(|for_ms| Self { for_ms, ..*self })).collect()
    }
}

/// Smaller numbers, down to 1, the smallest first: a tenth, half, and the number itself with fewer digits.
pub(super) fn less<T: TryFrom<u64>>(number: impl Into<u64>) -> impl Iterator<Item = T> {
    let number = number.into();
    let mut smaller = vec![
        rounded_down(number / 10, 1),
        rounded_down(number / 2, 1),
        rounded_down(number, 1),
        rounded_down(number, 2),
    ];
    smaller.retain(|candidate| (1..number).contains(candidate));
    smaller.sort_unstable();
    smaller.dedup();
    smaller.into_iter().filter_map(|smaller| T::try_from(smaller).ok())
}

/// The number with so many digits that are not zero, and no larger.
fn rounded_down(number: u64, digits: u32) -> u64 {
    let unit = 10_u64.pow(number.checked_ilog10().unwrap_or(0).saturating_sub(digits - 1));
    number / unit * unit
}

/// All lists with one left out, as long as one remains.
pub(super) fn without_one(machines: &[u16]) -> impl Iterator<Item = Vec<u16>> {
    let some = (0..machines.len()).filter(|_| machines.len() > 1);
    some.map(|out| {
        let kept = machines.iter().enumerate().filter(|(at, _)| *at != out);
        kept.map(|(_, machine)| *machine).collect()
    })
}
