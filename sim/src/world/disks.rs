//! What lies on the disks, as the world reads it and tells it (W1): of turns that were claimed durable, by the way, at losses of power
//! and at the end. What the datastore holds in the end is read there, too, and never from the memory of a process.

use reveille_model::history::What;
use reveille_system::ids::{GroupId, MachineId, ObjectName};
use reveille_system::store::Row;

use super::World;
use crate::readout::Replica;
use crate::record::object_name;

impl World<'_> {
    /// What each disk holds of each group, by machine and group.
    pub(super) fn read_disks(&mut self) -> Vec<Vec<Replica>> {
        let groups = self.config.all_groups().count();
        self.hosts.iter_mut().map(|host| host.readout.replicas(&host.disk, groups)).collect()
    }

    /// L4: what each group has committed: as far as any replica says that it has applied it, and as far as a majority of the disks
    /// holds it in the newest term.
    pub(super) fn tell_committed(&mut self) {
        let disks = self.read_disks();
        for group in self.config.all_groups() {
            let replicas: Vec<&Replica> = self.replicas_on(group, &disks).collect();
            let index = self.record.applied_of(group).max(held_by_majority(&replicas));
            self.record.outside(self.now_ns, What::Committed { group: group.0, index });
        }
    }

    /// D1, L4: how far the replicas of a group have come, and what they hold: as each process says, and as its disk shows.
    pub(super) fn tell_replicas(&mut self, group: GroupId, disks: &[Vec<Replica>]) {
        for (host, disk) in self.hosts.iter().zip(disks) {
            let Some(machine) = &host.machine else { continue };
            let Some((store, applied)) = machine.replicas().store(group) else { continue };
            let (on_disk, lies_to) = disk[usize::from(group.0)].state(&self.config, group, applied);
            for (store, applied) in [(store, applied), (&on_disk, lies_to)] {
                let replica = What::Replica { group: group.0, applied, state: store.digest() };
                self.record.machine(host.spot(self.now_ns), replica);
            }
        }
    }

    /// What the datastore holds in the end: what lies on the disk that has come furthest, as far as anybody was told of it.
    pub(super) fn tell_at_rest(&mut self, group: GroupId, disks: &[Vec<Replica>]) {
        let Some(furthest) = self.replicas_on(group, disks).max_by_key(|replica| replica.last()) else {
            return;
        };
        let (store, _) = furthest.state(&self.config, group, self.record.applied_of(group));
        let mut rows: Vec<(&ObjectName, &Row)> = store.rows().collect();
        rows.sort_by_key(|(object, _)| *object);
        for (object, row) in rows {
            if !row.keys.is_empty() || row.alarm.is_some() {
                self.record.at_rest(self.now_ns, object, row);
            }
        }
    }

    fn replicas_on<'a>(
        &self,
        group: GroupId,
        disks: &'a [Vec<Replica>],
    ) -> impl Iterator<Item = &'a Replica> + use<'a> {
        let machines: Vec<MachineId> = self.config.replicas_of(group).collect();
        machines.into_iter().map(move |machine| &disks[usize::from(machine.0)][usize::from(group.0)])
    }

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

/// The last entry that a majority of disks holds, if it is of the newest term that any of them knows: an older one may still be
/// replaced.
fn held_by_majority(replicas: &[&Replica]) -> u64 {
    let mut last: Vec<(u64, u64)> = replicas.iter().map(|replica| replica.last()).collect();
    last.sort_unstable_by_key(|(_, index)| std::cmp::Reverse(*index));
    let (Some((_, index)), Some(newest)) =
        (last.get(last.len() / 2), last.iter().map(|(term, _)| term).max())
    else {
        return 0;
    };
    let holders = replicas.iter().filter(|replica| replica.term_of(*index) == Some(*newest)).count();
    if 2 * holders > replicas.len() { *index } else { 0 }
}
