//! Failures as the rules of L count them: when each began and ended, and which moments are changes. Links that are cut again
//! less than 10 s after they were whole, and machines that go down or stand still again as soon, are cut or down all the time,
//! until 10 s after the last, with no change between (L2).
//!
//! ```text
//!  cut ── whole ── cut ── whole ──────── 10 s ──┐
//!  ▲ change    < 10 s     no change             ▲ change
//! ```
//!
//! A cut that no other follows ends when it ends. Only so many failures are remembered. It knows no machine that serves
//! anything, and no bound.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::nature::Holds;
use crate::history::Scope;

/// L2: what is struck again within this is struck all the time.
const FLAPS_WITHIN_NS: u64 = 10_000_000_000;

/// How many failures, and how many ends of faults, are remembered.
const SPELLS_MAX: usize = 1_024;

/// A fault that cuts more links than this is not looked at link by link.
const LINKS_MAX: usize = 10_000;

/// What a fault is for the rules of L.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Class {
    /// L1: a machine, a process, a leader or a datacenter goes.
    Single,
    /// L3: messages are lost. No failure of anything.
    Loss,
    /// A failure that L1 does not name: a partition, slow links, a disk.
    Other,
}

/// Something that is down or cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::check) enum Thing {
    /// A machine is down or stands still.
    Machine(u16),
    /// A link in one direction is cut.
    Link(u16, u16),
}

impl Thing {
    /// What a fault takes down or cuts, as far as that is told link by link.
    pub(in crate::check) fn of(holds: Holds, scope: &Scope, datacenter_of: &[u16]) -> Vec<Thing> {
        let machines = || (0..=u16::MAX).zip(datacenter_of);
        let (inside, outside): (Vec<u16>, Vec<u16>) = match scope {
            _ if holds == Holds::Nothing => return Vec::new(),
            Scope::Machine(machine) if holds == Holds::Machines => return vec![Thing::Machine(*machine)],
            Scope::Datacenter(datacenter) if holds == Holds::Machines => {
                let inside = machines().filter(|(_, of)| *of == datacenter);
                return inside.map(|(machine, _)| Thing::Machine(machine)).collect();
            }
            Scope::Links { from, to } => {
                if from.len().saturating_mul(to.len()) > LINKS_MAX {
                    return Vec::new();
                }
                let links = from.iter().flat_map(|from| to.iter().map(|to| Thing::Link(*from, *to)));
                return links.collect();
            }
            Scope::Machine(cut) => machines().map(|(machine, _)| machine).partition(|machine| machine == cut),
            Scope::Datacenter(cut) => {
                let (inside, outside): (Vec<_>, Vec<_>) = machines().partition(|(_, of)| *of == cut);
                let ids = |machines: Vec<(u16, &u16)>| machines.into_iter().map(|(id, _)| id).collect();
                (ids(inside), ids(outside))
            }
            Scope::Network | Scope::Service(_) => return Vec::new(),
        };
        if inside.len().saturating_mul(outside.len()) > LINKS_MAX {
            return Vec::new();
        }
        let pairs = inside.iter().flat_map(|one| outside.iter().map(|other| (*one, *other)));
        pairs.flat_map(|(one, other)| [Thing::Link(one, other), Thing::Link(other, one)]).collect()
    }
}

/// One failure, however many faults it is made of.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Spell {
    pub(in crate::check) class: Class,
    pub(in crate::check) begun_ns: u64,
    /// Later than anything while it lasts.
    pub(in crate::check) ended_ns: u64,
    /// L1: whether no other failure was at work when it began, or shortly before.
    pub(in crate::check) is_alone: bool,
    /// The end of what it was made of so far.
    until_ns: u64,
    /// The latest end of this one and all before it.
    all_ended_ns: u64,
}

/// What has become of a thing that was struck.
#[derive(Clone, Copy, Debug)]
struct State {
    /// How many faults hold it.
    holders: u32,
    /// Which failure it is part of.
    spell: u64,
    /// The end of the last of these faults, where the end of the thing stands now; and whether it was struck again before.
    ended_ns: u64,
    change_ns: u64,
    is_flapping: bool,
}

/// A fault that is at work.
#[derive(Debug)]
struct Holding {
    things: Vec<Thing>,
    spells: BTreeSet<u64>,
}

/// The failures of a run.
#[derive(Debug, Default)]
pub(in crate::check) struct Spells {
    recent: VecDeque<Spell>,
    /// The number of the first of those.
    first: u64,
    /// All that is not remembered any more was over by then, or is taken for it.
    pub(in crate::check) forgotten_ns: Option<u64>,
    /// When something ended, in order, with how many things did.
    ends: VecDeque<(u64, u32)>,
    holding: BTreeMap<u32, Holding>,
    things: BTreeMap<Thing, State>,
}

