//! Smaller clusters: fewer datacenters, machines, groups and slices. Whom a fault strikes and where a client is connected
//! goes on as somebody of the smaller cluster.
//!
//! What the system survives rests on its replicas, one in each datacenter. So a plan that breaks a rule about failures (D)
//! or about how soon after them things go on (L) keeps three datacenters: with one, it would break these rules because
//! nobody could keep them.

use reveille_sim::plan::{Cluster, Plan};

use super::search::{Pass, Search};
use crate::signature::Signature;

/// Makes the cluster of the best plan smaller, the smallest that breaks first.
pub(super) fn shrink(search: &mut Search<'_>) {
    let shapes = smaller(search.best().cluster, search.signature());
    // Of each shape: what strikes somebody who is gone strikes somebody else, or nobody.
    search.take_first(Pass::Cluster, 2 * shapes.len(), |plan, position| {
        Some(in_cluster(plan, shapes[position / 2], position.is_multiple_of(2)))
    });
}

/// The fewest datacenters of a cluster that is to keep the rules about failures.
const DATACENTERS_MIN: u16 = 3;

/// Clusters that are smaller than this one, by their number of machines, groups and slices.
pub(super) fn smaller(cluster: Cluster, signature: &Signature) -> Vec<Cluster> {
    let Cluster { datacenters, machines_per_datacenter, groups, slices } = cluster;
    let is_about_failures = signature.rule.starts_with(['D', 'L']);
    let least = if is_about_failures { DATACENTERS_MIN.min(datacenters) } else { 1 };
    let mut shapes = Vec::new();
    for datacenters in (least..=datacenters).step_by(2) {
        for machines_per_datacenter in 1..=machines_per_datacenter {
            for (groups, slices) in [(1, 1), (1, slices / groups), (groups, groups), (groups, slices)] {
                shapes.push(Cluster { datacenters, machines_per_datacenter, groups, slices });
            }
        }
    }
    shapes.retain(|shape| *shape != cluster);
    shapes.sort_by_key(|shape| (shape.machines(), shape.groups, shape.slices));
    shapes.dedup();
    shapes
}

/// The plan in a smaller cluster. `anybody`: a fault that strikes somebody who is gone strikes somebody else; if not, it is
/// left out.
pub(super) fn in_cluster(plan: &Plan, cluster: Cluster, anybody: bool) -> Plan {
    let before = plan.cluster;
    let place = |machine: u16| {
        let (datacenter, within) =
            (machine / before.machines_per_datacenter, machine % before.machines_per_datacenter);
        let stays = datacenter < cluster.datacenters && within < cluster.machines_per_datacenter;
        let new = datacenter % cluster.datacenters * cluster.machines_per_datacenter
            + within % cluster.machines_per_datacenter;
        (new, stays)
    };
    let if_there = |(number, stays): (u16, bool)| (stays || anybody).then_some(number);
    let machine = |machine| if_there(place(machine));
    let datacenter = |number: u16| if_there((number % cluster.datacenters, number < cluster.datacenters));
    // The group behind the last one is the system group.
    let group = |number: u16| match number {
        system if system == before.groups => Some(cluster.groups),
        number => if_there((number % cluster.groups, number < cluster.groups)),
    };
    let mut plan = plan.clone();
    plan.cluster = cluster;
    plan.clocks =
        (0..).zip(&plan.clocks).filter(|(number, _)| place(*number).1).map(|(_, clock)| *clock).collect();
    plan.network.between_us.truncate(usize::from(cluster.datacenters));
    for row in &mut plan.network.between_us {
        row.truncate(usize::from(cluster.datacenters));
    }
    for request in &mut plan.workload {
        request.machine = place(request.machine).0;
    }
    plan.faults.retain_mut(|fault| match fault.kind.renumbered(&machine, &datacenter, &group) {
        Some(kind) => {
            fault.kind = kind;
            true
        }
        None => false,
    });
    plan
}
