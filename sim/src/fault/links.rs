//! Faults of links: cuts, partitions, slowness, loss. What they do to a message the network decides; here is who is cut
//! off from whom.

use reveille_model::history::Scope;
use reveille_system::ids::MachineId;

use super::Broken;
use crate::plan::{Direction, LinksOf, Target};
use crate::world::World;

impl World<'_> {
    pub(super) fn machine_is_cut(
        &mut self,
        kind: &'static str,
        target: &Target,
        direction: Direction,
    ) -> Option<u32> {
        let machine = self.struck(target)?;
        let others = self.machines(|other| other != machine);
        let of_links =
            |from: &[MachineId], to: &[MachineId]| Scope::Links { from: names(from), to: names(to) };
        let scope = match direction {
            Direction::Both => Scope::Machine(machine.0),
            Direction::In => of_links(&others, &[machine]),
            Direction::Out => of_links(&[machine], &others),
        };
        let fault = self.fault_begins(kind, scope, Broken::Network);
        if direction != Direction::Out {
            self.cut(fault, &others, &[machine]);
        }
        if direction != Direction::In {
            self.cut(fault, &[machine], &others);
        }
        self.review_majorities();
        Some(fault)
    }

    pub(super) fn datacenter_is_cut(&mut self, kind: &'static str, datacenter: u16) -> u32 {
        let inside = self.machines_of(datacenter);
        let outside = self.machines(|machine| !inside.contains(&machine));
        let fault = self.fault_begins(kind, Scope::Datacenter(datacenter), Broken::Network);
        self.cut(fault, &inside, &outside);
        self.cut(fault, &outside, &inside);
        self.review_majorities();
        fault
    }

    pub(super) fn partition(&mut self, kind: &'static str, from: &[u16], to: &[u16], both_ways: bool) -> u32 {
        let scope = Scope::Links { from: from.to_vec(), to: to.to_vec() };
        let fault = self.fault_begins(kind, scope, Broken::Network);
        let ids = |side: &[u16]| side.iter().copied().map(MachineId).collect::<Vec<_>>();
        let (from, to) = (ids(from), ids(to));
        self.cut(fault, &from, &to);
        if both_ways {
            self.cut(fault, &to, &from);
        }
        self.review_majorities();
        fault
    }

    pub(super) fn links_slow_down(&mut self, kind: &'static str, of: &LinksOf, percent: u32) -> Option<u32> {
        let (slow, scope) = match of {
            LinksOf::Machine(target) => {
                let machine = self.struck(target)?;
                (vec![machine], Scope::Machine(machine.0))
            }
            LinksOf::Datacenter(datacenter) => {
                (self.machines_of(*datacenter), Scope::Datacenter(*datacenter))
            }
        };
        let fault = self.fault_begins(kind, scope, Broken::Network);
        for machine in slow {
            for other in self.machines(|other| other != machine) {
                // Within the datacenter a link is slowed down twice: of several the worst decides, so that is once.
                self.net.slow_down(fault, machine, other, percent);
                self.net.slow_down(fault, other, machine, percent);
            }
        }
        Some(fault)
    }

    pub(super) fn messages_are_lost(&mut self, kind: &'static str, ppm: u32) -> u32 {
        let fault = self.fault_begins(kind, Scope::Network, Broken::Network);
        self.net.lose(fault, ppm);
        fault
    }

    /// A message was lost to this fault. A cut that keeps something from a machine that is down changes nothing.
    pub(crate) fn message_lost_to(&mut self, fault: u32, receiver: MachineId) {
        self.record.counts.messages_lost += 1;
        if self.hosts[usize::from(receiver.0)].machine.is_some() {
            self.faults.took_effect(fault, &mut self.record.counts);
        }
    }

    fn cut(&mut self, fault: u32, from: &[MachineId], to: &[MachineId]) {
        for from in from {
            to.iter().for_each(|to| self.net.cut(fault, *from, *to));
        }
    }

    fn machines(&self, wanted: impl Fn(MachineId) -> bool) -> Vec<MachineId> {
        self.hosts.iter().map(|host| host.id).filter(|machine| wanted(*machine)).collect()
    }

    pub(super) fn machines_of(&self, datacenter: u16) -> Vec<MachineId> {
        self.machines(|machine| self.config.datacenter_of(machine).0 == datacenter)
    }
}

fn names(machines: &[MachineId]) -> Vec<u16> {
    machines.iter().map(|machine| machine.0).collect()
}
