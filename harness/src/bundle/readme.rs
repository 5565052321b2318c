//! The first page of a bundle: what broke, as a story; what is left in the plan, and why; how to see it again.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use reveille_sim::plan::Plan;

use super::{Standing, Verdict};
use crate::lines::quoted;
use crate::shrink::{Size, told};

pub(super) fn of(folder: &Path, plan: &Plan, shrunk: Option<&Plan>, verdict: &Verdict) -> String {
    let mut text = String::new();
    head(&mut text, plan, shrunk, verdict);
    if !verdict.story.is_empty() {
        write!(text, "\n```text\n{}\n```\n", verdict.story.trim_end()).expect("writing to a string succeeds");
    }
    if !verdict.without.is_empty() {
        let lines: Vec<String> = told(&verdict.without).iter().map(|line| format!("- {line}")).collect();
        write!(text, "\n## What is left, and what happens without it\n\n{}\n", lines.join("\n"))
            .expect("writing to a string succeeds");
    }
    let folder = quoted(&from_its_crate(folder));
    let again = match &verdict.test {
        Some(test) => format!("REVEILLE_PLAN={folder} cargo test {test}"),
        None => format!("cargo run --release -- replay {folder}"),
    };
    write!(text, "\n## See it again\n\n    {again}\n\nMade by {}.\n", verdict.made_by)
        .expect("writing to a string succeeds");
    text
}

/// The path of a regression in its crate, wherever that lies; another folder as it was named.
fn from_its_crate(folder: &Path) -> PathBuf {
    let parts: Vec<_> = folder.components().collect();
    let names: Vec<_> = parts.iter().map(|part| part.as_os_str()).collect();
    match names.windows(2).rposition(|pair| pair == ["snapshots", "regressions"]) {
        Some(begin) => parts[begin..].iter().collect(),
        None => folder.to_owned(),
    }
}

/// What it is about, in a few words.
pub(super) fn title(plan: &Plan, verdict: &Verdict) -> String {
    match &verdict.kept_for {
        None => format!("A run of {}", plan.scenario),
        Some(signature) => format!("{} in {}", signature.rule, plan.scenario),
    }
}

fn head(text: &mut String, plan: &Plan, shrunk: Option<&Plan>, verdict: &Verdict) {
    let title = title(plan, verdict);
    let now = match (&verdict.kept_for, verdict.standing) {
        (None, _) => "No promise was broken.",
        (Some(_), Standing::Broken) => "It was broken when this was written.",
        (Some(_), Standing::Mended) => "It was broken once, and is mended: it must not come back.",
    };
    let size = match shrunk {
        Some(shrunk) => {
            format!("Found with {} (plan.json); left: {} (shrunk.json)", Size::of(plan), Size::of(shrunk))
        }
        None => format!("The plan: {}", Size::of(plan)),
    };
    write!(text, "# {title}\n\n{now} {size}.\n").expect("writing to a string succeeds");
    if let Some(about) = &verdict.about {
        write!(text, "\n{about}\n").expect("writing to a string succeeds");
    }
    let others: Vec<&str> = verdict
        .findings
        .iter()
        .map(|told| &*told.rule)
        .filter(|rule| verdict.kept_for.as_ref().is_none_or(|signature| signature.rule != *rule))
        .collect();
    if !others.is_empty() {
        write!(text, "\nThe same run breaks {} as well.\n", others.join(", "))
            .expect("writing to a string succeeds");
    }
}
