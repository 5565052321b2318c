//! Which consensus groups have a connected majority: a majority of replicas up, not paused, and connected pairwise, both
//! ways (L2).

use reveille_model::history::What;
use reveille_system::ids::{GroupId, MachineId};

use crate::world::World;

impl World<'_> {
    /// Machines or links went down or came back: tells which groups lost or regained their majority by it.
    pub(crate) fn review_majorities(&mut self) {
        for group in self.config.all_groups() {
            let connected = self.has_majority(group);
            let known = self.majorities.insert(group, connected).unwrap_or(false);
            if known != connected {
                self.record.outside(self.now_ns, What::Majority { group: group.0, connected });
            }
        }
    }

    fn has_majority(&self, group: GroupId) -> bool {
        let runs = |machine: &MachineId| {
            let host = &self.hosts[usize::from(machine.0)];
            host.machine.is_some() && host.pauses.is_empty()
        };
        let running: Vec<MachineId> = self.config.replicas_of(group).filter(runs).collect();
        let wanted = usize::from(self.config.datacenters) / 2 + 1;
        self.are_connected(&running, wanted)
    }

    /// Whether `wanted` of these machines are connected pairwise. There are few replicas, so each choice is tried.
    fn are_connected(&self, machines: &[MachineId], wanted: usize) -> bool {
        if wanted == 0 {
            return true;
        }
        (0..machines.len()).take_while(|i| machines.len() - i >= wanted).any(|i| {
            let (one, rest) = (machines[i], &machines[i + 1..]);
            let open = |other: &MachineId| {
                self.net.cut_by(one, *other).is_none() && self.net.cut_by(*other, one).is_none()
            };
            let reached: Vec<MachineId> = rest.iter().copied().filter(open).collect();
            self.are_connected(&reached, wanted - 1)
        })
    }
}
