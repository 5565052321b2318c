//! The command line. Exit code 0: everything as expected; 1: it was not, or the process that did the work died; 2: wrong use,
//! bad input, or nothing was judged; 130: interrupted before there was anything to tell, or twice. `docs/exit-codes.md` has all of
//! them.
//!
//! Text goes to the standard output, progress to the standard error, artefacts where `--out` says. `--json` puts one JSON
//! object in the place of the text; `--json=FILE` puts it there, beside the text.

mod explore;
pub(crate) mod output;
mod parse;
mod progress;
mod runs;
mod shell;
mod teeth;
mod timeline;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{ArgMatches, Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use reveille_model::Profile;
use reveille_model::verdict::RuleId;

use self::output::Json;
use self::parse::{duration, jobs, rule, seeds};
use crate::bundle::Build;
use crate::catalogue::Catalogue;
use crate::log::Filter;
use crate::say::{say, tell};
use crate::scaffold::{Dependency, Made};
use crate::sheet::Sheet;
use crate::{bench, check, scaffold, supervise};

/// Runs a complete object-and-alarm system in a simulated world, breaks it on purpose from a seed, and says which
/// promise it did not keep.
///
/// RUN is SCENARIO SEED, a plan's file, or a bundle's folder.
#[derive(Debug, Parser)]
#[command(name = "reveille", version, max_term_width = 100)]
struct Cli {
    /// When to use colours: `auto` is on a terminal, if NO_COLOR is not set.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The scenarios, each with a sentence.
    List,
    /// Runs many seeds and tells what was found.
    Explore(Explore),
    /// Prints a plan: everything that a run depends on.
    Plan {
        #[command(flatten)]
        run: Run,
        /// Write it to this file instead.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Runs a plan again and tells its story.
    ///
    /// Of a bundle it also says whether it is the same run, and what became of what the bundle was kept for. Exit code 0:
    /// nothing is broken; 1: something is, or the plan no longer reaches what it was kept for.
    Replay(Replay),
    /// Makes a page that shows a run, or a history of any implementation, in a browser: one file that works offline and opens on
    /// what was broken.
    Timeline(timeline::Timeline),
    /// Makes a plan that breaks a promise as small as it can be, and says what each thing that is left is needed for.
    Shrink(Shrink),
    /// Keeps a plan as a regression of the current crate: shrunk, with its story, in
    /// snapshots/regressions/SCENARIO/NAME/.
    Keep(Keep),
    /// Holds histories against the contract, whoever wrote them. model/HISTORY.md says how a history is written.
    ///
    /// Exit code 0: no promise was broken; 1: one was; 2: the input is not a history, nothing in it could be judged, or not all
    /// that is required. Of several histories 1 goes before 2.
    Check {
        /// The histories, JSON Lines: files, folders with files that end in .jsonl, or - for standard input.
        #[arg(value_name = "FILE.jsonl|DIR", required = true)]
        files: Vec<PathBuf>,
        /// Of one file that grows, or a pipe: tell of a broken promise when it is found, and go on until the phase `end`, or until
        /// interrupted.
        #[arg(long)]
        follow: bool,
        /// What the history is held to: `strict` is the whole contract, `workerd` what the real runtime is known to keep.
        #[arg(long, value_enum, default_value = "strict")]
        profile: ProfileName,
        /// Fail if one of these rules was not judged: ids with commas, like F1,O5.
        #[arg(long, value_name = "RULES", value_delimiter = ',', value_parser = rule)]
        require: Vec<RuleId>,
        #[command(flatten)]
        json: Json,
    },
    /// Tries whether the promises of a scenario see what its object does: takes each call of its code away that changes something,
    /// one at a time, and says which of them nothing misses.
    ///
    /// Exit code 0: each was missed; 1: one was not; 2: the object breaks something as it is, so there is nothing to compare with.
    Teeth(Teeth),
    /// Makes a crate: an object that keeps its promise, one that is caught, and the tests of both.
    New {
        /// Its folder, which it is named after.
        #[arg(value_name = "NAME")]
        name: PathBuf,
        #[command(flatten)]
        from: Library,
    },
    /// Adds the same to the crate that one stands in, as a test of it.
    Init {
        #[command(flatten)]
        from: Library,
    },
    /// Prints what a shell has to be told to complete this command line: source it, or put it where the shell looks.
    Completions {
        /// The shell.
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Writes pages for `man`: one for the program, and one for each command.
    Man {
        /// Where to.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Measures how fast the reference run is.
    Bench {
        /// The scenario; the first that has a reference run if none is named.
        #[arg(value_name = "SCENARIO")]
        scenario: Option<String>,
        /// How many seeds.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
        seeds: u64,
    },
}

#[derive(Debug, Args)]
struct Explore {
    /// The scenarios; all of them if none is named.
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// Seeds from A up to, not including, B.
    #[arg(long, value_name = "A..B", value_parser = seeds, default_value = "0..100")]
    seeds: Range<u64>,
    /// Instead of a range: seeds from 0 until this time is over.
    #[arg(long = "for", value_name = "TIME", value_parser = duration, conflicts_with = "seeds")]
    time: Option<Duration>,
    /// Threads; as many as there are cores if not given.
    #[arg(long, value_name = "N", value_parser = jobs)]
    jobs: Option<usize>,
    /// Keep the history of each run in this folder, as a file that `check` reads.
    #[arg(long, value_name = "DIR")]
    keep_histories: Option<PathBuf>,
    /// Where calls are counted by context and outcome: tell of each case how often it was reached, or why it cannot be.
    #[arg(long)]
    cells: bool,
    /// Tell which shapes of trouble the plans had, how often each took effect, and how many runs gave the rarer rules an
    /// occasion.
    #[arg(long)]
    worlds: bool,
    /// Make the first plan of each finding as small as it can be, and tell its story.
    #[arg(long)]
    shrink: bool,
    /// Tell more in numbers: work, failures and faults of each scenario, how late alarms started, and which rules had no occasion
    /// to be broken.
    #[arg(long)]
    stats: bool,
    /// Write a bundle of each finding into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write what was found to this file as the XML of JUnit, which GitHub, GitLab and Jenkins show.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct Shrink {
    #[command(flatten)]
    run: Run,
    #[command(flatten)]
    how: How,
    /// Tell as well how many smaller plans were tried, and which passes found one.
    #[arg(long)]
    stats: bool,
    /// Write a bundle to this folder: plan, shrunk plan, history, verdict, trace, and a page that tells the story.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct Keep {
    /// The run, and then the name that it is kept under.
    #[arg(value_names = ["RUN", "NAME"], num_args = 2..=3, required = true)]
    run_and_name: Vec<String>,
    #[command(flatten)]
    how: How,
    /// Of a run that breaks nothing any more: the rule that it once broke.
    #[arg(long, value_name = "RULE", conflicts_with = "rule")]
    once_broke: Option<String>,
    /// What it is about, in a sentence or two; it stands on the regression's first page.
    #[arg(long, value_name = "TEXT")]
    about: Option<String>,
}

#[derive(Debug, Args)]
struct Teeth {
    /// The scenario.
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// Seeds from A up to, not including, B: of the object as it is, and of each change until something notices it.
    #[arg(long, value_name = "A..B", value_parser = seeds, default_value = "0..64")]
    seeds: Range<u64>,
    /// Threads; as many as there are cores if not given.
    #[arg(long, value_name = "N", value_parser = jobs)]
    jobs: Option<usize>,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct Replay {
    #[command(flatten)]
    run: Run,
    /// Print everything that happened inside.
    #[arg(long)]
    trace: bool,
    /// Stop at this virtual time.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    until: Option<Duration>,
    /// Log what happened, in virtual time: levels by concern, like alarm=debug,storage=info, or just info.
    #[arg(long, value_name = "FILTER", value_parser = Filter::parse)]
    log: Option<Filter>,
    /// Log the life of this object alone, named Class/name.
    #[arg(long, value_name = "ID", requires = "log")]
    object: Option<String>,
    /// Write a bundle to this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "until")]
    out: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
}

/// What is run.
#[derive(Debug, Args)]
struct Run {
    /// SCENARIO SEED, a plan's file, or a bundle's folder.
    #[arg(value_name = "RUN", num_args = 1..=2, required = true)]
    run: Vec<String>,
}

/// Where a crate has this library from; as this program was built, if it is not said.
#[derive(Debug, Args)]
struct Library {
    /// A folder: that of the library's repository.
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// The URL of its repository.
    #[arg(long, value_name = "URL", conflicts_with = "path")]
    git: Option<String>,
}

impl Library {
    fn dependency(self) -> anyhow::Result<Dependency> {
        match (self.path, self.git) {
            (Some(folder), _) => Dependency::of_path(&folder),
            (None, Some(url)) => Ok(Dependency::Git(url)),
            (None, None) => Dependency::as_built(),
        }
    }
}

/// How it is shrunk.
#[derive(Debug, Args)]
struct How {
    /// Of several rules that the run breaks, this one; the first if not given.
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Threads; as many as there are cores if not given. The plan that is found does not depend on it.
    #[arg(long, value_name = "N", value_parser = jobs)]
    jobs: Option<usize>,
}

/// A profile as it is written on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProfileName {
    Strict,
    Workerd,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Strict => Profile::Strict,
            ProfileName::Workerd => Profile::Workerd,
        }
    }
}

/// A command of a program's own, beside those that every program of the harness has.
#[derive(Debug)]
pub struct Extra {
    /// How it is called and what can be said with it. Its name is none of the harness's own.
    pub command: clap::Command,
    /// Does it; the exit code is that of the process.
    pub run: fn(&ArgMatches) -> anyhow::Result<ExitCode>,
}

/// Reads the command line and does with these scenarios what it says, or what a command of the program's own does. `commit` is what
/// the binary was built of; bundles name it.
///
/// # Errors
///
/// If something could not be done, which is not a finding.
pub fn run(scenarios: &Catalogue, extras: &[Extra], commit: &str) -> anyhow::Result<ExitCode> {
    let build = Build { version: env!("CARGO_PKG_VERSION").to_owned(), commit: commit.to_owned() };
    let own = extras.iter().map(|extra| extra.command.clone());
    let matches = Cli::command().subcommands(own).get_matches();
    if let Some((name, matches)) = matches.subcommand()
        && let Some(extra) = extras.iter().find(|extra| extra.command.get_name() == name)
    {
        return (extra.run)(matches);
    }
    let Cli { color, command } = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let sheet = Sheet::of_stdout(color);
    match command {
        Command::List => {
            for scenario in scenarios.all() {
                say(format_args!("{:<14} {}\n", scenario.name, scenario.sentence))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Explore(explore) => {
            supervise::watch("explore", |stop| explore.run(scenarios, stop, &build, sheet))
        }
        Command::Plan { run, out } => runs::plan(scenarios, &run, out.as_deref()),
        Command::Replay(replay) => runs::replay(scenarios, &replay, &build, sheet),
        Command::Timeline(timeline) => timeline.run(scenarios),
        Command::Shrink(shrink) => {
            supervise::watch("shrink", |stop| runs::shrink(scenarios, &shrink, stop, &build, sheet))
        }
        Command::Keep(keep) => {
            supervise::watch("keep", |stop| runs::keep(scenarios, keep, stop, &build, sheet))
        }
        Command::Check { files, follow, profile, require, json } => {
            let wanted = check::Wanted { profile: profile.into(), required: &require };
            if follow {
                check::follow(&files, &wanted, &json, sheet)
            } else {
                check::run(&files, &wanted, &json, sheet)
            }
        }
        Command::Teeth(teeth) => supervise::watch("teeth", |stop| teeth.run(scenarios, stop)),
        Command::New { name, from } => made(scaffold::new(&name, &from.dependency()?)?),
        Command::Init { from } => made(scaffold::init(Path::new("."), &from.dependency()?)?),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { folder } => shell::man(&folder),
        Command::Bench { scenario, seeds } => bench(scenarios, scenario.as_deref(), seeds),
    }
}

/// `new` and `init`: says what was written.
fn made(made: Made) -> anyhow::Result<ExitCode> {
    say(made)?;
    Ok(ExitCode::SUCCESS)
}

/// `bench`: at an interrupt it measures what ran until then.
fn bench(scenarios: &Catalogue, name: Option<&str>, seeds: u64) -> anyhow::Result<ExitCode> {
    let first = scenarios.all().iter().find(|scenario| scenario.load.is_some());
    let scenario = match name {
        Some(name) => scenarios.of_name(name)?,
        None => first.context("no scenario has a reference run: name one")?,
    };
    ensure!(
        scenario.is_spread(),
        "{} draws all of its requests together: it has no reference run",
        scenario.name
    );
    let stop = supervise::stop_at_interrupt()?;
    let measured = bench::measure(scenario, seeds, &stop);
    if measured.seeds == 0 {
        tell("stopped: no run was measured\n");
        return Ok(ExitCode::from(supervise::INTERRUPTED));
    }
    if measured.seeds < seeds {
        say("stopped early: this is what ran until then\n")?;
    }
    say(measured.text())?;
    let too_light = measured.too_light();
    if let Some(why) = &too_light {
        tell(format_args!("{why}\n"));
    }
    Ok(if too_light.is_none() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// How many threads are used if nobody says.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    /// What the parser itself finds wrong with the commands that it is given shows in debug builds alone, and only for the
    /// command that is called.
    #[test]
    fn the_commands_are_right() {
        Cli::command().debug_assert();
    }
}
