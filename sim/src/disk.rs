//! A machine's disk (D8). What a completed sync covers is durable. The rest lives in the page cache: a crash of the
//! process leaves it there, still unsynced; a loss of power leaves any subset of its sectors, so that a write may be
//! torn, later writes may survive earlier ones, and a file may keep what was cut off.
//!
//! The cache is not a second copy: it is the durable content plus the writes that wait, whose bytes are shared with
//! whoever made them. So content exists once, and only a boot puts the two together.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use reveille_system::io::{DiskImage, DiskOp, FileId};
use reveille_system::log::format;

/// The unit that a disk writes whole or not at all, in bytes.
pub const SECTOR_BYTES: u64 = 512;

/// How likely an unsynced sector survives, in percent: one is drawn for each loss of power, then each sector is drawn.
/// With one figure alone, "all but one" and "nothing" would be next to impossible for a long tail.
const SURVIVAL_PERCENT: [u32; 5] = [0, 10, 50, 90, 100];

/// The disk of one machine. It outlives the machine's incarnations.
#[derive(Debug, Default)]
pub struct Disk {
    files: BTreeMap<FileId, File>,
}

#[derive(Debug, Default)]
struct File {
    durable: Vec<u8>,
    /// What the machine sees as the file's length: durable content and waiting operations together.
    cached_len: u64,
    waiting: VecDeque<Operation>,
    /// Operations asked for so far, the durable ones included.
    asked: u64,
}

#[derive(Clone, Debug)]
enum Operation {
    Write { offset: u64, bytes: Bytes },
    Truncate { len: u64 },
}

/// A sync under way: give it to [`Disk::synced`] when it is done, or drop it when its process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sync {
    file: FileId,
    /// It covers the first so many operations of the file.
    covers: u64,
    /// Comes back to the machine.
    pub ticket: u64,
}

/// What a loss of power took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PowerLoss {
    /// Unsynced bytes that are gone.
    pub lost_bytes: u64,
    /// Unsynced bytes that survived.
    pub kept_bytes: u64,
    /// Unsynced truncations that are undone.
    pub lost_truncations: u64,
}

impl Disk {
    /// A machine's first disk, as whoever builds the cluster formats it.
    pub fn formatted() -> Self {
        let mut disk = Self::default();
        for op in format() {
            disk.submit(op);
        }
        for file in disk.files.values_mut() {
            for operation in std::mem::take(&mut file.waiting) {
                operation.apply(&mut file.durable);
            }
        }
        disk
    }

    /// So many bytes of a file rot where they lie. Returns whether there is anything in the file.
    pub fn rot(&mut self, id: FileId, bytes: u32, rng: &mut ChaCha8Rng) -> bool {
        let Some(file) = self.files.get_mut(&id).filter(|file| !file.durable.is_empty()) else {
            return false;
        };
        let begin = rng.random_range(0..file.durable.len());
        for byte in file.durable[begin..].iter_mut().take(index(u64::from(bytes))) {
            *byte ^= rng.random_range(1..=u8::MAX);
        }
        true
    }

    /// Takes one operation. For a sync, gives what is to be handed back once it is done.
    ///
    /// # Panics
    ///
    /// If a truncation would make the file longer: that breaks the contract of [`DiskOp`].
    pub fn submit(&mut self, op: DiskOp) -> Option<Sync> {
        match op {
            DiskOp::Write { file, offset, bytes } => {
                let file = self.files.entry(file).or_default();
                file.cached_len = file.cached_len.max(offset + bytes.len() as u64);
                file.ask(Operation::Write { offset, bytes });
                None
            }
            DiskOp::Truncate { file: id, len } => {
                let file = self.files.entry(id).or_default();
                let has = file.cached_len;
                assert!(len <= has, "{id:?} has {has} bytes and cannot be cut off at {len}");
                file.cached_len = len;
                file.ask(Operation::Truncate { len });
                None
            }
            DiskOp::Sync { file, ticket } => {
                Some(Sync { file, covers: self.files.entry(file).or_default().asked, ticket })
            }
        }
    }

