//! When an object could not be given its alarm although it was in memory: its input gate was closed, or its constructor ran
//! (SPEC.md, "Lateness"). Such time does not count, wherever it lies in the time that an alarm waits.
//!
//! ```text
//!  may start ──┬─ open ─┬─ closed ─┬─ open ─┬── closed ──┬─ open ─┬ alarm() starts
//!              └────────┘    +     └────────┘     +      └────────┘   = lateness
//! ```

use std::collections::VecDeque;

/// How many closed times are told apart. Of older ones only how long they were together is known.
const SPELLS_MAX: usize = 64;

/// One closed time, or several that are not told apart any more.
#[derive(Clone, Copy, Debug)]
struct Spell {
    since_ns: u64,
    until_ns: u64,
    /// How much of it was closed.
    closed_ns: u64,
}

/// The closed times of one object, in order, none within another.
#[derive(Debug, Default)]
pub(crate) struct Closed(VecDeque<Spell>);

impl Closed {
    /// It was closed from then on until now. What lay within that counts once.
    pub(crate) fn add(&mut self, since_ns: u64, until_ns: u64) {
        let mut since_ns = since_ns;
        while let Some(last) = self.0.back() {
            if last.since_ns < since_ns {
                since_ns = since_ns.max(last.until_ns);
                break;
            }
            self.0.pop_back();
        }
        if since_ns >= until_ns {
            return;
        }
        if self.0.len() == SPELLS_MAX
            && let (Some(first), Some(second)) = (self.0.pop_front(), self.0.pop_front())
        {
            let closed_ns = first.closed_ns.saturating_add(second.closed_ns);
            self.0.push_front(Spell { since_ns: first.since_ns, until_ns: second.until_ns, closed_ns });
        }
        self.0.push_back(Spell { since_ns, until_ns, closed_ns: until_ns - since_ns });
    }

    /// Nothing that waits from now on has waited before.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// When it will have been open for so long from that time on. At most that is counted: where it closes again later the
    /// time goes on.
    pub(crate) fn open_for(&self, from_ns: u64, for_ns: u64) -> u64 {
        let mut end_ns = from_ns.saturating_add(for_ns);
        for spell in &self.0 {
            if spell.since_ns > end_ns {
                break;
            }
            end_ns = end_ns.saturating_add(spell.after(from_ns));
        }
        end_ns
    }

    /// How long it was closed from that time on.
    pub(crate) fn since(&self, from_ns: u64) -> u64 {
        self.0.iter().map(|spell| spell.after(from_ns)).fold(0, u64::saturating_add)
    }
}

impl Spell {
    /// How much of it lies after that time, at most.
    fn after(&self, from_ns: u64) -> u64 {
        self.until_ns.saturating_sub(self.since_ns.max(from_ns)).min(self.closed_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(spells: &[(u64, u64)]) -> Closed {
        let mut closed = Closed::default();
        spells.iter().for_each(|(since_ns, until_ns)| closed.add(*since_ns, *until_ns));
        closed
    }

    #[test]
    fn only_open_time_counts() {
        let closed = of(&[(10, 20), (30, 50)]);
        assert_eq!(closed.open_for(0, 5), 5);
        assert_eq!(closed.open_for(0, 10), 20, "it closes as the time is over");
        assert_eq!(closed.open_for(15, 10), 30 + 20);
        assert_eq!(closed.open_for(60, 10), 70);
        assert_eq!((closed.since(0), closed.since(15), closed.since(45), closed.since(50)), (30, 25, 5, 0));
    }

    #[test]
    fn what_lies_within_another_counts_once() {
        assert_eq!(of(&[(10, 20), (5, 30)]).since(0), 25);
        assert_eq!(of(&[(5, 30), (10, 40)]).since(0), 35);
        assert_eq!(of(&[(5, 30), (10, 20)]).since(0), 25);
    }

    #[test]
    fn many_short_ones_are_not_one_long_one() {
        let closed = of(&(0..1_000).map(|n| (n * 100, n * 100 + 1)).collect::<Vec<_>>());
        assert_eq!(closed.0.len(), SPELLS_MAX);
        assert_eq!(closed.since(0), 1_000);
        assert!(closed.open_for(0, 500) < 2_000);
    }
}
