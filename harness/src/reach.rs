//! What a run of a plan has reached. A plan that was kept because it broke something says nothing any more when its faults
//! strike nobody, or when its requests never come to object code: then a clean run does not prove that something was mended.

use std::collections::BTreeSet;
use std::fmt;

use reveille_model::history::{Delivery, What};
use reveille_sim::fates::Fate;
use reveille_sim::plan::Plan;
use reveille_sim::run::Outcome;
use serde::{Deserialize, Serialize};

/// What was reached, by positions in the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// Faults that had an effect.
    pub faults: BTreeSet<usize>,
    /// Outages that had an effect.
    pub outages: BTreeSet<usize>,
    /// Requests that came to object code.
    pub requests: BTreeSet<usize>,
    /// Objects whose `alarm()` ran.
    pub alarms: BTreeSet<String>,
}

impl Reach {
    /// What a run reached of its plan.
    pub fn of(outcome: &Outcome, plan: &Plan) -> Self {
        let effective = |fates: &[Fate]| {
            let numbered = fates.iter().enumerate();
            numbered.filter(|(_, fate)| **fate == Fate::Effective).map(|(position, _)| position).collect()
        };
        let mut reach = Self {
            faults: effective(&outcome.fates.faults),
            outages: effective(&outcome.fates.outages),
            ..Self::default()
        };
        for event in &outcome.history.events {
            match &event.what {
                What::Deliver { delivery: Delivery::Request { request } } => {
                    let position = usize::try_from(*request).ok();
                    reach.requests.extend(position.filter(|position| *position < plan.workload.len()));
                }
                What::RunStart { .. } => {
                    reach.alarms.extend(event.by.as_ref().map(|by| by.object.to_string()));
                }
                _ => {}
            }
        }
        reach
    }

    /// What was reached once and is not reached by this other run; empty if all of it is.
    pub fn missing_in(&self, other: &Self) -> Self {
        let missing = |once: &BTreeSet<usize>, now: &BTreeSet<usize>| once.difference(now).copied().collect();
        Self {
            faults: missing(&self.faults, &other.faults),
            outages: missing(&self.outages, &other.outages),
            requests: missing(&self.requests, &other.requests),
            alarms: self.alarms.difference(&other.alarms).cloned().collect(),
        }
    }

    /// Whether nothing was reached.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// As what is missing.
impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { faults, outages, requests, alarms } = self;
        let mut parts: Vec<String> = Vec::new();
        parts.extend(faults.iter().map(|fault| format!("fault {fault} has no effect")));
        parts.extend(outages.iter().map(|outage| format!("outage {outage} has no effect")));
        parts
            .extend(requests.iter().map(|request| format!("request {request} does not come to object code")));
        parts.extend(alarms.iter().map(|object| format!("alarm() of {object} does not run")));
        f.write_str(&parts.join(", "))
    }
}
