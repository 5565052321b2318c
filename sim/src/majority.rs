//! Which groups have a quorum (L2): a majority of the group and one of the system group, each up and connected pairwise both
//! ways, and one machine that is up and connected both ways with all of both.
//!
//! What is cut, down or paused again within 10 s is so all the time, until 10 s after the last. Whether something follows is
//! known later. So a run keeps when links and machines were well, and in its end tells when quorums came and went, in the places
//! of the history where they did:
//!
//! ```text
//!  cut ── whole ── cut ── whole ── 10 s ──┐        one cut: ── whole
//!  └────────── counts as cut ─────────────┘                 └ it ends when it ends
//! ```

use std::collections::BTreeMap;

use reveille_model::history::What;
use reveille_system::config::Config;
use reveille_system::ids::{GroupId, MachineId};

use crate::world::World;

/// L2: what is struck again within this is struck all the time, and so long after the last time.
const FLAPS_WITHIN_NS: u64 = 10_000_000_000;

/// L2: a machine is up that syncs within this.
pub(crate) const SYNCS_WITHIN_NS: u64 = 500_000_000;

/// When something was the case: from each begin to its end, in order. The last one may have no end yet.
#[derive(Clone, Debug, Default)]
struct Spans(Vec<(u64, Option<u64>)>);

impl Spans {
    fn see(&mut self, is_on: bool, at_ns: u64) {
        match self.0.last_mut() {
            Some((_, end @ None)) if !is_on => *end = Some(at_ns),
            Some((_, Some(end_ns))) if is_on && *end_ns == at_ns => {
                self.0.last_mut().expect("it was there").1 = None
            }
            Some((_, None)) => {}
            _ if is_on => self.0.push((at_ns, None)),
            _ => {}
        }
    }

    /// The same with what flaps put together.
    fn without_flaps(&self) -> Spans {
        let mut merged: Vec<(u64, Option<u64>, bool)> = Vec::new();
        for (begin_ns, end_ns) in &self.0 {
            match merged.last_mut() {
                Some((_, Some(last_ns), flaps)) if begin_ns - *last_ns < FLAPS_WITHIN_NS => {
                    *flaps = true;
                    merged.last_mut().expect("it was there").1 = *end_ns;
                }
                _ => merged.push((*begin_ns, *end_ns, false)),
            }
        }
        let ends = |end_ns: Option<u64>, flaps: bool| {
            end_ns.map(|end_ns| if flaps { end_ns.saturating_add(FLAPS_WITHIN_NS) } else { end_ns })
        };
        Spans(merged.into_iter().map(|(begin_ns, end_ns, flaps)| (begin_ns, ends(end_ns, flaps))).collect())
    }

    /// Only what lasts longer than that.
    fn longer_than(&self, ns: u64) -> Spans {
        let lasts =
            |(begin_ns, end_ns): &&(u64, Option<u64>)| end_ns.is_none_or(|end_ns| end_ns - begin_ns > ns);
        Spans(self.0.iter().filter(lasts).copied().collect())
    }
}

/// What keeps a machine from being up.
#[derive(Clone, Debug, Default)]
struct Machine {
    /// It has not booted yet.
    unborn: Spans,
    /// It is down or paused.
    still: Spans,
    /// D8: its disk has lost what it promised, and its replicas are not built anew yet.
    harmed: Spans,
    /// Its syncs take too long, or none ends.
    slow: Spans,
    stalled: Spans,
}

/// What keeps a link from being connected.
#[derive(Clone, Debug, Default)]
struct Link {
    cut: Spans,
    /// It loses or delays too much.
    bad: Spans,
}

/// When links and machines were well.
#[derive(Debug)]
pub(crate) struct Watch {
    machines: Vec<Machine>,
    /// The link from machine `a` to machine `b` is entry `a * machines + b`.
    links: Vec<Link>,
}

impl Watch {
    pub(crate) fn new(machines: u16) -> Self {
        let machines = usize::from(machines);
        Watch {
            machines: vec![Machine::default(); machines],
            links: vec![Link::default(); machines * machines],
        }
    }

    /// All that is not well: when it begins and when it ends. `sync_ns` is the longest that a sync takes otherwise.
    fn ills(&self, sync_ns: u64) -> BTreeMap<u64, Vec<(Ill, bool)>> {
        let mut ills: BTreeMap<u64, Vec<(Ill, bool)>> = BTreeMap::new();
        let mut add = |ill, spans: &Spans| {
            for (begin_ns, end_ns) in &spans.0 {
                ills.entry(*begin_ns).or_default().push((ill, true));
                end_ns.iter().for_each(|end_ns| ills.entry(*end_ns).or_default().push((ill, false)));
            }
        };
        for (index, machine) in self.machines.iter().enumerate() {
            add(Ill::Machine(index), &machine.unborn);
            add(Ill::Machine(index), &machine.still.without_flaps());
            add(Ill::Machine(index), &machine.harmed);
            add(Ill::Machine(index), &machine.slow);
            let stalled = machine.stalled.longer_than(SYNCS_WITHIN_NS.saturating_sub(sync_ns));
            add(Ill::Machine(index), &stalled);
        }
        for (index, link) in self.links.iter().enumerate() {
            add(Ill::Link(index), &link.cut.without_flaps());
            add(Ill::Link(index), &link.bad);
        }
        ills
    }
}

/// What is not well.
#[derive(Clone, Copy, Debug)]
enum Ill {
    Machine(usize),
    Link(usize),
}

