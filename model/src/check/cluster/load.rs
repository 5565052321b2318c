//! L3 promises a start within a moment up to a hundred alarms a second on a machine. How many there were is known late:
//! an alarm counts in the second in which it could have started, and that is seen only when it does start. So what is
//! late in calm, or was still to come when the run was over, is suspected first, and told at the end if its machine had no such
//! crowd.
//!
//! ```text
//!  ├── a second with more than a hundred ──┬── what is left of them, at a hundred a second ──┐
//!  ▲ from here on L3 promises nothing                                            until here ▲
//! ```
//!
//! Load: where the header names the `speed` of machines, every bound widens by what the work not yet begun on the machine takes,
//! once a second had more of it than half of what a machine can do: requests and answers that arrive there, and alarms.

use std::collections::BTreeMap;

use crate::check::report::Reports;
use crate::history::ObjectName;
use crate::reference::Mark;
use crate::rules::Id;

/// L3: up to so many alarms a second on one machine are promised to be on time.
const PER_SECOND_MAX: u64 = 100;

/// Alarms are counted by the tenth of a second in which they could have started.
const TENTH_NS: u64 = 100_000_000;
const TENTHS_OF_A_SECOND: u64 = 10;

/// How long before a moment a crowd can have come that is still worked off.
const CROWD_TENTHS_MAX: u64 = 600;

/// How many tenths with an alarm in them are remembered of each machine.
const TENTHS_MAX: usize = 8_192;

/// How many late starts of one rule are suspected at a time.
const SUSPECTS_PER_RULE_MAX: usize = 1_000;

/// How busy each machine was, and what is late unless its machine was too busy.
#[derive(Debug, Default)]
pub(in crate::check) struct Load {
    machines: BTreeMap<u16, Tenths>,
    /// By rule.
    suspects: BTreeMap<Id, Vec<Suspect>>,
    work: Work,
}

/// Load: what each machine had to do, where the history says how much one can do.
#[derive(Debug, Default)]
struct Work {
    /// Events a second.
    speed: Option<u64>,
    machines: BTreeMap<u16, Tenths>,
}

/// A start that came after its bound.
#[derive(Debug)]
pub(in crate::check) struct Suspect {
    pub(in crate::check) machine: u16,
    /// From when it could have started, and until when it had to.
    pub(in crate::check) eligible_ns: u64,
    pub(in crate::check) not_after_ns: u64,
    /// L3, L4: whether nothing was at work, so that the number of alarms decides.
    pub(in crate::check) is_calm: bool,
    pub(in crate::check) object: ObjectName,
    pub(in crate::check) at_ns: u64,
    pub(in crate::check) evidence: Vec<Mark>,
    pub(in crate::check) sentences: String,
}

impl Load {
    pub(in crate::check) fn new(speed: Option<u64>) -> Self {
        Load { work: Work { speed, ..Work::default() }, ..Load::default() }
    }

    /// Load: a request, or an answer of a service, arrives on that machine.
    pub(in crate::check) fn arrives(&mut self, machine: u16, at_ns: u64) {
        self.work.add(machine, at_ns);
    }

    /// Load: whether a bound may widen, since machines can do only so much.
    pub(in crate::check) fn may_widen(&self) -> bool {
        self.work.speed.is_some()
    }

    /// Load: by how much a bound widens, on whichever machine it does most, for what waits from one time to another.
    pub(in crate::check) fn widest_ns(&self, from_ns: u64, until_ns: u64) -> u64 {
        let machines = self.work.machines.keys();
        machines.map(|machine| self.work.widening_ns(*machine, from_ns, until_ns)).max().unwrap_or(0)
    }

    /// An alarm has started on that machine, or was still to start at the end of the run, that could have started then.
    pub(in crate::check) fn add(&mut self, machine: u16, eligible_ns: u64) {
        self.work.add(machine, eligible_ns);
        let tenths = self.machines.entry(machine).or_default();
        let tenth = eligible_ns / TENTH_NS;
        tenths.add(tenth);
        if self.suspects.is_empty() || !tenths.is_crowded(tenth, tenth.saturating_add(TENTHS_OF_A_SECOND)) {
            return;
        }
        for suspects in self.suspects.values_mut() {
            suspects.retain(|suspect| {
                suspect.machine != machine
                    || !suspect.is_calm
                    || !suspect.may_depend_on(tenth)
                    || !suspect.is_in_crowd(tenths)
            });
        }
        self.suspects.retain(|_, suspects| !suspects.is_empty());
    }

    /// A start was late: that breaks the rule, unless its machine had more to do than it can, or in calm more alarms than L3 allows
    /// for.
    pub(in crate::check) fn suspect(&mut self, rule: Id, suspect: Suspect) {
        let tenths = self.machines.get(&suspect.machine);
        if suspect.is_calm && tenths.is_some_and(|tenths| suspect.is_in_crowd(tenths)) {
            return;
        }
        let suspects = self.suspects.entry(rule).or_default();
        if suspects.len() < SUSPECTS_PER_RULE_MAX {
            suspects.push(suspect);
        }
    }

