//! A campaign: many seeds of some scenarios, on several threads. The result does not depend on their number, nor on who
//! was faster; interrupted, it tells what ran until then.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use reveille_model::history::{History, Outcome, Takes, What};
use reveille_model::lateness::Lateness;
use reveille_model::verdict::RuleId;
use reveille_sim::counts::Counts;
use reveille_sim::kinds;
use reveille_sim::run::RunEnd;

use crate::finding::{self, Catch, Finding};
use crate::histories::Keep;
use crate::matrix::Matrix;
use crate::plans::Topic;
use crate::scenario::{Expect, Scenario};
use crate::told::{self, Sometimes};
use crate::worlds::Worlds;
use crate::{lines, supervise};

/// Which seeds to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seeds {
    /// These.
    Range(Range<u64>),
    /// From 0 until the time is over, in rounds over all scenarios.
    For(Duration),
}

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The scenarios.
    pub scenarios: Vec<Arc<Scenario>>,
    /// The seeds of each.
    pub seeds: Seeds,
    /// Threads.
    pub jobs: usize,
    /// Where to keep the history of each run, if anywhere.
    pub keep: Option<Keep>,
    /// Whether to look at what kinds of worlds the runs are in.
    pub worlds: bool,
}

/// What was found in one scenario.
#[derive(Clone, Debug)]
pub struct Tally {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Seeds that were run.
    pub seeds: u64,
    /// The numbers of all runs together.
    pub counts: Counts,
    /// In how many seeds faults of a kind had an effect.
    pub seeds_with_effect: BTreeMap<&'static str, u64>,
    /// In how many seeds a machine was lost, to a crash or a loss of power, that had something to lose.
    pub seeds_with_machine_lost: u64,
    /// How many requests were answered with each status.
    pub statuses: BTreeMap<u16, u64>,
    /// How late runs of `alarm()` started, and how many started elsewhere.
    pub lateness: Lateness,
    /// The same by what a plan is about, where the seeds take turns.
    pub lateness_by_topic: BTreeMap<Topic, Lateness>,
    /// Which calls were made in which context, where the scenario is about that.
    pub matrix: Option<Matrix>,
    /// What kinds of worlds the runs were in, if that was looked at.
    pub worlds: Option<Worlds>,
    /// In how many seeds each rule of the contract had an occasion to be broken. A rule without one is not in it.
    pub occasions: BTreeMap<RuleId, u64>,
    /// What object code has told that is to hold now and then, by name.
    pub sometimes: BTreeMap<String, Sometimes>,
    /// What was found.
    pub catch: Catch,
}

/// A campaign of so many seeds has to give each rule that its scenario names an occasion.
const SEEDS_JUDGED_MIN: u64 = 100;

/// One seed of one scenario, run.
pub struct Ran {
    /// Index of the scenario in the campaign.
    pub scenario: usize,
    /// The seed.
    pub seed: u64,
    counts: Counts,
    statuses: BTreeMap<u16, u64>,
    lateness: Lateness,
    matrix: Option<Matrix>,
    worlds: Option<Worlds>,
    /// The rules that had an occasion to be broken.
    occasions: Vec<RuleId>,
    sometimes: BTreeMap<String, Sometimes>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// Why its history could not be kept, if it was to be.
    pub not_kept: Option<anyhow::Error>,
}

impl Campaign {
    /// How many runs there are to do, if that is known.
    pub fn runs(&self) -> Option<u64> {
        match &self.seeds {
            Seeds::Range(range) => Some((range.end - range.start) * self.scenarios.len() as u64),
            Seeds::For(_) => None,
        }
    }

