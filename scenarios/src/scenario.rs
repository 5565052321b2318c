//! A scenario: objects, what is asked of them, what they promise, and what the harness is expected to find.

use reveille_model::history::History;
use reveille_model::verdict::Violation;
use reveille_sim::plan::Plan;
use reveille_sim::run::{self, Outcome, RunEnd};
use reveille_system::object::class::Classes;

use crate::plans::{self, Shape};
use crate::scenarios::{alarm_example, batcher, batcher_docs, cron, failover, retry_info, scripted, sweep};

/// All scenarios, in the order in which they are listed.
pub const ALL: &[Scenario] = &[
    batcher_docs::SCENARIO,
    batcher::SCENARIO,
    retry_info::SCENARIO,
    alarm_example::SCENARIO,
    cron::SCENARIO,
    failover::SCENARIO,
    sweep::SCENARIO,
    scripted::SCENARIO,
];

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it is about.
    pub sentence: &'static str,
    /// What the harness is expected to find.
    pub expect: Expect,
    /// The rules of the contract that a campaign of a hundred seeds has to give an occasion to be broken: what is clean without one
    /// was not tested.
    pub gives: &'static [&'static str],
    /// The classes of its objects.
    pub classes: fn() -> Classes,
    /// What its plans look like.
    pub shape: Shape,
    /// What its objects promise beside the rules, as a check over the history.
    pub promise: Option<fn(&History) -> Vec<Violation>>,
    /// Whether a campaign tells which calls were made in which context ([`crate::matrix`]).
    pub matrix: bool,
}

/// A name that no scenario has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario of the name {0:?}; there are: {names}", names = names())]
pub struct UnknownScenario(pub String);

fn names() -> String {
    ALL.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ")
}

/// What a campaign is expected to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Clean,
    /// Broken promises.
    Caught {
        /// Each of these.
        with: &'static [&'static str],
        /// Perhaps these, and no others.
        also: &'static [&'static str],
    },
}

impl Scenario {
    /// The scenario of that name.
    pub fn named(name: &str) -> Option<&'static Scenario> {
        ALL.iter().find(|scenario| scenario.name == name)
    }

    /// The scenario of that name, which somebody has written.
    ///
    /// # Errors
    ///
    /// If there is none: which there are.
    pub fn of_name(name: &str) -> Result<&'static Scenario, UnknownScenario> {
        Self::named(name).ok_or_else(|| UnknownScenario(name.to_owned()))
    }

    /// The plan that a seed stands for.
    pub fn plan(&self, seed: u64) -> Plan {
        plans::draw(self, seed)
    }

    /// Runs a plan and judges it: by the rules of the contract, then by the promise of the scenario's objects.
    pub fn run(&self, plan: &Plan) -> Outcome {
        self.judge(run::run(plan, self.classes))
    }

    /// Adds to the outcome of a run what the scenario's own promise finds in it. Only a whole run can tell: before its end
    /// what was promised may still come true.
    pub fn judge(&self, mut outcome: Outcome) -> Outcome {
        if let Some(promise) = self.promise
            && outcome.end == RunEnd::Completed
        {
            outcome.verdict.add(promise(&outcome.history));
        }
        outcome
    }
}
