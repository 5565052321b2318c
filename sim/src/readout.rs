//! What lies synced on a disk, read by the world itself (W1). It is no part of the system and uses nothing of its recovery: it knows
//! the format alone, as `system/src/log.rs` describes it, and the words that records are written in.
//!
//! ```text
//! Mark file: two slots, 4,096 bytes apart: number u64, generation u64, length u64, chain u32, CRC-32 of these
//! log file of the newest mark's generation: frames, one behind the other: length u32, chain u32, record
//!     the chain of a frame is the CRC-32 of its length and record, begun with the chain of the frame before it,
//!     and that of the first one with the CRC-32 of the generation
//! record: a step of a group: its snapshot, then its entries, which replace what stands at and after the first one's index
//! ```
//!
//! Only what is durable counts. Frames are held against their checksums once, as far as they have come since the last look; records
//! are decoded when somebody looks for a turn, the last ones first, or asks for all that there is of a group ([`Replica`]).

use std::ops::Range;

use bytes::Bytes;
use reveille_system::config::Config;
use reveille_system::consensus::{Entry, Snapshot};
use reveille_system::ids::{GroupId, ObjectName, Stamp};
use reveille_system::io::FileId;
use reveille_system::log::Record;
use reveille_system::store::Store;
use reveille_system::store::command::{Command, TurnWrites};

use crate::disk::Disk;

const SLOT_BYTES: usize = 4_096;
/// Bytes of a mark before its checksum.
const MARK_BYTES: usize = 28;
/// Bytes of a frame before its record.
const FRAME_BYTES: usize = 8;
/// So many records are looked through for a turn.
const RECORDS_MAX: usize = 16_384;

/// A turn that was claimed durable, in this entry of its group's log.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) group: GroupId,
    pub(crate) index: u64,
    pub(crate) object: ObjectName,
    pub(crate) instance: Stamp,
    pub(crate) turn: u32,
}

/// How far one disk has been read.
#[derive(Debug, Default)]
pub(crate) struct Readout {
    generation: u64,
    /// Where the records of whole frames stand, in order.
    records: Vec<Range<usize>>,
    /// The end of the last whole frame, and its chain.
    end: usize,
    chain: u32,
}

/// What a disk holds of the log of one group: a snapshot, and the entries behind it without a gap.
#[derive(Debug, Default)]
pub(crate) struct Replica {
    snapshot: Option<Snapshot>,
    entries: Vec<Entry>,
}

impl Replica {
    /// The next step of the group.
    fn step(&mut self, snapshot: Option<Snapshot>, entries: Vec<Entry>) {
        if let Some(snapshot) = snapshot {
            self.entries.clear();
            self.snapshot = Some(snapshot);
        }
        let Some(first) = entries.first() else { return };
        let standing = self.entries.partition_point(|entry| entry.index < first.index);
        self.entries.truncate(standing);
        // What comes behind a gap stands for nothing.
        if first.index == self.last().1 + 1 {
            self.entries.extend(entries);
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

    /// What its entries add up to, none of them behind `up_to`, and how far that goes.
    pub(crate) fn state(&self, config: &Config, group: GroupId, up_to: u64) -> (Store, u64) {
        let (mut store, mut applied) = match &self.snapshot {
            Some(snapshot) => (Store::from_bytes(&snapshot.data), snapshot.index),
            None => (Store::new(config, group), 0),
        };
        for entry in self.entries.iter().take_while(|entry| entry.index <= up_to) {
            if let Ok(command) = postcard::from_bytes(&entry.data) {
                store.apply(command);
            }
            applied = entry.index;
        }
        (store, applied)
    }
}

/// The end mark that counts.
#[derive(Clone, Copy, Debug)]
struct Mark {
    seq: u64,
    generation: u64,
    len: u64,
}

impl Readout {
    /// Whether the disk holds a turn, in the log or in a snapshot.
    pub(crate) fn finds(&mut self, disk: &Disk, claim: &Claim) -> bool {
        self.log_of(disk).is_some_and(|log| self.holds(log, claim))
    }

    /// All that the disk holds of each of so many groups, by number.
    pub(crate) fn replicas(&mut self, disk: &Disk, groups: usize) -> Vec<Replica> {
        let mut replicas: Vec<Replica> = std::iter::repeat_with(Replica::default).take(groups).collect();
        let Some(log) = self.log_of(disk) else { return replicas };
        for record in &self.records {
            let Ok(Record { group, persist }) = postcard::from_bytes(&log[record.clone()]) else { break };
            if let Some(replica) = replicas.get_mut(usize::from(group.0)) {
                replica.step(persist.snapshot, persist.entries);
            }
        }
        replicas
    }

    /// The log on the disk, read to its last whole frame. What a mark promises and the log does not hold makes all of it void.
    fn log_of<'a>(&mut self, disk: &'a Disk) -> Option<&'a [u8]> {
        let mark = newest_mark(disk.durable(FileId::Mark))?;
        let file = if mark.generation % 2 == 0 { FileId::Log } else { FileId::OddLog };
        let log = disk.durable(file);
        self.read_on(log, mark.generation);
        (self.end as u64 >= mark.len).then_some(log)
    }

