//! `timeline`: a run or a history as a page for a browser, as a trace for Perfetto, or as a picture for a document.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::ProfileName;
use crate::catalogue::Catalogue;
use crate::files::replace;
use crate::lines::replay_line;
use crate::say::say;
use crate::source::Source;
use crate::timeline::Shown;

/// What is shown, and where the page goes.
#[derive(Debug, Args)]
pub(super) struct Timeline {
    /// SCENARIO SEED, a plan's file, a bundle's folder, or a history: FILE.jsonl, whoever wrote it.
    #[arg(value_name = "RUN|FILE.jsonl", num_args = 1..=2, required = true)]
    what: Vec<String>,
    /// Write the page to this file.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["perfetto", "svg"])]
    out: Option<PathBuf>,
    /// Write the same as a trace for ui.perfetto.dev and others: Chrome's trace events, in virtual time.
    #[arg(long, value_name = "FILE")]
    perfetto: Option<PathBuf>,
    /// Write a picture of the finding for a document: the few events that prove it, as SVG.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// What a history is held to: `strict` is the whole contract, `workerd` what the real runtime is known to keep.
    #[arg(long, value_enum, default_value = "strict")]
    profile: ProfileName,
}

impl Timeline {
    pub(super) fn run(&self, scenarios: &Catalogue) -> anyhow::Result<ExitCode> {
        let shown = self.shown(scenarios)?;
        if let Some(page) = &self.out {
            replace(page, |file| shown.write_html(file))?;
            say(format_args!(
                "{} is written: open it in a browser; {}.\n",
                page.display(),
                shown.opens_on()
            ))?;
        }
        if let Some(trace) = &self.perfetto {
            replace(trace, |file| shown.write_perfetto(file))?;
            say(format_args!("{} is written: open it at ui.perfetto.dev.\n", trace.display()))?;
        }
        if let Some(picture) = &self.svg {
            let svg = shown.svg()?;
            replace(picture, |file| file.write_all(svg.as_bytes()))?;
            say(format_args!("{} is written.\n", picture.display()))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn shown(&self, scenarios: &Catalogue) -> anyhow::Result<Shown> {
        match &self.what[..] {
            [file] if Path::new(file).extension().is_some_and(|ending| ending == "jsonl") => {
                Shown::of_file(Path::new(file), self.profile.into())
            }
            words => {
                let source = Source::of_words(scenarios, words)?;
                let outcome = source.scenario.run(&source.plan);
                let kept_for = source.bundle().and_then(|bundle| bundle.verdict.kept_for.as_ref());
                Shown::of_run(source.title(), replay_line(&source), kept_for, &outcome)
            }
        }
    }
}