/// What is well at one moment: how much is wrong with each machine and each link.
struct Health {
    machines: Vec<u32>,
    links: Vec<u32>,
}

impl Health {
    fn take(&mut self, ill: Ill, begins: bool) {
        let count = match ill {
            Ill::Machine(machine) => &mut self.machines[machine],
            Ill::Link(link) => &mut self.links[link],
        };
        *count = if begins { *count + 1 } else { *count - 1 };
    }

    fn is_up(&self, machine: MachineId) -> bool {
        self.machines[usize::from(machine.0)] == 0
    }

    fn are_connected(&self, one: MachineId, other: MachineId) -> bool {
        let (one, other) = (usize::from(one.0), usize::from(other.0));
        let machines = self.machines.len();
        self.links[one * machines + other] == 0 && self.links[other * machines + one] == 0
    }

    fn has_quorum(&self, config: &Config, group: GroupId) -> bool {
        let wanted = usize::from(config.datacenters) / 2 + 1;
        let machines = (0..config.machines()).map(MachineId);
        machines.filter(|machine| self.is_up(*machine)).any(|machine| {
            let reaches = |other: &MachineId| self.is_up(*other) && self.are_connected(machine, *other);
            [group, config.system_group()].into_iter().all(|group| {
                let reached: Vec<MachineId> = config.replicas_of(group).filter(reaches).collect();
                self.are_pairwise_connected(&reached, wanted)
            })
        })
    }

    /// Whether `wanted` of these machines are connected pairwise. There are few replicas, so each choice is tried.
    fn are_pairwise_connected(&self, machines: &[MachineId], wanted: usize) -> bool {
        if wanted == 0 {
            return true;
        }
        (0..machines.len()).take_while(|i| machines.len() - i >= wanted).any(|i| {
            let (one, rest) = (machines[i], &machines[i + 1..]);
            let reached: Vec<MachineId> =
                rest.iter().copied().filter(|other| self.are_connected(one, *other)).collect();
            self.are_pairwise_connected(&reached, wanted - 1)
        })
    }
}

impl World<'_> {
    /// Machines, disks or links have changed: notes which are well.
    pub(crate) fn review_majorities(&mut self) {
        let (now_ns, hosts, net) = (self.now_ns, &self.hosts, &self.net);
        for (host, machine) in hosts.iter().zip(&mut self.watch.machines) {
            let is_born = host.life > 0;
            machine.unborn.see(!is_born, now_ns);
            machine.still.see(is_born && (host.machine.is_none() || !host.pauses.is_empty()), now_ns);
            machine.harmed.see(!host.harms.is_empty(), now_ns);
            machine.slow.see(host.syncs_within_ns() > SYNCS_WITHIN_NS, now_ns);
            machine.stalled.see(!host.stalls.is_empty(), now_ns);
        }
        let pairs = hosts.iter().flat_map(|from| hosts.iter().map(|to| (from.id, to.id)));
        for ((from, to), link) in pairs.zip(&mut self.watch.links) {
            link.cut.see(net.cut_by(from, to).is_some(), now_ns);
            link.bad.see(net.is_impaired(from, to), now_ns);
        }
    }

    /// The run is over: tells when each group had a quorum and when it had none.
    pub(crate) fn tell_majorities(&mut self) {
        let machines = self.watch.machines.len();
        let mut health = Health { machines: vec![0; machines], links: vec![0; machines * machines] };
        let mut known: BTreeMap<GroupId, bool> = BTreeMap::new();
        let mut told = Vec::new();
        let sync_ns = u64::from(self.plan.disk.sync_us_max) * 1_000;
        for (at_ns, ills) in self.watch.ills(sync_ns) {
            ills.into_iter().for_each(|(ill, begins)| health.take(ill, begins));
            for group in self.config.all_groups() {
                let connected = health.has_quorum(&self.config, group);
                if known.insert(group, connected).unwrap_or(false) != connected {
                    told.push((at_ns, What::Majority { group: group.0, connected }));
                }
            }
        }
        told.retain(|(at_ns, _)| *at_ns <= self.now_ns);
        self.record.outside_then(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn spans(of: &[(u64, u64)]) -> Spans {
        let mut spans = Spans::default();
        for (begin_s, end_s) in of {
            spans.see(true, begin_s * S);
            spans.see(false, end_s * S);
        }
        spans
    }

    fn merged(of: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let all = spans(of).without_flaps().0;
        all.iter().map(|(begin_ns, end_ns)| (begin_ns / S, end_ns.unwrap_or(u64::MAX) / S)).collect()
    }

    #[test]
    fn l2_what_flaps_is_cut_until_ten_seconds_after_the_last_time() {
        assert_eq!(merged(&[(10, 20)]), [(10, 20)], "a single cut ends when it ends");
        assert_eq!(merged(&[(10, 20), (29, 30)]), [(10, 40)]);
        assert_eq!(merged(&[(10, 20), (30, 31)]), [(10, 20), (30, 31)], "ten seconds apart");
        assert_eq!(merged(&[(10, 11), (12, 13), (14, 15), (50, 51)]), [(10, 25), (50, 51)]);
        assert_eq!(merged(&[(10, 20), (20, 30)]), [(10, 30)], "one after the other without a gap");
    }

    #[test]
    fn l2_a_short_stall_is_none() {
        assert_eq!(spans(&[(10, 11), (20, 30)]).longer_than(2 * S).0, [(20 * S, Some(30 * S))]);
    }
}
