//! A finding to give to somebody: a folder with the worker, the plan, the history and a page that tells the story.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::promise::Asks;
use crate::worker::Worker;

/// A run that can be repeated: the worker and the plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The promises that it is held to beside the contract.
    pub asks: Asks,
    /// The rule that it was kept for.
    pub rule: String,
    /// The hash of everything that was seen and told.
    pub digest: String,
    /// The worker, without its code.
    pub worker: Worker,
    /// The plan.
    pub plan: Plan,
}

/// Writes a bundle.
///
/// # Errors
///
/// If a file cannot be written.
pub fn write(folder: &Path, run: &Run, history: &str, story: &str) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let json = serde_json::to_string_pretty(run).context("a run has only keys that are texts")?;
    let files = [
        ("run.json", json.as_str()),
        ("worker.js", &run.worker.code),
        ("history.jsonl", history),
        ("README.md", story),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// Reads a bundle; the runtime that is to run it is not in it.
///
/// # Errors
///
/// If it is no bundle.
pub fn read(folder: &Path) -> anyhow::Result<Run> {
    let text = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    };
    let mut run: Run = serde_json::from_str(&text("run.json")?)
        .with_context(|| format!("{} is no bundle of this version", folder.display()))?;
    run.worker.code = text("worker.js")?;
    run.plan.validate()?;
    Ok(run)
}
