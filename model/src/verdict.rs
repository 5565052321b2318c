//! What the checkers say: which promise was broken, by which object, when, and which events prove it; and what was
//! judged at all.

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
        /// How often the history gave occasion to break the rule. Zero: it was never put to the test. For O5, S2 and S3,
        /// which can be seen only after a crash: how many lost or superseded instances gave the occasion.
        occasions: u64,
    },
    /// The history has most of what judging the rule takes.
    InPart {
        /// How often the history gave occasion to break the rule.
        occasions: u64,
        /// What was not judged, and why.
        except: &'static str,
    },
    /// The history lacks a field or kind of event that judging the rule takes.
    NotChecked {
        /// What it lacks.
        why: &'static str,
    },
}

/// What was found in one history.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// Broken promises in the order in which they were found; empty for a clean run.
    pub violations: Vec<Violation>,
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
}
