//! Why each thing that is left in a plan is left: what happens without it. After a whole search everything left is needed,
//! and this says for what.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use reveille_sim::plan::{Cluster, Plan};
use serde::{Deserialize, Serialize};

use super::{Shrink, counted, knobs};
use crate::finding;
use crate::story;

/// A plan without one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Without {
    /// What is left out, or made calm, as the beginning of a sentence: "without fault 2 (...)".
    pub what: String,
    /// What is broken then: rules; none if nothing is.
    pub broken: Vec<String>,
    /// Whether that is still what the plan was shrunk for, for the same reason: the thing is not needed.
    pub still: bool,
}

impl fmt::Display for Without {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, broken, still } = self;
        match (still, &broken[..]) {
            (true, _) => write!(f, "{what} it breaks just so"),
            (false, []) => write!(f, "{what} nothing breaks"),
            (false, rules) => write!(f, "{what} it breaks otherwise: {}", rules.join(", ")),
        }
    }
}

/// What happens without each thing of the plan: each fault, outage and request, each knob that is not calm, and machines
/// beyond the first. In that order; what was not begun when `shrink.stop` became true is left out.
pub fn explain(shrink: &Shrink<'_>, plan: &Plan) -> Vec<Without> {
    let things = things(plan);
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..shrink.jobs {
            let sender = sender.clone();
            let (next, things) = (&next, &things);
            scope.spawn(move || {
                while let Some((what, plan)) = things.get(next.fetch_add(1, Ordering::Relaxed))
                    && !shrink.stop.load(Ordering::Relaxed)
                {
                    _ = sender.send(without(shrink, what, plan));
                }
            });
        }
    });
    drop(sender);
    let mut explained: Vec<Without> = results.into_iter().collect();
    let position = |without: &Without| things.iter().position(|(what, _)| *what == without.what);
    explained.sort_by_key(position);
    explained
}

fn without(shrink: &Shrink<'_>, what: &str, plan: &Plan) -> Without {
    let outcome = shrink.scenario.run(plan);
    let still = finding::with(&outcome, shrink.signature).is_some();
    let broken = finding::of(&outcome).into_iter().map(|finding| finding.rule).collect();
    Without { what: what.to_owned(), broken, still }
}

/// Each thing of a plan, and the plan without it.
fn things(plan: &Plan) -> Vec<(String, Plan)> {
    // As it stands in stories: the plan's own times begin with the fault phase.
    let moment = |at_ms: u64| story::seconds((plan.phases.warm_up_ms + at_ms) * 1_000_000);
    let mut things = Vec::new();
    let mut add = |what: String, change: &dyn Fn(&mut Plan)| {
        let mut other = plan.clone();
        change(&mut other);
        if other != *plan && other.validate().is_ok() {
            things.push((what, other));
        }
    };
    for (index, fault) in plan.faults.iter().enumerate() {
        let what = format!("without fault {index} (at {}: {})", moment(fault.at_ms), fault.kind.told());
        add(what, &|plan| drop(plan.faults.remove(index)));
    }
    for (index, outage) in plan.upstream.outages.iter().enumerate() {
        let what = format!("without outage {index} (at {}: {})", moment(outage.at_ms), outage.told());
        add(what, &|plan| drop(plan.upstream.outages.remove(index)));
    }
    for (index, request) in plan.workload.iter().enumerate() {
        let what = format!(
            "without request {index} (at {}, to {}: {:?})",
            moment(request.at_ms),
            request.object,
            request.body
        );
        add(what, &|plan| drop(plan.workload.remove(index)));
    }
    for knob in &knobs::ALL {
        add(knob.calm.to_owned(), &knob.turn);
    }
    let Cluster { datacenters, .. } = plan.cluster;
    if plan.cluster.machines() > 1 {
        let others = counted(usize::from(plan.cluster.machines()), "machine");
        let what = format!("with one machine instead of {others} in {}", counted(datacenters.into(), "datacenter"));
        add(what, &|plan| super::cluster::shrink_to_one(plan));
    }
    things
}
