//! How a replica whose disk is gone is replaced (D8): its machine comes back with another disk, and with it as another replica,
//! which asks to join until it votes. The leader
//!
//! 1. takes it in as a learner, which is told everything and decides nothing;
//! 2. once it has all that was committed, lets it vote in place of its predecessor, in one change (joint consensus: while it
//!    lasts a majority of both configurations decides).
//!
//! The predecessor is out then: whatever it has sent, and whatever it would say if it came back, is for nobody. All of this is
//! done by the library; here is decided when. What is known of those who ask stands in nobody's log: they ask again.

use std::collections::BTreeMap;

use raft::eraftpb::{ConfChangeSingle, ConfChangeType as Kind, ConfChangeV2};
use raft::{Raft, StateRole};

use super::memory::Memory;
use crate::consensus::Members;
use crate::ids::{MachineId, ReplicaId};

/// Who has not asked again for so many ticks does not ask any more.
const ASKS_TICKS: u32 = 20;

/// Those who ask a replica to be taken in.
#[derive(Debug, Default)]
pub(super) struct Membership {
    /// By machine the replica that asked last, and for how many ticks that counts.
    asking: BTreeMap<MachineId, (ReplicaId, u32)>,
}

impl Membership {
    /// A replica asks to be taken in.
    pub(super) fn asks(&mut self, replica: ReplicaId) {
        self.asking.insert(replica.machine(), (replica, ASKS_TICKS));
    }

    /// Time passes. Returns the change that a leader is to propose now: one at a time.
    pub(super) fn tick(&mut self, raft: &Raft<Memory>, committed: u64) -> Option<ConfChangeV2> {
        self.asking.retain(|_, (_, ticks)| {
            *ticks -= 1;
            *ticks > 0
        });
        if raft.state != StateRole::Leader || raft.has_pending_conf() || raft.lead_transferee.is_some() {
            return None;
        }
        let memory = &raft.raft_log.store;
        if memory.is_joint() {
            // The library ends a change by itself, unless its leader was another one.
            return Some(ConfChangeV2::default());
        }
        if self.asking.is_empty() {
            return None;
        }
        let members = memory.members();
        self.asking.values().find_map(|(replica, _)| next_change(raft, &members, *replica, committed))
    }
}

/// The next step for a replica that asks to be taken in.
fn next_change(
    raft: &Raft<Memory>,
    members: &Members,
    replica: ReplicaId,
    committed: u64,
) -> Option<ConfChangeV2> {
    let of_machine = |other: &&ReplicaId| other.machine() == replica.machine() && **other != replica;
    // A machine has a place in the group, or has none.
    let before = members.voters.iter().find(of_machine)?;
    let given_up = members.learners.iter().filter(of_machine).map(|other| change(Kind::RemoveNode, *other));
    if !members.learners.contains(&replica) {
        return Some(changes(given_up.chain([change(Kind::AddLearnerNode, replica)])));
    }
    let progress = raft.prs().get(replica.as_u64())?;
    // What it has acknowledged is on its disk.
    let has_caught_up = progress.matched >= committed;
    has_caught_up
        .then(|| changes([change(Kind::RemoveNode, *before), change(Kind::AddNode, replica)].into_iter()))
}

fn change(kind: Kind, replica: ReplicaId) -> ConfChangeSingle {
    ConfChangeSingle { change_type: kind, node_id: replica.as_u64(), ..ConfChangeSingle::default() }
}

fn changes(all: impl Iterator<Item = ConfChangeSingle>) -> ConfChangeV2 {
    ConfChangeV2 { changes: all.collect(), ..ConfChangeV2::default() }
}
