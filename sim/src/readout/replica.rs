//! What a disk holds of one group, and what that adds up to (W1, L4). The state is that of the system's own state machine: whether
//! machines agree is asked of what they keep, and whether they keep the right thing is asked of what clients see.

use reveille_system::config::Config;
use reveille_system::ids::GroupId;
use reveille_system::store::Store;

use super::Members;
use super::record::{Entry, Snapshot, Step};

/// What a disk holds of the log of one group: a snapshot, and the entries behind it without a gap.
#[derive(Debug, Default)]
pub(crate) struct Replica<'a> {
    snapshot: Option<Snapshot<'a>>,
    entries: Vec<Entry<'a>>,
}

impl<'a> Replica<'a> {
    /// The next step of the group.
    pub(super) fn step(&mut self, step: Step<'a>) {
        if let Some(snapshot) = step.snapshot {
            self.entries.clear();
            self.snapshot = Some(snapshot);
        }
        let Some(first) = step.entries.first() else { return };
        let standing = self.entries.partition_point(|entry| entry.index < first.index);
        self.entries.truncate(standing);
        // What comes behind a gap stands for nothing.
        if first.index == self.last().1 + 1 {
            self.entries.extend(step.entries);
        }
    }

    /// Term and index of the last entry.
    pub(crate) fn last(&self) -> (u64, u64) {
        let snapshot = self.snapshot.as_ref().map_or((0, 0), |snapshot| (snapshot.term, snapshot.index));
        self.entries.last().map_or(snapshot, |last| (last.term, last.index))
    }

    /// The term of an entry, if it is there.
    pub(crate) fn term_of(&self, index: u64) -> Option<u64> {
        let snapshot = self.snapshot.as_ref().filter(|snapshot| snapshot.index == index);
        let entry = || self.entries.binary_search_by_key(&index, |entry| entry.index).ok();
        snapshot.map(|snapshot| snapshot.term).or_else(|| entry().map(|found| self.entries[found].term))
    }

    /// Who is in the group, as of the last entry that there is, and the index of the entry that made it so; `founding` is who was
    /// in it at the begin.
    pub(crate) fn members(&self, founding: Members) -> (u64, Members) {
        let mut at = self.begins_behind();
        let mut members = self.snapshot.as_ref().map_or(founding, |snapshot| snapshot.members.clone());
        for entry in self.entries.iter().filter(|entry| entry.is_change) {
            if members.change(entry.data).is_some() {
                at = entry.index;
            }
        }
        (at, members)
    }

    /// The index that its snapshot reaches to; 0 without one. Replicas in this order go on from one another ([`Replay`]).
    pub(crate) fn begins_behind(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.index)
    }
}

/// The state of a group, replica after replica: where the next one holds word for word what the one before it held, only what it
/// has more is applied. Nothing is taken for equal that was not compared.
pub(crate) struct Replay<'a, 'r> {
    config: &'a Config,
    group: GroupId,
    snapshot: Option<&'r Snapshot<'a>>,
    /// The entries behind the snapshot that are applied.
    entries: &'r [Entry<'a>],
    store: Store,
    /// [`Store::digest`], once somebody has asked.
    digest: Option<u64>,
}

impl<'a, 'r> Replay<'a, 'r> {
    /// The empty state of a group.
    pub(crate) fn new(config: &'a Config, group: GroupId) -> Self {
        let store = Store::new(config, group);
        Self { config, group, snapshot: None, entries: &[], store, digest: None }
    }

    /// Goes to what the entries of a replica add up to, none of them behind `up_to`.
    pub(crate) fn go_to(&mut self, replica: &'r Replica<'a>, up_to: u64) {
        let entries = &replica.entries[..replica.entries.partition_point(|entry| entry.index <= up_to)];
        if self.snapshot != replica.snapshot.as_ref() || !entries.starts_with(self.entries) {
            *self = Self::new(self.config, self.group);
            self.snapshot = replica.snapshot.as_ref();
            if let Some(snapshot) = self.snapshot {
                self.store = Store::from_bytes(snapshot.data);
            }
        }
        let further = &entries[self.entries.len()..];
        if !further.is_empty() {
            self.digest = None;
        }
        for entry in further.iter().filter(|entry| !entry.is_change) {
            if let Ok(command) = postcard::from_bytes(entry.data) {
                self.store.apply(command);
            }
        }
        self.entries = entries;
    }

    /// The index of the last entry that is applied.
    pub(crate) fn applied(&self) -> u64 {
        let snapshot = self.snapshot.map_or(0, |snapshot| snapshot.index);
        self.entries.last().map_or(snapshot, |entry| entry.index)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// [`Store::digest`] of the state.
    pub(crate) fn digest(&mut self) -> u64 {
        *self.digest.get_or_insert_with(|| self.store.digest())
    }

    /// [`Store::digest`] of a store, which costs less if it is this very state.
    pub(crate) fn digest_of(&mut self, store: &Store) -> u64 {
        if *store == self.store { self.digest() } else { store.digest() }
    }
}