    /// The history is over, and no alarm is counted any more.
    pub(in crate::check) fn tell(&mut self, reports: &mut Reports) {
        for (rule, suspects) in std::mem::take(&mut self.suspects) {
            for suspect in suspects {
                let Suspect { machine, eligible_ns, not_after_ns, .. } = suspect;
                let widening_ns = self.work.widening_ns(machine, eligible_ns, not_after_ns);
                let Suspect { object, at_ns, evidence, sentences, .. } = suspect;
                if at_ns <= not_after_ns.saturating_add(widening_ns) && widening_ns > 0 {
                    continue;
                }
                reports.add(rule, Some(&object), at_ns, &evidence, sentences);
            }
        }
    }
}

impl Suspect {
    /// Whether an alarm of that tenth can make a difference to it.
    fn may_depend_on(&self, tenth: u64) -> bool {
        let first = (self.eligible_ns / TENTH_NS).saturating_sub(CROWD_TENTHS_MAX + TENTHS_OF_A_SECOND);
        (first..=self.not_after_ns / TENTH_NS).contains(&tenth)
    }

    fn is_in_crowd(&self, tenths: &Tenths) -> bool {
        tenths.is_crowded(self.eligible_ns / TENTH_NS, self.not_after_ns / TENTH_NS)
    }
}

impl Work {
    fn add(&mut self, machine: u16, at_ns: u64) {
        if self.speed.is_some() {
            self.machines.entry(machine).or_default().add(at_ns / TENTH_NS);
        }
    }

    /// By how much a bound widens for what waits on that machine from one time to another: by what the work not yet begun there
    /// takes, where in some second there was more than half of what it can do.
    fn widening_ns(&self, machine: u16, from_ns: u64, until_ns: u64) -> u64 {
        let Some((speed, tenths)) = self.speed.zip(self.machines.get(&machine)) else { return 0 };
        let rest = tenths.most_not_begun(speed.max(1), from_ns / TENTH_NS, until_ns / TENTH_NS);
        let ns = u128::from(rest) * 1_000_000_000 / u128::from(speed.max(1));
        u64::try_from(ns).unwrap_or(u64::MAX)
    }
}

/// How many alarms could have started, or how much there was to do, in each tenth of a second.
#[derive(Debug, Default)]
struct Tenths(BTreeMap<u64, u64>);

impl Tenths {
    fn add(&mut self, tenth: u64) {
        *self.0.entry(tenth).or_default() += 1;
        if self.0.len() > TENTHS_MAX {
            self.forget_farthest_from(tenth);
        }
    }

    fn forget_farthest_from(&mut self, tenth: u64) {
        let distance = |entry: Option<(&u64, &u64)>| entry.map_or(0, |(other, _)| other.abs_diff(tenth));
        if distance(self.0.first_key_value()) >= distance(self.0.last_key_value()) {
            self.0.pop_first();
        } else {
            self.0.pop_last();
        }
    }

    /// Whether at some time between these there was a crowd, or the rest of one was worked off.
    fn is_crowded(&self, from: u64, until: u64) -> bool {
        let (mut rest, mut last, mut is_crowd) = (0_u64, 0, false);
        for (tenth, count) in self.0.range(from.saturating_sub(CROWD_TENTHS_MAX)..=until.max(from)) {
            rest = rest.saturating_sub((tenth - last).saturating_mul(PER_SECOND_MAX / TENTHS_OF_A_SECOND));
            is_crowd = (is_crowd && rest > 0) || self.in_second_to(*tenth) > PER_SECOND_MAX;
            (rest, last) = (rest.saturating_add(*count), *tenth);
            let worked_off = tenth.saturating_add(rest.div_ceil(PER_SECOND_MAX / TENTHS_OF_A_SECOND));
            if is_crowd && worked_off >= from {
                return true;
            }
        }
        false
    }

    /// Load: how much was not begun at most at some time between these, by a machine that does so much a second; nothing if no second
    /// had more than half of that, or what it had was done before.
    fn most_not_begun(&self, speed: u64, from: u64, until: u64) -> u64 {
        // In tenths of an event, so that a tenth of a second does a whole number of them.
        let (mut rest, mut last, mut is_busy, mut most) = (0_u64, 0, false, 0);
        for (tenth, count) in self.0.range(from.saturating_sub(CROWD_TENTHS_MAX)..=until.max(from)) {
            rest = rest.saturating_sub((tenth - last).saturating_mul(speed));
            is_busy = (is_busy && rest > 0) || self.in_second_to(*tenth).saturating_mul(2) > speed;
            (rest, last) = (rest.saturating_add(count.saturating_mul(TENTHS_OF_A_SECOND)), *tenth);
            let worked_off = tenth.saturating_add(rest.div_ceil(speed));
            if is_busy && worked_off >= from {
                most = most.max(rest);
            }
        }
        most.div_ceil(TENTHS_OF_A_SECOND)
    }

    /// The alarms of the second that ends in that tenth: whatever second that is, it is in these tenths.
    fn in_second_to(&self, tenth: u64) -> u64 {
        self.0.range(tenth.saturating_sub(TENTHS_OF_A_SECOND)..=tenth).map(|(_, count)| count).sum()
    }
}
