//! `reveille`: see [`reveille::cli`].

use std::process::ExitCode;

use git_version::git_version;

/// What this binary was built of; `-modified` if files differ from that commit.
const COMMIT: &str = git_version!(
    args = ["--always", "--abbrev=12", "--exclude=*", "--dirty=-modified"],
    fallback = "unknown"
);

fn main() -> ExitCode {
    reveille::cli::run(COMMIT).unwrap_or_else(|error| {
        reveille::cli::tell(format_args!("error: {error:#}\n"));
        ExitCode::from(2)
    })
}
