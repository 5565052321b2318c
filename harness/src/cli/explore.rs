//! `explore`: many seeds, a table, and each distinct finding.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use reveille_model::verdict::RuleId;
use reveille_sim::run::Look;
use serde::Serialize;

use super::output::check_file;
use super::progress::Progress;
use super::{Explore, cores, runs};
use crate::annotations::{Annotation, annotate};
use crate::bundle::{self, Build, Smaller, Verdict};
use crate::catalogue::Catalogue;
use crate::explore::{Campaign, Seeds, Tally};
use crate::files::replace;
use crate::finding;
use crate::histories::Keep;
use crate::lines;
use crate::report;
use crate::say::{say, tell};
use crate::scenario::Scenario;
use crate::sheet::Sheet;
use crate::source::Source;
use crate::supervise::INTERRUPTED;
use crate::told::Sometimes;

/// Shrunk findings, by scenario and rule.
type Shrunk = BTreeMap<(&'static str, String), Smaller>;

impl Explore {
    pub(super) fn run(
        self,
        all: &Catalogue,
        stop: &AtomicBool,
        build: &Build,
        sheet: Sheet,
    ) -> anyhow::Result<ExitCode> {
        let Self {
            scenarios,
            seeds,
            time,
            jobs,
            keep_histories,
            cells,
            worlds,
            shrink,
            stats,
            out,
            json,
            junit,
        } = self;
        let named = scenarios.iter().map(|name| all.of_name(name).cloned()).collect::<Result<Vec<_>, _>>()?;
        let scenarios = if named.is_empty() { all.all().to_vec() } else { named };
        let seeds = time.map_or(Seeds::Range(seeds), Seeds::For);
        let jobs = jobs.unwrap_or_else(cores);
        json.check()?;
        junit.as_deref().map_or(Ok(()), check_file)?;
        if let Some(folder) = &out {
            fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        let keep = keep_histories.as_deref().map(Keep::new).transpose()?;
        let campaign = Campaign { scenarios, seeds, jobs, keep, worlds };
        let (tallies, histories) = run(&campaign, stop)?;
        let shrunk = if shrink { shrink_all(&tallies, jobs, stop, build) } else { Shrunk::new() };
        let stopped = stop.load(Ordering::Relaxed);
        let written = out.as_deref().map_or(Ok(()), |folder| write_bundles(folder, &tallies, &shrunk, build));
        let written = written.and(json.write(&Explored::of(&tallies, &shrunk, stopped)));
        let for_junit = |path: &Path| replace(path, |file| report::junit(&tallies, &shrunk, file));
        let written = written.and(junit.as_deref().map_or(Ok(()), for_junit));
        annotate(annotations(&tallies));
        if !json.instead_of_text() {
            if stopped {
                say("stopped early: this is what ran until then\n")?;
            }
            say(report::campaign(&tallies, &shrunk, sheet))?;
            if stats {
                say(report::stats(&tallies, sheet))?;
            }
            for matrix in tallies.iter().filter_map(|tally| tally.matrix.as_ref()).filter(|_| cells) {
                say(format_args!("\n{}", report::cells(matrix)))?;
            }
            say(report::worlds(&tallies, sheet))?;
            if let Some(keep) = &campaign.keep {
                say(format_args!("\n{}", keep.told(histories)))?;
            }
            if let (Some(folder), Ok(())) = (&out, &written) {
                say(format_args!("\nThe bundles are in {}.\n", folder.display()))?;
            }
        }
        written?;
        let code = exit_code(&tallies, stopped);
        if code == NOTHING_JUDGED || code == INTERRUPTED {
            tell("nothing was judged: a scenario has had no run\n");
        }
        Ok(ExitCode::from(code))
    }
}

/// What is not as expected, for whoever looks at a job.
fn annotations(tallies: &[Tally]) -> Vec<Annotation<'static>> {
    let of_tally = |tally: &Tally| {
        let name = tally.scenario.name;
        let unexpected = tally.catch.iter().filter(|(rule, _)| !tally.expects(rule));
        let mut all: Vec<_> = unexpected
            .map(|(rule, caught)| Annotation {
                title: format!("{name} broke {rule} ({} of {} seeds)", caught.seeds, tally.seeds),
                message: format!(
                    "{}\nreplay: {}",
                    caught.sentences,
                    lines::replay_line(&format_args!("{name} {}", caught.first_seed))
                ),
                place: None,
            })
            .collect();
        if let (true, Err(wrong)) = (all.is_empty() && tally.seeds > 0, tally.verdict()) {
            all.push(Annotation { title: format!("{name} is not as expected"), message: wrong, place: None });
        }
        all
    };
    tallies.iter().flat_map(of_tally).collect()
}

/// The exit code where nothing was judged.
const NOTHING_JUDGED: u8 = 2;

/// 1: a scenario did not meet its expectation. Where that cannot be said of one, because it has had no run: 2, or 130 if it was an
/// interrupt that kept it from running.
fn exit_code(tallies: &[Tally], stopped: bool) -> u8 {
    let mut ran = tallies.iter().filter(|tally| tally.seeds > 0);
    if ran.any(|tally| tally.verdict().is_err()) {
        1
    } else if tallies.iter().all(|tally| tally.seeds > 0) {
        0
    } else if stopped {
        INTERRUPTED
    } else {
        NOTHING_JUDGED
    }
}

/// Runs the campaign and shows how far it is. Gives how many runs there were.
fn run(campaign: &Campaign, stop: &AtomicBool) -> anyhow::Result<(Vec<Tally>, u64)> {
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
    not_kept.map_or(Ok((tallies, runs)), Err)
}

/// Shrinks the first plan of each finding. What was not begun when `stop` became true is left as it is.
fn shrink_all(tallies: &[Tally], jobs: usize, stop: &AtomicBool, build: &Build) -> Shrunk {
    let mut shrunk = Shrunk::new();
    for (scenario, rule, seed) in found(tallies) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if rule == finding::STUCK {
            // Each smaller plan that is stuck too would leave a thread that runs for ever.
            continue;
        }
        let source = Source::of_seed(scenario, seed);
        let _at = runs::at(&source);
        let findings = finding::of(&scenario.run(&source.plan));
        if let Some(finding) = findings.iter().find(|finding| finding.rule == rule) {
            let smaller = runs::smaller(&source, &finding.signature(), jobs, stop, build);
            shrunk.insert((scenario.name, rule), smaller);
        }
    }
    shrunk
}

