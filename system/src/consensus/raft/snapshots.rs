//! Snapshots on their way to followers. While one is, the library sends that follower nothing else, and it does not notice
//! that the snapshot or its acknowledgement was lost: who sends it has to tell.

use std::collections::BTreeMap;

use raft::{ProgressState, Raft, StateRole};

use super::memory::Memory;

/// Ticks without an acknowledgement after which a snapshot counts as lost. A snapshot that was only slow is sent once
/// more, and the follower acknowledges the second without taking it.
const SNAPSHOT_TICKS_MAX: u32 = 6;

/// For how many ticks each follower has been waited for.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    /// Of those that a snapshot is on its way to, ascending.
    waits: BTreeMap<u64, u32>,
}

impl Snapshots {
    /// Time passes. Returns the followers whose snapshot has to be reported as lost.
    pub(super) fn tick(&mut self, raft: &Raft<Memory>) -> Vec<u64> {
        let leads = raft.state == StateRole::Leader;
        let waiting =
            raft.prs().iter().filter(|(_, progress)| leads && progress.state == ProgressState::Snapshot);
        let ticks = |id: &u64| self.waits.get(id).map_or(1, |ticks| ticks + 1);
        self.waits = waiting.map(|(id, _)| (*id, ticks(id))).collect();
        let is_lost = |_: &u64, ticks: &mut u32| *ticks > SNAPSHOT_TICKS_MAX;
        self.waits.extract_if(.., is_lost).map(|(id, _)| id).collect()
    }
}
