//! `reveille`: see [`reveille::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    reveille::cli::run().unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}
