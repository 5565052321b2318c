//! A plan that was made smaller, with the run of it and what that run shows: all that a bundle is made of.

use std::path::Path;

use reveille_sim::plan::Plan;
use reveille_sim::run::{Look, Outcome};
use serde::Serialize;

use super::{Build, Verdict, write};
use crate::shrink::{self, Progress, Shrink, Shrunk};

/// A plan that was made smaller.
#[derive(Clone, Debug, Serialize)]
pub struct Smaller {
    /// The plan, and how it was found.
    pub shrunk: Shrunk,
    /// What its run breaks, and what each thing that is left is needed for.
    pub verdict: Verdict,
    /// Its run, with the trace.
    #[serde(skip)]
    pub outcome: Outcome,
}

impl Smaller {
    /// Makes a plan as small as it can be, and explains what is left. `progress` hears of each plan that was tried.
    ///
    /// # Panics
    ///
    /// If the plan is not valid.
    pub fn of(shrink: &Shrink<'_>, plan: &Plan, build: &Build, progress: &mut dyn FnMut(&Progress)) -> Self {
        let shrunk = shrink.run(plan, progress);
        // Of a plan that is not as small as it can be there is too much to explain.
        let without = if shrunk.interrupted { Vec::new() } else { shrink::explain(shrink, &shrunk.plan) };
        let look = Look { trace: true, until_ms: None };
        let outcome = shrink.scenario.run_with(&shrunk.plan, look);
        let mut verdict = Verdict::of(&outcome, &shrunk.plan, Some(shrink.signature), build);
        verdict.without = without;
        Self { shrunk, verdict, outcome }
    }

    /// Writes it to a folder as a bundle. `plan` is the plan that was given.
    ///
    /// # Errors
    ///
    /// As [`write()`].
    pub fn write(&self, plan: &Plan, folder: &Path) -> anyhow::Result<()> {
        write(folder, plan, Some(&self.shrunk.plan), &self.verdict, &self.outcome)
    }
}
