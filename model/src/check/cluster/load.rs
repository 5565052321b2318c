//! L3 promises a start within a moment up to a hundred alarms a second on a machine. How many there were is known late:
//! an alarm counts in the second in which it could have started, and that is seen only when it does start. So what is
//! late in calm, or was still to come when the run was over, is suspected first, and told at the end if its machine had no such
//! crowd.
//!
//! ```text
//!  ├── a second with more than a hundred ──┬── what is left of them, at a hundred a second ──┐
//!  ▲ from here on L3 promises nothing                                            until here ▲
//! ```

use crate::rules::Id;
use std::collections::BTreeMap;

use crate::check::report::Reports;
use crate::history::ObjectName;
use crate::reference::Mark;

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
}

/// A start that came after its bound.
#[derive(Debug)]
pub(in crate::check) struct Suspect {
    pub(in crate::check) machine: u16,
    /// From when it could have started, and until when it had to.
    pub(in crate::check) eligible_ns: u64,
    pub(in crate::check) not_after_ns: u64,
    pub(in crate::check) object: ObjectName,
    pub(in crate::check) at_ns: u64,
    pub(in crate::check) evidence: Vec<Mark>,
    pub(in crate::check) sentences: String,
}

impl Load {
    /// An alarm has started on that machine, or was still to start at the end of the run, that could have started then.
    pub(in crate::check) fn add(&mut self, machine: u16, eligible_ns: u64) {
        let tenths = self.machines.entry(machine).or_default();
        let tenth = eligible_ns / TENTH_NS;
        tenths.add(tenth);
        if self.suspects.is_empty() || !tenths.is_crowded(tenth, tenth.saturating_add(TENTHS_OF_A_SECOND)) {
            return;
        }
        for suspects in self.suspects.values_mut() {
            suspects.retain(|suspect| {
                suspect.machine != machine || !suspect.may_depend_on(tenth) || !suspect.is_in_crowd(tenths)
            });
        }
        self.suspects.retain(|_, suspects| !suspects.is_empty());
    }

    /// A start was late in calm: that breaks the rule, unless its machine had more alarms than L3 allows for.
    pub(in crate::check) fn suspect(&mut self, rule: Id, suspect: Suspect) {
        let tenths = self.machines.get(&suspect.machine);
        if tenths.is_some_and(|tenths| suspect.is_in_crowd(tenths)) {
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
            for Suspect { object, at_ns, evidence, sentences, .. } in suspects {
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

/// How many alarms could have started in each tenth of a second.
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

    /// The alarms of the second that ends in that tenth: whatever second that is, it is in these tenths.
    fn in_second_to(&self, tenth: u64) -> u64 {
        self.0.range(tenth.saturating_sub(TENTHS_OF_A_SECOND)..=tenth).map(|(_, count)| count).sum()
    }
}
