//! Whether what a scenario promises can see what its object does. Each call in object code that changes something (a write, a
//! removal, a change of the alarm, a call of a service) is taken away, one at a time, and the seeds are run again. A call that
//! nothing misses is not needed, or no promise looks at what it is there for: a mistake in that line would pass, too.
//!
//! ```text
//! the object as it is, all seeds -> the places in its code that call, and how often
//! one place without its call, seed after seed -> the first finding, or none
//! ```
//!
//! *Noticed* means that a run has a finding, of whatever kind: a rule of the contract, a promise of the scenario, a promise that object
//! code tells (`ctx.always`), a panic, a run without an end. *A client* notices if it is given an answer with a status that no client is
//! given by the object as it is, in any of the seeds; what the body of an answer should be is for a promise to say.
//!
//! A call that is taken away is taken away everywhere in the run, and its code is told that all is well (`teeth/sites.rs`). Where a
//! promise counts the calls of a service (`at_most`, `distinct`), each place that calls this service makes its call twice in one more
//! trial. A place that no seed comes to is not in the list: Rust does not tell which lines a class has.
//!
//! Nothing of it happens unless it is asked for: by [`Scenario::teeth`] in a test, or by the command `teeth`.

mod sites;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{bail, ensure};
use serde::Serialize;

pub use self::sites::{Change, Site};
use crate::cli::cores;
use crate::explore::{Campaign, Ran, Seeds, Tally};
use crate::promise::always;
use crate::scenario::Scenario;
use crate::testing::{self, SEEDS};

/// What came of a scenario's trials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Teeth {
    /// The scenario.
    pub scenario: &'static str,
    /// The seeds of each trial, as far as it has to go.
    pub seeds: Range<u64>,
    /// Each place and what was done to it, in the order of files and lines.
    pub trials: Vec<Trial>,
    /// Whether there would have been more trials.
    pub stopped_early: bool,
}

/// What came of one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// The place in object code, and what is called there.
    pub site: Site,
    /// What was done to it.
    pub change: Change,
    /// In how many seeds the object as it is makes the call.
    pub seeds_with_call: u64,
    /// What noticed it first; nothing if nothing did.
    pub noticed: Option<Noticed>,
}

/// What noticed a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Noticed {
    /// The rule or promise; [`A_CLIENT`] for a client.
    pub by: String,
    /// The lowest seed in which anything noticed it.
    pub seed: u64,
    /// What was found there.
    pub sentences: String,
}

/// What a client that notices something is called.
pub const A_CLIENT: &str = "a client";

impl Scenario {
    /// Tries whether the scenario's promises have teeth: takes each call away that its object's code makes and that changes
    /// something, and looks for what misses it, in [`SEEDS`] seeds or those of `REVEILLE_SEEDS`. [`crate::teeth`] says what is done
    /// and what counts.
    ///
    /// ```text
    /// scenario().teeth().assert_all_noticed();
    /// ```
    ///
    /// # Panics
    ///
    /// If anything is found with the object as it is, or none of its requests is acknowledged: then there is nothing to compare with.
    pub fn teeth(&self) -> Teeth {
        testing::tell_of_a_slow_engine();
        let never = AtomicBool::new(false);
        Teeth::of(self, testing::seeds(SEEDS), cores(), &never).unwrap_or_else(|wrong| panic!("{wrong:#}"))
    }
}

impl Teeth {
    /// Tries a scenario with these seeds, on so many threads; the result does not depend on their number. When `stop` becomes true
    /// no trial is begun, and the one in progress is dropped.
    ///
    /// # Errors
    ///
    /// If anything is found with the object as it is, or none of its requests is acknowledged.
    pub fn of(
        scenario: &Scenario,
        seeds: Range<u64>,
        jobs: usize,
        stop: &AtomicBool,
    ) -> anyhow::Result<Self> {
        let runs = Runs { seeds: seeds.clone(), jobs, stop };
        let mut teeth = Self { scenario: scenario.name, seeds, trials: Vec::new(), stopped_early: false };
        let (sites, tally) = runs.as_it_is(scenario)?;
        for (site, seeds_with_call) in sites {
            for change in changes(scenario, &site) {
                let changed = with_a_client(sites::changed(scenario, &site, change), &tally);
                let noticed = runs.first_finding(changed);
                if stop.load(Ordering::Relaxed) {
                    teeth.stopped_early = true;
                    return Ok(teeth);
                }
                teeth.trials.push(Trial { site: site.clone(), change, seeds_with_call, noticed });
            }
        }
        teeth.stopped_early = stop.load(Ordering::Relaxed);
        Ok(teeth)
    }

