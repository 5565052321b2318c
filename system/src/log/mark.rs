//! The end mark of the log: up to where it is acknowledged. It stands in a file of its own, in two slots written in turn,
//! so that a torn mark leaves the one before it.

use bytes::Bytes;

use crate::ids::DiskId;
use crate::io::{DiskOp, FileId};

/// Distance of the two slots in bytes. Each has a sector of its own, so that nothing tears or rots both.
const SLOT_BYTES: usize = 4096;
const SLOTS: u64 = 2;
/// Bytes that a mark's checksum covers: number, generation, length, chain, disk.
const BODY_BYTES: usize = 36;

/// One end mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Its number, from 1. The slot follows from it.
    pub(super) seq: u64,
    /// The generation of the log that it is about.
    pub(super) generation: u64,
    /// Length of the acknowledged part of that generation in bytes.
    pub(super) len: u64,
    /// Checksum of the last frame of that part.
    pub(super) chain: u32,
    /// The disk that the mark was written on: since it was formatted last.
    pub(super) disk: DiskId,
}

impl Mark {
    /// The newest valid mark in the file, or none.
    pub(super) fn newest(file: &[u8]) -> Option<Self> {
        (0..SLOTS).filter_map(|slot| Self::in_slot(file, slot)).max_by_key(|mark| mark.seq)
    }

    /// Writes it over the one before the last.
    pub(super) fn write(self) -> DiskOp {
        let mut bytes = Vec::with_capacity(BODY_BYTES + 4);
        bytes.extend_from_slice(&self.seq.to_le_bytes());
        bytes.extend_from_slice(&self.generation.to_le_bytes());
        bytes.extend_from_slice(&self.len.to_le_bytes());
        bytes.extend_from_slice(&self.chain.to_le_bytes());
        bytes.extend_from_slice(&self.disk.as_u64().to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        let offset = (self.seq % SLOTS) * SLOT_BYTES as u64;
        DiskOp::Write { file: FileId::Mark, offset, bytes: Bytes::from(bytes) }
    }

    fn in_slot(file: &[u8], slot: u64) -> Option<Self> {
        let bytes = file.get(usize::try_from(slot).ok()? * SLOT_BYTES..)?;
        let (body, rest) = bytes.split_at_checked(BODY_BYTES)?;
        let stored = u32::from_le_bytes(*rest.first_chunk()?);
        let (seq, rest) = body.split_first_chunk()?;
        let (generation, rest) = rest.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (chain, rest) = rest.split_first_chunk()?;
        let mark = Self {
            seq: u64::from_le_bytes(*seq),
            generation: u64::from_le_bytes(*generation),
            len: u64::from_le_bytes(*len),
            chain: u32::from_le_bytes(*chain),
            disk: DiskId::from_u64(u64::from_le_bytes(*rest.first_chunk()?)),
        };
        // The slot is checked because a disk may put a sector in the wrong place.
        (crc32fast::hash(body) == stored && mark.seq % SLOTS == slot).then_some(mark)
    }
}
