//! The shape of the cluster. What a datacenter's leader decides for others must not be what its own machines can do without
//! (D5, D6), and where a group has one replica nobody covers up for it: so some plans have one datacenter, or five, or one
//! machine in each. And some have few slices: then much lies in one of them.

use reveille_sim::plan::Cluster;

use super::CLUSTER;
use super::dice::Dice;

/// Datacenters, and machines in each: what a cluster may be that is not the reference cluster.
const OTHER_SHAPES: &[(u16, u16)] = &[(1, 3), (1, 3), (1, 5), (3, 1), (3, 2), (3, 4), (5, 1), (5, 2)];

/// Mostly the reference cluster.
pub(super) fn any(dice: &mut Dice) -> Cluster {
    let Cluster { datacenters, machines_per_datacenter, groups, slices } = CLUSTER;
    let other_shape = dice.percent(18).then(|| dice.one_of(OTHER_SHAPES));
    let (datacenters, machines_per_datacenter) =
        other_shape.unwrap_or((datacenters, machines_per_datacenter));
    let few = dice.percent(25).then(|| dice.draw((1..=4_u16, 1..=3_u16)));
    let (groups, slices) = few.map_or((groups, slices), |(groups, of_each)| (groups, groups * of_each));
    Cluster { datacenters, machines_per_datacenter, groups, slices }
}
