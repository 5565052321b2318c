//! What the checkers say: which promise was broken, by which object, when, and which events prove it; and what was
//! judged at all.
//!
//! A verdict hides nothing: what it does not tell one by one it counts.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::history::ObjectName;
use crate::lateness::Lateness;
use crate::profile::{Profile, Relaxation};

/// The id of a rule of SPEC.md (`F1`), of a known trap (`X1(a)`), or of a promise that a scenario makes beside them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RuleId(pub &'static str);

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Violation {
    /// The rule.
    pub rule: RuleId,
    /// The object that it was broken for, if it was one object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectName>,
    /// True time at which it was broken.
    pub at_ns: u64,
    /// What happened and what should have, in sentences for somebody who has not read our code.
    pub sentences: String,
    /// Positions in the history of the few events that prove it, ascending.
    pub evidence: Vec<usize>,
}

/// Whether a rule was judged. A rule that was not judged was not kept, as far as anybody knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// The history has what judging the rule takes.
    Judged {
        /// How often the history gave occasion to break the rule, and each time that it was broken is one. Zero: it was
        /// never put to the test. For O5, S2 and S3, which can be seen only after a crash: how many lost or superseded
        /// instances gave the occasion.
        occasions: u64,
    },
    /// The history has most of what judging the rule takes.
    InPart {
        /// How often the history gave occasion to break the rule.
        occasions: u64,
        /// What was not judged, and why. Never empty.
        except: Vec<&'static str>,
    },
    /// The history lacks a field or kind of event that judging the rule takes, or the profile lets every breach pass.
    NotChecked {
        /// What it lacks.
        why: &'static str,
    },
}

impl Coverage {
    /// How often the history gave occasion to break the rule; zero for one that was not checked.
    pub fn occasions(&self) -> u64 {
        match self {
            Coverage::Judged { occasions } | Coverage::InPart { occasions, .. } => *occasions,
            Coverage::NotChecked { .. } => 0,
        }
    }
}

/// How often one rule is reported for one object. What breaks a rule once breaks it again; the first reports tell why, and
/// [`Verdict::more`] counts the others.
pub(crate) const REPORTS_PER_RULE_AND_OBJECT_MAX: u64 = 3;

/// What was found in one history.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// Broken promises in the order of time; empty for a clean run. Of one rule and object at most three, and of all at
    /// most a few thousand: [`Verdict::more`] counts the others.
    pub violations: Vec<Violation>,
    /// How often each rule was broken beside that. A rule without more is not in it.
    pub more: BTreeMap<RuleId, u64>,
    /// How late runs of `alarm()` started, and how many started elsewhere.
    pub lateness: Lateness,
    /// What the history was held to.
    pub profile: Profile,
    /// What the profile let pass, and how often. Empty for [`Profile::Strict`].
    pub relaxed: BTreeMap<Relaxation, u64>,
    /// For every rule of [`crate::RULES`] whether it was judged. Empty only where nothing was.
    pub coverage: BTreeMap<RuleId, Coverage>,
}

impl Verdict {
    /// Whether no promise was broken.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    /// How often each rule was broken, those violations included that are only counted.
    pub fn broken(&self) -> BTreeMap<RuleId, u64> {
        let mut broken = self.more.clone();
        for violation in &self.violations {
            *broken.entry(violation.rule).or_default() += 1;
        }
        broken
    }

    /// Adds what was found beside the rules, as broken promises of a scenario, in the order of time. Of one rule and object no
    /// more are told than of a rule of the contract; the others are counted.
    pub fn add(&mut self, mut found: Vec<Violation>) {
        found.sort_by_key(|violation| violation.at_ns);
        let mut told: BTreeMap<(RuleId, Option<ObjectName>), u64> = BTreeMap::new();
        for violation in found {
            let count = told.entry((violation.rule, violation.object.clone())).or_default();
            *count += 1;
            if *count > REPORTS_PER_RULE_AND_OBJECT_MAX {
                *self.more.entry(violation.rule).or_default() += 1;
            } else {
                self.violations.push(violation);
            }
        }
        self.violations.sort_by_key(|violation| violation.at_ns);
    }

    /// Whether anything was judged of what objects with alarms are about: a run of `alarm()`, or the result of a storage call
    /// (rules S, A, F and R). Without that a verdict that is clean says nothing.
    pub fn is_judged(&self) -> bool {
        let is_about_objects = |rule: &RuleId| rule.0.starts_with(['S', 'A', 'F', 'R']);
        self.coverage.iter().any(|(rule, coverage)| is_about_objects(rule) && coverage.occasions() > 0)
    }
}
