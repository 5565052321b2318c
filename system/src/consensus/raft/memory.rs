//! What the library has persisted, as it reads it back: entries and hard state in memory. The log on disk holds the same;
//! this is rebuilt from it at boot. Entries that are applied may be dropped: the state that they add up to stands for
//! them, and it is made into a snapshot only when a follower needs one.

use std::cell::Cell;

use bytes::Bytes;
use raft::eraftpb::{ConfState, Entry, EntryType, HardState, Snapshot};
use raft::{Error, GetEntriesContext, RaftState, Result, Storage, StorageError};

use super::{entry_of, hard_state_of, members_of};
use crate::consensus::{self, Members, Persist};
use crate::ids::ReplicaId;

/// Entries and hard state of one replica.
pub(super) struct Memory {
    state: RaftState,
    /// Index and term of the entry before the first one that is kept. Zero if nothing was dropped.
    before: (u64, u64),
    entries: Vec<Entry>,
    /// A snapshot for followers that need entries from before the first one.
    offered: Option<Snapshot>,
    /// A follower needs a snapshot, and there is none that would do.
    wanted: Cell<bool>,
}

impl Memory {
    /// A replica without history in a group with these members.
    pub(super) fn new(members: &Members) -> Self {
        Self {
            state: RaftState::new(HardState::default(), library_members(members)),
            before: (0, 0),
            entries: Vec::new(),
            offered: None,
            wanted: Cell::new(false),
        }
    }

    /// Remembers a step.
    pub(super) fn persist(&mut self, persist: &Persist) {
        if let Some(snapshot) = &persist.snapshot {
            assert!(snapshot.index >= self.before.0, "a replica never goes back");
            self.before = (snapshot.index, snapshot.term);
            self.state.conf_state = library_members(&snapshot.members);
            self.entries.clear();
            self.offered = None;
        }
        if let Some(first) = persist.entries.first() {
            let keep = self.position(first.index);
            assert!(keep <= self.entries.len(), "no gap before entry {}", first.index);
            self.entries.truncate(keep);
            self.entries.extend(persist.entries.iter().cloned().map(library_entry));
        }
        if let Some(state) = persist.hard_state {
            let stored = &mut self.state.hard_state;
            stored.term = state.term;
            stored.vote = state.vote.map_or(raft::INVALID_ID, ReplicaId::as_u64);
            stored.commit = state.commit;
        }
    }

    /// The newest hard state.
    pub(super) fn hard_state(&self) -> consensus::HardState {
        hard_state_of(&self.state.hard_state)
    }

    /// Who is in the group, as of the last entry that is applied.
    pub(super) fn members(&self) -> Members {
        members_of(&self.state.conf_state)
    }

    /// Whether a change of the members is under way, as of the last entry that is applied.
    pub(super) fn is_joint(&self) -> bool {
        !self.state.conf_state.voters_outgoing.is_empty()
    }

    /// An entry was applied that has changed who is in the group.
    pub(super) fn members_change(&mut self, members: ConfState) {
        self.state.conf_state = members;
        // A snapshot names the members, and who is not among them does not take it.
        self.offered = None;
    }

    /// Everything that this remembers, if `data` is what the entries up to `applied` add up to.
    pub(super) fn base(&self, applied: u64, data: Bytes) -> Persist {
        let (term, members) = (self.term_of(applied), self.members());
        let snapshot = consensus::Snapshot { term, index: applied, members, data };
        let entries = self.entries[self.position(applied + 1)..].iter().cloned().map(entry_of).collect();
        Persist { snapshot: Some(snapshot), entries, hard_state: Some(self.hard_state()) }
    }

    /// Drops the entries up to `index`, which are applied.
    pub(super) fn compact(&mut self, index: u64) {
        let dropped = self.position(index + 1);
        self.before = (index, self.term_of(index));
        self.entries.drain(..dropped);
        self.offered.take_if(|offered| offered.get_metadata().index < index);
    }

    /// How many entries up to `applied` are kept.
    pub(super) fn kept(&self, applied: u64) -> u64 {
        applied - self.before.0
    }

    /// Index of the entry before the first one that is kept.
    pub(super) fn before(&self) -> u64 {
        self.before.0
    }

    /// Whether [`Memory::offer`] is wanted.
    pub(super) fn wants_snapshot(&self) -> bool {
        self.wanted.get()
    }

    /// `data` is what the entries up to `applied` add up to.
    pub(super) fn offer(&mut self, applied: u64, data: Bytes) {
        let mut snapshot = Snapshot { data, ..Snapshot::default() };
        let metadata = snapshot.mut_metadata();
        metadata.index = applied;
        metadata.term = self.term_of(applied);
        metadata.set_conf_state(self.state.conf_state.clone());
        self.offered = Some(snapshot);
        self.wanted.set(false);
    }

    fn term_of(&self, index: u64) -> u64 {
        self.term(index).expect("the term of what is applied is known")
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

    /// The one on offer, if the entries behind it are still there. Else the library asks again with the next heartbeat.
    fn snapshot(&self, at_least: u64, _: u64) -> Result<Snapshot> {
        let useful = |snapshot: &&Snapshot| snapshot.get_metadata().index >= at_least.max(self.before.0);
        let found = self.offered.as_ref().filter(useful).cloned();
        self.wanted.set(found.is_none());
        found.ok_or(Error::Store(StorageError::SnapshotTemporarilyUnavailable))
    }
}

pub(super) fn library_entry(entry: consensus::Entry) -> Entry {
    let consensus::Entry { term, index, is_change, data } = entry;
    let entry_type = if is_change { EntryType::EntryConfChangeV2 } else { EntryType::EntryNormal };
    Entry { term, index, data, entry_type, ..Entry::default() }
}

fn library_members(members: &Members) -> ConfState {
    let numbers = |replicas: &[ReplicaId]| replicas.iter().map(|replica| replica.as_u64()).collect();
    ConfState {
        voters: numbers(&members.voters),
        voters_outgoing: numbers(&members.outgoing),
        learners: numbers(&members.learners),
        learners_next: numbers(&members.learners_next),
        auto_leave: members.auto_leave,
        ..ConfState::default()
    }
}
