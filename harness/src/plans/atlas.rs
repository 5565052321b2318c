//! The atlas: where disks may lose what they have promised, so that a correct system has to survive it (D2, D8).
//!
//! A group has a replica in each datacenter, and with 2f+1 of them f may be damaged at once. How long one stays damaged depends on
//! the run: until its successor has caught up. So whatever else breaks, all harm of a plan is done to the disks of the same
//! datacenter, of three or more. And one fault hits at most one of a record and its end mark: what rots in a plan is all logs or
//! all marks.

use proptest::prelude::any;
use reveille_sim::plan::{Cluster, Fault, FaultKind, Plan, Target};

use super::dice::Dice;

/// Whose disks may be harmed in a plan, and what of them may rot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Harm {
    pub(super) datacenter: u16,
    pub(super) rots_mark: bool,
}

impl Harm {
    /// Any that the atlas allows.
    pub(super) fn any(dice: &mut Dice, cluster: Cluster) -> Self {
        // A mark that rots alone does no harm: its neighbour leads to all that it led to.
        Self {
            datacenter: dice.draw(0..cluster.datacenters),
            rots_mark: dice.percent(20) && dice.draw(any::<bool>()),
        }
    }
}

/// Whether a correct system has to survive what a plan does to disks.
pub(super) fn is_survivable(plan: &Plan) -> bool {
    let Cluster { datacenters, machines_per_datacenter, .. } = plan.cluster;
    let harmed: Option<Vec<u16>> = plan.faults.iter().filter_map(harm).collect();
    let Some(harmed) = harmed else { return false };
    let mut rots = plan.faults.iter().filter_map(|fault| match &fault.kind {
        FaultKind::DiskRot(rot) => Some(rot.mark),
        _ => None,
    });
    let first = rots.next();
    let are_alike = rots.all(|mark| Some(mark) == first);
    let place = |machine: &u16| machine / machines_per_datacenter;
    let is_one_place = harmed.iter().all(|machine| place(machine) == place(&harmed[0]));
    harmed.is_empty() || (are_alike && is_one_place && datacenters >= 3)
}

/// The machine whose disk a fault harms, if it harms one; none in it if the plan does not say which that is.
fn harm(fault: &Fault) -> Option<Option<u16>> {
    let target = match &fault.kind {
        FaultKind::DiskReplaced(replaced) => &replaced.target,
        FaultKind::DiskRot(rot) => &rot.target,
        _ => return None,
    };
    Some(match target {
        Target::Machine(machine) => Some(*machine),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use reveille_sim::kinds::{DiskReplaced, DiskRot};

    use super::*;
    use crate::example::ticker;

    fn plan(faults: Vec<FaultKind>) -> Plan {
        let mut plan = ticker().plan(0);
        plan.cluster = super::super::CLUSTER;
        plan.faults = faults.into_iter().map(|kind| Fault { at_ms: 1, kind }).collect();
        plan
    }

    fn replaced(target: Target) -> FaultKind {
        DiskReplaced { target, down_ms: 1_000 }.into()
    }

    fn rot(machine: u16, mark: bool) -> FaultKind {
        DiskRot { target: Target::Machine(machine), mark, bytes: 1 }.into()
    }

    #[test]
    fn d8_harm_in_one_datacenter_has_to_be_survived_and_in_two_it_has_not() {
        let of =
            |machines: &[u16]| machines.iter().map(|machine| replaced(Target::Machine(*machine))).collect();
        assert!(is_survivable(&plan(of(&[3, 4, 5, 4]))));
        assert!(!is_survivable(&plan(of(&[3, 6]))));
        assert!(!is_survivable(&plan(vec![replaced(Target::LeaderOfSystemGroup)])), "it may be anybody");
        assert!(is_survivable(&plan(vec![rot(3, false), rot(3, false)])));
        assert!(!is_survivable(&plan(vec![rot(3, false), rot(3, true)])), "a record and its mark");
    }

    #[test]
    fn d8_every_plan_drawn_keeps_to_the_atlas() {
        let scenario = ticker();
        let plans = (0..300).map(|seed| scenario.plan(seed));
        let harming = plans.inspect(|plan| assert!(is_survivable(plan), "seed {}", plan.seed));
        assert!(harming.filter(|plan| plan.faults.iter().any(|fault| harm(fault).is_some())).count() >= 15);
    }
}
