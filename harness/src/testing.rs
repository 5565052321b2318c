//! A scenario as a test: [`Scenario::check`] in a function with `#[test]`. Nothing of it is needed on the command line, which
//! has commands of its own for what is done here in a row.
//!
//! ```text
//! kept plans -> seeds -> the lowest seed with a finding -> the smallest plan -> its story, a bundle, the lines that repeat it
//! ```
//!
//! What may be said from outside is said in variables, since the arguments of `cargo test` belong to `cargo test`:
//!
//! | variable | what is run |
//! |---|---|
//! | none | what is kept in the crate's `snapshots/regressions/SCENARIO/`, then 64 seeds |
//! | `REVEILLE_SEED=7` | that seed |
//! | `REVEILLE_SEEDS=0..5000` | these seeds, the last one not included |
//! | `REVEILLE_PLAN=FILE` | that plan alone: a plan's file or the folder of a bundle |
//! | `REVEILLE_KEEP=NAME` | the same, and what is found is kept under this name |

mod environment;
mod place;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};

use anyhow::{Context, bail, ensure};
use reveille_model::verdict::RuleId;
use reveille_sim::plan::Plan;
use reveille_sim::run::GUARDED;

use self::environment::Asked;
pub use self::environment::{SEEDS, choose, seeds};
use self::place::Test;
use crate::broken;
use crate::bundle::{self, Build, Smaller};
use crate::catalogue::Catalogue;
use crate::cli::cores;
use crate::explore::{Campaign, Seeds, Tally};
use crate::files::read_plan;
use crate::finding::{self, Finding};
use crate::lines::quoted;
use crate::regression;
use crate::replay::{self, Became};
use crate::report;
use crate::say::tell;
use crate::scenario::{Expect, Scenario};
use crate::shrink::Shrink;
use crate::source::Source;
use crate::told::Sometimes;

impl Scenario {
    /// Tests the scenario: replays what is kept of it, then runs [`SEEDS`] seeds. [`crate::testing`] says what else may be asked
    /// for, and by which variables.
    ///
    /// It prints how many requests were acknowledged and how often each promise had an occasion to be broken. Without any the
    /// test fails, because nothing was judged.
    ///
    /// # Panics
    ///
    /// If something was found that is not expected, or not what is expected ([`Scenario::is_caught`]); if nothing was judged; if
    /// object code depends on more than its plan; if a variable says something that it cannot mean. Of a finding the message
    /// has the story of the smallest plan, the folder of its bundle, and the lines that repeat and keep it.
    #[track_caller]
    pub fn check(&self) {
        let wrong = match Check::new(self).and_then(|check| check.run()) {
            Ok(told) => return println!("{told}"),
            Err(wrong) => wrong,
        };
        panic!("{wrong:#}");
    }
}

/// One test of a scenario.
struct Check {
    scenarios: Catalogue,
    asked: Asked,
    test: Test,
    /// Where the finding is to be kept, if that was asked for.
    keep: Option<PathBuf>,
}

impl Check {
    fn new(scenario: &Scenario) -> anyhow::Result<Self> {
        tell_of_a_slow_engine();
        let asked = Asked::of_environment()?;
        let keep = asked.keep.as_ref().map(|name| place_to_keep(scenario, name)).transpose()?;
        let test = Test::of_this_thread(scenario.name);
        Ok(Self { scenarios: Catalogue::new([scenario.clone()]), asked, test, keep })
    }

    fn scenario(&self) -> &Arc<Scenario> {
        &self.scenarios.all()[0]
    }

    fn run(&self) -> anyhow::Result<String> {
        if let Some(path) = &self.asked.plan {
            return self.run_plan(path);
        }
        let kept = self.replay_kept()?;
        self.hold_runs_together()?;
        let tally = self.run_seeds()?;
        Ok(format!(
            "{}{}",
            told(&tally),
            if kept > 0 { format!("; {kept} kept before, as they should be") } else { String::new() }
        ))
    }

    /// Replays what is kept of the scenario in its crate. Gives how much that is.
    fn replay_kept(&self) -> anyhow::Result<usize> {
        let Some(of_crate) = regression::crate_here()? else { return Ok(0) };
        let kept = regression::of_scenario(self.scenario(), &of_crate)?;
        for it in &kept {
            let bundle = it.source.bundle().context("what is kept is a bundle")?;
            let outcome = self.scenario().run(&it.source.plan);
            let again = replay::compare(bundle, &it.source.plan, &outcome);
            let is_right = match self.scenario().expect {
                Expect::Clean => matches!(again.became, Became::Clean | Became::StillClean),
                Expect::Caught { .. } => matches!(again.became, Became::StillBroken { .. }),
            };
            ensure!(
                is_right,
                "{} is kept in {}: {again}\n{}\n{}",
                bundle.verdict.kept_for.as_ref().map_or("a clean run", |signature| &signature.rule),
                it.folder.display(),
                broken::told(&outcome),
                self.test.line_for(&it.folder),
            );
        }
        Ok(kept.len())
    }

