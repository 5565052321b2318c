//! What a run is told for: a broken promise, or that it did not end as a run should.

use std::collections::{BTreeMap, BTreeSet};

use reveille_sim::run::{Outcome, RunEnd};

use crate::signature::Signature;

/// The finding for a run that had no end.
pub const STUCK: &str = "stuck";

/// Something that was found in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule, or `panic`, `livelock`, `stuck`.
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

/// What was found in a run: one finding a rule, the first of each, in the order in which they happened.
pub fn of(outcome: &Outcome) -> Vec<Finding> {
    let mut rules = BTreeSet::new();
    all(outcome).into_iter().filter(|finding| rules.insert(finding.rule.clone())).collect()
}

/// The first finding of a run with this signature.
pub fn with(outcome: &Outcome, signature: &Signature) -> Option<Finding> {
    all(outcome).into_iter().find(|finding| finding.signature() == *signature)
}

/// Everything that was found in a run, in the order in which it happened.
fn all(outcome: &Outcome) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut add = |rule: &str, sentences: String| {
        findings.push(Finding { rule: rule.to_owned(), sentences, violation: None });
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
    let violations = outcome.verdict.violations.iter().enumerate();
    findings.extend(violations.map(|(position, violation)| Finding {
        rule: violation.rule.0.to_owned(),
        sentences: violation.sentences.clone(),
        violation: Some(position),
    }));
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
