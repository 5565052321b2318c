//! What lies synced on a disk, read by the world itself (W1). It is no part of the system and uses nothing of its recovery: it knows
//! the format alone, as `system/src/log.rs` describes it, and the words that records are written in.
//!
//! ```text
//! Mark file: two slots, 4,096 bytes apart: number u64, generation u64, length u64, chain u32, disk u64, CRC-32 of these
//! log file of the newest mark's generation: frames, one behind the other: length u32, chain u32, record
//!     the chain of a frame is the CRC-32 of its length and record, begun with the chain of the frame before it,
//!     and that of the first one with the CRC-32 of disk and generation
//! record: a step of a group: its snapshot, then its entries, which replace what stands at and after the first one's index
//! ```
//!
//! Only what is durable counts. Frames are held against their checksums once, as far as they have come since the last look; records
//! are decoded when somebody looks for a turn, the last ones first, or asks for all that there is of a group ([`Replica`]).

use std::ops::Range;

use reveille_system::ids::{DiskId, GroupId, MachineId, ObjectName, ReplicaId, Stamp};
use reveille_system::io::FileId;

use crate::disk::Disk;

mod members;
mod record;
mod replica;
#[cfg(test)]
mod tests;

pub(crate) use members::Members;
pub(crate) use replica::{Replay, Replica};

const SLOT_BYTES: usize = 4_096;
/// Bytes of a mark before its checksum.
const MARK_BYTES: usize = 36;
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
    disk: u64,
    generation: u64,
    /// Where the records of whole frames stand, in order, and the group of each.
    records: Vec<(GroupId, Range<usize>)>,
    /// The end of the last whole frame, and its chain.
    end: usize,
    chain: u32,
}

/// The end mark that counts.
#[derive(Clone, Copy, Debug)]
struct Mark {
    seq: u64,
    generation: u64,
    len: u64,
    disk: u64,
}

impl Readout {
    /// Whether the disk holds a turn, in the log or in a snapshot.
    pub(crate) fn finds(&mut self, disk: &Disk, claim: &Claim) -> bool {
        self.read_on(disk);
        self.log_of(disk).is_some_and(|log| self.holds(log, claim))
    }

    /// All that the disk holds of a group, as far as it was read.
    pub(crate) fn replica<'a>(&self, disk: &'a Disk, group: GroupId) -> Replica<'a> {
        let mut replica = Replica::default();
        let Some(log) = self.log_of(disk) else { return replica };
        for (_, record) in self.records.iter().filter(|(of, _)| *of == group) {
            let Some(step) = record::step(&log[record.clone()]) else { break };
            replica.step(step);
        }
        replica
    }

    /// Whether a disk holds all that its newest mark promises.
    pub(crate) fn is_whole(disk: &Disk) -> bool {
        let mut fresh = Self::default();
        fresh.read_on(disk);
        fresh.log_of(disk).is_some()
    }

    /// The file that the newest mark names.
    pub(crate) fn file(&self, disk: &Disk) -> FileId {
        newest_mark(disk.durable(FileId::Mark)).map_or(FileId::Log, Mark::file)
    }

    /// The replica of a machine that the disk is of, by what its newest mark says of the disk.
    pub(crate) fn replica_id(disk: &Disk, machine: MachineId) -> Option<ReplicaId> {
        let mark = newest_mark(disk.durable(FileId::Mark))?;
        Some(ReplicaId::new(machine, DiskId::from_u64(mark.disk)))
    }

    /// Reads the log on the disk to its last whole frame.
    pub(crate) fn read_on(&mut self, disk: &Disk) {
        if let Some((log, mark)) = marked(disk) {
            self.read_frames(log, mark);
        }
    }

    /// The log on the disk, which was read. What a mark promises and the log does not hold makes all of it void.
    fn log_of<'a>(&self, disk: &'a Disk) -> Option<&'a [u8]> {
        let (log, mark) = marked(disk)?;
        (self.end as u64 >= mark.len).then_some(log)
    }

    /// Goes on to the last whole frame of the log.
    fn read_frames(&mut self, log: &[u8], mark: Mark) {
        let Mark { disk, generation, .. } = mark;
        let is_another = (self.disk, self.generation) != (disk, generation);
        if is_another || self.end == 0 || log.len() < self.end {
            let mut chain = crc32fast::Hasher::new();
            chain.update(&disk.to_le_bytes());
            chain.update(&generation.to_le_bytes());
            *self = Self { disk, generation, records: Vec::new(), end: 0, chain: chain.finalize() };
        }
        while let Some((record, chain)) = frame(log, self.end, self.chain) {
            (self.end, self.chain) = (record.end, chain);
            // What no record begins with is none.
            if let Some(group) = record::group_of(&log[record.clone()]) {
                self.records.push((group, record));
            }
        }
    }

    /// Whether a record has the turn, or a snapshot that it is a part of.
    fn holds(&self, log: &[u8], claim: &Claim) -> bool {
        // Entries from here on were replaced by later ones.
        let mut replaced_from = u64::MAX;
        let of_group = self.records.iter().rev().take(RECORDS_MAX).filter(|(of, _)| *of == claim.group);
        for (_, record) in of_group {
            let Some(step) = record::step(&log[record.clone()]) else { return false };
            let mut standing = step.entries.iter().filter(|entry| entry.index < replaced_from);
            if standing.any(|entry| record::commits(entry.data, claim)) {
                return true;
            }
            if let Some(snapshot) = &step.snapshot {
                return snapshot.index >= claim.index;
            }
            let first = step.entries.first().map_or(u64::MAX, |entry| entry.index);
            replaced_from = replaced_from.min(first);
        }
        false
    }
}

/// The file that the newest mark names, and the mark.
fn marked(disk: &Disk) -> Option<(&[u8], Mark)> {
    let mark = newest_mark(disk.durable(FileId::Mark))?;
    Some((disk.durable(mark.file()), mark))
}

impl Mark {
    /// The file of its generation.
    fn file(self) -> FileId {
        if self.generation.is_multiple_of(2) { FileId::Log } else { FileId::OddLog }
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
        let mark = Mark { seq: word(0)?, generation: word(8)?, len: word(16)?, disk: word(28)? };
        let is_whole = crc32fast::hash(&bytes[..MARK_BYTES]) == stored && mark.seq % 2 == slot as u64;
        is_whole.then_some(mark)
    };
    [in_slot(0), in_slot(1)].into_iter().flatten().max_by_key(|mark| mark.seq)
}
