//! One append-only log for all replicas of a machine, and the end mark that says how much of it is acknowledged (D8).
//! It knows what is durable and what is whole, and nothing of consensus: a record is a group's step, never looked into.
//!
//! A batch is acknowledged in four steps, one batch at a time, so that one pair of syncs serves all groups:
//!
//! ```text
//! append append flush - write log - sync log - write mark - sync mark - acknowledged
//!                       `- what is appended from here on waits for the next batch -'
//! ```
//!
//! A frame is the length of its payload, a checksum, and the payload: one record. The checksum is seeded with that of the
//! frame before it, so a frame counts only behind the very frames that it was written behind.
//!
//! A log that has become long is compacted: a new generation of it, which begins with records that stand for everything
//! before, is written into the other one of two files, in place of a batch. The marks say which generation counts:
//!
//! ```text
//! cut off and write other file - sync it - write mark - sync - write mark into the other slot - sync - acknowledged
//! `---- the old generation counts ---------------------'`-- both hold everything acknowledged --'`- the new one counts
//! ```
//!
//! While a mark names the old generation its file is not touched, and what only the new one holds is not acknowledged.
//! So whichever one mark is torn or rots, the other one leads to everything acknowledged (D8).
//!
//! A disk is formatted once, by whoever builds the cluster ([`format()`]). A machine that finds no mark, or a log that is not whole,
//! has lost what it promised: it formats the disk anew ([`Log::anew`]) as another one, with a number of its own that stands in
//! each mark and in each chain of checksums, so that nothing of the former one is ever taken for a part of it.
//!
//! The new generation is one write, and the batches of all groups wait for it: with a million objects on a machine that
//! is some hundred megabytes and as many milliseconds. Then it has to be written in pieces between batches, which go
//! into both files meanwhile; the marks can stay as they are.

use std::mem;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::consensus::Persist;
use crate::ids::{DiskId, GroupId};
use crate::io::{DiskImage, DiskOp, Effects, FileId};

mod mark;

use mark::Mark;

/// Bytes of a frame before its payload: length and checksum, both little-endian `u32`.
const HEADER_BYTES: usize = 8;

/// What one replica has to remember of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The group.
    pub group: GroupId,
    /// What it remembers. All of it is kept or none.
    pub persist: Persist,
}

/// The log cannot be proven whole: something acknowledged may be missing. The machine must not start from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A frame that was acknowledged is broken or missing.
    #[error("the log is damaged at byte {offset}, before its end mark at byte {marked}")]
    Frame {
        /// Where the first broken frame begins, in bytes.
        offset: u64,
        /// Up to where the log was acknowledged, in bytes.
        marked: u64,
    },
    /// The frames are whole, but they are not those that were acknowledged.
    #[error("the log up to its end mark at byte {marked} is not the one that was marked")]
    NotTheMarked {
        /// Up to where the log was acknowledged, in bytes.
        marked: u64,
    },
    /// There is no valid end mark: the disk was never formatted, or it has lost both of them.
    #[error("a log of {len} bytes has no valid end mark")]
    NoMark {
        /// Length of both files of the log in bytes.
        len: u64,
    },
    /// A frame's checksum holds, but it is nothing that we write.
    #[error("the frame at byte {offset} of the log cannot be decoded")]
    Undecodable {
        /// Where the frame begins, in bytes.
        offset: u64,
    },
}

/// What the disk is doing for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Idle,
    /// The mark that was found at boot is being made durable. It may stand in a page cache only, and the slot that the
    /// next mark is written to may hold the only one that a loss of power would leave.
    SyncingFoundMark {
        ticket: u64,
    },
    /// The batch is written, or the tail is cut off, or the new generation written, and that is being made durable. Then
    /// so many marks are to be written.
    SyncingLog {
        ticket: u64,
        marks: u8,
    },
    /// A mark is written and is being made durable. So many more are to follow.
    SyncingMark {
        ticket: u64,
        marks: u8,
    },
}

