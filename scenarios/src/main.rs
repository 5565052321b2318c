//! `reveille`: the command line for the scenarios that come with the harness. See [`reveille::cli`].

use std::process::ExitCode;

use git_version::git_version;

/// What this binary was built of; `-modified` if files differ from that commit.
const COMMIT: &str = git_version!(
    args = ["--always", "--abbrev=12", "--exclude=*", "--dirty=-modified"],
    fallback = "unknown"
);

fn main() -> ExitCode {
    reveille::main_of(&scenarios::catalogue(), &[reveille_workerd::cli::command()], COMMIT)
}
