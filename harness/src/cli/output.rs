//! `--json[=FILE]`: what a command found, for machines.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::Args;
use serde::Serialize;

use crate::files::replace;
use crate::say::say;

/// Where JSON goes, if it is asked for.
#[derive(Debug, Args)]
pub(crate) struct Json {
    /// Print what was found as one JSON object instead of text; with a file (the = is needed), write it there beside the
    /// text.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    json: Option<PathBuf>,
}

impl Json {
    /// Whether it takes the place of the text.
    pub(crate) fn instead_of_text(&self) -> bool {
        self.json.as_ref().is_some_and(|path| path.as_os_str() == "-")
    }

    /// Makes sure that there is a place for it, before work is done that it would be lost with.
    ///
    /// # Errors
    ///
    /// If it is to go where no file can be.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let Some(path) = self.json.as_ref().filter(|_| !self.instead_of_text()) else { return Ok(()) };
        check_file(path)
    }

    /// Writes it where it is to go, if it is asked for.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(crate) fn write(&self, value: &impl Serialize) -> anyhow::Result<()> {
        let Some(path) = &self.json else { return Ok(()) };
        let text =
            serde_json::to_string(value).expect("what is found has no maps with keys that are not texts");
        if self.instead_of_text() {
            return say(format_args!("{text}\n"));
        }
        replace(path, |file| writeln!(file, "{text}"))
    }
}

/// Makes sure that there is a place for a file.
///
/// # Errors
///
/// If it is to go where no file can be.
pub(super) fn check_file(path: &Path) -> anyhow::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    ensure!(
        !path.is_dir() && parent.is_none_or(Path::is_dir),
        "{} cannot be written: a file is named, in a folder that is there",
        path.display()
    );
    Ok(())
}