/// The log of a machine. A position in it counts the bytes that this boot has found and appended, so it never goes back:
/// compacting moves no position.
#[derive(Debug)]
pub struct Log {
    disk: DiskId,
    generation: u64,
    /// Length of the generation's file in bytes; `written` stands at its end.
    file_len: u64,
    /// What the generation began with, in bytes. Not known after a boot, and zero then.
    base_len: u64,
    /// Frames that are in no batch yet. They begin at `written`.
    buffer: Vec<u8>,
    /// The last batch ends here.
    written: u64,
    /// Checksum of the last frame before `written`.
    written_chain: u32,
    /// Checksum of the last frame.
    chain: u32,
    /// Acknowledged up to here in this boot.
    durable: u64,
    /// The number of the newest mark.
    mark_seq: u64,
    step: Step,
    tickets: u64,
}

impl Log {
    /// Reads the log that the disk has kept, cuts off a torn tail, and begins to make the rest durable. Before that is
    /// done nothing new is written: what was cut off can never come back behind something new.
    ///
    /// Whole frames beyond the mark are kept: nobody was told of them, so they do no harm, but if it is the newest mark
    /// that is damaged then they are acknowledged (D8: one fault hits a record or its mark, not both). They may stand in
    /// a page cache only: nothing may be said on the strength of any record until [`Log::durable`] has reached the
    /// [`Log::end`] that the log has on return.
    ///
    /// # Errors
    ///
    /// If an acknowledged frame is not whole, or no mark says which are acknowledged (D8).
    pub fn recover(disk: &dyn DiskImage, out: &mut Effects) -> Result<(Self, Vec<Record>), Damage> {
        let Some(mark) = Mark::newest(&disk.read(FileId::Mark)) else {
            let len = [FileId::Log, FileId::OddLog].map(|file| len_u64(&disk.read(file))).iter().sum();
            return Err(Damage::NoMark { len });
        };
        let bytes = disk.read(file_of(mark.generation));
        let found = Found::scan(&bytes, mark)?;
        if found.len < len_u64(&bytes) {
            out.disk.push(DiskOp::Truncate { file: file_of(mark.generation), len: found.len });
        }
        let mut log = Self {
            disk: mark.disk,
            generation: mark.generation,
            file_len: found.len,
            base_len: 0,
            buffer: Vec::new(),
            written: found.len,
            written_chain: found.chain,
            chain: found.chain,
            durable: 0,
            mark_seq: mark.seq,
            step: Step::Idle,
            tickets: 0,
        };
        log.step = Step::SyncingFoundMark { ticket: log.sync(FileId::Mark, out) };
        Ok((log, found.records))
    }

    /// Formats the disk anew, as `disk`: what it held counts for nothing any more (D8). Nothing that is appended is
    /// acknowledged before marks of the new disk are durable in both slots.
    pub fn anew(image: &dyn DiskImage, disk: DiskId, out: &mut Effects) -> Self {
        let last = Mark::newest(&image.read(FileId::Mark));
        let generation = last.map_or(0, |mark| mark.generation + 1);
        for file in [FileId::Log, FileId::OddLog] {
            if !image.read(file).is_empty() {
                out.disk.push(DiskOp::Truncate { file, len: 0 });
            }
        }
        let chain = chain_start(disk, generation);
        let mut log = Self {
            disk,
            generation,
            file_len: 0,
            base_len: 0,
            buffer: Vec::new(),
            written: 0,
            written_chain: chain,
            chain,
            durable: 0,
            mark_seq: last.map_or(0, |mark| mark.seq),
            step: Step::Idle,
            tickets: 0,
        };
        log.step = Step::SyncingLog { ticket: log.sync(file_of(generation), out), marks: 2 };
        log
    }

    /// The disk that the log is on.
    pub fn disk(&self) -> DiskId {
        self.disk
    }

