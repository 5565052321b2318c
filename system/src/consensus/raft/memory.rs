//! What the library has persisted, as it reads it back: entries and hard state in memory. The log on disk holds the same;
//! this is rebuilt from it at boot.

use raft::eraftpb::{ConfState, Entry, HardState, Snapshot};
use raft::{Error, GetEntriesContext, RaftState, Result, Storage, StorageError};

use super::raft_id;
use crate::consensus::{self, Persist};

/// Entries and hard state of one replica.
pub(super) struct Memory {
    state: RaftState,
    /// Index and term of the entry before the first one that is kept. Zero until logs are compacted.
    before: (u64, u64),
    entries: Vec<Entry>,
}

impl Memory {
    /// A replica without history in a group of these voters.
    pub(super) fn new(voters: Vec<u64>) -> Self {
        let members = ConfState { voters, ..ConfState::default() };
        Self { state: RaftState::new(HardState::default(), members), before: (0, 0), entries: Vec::new() }
    }

    /// Remembers a step.
    pub(super) fn persist(&mut self, persist: &Persist) {
        if let Some(first) = persist.entries.first() {
            let keep = self.position(first.index);
            assert!(keep <= self.entries.len(), "no gap before entry {}", first.index);
            self.entries.truncate(keep);
            self.entries.extend(persist.entries.iter().map(library_entry));
        }
        if let Some(state) = persist.hard_state {
            let stored = &mut self.state.hard_state;
            stored.term = state.term;
            stored.vote = state.vote.map_or(raft::INVALID_ID, raft_id);
            stored.commit = state.commit;
        }
    }

    /// Where the entry of this index stands in `entries`.
    fn position(&self, index: u64) -> usize {
        let behind = index.checked_sub(self.before.0 + 1).expect("what is compacted is not asked for");
        usize::try_from(behind).expect("as many entries as fit in memory")
    }

    fn last(&self) -> u64 {
        self.before.0 + self.entries.len() as u64
    }
}

impl Storage for Memory {
    fn initial_state(&self) -> Result<RaftState> {
        Ok(self.state.clone())
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _: GetEntriesContext,
    ) -> Result<Vec<Entry>> {
        if low <= self.before.0 {
            return Err(Error::Store(StorageError::Compacted));
        }
        assert!(high <= self.last() + 1, "entries up to {high} are asked for, the last is {}", self.last());
        // Counted before anything is cloned: after a boot all entries are asked for, a few at a time.
        let max = max_size.into().unwrap_or(raft::NO_LIMIT);
        let mut size = 0;
        let fits = |entry: &&Entry| {
            let first = size == 0;
            size += u64::from(protobuf::Message::compute_size(*entry));
            first || size <= max
        };
        let range = &self.entries[self.position(low)..self.position(high)];
        Ok(range.iter().take_while(fits).cloned().collect())
    }

    fn term(&self, index: u64) -> Result<u64> {
        if index == self.before.0 {
            return Ok(self.before.1);
        }
        if index < self.before.0 {
            return Err(Error::Store(StorageError::Compacted));
        }
        let entry = self.entries.get(self.position(index));
        entry.map(|entry| entry.term).ok_or(Error::Store(StorageError::Unavailable))
    }

    fn first_index(&self) -> Result<u64> {
        Ok(self.before.0 + 1)
    }

    fn last_index(&self) -> Result<u64> {
        Ok(self.last())
    }

    /// Nothing is compacted, so no follower ever needs one.
    fn snapshot(&self, _: u64, _: u64) -> Result<Snapshot> {
        Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable))
    }
}

fn library_entry(entry: &consensus::Entry) -> Entry {
    Entry { term: entry.term, index: entry.index, data: entry.data.clone(), ..Entry::default() }
}