    /// Runs it. `progress` hears of each run that is done; when `stop` becomes true, no new run is
    /// begun; a run that is stuck makes it so.
    pub fn run(&self, stop: &AtomicBool, mut progress: impl FnMut(&mut Ran)) -> Vec<Tally> {
        let mut tallies: Vec<Tally> = self.scenarios.iter().map(Tally::new).collect();
        let begun = Instant::now();
        let next = AtomicUsize::new(0);
        let (sender, results) = mpsc::sync_channel(self.jobs);
        thread::scope(|scope| {
            for thread in 0..self.jobs {
                let sender = sender.clone();
                let next = &next;
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed)
                        && let Some((scenario, seed)) = self.task(next.fetch_add(1, Ordering::Relaxed), begun)
                        && sender.send(self.run_one(thread, scenario, seed)).is_ok()
                    {}
                });
            }
            drop(sender);
            for mut ran in results {
                if ran.findings.iter().any(|finding| finding.rule == finding::STUCK) {
                    // Its thread goes on for ever beside the others: more such runs would leave no core free.
                    stop.store(true, Ordering::Relaxed);
                }
                progress(&mut ran);
                tallies[ran.scenario].add(ran);
            }
        });
        tallies
    }

    /// The `index`-th run: seed by seed, each in all scenarios.
    fn task(&self, index: usize, begun: Instant) -> Option<(usize, u64)> {
        let (scenario, round) = (index % self.scenarios.len(), (index / self.scenarios.len()) as u64);
        match &self.seeds {
            Seeds::Range(range) => range.start.checked_add(round).filter(|seed| range.contains(seed)),
            Seeds::For(limit) => (begun.elapsed() < *limit).then_some(round),
        }
        .map(|seed| (scenario, seed))
    }

    fn run_one(&self, thread: usize, scenario: usize, seed: u64) -> Ran {
        let it = &self.scenarios[scenario];
        let _at = supervise::at(
            thread,
            &format!("{} seed {seed}", it.name),
            &lines::replay_line(&format_args!("{} {seed}", it.name)),
        );
        let plan = it.plan(seed);
        let outcome = it.run(&plan);
        let findings = finding::of(&outcome);
        // Of a stuck run there is no history.
        let keep = self.keep.as_ref().filter(|_| !matches!(outcome.end, RunEnd::Stuck { .. }));
        let not_kept = keep.and_then(|keep| keep.write(it.name, seed, &outcome.history).err());
        let matrix = it.matrix.then(|| Matrix::of(&outcome.history));
        let worlds = self.worlds.then(|| Worlds::of(&plan, &outcome));
        let coverage = outcome.verdict.coverage.iter();
        let occasions = coverage.filter(|(_, coverage)| coverage.occasions() > 0).map(|(rule, _)| *rule);
        let occasions = occasions.collect();
        let statuses = statuses(&outcome.history);
        let sometimes = told::sometimes(&outcome.history);
        let (counts, lateness) = (outcome.counts, outcome.verdict.lateness);
        Ran {
            scenario,
            seed,
            counts,
            statuses,
            lateness,
            matrix,
            worlds,
            occasions,
            sometimes,
            findings,
            not_kept,
        }
    }
}

impl Tally {
    pub(crate) fn new(scenario: &Arc<Scenario>) -> Self {
        Self {
            scenario: scenario.clone(),
            seeds: 0,
            counts: Counts::default(),
            seeds_with_effect: BTreeMap::new(),
            seeds_with_machine_lost: 0,
            statuses: BTreeMap::new(),
            lateness: Lateness::default(),
            lateness_by_topic: BTreeMap::new(),
            matrix: scenario.matrix.then(Matrix::default),
            worlds: None,
            occasions: BTreeMap::new(),
            sometimes: BTreeMap::new(),
            catch: Catch::default(),
        }
    }

    fn add(&mut self, ran: Ran) {
        self.seeds += 1;
        let effective =
            || ran.counts.faults.iter().filter(|(_, count)| count.effective > 0).map(|(kind, _)| *kind);
        for kind in effective() {
            *self.seeds_with_effect.entry(kind).or_default() += 1;
        }
        self.seeds_with_machine_lost += u64::from(effective().any(takes_memory));
        self.counts.add(&ran.counts);
        for (status, answers) in ran.statuses {
            *self.statuses.entry(status).or_default() += answers;
        }
        for (name, sometimes) in ran.sometimes {
            self.sometimes.entry(name).or_default().add(sometimes);
        }
        if let Some(topic) = Topic::of_seed(&self.scenario.shape.failures, ran.seed) {
            self.lateness_by_topic.entry(topic).or_default().merge(&ran.lateness);
        }
        self.lateness.merge(&ran.lateness);
        if let (Some(sum), Some(matrix)) = (&mut self.matrix, &ran.matrix) {
            sum.merge(matrix);
        }
        if let Some(worlds) = &ran.worlds {
            self.worlds.get_or_insert_default().merge(worlds);
        }
        for rule in ran.occasions {
            *self.occasions.entry(rule).or_default() += 1;
        }
        self.catch.add(ran.seed, ran.findings);
    }

    /// Requests that were acknowledged: answered with a status from 200 to 299.
    pub fn acknowledged(&self) -> u64 {
        self.statuses.range(200..300).map(|(_, answers)| answers).sum()
    }

