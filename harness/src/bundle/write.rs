//! Writes bundles and regressions: whole folders, or none.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

use reveille_model::jsonl;
use reveille_sim::plan::Plan;
use reveille_sim::run::Outcome;

use super::{DIGEST, PLAN, SHRUNK, TIMELINE, VERDICT, Verdict, is_bundle, readme};
use crate::files::{may_replace_folder, replace, replace_folder};
use crate::lines::{quoted, replay_line};
use crate::timeline::Shown;

/// Everything that a bundle or a regression may have in it.
const FILES: [&str; 9] =
    [PLAN, SHRUNK, VERDICT, DIGEST, TIMELINE, "history.jsonl", "trace", "version", "README.md"];

/// Whether a folder is a bundle with nothing else in it, so that another one may take its place.
fn is_ours(folder: &Path) -> bool {
    let is_known = |entry: io::Result<DirEntry>| {
        entry.is_ok_and(|entry| entry.file_name().to_str().is_some_and(|name| FILES.contains(&name)))
    };
    is_bundle(folder) && fs::read_dir(folder).is_ok_and(|mut entries| entries.all(is_known))
}

/// Whether a bundle can be written here.
///
/// # Errors
///
/// If something else is there, or no folder can be.
pub fn check_place(folder: &Path) -> anyhow::Result<()> {
    may_replace_folder(folder, is_ours).map(drop)
}

/// Writes a bundle, or replaces one. `outcome` is that of the smallest plan, with its trace.
///
/// # Errors
///
/// If something else is there, or if it cannot be written; nothing is half-written then.
pub fn write(
    folder: &Path,
    plan: &Plan,
    shrunk: Option<&Plan>,
    verdict: &Verdict,
    outcome: &Outcome,
) -> anyhow::Result<()> {
    replace_folder(folder, is_ours, |into| {
        common(into, folder, plan, shrunk, verdict)?;
        if let Some(shrunk) = shrunk {
            text(&into.join(SHRUNK), &shrunk.to_json())?;
        }
        replace(&into.join("history.jsonl"), |file| {
            jsonl::write(&outcome.history.header, &outcome.history.events, file)
        })?;
        let command = replay_line(&quoted(folder));
        let shown = Shown::of_run(readme::title(plan, verdict), command, verdict.kept_for.as_ref(), outcome)?;
        replace(&into.join(TIMELINE), |file| shown.write_html(file))?;
        replace(&into.join("trace"), |file| {
            outcome.trace.iter().try_for_each(|entry| writeln!(file, "{entry}"))
        })?;
        text(&into.join(DIGEST), &format!("{}\n", outcome.digest))
    })
}

/// Writes a regression, or replaces one: a plan and its verdict.
///
/// # Errors
///
/// As [`write()`].
pub fn write_regression(folder: &Path, plan: &Plan, verdict: &Verdict) -> anyhow::Result<()> {
    replace_folder(folder, is_ours, |into| common(into, folder, plan, None, verdict))
}

fn common(
    into: &Path,
    folder: &Path,
    plan: &Plan,
    shrunk: Option<&Plan>,
    verdict: &Verdict,
) -> anyhow::Result<()> {
    text(&into.join(PLAN), &plan.to_json())?;
    let json =
        serde_json::to_string_pretty(verdict).expect("a verdict has no maps with keys that are not texts");
    text(&into.join(VERDICT), &format!("{json}\n"))?;
    text(&into.join("version"), &format!("{}\n", verdict.made_by))?;
    text(&into.join("README.md"), &readme::of(folder, plan, shrunk, verdict))
}

fn text(path: &Path, text: &str) -> anyhow::Result<()> {
    replace(path, |file| file.write_all(text.as_bytes()))
}
