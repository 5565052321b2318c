//! From a plan that breaks a promise to the smallest plan that breaks it for the same reason, so that a finding is a story
//! and not two hundred seconds of a busy cluster.
//!
//! ```text
//! plan -> passes, in rounds -> a plan that no pass makes smaller -> explain: what happens without each thing left
//!           |  candidates, the boldest first
//!           v
//!         search: runs them on all cores, takes over the first that still breaks for the same reason
//! ```
//!
//! A pass knows one way in which plans can be smaller, and offers candidates; it tries nothing. The search decides, and its
//! plan does not depend on the number of threads: of several candidates that break, the first counts. How many are tried
//! does. Interrupted, the best plan so far is the result.
//!
//! Whole passages of lists go first (delta debugging), then the cluster, then what is left is calmed, shortened
//! and simplified. Lengths are found by proptest's binary search. Proptest's trees of whole plans are not
//! used: they remove one element after the other, and what they remove draws everything behind it anew.

mod aims;
mod bodies;
mod cluster;
mod explain;
mod knobs;
mod lengths;
mod lists;
mod moments;
mod search;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::AtomicBool;

use reveille_sim::plan::Plan;
use serde::Serialize;

pub use self::explain::{Thing, Without, explain, told};
use self::search::Search;
pub use self::search::{Pass, Work};
use crate::scenario::Scenario;
use crate::signature::Signature;

/// The most rounds over all passes. A round without a change ends the search; one that still changes something after so
/// many changes no more than a time here and there.
const ROUNDS_MAX: u32 = 8;

/// What is to be shrunk, and how.
#[derive(Clone, Copy, Debug)]
pub struct Shrink<'a> {
    /// Whose plan it is.
    pub scenario: &'a Scenario,
    /// What the plan breaks, and has to go on breaking.
    pub signature: &'a Signature,
    /// Threads; the plan that is found does not depend on them.
    pub jobs: usize,
    /// When it becomes true the best plan so far is the result.
    pub stop: &'a AtomicBool,
}

/// The smallest plan that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shrunk {
    /// The plan.
    pub plan: Plan,
    /// How large the plan was that was given.
    pub before: Size,
    /// How large it is now.
    pub after: Size,
    /// What each pass did.
    pub work: Vec<(Pass, Work)>,
    /// Whether it was stopped before no pass found anything more: by `stop`, or because a plan was stuck, whose thread goes
    /// on for ever beside the others.
    pub interrupted: bool,
}

impl Shrink<'_> {
    /// Shrinks a plan. `progress` hears of each plan that was tried.
    ///
    /// # Panics
    ///
    /// If the plan is not valid.
    pub fn run(&self, plan: &Plan, progress: &mut dyn FnMut(&Progress)) -> Shrunk {
        let mut search = Search::new(self, plan.clone(), progress);
        let mut interrupted = false;
        for _ in 0..ROUNDS_MAX {
            let before = search.best().clone();
            lists::shorten(&mut search);
            cluster::shrink(&mut search);
            knobs::calm(&mut search);
            lengths::shorten(&mut search);
            aims::at_machines(&mut search);
            // With even latencies and short faults what needed many machines may need one, as long as the times at which
            // things happen are not cut fine.
            cluster::shrink(&mut search);
            moments::close_gaps(&mut search);
            bodies::simplify(&mut search);
            interrupted = search.is_stopped();
            if *search.best() == before || interrupted {
                break;
            }
        }
        let (smallest, work) = search.finish();
        Shrunk { before: Size::of(plan), after: Size::of(&smallest), plan: smallest, work, interrupted }
    }
}

/// How far the search is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Plans tried so far.
    pub runs: u64,
    /// The pass that is at work.
    pub pass: Pass,
    /// The size of the best plan so far.
    pub size: Size,
}

/// How large a plan is, by what a reader has to take in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Faults.
    pub faults: usize,
    /// Times in which outside services behave badly.
    pub outages: usize,
    /// Requests.
    pub requests: usize,
    /// Objects that are asked something.
    pub objects: usize,
    /// Machines.
    pub machines: u16,
    /// All phases together, in milliseconds of virtual time.
    pub run_ms: u64,
}

impl Size {
    /// The size of a plan.
    pub fn of(plan: &Plan) -> Self {
        let objects: BTreeSet<&str> = plan.workload.iter().map(|request| &*request.object).collect();
        Self {
            faults: plan.faults.len(),
            outages: plan.upstream.outages.len(),
            requests: plan.workload.len(),
            objects: objects.len(),
            machines: plan.cluster.machines(),
            run_ms: plan.phases.run_ms(),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { faults, outages, requests, objects, machines, run_ms } = *self;
        let counts = [
            counted(requests, "request"),
            counted(faults, "fault"),
            counted(outages, "outage"),
            counted(objects, "object"),
            counted(usize::from(machines), "machine"),
        ];
        write!(f, "{}, {} s", counts.join(", "), run_ms.div_ceil(1_000))
    }
}

/// A number with its noun.
fn counted(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}
