//! Rules that ordinary worlds give hardly any occasion to break. One that has none in a campaign was not tested by it.

use std::collections::{BTreeMap, BTreeSet};

use reveille_model::history::{History, ObjectName, RunOutcome, What};
use reveille_model::verdict::RuleId;
use reveille_sim::run::Outcome;

/// A rule or trap that needs an occasion.
#[derive(Debug)]
pub struct Occasion {
    /// Its id.
    pub rule: &'static str,
    /// When it has one, in a few words.
    pub when: &'static str,
    /// Whether a run gave it one.
    pub arose: fn(&Outcome) -> bool,
}

/// All that are counted.
pub const OCCASIONS: &[Occasion] = &[
    Occasion { rule: "R2", when: "an alarm is given up", arose: |it| judged(it, "R2") },
    Occasion { rule: "R7", when: "deleted in a run that fails", arose: |it| judged(it, "R7") },
    Occasion { rule: "O7", when: "an object is over a limit", arose: |it| judged(it, "O7") },
    Occasion { rule: "A9", when: "a constructor replaces its alarm", arose: |it| judged(it, "A9") },
    Occasion { rule: "A8", when: "set without alarm()", arose: |it| judged(it, "A8") },
    Occasion { rule: "F6", when: "a machine fails in a run", arose: |it| judged(it, "F6") },
    Occasion {
        rule: "X5",
        when: "given up, the services failing",
        arose: |it| is_lost_to_services(&it.history),
    },
];

/// Whether the checkers had occasion to judge a rule.
fn judged(outcome: &Outcome, rule: &'static str) -> bool {
    outcome.verdict.coverage.get(&RuleId(rule)).is_some_and(|coverage| coverage.occasions() > 0)
}

/// X5: whether an alarm was given up after its last run, and those before it, had called an outside service that refused or
/// failed.
fn is_lost_to_services(history: &History) -> bool {
    let retries_max = history.header.constants.retries_max;
    let mut callers: BTreeMap<u64, &ObjectName> = BTreeMap::new();
    let mut refused: BTreeSet<&ObjectName> = BTreeSet::new();
    // How many runs in a row have failed with a service, and which is the last.
    let mut failed: BTreeMap<&ObjectName, (u32, bool)> = BTreeMap::new();
    for event in &history.events {
        let object = event.by.as_ref().map(|by| &by.object);
        match (&event.what, object) {
            (What::Outbound { call, .. }, Some(object)) => _ = callers.insert(*call, object),
            (What::OutboundAnswer { call, status, .. }, _) if !matches!(status, Some(200..=299)) => {
                refused.extend(callers.get(call).copied());
            }
            (What::RunStart { retry_count, .. }, Some(object)) => {
                refused.remove(object);
                let so_far = failed.get(object).map_or(0, |(runs, _)| *runs);
                let runs = if *retry_count == 0 { 0 } else { so_far };
                failed.insert(object, (runs, *retry_count >= retries_max));
            }
            (What::RunEnd { outcome: RunOutcome::Failed { .. }, .. }, Some(object)) => {
                let (runs, is_last) = failed.entry(object).or_default();
                *runs += u32::from(refused.contains(object));
                if *is_last && *runs > retries_max {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}
