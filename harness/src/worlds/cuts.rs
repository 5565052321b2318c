//! Which links are cut at a time, and which datacenters are down: what several faults have taken together.

use std::collections::{BTreeSet, VecDeque};

use reveille_sim::plan::{Cluster, Direction, Fault, FaultKind, Plan, Target};

use super::span::Span;

/// A link from one machine to another.
pub(super) type Link = (u16, u16);

/// The links that are cut in a time in which that does not change.
pub(super) struct Cut {
    pub(super) span: Span,
    pub(super) links: BTreeSet<Link>,
    cluster: Cluster,
}

/// The machines of a datacenter.
pub(super) fn machines_of(cluster: Cluster, datacenter: u16) -> impl Iterator<Item = u16> + Clone {
    let within = cluster.machines_per_datacenter;
    datacenter * within..(datacenter + 1) * within
}

/// The links that a fault cuts, all the time or by turns, as far as the plan names them: those of whoever has a role show
/// only in the run.
pub(super) fn links_of(cluster: Cluster, fault: &Fault) -> BTreeSet<Link> {
    let all = 0..cluster.machines();
    let (from, to, both_ways): (Vec<u16>, Vec<u16>, bool) = match &fault.kind {
        FaultKind::MachineCut(cut) => {
            let Target::Machine(machine) = cut.target else { return BTreeSet::new() };
            let others = all.filter(|other| *other != machine).collect();
            match cut.direction {
                Direction::In => (others, vec![machine], false),
                Direction::Out => (vec![machine], others, false),
                Direction::Both => (vec![machine], others, true),
            }
        }
        FaultKind::DatacenterCut(cut) => {
            let inside: Vec<u16> = machines_of(cluster, cut.datacenter).collect();
            let outside = all.filter(|machine| !inside.contains(machine)).collect();
            match cut.direction {
                Direction::In => (outside, inside, false),
                Direction::Out => (inside, outside, false),
                Direction::Both => (inside, outside, true),
            }
        }
        FaultKind::Partition(cut) => (cut.from.clone(), cut.to.clone(), cut.both_ways),
        _ => return BTreeSet::new(),
    };
    let there = from.iter().flat_map(|from| to.iter().map(|to| (*from, *to)));
    let back = there.clone().map(|(from, to)| (to, from)).filter(|_| both_ways);
    there.chain(back).collect()
}

/// What is cut from one change to the next, without the times in which nothing is.
pub(super) fn cuts(plan: &Plan) -> Vec<Cut> {
    let cluster = plan.cluster;
    let of_faults = plan.faults.iter().map(|fault| (Span::of(fault), links_of(cluster, fault)));
    let of_faults: Vec<_> = of_faults.filter(|(_, links)| !links.is_empty()).collect();
    let changes: BTreeSet<u64> = of_faults.iter().flat_map(|(span, _)| [span.from_ms, span.to_ms]).collect();
    let changes: Vec<u64> = changes.into_iter().collect();
    let between = changes.windows(2).map(|pair| Span::new(pair[0], pair[1]));
    let cut = |span: Span| {
        let at_work = of_faults.iter().filter(|(of_fault, _)| of_fault.common(span).is_some());
        let links = at_work.flat_map(|(_, links)| links.iter().copied()).collect();
        Cut { span, links, cluster }
    };
    between.map(cut).filter(|cut| !cut.links.is_empty()).collect()
}

/// The times in which so many datacenters, or more, are down as a whole.
pub(super) fn down(plan: &Plan, at_least: usize) -> Vec<Span> {
    let of_faults = plan.faults.iter().filter_map(|fault| match &fault.kind {
        FaultKind::DatacenterDown(down) => Some((down.datacenter, Span::of(fault))),
        _ => None,
    });
    let of_faults: Vec<_> = of_faults.collect();
    let changes: BTreeSet<u64> = of_faults.iter().flat_map(|(_, span)| [span.from_ms, span.to_ms]).collect();
    let changes: Vec<u64> = changes.into_iter().collect();
    let are_down = |span: &Span| {
        let down = of_faults.iter().filter(|(_, of_fault)| of_fault.common(*span).is_some());
        down.map(|(datacenter, _)| datacenter).collect::<BTreeSet<_>>().len() >= at_least
    };
    changes.windows(2).map(|pair| Span::new(pair[0], pair[1])).filter(are_down).collect()
}