    /// What nothing noticed.
    pub fn unnoticed(&self) -> impl Iterator<Item = &Trial> {
        self.trials.iter().filter(|trial| trial.noticed.is_none())
    }

    /// Asserts that every change was noticed.
    ///
    /// # Panics
    ///
    /// If one was not. The message is the whole table, and which they are.
    #[track_caller]
    pub fn assert_all_noticed(&self) {
        assert!(self.unnoticed().next().is_none(), "{self}");
    }
}

/// What is tried at a place.
fn changes(scenario: &Scenario, site: &Site) -> Vec<Change> {
    let counts = |service: &str| scenario.promises.iter().any(|promise| promise.counts == Some(service));
    let is_counted = site.service().is_some_and(counts);
    [Change::LeftOut].into_iter().chain(is_counted.then_some(Change::Doubled)).collect()
}

/// The scenario with a client that notices answers of a status that is not among those of the object as it is.
fn with_a_client(scenario: Scenario, as_it_is: &Tally) -> Scenario {
    let known = as_it_is.statuses.clone();
    scenario.promise(always(A_CLIENT, move |_, answer| known.contains_key(&answer.status)))
}

/// How trials are run.
struct Runs<'a> {
    seeds: Range<u64>,
    jobs: usize,
    stop: &'a AtomicBool,
}

impl Runs<'_> {
    /// Runs the object as it is. Gives the places of its code that call, each with the seeds in which it does, and how clients
    /// were answered.
    fn as_it_is(&self, scenario: &Scenario) -> anyhow::Result<(BTreeMap<Site, u64>, Tally)> {
        let found = sites::Found::default();
        let (tally, broken) = self.run(sites::watched(scenario, &found));
        let name = scenario.name;
        if let Some(Noticed { by, seed, sentences }) = broken {
            bail!(
                "{name} breaks {by} in seed {seed} as it is, so nothing can be said of what would notice a change: {sentences}"
            );
        }
        ensure!(
            tally.acknowledged() > 0 || self.stop.load(Ordering::Relaxed),
            "{name}: no request was acknowledged in {} seeds, so there is nothing to notice",
            tally.seeds
        );
        let sites = found.sites();
        ensure!(
            !sites.is_empty() || self.stop.load(Ordering::Relaxed),
            "{name}: its code makes no call that changes anything, so there is none to take away"
        );
        Ok((sites, tally))
    }

    /// The first finding, if there is one.
    fn first_finding(&self, scenario: Scenario) -> Option<Noticed> {
        self.run(scenario).1
    }

    /// Runs the seeds up to the first one with a finding.
    fn run(&self, scenario: Scenario) -> (Tally, Option<Noticed>) {
        let scenarios = vec![Arc::new(scenario)];
        let seeds = Seeds::Range(self.seeds.clone());
        let campaign = Campaign { scenarios, seeds, jobs: self.jobs, keep: None, worlds: false };
        let enough = AtomicBool::new(false);
        let mut first: Option<Noticed> = None;
        let mut tallies = campaign.run(&enough, |ran: &mut Ran| {
            let is_first = first.as_ref().is_none_or(|first| ran.seed < first.seed);
            if is_first && let Some(finding) = ran.findings.first() {
                let (by, sentences) = (finding.rule.clone(), finding.sentences.clone());
                first = Some(Noticed { by, seed: ran.seed, sentences });
            }
            // Seeds begin in their order: all below this one are run to their end.
            if first.is_some() || self.stop.load(Ordering::Relaxed) {
                enough.store(true, Ordering::Relaxed);
            }
        });
        (tallies.pop().expect("a campaign of one scenario has one tally"), first)
    }
}
