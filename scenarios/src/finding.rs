//! What a run is told for: a broken promise, or that it did not end as a run should.

use std::collections::{BTreeMap, BTreeSet};

use reveille_sim::run::{MachinePanic, Outcome, RunEnd};

use crate::signature::Signature;
use crate::story::seconds;

/// The finding for a run that had no end.
pub const STUCK: &str = "stuck";

/// Something that was found in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule, or `panic`, `harness-panic`, `livelock`, `standstill`, `stuck`.
    pub rule: String,
    /// What happened, in sentences.
    pub sentences: String,
    /// Its position among the violations of the verdict, if it is one of these.
    pub violation: Option<usize>,
}

impl Finding {
    /// The rule and the kind of cause.
    pub fn signature(&self) -> Signature {
        Signature::new(&self.rule, &self.sentences)
    }
}

/// What was found in a run: one finding a rule, the first of each. Panics and how the run ended come first.
pub fn of(outcome: &Outcome) -> Vec<Finding> {
    let mut rules = BTreeSet::new();
    all(outcome).into_iter().filter(|finding| rules.insert(finding.rule.clone())).collect()
}

/// The first finding of a run with this signature.
pub fn with(outcome: &Outcome, signature: &Signature) -> Option<Finding> {
    all(outcome).into_iter().find(|finding| finding.signature() == *signature)
}

/// Everything that was found in a run: panics and how it ended, then broken rules in the order in which they were found.
fn all(outcome: &Outcome) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut add = |rule: &str, sentences: String| {
        findings.push(Finding { rule: rule.to_owned(), sentences, violation: None });
    };
    for panic in &outcome.panics {
        add("panic", panicked(panic, outcome.panics.len()));
    }
    match &outcome.end {
        RunEnd::Completed | RunEnd::Stopped => {}
        RunEnd::Panicked { message, location, at_ns } => {
            let at = seconds(*at_ns);
            add(
                "harness-panic",
                format!("The simulated world itself panicked at {at}: {message} ({location})."),
            );
        }
        RunEnd::Livelock { events } => {
            add(
                "livelock",
                format!(
                    "The run did not end within {events} events, far more than its plan needs: something is done again \
                     and again for ever."
                ),
            );
        }
        RunEnd::Standstill { at_ns, events } => {
            let at = seconds(*at_ns);
            add(
                "standstill",
                format!(
                    "Virtual time stands still at {at}: {events} events happened there, and more follow."
                ),
            );
        }
        RunEnd::Stuck { after_s } => {
            add(STUCK, format!("The run was given up after {after_s} s: some code loops without an end."));
        }
    }
    let violations = outcome.verdict.violations.iter().enumerate();
    findings.extend(violations.map(|(position, violation)| Finding {
        rule: violation.rule.0.to_owned(),
        sentences: violation.sentences.clone(),
        violation: Some(position),
    }));
    findings
}

/// A machine that panicked, one of so many panics in the run.
fn panicked(panic: &MachinePanic, panics: usize) -> String {
    let MachinePanic { machine, at_ns, message, location } = panic;
    let at = seconds(*at_ns);
    format!(
        "Machine {machine} panicked at {at}: {message} ({location}). Its process was lost as in a crash and the run went \
         on. Panics in this run: {panics}."
    )
}

/// Findings of many runs, by rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catch(BTreeMap<String, Caught>);

/// The findings of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caught {
    /// How many seeds showed it.
    pub seeds: u64,
    /// The lowest of them.
    pub first_seed: u64,
    /// What happened there.
    pub sentences: String,
}

impl Catch {
    /// Adds what was found with a seed.
    pub fn add(&mut self, seed: u64, findings: Vec<Finding>) {
        for Finding { rule, sentences, .. } in findings {
            match self.0.get_mut(&rule) {
                None => _ = self.0.insert(rule, Caught { seeds: 1, first_seed: seed, sentences }),
                Some(caught) => {
                    caught.seeds += 1;
                    if seed < caught.first_seed {
                        (caught.first_seed, caught.sentences) = (seed, sentences);
                    }
                }
            }
        }
    }

    /// By rule.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Caught)> {
        self.0.iter().map(|(rule, caught)| (rule.as_str(), caught))
    }

    /// Whether anything was found for the rule.
    pub fn has(&self, rule: &str) -> bool {
        self.0.contains_key(rule)
    }
}

#[cfg(test)]
mod tests {
    use reveille_sim::run::{Look, run_with};

    use super::*;
    use crate::scenarios::cron::SCENARIO;

    /// What is told of a run that was clean, but ended like this, and in which machines panicked at these seconds.
    fn told(end: RunEnd, panics: &[u64]) -> Vec<(String, String)> {
        let look = Look { trace: false, until_ms: Some(1_000) };
        let mut outcome = run_with(&SCENARIO.plan(0), SCENARIO.classes, look);
        outcome.end = end;
        outcome.panics.extend(panics.iter().map(|second| MachinePanic {
            machine: 4,
            at_ns: second * 1_000_000_000,
            message: "no row".to_owned(),
            location: "store.rs:7:9".to_owned(),
        }));
        of(&outcome).into_iter().map(|finding| (finding.rule, finding.sentences)).collect()
    }

    fn finding(rule: &str, sentences: &str) -> (String, String) {
        (rule.to_owned(), sentences.to_owned())
    }

    #[test]
    fn machines_that_panic_are_one_finding_beside_that_of_the_end() {
        assert_eq!(told(RunEnd::Completed, &[]), []);
        let panicked = |times: u64| {
            let sentences = format!(
                "Machine 4 panicked at 3.000 s: no row (store.rs:7:9). Its process was lost as in a crash and the run \
                 went on. Panics in this run: {times}."
            );
            finding("panic", &sentences)
        };
        assert_eq!(told(RunEnd::Completed, &[3]), [panicked(1)]);
        let of_the_world = RunEnd::Panicked {
            message: "no time".to_owned(),
            location: "world.rs:1:2".to_owned(),
            at_ns: 9_000_000_000,
        };
        assert_eq!(
            told(of_the_world, &[3, 5]),
            [
                panicked(2),
                finding(
                    "harness-panic",
                    "The simulated world itself panicked at 9.000 s: no time (world.rs:1:2)."
                ),
            ]
        );
    }

    #[test]
    fn a_run_that_gets_nowhere_says_how() {
        let at_ns = 12_500_000_000;
        assert_eq!(
            told(RunEnd::Standstill { at_ns, events: 7 }, &[]),
            [finding(
                "standstill",
                "Virtual time stands still at 12.500 s: 7 events happened there, and more follow."
            )]
        );
        assert_eq!(
            told(RunEnd::Livelock { events: 7 }, &[]),
            [finding(
                "livelock",
                "The run did not end within 7 events, far more than its plan needs: something is done again and again \
                 for ever."
            )]
        );
    }
}
