//! What a shell wants to know of the command line: completions, and pages for `man`. Both are made from the parser itself.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;
use crate::lines::quoted;
use crate::say::say;

/// The name that the program is called by.
const NAME: &str = "reveille";

/// `completions`: prints what a shell has to be told.
pub(super) fn completions(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut text);
    say(String::from_utf8(text).context("completions are text")?)?;
    Ok(ExitCode::SUCCESS)
}

/// `man`: writes a page for the program, and one for each command.
pub(super) fn man(folder: &Path) -> anyhow::Result<ExitCode> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    clap_mangen::generate_to(Cli::command().name(NAME), folder)
        .with_context(|| format!("{} cannot be written", folder.display()))?;
    say(format_args!("The pages are in {}: man {}\n", folder.display(), quoted(&folder.join("reveille.1"))))?;
    Ok(ExitCode::SUCCESS)
}
