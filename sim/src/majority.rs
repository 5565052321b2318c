//! Which consensus groups have a connected majority: a majority of replicas up and connected pairwise, both ways (L2).

use reveille_model::history::What;
use reveille_system::ids::{GroupId, MachineId};

use crate::world::World;

impl World<'_> {
    /// Machines went down or came back: tells which groups lost or regained their majority by it.
    pub(crate) fn review_majorities(&mut self) {
        for group in (0..self.config.groups).map(GroupId) {
            let connected = self.has_majority(group);
            let known = &mut self.majorities[usize::from(group.0)];
            if std::mem::replace(known, connected) != connected {
                self.record.outside(self.now_ns, What::Majority { group: group.0, connected });
            }
        }
    }

    fn has_majority(&self, group: GroupId) -> bool {
        let is_up = |machine: &MachineId| self.hosts[usize::from(machine.0)].machine.is_some();
        // Links between machines are never cut yet: who is up is connected.
        let up = self.config.replicas_of(group).filter(is_up).count();
        2 * up > usize::from(self.config.datacenters)
    }
}
