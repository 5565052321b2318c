//! `reveille workerd`: the commands of this room. Exit codes as everywhere: 0 nothing is broken, 1 something is, 2 wrong use or what is
//! missing, 130 interrupted before anything was run.

mod explore;
mod replay;

use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use reveille::cli::Extra;
use reveille::sheet::Sheet;
use reveille_model::verdict::Violation;

use crate::life::Life;
use crate::promise::Promise;
use crate::shim;

/// The real runtime in virtual time: a JavaScript class as it stands, killed at every point of its life.
#[derive(Debug, Parser)]
#[command(name = "workerd")]
struct Workerd {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs lives of a worker's classes, one of them on from every point at which its process can die.
    ///
    /// PROJECT is a worker's file, a wrangler file, or the folder of one. The runtime is the project's own.
    Explore(Explore),
    /// Runs a plan, or a bundle again, and tells its story.
    Replay(Replay),
}

#[derive(Debug, Args)]
struct Explore {
    /// A worker's file, a wrangler file, or the folder of one.
    #[arg(value_name = "PROJECT", default_value = ".")]
    project: PathBuf,
    #[command(flatten)]
    how: How,
    /// This life alone, at every point if it has no death: a plan's file.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// The seed of the processes' entropy.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Beside the lives that are always tried, so many that are drawn from seeds, each run once.
    #[arg(long, value_name = "N", default_value_t = 0)]
    drawn: u64,
    /// How many processes at once; as many as there are cores if not given.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    /// Write a bundle of each finding into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Replay {
    /// A bundle's folder, or a plan's file.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// With a plan's file: the worker's file, a wrangler file, or the folder of one.
    #[arg(value_name = "PROJECT", default_value = ".")]
    project: PathBuf,
    #[command(flatten)]
    how: How,
    /// Write the history to this file.
    #[arg(long, value_name = "FILE.jsonl")]
    history: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct How {
    /// The runtime's program, if it is not the one that the project has.
    #[arg(long, value_name = "PATH")]
    workerd: Option<PathBuf>,
    /// Hold the worker to these promises, too, with commas between them.
    #[arg(long, value_name = "PROMISES", value_enum, value_delimiter = ',')]
    promise: Vec<Promise>,
}

/// The command, for a program that has the harness's others.
pub fn command() -> Extra {
    Extra {
        command: Workerd::command(),
        run: |matches| {
            if let Some(why) = shim::missing() {
                bail!("{why}");
            }
            match Workerd::from_arg_matches(matches)?.command {
                Command::Explore(explore) => explore::run(&explore),
                Command::Replay(replay) => replay::run(&replay),
            }
        },
    }
}

/// The story of a finding.
fn story(life: &Life, violation: &Violation) -> String {
    let told = Sheet::PLAIN.sentences(&violation.sentences);
    let mut text = format!("BROKEN: {}\n{told}\n", violation.rule);
    if !violation.evidence.is_empty() {
        text.push('\n');
        text.push_str(&reveille::story::timeline(&life.history, violation));
    }
    text
}

/// Whether it is 1 or 0.
fn exit_code(is_broken: bool) -> ExitCode {
    if is_broken { ExitCode::from(1) } else { ExitCode::SUCCESS }
}
