//! What the disk keeps, and what a loss of power may take (D8).

use bytes::Bytes;
use rand::{Rng, RngExt};
use reveille_sim::disk::Disk;
use reveille_sim::streams::{Concern, Streams};
use reveille_system::io::{DiskImage, DiskOp, FileId};

fn write(offset: u64, bytes: &[u8]) -> DiskOp {
    DiskOp::Write { file: FileId::Log, offset, bytes: Bytes::copy_from_slice(bytes) }
}

fn sync(disk: &mut Disk, ticket: u64) -> reveille_sim::disk::Sync {
    disk.submit(DiskOp::Sync { file: FileId::Log, ticket }).expect("a sync is under way")
}

fn rng(seed: u64) -> rand_chacha::ChaCha8Rng {
    Streams::new(seed).stream(Concern::DiskLoss, 0)
}

#[test]
fn d8_what_a_completed_sync_covers_survives_every_loss_of_power() {
    for seed in 0..300 {
        let mut rng = rng(seed);
        let mut disk = Disk::default();
        let mut content: Vec<u8> = Vec::new();
        for ticket in 0..10 {
            let bytes: Vec<u8> = (0..rng.random_range(1..2_000)).map(|_| rng.next_u32() as u8).collect();
            disk.submit(write(content.len() as u64, &bytes));
            content.extend(&bytes);
            let sync = sync(&mut disk, ticket);
            disk.submit(write(content.len() as u64, b"not covered by the sync above"));
            disk.synced(sync);
            disk.lose_power(&mut rng);
            assert_eq!(disk.read(FileId::Log)[..content.len()], content, "seed {seed}");
            let len = content.len() as u64;
            disk.submit(DiskOp::Truncate { file: FileId::Log, len });
        }
    }
}

#[test]
fn d8_any_subset_of_unsynced_sectors_survives_and_sectors_are_whole() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..500 {
        let mut disk = Disk::default();
        disk.submit(write(0, &[7; 4 * 512]));
        let loss = disk.lose_power(&mut rng(seed));
        assert_eq!(loss.lost_bytes + loss.kept_bytes, 4 * 512);
        let found = disk.read(FileId::Log);
        let sectors: Vec<bool> = found.chunks(512).map(|sector| sector == [7; 512]).collect();
        for (sector, whole) in found.chunks(512).zip(&sectors) {
            assert!(*whole || sector.iter().all(|byte| *byte == 0), "half a sector survived");
        }
        seen.insert((0..4).map(|i| sectors.get(i).copied().unwrap_or(false)).collect::<Vec<_>>());
    }
    assert_eq!(seen.len(), 16, "every subset of four sectors was seen");
}

#[test]
fn d8_a_write_across_sectors_is_cut_at_their_borders() {
    let mut lengths = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let mut disk = Disk::default();
        disk.submit(write(0, &[1; 500]));
        let sync = sync(&mut disk, 0);
        disk.synced(sync);
        disk.submit(write(500, &[2; 100]));
        disk.lose_power(&mut rng(seed));
        lengths.insert((
            disk.read(FileId::Log).len(),
            disk.read(FileId::Log).iter().filter(|b| **b == 2).count(),
        ));
    }
    let expected = [(500, 0), (512, 12), (600, 88), (600, 100)];
    assert_eq!(lengths, expected.into_iter().collect());
}

#[test]
fn a_process_crash_keeps_the_cache_but_syncs_nothing() {
    let mut disk = Disk::default();
    disk.submit(write(0, b"in the cache"));
    // The process dies; the next one reads what the dead one wrote, and must not take it for durable.
    assert_eq!(disk.read(FileId::Log), "in the cache");
    assert_eq!(disk.unsynced_bytes(), 12);
    let lost = (0..100).any(|seed| {
        let mut disk = Disk::default();
        disk.submit(write(0, b"in the cache"));
        disk.lose_power(&mut rng(seed)).lost_bytes == 12 && disk.read(FileId::Log).is_empty()
    });
    assert!(lost, "what was never synced can be lost");
}

#[test]
fn d8_an_unsynced_truncation_may_be_undone() {
    let mut lengths = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let mut disk = Disk::default();
        disk.submit(write(0, &[1; 100]));
        let sync = sync(&mut disk, 0);
        disk.synced(sync);
        disk.submit(DiskOp::Truncate { file: FileId::Log, len: 40 });
        assert_eq!(disk.read(FileId::Log).len(), 40);
        disk.lose_power(&mut rng(seed));
        lengths.insert(disk.read(FileId::Log).len());
    }
    assert_eq!(lengths, [40, 100].into_iter().collect());
}

#[test]
fn a_sync_covers_its_own_file_and_what_came_before_it() {
    let mut disk = Disk::default();
    disk.submit(write(0, b"one"));
    let first = sync(&mut disk, 1);
    disk.submit(write(3, b"two"));
    let second = sync(&mut disk, 2);
    disk.submit(DiskOp::Write { file: FileId::Mark, offset: 0, bytes: Bytes::from_static(b"mark") });
    // The later sync may be done first: it covers both writes, and nothing is left for the earlier one.
    assert_eq!(disk.synced(second), 6);
    assert_eq!(disk.synced(first), 0);
    assert_eq!(disk.unsynced_bytes(), 4);
}

#[test]
#[should_panic(expected = "cannot be cut off at 5")]
fn a_truncation_never_extends_a_file() {
    Disk::default().submit(DiskOp::Truncate { file: FileId::Log, len: 5 });
}
