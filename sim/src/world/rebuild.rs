//! Disks that have lost what they promised, and until when (D8): a machine counts as damaged from the fault until each of its groups
//! has a voter on its present disk that has caught up, as the disks say. Nobody is asked.

use reveille_system::ids::{GroupId, MachineId};

use super::{NS_PER_MS, World};
use crate::readout::{Members, Readout};

/// While a disk is harmed the world looks so often.
const LOOK_AGAIN_MS: u64 = 250;

impl World<'_> {
    /// A fault takes what the disk of a machine had promised to keep.
    pub(crate) fn disk_is_harmed(&mut self, fault: u32, machine: MachineId) {
        self.hosts[usize::from(machine.0)].harms.push(fault);
        self.rebuild_look_ns.get_or_insert(self.now_ns);
        self.review_majorities();
    }

    /// A machine has found that its disk is damaged: whatever harmed it has an effect.
    pub(super) fn harm_is_found(&mut self, machine: MachineId) {
        for fault in self.hosts[usize::from(machine.0)].harms.clone() {
            self.took_effect(fault);
        }
    }

    /// Something was made durable: perhaps the last of what a harmed machine needed.
    pub(super) fn see_rebuilt(&mut self) {
        if self.rebuild_look_ns.is_none_or(|look_ns| self.now_ns < look_ns) {
            return;
        }
        self.read_disks();
        let harmed = self.machines(|machine| !self.hosts[usize::from(machine.0)].harms.is_empty());
        let rebuilt: Vec<MachineId> =
            harmed.iter().copied().filter(|machine| self.has_caught_up(*machine)).collect();
        for machine in &rebuilt {
            self.hosts[usize::from(machine.0)].harms.clear();
        }
        let is_over = rebuilt.len() == harmed.len();
        self.rebuild_look_ns = (!is_over).then_some(self.now_ns + LOOK_AGAIN_MS * NS_PER_MS);
        if !rebuilt.is_empty() {
            self.review_majorities();
        }
    }

    /// Whether all that a machine's disk had promised is there, and each group of the machine has a voter on it that has caught
    /// up with what made it one.
    fn has_caught_up(&self, machine: MachineId) -> bool {
        let host = &self.hosts[usize::from(machine.0)];
        if !Readout::is_whole(&host.disk) {
            return false;
        }
        let groups = self.config.all_groups();
        let mut places = groups.filter(|group| self.config.replicas_of(*group).any(|place| place == machine));
        places.all(|group| self.has_voter_on(group, machine))
    }

    fn has_voter_on(&self, group: GroupId, machine: MachineId) -> bool {
        let host = &self.hosts[usize::from(machine.0)];
        let Some(me) = Readout::replica_id(&host.disk, machine) else { return false };
        let founding = || Members::founding(self.config.replicas_of(group));
        let others = self.config.replicas_of(group).filter(|place| *place != machine);
        let told = others.map(|other| {
            let host = &self.hosts[usize::from(other.0)];
            host.readout.replica(&host.disk, group).members(founding())
        });
        let Some((since, members)) = told.max_by_key(|(since, _)| *since) else { return true };
        let held = host.readout.replica(&host.disk, group).last().1;
        members.voters.contains(&me) && members.outgoing.is_empty() && held >= since
    }
}
