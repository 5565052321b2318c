//! A bundle: a finding as a folder that can be given to somebody.
//!
//! ```text
//! README.md      the story, what is left in the plan and why, and the line that replays it
//! plan.json      the plan that was found, or kept
//! shrunk.json    the smallest plan that breaks for the same reason, if it was shrunk
//! verdict.json   what was found, what it was kept for, and what a run has to reach to be asked about it ([`Verdict`])
//! history.jsonl  what happened, as `check` reads it  \
//! trace          what happened inside                 > of the smallest plan
//! digest         the digest of the run               /
//! version        the version and commit that made it
//! ```
//!
//! A regression is a bundle without history, trace and digest: every mending changes these. It is kept in a crate under
//! `snapshots/regressions/SCENARIO/NAME/` ([`crate::regression`]).

mod readme;
mod smaller;
mod write;

use std::fmt;
use std::path::Path;

use anyhow::{Context, ensure};
use reveille_sim::plan::Plan;
use reveille_sim::run::Outcome;
use serde::{Deserialize, Serialize};

pub use self::smaller::Smaller;
pub use self::write::{check_place, write, write_regression};
use crate::broken;
use crate::files::{read, read_plan};
use crate::finding::{self, Finding};
use crate::reach::Reach;
use crate::shrink::Without;
use crate::signature::Signature;

/// The file of the plan that was found.
pub const PLAN: &str = "plan.json";
/// The file of the shrunk plan.
pub const SHRUNK: &str = "shrunk.json";
/// The file of the verdict.
pub const VERDICT: &str = "verdict.json";
/// The file of the digest.
pub const DIGEST: &str = "digest";

/// The page that shows the run in a browser. A regression has none.
pub const TIMELINE: &str = "timeline.html";

/// The version of the format of [`VERDICT`]. It rises when a field changes its meaning.
pub const FORMAT: u32 = 1;

/// A bundle, as far as a replay needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// The plan that was found.
    pub plan: Plan,
    /// The shrunk plan, if it was shrunk.
    pub shrunk: Option<Plan>,
    /// What was found.
    pub verdict: Verdict,
    /// The digest of the run of the smallest plan. A regression has none.
    pub digest: Option<String>,
}

/// What was found in the run of a bundle's smallest plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// [`FORMAT`].
    pub format: u32,
    /// What the bundle was kept for; none if nothing was broken.
    pub kept_for: Option<Signature>,
    /// Whether that is still broken, as far as is known.
    pub standing: Standing,
    /// What a run of the plan has to reach: where it does not, it says nothing about what the bundle was kept for.
    pub reach: Reach,
    /// Everything that was broken, one finding a rule.
    pub findings: Vec<Told>,
    /// The test that found it, by its name behind `cargo test`; none if it was the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// What it is about, by whoever kept it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The story of what the bundle was kept for; empty if it was mended before it was kept.
    pub story: String,
    /// What happens without each thing that is left in the plan.
    pub without: Vec<Without>,
    /// Who made the bundle.
    pub made_by: Build,
}

/// Whether what a bundle was kept for is still broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is, and is to be mended; or it is meant to be: a known trap.
    Broken,
    /// It was once, and must never be again.
    Mended,
}

/// A finding in a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The rule.
    pub rule: String,
    /// What happened, in sentences.
    pub sentences: String,
}

/// The build of this product that did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// The version.
    pub version: String,
    /// The commit, with a mark if files were changed; `unknown` if it was not built from a checkout.
    pub commit: String,
}

impl Build {
    /// This version, built of a commit that is not known: what a test is.
    pub fn of_a_test() -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), commit: "unknown".to_owned() }
    }
}

impl Verdict {
    /// The verdict about a run: of what it was run for if that is known, else of the first thing that it broke.
    pub fn of(outcome: &Outcome, plan: &Plan, kept_for: Option<&Signature>, build: &Build) -> Self {
        let findings = finding::of(outcome);
        let shown: Option<Finding> = match kept_for {
            Some(signature) => finding::with(outcome, signature),
            None => findings.first().cloned(),
        };
        let standing = if shown.is_some() { Standing::Broken } else { Standing::Mended };
        Self {
            format: FORMAT,
            kept_for: kept_for.cloned().or_else(|| shown.as_ref().map(Finding::signature)),
            standing,
            reach: Reach::of(outcome, plan),
            findings: findings
                .into_iter()
                .map(|Finding { rule, sentences, .. }| Told { rule, sentences })
                .collect(),
            test: None,
            about: None,
            story: shown.map_or_else(String::new, |finding| broken::story_of(outcome, &finding)),
            without: Vec::new(),
            made_by: build.clone(),
        }
    }
}

impl Bundle {
    /// The shrunk plan, or the plan itself.
    pub fn smallest(&self) -> &Plan {
        self.shrunk.as_ref().unwrap_or(&self.plan)
    }

    /// Reads the bundle in a folder.
    ///
    /// # Errors
    ///
    /// If a file of it is missing, or not right: which, where, and what would be right.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        ensure!(
            is_bundle(folder),
            "{} is not a bundle: a bundle has the files plan.json and verdict.json",
            folder.display()
        );
        let if_there = |name: &str| Some(folder.join(name)).filter(|path| path.symlink_metadata().is_ok());
        let bundle = Self {
            plan: read_plan(&folder.join(PLAN))?,
            shrunk: if_there(SHRUNK).map(|path| read_plan(&path)).transpose()?,
            digest: if_there(DIGEST).map(|path| read_digest(&path)).transpose()?,
            verdict: read_verdict(&folder.join(VERDICT))?,
        };
        let (found, smallest) = (&bundle.plan.scenario, &bundle.smallest().scenario);
        ensure!(
            found == smallest,
            "{}: {PLAN} is of the scenario {found}, and {SHRUNK} of {smallest}; both are of one",
            folder.display()
        );
        Ok(bundle)
    }
}

fn read_digest(path: &Path) -> anyhow::Result<String> {
    let text = read(path)?.trim().to_owned();
    let is_digest = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    ensure!(is_digest, "{}: {text:?} is not a digest; a digest has 32 hexadecimal digits", path.display());
    Ok(text)
}

/// The version alone: it says how everything else is meant.
#[derive(Deserialize)]
struct Versioned {
    format: u32,
}

fn read_verdict(path: &Path) -> anyhow::Result<Verdict> {
    let (text, place) = (read(path)?, || path.display().to_string());
    let Versioned { format } = serde_json::from_str(&text).with_context(place)?;
    ensure!(format == FORMAT, "{}: its format is {format}; this build reads format {FORMAT}", path.display());
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(&text)).with_context(place)
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reveille {}, commit {}", self.version, self.commit)
    }
}

/// Whether a folder is a bundle.
pub(crate) fn is_bundle(folder: &Path) -> bool {
    folder.join(VERDICT).is_file() && folder.join(PLAN).is_file()
}
