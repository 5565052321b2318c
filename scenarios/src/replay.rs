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
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// The digests are equal: everything is as it was.
    Same,
    /// The run is another one, and breaks the rule that the bundle was kept for.
    StillBroken {
        /// For the same reason; if not, the rule is told in other words.
        same_reason: bool,
    },
    /// Nothing is broken any more, and everything was reached that the bundle was kept for.
    Mended,
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
    if bundle.digest.as_ref().is_some_and(|digest| *digest == outcome.digest.to_string()) {
        return Again::Same;
    }
    let findings = finding::of(outcome);
    if let Some(signature) = &bundle.verdict.kept_for {
        let same_reason = finding::with(outcome, signature).is_some();
        if same_reason || findings.iter().any(|finding| finding.rule == signature.rule) {
            return Again::StillBroken { same_reason };
        }
    }
    let missing = bundle.verdict.reach.missing_in(&Reach::of(outcome, plan));
    if !missing.is_empty() {
        return Again::NotReached { missing };
    }
    if findings.is_empty() {
        return Again::Mended;
    }
    Again::BrokenOtherwise { rules: findings.into_iter().map(|finding| finding.rule).collect() }
}

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => write!(f, "the same run"),
            Self::StillBroken { same_reason: true } => write!(f, "another run, still broken"),
            Self::StillBroken { same_reason: false } => {
                write!(f, "another run, still broken, though not for the reason that it was kept for")
            }
            Self::Mended => write!(f, "no longer broken"),
            Self::BrokenOtherwise { rules } => {
                write!(f, "what it was kept for is no longer broken, but {} is", rules.join(", "))
            }
            Self::NotReached { missing } => {
                write!(f, "the plan no longer reaches what it was kept for: {missing}")
            }
        }
    }
}
