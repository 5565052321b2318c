//! When machines were down or stood still: such time is none in which they could have done anything (R1).

use std::collections::{BTreeMap, VecDeque};

use super::spells::Thing;

/// How many times of each machine are told apart. Of older ones only how long they were together is known.
const SPELLS_MAX: usize = 64;

#[derive(Debug, Default)]
struct Still {
    /// How many faults hold it, and since when any does.
    holders: u32,
    since_ns: u64,
    /// What is over: from, until.
    past: VecDeque<(u64, u64)>,
    /// How long what is not told apart any more lasted.
    forgotten_ns: u64,
}

/// By machine.
#[derive(Debug, Default)]
pub(super) struct Stills(BTreeMap<u16, Still>);

impl Stills {
    /// A fault that holds these begins.
    pub(super) fn begin(&mut self, things: &[Thing], at_ns: u64) {
        for machine in machines(things) {
            let still = self.0.entry(machine).or_default();
            if still.holders == 0 {
                still.since_ns = at_ns;
            }
            still.holders += 1;
        }
    }

    /// A fault that held these ends.
    pub(super) fn end(&mut self, things: &[Thing], at_ns: u64) {
        for machine in machines(things) {
            let Some(still) = self.0.get_mut(&machine) else { continue };
            still.holders = still.holders.saturating_sub(1);
            if still.holders > 0 {
                continue;
            }
            if still.past.len() == SPELLS_MAX
                && let Some((since_ns, until_ns)) = still.past.pop_front()
            {
                still.forgotten_ns = still.forgotten_ns.saturating_add(until_ns - since_ns);
            }
            still.past.push_back((still.since_ns, at_ns.max(still.since_ns)));
        }
    }

    /// For how long at most a machine was down or stood still between these times, the latter of which is now.
    pub(super) fn lasted_ns(&self, machine: u16, since_ns: u64, now_ns: u64) -> u64 {
        let Some(still) = self.0.get(&machine) else { return 0 };
        let lasts = (still.holders > 0).then_some((still.since_ns, now_ns));
        let spells = still.past.iter().copied().chain(lasts);
        let lasted_ns =
            spells.map(|(from_ns, until_ns)| until_ns.saturating_sub(from_ns.max(since_ns))).sum::<u64>();
        let is_forgotten = still.past.front().is_some_and(|(first_ns, _)| *first_ns > since_ns);
        lasted_ns.saturating_add(if is_forgotten { still.forgotten_ns } else { 0 })
    }
}

fn machines(things: &[Thing]) -> impl Iterator<Item = u16> {
    things.iter().filter_map(|thing| match thing {
        Thing::Machine(machine) => Some(*machine),
        Thing::Link(..) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_stands_still_as_long_as_anything_holds_it() {
        let mut stills = Stills::default();
        let (one, both) = (&[Thing::Machine(1)][..], &[Thing::Machine(1), Thing::Machine(2)][..]);
        stills.begin(one, 10);
        stills.begin(both, 15);
        stills.end(one, 20);
        stills.end(both, 30);
        stills.begin(one, 50);
        assert_eq!((stills.lasted_ns(1, 0, 60), stills.lasted_ns(1, 25, 60)), (30, 15));
        assert_eq!((stills.lasted_ns(2, 0, 60), stills.lasted_ns(3, 0, 60)), (15, 0));
    }

    #[test]
    fn what_is_forgotten_lasted_as_long() {
        let mut stills = Stills::default();
        for at_ns in 0..1_000 {
            stills.begin(&[Thing::Machine(1)], 10 * at_ns);
            stills.end(&[Thing::Machine(1)], 10 * at_ns + 1);
        }
        assert_eq!(stills.lasted_ns(1, 0, 10_000), 1_000);
    }
}
