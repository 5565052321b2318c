//! A disk in memory for tests: it keeps apart what is durable and what is only written, and at a loss of power any part
//! of the latter survives, sector by sector.

use std::collections::BTreeMap;

use bytes::Bytes;
use reveille_system::io::{DiskImage, DiskOp, FileId};
use reveille_system::log::format;

/// Far smaller than real ones, so that everything tears.
pub(crate) const SECTOR_BYTES: usize = 8;

/// The disk of one machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    durable: BTreeMap<FileId, Vec<u8>>,
    /// In the order in which they were asked for.
    pending: Vec<DiskOp>,
}

impl Disk {
    /// A machine's first disk, as whoever builds the cluster formats it.
    pub(crate) fn formatted() -> Self {
        let mut disk = Self::default();
        format().iter().for_each(|op| apply(&mut disk.durable, op));
        disk
    }

    /// Takes operations; syncs stay pending until [`Disk::sync`].
    pub(crate) fn submit(&mut self, ops: impl IntoIterator<Item = DiskOp>) {
        self.pending.extend(ops);
    }

    /// Completes the oldest sync, and gives its ticket.
    pub(crate) fn sync(&mut self) -> Option<u64> {
        let at = self.pending.iter().position(|op| matches!(op, DiskOp::Sync { .. }))?;
        let DiskOp::Sync { file, ticket } = self.pending.remove(at) else { unreachable!() };
        let covered = |index: usize, op: &DiskOp| index < at && file_of(op) == file;
        for (_, op) in self.pending.iter().enumerate().filter(|(index, op)| covered(*index, op)) {
            apply(&mut self.durable, op);
        }
        let mut index = 0;
        self.pending.retain(|op| {
            let keep = !covered(index, op);
            index += 1;
            keep
        });
        Some(ticket)
    }

    /// The process dies: the page cache stays.
    pub(crate) fn crash(&mut self) {
        self.pending.retain(|op| !matches!(op, DiskOp::Sync { .. }));
    }

    /// The power goes: each truncation and each sector that is not durable survives if `survives` says so.
    pub(crate) fn lose_power(&mut self, mut survives: impl FnMut() -> bool) {
        for op in std::mem::take(&mut self.pending) {
            for part in parts(op) {
                if survives() {
                    apply(&mut self.durable, &part);
                }
            }
        }
    }

    /// How many questions [`Disk::lose_power`] would ask now.
    pub(crate) fn parts_at_risk(&self) -> usize {
        self.pending.iter().map(|op| parts(op.clone()).len()).sum()
    }

    /// The durable bytes of a file, to be spoiled.
    pub(crate) fn spoil(&mut self, file: FileId) -> &mut Vec<u8> {
        self.durable.entry(file).or_default()
    }
}

impl DiskImage for Disk {
    fn read(&self, file: FileId) -> Bytes {
        let mut files = self.durable.clone();
        for op in &self.pending {
            apply(&mut files, op);
        }
        files.remove(&file).unwrap_or_default().into()
    }
}

fn file_of(op: &DiskOp) -> FileId {
    match op {
        DiskOp::Write { file, .. } | DiskOp::Truncate { file, .. } | DiskOp::Sync { file, .. } => *file,
    }
}

fn parts(op: DiskOp) -> Vec<DiskOp> {
    match op {
        DiskOp::Write { file, offset, mut bytes } => {
            let mut offset = usize::try_from(offset).unwrap();
            let mut parts = Vec::new();
            while !bytes.is_empty() {
                let in_sector = bytes.split_to(bytes.len().min(SECTOR_BYTES - offset % SECTOR_BYTES));
                let len = in_sector.len();
                parts.push(DiskOp::Write { file, offset: offset as u64, bytes: in_sector });
                offset += len;
            }
            parts
        }
        DiskOp::Truncate { .. } => vec![op],
        DiskOp::Sync { .. } => Vec::new(),
    }
}

fn apply(files: &mut BTreeMap<FileId, Vec<u8>>, op: &DiskOp) {
    let content = files.entry(file_of(op)).or_default();
    match op {
        DiskOp::Write { offset, bytes, .. } => {
            let begin = usize::try_from(*offset).unwrap();
            let end = begin + bytes.len();
            content.resize(content.len().max(end), 0);
            content[begin..end].copy_from_slice(bytes);
        }
        // After a loss of power the write that it was to cut off may be missing.
        DiskOp::Truncate { len, .. } => content.truncate(usize::try_from(*len).unwrap()),
        DiskOp::Sync { .. } => {}
    }
}
