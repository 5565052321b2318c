//! What lies on the disks, as the world reads it and tells it (W1): of turns that were claimed durable, by the way, at losses of power
//! and at the end.

use reveille_model::history::What;
use reveille_system::ids::{GroupId, MachineId};

use super::World;
use crate::record::object_name;

impl World<'_> {
    /// The disks of a group's replicas: do they hold the turn that was claimed durable there last, of those that are looked for?
    pub(crate) fn look_at_disks(&mut self, group: GroupId) {
        let Some(claim) = self.record.claim(group).cloned() else { return };
        let (mut replicas, mut held_by) = (Vec::new(), Vec::new());
        for machine in self.config.replicas_of(group) {
            let host = &mut self.hosts[usize::from(machine.0)];
            replicas.push(machine.0);
            if host.readout.finds(&host.disk, &claim) {
                held_by.push(machine.0);
            }
        }
        let (instance, turn) = (claim.instance.as_u64(), claim.turn);
        let object = object_name(&claim.object);
        let on_disk = What::OnDisk { object, instance, turn, replicas, held_by };
        self.record.outside(self.now_ns, on_disk);
    }

    /// The same for each group that has a replica on this machine.
    pub(crate) fn look_at_disks_of(&mut self, machine: MachineId) {
        for group in self.config.all_groups() {
            if self.config.replicas_of(group).any(|replica| replica == machine) {
                self.look_at_disks(group);
            }
        }
    }
}
