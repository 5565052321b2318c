//! Why each thing that is left in a plan is left: what happens without it. After a whole search nearly
//! everything that is left is needed; this says for what, and what is not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use reveille_sim::plan::Plan;
use serde::{Deserialize, Serialize};

use super::{Shrink, cluster, counted, knobs};
use crate::finding;
use crate::signature::Signature;
use crate::story;

/// A plan without one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Without {
    /// What is left out.
    pub thing: Thing,
    /// The thing in words.
    pub what: String,
    /// What is broken then: rules; none if nothing is.
    pub broken: Vec<String>,
    /// Whether that is still what the plan was shrunk for, for the same reason: the thing is not needed.
    pub still: bool,
}

/// Something in a plan that it may be possible to do without; faults, outages and requests by their positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// A fault.
    Fault(usize),
    /// A time in which outside services behave badly.
    Outage(usize),
    /// A request.
    Request(usize),
    /// A knob that is not calm.
    Knob,
    /// Machines.
    Machines,
}

/// More requests than these in a row that come to the same thing are told in one line.
const ALIKE_MAX: usize = 3;

/// What happens without each thing, a line each.
pub fn told(explained: &[Without]) -> Vec<String> {
    let are_alike = |one: &Without, other: &Without| {
        matches!((one.thing, other.thing), (Thing::Request(_), Thing::Request(_)))
            && (&one.broken, one.still) == (&other.broken, other.still)
    };
    let mut lines = Vec::new();
    for alike in explained.chunk_by(are_alike) {
        match alike {
            [
                Without { thing: Thing::Request(first), .. },
                ..,
                last @ Without { thing: Thing::Request(n), .. },
            ] if alike.len() > ALIKE_MAX => {
                lines.push(format!("without any one of requests {first} to {n}, {}", last.consequence()));
            }
            _ => lines.extend(alike.iter().map(|without| {
                let what = &without.what;
                let whole = match without.thing {
                    Thing::Fault(n) => format!("without fault {n} ({what})"),
                    Thing::Outage(n) => format!("without outage {n} ({what})"),
                    Thing::Request(n) => format!("without request {n} ({what})"),
                    Thing::Knob | Thing::Machines => format!("with {what}"),
                };
                format!("{whole}, {}", without.consequence())
            })),
        }
    }
    lines
}

impl Without {
    fn consequence(&self) -> String {
        match (self.still, &self.broken[..]) {
            (true, _) => "it breaks just the same".to_owned(),
            (false, []) => "nothing breaks".to_owned(),
            (false, rules) => format!("something else breaks: {}", rules.join(", ")),
        }
    }
}

/// What happens without each thing of the plan: each fault, outage and request, each knob that is not calm, and the size of
/// the cluster. In that order.
pub fn explain(shrink: &Shrink<'_>, plan: &Plan) -> Vec<Without> {
    let things = things(plan, shrink.signature);
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..shrink.jobs {
            let sender = sender.clone();
            let (next, things) = (&next, &things);
            scope.spawn(move || {
                loop {
                    let position = next.fetch_add(1, Ordering::Relaxed);
                    let Some((thing, what, plan)) = things.get(position) else { return };
                    // The receiver lives as long as its threads.
                    _ = sender.send((position, without(shrink, *thing, what, plan)));
                }
            });
        }
    });
    drop(sender);
    let mut explained: Vec<(usize, Without)> = results.into_iter().collect();
    explained.sort_by_key(|(position, _)| *position);
    explained.into_iter().map(|(_, without)| without).collect()
}

fn without(shrink: &Shrink<'_>, thing: Thing, what: &str, plan: &Plan) -> Without {
    let outcome = shrink.scenario.run(plan);
    let still = finding::with(&outcome, shrink.signature).is_some();
    let broken = finding::of(&outcome).into_iter().map(|finding| finding.rule).collect();
    Without { thing, what: what.to_owned(), broken, still }
}

/// Each thing of a plan, and the plan without it.
fn things(plan: &Plan, signature: &Signature) -> Vec<(Thing, String, Plan)> {
    // As it stands in stories: the plan's own times begin with the fault phase.
    let moment = |at_ms: u64| story::seconds((plan.phases.warm_up_ms + at_ms) * 1_000_000);
    let mut things = Vec::new();
    let mut add = |thing: Thing, what: String, change: &dyn Fn(&mut Plan)| {
        let mut other = plan.clone();
        change(&mut other);
        if other != *plan && other.validate().is_ok() {
            things.push((thing, what, other));
        }
    };
    for (index, fault) in plan.faults.iter().enumerate() {
        let what = format!("at {}: {}", moment(fault.at_ms), fault.kind.told());
        add(Thing::Fault(index), what, &|plan| _ = plan.faults.remove(index));
    }
    for (index, outage) in plan.upstream.outages.iter().enumerate() {
        let what = format!("at {}: {}", moment(outage.at_ms), outage.told());
        add(Thing::Outage(index), what, &|plan| _ = plan.upstream.outages.remove(index));
    }
    for (index, request) in plan.workload.iter().enumerate() {
        let what = format!("at {}, to {}: {:?}", moment(request.at_ms), request.object, request.body);
        add(Thing::Request(index), what, &|plan| _ = plan.workload.remove(index));
    }
    for knob in &knobs::ALL {
        add(Thing::Knob, knob.calm.to_owned(), &knob.turn);
    }
    if let Some(smallest) = cluster::smaller(plan.cluster, signature).first() {
        let machines = counted(smallest.machines().into(), "machine");
        let datacenters = counted(smallest.datacenters.into(), "datacenter");
        add(Thing::Machines, format!("{machines} in {datacenters}"), &|plan| {
            *plan = cluster::in_cluster(plan, *smallest, true);
        });
    }
    things
}
