//! The command line. Exit code 0: everything as expected; 1: it was not, or the process that explored died; 2: wrong use
//! or bad input; 130: interrupted twice.

use std::io::IsTerminal;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use reveille_model::Profile;
use reveille_sim::run::{Look, run_with};

use crate::explore::{Campaign, Ran, Seeds};
use crate::keep::Keep;
use crate::log::{self, Filter};
use crate::scenario::{ALL, Scenario};
use crate::{bench, check, finding, report, supervise};

/// Runs a complete object-and-alarm system in a simulated world, breaks it on purpose from a seed, and says which
/// promise it did not keep.
#[derive(Debug, Parser)]
#[command(name = "reveille", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The scenarios, each with a sentence.
    List,
    /// Runs many seeds and tells what was found.
    Explore {
        /// The scenarios; all of them if none is named.
        #[arg(value_parser = scenario)]
        scenarios: Vec<&'static Scenario>,
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
    },
    /// Runs one seed again and tells its story.
    Replay {
        /// The scenario.
        #[arg(value_parser = scenario)]
        scenario: &'static Scenario,
        /// The seed.
        seed: u64,
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
    },
    /// Holds a history against the contract, whoever wrote it. model/HISTORY.md says how a history is written.
    ///
    /// Exit code 0: no promise was broken; 1: one was; 2: the input is no history.
    Check {
        /// The history, JSON Lines; - for standard input.
        #[arg(value_name = "FILE.jsonl")]
        file: PathBuf,
        /// What the history is held to: `strict` is the whole contract, `workerd` what the real runtime is known to keep.
        #[arg(long, value_enum, default_value = "strict")]
        profile: ProfileName,
        /// Print the verdict as one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Measures how fast the reference run is.
    Bench {
        /// How many seeds.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
        seeds: u64,
    },
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

/// Reads the command line and does what it says.
///
/// # Errors
///
/// If something could not be done that is no finding.
pub fn run() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::List => {
            for scenario in ALL {
                println!("{:<14} {}", scenario.name, scenario.sentence);
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Explore { scenarios, seeds, time, jobs, keep_histories, cells } => {
            supervise::watch("explore", |stop| {
                let scenarios = if scenarios.is_empty() { ALL.iter().collect() } else { scenarios };
                let seeds = time.map_or(Seeds::Range(seeds), Seeds::For);
                let cores = thread::available_parallelism().map_or(1, usize::from);
                let keep = keep_histories.as_deref().map(Keep::new).transpose()?;
                explore(&Campaign { scenarios, seeds, jobs: jobs.unwrap_or(cores), keep }, cells, stop)
            })
        }
        Command::Replay { scenario, seed, trace, until, log, object } => {
            let until_ms = until.map(|until| u64::try_from(until.as_millis()).unwrap_or(u64::MAX));
            replay(scenario, seed, Look { trace, until_ms }, log.as_ref(), object.as_deref())
        }
        Command::Check { file, profile, json } => check::run(&file, profile.into(), json),
        Command::Bench { seeds } => {
            let measured = bench::measure(seeds);
            print!("{}", measured.text());
            let too_light = measured.too_light();
            if let Some(why) = &too_light {
                eprintln!("{why}");
            }
            Ok(if too_light.is_none() { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
    }
}

fn explore(campaign: &Campaign, cells: bool, stop: &AtomicBool) -> anyhow::Result<ExitCode> {
    let mut progress = Progress::new(campaign);
    let (mut runs, mut not_kept) = (0_u64, None);
    let tallies = campaign.run(stop, |ran| {
        progress.ran(campaign, ran);
        runs += 1;
        if let Some(error) = ran.not_kept.take() {
            not_kept.get_or_insert(error);
            stop.store(true, Ordering::Relaxed);
        }
    });
    progress.end();
    not_kept.map_or(Ok(()), Err)?;
    if stop.load(Ordering::Relaxed) {
        println!("stopped early: this is what ran until then");
    }
    print!("{}", report::campaign(&tallies));
    for matrix in tallies.iter().filter_map(|tally| tally.matrix.as_ref()).filter(|_| cells) {
        print!("\n{}", report::cells(matrix));
    }
    if let Some(keep) = &campaign.keep {
        print!("\n{}", keep.told(runs));
    }
    let met = tallies.iter().all(|tally| tally.verdict().is_ok());
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn replay(
    scenario: &Scenario,
    seed: u64,
    look: Look,
    filter: Option<&Filter>,
    object: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let plan = scenario.plan(seed);
    let object = object.map(|name| log::object_of(&plan, name)).transpose()?;
    let keep = Look { trace: look.trace || filter.is_some_and(Filter::wants_trace), ..look };
    let outcome = scenario.judge(run_with(&plan, scenario.classes, keep));
    if look.trace {
        for entry in &outcome.trace {
            println!("{entry}");
        }
    }
    if let Some(filter) = filter {
        log::print(&outcome, filter, object.as_ref());
    }
    print!("{}", report::replay(scenario, seed, &plan, &outcome));
    Ok(if finding::of(&outcome).is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// A bar on a terminal; elsewhere a line now and then.
struct Progress {
    bar: ProgressBar,
    done: u64,
    plain: bool,
}

/// Without a terminal, a line for every so many runs.
const RUNS_A_LINE: u64 = 100;

impl Progress {
    fn new(campaign: &Campaign) -> Self {
        let bar = campaign.runs().map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let style = ProgressStyle::with_template("{elapsed_precise} {wide_bar} {pos}/{len} runs {msg}");
        bar.set_style(style.expect("the template is a literal"));
        Self { bar, done: 0, plain: !std::io::stderr().is_terminal() }
    }

    fn ran(&mut self, campaign: &Campaign, ran: &Ran) {
        self.done += 1;
        self.bar.inc(1);
        if !ran.findings.is_empty() {
            let name = campaign.scenarios[ran.scenario].name;
            self.bar.set_message(format!("last finding: {name} {} {}", ran.seed, ran.findings[0].rule));
        }
        if self.plain && self.done.is_multiple_of(RUNS_A_LINE) {
            let of = campaign.runs().map_or(String::new(), |runs| format!(" of {runs}"));
            eprintln!("{}{of} runs", self.done);
        }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn scenario(name: &str) -> Result<&'static Scenario, String> {
    let names = || ALL.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ");
    Scenario::named(name).ok_or_else(|| format!("there is no scenario of that name; there are: {}", names()))
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let right = "seeds are a range like 0..100: from the first up to, not including, the second";
    let (from, to) = text.split_once("..").ok_or(right)?;
    let parse = |number: &str| number.parse::<u64>().map_err(|error| format!("{number:?}: {error}; {right}"));
    let range = parse(from)?..parse(to)?;
    if range.is_empty() { Err(format!("the range is empty; {right}")) } else { Ok(range) }
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; a duration is written like 30s or 1m 30s"))
}

fn jobs(text: &str) -> Result<usize, String> {
    let right = "jobs are a number from 1 to 256";
    let jobs = text.parse().map_err(|error| format!("{error}; {right}"))?;
    if (1..=256).contains(&jobs) { Ok(jobs) } else { Err(right.to_owned()) }
}