    /// Without the guard object code can reach the host: then the first seed is run twice, and both runs have to be one.
    fn hold_runs_together(&self) -> anyhow::Result<()> {
        if GUARDED {
            return Ok(());
        }
        let seed = self.asked.seeds.start;
        let plan = self.scenario().plan(seed);
        let (one, other) = (self.scenario().run(&plan).digest, self.scenario().run(&plan).digest);
        ensure!(
            one == other,
            "seed {seed} of {} gives another run each time: its code depends on more than its plan. An object asks its Ctx for \
             the time and for randomness, and has no thread, no order of a HashMap and nothing that it shares with another run",
            self.scenario().name
        );
        Ok(())
    }

    /// Runs the seeds. `Err` for what is not as it should be, the lowest seed first.
    fn run_seeds(&self) -> anyhow::Result<Tally> {
        let campaign = Campaign {
            scenarios: vec![self.scenario().clone()],
            seeds: Seeds::Range(self.asked.seeds.clone()),
            jobs: cores(),
            keep: None,
            worlds: false,
        };
        let (stop, mut unexpected, mut caught) = (AtomicBool::new(false), Vec::new(), Vec::new());
        let mut tallies = campaign.run(&stop, |ran| {
            for finding in &ran.findings {
                if self.expects(&finding.rule) {
                    caught.push(finding.rule.clone());
                } else {
                    unexpected.push((ran.seed, finding.clone()));
                }
            }
            // Seeds begin in their order: all below this one are run to their end.
            if !unexpected.is_empty() || self.has_caught_all(&caught) {
                stop.store(true, Ordering::Relaxed);
            }
        });
        if let Some((seed, finding)) = unexpected.into_iter().min_by_key(|(seed, _)| *seed) {
            bail!(self.found(&self.scenario().plan(seed), &finding, Some(seed))?);
        }
        let tally = tallies.pop().context("a campaign of one scenario has one tally")?;
        tally.verdict().map_err(|wrong| anyhow::anyhow!("{}: {wrong}", self.scenario().name))?;
        if self.scenario().expect == Expect::Clean {
            self.was_judged(&tally)?;
        }
        Ok(tally)
    }

    /// Whether the scenario is there to be caught, and was: for everything that it has to be caught for.
    fn has_caught_all(&self, caught: &[String]) -> bool {
        match self.scenario().expect {
            Expect::Clean => false,
            Expect::Caught { with, .. } => with.iter().all(|rule| caught.iter().any(|it| it == rule)),
        }
    }

    fn expects(&self, rule: &str) -> bool {
        match self.scenario().expect {
            Expect::Clean => false,
            Expect::Caught { with, also } => with.contains(&rule) || also.contains(&rule),
        }
    }

    /// Runs the plan of a file or a bundle, and nothing else.
    fn run_plan(&self, path: &Path) -> anyhow::Result<String> {
        let source = self.source(path).with_context(|| format!("REVEILLE_PLAN={}", quoted(path)))?;
        let outcome = self.scenario().run(&source.plan);
        let findings = finding::of(&outcome);
        if let Some(finding) = findings.iter().find(|finding| !self.expects(&finding.rule)) {
            if self.keep.is_some() {
                bail!(self.found(&source.plan, finding, None)?);
            }
            bail!("{} {}{}", source.title(), broken::told(&outcome), self.test.line_for(path));
        }
        let found: Vec<&str> = findings.iter().map(|finding| &*finding.rule).collect();
        let is_caught = self.scenario().expect != Expect::Clean;
        ensure!(!(is_caught && found.is_empty()), "{}: nothing is caught", source.title());
        ensure!(
            outcome.verdict.is_judged(),
            "{}: {NOTHING_JUDGED}, as no code of an object ran",
            source.title()
        );
        let broken = if is_caught { found.join(", ") } else { "no promise".to_owned() };
        Ok(format!("{}: {broken} was broken", source.title()))
    }

    fn source(&self, path: &Path) -> anyhow::Result<Source> {
        if path.is_dir() {
            return Source::of_folder(&self.scenarios, path);
        }
        let here = std::env::current_dir().unwrap_or_default();
        ensure!(
            path.exists(),
            "there is no such file; a path that does not begin with / begins in {}",
            here.display()
        );
        let (of_plan, of_test) = (read_plan(path)?.scenario, self.scenario().name);
        ensure!(
            of_plan == of_test,
            "it is a plan of the scenario {of_plan:?}, and the test {} is about {of_test:?}: name the test behind cargo test",
            self.test
        );
        Source::of_file(&self.scenarios, path)
    }

