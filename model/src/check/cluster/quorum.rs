//! Who has a quorum (L2): while the group of an object has none no bound of time runs for it, and one that did not run starts
//! anew. Where a history tells of majorities but not whose object is whose, each counts for every object. Where it tells of
//! none nobody has one while half or more of the machines, or of the datacenters, are struck or cut off.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How many times without a quorum are remembered of each group.
const ABSENCES_MAX: usize = 512;

/// A time without a quorum; it has no end yet, or ended just before `back_ns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) struct Absence {
    pub(in crate::check) since_ns: u64,
    pub(in crate::check) back_ns: Option<u64>,
}

/// The times without a quorum, in order.
#[derive(Debug, Default)]
struct Absences {
    recent: VecDeque<Absence>,
    /// The end of those that are not remembered any more.
    forgotten_ns: u64,
}

impl Absences {
    fn is_absent(&self) -> bool {
        self.recent.back().is_some_and(|last| last.back_ns.is_none())
    }

    fn see(&mut self, is_there: bool, at_ns: u64) {
        if is_there != self.is_absent() {
            return;
        }
        if is_there {
            if let Some(last) = self.recent.back_mut() {
                last.back_ns = Some(at_ns);
            }
            return;
        }
        if self.recent.len() == ABSENCES_MAX {
            let forgotten = self.recent.pop_front().and_then(|first| first.back_ns);
            self.forgotten_ns = forgotten.unwrap_or(self.forgotten_ns);
        }
        self.recent.push_back(Absence { since_ns: at_ns, back_ns: None });
    }

    /// Those that were not over at that time.
    fn after(&self, at_ns: u64) -> impl Iterator<Item = Absence> {
        let is_over = |absence: &Absence| absence.back_ns.is_some_and(|back_ns| back_ns <= at_ns);
        let forgotten =
            (at_ns < self.forgotten_ns).then_some(Absence { since_ns: 0, back_ns: Some(self.forgotten_ns) });
        let first = self.recent.partition_point(is_over);
        forgotten.into_iter().chain(self.recent.range(first..).copied())
    }
}

/// The quorums of a run.
#[derive(Debug, Default)]
pub(in crate::check) struct Quorums {
    groups: BTreeMap<u16, Absences>,
    /// The group of each slice.
    group_of: BTreeMap<u16, u16>,
    /// The group that no object belongs to.
    system_group: Option<u16>,
    /// Where no majorities are told: while half or more of what there is was out.
    half_out: Absences,
    without: BTreeSet<u16>,
    /// When a group last had one again.
    back_ns: u64,
}

impl Quorums {
    pub(in crate::check) fn new(system_group: Option<u16>) -> Self {
        Quorums { system_group, ..Quorums::default() }
    }

    /// A group has a quorum from now on, or has none.
    pub(in crate::check) fn see(&mut self, group: u16, connected: bool, at_ns: u64) {
        self.groups.entry(group).or_default().see(connected, at_ns);
        if !connected {
            self.without.insert(group);
        } else if self.without.remove(&group) {
            self.back_ns = at_ns;
        }
    }

    /// A slice belongs to a group.
    pub(in crate::check) fn belongs(&mut self, slice: u16, group: u16) {
        if Some(group) != self.system_group {
            self.group_of.insert(slice, group);
        }
    }

    /// Half or more of the machines or datacenters are out from now on, or are not.
    pub(in crate::check) fn half_is_out(&mut self, is_out: bool, at_ns: u64) {
        self.half_out.see(!is_out, at_ns);
    }

    /// Whether every group has a quorum.
    pub(in crate::check) fn is_everywhere(&self) -> bool {
        if self.groups.is_empty() { !self.half_out.is_absent() } else { self.without.is_empty() }
    }

    /// Since when the objects of a slice have a quorum, as far as they were ever without; none if they are.
    pub(in crate::check) fn there_since_ns(&self, slice: Option<u16>) -> Option<u64> {
        let absences = self.absences(slice, 0);
        let backs: Option<Vec<u64>> = absences.into_iter().map(|absence| absence.back_ns).collect();
        Some(backs?.into_iter().max().unwrap_or(0))
    }

    /// When a group last had a quorum again.
    pub(in crate::check) fn back_ns(&self) -> u64 {
        self.back_ns
    }

    /// When the objects of a slice, or of any if that is not known, had no quorum, from that time on, in order.
    pub(in crate::check) fn absences(&self, slice: Option<u16>, from_ns: u64) -> Vec<Absence> {
        if self.groups.is_empty() {
            return self.half_out.after(from_ns).collect();
        }
        let group = slice.and_then(|slice| self.group_of.get(&slice));
        if let Some(absences) = group.and_then(|group| self.groups.get(group)) {
            return absences.after(from_ns).collect();
        }
        let mut all: Vec<Absence> =
            self.groups.values().flat_map(|absences| absences.after(from_ns)).collect();
        all.sort_by_key(|absence| absence.since_ns);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_the_quorum_of_its_group() {
        let mut quorums = Quorums::new(Some(9));
        quorums.belongs(4, 1);
        quorums.belongs(5, 2);
        quorums.see(2, true, 0);
        quorums.see(1, false, 10);
        quorums.see(1, true, 20);
        let absence = Absence { since_ns: 10, back_ns: Some(20) };
        assert_eq!(quorums.absences(Some(4), 0), [absence]);
        assert_eq!(quorums.absences(Some(4), 20), []);
        assert_eq!(quorums.absences(Some(5), 0), []);
        assert_eq!(quorums.absences(None, 15), [absence], "whose is whose is not known");
    }

    #[test]
    fn what_is_forgotten_was_no_quorum() {
        let mut quorums = Quorums::new(None);
        for at_ns in 0..2_000 {
            quorums.see(1, at_ns % 2 == 0, at_ns);
        }
        let first = quorums.absences(None, 5).first().copied().expect("some are forgotten");
        assert_eq!(first.since_ns, 0);
        assert!(first.back_ns.is_some_and(|back_ns| back_ns > 900));
    }
}
