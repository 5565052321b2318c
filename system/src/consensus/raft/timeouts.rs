//! Election timeouts as a pure function of group and term, the same on all machines: each replica has another one.

use siphasher::sip::SipHasher13;

use crate::ids::GroupId;

/// When a replica that hears no leader asks for votes.
///
/// The timeouts are longer than the time for which a follower refuses to vote, so that the first to ask finds the others
/// free to vote, and two beats apart, so that it has its votes before the next one asks. Whom a term puts last the next
/// term may put first.
///
/// Who is reluctant to lead asks later than all that are not, and may still become leader if nobody else can.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    pub(super) group: GroupId,
    /// Which replica of the group.
    pub(super) rank: usize,
    /// Of so many.
    pub(super) replicas: usize,
    /// For so many ticks a follower that hears its leader refuses to vote for anybody else.
    pub(super) election_ticks: usize,
    /// Ticks in a beat.
    pub(super) beat_ticks: usize,
}

impl Timeouts {
    /// The timeout in ticks.
    pub(super) fn ticks(self, term: u64, reluctant: bool) -> usize {
        let hash = SipHasher13::new_with_keys(0, u64::from(self.group.0)).hash(&term.to_le_bytes());
        let drawn = usize::try_from(hash % self.replicas as u64).expect("less than the number of replicas");
        let place = (drawn + self.rank) % self.replicas;
        let ticks = self.election_ticks + 1 + 2 * self.beat_ticks * place;
        if reluctant { self.longest_of_willing() + ticks } else { ticks }
    }

    /// The longest that there is, in ticks.
    pub(super) fn longest(self) -> usize {
        2 * self.longest_of_willing()
    }

    fn longest_of_willing(self) -> usize {
        self.election_ticks + 1 + 2 * self.beat_ticks * (self.replicas - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ELECTION_TICKS: usize = 4;

    fn of(group: GroupId, rank: usize) -> Timeouts {
        Timeouts { group, rank, replicas: 3, election_ticks: ELECTION_TICKS, beat_ticks: 1 }
    }

    #[test]
    fn d6_replicas_never_ask_for_votes_at_the_same_time() {
        for (group, term) in (0..20).flat_map(|group| (0..50).map(move |term| (GroupId(group), term))) {
            let mut all: Vec<usize> = (0..3).map(|rank| of(group, rank).ticks(term, false)).collect();
            all.sort_unstable();
            assert!(all[0] > ELECTION_TICKS && all[2] == of(group, 0).longest_of_willing(), "{all:?}");
            assert!(all[1] - all[0] >= 2 && all[2] - all[1] >= 2, "{all:?}");
        }
        let first = |term| of(GroupId(0), 0).ticks(term, false);
        assert!((1..20).any(|term| first(term) != first(0)), "no replica is always the last");
    }

    #[test]
    fn l2_who_is_reluctant_asks_for_votes_after_all_others() {
        for term in 0..50 {
            let willing = |rank| of(GroupId(0), rank).ticks(term, false);
            let last = (0..3).map(willing).max().expect("there are three");
            for rank in 0..3 {
                let reluctant = of(GroupId(0), rank).ticks(term, true);
                assert!(reluctant >= last + 2 && reluctant <= of(GroupId(0), rank).longest());
            }
        }
    }
}
