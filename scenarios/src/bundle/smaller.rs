//! A plan that was made smaller, with the run of it and what that run shows: all that a bundle is made of.

use std::path::Path;

use reveille_sim::plan::Plan;
use reveille_sim::run::Outcome;
use serde::Serialize;

use super::{Verdict, write};
use crate::shrink::Shrunk;

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
    /// Writes it to a folder as a bundle. `plan` is the plan that was given.
    ///
    /// # Errors
    ///
    /// As [`write`].
    pub fn write(&self, plan: &Plan, folder: &Path) -> anyhow::Result<()> {
        write(folder, plan, Some(&self.shrunk.plan), &self.verdict, &self.outcome)
    }
}