/// The times in which every machine is down with its datacenter.
pub(super) fn nights(plan: &Plan) -> Vec<Span> {
    down(plan, usize::from(plan.cluster.datacenters))
}

impl Cut {
    fn is_open(&self, link: Link) -> bool {
        !self.links.contains(&link)
    }

    /// Whether two machines hear each other.
    fn see_each_other(&self, one: u16, other: u16) -> bool {
        self.is_open((one, other)) && self.is_open((other, one))
    }

    fn machines(&self) -> std::ops::Range<u16> {
        0..self.cluster.machines()
    }

    /// Whether these hear nothing from any other machine, and all others hear each of them.
    pub(super) fn are_deaf(&self, them: &BTreeSet<u16>) -> bool {
        self.are_one_way(them, |inside, outside| (outside, inside))
    }

    /// Whether these hear all other machines, and none of those hears any of them.
    pub(super) fn are_mute(&self, them: &BTreeSet<u16>) -> bool {
        self.are_one_way(them, |inside, outside| (inside, outside))
    }

    fn are_one_way(&self, them: &BTreeSet<u16>, closed: fn(u16, u16) -> Link) -> bool {
        let others = self.machines().filter(|machine| !them.contains(machine));
        let mut pairs = others.flat_map(|outside| them.iter().map(move |inside| (*inside, outside)));
        pairs.all(|(inside, outside)| {
            let (from, to) = closed(inside, outside);
            !self.is_open((from, to)) && self.is_open((to, from))
        })
    }

    /// Whether no machine of one datacenter and of another hear each other.
    pub(super) fn are_apart(&self, one: u16, other: u16) -> bool {
        let mut pairs = machines_of(self.cluster, one)
            .flat_map(|a| machines_of(self.cluster, other).map(move |b| (a, b)));
        pairs.all(|(a, b)| !self.see_each_other(a, b))
    }

    /// Whether all machines of two datacenters hear each other.
    pub(super) fn are_connected(&self, one: u16, other: u16) -> bool {
        let mut pairs = machines_of(self.cluster, one)
            .flat_map(|a| machines_of(self.cluster, other).map(move |b| (a, b)));
        pairs.all(|(a, b)| self.see_each_other(a, b))
    }

    /// Over how many links, at least, each machine is reached from this one, without those that pass through `without`.
    fn distances(&self, from: u16, without: Option<u16>) -> Vec<Option<u32>> {
        let mut distances = vec![None; usize::from(self.cluster.machines())];
        distances[usize::from(from)] = Some(0);
        let mut queue = VecDeque::from([(from, 0)]);
        while let Some((machine, distance)) = queue.pop_front() {
            for other in self.machines().filter(|other| Some(*other) != without) {
                if distances[usize::from(other)].is_none() && self.see_each_other(machine, other) {
                    distances[usize::from(other)] = Some(distance + 1);
                    queue.push_back((other, distance + 1));
                }
            }
        }
        distances
    }

    /// Whether two machines are connected only over two others or more.
    pub(super) fn is_chain(&self) -> bool {
        let far = |from| self.distances(from, None).into_iter().flatten().any(|distance| distance >= 3);
        self.machines().any(far)
    }

    /// Whether two parts of two machines or more see each other only through one machine.
    pub(super) fn is_bridge(&self) -> bool {
        self.machines().any(|bridge| {
            let beside = |machine: &u16| *machine != bridge && self.see_each_other(*machine, bridge);
            let neighbours: Vec<u16> = self.machines().filter(beside).collect();
            let Some(first) = neighbours.first() else { return false };
            let near = self.distances(*first, Some(bridge));
            let reached = |machine: &u16| near[usize::from(*machine)].is_some();
            let here = near.iter().flatten().count();
            let Some(far) = neighbours.iter().find(|machine| !reached(machine)) else { return false };
            let there = self.distances(*far, Some(bridge)).into_iter().flatten().count();
            here >= 2 && there >= 2
        })
    }
}
