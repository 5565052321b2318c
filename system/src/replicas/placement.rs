//! Where a group is best led: in the datacenter in which most of its slices are held. A commit goes from the holder of a
//! slice to the leader and from there to the nearest quorum, so with both in one datacenter it takes one round trip. Which
//! machine holds which slice the leader knows from its own state.

use crate::config::Config;
use crate::ids::{DatacenterId, GroupId, MachineId};

/// Leadership follows the holders once they have been where they are for so long, and the replica there has been able to
/// lead all the time.
const SETTLED_MS: u64 = 5_000;
/// For so long after a transfer this replica makes no other: while one is under way proposals are refused.
const AGAIN_MS: u64 = 60_000;

/// What the leader of a group thinks of its own place.
#[derive(Debug)]
pub(super) struct Placement {
    /// By datacenter.
    replicas: Vec<MachineId>,
    machines_per_datacenter: u16,
    slices: usize,
    me: MachineId,
    /// A better place, and for how many ticks it has been one.
    better: Option<(MachineId, u64)>,
    rest_ticks: u64,
    settled_ticks: u64,
    again_ticks: u64,
}

impl Placement {
    pub(super) fn new(config: &Config, group: GroupId, me: MachineId) -> Self {
        Self {
            replicas: config.replicas_of(group).collect(),
            machines_per_datacenter: config.machines_per_datacenter,
            slices: config.slices_of(group).count(),
            me,
            better: None,
            rest_ticks: 0,
            settled_ticks: SETTLED_MS.div_ceil(config.tick_ms),
            again_ticks: AGAIN_MS.div_ceil(config.tick_ms),
        }
    }

    /// Time passes on a leader; `holders` are the machines that hold a slice of the group, one for each slice that is held.
    /// Gives the replica that is to lead instead.
    pub(super) fn leader_ticks(
        &mut self,
        holders: impl Iterator<Item = MachineId>,
        can_lead: impl Fn(MachineId) -> bool,
    ) -> Option<MachineId> {
        self.rest_ticks = self.rest_ticks.saturating_sub(1);
        let best = self.best(holders).filter(|best| *best != self.me && can_lead(*best));
        let before = self.better;
        let ticks = |best| before.filter(|(other, _)| *other == best).map_or(0, |(_, ticks)| ticks + 1);
        self.better = best.map(|best| (best, ticks(best)));
        let (to, _) =
            self.better.filter(|(_, ticks)| *ticks >= self.settled_ticks && self.rest_ticks == 0)?;
        self.rest_ticks = self.again_ticks;
        Some(to)
    }

    /// Time passes on a replica that does not lead.
    pub(super) fn follower_ticks(&mut self) {
        self.rest_ticks = self.rest_ticks.saturating_sub(1);
        self.better = None;
    }

    /// The replica in the datacenter that holds more than half of the slices, if there is one.
    fn best(&self, holders: impl Iterator<Item = MachineId>) -> Option<MachineId> {
        let mut held = vec![0; self.replicas.len()];
        for machine in holders {
            let DatacenterId(datacenter) = DatacenterId(machine.0 / self.machines_per_datacenter);
            if let Some(held) = held.get_mut(usize::from(datacenter)) {
                *held += 1;
            }
        }
        let most = held.iter().position(|held| 2 * held > self.slices)?;
        Some(self.replicas[most])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three datacenters of two machines, one group of four slices; its replicas are on machines 0, 3 and 4.
    fn placement() -> Placement {
        Placement::new(&Config::new(3, 2, 1, 4), GroupId(0), MachineId(0))
    }

    fn after(placement: &mut Placement, ticks: u64, holders: [u16; 4]) -> Option<MachineId> {
        let holders = || holders.into_iter().map(MachineId);
        (0..ticks).find_map(|_| placement.leader_ticks(holders(), |_| true))
    }

    const MOST_ELSEWHERE: [u16; 4] = [2, 3, 2, 0];

    #[test]
    fn leadership_follows_most_of_the_slices_once_they_have_settled() {
        let mut placement = placement();
        assert_eq!(after(&mut placement, 10, MOST_ELSEWHERE), None);
        assert_eq!(after(&mut placement, 1, MOST_ELSEWHERE), Some(MachineId(3)));
    }

    #[test]
    fn leadership_stays_where_no_other_datacenter_has_most_slices() {
        for holders in [[0, 1, 2, 3], [2, 3, 4, 5], [0, 0, 0, 0]] {
            assert_eq!(after(&mut placement(), 100, holders), None, "{holders:?}");
        }
    }

    #[test]
    fn leadership_does_not_go_to_a_replica_that_could_not_lead_in_between() {
        let mut placement = placement();
        assert_eq!(after(&mut placement, 10, MOST_ELSEWHERE), None);
        let holders = MOST_ELSEWHERE.map(MachineId).into_iter();
        assert_eq!(placement.leader_ticks(holders, |_| false), None);
        assert_eq!(after(&mut placement, 10, MOST_ELSEWHERE), None);
    }

    #[test]
    fn a_transfer_that_did_not_work_is_not_repeated_for_a_minute() {
        let mut placement = placement();
        assert!(after(&mut placement, 11, MOST_ELSEWHERE).is_some());
        assert_eq!(after(&mut placement, 119, MOST_ELSEWHERE), None);
        assert!(after(&mut placement, 1, MOST_ELSEWHERE).is_some());
    }
}