    /// Goes on to the last whole frame of the log.
    fn read_on(&mut self, log: &[u8], generation: u64) {
        if self.generation != generation || self.end == 0 || log.len() < self.end {
            let chain = crc32fast::hash(&generation.to_le_bytes());
            *self = Self { generation, records: Vec::new(), end: 0, chain };
        }
        while let Some((record, chain)) = frame(log, self.end, self.chain) {
            (self.end, self.chain) = (record.end, chain);
            self.records.push(record);
        }
    }

    /// Whether a record has the turn, or a snapshot that it is a part of.
    fn holds(&self, log: &[u8], claim: &Claim) -> bool {
        // Entries from here on were replaced by later ones.
        let mut replaced_from = u64::MAX;
        for record in self.records.iter().rev().take(RECORDS_MAX) {
            let payload = &log[record.clone()];
            let of_group = postcard::take_from_bytes::<GroupId>(payload);
            if !of_group.is_ok_and(|(group, _)| group == claim.group) {
                continue;
            }
            let Ok(Record { persist, .. }) = postcard::from_bytes(payload) else { return false };
            let mut standing = persist.entries.iter().filter(|entry| entry.index < replaced_from);
            if standing.any(|entry| has(&entry.data, claim)) {
                return true;
            }
            if let Some(snapshot) = &persist.snapshot {
                return snapshot.index >= claim.index;
            }
            let first = persist.entries.first().map_or(u64::MAX, |entry| entry.index);
            replaced_from = replaced_from.min(first);
        }
        false
    }
}

/// Whether an entry commits the turn.
fn has(entry: &Bytes, claim: &Claim) -> bool {
    let is_it = |turn: &TurnWrites| {
        (turn.instance, turn.turn) == (claim.instance, claim.turn) && turn.object == claim.object
    };
    match postcard::from_bytes(entry) {
        Ok(Command::Commit(commit)) => commit.turns.iter().any(is_it),
        _ => false,
    }
}

/// Where the record of the frame at `at` stands, and its chain. None if there is no whole frame.
fn frame(log: &[u8], at: usize, before: u32) -> Option<(Range<usize>, u32)> {
    let word = |at: usize| Some(u32::from_le_bytes(*log.get(at..)?.first_chunk()?));
    let (len, stored) = (word(at)?, word(at + 4)?);
    let begin = at + FRAME_BYTES;
    let record = begin..begin.checked_add(usize::try_from(len).ok()?)?;
    let mut chain = crc32fast::Hasher::new_with_initial(before);
    chain.update(&len.to_le_bytes());
    chain.update(log.get(record.clone())?);
    let chain = chain.finalize();
    (len > 0 && chain == stored).then_some((record, chain))
}

fn newest_mark(file: &[u8]) -> Option<Mark> {
    let in_slot = |slot: usize| {
        let bytes = file.get(slot * SLOT_BYTES..)?.get(..MARK_BYTES + 4)?;
        let word = |at: usize| Some(u64::from_le_bytes(*bytes[at..].first_chunk()?));
        let stored = u32::from_le_bytes(*bytes[MARK_BYTES..].first_chunk()?);
        let mark = Mark { seq: word(0)?, generation: word(8)?, len: word(16)? };
        let is_whole = crc32fast::hash(&bytes[..MARK_BYTES]) == stored && mark.seq % 2 == slot as u64;
        is_whole.then_some(mark)
    };
    [in_slot(0), in_slot(1)].into_iter().flatten().max_by_key(|mark| mark.seq)
}

#[cfg(test)]
mod tests {
    use reveille_system::consensus::Persist;
    use reveille_system::ids::{Epoch, SliceId};
    use reveille_system::io::{DiskOp, Effects};
    use reveille_system::log::Log;
    use reveille_system::store::command::Commit;

    use super::*;

    const GROUP: GroupId = GroupId(3);

    fn claim(index: u64, turn: u32) -> Claim {
        let object = ObjectName::new("Bell", "one");
        Claim { group: GROUP, index, object, instance: Stamp { epoch: Epoch(1), count: 1 }, turn }
    }