impl Spells {
    /// A fault begins. `alone_within_ns` is how long before it nothing may have been at work for L1.
    pub(in crate::check) fn begin(
        &mut self,
        fault: u32,
        class: Class,
        things: Vec<Thing>,
        at_ns: u64,
        alone_within_ns: u64,
    ) {
        let mut spells = BTreeSet::new();
        let mut is_new = things.is_empty();
        for thing in &things {
            let Some(state) = self.things.get_mut(thing).filter(|state| state.is_struck(at_ns)) else {
                is_new = true;
                continue;
            };
            let (spell, change_ns) = (state.spell, state.change_ns);
            if state.holders == 0 {
                // It was no end: the thing flaps.
                state.is_flapping = true;
                self.take_back(change_ns);
            }
            spells.insert(spell);
        }
        if is_new {
            let is_alone = class == Class::Single && self.is_calm_before(at_ns, alone_within_ns);
            spells.insert(self.push(Spell {
                class,
                begun_ns: at_ns,
                ended_ns: u64::MAX,
                is_alone,
                until_ns: 0,
                all_ended_ns: u64::MAX,
            }));
        }
        for spell in &spells {
            if let Some(known) = self.spell_mut(*spell).filter(|known| known.class != class) {
                known.class = Class::Other;
            }
            self.ends_at(*spell, u64::MAX);
        }
        let own = spells.last().copied().unwrap_or_default();
        for thing in &things {
            let fresh = State { holders: 0, spell: own, ended_ns: 0, change_ns: 0, is_flapping: false };
            let state = self.things.entry(*thing).or_insert(fresh);
            if !state.is_struck(at_ns) {
                *state = fresh;
            }
            state.holders += 1;
        }
        self.holding.insert(fault, Holding { things, spells });
    }

    /// A fault ends.
    pub(in crate::check) fn end(&mut self, fault: u32, at_ns: u64) {
        let Some(Holding { things, spells }) = self.holding.remove(&fault) else { return };
        let mut until_ns = at_ns;
        if things.is_empty() {
            self.push_end(at_ns);
        }
        for thing in things {
            let Some(state) = self.things.get_mut(&thing) else { continue };
            state.holders = state.holders.saturating_sub(1);
            if state.holders > 0 {
                continue;
            }
            state.ended_ns = at_ns;
            let wait_ns = if state.is_flapping { FLAPS_WITHIN_NS } else { 0 };
            state.change_ns = at_ns.saturating_add(wait_ns);
            until_ns = until_ns.max(state.change_ns);
            let change_ns = state.change_ns;
            self.push_end(change_ns);
        }
        for spell in spells {
            let is_held = self.holding.values().any(|holding| holding.spells.contains(&spell));
            let Some(known) = self.spell_mut(spell) else { continue };
            known.until_ns = known.until_ns.max(until_ns);
            let until_ns = known.until_ns;
            if !is_held {
                self.ends_at(spell, until_ns);
            }
        }
        if self.things.len() > LINKS_MAX {
            self.things.retain(|_, state| state.is_struck(at_ns));
        }
    }

    /// The failures that were not over before that time, the oldest first.
    pub(in crate::check) fn since(&self, since_ns: u64) -> impl Iterator<Item = &Spell> {
        let first = self.recent.partition_point(|spell| spell.all_ended_ns < since_ns);
        self.recent.range(first..).filter(move |spell| spell.ended_ns >= since_ns)
    }

    /// When something has ended, from that time on, in order.
    pub(in crate::check) fn ends_since(&self, since_ns: u64) -> impl Iterator<Item = u64> {
        let first = self.ends.partition_point(|(at_ns, _)| *at_ns < since_ns);
        self.ends.range(first..).map(|(at_ns, _)| *at_ns)
    }

    /// L2: the last change, as far as it is known now.
    pub(in crate::check) fn changed_ns(&self) -> u64 {
        let begun_ns = self.recent.back().map_or(0, |spell| spell.begun_ns);
        begun_ns.max(self.ends.back().map_or(0, |(at_ns, _)| *at_ns))
    }

    fn is_calm_before(&self, at_ns: u64, within_ns: u64) -> bool {
        self.since(at_ns.saturating_sub(within_ns)).all(|spell| spell.class == Class::Loss)
    }

    fn push(&mut self, spell: Spell) -> u64 {
        if self.recent.len() == SPELLS_MAX
            && let Some(forgotten) = self.recent.pop_front()
        {
            self.first += 1;
            let ended_ns = if forgotten.ended_ns == u64::MAX { spell.begun_ns } else { forgotten.ended_ns };
            self.forgotten_ns = self.forgotten_ns.max(Some(ended_ns));
        }
        self.recent.push_back(spell);
        self.first + self.recent.len() as u64 - 1
    }

    fn spell_mut(&mut self, spell: u64) -> Option<&mut Spell> {
        self.recent.get_mut(usize::try_from(spell.checked_sub(self.first)?).ok()?)
    }

