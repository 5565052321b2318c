//! How long commits take while nothing is broken, measured in mean round trips of the plan's network: what that would
//! allow if disks took no time.

use std::collections::BTreeMap;

use reveille_model::history::What;
use reveille_system::ids::{MachineId, SliceId};

use crate::plan::Plan;

/// Batches count that begin so long after the last fault: until then leaders and holders may not be back in their places.
/// In nanoseconds.
const SETTLED_NS: u64 = 60_000_000_000;

/// Latencies in hundredths of a round trip, and how many commits took so long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoundTrips(BTreeMap<u64, u64>);

impl RoundTrips {
    fn add(&mut self, hundredths: u64) {
        *self.0.entry(hundredths).or_default() += 1;
    }

    /// Adds another run's.
    pub fn merge(&mut self, other: &Self) {
        for (hundredths, count) in &other.0 {
            *self.0.entry(*hundredths).or_default() += count;
        }
    }

    /// How many commits there are.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The round trips that `percent` of the commits did not take longer than; none without commits.
    pub fn percentile(&self, percent: u64) -> Option<f64> {
        let rank = (self.count() * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let reached = |(hundredths, count): (&u64, &u64)| {
            seen += count;
            (seen >= rank).then_some(*hundredths as f64 / 100.0)
        };
        self.0.iter().find_map(reached)
    }
}

/// What has to be known to measure a commit.
#[derive(Debug)]
pub(crate) struct Commits {
    /// By machine, then by slice: the mean round trip to the nearest majority of the slice's group, in nanoseconds.
    round_trips_ns: Vec<Vec<u64>>,
    /// Faults that are at work.
    at_work: usize,
    /// From when to when no fault was at work: before the last one, and since.
    calm_ns: [(u64, u64); 2],
}

impl Commits {
    pub(crate) fn new(plan: &Plan) -> Self {
        let config = plan.config();
        let round_trip_ns = |machine: MachineId, slice: SliceId| {
            let place = |machine| usize::from(config.datacenter_of(machine).0);
            let one_way_ns = |from, to| plan.network.mean_latency_ns(place(from), place(to));
            let there_and_back = |replica| one_way_ns(machine, replica) + one_way_ns(replica, machine);
            let mut all: Vec<u64> = config.replicas_of(config.group_of(slice)).map(there_and_back).collect();
            all.sort_unstable();
            all[all.len() / 2]
        };
        let of_machine = |machine| {
            (0..config.slices).map(|slice| round_trip_ns(MachineId(machine), SliceId(slice))).collect()
        };
        let round_trips_ns = (0..config.machines()).map(of_machine).collect();
        Self { round_trips_ns, at_work: 0, calm_ns: [(0, 0), (0, u64::MAX)] }
    }

    /// Watches faults begin and end.
    pub(crate) fn see(&mut self, at_ns: u64, what: &What) {
        match what {
            What::FaultBegin { .. } => {
                if self.at_work == 0 {
                    self.calm_ns[1].1 = at_ns;
                }
                self.at_work += 1;
            }
            What::FaultEnd { .. } => {
                self.at_work -= 1;
                if self.at_work == 0 {
                    self.calm_ns = [self.calm_ns[1], (at_ns, u64::MAX)];
                }
            }
            _ => {}
        }
    }

    /// A machine knows that a batch is durable which it proposed `after_ns` before.
    pub(crate) fn acknowledged(
        &self,
        at_ns: u64,
        machine: MachineId,
        slice: SliceId,
        after_ns: u64,
        counted: &mut RoundTrips,
    ) {
        let begun_ns = at_ns.saturating_sub(after_ns);
        let is_calm = |(from_ns, to_ns): (u64, u64)| {
            let settled_ns = if from_ns == 0 { 0 } else { from_ns + SETTLED_NS };
            (settled_ns..to_ns).contains(&begun_ns)
        };
        let round_trip_ns = self.round_trips_ns[usize::from(machine.0)][usize::from(slice.0)];
        // A replica that is its own quorum has no round trip.
        if self.calm_ns.into_iter().any(is_calm)
            && let Some(hundredths) = (100 * after_ns).checked_div(round_trip_ns)
        {
            counted.add(hundredths);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_runs_together() {
        let of = |hundredths: &[u64]| {
            let mut round_trips = RoundTrips::default();
            hundredths.iter().for_each(|one| round_trips.add(*one));
            round_trips
        };
        let mut all = of(&[100, 110, 120]);
        all.merge(&of(&[400]));
        assert_eq!(
            (all.percentile(50), all.percentile(75), all.percentile(99)),
            (Some(1.1), Some(1.2), Some(4.0))
        );
        assert_eq!(of(&[]).percentile(50), None);
    }
}
