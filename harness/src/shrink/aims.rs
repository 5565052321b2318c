//! Aims faults that wait for a moment at the machine that they struck, at the time at which they did: a machine and a time
//! say more to a reader than a moment, where the story does not depend on being struck right then.

use reveille_model::history::{Scope, What};
use reveille_sim::plan::{Fault, Plan};
use reveille_sim::run::Outcome;

use super::search::{Pass, Search};

/// Aims each of them, if that will do.
pub(super) fn at_machines(search: &mut Search<'_>) {
    for index in 0..search.best().faults.len() {
        if search.best().faults[index].kind.waits_for().is_none() {
            continue;
        }
        let plan = search.best();
        let aimed = aimed(plan, &plan.faults[index], &search.run_best());
        search.take_first(Pass::Moments, aimed.len(), |plan, position| {
            let mut plan = plan.clone();
            plan.faults[index] = aimed[position].clone();
            Some(plan)
        });
    }
}

/// The fault at each machine that one of its name has struck in this run, in the millisecond before it did and in the one
/// behind it.
fn aimed(plan: &Plan, fault: &Fault, outcome: &Outcome) -> Vec<Fault> {
    let struck = outcome.history.events.iter().filter_map(|event| match &event.what {
        What::FaultBegin { kind, scope: Scope::Machine(machine), .. } if **kind == *fault.kind.name() => {
            Some(((event.at_ns / 1_000_000).saturating_sub(plan.phases.warm_up_ms), *machine))
        }
        _ => None,
    });
    struck
        .flat_map(|(at_ms, machine)| [(at_ms, machine), (at_ms + 1, machine)])
        .map(|(at_ms, machine)| Fault { at_ms, kind: fault.kind.aimed_at_machine(machine) })
        .collect()
}