    /// A failure ends then, or goes on.
    fn ends_at(&mut self, spell: u64, ended_ns: u64) {
        let Some(index) = spell.checked_sub(self.first).and_then(|index| usize::try_from(index).ok()) else {
            return;
        };
        let mut all_ended_ns = index.checked_sub(1).map_or(0, |before| self.recent[before].all_ended_ns);
        if let Some(spell) = self.recent.get_mut(index) {
            spell.ended_ns = ended_ns;
        }
        for spell in self.recent.iter_mut().skip(index) {
            all_ended_ns = all_ended_ns.max(spell.ended_ns);
            spell.all_ended_ns = all_ended_ns;
        }
    }

    fn push_end(&mut self, at_ns: u64) {
        let position = self.ends.partition_point(|(known_ns, _)| *known_ns < at_ns);
        match self.ends.get_mut(position).filter(|(known_ns, _)| *known_ns == at_ns) {
            Some((_, things)) => *things += 1,
            None => self.ends.insert(position, (at_ns, 1)),
        }
        if self.ends.len() > SPELLS_MAX {
            let forgotten = self.ends.pop_front().map(|(at_ns, _)| at_ns);
            self.forgotten_ns = self.forgotten_ns.max(forgotten);
        }
    }

    fn take_back(&mut self, at_ns: u64) {
        let position = self.ends.partition_point(|(known_ns, _)| *known_ns < at_ns);
        let Some((_, things)) = self.ends.get_mut(position).filter(|(known_ns, _)| *known_ns == at_ns) else {
            return;
        };
        *things -= 1;
        if *things == 0 {
            self.ends.remove(position);
        }
    }
}

impl State {
    /// Whether what begins to strike it now goes on with what struck it before.
    fn is_struck(&self, at_ns: u64) -> bool {
        self.holders > 0 || at_ns.saturating_sub(self.ended_ns) < FLAPS_WITHIN_NS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    /// Links or machines that are struck and well again, in seconds: when the changes were, and how many failures there were.
    fn changes(of: &[(&[Thing], u64, u64)]) -> (Vec<u64>, usize) {
        let mut steps: Vec<(u64, bool, u32)> = Vec::new();
        for (fault, (_, begin_s, end_s)) in (0..).zip(of) {
            steps.extend([(*begin_s, true, fault), (*end_s, false, fault)]);
        }
        steps.sort_unstable();
        let mut spells = Spells::default();
        for (at_s, begins, fault) in steps {
            if begins {
                spells.begin(fault, Class::Other, of[fault as usize].0.to_vec(), at_s * S, 60 * S);
            } else {
                spells.end(fault, at_s * S);
            }
        }
        let begun = spells.since(0).map(|spell| spell.begun_ns);
        let mut changes: Vec<u64> = begun.chain(spells.ends_since(0)).map(|at_ns| at_ns / S).collect();
        changes.sort_unstable();
        (changes, spells.since(0).count())
    }

    #[test]
    fn l2_a_cut_that_comes_back_within_ten_seconds_is_one_cut() {
        let link: &[Thing] = &[Thing::Link(0, 1)];
        assert_eq!(changes(&[(link, 10, 20)]), (vec![10, 20], 1), "a single cut ends when it ends");
        assert_eq!(changes(&[(link, 10, 20), (link, 29, 30)]), (vec![10, 40], 1));
        assert_eq!(changes(&[(link, 10, 20), (link, 30, 31)]), (vec![10, 20, 30, 31], 2));
        assert_eq!(changes(&[(link, 10, 11), (link, 12, 13), (link, 14, 15)]), (vec![10, 25], 1));
        let back: &[Thing] = &[Thing::Link(1, 0)];
        assert_eq!(
            changes(&[(link, 10, 20), (back, 25, 30)]),
            (vec![10, 20, 25, 30], 2),
            "the other direction"
        );
    }

    #[test]
    fn l2_only_what_is_struck_again_flaps() {
        let (one, both): (&[Thing], &[Thing]) =
            (&[Thing::Machine(1)], &[Thing::Machine(1), Thing::Machine(2)]);
        assert_eq!(
            changes(&[(both, 10, 20), (one, 25, 30)]),
            (vec![10, 20, 40], 1),
            "machine 2 is back at 20"
        );
        assert_eq!(
            changes(&[(one, 10, 20), (both, 25, 30)]),
            (vec![10, 25, 30, 40], 2),
            "machine 2 goes at 25"
        );
        assert_eq!(changes(&[(one, 10, 20), (one, 15, 30)]), (vec![10, 30], 1), "it was down all the time");
        let (slow, machine): (&[Thing], &[Thing]) = (&[], &[Thing::Machine(1)]);
        assert_eq!(
            changes(&[(slow, 10, 20), (slow, 25, 30)]),
            (vec![10, 20, 25, 30], 2),
            "a slow disk is none"
        );
        assert_eq!(changes(&[(machine, 10, 20), (slow, 25, 30)]), (vec![10, 20, 25, 30], 2));
    }
}