/// Each finding of a campaign: scenario, rule, and the lowest seed that shows it.
fn found(tallies: &[Tally]) -> Vec<(&Arc<Scenario>, String, u64)> {
    let of_tally = |tally: &'_ Tally| {
        let caught = tally.catch.iter().map(|(rule, caught)| (rule.to_owned(), caught.first_seed));
        caught.collect::<Vec<_>>()
    };
    let each = tallies
        .iter()
        .flat_map(|tally| of_tally(tally).into_iter().map(|(rule, seed)| (&tally.scenario, rule, seed)));
    each.collect()
}

fn write_bundles(folder: &Path, tallies: &[Tally], shrunk: &Shrunk, build: &Build) -> anyhow::Result<()> {
    for (scenario, rule, seed) in found(tallies) {
        if rule == finding::STUCK {
            // There is no history of it, and to run it again is to wait again.
            continue;
        }
        let name: String = rule.chars().filter(char::is_ascii_alphanumeric).collect();
        let into = folder.join(format!("{}-{seed}-{}", scenario.name, name.to_lowercase()));
        let source = Source::of_seed(scenario, seed);
        let _at = runs::at(&source);
        let plan = source.plan;
        if let Some(smaller) = shrunk.get(&(scenario.name, rule.clone())) {
            smaller.write(&plan, &into)?;
            continue;
        }
        let outcome = scenario.run_with(&plan, Look { trace: true, until_ms: None });
        let signature = finding::of(&outcome).into_iter().find(|finding| finding.rule == rule);
        let signature = signature.as_ref().map(finding::Finding::signature);
        bundle::write(
            &into,
            &plan,
            None,
            &Verdict::of(&outcome, &plan, signature.as_ref(), build),
            &outcome,
        )?;
    }
    Ok(())
}

/// What a campaign found, for machines.
#[derive(Serialize)]
struct Explored<'a> {
    stopped_early: bool,
    scenarios: Vec<OfScenario<'a>>,
}

#[derive(Serialize)]
struct OfScenario<'a> {
    scenario: &'a str,
    seeds: u64,
    events: u64,
    virtual_ns: u64,
    requests: u64,
    answered: u64,
    runs_started: u64,
    /// None if it met its expectation, or has had no run.
    not_as_expected: Option<String>,
    /// In how many seeds each rule had an occasion to be broken.
    occasions: &'a BTreeMap<RuleId, u64>,
    /// What object code tells with `ctx.sometimes`.
    sometimes: &'a BTreeMap<String, Sometimes>,
    findings: Vec<Found<'a>>,
}

#[derive(Serialize)]
struct Found<'a> {
    rule: &'a str,
    seeds: u64,
    times: u64,
    /// In how many of the seeds nothing else had been found before it.
    first_in: u64,
    first_seed: u64,
    sentences: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    shrunk: Option<&'a Smaller>,
}

impl<'a> Explored<'a> {
    fn of(tallies: &'a [Tally], shrunk: &'a Shrunk, stopped_early: bool) -> Self {
        let of_tally = |tally: &'a Tally| {
            let name = tally.scenario.name;
            let found = tally.catch.iter().map(|(rule, caught)| Found {
                rule,
                seeds: caught.seeds,
                times: caught.times,
                first_in: caught.first_in,
                first_seed: caught.first_seed,
                sentences: &caught.sentences,
                shrunk: shrunk.get(&(name, rule.to_owned())),
            });
            OfScenario {
                scenario: name,
                seeds: tally.seeds,
                events: tally.counts.events,
                virtual_ns: tally.counts.virtual_ns,
                requests: tally.counts.requests,
                answered: tally.counts.answered,
                runs_started: tally.counts.runs_started,
                not_as_expected: tally.verdict().err().filter(|_| tally.seeds > 0),
                occasions: &tally.occasions,
                sometimes: &tally.sometimes,
                findings: found.collect(),
            }
        };
        Self { stopped_early, scenarios: tallies.iter().map(of_tally).collect() }
    }
}
