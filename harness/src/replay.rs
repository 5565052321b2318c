//! A run again, and what it says about the bundle that it is from: that it is the same run, or what has become of what the
//! bundle was kept for.

use std::fmt;

use reveille_sim::plan::Plan;
use reveille_sim::run::Outcome;
use serde::Serialize;

use crate::bundle::Bundle;
use crate::finding;
use crate::reach::Reach;

/// What a run of a bundle's plan came to, beside the run that the bundle was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Again {
    /// Whether the digests are equal: everything happened as it did then. None for a regression, which keeps no digest.
    pub same_run: Option<bool>,
    /// What has become of what the bundle was kept for.
    pub became: Became,
}

/// What has become of what a bundle was kept for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// The rule that the bundle was kept for is broken.
    StillBroken {
        /// For the same reason; if not, the rule is told in other words.
        same_reason: bool,
    },
    /// Nothing is broken, and everything was reached that the bundle was kept for.
    Clean,
    /// Nothing was broken when the bundle was made, and nothing is.
    StillClean,
    /// Nothing was broken when the bundle was made, and something is.
    BrokenNow {
        /// The rules.
        rules: Vec<String>,
    },
    /// What it was kept for is not broken any more, and something else is.
    BrokenOtherwise {
        /// The rules.
        rules: Vec<String>,
    },
    /// The run does not reach what the bundle was kept for, so it says nothing about it.
    NotReached {
        /// What it does not reach.
        missing: Reach,
    },
}

/// Holds a whole run of a bundle's smallest plan against the bundle.
pub fn compare(bundle: &Bundle, plan: &Plan, outcome: &Outcome) -> Again {
    let same_run = bundle.digest.as_ref().map(|digest| *digest == outcome.digest.to_string());
    Again { same_run, became: became(bundle, plan, outcome) }
}

fn became(bundle: &Bundle, plan: &Plan, outcome: &Outcome) -> Became {
    let rules: Vec<String> = finding::of(outcome).into_iter().map(|finding| finding.rule).collect();
    let Some(signature) = &bundle.verdict.kept_for else {
        return if rules.is_empty() { Became::StillClean } else { Became::BrokenNow { rules } };
    };
    let same_reason = finding::with(outcome, signature).is_some();
    if same_reason || rules.contains(&signature.rule) {
        return Became::StillBroken { same_reason };
    }
    let missing = bundle.verdict.reach.missing_in(&Reach::of(outcome, plan));
    if !missing.is_empty() {
        return Became::NotReached { missing };
    }
    if rules.is_empty() { Became::Clean } else { Became::BrokenOtherwise { rules } }
}

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { same_run, became } = self;
        match (same_run, became) {
            (Some(true), Became::StillBroken { same_reason: true } | Became::StillClean) => {
                write!(f, "the same run")
            }
            // The model has changed, and not the run.
            (Some(true), _) => write!(f, "the same run, judged otherwise now: {became}"),
            (Some(false), Became::StillBroken { .. } | Became::StillClean | Became::BrokenNow { .. }) => {
                write!(f, "another run, {became}")
            }
            _ => write!(f, "{became}"),
        }
    }
}

impl fmt::Display for Became {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StillBroken { same_reason: true } => write!(f, "still broken"),
            Self::StillBroken { same_reason: false } => {
                write!(f, "still broken, though not for the reason that it was kept for")
            }
            Self::Clean => write!(f, "no longer broken"),
            Self::StillClean => write!(f, "and nothing is broken"),
            Self::BrokenNow { rules } => write!(f, "and {} is broken now", rules.join(", ")),
            Self::BrokenOtherwise { rules } => {
                write!(f, "what it was kept for is no longer broken, but {} is", rules.join(", "))
            }
            Self::NotReached { missing } => {
                write!(f, "the plan no longer reaches what it was kept for: {missing}")
            }
        }
    }
}