    /// A step of a group in which this turn is committed by the entry at `index`.
    fn step(group: GroupId, index: u64, turn: u32) -> Record {
        let Claim { object, instance, .. } = claim(index, turn);
        let writes = TurnWrites {
            object,
            instance,
            turn,
            clear: false,
            keys: vec![("key".into(), Some(Bytes::from_static(b"value")))],
            alarm: None,
            ends_run: None,
        };
        let commit = Commit { slice: SliceId(0), epoch: Epoch(1), batch: index, turns: vec![writes] };
        let data = postcard::to_stdvec(&Command::Commit(commit)).expect("a command can be encoded").into();
        let entries = vec![Entry { term: 1, index, data }];
        Record { group, persist: Persist { entries, ..Persist::default() } }
    }

    /// A machine's log and its disk. What it asks of the disk is done up to so many syncs.
    struct Rig {
        log: Log,
        disk: Disk,
        out: Effects,
    }

    impl Rig {
        fn new() -> Self {
            let (disk, mut out) = (Disk::default(), Effects::default());
            let (log, _) = Log::recover(&disk, &mut out).expect("an empty disk is whole");
            let mut rig = Self { log, disk, out };
            rig.sync(u32::MAX);
            rig
        }

        fn sync(&mut self, mut syncs: u32) {
            while !self.out.disk.is_empty() {
                let mut done = None;
                for op in std::mem::take(&mut self.out.disk) {
                    let is_sync = matches!(op, DiskOp::Sync { .. });
                    done = self.disk.submit(op).filter(|_| is_sync);
                }
                let Some(sync) = done.filter(|_| syncs > 0) else { return };
                syncs -= 1;
                self.disk.synced(sync);
                self.log.synced(sync.ticket, &mut self.out);
            }
        }

        fn append(&mut self, record: &Record) {
            self.log.append(record);
            self.log.flush(&mut self.out);
        }
    }

    #[test]
    fn w1_a_turn_is_there_once_it_is_synced_and_no_other_is() {
        let (mut rig, mut readout) = (Rig::new(), Readout::default());
        rig.append(&step(GROUP, 1, 1));
        rig.sync(0);
        assert!(!readout.finds(&rig.disk, &claim(1, 1)), "it is written, and nothing is synced");
        rig.sync(u32::MAX);
        let mut again = Rig::new();
        again.append(&step(GROUP, 1, 1));
        again.sync(u32::MAX);
        assert!(readout.finds(&again.disk, &claim(1, 1)));
        assert!(!readout.finds(&again.disk, &claim(2, 2)));
        again.append(&step(GROUP, 2, 2));
        again.append(&step(GroupId(4), 3, 3));
        again.sync(u32::MAX);
        assert!(readout.finds(&again.disk, &claim(2, 2)), "it reads on where it has come to");
        assert!(!readout.finds(&again.disk, &claim(3, 3)), "another group has it");
    }

    #[test]
    fn w1_what_later_entries_have_replaced_is_not_there() {
        let (mut rig, mut readout) = (Rig::new(), Readout::default());
        rig.append(&step(GROUP, 5, 1));
        rig.sync(u32::MAX);
        rig.append(&step(GROUP, 5, 2));
        rig.sync(u32::MAX);
        assert!(!readout.finds(&rig.disk, &claim(5, 1)));
        assert!(readout.finds(&rig.disk, &claim(5, 2)));
    }

    #[test]
    fn w1_a_snapshot_stands_for_the_turns_up_to_its_entry() {
        let (mut rig, mut readout) = (Rig::new(), Readout::default());
        rig.append(&step(GROUP, 5, 1));
        rig.sync(u32::MAX);
        assert!(readout.finds(&rig.disk, &claim(5, 1)));
        let snapshot = Snapshot { term: 1, index: 5, data: Bytes::new() };
        let base =
            Record { group: GROUP, persist: Persist { snapshot: Some(snapshot), ..Persist::default() } };
        rig.log.compact(&[base], &mut rig.out);
        rig.sync(u32::MAX);
        assert!(
            readout.finds(&rig.disk, &claim(5, 1)),
            "in the new generation of the log it is in the snapshot"
        );
        assert!(!readout.finds(&rig.disk, &claim(6, 2)));
    }

    #[test]
    fn w1_what_a_mark_promises_and_the_log_does_not_hold_is_not_there() {
        let (mut rig, mut readout) = (Rig::new(), Readout::default());
        rig.append(&step(GROUP, 1, 1));
        rig.sync(u32::MAX);
        let mark = rig.disk.durable(FileId::Mark).to_vec();
        let mut other = Disk::default();
        other.submit(DiskOp::Write { file: FileId::Mark, offset: 0, bytes: mark.into() });
        let sync =
            other.submit(DiskOp::Sync { file: FileId::Mark, ticket: 1 }).expect("a sync is handed back");
        other.synced(sync);
        assert!(!readout.finds(&other, &claim(1, 1)));
    }
}