    /// Takes a record into the next batch.
    pub fn append(&mut self, record: &Record) {
        let start = self.buffer.len();
        let mut buffer = mem::take(&mut self.buffer);
        buffer.extend_from_slice(&[0; HEADER_BYTES]);
        buffer = postcard::to_extend(record, buffer).expect("our own records can be encoded");
        let (header, payload) = buffer[start..].split_at_mut(HEADER_BYTES);
        let len = u32::try_from(payload.len()).expect("a batch of turns is far below 4 GiB");
        self.chain = checksum(self.chain, len, payload);
        header[..4].copy_from_slice(&len.to_le_bytes());
        header[4..].copy_from_slice(&self.chain.to_le_bytes());
        self.buffer = buffer;
    }

    /// Position behind everything appended so far.
    pub fn end(&self) -> u64 {
        self.written + len_u64(&self.buffer)
    }

    /// Everything before this position is acknowledged: durable, and so is a mark that says so.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// The ticket of the sync that the disk is at.
    pub fn sync_under_way(&self) -> Option<u64> {
        match self.step {
            Step::Idle => None,
            Step::SyncingFoundMark { ticket }
            | Step::SyncingLog { ticket, .. }
            | Step::SyncingMark { ticket, .. } => Some(ticket),
        }
    }

    /// Gives what was appended to the disk if the disk is doing nothing for the log.
    pub fn flush(&mut self, out: &mut Effects) {
        if self.step != Step::Idle || self.buffer.is_empty() {
            return;
        }
        self.written = self.end();
        self.write(out, 1);
    }

    /// Whether [`Log::compact`] is wanted now, in place of a flush, if the log is to be no longer than `bytes_max` bytes
    /// as far as that pays.
    pub fn is_due(&self, bytes_max: u64) -> bool {
        let len = self.file_len + len_u64(&self.buffer);
        self.step == Step::Idle && !self.buffer.is_empty() && len > bytes_max.max(2 * self.base_len)
    }

    /// Begins a new generation of the log with `base`, which stands for all that was appended so far, flushed or not.
    ///
    /// # Panics
    ///
    /// If the disk is doing something for the log.
    pub fn compact(&mut self, base: &[Record], out: &mut Effects) {
        assert_eq!(self.step, Step::Idle, "a batch and a new generation exclude each other");
        self.written = self.end();
        self.buffer.clear();
        self.generation += 1;
        self.chain = chain_start(self.disk, self.generation);
        self.file_len = 0;
        base.iter().for_each(|record| self.append(record));
        self.base_len = len_u64(&self.buffer);
        // Both marks name the generation before this one since this boot, so the other file is free.
        out.disk.push(DiskOp::Truncate { file: file_of(self.generation), len: 0 });
        self.write(out, 2);
    }

    /// The disk has done a sync. Returns whether [`Log::durable`] has moved. [`Log::flush`] is wanted after it.
    ///
    /// # Panics
    ///
    /// If the sync is not the one that this log waits for.
    pub fn synced(&mut self, done: u64, out: &mut Effects) -> bool {
        match self.step {
            Step::SyncingFoundMark { ticket } if ticket == done => {
                let ticket = self.sync(file_of(self.generation), out);
                self.step = Step::SyncingLog { ticket, marks: 1 };
                false
            }
            // D8: the mark is written once the records are durable, never before.
            Step::SyncingLog { ticket, marks } | Step::SyncingMark { ticket, marks: marks @ 1.. }
                if ticket == done =>
            {
                self.mark_seq += 1;
                let (seq, generation) = (self.mark_seq, self.generation);
                let (len, chain, disk) = (self.file_len, self.written_chain, self.disk);
                let mark = Mark { seq, generation, len, chain, disk };
                out.disk.push(mark.write());
                self.step = Step::SyncingMark { ticket: self.sync(FileId::Mark, out), marks: marks - 1 };
                false
            }
            // D8: acknowledged only now that the mark is durable too.
            Step::SyncingMark { ticket, marks: 0 } if ticket == done => {
                self.durable = self.written;
                self.step = Step::Idle;
                true
            }
            step => panic!("sync {done} is done, but the log is at {step:?}"),
        }
    }

