//! Who has which role, as machines said of themselves: for faults that are aimed at a role. Whoever said so with the
//! highest epoch or term has it, even if it is down by now.

use std::collections::BTreeMap;

use reveille_system::ids::{MachineId, SliceId};
use reveille_system::observe::Observation;

/// The roles of a run.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    /// By slice, with the epoch.
    holders: BTreeMap<u16, (u64, MachineId)>,
    /// By datacenter, with the term (D4).
    leaders: BTreeMap<u16, (u64, MachineId)>,
    /// By consensus group, with the term.
    group_leaders: BTreeMap<u16, (u64, MachineId)>,
}

impl Roles {
    /// A machine says something about itself.
    pub(crate) fn see(&mut self, machine: MachineId, observation: &Observation) {
        let (roles, place, term) = match observation {
            Observation::Serving { slice, epoch } => (&mut self.holders, slice.0, u64::from(epoch.0)),
            Observation::Leads { datacenter, term } => (&mut self.leaders, datacenter.0, *term),
            Observation::Elected { group, term } => (&mut self.group_leaders, group.0, *term),
            Observation::Instance { .. }
            | Observation::Applied { .. }
            | Observation::DiskDamaged { .. }
            | Observation::Installed { .. }
            | Observation::Claiming { .. }
            | Observation::AsksForDue { .. }
            | Observation::Leaving { .. }
            | Observation::Acknowledged { .. }
            | Observation::StaleEpoch { .. } => return,
        };
        if roles.get(&place).is_none_or(|(known, _)| *known < term) {
            roles.insert(place, (term, machine));
        }
    }

    /// The machine that serves a slice.
    pub(crate) fn holder_of(&self, slice: SliceId) -> Option<MachineId> {
        self.holders.get(&slice.0).map(|(_, machine)| *machine)
    }

    pub(super) fn leader_of_datacenter(&self, datacenter: u16) -> Option<MachineId> {
        self.leaders.get(&datacenter).map(|(_, machine)| *machine)
    }

    pub(super) fn leader_of_group(&self, group: u16) -> Option<MachineId> {
        self.group_leaders.get(&group).map(|(_, machine)| *machine)
    }
}