    /// What object code has told that is to hold now and then, and that never did.
    pub fn never_held(&self) -> Vec<&str> {
        let never = self.sometimes.iter().filter(|(_, sometimes)| sometimes.held == 0);
        never.map(|(name, _)| name.as_str()).collect()
    }

    /// Whether any run gave a rule of the contract an occasion to be broken.
    pub fn gave(&self, rule: RuleId) -> bool {
        self.occasions.contains_key(&rule)
    }

    /// Whether it is expected that this rule is found broken.
    pub fn expects(&self, rule: &str) -> bool {
        match self.scenario.expect {
            Expect::Clean => false,
            Expect::Caught { with, also } => with.contains(&rule) || also.contains(&rule),
        }
    }

    /// Whether the scenario met its expectation; else what is wrong, in a sentence.
    ///
    /// # Errors
    ///
    /// What was expected and not found, or found and not expected; in a hundred seeds or more also which rules had no occasion
    /// that the scenario has to give one, and what never held that object code tells as to hold now and then.
    pub fn verdict(&self) -> Result<(), String> {
        let with: &[&str] = match self.scenario.expect {
            Expect::Clean => &[],
            Expect::Caught { with, .. } => with,
        };
        let unexpected: Vec<&str> =
            self.catch.iter().map(|(rule, _)| rule).filter(|rule| !self.expects(rule)).collect();
        if !unexpected.is_empty() {
            return Err(format!("broke {}", unexpected.join(", ")));
        }
        let missing: Vec<&str> = with.iter().copied().filter(|rule| !self.catch.has(rule)).collect();
        if !missing.is_empty() {
            return Err(format!("{} was not caught in {} seeds", missing.join(", "), self.seeds));
        }
        let untried: Vec<&str> =
            self.scenario.gives.iter().copied().filter(|rule| !self.gave(RuleId(rule))).collect();
        if self.seeds >= SEEDS_JUDGED_MIN && !untried.is_empty() {
            return Err(format!("no occasion to break {} in {} seeds", untried.join(", "), self.seeds));
        }
        let never = self.never_held();
        if self.seeds >= SEEDS_JUDGED_MIN && !never.is_empty() {
            return Err(format!("never once held in {} seeds: {}", self.seeds, never.join(", ")));
        }
        Ok(())
    }
}

/// How many requests were answered with each status.
fn statuses(history: &History) -> BTreeMap<u16, u64> {
    let mut statuses = BTreeMap::new();
    for event in &history.events {
        if let What::Return { outcome: Outcome::Answered { status, .. }, .. } = &event.what {
            *statuses.entry(*status).or_default() += 1;
        }
    }
    statuses
}

/// Whether a fault of this name takes a machine with everything in its memory.
fn takes_memory(fault: &str) -> bool {
    kinds::named(fault).is_some_and(|(row, _)| row.takes.contains(&Takes::Memory))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::ticker;

    #[test]
    fn what_is_to_hold_now_and_then_holds_once_in_a_hundred_seeds() {
        let scenario = Arc::new(ticker().gives(&[]));
        let mut tally = Tally::new(&scenario);
        tally.seeds = SEEDS_JUDGED_MIN;
        let mut busy = Sometimes { told: 400, held: 1, seeds: 1 };
        tally.sometimes.insert("busy".to_owned(), busy);
        assert_eq!(tally.verdict(), Ok(()));
        (busy.held, busy.seeds) = (0, 0);
        tally.sometimes.insert("busy".to_owned(), busy);
        assert_eq!(tally.verdict(), Err("never once held in 100 seeds: busy".to_owned()));
        tally.seeds -= 1;
        assert_eq!(tally.verdict(), Ok(()), "fewer seeds may miss it by chance");
    }

    #[test]
    fn a_hundred_seeds_without_an_occasion_are_not_as_expected() {
        let scenario = Arc::new(ticker());
        let mut tally = Tally::new(&scenario);
        tally.seeds = SEEDS_JUDGED_MIN;
        tally.occasions.extend(scenario.gives.iter().map(|rule| (RuleId(rule), 1)));
        assert_eq!(tally.verdict(), Ok(()));
        tally.occasions.remove(&RuleId("F4"));
        assert_eq!(tally.verdict(), Err("no occasion to break F4 in 100 seeds".to_owned()));
        tally.seeds -= 1;
        assert_eq!(tally.verdict(), Ok(()), "fewer seeds may miss one by chance");
    }
}