    /// What is told of a finding: the story of the smallest plan that there is of it, and the lines that repeat and keep it.
    fn found(&self, plan: &Plan, finding: &Finding, seed: Option<u64>) -> anyhow::Result<String> {
        let name = self.scenario().name;
        let of_seed = seed.map_or(String::new(), |seed| {
            format!("  the seed:  REVEILLE_SEED={seed} cargo test {}\n", self.test)
        });
        if finding.rule == finding::STUCK {
            // Each smaller plan that is stuck too would leave a thread that runs for ever.
            return Ok(format!("{name} {}: {}\n{of_seed}", finding.rule, finding.sentences));
        }
        let (signature, stop) = (finding.signature(), AtomicBool::new(false));
        let shrink = Shrink { scenario: self.scenario(), signature: &signature, jobs: cores(), stop: &stop };
        let mut smaller = Smaller::of(&shrink, plan, &Build::of_a_test(), &mut |_| {});
        smaller.verdict.test = Some(self.test.to_string());
        let mut text = format!("{name} {}", report::small_story(&smaller));
        let folder = self.test.folder()?;
        smaller.write(plan, &folder).context("the bundle of a finding")?;
        let plan_line = self.test.line_for(&folder.join(bundle::SHRUNK));
        write!(text, "  the plan:  {plan_line}\n{of_seed}").expect("writing to a string succeeds");
        match &self.keep {
            Some(kept) => {
                bundle::write_regression(kept, &smaller.shrunk.plan, &smaller.verdict)?;
                writeln!(text, "  It is kept in {}: the test begins with it from now on.", kept.display())
            }
            None => writeln!(text, "  to keep it in the crate:  REVEILLE_KEEP=a-name {plan_line}"),
        }
        .expect("writing to a string succeeds");
        Ok(text)
    }

    /// What is clean without an occasion to be broken was not tested.
    fn was_judged(&self, tally: &Tally) -> anyhow::Result<()> {
        let (name, seeds) = (self.scenario().name, tally.seeds);
        ensure!(
            tally.acknowledged() > 0,
            "{name}: {NOTHING_JUDGED}: of {} requests in {seeds} seeds none was acknowledged, which is to be answered with a status \
             from 200 to 299; `requests` says what is asked",
            tally.counts.requests
        );
        // One seed may miss an occasion by chance, so many do not.
        if seeds >= SEEDS.end
            && let Some(promise) = promises(self.scenario()).find(|promise| !tally.gave(RuleId(promise)))
        {
            bail!(
                "{name}: {NOTHING_JUDGED}: in {seeds} seeds there was no occasion to break {promise}\n{}",
                told(tally)
            );
        }
        let never = tally.never_held();
        ensure!(
            seeds < SEEDS.end || never.is_empty(),
            "{name}: {NOTHING_JUDGED}: in {seeds} seeds this never once held, which is to hold now and then: {}\n{}",
            never.join(", "),
            told(tally)
        );
        Ok(())
    }
}

/// How an error begins that is about a test without a meaning.
const NOTHING_JUDGED: &str = "judged nothing";

/// The names of what the scenario promises beside the rules.
fn promises(scenario: &Scenario) -> impl Iterator<Item = &'static str> {
    scenario.promises.iter().map(|promise| promise.name)
}

/// Where a finding is to be kept. A name that cannot be used is refused before anything is run.
fn place_to_keep(scenario: &Scenario, name: &str) -> anyhow::Result<PathBuf> {
    let folder = regression::folder(scenario.name, name).with_context(|| format!("REVEILLE_KEEP={name}"))?;
    ensure!(
        !folder.exists(),
        "REVEILLE_KEEP={name}: {} is there already: choose another name",
        folder.display()
    );
    Ok(folder)
}

/// What seeds came to, in a line and one more for each promise.
fn told(tally: &Tally) -> String {
    let Tally { scenario, seeds, counts, .. } = tally;
    let caught: Vec<&str> = tally.catch.iter().map(|(rule, _)| rule).collect();
    let caught = if caught.is_empty() {
        String::new()
    } else {
        format!("; caught, as expected: {}", caught.join(", "))
    };
    let mut text = format!(
        "{}: {seeds} seeds, {} of {} requests acknowledged{caught}",
        scenario.name,
        tally.acknowledged(),
        counts.requests
    );
    for promise in promises(scenario) {
        let occasions = tally.occasions.get(&RuleId(promise)).unwrap_or(&0);
        write!(text, "\n  {promise}: an occasion to be broken in {occasions} of {seeds} seeds")
            .expect("writing to a string succeeds");
    }
    for (name, Sometimes { told, held, seeds: in_seeds }) in &tally.sometimes {
        write!(text, "\n  {name}: held {held} of {told} times, in {in_seeds} of {seeds} seeds")
            .expect("writing to a string succeeds");
    }
    text
}

/// Says once in a process that the engine was built without optimisation, past the capture of `cargo test`.
pub(crate) fn tell_of_a_slow_engine() {
    static ONCE: Once = Once::new();
    if reveille_system::OPT_LEVEL == "0" {
        ONCE.call_once(|| tell(format_args!("{SLOW}\n")));
    }
}

/// What is said of an engine that was built without optimisation.
const SLOW: &str = "reveille was built without optimisation, and its runs take many times as long: put this into the Cargo.toml \
                    of the workspace:  [profile.dev.package.\"*\"]  opt-level = 3";

#[cfg(test)]
mod tests;
