//! Which links a fault strikes, where a plan may say it in several ways.

use reveille_model::history::Scope;
use reveille_system::ids::MachineId;

use super::shrink::without_one;
use super::words::machines;
use super::{Numbers, Struck};
use crate::plan::{Check, LinksOf, PlanError, Target};
use crate::world::World;

impl LinksOf {
    pub(super) fn target(&self) -> Option<&Target> {
        match self {
            Self::Machine(target) => Some(target),
            Self::Datacenter(_) | Self::Between { .. } | Self::All => None,
        }
    }

    pub(super) fn target_mut(&mut self) -> Option<&mut Target> {
        match self {
            Self::Machine(target) => Some(target),
            Self::Datacenter(_) | Self::Between { .. } | Self::All => None,
        }
    }

    /// Whether the cluster has these links. A target is checked with its fault.
    pub(super) fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        match self {
            Self::Machine(_) | Self::All => Ok(()),
            Self::Datacenter(datacenter) => check.datacenter("of", *datacenter),
            Self::Between { from, to } => check_sides(check, "of.between.", from, to),
        }
    }

    pub(super) fn renumber(&mut self, numbers: &Numbers<'_>) -> Option<()> {
        match self {
            Self::Machine(target) => numbers.target(target),
            Self::Datacenter(datacenter) => numbers.of_datacenter(datacenter),
            Self::Between { from, to } => {
                numbers.machines(from)?;
                numbers.machines(to)
            }
            Self::All => Some(()),
        }
    }

    /// Fewer of them.
    pub(super) fn fewer(&self) -> impl Iterator<Item = Self> {
        let (from, to) = match self {
            Self::Between { from, to } => (&from[..], &to[..]),
            Self::Machine(_) | Self::Datacenter(_) | Self::All => (&[][..], &[][..]),
        };
        let fewer_from = without_one(from).map(|from| Self::Between { from, to: to.to_vec() });
        let fewer_to = without_one(to).map(|to| Self::Between { from: from.to_vec(), to });
        fewer_from.chain(fewer_to)
    }

    /// As they stand in a clause behind "messages": "to and from machine 3".
    pub(super) fn told(&self) -> String {
        match self {
            Self::Machine(target) => format!("to and from {target}"),
            Self::Datacenter(datacenter) => format!("to, from and within datacenter {datacenter}"),
            Self::Between { from, to } => format!("from {} to {}", machines(from), machines(to)),
            Self::All => "between machines".into(),
        }
    }

    /// The links themselves, with whom a history says is struck; none if it is a machine that nobody is.
    pub(super) fn struck(&self, world: &World<'_>) -> Option<(Vec<(MachineId, MachineId)>, Scope)> {
        let ids = |side: &[u16]| side.iter().copied().map(MachineId).collect::<Vec<_>>();
        let (ends, scope) = match self {
            Self::Machine(target) => {
                let machine = world.struck(target)?;
                (vec![machine], Scope::Machine(machine.0))
            }
            Self::Datacenter(datacenter) => (world.machines_of(*datacenter), Scope::Datacenter(*datacenter)),
            Self::All => (world.machines(|_| true), Scope::Network),
            Self::Between { from, to } => {
                let pairs = pairs(&ids(from), &ids(to));
                return Some((pairs, Scope::Links { from: from.clone(), to: to.clone() }));
            }
        };
        let all = world.machines(|_| true);
        let touched = |(from, to): &(MachineId, MachineId)| ends.contains(from) || ends.contains(to);
        let links = pairs(&all, &all).into_iter().filter(|(from, to)| from != to).filter(touched);
        Some((links.collect(), scope))
    }
}

fn pairs(from: &[MachineId], to: &[MachineId]) -> Vec<(MachineId, MachineId)> {
    from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to))).collect()
}

/// Whether the cluster has the machines at both ends of some links, each at one of them; `path` is where they stand.
pub(super) fn check_sides(check: &Check<'_>, path: &str, from: &[u16], to: &[u16]) -> Result<(), PlanError> {
    for (side, machines) in [("from", from), ("to", to)] {
        for (j, machine) in machines.iter().enumerate() {
            check.machine(&format!("{path}{side}[{j}]"), *machine)?;
        }
    }
    let both = to.iter().position(|machine| from.contains(machine));
    both.map_or(Ok(()), |j| {
        let right = || "a machine is on one side: it stands in `from` as well".into();
        check.ensure(false, &format!("{path}to[{j}]"), to[j], right)
    })
}

/// The links of whom a fault has struck, in a clause: "the links of machine 3", "the links between machines".
pub(super) fn links_of(whom: &Struck<'_>) -> String {
    match whom.scope {
        Scope::Links { .. } | Scope::Network => whom.to_string(),
        Scope::Machine(_) | Scope::Datacenter(_) | Scope::Service(_) => format!("the links of {whom}"),
    }
}
