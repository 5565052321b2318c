//! What is wrong with links between machines and with disks, as functions of time: clients are never troubled.

use reveille_system::ids::MachineId;

use super::client::Client;

type Link = dyn Fn(u64, MachineId, MachineId) -> Option<u64>;
type Sync = dyn Fn(u64, MachineId) -> u64;

/// The troubles of a world.
pub(crate) struct Troubles {
    link: Box<Link>,
    sync: Box<Sync>,
}

impl Default for Troubles {
    fn default() -> Self {
        Self { link: Box::new(|_, _, _| Some(0)), sync: Box::new(|_, _| 0) }
    }
}

impl Troubles {
    /// `link` says by how much longer, in milliseconds, a message takes from one machine to another at this moment; none if
    /// it is lost.
    pub(crate) fn of_links(link: impl Fn(u64, MachineId, MachineId) -> Option<u64> + 'static) -> Self {
        Self { link: Box::new(link), ..Self::default() }
    }

    /// `sync` says by how much longer, in milliseconds, a sync takes that a machine asks for at this moment.
    pub(crate) fn of_disks(sync: impl Fn(u64, MachineId) -> u64 + 'static) -> Self {
        Self { sync: Box::new(sync), ..Self::default() }
    }

    pub(super) fn link(&self, now_ms: u64, from: MachineId, to: MachineId) -> Option<u64> {
        let is_between_machines = Client::at(from).is_none() && Client::at(to).is_none();
        if is_between_machines { (self.link)(now_ms, from, to) } else { Some(0) }
    }

    pub(super) fn sync(&self, now_ms: u64, machine: MachineId) -> u64 {
        (self.sync)(now_ms, machine)
    }
}
