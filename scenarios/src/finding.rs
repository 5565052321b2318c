//! What a run is told for: a broken promise, or that it did not end as a run should.

use std::collections::BTreeMap;

use reveille_sim::run::{Outcome, RunEnd};

/// The finding for a run that had no end.
pub const STUCK: &str = "stuck";

/// Something that was found in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule, or `panic`, `livelock`, `stuck`.
    pub rule: String,
    /// What happened, in sentences.
    pub sentences: String,
}

/// What was found in a run: one finding a rule, the first of each, in the order in which they happened.
pub fn of(outcome: &Outcome) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut add = |rule: &str, sentences: String| {
        if findings.iter().all(|finding| finding.rule != rule) {
            findings.push(Finding { rule: rule.to_owned(), sentences });
        }
    };
    match &outcome.end {
        RunEnd::Completed | RunEnd::Stopped => {}
        RunEnd::Panicked { message, location, at_ns } => {
            let at = crate::story::seconds(*at_ns);
            add("panic", format!("The system panicked at {at}: {message} ({location})."));
        }
        RunEnd::Livelock { events } => {
            add(
                "livelock",
                format!("The run did not end within {events} events: machines keep each other busy."),
            );
        }
        RunEnd::Stuck { after_s } => {
            add(STUCK, format!("The run was given up after {after_s} s: some code loops without an end."));
        }
    }
    for violation in &outcome.verdict.violations {
        add(violation.rule.0, violation.sentences.clone());
    }
    findings
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
        for Finding { rule, sentences } in findings {
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
