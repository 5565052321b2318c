//! What lies on the disks, as the world reads it and tells it (W1): of turns that were claimed durable, by the way, at losses of power
//! and at the end. What the datastore holds in the end is read there, too, and never from the memory of a process.

use reveille_model::history::What;
use reveille_system::ids::{GroupId, MachineId, ObjectName};
use reveille_system::store::{Row, Store};

use super::World;
use crate::host::Host;
use crate::readout::{Replay, Replica};
use crate::record::{Spot, object_name};

impl World<'_> {
    /// L4: what each group has committed: as far as any replica says that it has applied it, and as far as a majority of the disks
    /// holds it in the newest term.
    pub(super) fn tell_committed(&mut self) {
        self.read_disks();
        for group in self.config.all_groups() {
            let replicas = self.replicas_on_disks(group);
            let index = self.record.applied_of(group).max(held_by_majority(&replicas));
            self.record.outside(self.now_ns, What::Committed { group: group.0, index });
        }
    }

    /// Reads all disks to their ends.
    pub(super) fn read_disks(&mut self) {
        for host in &mut self.hosts {
            host.readout.read_on(&host.disk);
        }
    }

    /// What the disks, which were read, hold of a group, in the order of its replicas.
    fn replicas_on_disks(&self, group: GroupId) -> Vec<Replica<'_>> {
        let hosts = self.config.replicas_of(group).map(|machine| &self.hosts[usize::from(machine.0)]);
        hosts.map(|host| host.readout.replica(&host.disk, group)).collect()
    }

    /// What there is of a group in the end.
    pub(super) fn tell_group(&mut self, group: GroupId) {
        let replicas = self.replicas_on_disks(group);
        let mut replay = Replay::new(&self.config, group);
        let told = self.replicas_told(group, &replicas, &mut replay);
        let at_rest = self.at_rest(group, &replicas, &mut replay);
        for (spot, what) in told {
            self.record.machine(spot, what);
        }
        for what in at_rest {
            self.record.outside(self.now_ns, what);
        }
    }

    /// D1, L4: how far the replicas of a group have come, and what they hold: as each process says, and as its disk shows.
    fn replicas_told<'a, 'r>(
        &self,
        group: GroupId,
        on_disks: &'r [Replica<'a>],
        replay: &mut Replay<'a, 'r>,
    ) -> Vec<(Spot, What)> {
        let mut replicas: Vec<(&Host, &Store, u64, &Replica<'a>)> = Vec::new();
        for (machine, on_disk) in self.config.replicas_of(group).zip(on_disks) {
            let host = &self.hosts[usize::from(machine.0)];
            let said = host.machine.as_ref().and_then(|machine| machine.replicas().store(group));
            replicas.extend(said.map(|(store, applied)| (host, store, applied, on_disk)));
        }
        replicas.sort_by_key(|(_, _, applied, on_disk)| (on_disk.begins_behind(), *applied));
        let mut told = Vec::new();
        for (host, store, applied, on_disk) in replicas {
            replay.go_to(on_disk, applied);
            for (applied, state) in [(applied, replay.digest_of(store)), (replay.applied(), replay.digest())]
            {
                told.push((host.spot(self.now_ns), What::Replica { group: group.0, applied, state }));
            }
        }
        told.sort_by_key(|(spot, _)| spot.machine);
        told
    }

    /// What the datastore holds in the end: what lies on the disk that has come furthest, as far as anybody was told of it.
    fn at_rest<'a, 'r>(
        &self,
        group: GroupId,
        on_disks: &'r [Replica<'a>],
        replay: &mut Replay<'a, 'r>,
    ) -> Vec<What> {
        let Some(furthest) = on_disks.iter().max_by_key(|replica| replica.last()) else { return Vec::new() };
        replay.go_to(furthest, self.record.applied_of(group));
        let mut rows: Vec<(&ObjectName, &Row)> = replay.store().rows().collect();
        rows.sort_by_key(|(object, _)| *object);
        rows.retain(|(_, row)| !row.keys.is_empty() || row.alarm.is_some());
        rows.into_iter().map(|(object, row)| self.record.at_rest(object, row)).collect()
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
fn held_by_majority(replicas: &[Replica<'_>]) -> u64 {
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
