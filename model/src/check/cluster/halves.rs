//! L2, where a history tells of no majorities: whether half or more of the machines, or of the datacenters, are struck or cut
//! off. A machine is cut off if it is not connected both ways with more than half of all, itself included; a datacenter is out
//! if all its machines are. What serves then depends on where replicas are, which such a history does not tell.

use std::collections::{BTreeMap, BTreeSet};

use super::spells::Thing;

/// Where there are more machines than this links are not looked at one by one.
const MACHINES_MAX: usize = 256;

/// Whether half or more are out, with these struck.
pub(in crate::check) fn are_out<'a>(struck: impl Iterator<Item = &'a Thing>, datacenter_of: &[u16]) -> bool {
    let (mut out, mut cut) = (BTreeSet::new(), BTreeSet::new());
    for thing in struck {
        match *thing {
            Thing::Machine(machine) => _ = out.insert(machine),
            Thing::Link(one, other) => _ = cut.insert((one.min(other), one.max(other))),
        }
    }
    let machines = datacenter_of.len();
    if !cut.is_empty() && machines <= MACHINES_MAX {
        let mut lacks: BTreeMap<u16, usize> = BTreeMap::new();
        for (one, other) in cut {
            *lacks.entry(one).or_default() += 1;
            *lacks.entry(other).or_default() += 1;
        }
        let is_off = |lacks: usize| machines.saturating_sub(lacks) * 2 <= machines;
        out.extend(lacks.into_iter().filter(|(_, lacks)| is_off(*lacks)).map(|(machine, _)| machine));
    }
    let mut left: BTreeMap<u16, usize> = BTreeMap::new();
    let mut machines_out = 0;
    for (machine, datacenter) in (0..=u16::MAX).zip(datacenter_of) {
        let is_out = out.contains(&machine);
        machines_out += usize::from(is_out);
        *left.entry(*datacenter).or_default() += usize::from(!is_out);
    }
    let datacenters_out = left.values().filter(|left| **left == 0).count();
    machines > 0 && (machines_out * 2 >= machines || datacenters_out * 2 >= left.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(one: &[u16], other: &[u16]) -> Vec<Thing> {
        let pairs = one.iter().flat_map(|one| other.iter().map(|other| Thing::Link(*one, *other)));
        pairs.collect()
    }

    #[test]
    fn half_of_the_machines_or_of_the_datacenters() {
        let nine = [0, 0, 0, 1, 1, 1, 2, 2, 2];
        let down =
            |machines: &[u16]| machines.iter().map(|machine| Thing::Machine(*machine)).collect::<Vec<_>>();
        assert!(!are_out(down(&[0, 1, 2, 3]).iter(), &nine));
        assert!(are_out(down(&[0, 1, 3, 4, 6]).iter(), &nine));
        assert!(!are_out(down(&[0]).iter(), &[0, 1, 2]));
        assert!(are_out(down(&[0]).iter(), &[0]));
        assert!(are_out(down(&[0]).iter(), &[0, 1]));
        assert!(are_out(down(&[0, 1]).iter(), &[0, 0, 1, 1, 1, 1]), "one of two datacenters");
        assert!(!are_out(down(&[0]).iter(), &[0, 0, 1, 1, 1, 1]));
    }

    #[test]
    fn who_is_cut_off_from_half_is_out() {
        let nine = [0, 0, 0, 1, 1, 1, 2, 2, 2];
        let (first, second, third) = ([0, 1, 2], [3, 4, 5], [6, 7, 8]);
        let off = cut(&first, &[second, third].concat());
        assert!(!are_out(off.iter(), &nine), "six are left");
        let apart: Vec<Thing> = off.into_iter().chain(cut(&second, &third)).collect();
        assert!(are_out(apart.iter(), &nine));
        assert!(!are_out(cut(&[0], &[1, 2, 3, 4]).iter(), &nine), "one link of a pair");
    }
}