    /// A sync is done: what it covers is durable. Returns how many bytes became so.
    pub fn synced(&mut self, sync: Sync) -> u64 {
        let file = self.files.entry(sync.file).or_default();
        let mut bytes = 0;
        // An earlier sync may finish after a later one: then what it covers is durable already.
        while file.asked - (file.waiting.len() as u64) < sync.covers {
            let operation = file.waiting.pop_front().expect("what was asked for and is not durable waits");
            bytes += operation.len();
            operation.apply(&mut file.durable);
        }
        bytes
    }

    /// The power fails: of what no completed sync covers, sectors and truncations survive as `rng` draws.
    pub fn lose_power(&mut self, rng: &mut ChaCha8Rng) -> PowerLoss {
        let mut loss = PowerLoss::default();
        for file in self.files.values_mut() {
            let percent = SURVIVAL_PERCENT[rng.random_range(0..SURVIVAL_PERCENT.len())];
            for operation in std::mem::take(&mut file.waiting) {
                operation.survive(&mut file.durable, percent, rng, &mut loss);
            }
            file.cached_len = file.durable.len() as u64;
        }
        loss
    }

    /// What of a file is durable.
    pub fn durable(&self, file: FileId) -> &[u8] {
        self.files.get(&file).map_or(&[], |file| &file.durable)
    }

    /// Bytes that no completed sync covers.
    pub fn unsynced_bytes(&self) -> u64 {
        self.files.values().flat_map(|file| &file.waiting).map(Operation::len).sum()
    }
}

impl DiskImage for Disk {
    fn read(&self, file: FileId) -> Bytes {
        let Some(file) = self.files.get(&file) else { return Bytes::new() };
        let mut content = file.durable.clone();
        for operation in &file.waiting {
            operation.apply(&mut content);
        }
        assert_eq!(
            content.len() as u64,
            file.cached_len,
            "the cache has the length that the machine was told"
        );
        content.into()
    }
}

impl File {
    fn ask(&mut self, operation: Operation) {
        self.waiting.push_back(operation);
        self.asked += 1;
    }
}

impl Operation {
    fn len(&self) -> u64 {
        match self {
            Operation::Write { bytes, .. } => bytes.len() as u64,
            Operation::Truncate { .. } => 0,
        }
    }

    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Operation::Write { offset, bytes } => write(content, *offset, bytes),
            Operation::Truncate { len } => content.truncate(index(*len)),
        }
    }

    /// Applies what survives of an unsynced operation when the power fails.
    fn survive(self, content: &mut Vec<u8>, percent: u32, rng: &mut impl Rng, loss: &mut PowerLoss) {
        match self {
            Operation::Write { mut offset, mut bytes } => {
                while !bytes.is_empty() {
                    let to_sector_end = SECTOR_BYTES - offset % SECTOR_BYTES;
                    let piece = bytes.split_to(bytes.len().min(index(to_sector_end)));
                    let len = piece.len() as u64;
                    if rng.random_ratio(percent, 100) {
                        write(content, offset, &piece);
                        loss.kept_bytes += len;
                    } else {
                        loss.lost_bytes += len;
                    }
                    offset += len;
                }
            }
            Operation::Truncate { len } => {
                if rng.random_ratio(percent, 100) {
                    content.truncate(index(len));
                } else {
                    loss.lost_truncations += 1;
                }
            }
        }
    }
}

fn write(content: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let (begin, end) = (index(offset), index(offset) + bytes.len());
    if content.len() < end {
        content.resize(end, 0);
    }
    content[begin..end].copy_from_slice(bytes);
}

fn index(bytes: u64) -> usize {
    usize::try_from(bytes).expect("a simulated file fits into memory")
}