    /// Writes what is in the buffer behind what is in the file, and begins to make it durable.
    fn write(&mut self, out: &mut Effects, marks: u8) {
        let file = file_of(self.generation);
        let bytes = Bytes::from(mem::take(&mut self.buffer));
        let len = len_u64(&bytes);
        out.disk.push(DiskOp::Write { file, offset: self.file_len, bytes });
        self.file_len += len;
        self.written_chain = self.chain;
        self.step = Step::SyncingLog { ticket: self.sync(file, out), marks };
    }

    fn sync(&mut self, file: FileId, out: &mut Effects) -> u64 {
        self.tickets += 1;
        out.disk.push(DiskOp::Sync { file, ticket: self.tickets });
        self.tickets
    }
}

/// Formats a machine's first disk: marks of an empty log in both slots. Whoever builds the cluster has them written and made
/// durable before the machine boots for the first time.
pub fn format() -> [DiskOp; 2] {
    let (disk, generation) = (DiskId::FOUNDING, 0);
    let mark = |seq| Mark { seq, generation, len: 0, chain: chain_start(disk, generation), disk };
    [1, 2].map(|seq| mark(seq).write())
}

/// A disk that was formatted, and nothing else.
#[cfg(test)]
pub(crate) struct Formatted;

#[cfg(test)]
impl DiskImage for Formatted {
    fn read(&self, file: FileId) -> Bytes {
        let mut content = Vec::new();
        for op in format() {
            if let DiskOp::Write { file: FileId::Mark, offset, bytes } = op {
                let begin = usize::try_from(offset).expect("a small file");
                content.resize(content.len().max(begin + bytes.len()), 0);
                content[begin..begin + bytes.len()].copy_from_slice(&bytes);
            }
        }
        if file == FileId::Mark { content.into() } else { Bytes::new() }
    }
}

/// What the disk has kept.
struct Found {
    records: Vec<Record>,
    /// Length of what is whole, in bytes.
    len: u64,
    /// Checksum of the last whole frame.
    chain: u32,
}

impl Found {
    fn scan(bytes: &Bytes, mark: Mark) -> Result<Self, Damage> {
        let mut found = Self { records: Vec::new(), len: 0, chain: chain_start(mark.disk, mark.generation) };
        while let Some((payload, chain)) = frame_at(bytes, found.len, found.chain) {
            let record = postcard::from_bytes(payload);
            found.records.push(record.map_err(|_| Damage::Undecodable { offset: found.len })?);
            let begin = found.len;
            found.len += len_u64(payload) + HEADER_BYTES as u64;
            found.chain = chain;
            let (reaches, passes) = (found.len >= mark.len, found.len > mark.len);
            // A mark stands at the end of a frame, and it knows that frame's checksum.
            if begin < mark.len && (passes || (reaches && chain != mark.chain)) {
                return Err(Damage::NotTheMarked { marked: mark.len });
            }
        }
        if found.len < mark.len {
            return Err(Damage::Frame { offset: found.len, marked: mark.len });
        }
        Ok(found)
    }
}

/// The payload of the frame at `offset` and its checksum, or none if there is no whole frame.
fn frame_at(bytes: &[u8], offset: u64, chain: u32) -> Option<(&[u8], u32)> {
    let rest = bytes.get(usize::try_from(offset).ok()?..)?;
    let (len, rest) = rest.split_first_chunk()?;
    let (stored, rest) = rest.split_first_chunk()?;
    let len = u32::from_le_bytes(*len);
    let payload = rest.get(..usize::try_from(len).ok()?)?;
    let computed = checksum(chain, len, payload);
    // No frame is empty: a hole of zeros is none.
    (len > 0 && computed == u32::from_le_bytes(*stored)).then_some((payload, computed))
}

/// The file of a generation.
fn file_of(generation: u64) -> FileId {
    if generation.is_multiple_of(2) { FileId::Log } else { FileId::OddLog }
}

/// What the first frame's checksum is seeded with: different for each generation of each disk, so that none is taken for another.
fn chain_start(disk: DiskId, generation: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&disk.as_u64().to_le_bytes());
    hasher.update(&generation.to_le_bytes());
    hasher.finalize()
}

fn checksum(seed: u32, len: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(&len.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

fn len_u64(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}
