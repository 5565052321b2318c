//! One life of a worker: a plan run to its end, what was seen of it, and what the contract says about it.

use reveille_model::history::History;
use reveille_model::jsonl::Malformed;
use reveille_model::verdict::Verdict;
use reveille_model::{Profile, check};
use xxhash_rust::xxh3::Xxh3;

use crate::history;
use crate::lockstep::Fault;
use crate::plan::Plan;
use crate::rest::{self, Rest, Unreadable};
use crate::worker::Worker;
use crate::world::{Told, What, World};

/// Why a life could not be run or told: never a finding.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The process.
    #[error(transparent)]
    Process(#[from] Fault),
    /// Its files.
    #[error(transparent)]
    Files(#[from] Unreadable),
    /// The wrapper told what has no place in a history.
    #[error("the wrapper told what is no history: {0}")]
    History(#[from] Malformed),
    /// No request or alarm reached the worker.
    #[error("{0}")]
    Nothing(String),
}

/// A life that is over.
#[derive(Clone, Debug)]
pub struct Life {
    /// What was seen and told.
    pub told: Vec<Told>,
    /// What is durable at the end.
    pub rest: Rest,
    /// The history.
    pub history: History,
    /// The same as a file that `check` reads.
    pub text: String,
    /// What the wrapper could not tell.
    pub blind: Vec<String>,
    /// What the model says about it, in the profile `workerd`.
    pub verdict: Verdict,
}

impl Life {
    /// A hash over everything that was seen and told, the same in every process.
    pub fn digest(&self) -> u64 {
        digest(&self.told)
    }

    /// A hash over what was seen outside alone: not what the process said of itself, nor at which of its
    /// points it died. It is the same with the wrapper and without it.
    pub fn outside(&self) -> u64 {
        let mut hash = Xxh3::new();
        for told in self.told.iter().filter(|told| told.what.is_outside()) {
            let mut told = told.clone();
            match &mut told.what {
                What::Down { point } => *point = None,
                What::Called { known_as, .. } => *known_as = None,
                _ => {}
            }
            hash.update(&line(&told));
        }
        hash.digest()
    }

    /// Whether the run ended in a storm: the same thing again and again, without an end, at one instant.
    pub fn is_storm(&self) -> bool {
        self.told.last().is_some_and(|told| told.what == What::Storm)
    }
}

/// A hash over what was told.
pub(crate) fn digest(told: &[Told]) -> u64 {
    let mut hash = Xxh3::new();
    told.iter().for_each(|told| hash.update(&line(told)));
    hash.digest()
}

/// What was told, in a form to hash.
pub(crate) fn line(told: &Told) -> Vec<u8> {
    serde_json::to_vec(told).expect("what is told has only keys that are texts")
}

/// Runs a plan.
///
/// # Errors
///
/// If the runtime cannot be run, or ends by itself.
pub fn run(worker: &Worker, plan: &Plan) -> Result<Life, Failed> {
    let mut world = World::new(worker, plan)?;
    world.run(worker, None)?;
    judged(plan, world)
}

/// What is to be said about a run that is over.
pub(crate) fn judged(plan: &Plan, world: World<'_>) -> Result<Life, Failed> {
    let rest = rest::read(&world.files()?)?;
    let told = world.into_told();
    let history::Written { history, text, blind } = history::write(plan, &told, Some(&rest))?;
    let verdict = check(&history, Profile::Workerd);
    Ok(Life { told, rest, history, text, blind: blind.into_iter().collect(), verdict })
}
