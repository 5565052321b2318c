//! Snapshots on their way to followers. While one is, the library sends that follower nothing else, and it does not notice
//! that the snapshot or its acknowledgement was lost: who sends it has to tell.

use raft::{ProgressState, Raft, StateRole};

use super::memory::Memory;

/// Ticks without an acknowledgement after which a snapshot counts as lost. A snapshot that was only slow is sent once
/// more, and the follower acknowledges the second without taking it.
const SNAPSHOT_TICKS_MAX: u32 = 6;

/// For how many ticks each follower has been waited for.
#[derive(Debug)]
pub(super) struct Snapshots {
    followers: Vec<(u64, u32)>,
}

impl Snapshots {
    pub(super) fn new(followers: impl Iterator<Item = u64>) -> Self {
        Self { followers: followers.map(|follower| (follower, 0)).collect() }
    }

    /// Time passes. Returns the followers whose snapshot has to be reported as lost.
    pub(super) fn tick(&mut self, raft: &Raft<Memory>) -> Vec<u64> {
        let leads = raft.state == StateRole::Leader;
        let mut lost = Vec::new();
        for (follower, ticks) in &mut self.followers {
            let state = raft.prs().get(*follower).map(|progress| progress.state);
            let waits = leads && state == Some(ProgressState::Snapshot);
            *ticks = if waits { *ticks + 1 } else { 0 };
            if *ticks > SNAPSHOT_TICKS_MAX {
                *ticks = 0;
                lost.push(*follower);
            }
        }
        lost
    }
}
