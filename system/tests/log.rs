//! D8 as the log keeps it: what was acknowledged is recovered or found damaged, and nothing else comes back.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod disk;

use bytes::Bytes;
use disk::Disk;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reveille_system::consensus::{Entry, Persist};
use reveille_system::ids::{DiskId, GroupId};
use reveille_system::io::{DiskImage, DiskOp, Effects, FileId};
use reveille_system::log::{Damage, Log, Record};

fn entry(number: u64, len: usize) -> Entry {
    let data = Bytes::from(vec![u8::try_from(number % 251).unwrap(); len]);
    Entry { term: 1, index: number, is_change: false, data }
}

fn record(entries: Vec<Entry>) -> Record {
    Record { group: GroupId(0), persist: Persist { entries, ..Persist::default() } }
}

/// One life of a log after another on the same disk.
struct Life {
    disk: Disk,
    log: Log,
    /// Everything that the log holds, oldest first, with the position behind it.
    held: Vec<(u64, Entry)>,
}

impl Life {
    fn boot(disk: Disk) -> Result<Self, Damage> {
        let mut disk = disk;
        let mut out = Effects::default();
        let (log, records) = Log::recover(&disk, &mut out)?;
        disk.submit(out.disk);
        let end = log.end();
        let entries = records.into_iter().flat_map(|record| record.persist.entries);
        Ok(Self { disk, log, held: entries.map(|entry| (end, entry)).collect() })
    }

    fn append(&mut self, entry: Entry) {
        self.log.append(&record(vec![entry.clone()]));
        self.held.push((self.log.end(), entry));
    }

    /// Begins a new generation of the log, in which one record stands for all before.
    fn compact(&mut self) {
        let mut out = Effects::default();
        self.log.compact(&[record(self.entries())], &mut out);
        self.disk.submit(out.disk);
    }

    fn flush(&mut self) {
        let mut out = Effects::default();
        self.log.flush(&mut out);
        self.disk.submit(out.disk);
    }

    /// Completes one sync. Returns false if there was none.
    fn sync(&mut self) -> bool {
        let Some(ticket) = self.disk.sync() else { return false };
        let mut out = Effects::default();
        self.log.synced(ticket, &mut out);
        self.log.flush(&mut out);
        self.disk.submit(out.disk);
        true
    }

    /// Until nothing is on its way to the disk.
    fn quiesce(&mut self) {
        self.flush();
        while self.sync() {}
    }

    fn acknowledged(&self) -> Vec<Entry> {
        let durable = self.log.durable();
        let acknowledged = self.held.iter().take_while(|(end, _)| *end <= durable);
        acknowledged.map(|(_, entry)| entry.clone()).collect()
    }

    fn entries(&self) -> Vec<Entry> {
        self.held.iter().map(|(_, entry)| entry.clone()).collect()
    }
}

/// Boots from `disk` and checks that what is recovered lies between `least` and `most`.
fn reboot(disk: Disk, least: &[Entry], most: &[Entry]) -> Life {
    let life = Life::boot(disk).expect("a loss of power is no damage");
    let recovered = life.entries();
    assert!(recovered.starts_with(least), "what was acknowledged is recovered");
    assert!(most.starts_with(&recovered), "nothing is recovered that was not the log's");
    life
}

fn survivors(choice: u32) -> impl FnMut() -> bool {
    let mut bits = choice;
    move || {
        let survives = bits & 1 == 1;
        bits >>= 1;
        survives
    }
}

/// A log with two acknowledged batches.
fn two_batches() -> Life {
    let mut life = Life::boot(Disk::formatted()).unwrap();
    life.quiesce();
    life.append(entry(1, 5));
    life.quiesce();
    life.append(entry(2, 9));
    life.append(entry(3, 2));
    life.quiesce();
    assert_eq!(life.acknowledged(), life.entries());
    life
}

#[test]
fn d8_acknowledged_only_when_the_mark_is_durable() {
    let mut life = two_batches();
    life.append(entry(4, 4));
    let before = life.log.durable();
    let mut out = Effects::default();
    life.log.flush(&mut out);
    let [DiskOp::Write { file: FileId::Log, .. }, DiskOp::Sync { file: FileId::Log, ticket }] = out.disk[..]
    else {
        panic!("first the log: {:?}", out.disk)
    };
    out.clear();
    assert!(!life.log.synced(ticket, &mut out));
    assert_eq!(life.log.durable(), before);
    let [DiskOp::Write { file: FileId::Mark, .. }, DiskOp::Sync { file: FileId::Mark, ticket }] =
        out.disk[..]
    else {
        panic!("then the mark: {:?}", out.disk)
    };
    assert!(life.log.synced(ticket, &mut out));
    assert_eq!(life.log.durable(), life.log.end());
}

#[test]
fn d8_power_loss_keeps_what_was_acknowledged_whichever_sectors_survive() {
    for syncs in 0..2 {
        let mut life = two_batches();
        life.append(entry(4, 12));
        life.append(entry(5, 20));
        life.flush();
        for _ in 0..syncs {
            assert!(life.sync());
        }
        let (least, most) = (life.acknowledged(), life.entries());
        let parts = life.disk.parts_at_risk();
        assert!(
            (3..16).contains(&parts),
            "{parts} parts at risk: enough, and all their subsets can be tried"
        );
        for choice in 0..1 << parts {
            let mut disk = life.disk.clone();
            disk.lose_power(survivors(choice));
            let mut next = reboot(disk, &least, &most);
            next.append(entry(6, 7));
            next.quiesce();
            reboot(next.disk.clone(), &next.entries(), &next.entries());
        }
    }
}

#[test]
fn d8_a_first_boot_may_lose_power_at_any_point() {
    for syncs in 0..2 {
        let mut life = Life::boot(Disk::formatted()).unwrap();
        for _ in 0..syncs {
            assert!(life.sync());
        }
        for choice in 0..1 << life.disk.parts_at_risk() {
            let mut disk = life.disk.clone();
            disk.lose_power(survivors(choice));
            reboot(disk, &[], &[]);
        }
    }
}

#[test]
fn d8_a_stale_record_behind_the_tail_is_never_revived() {
    let mut life = two_batches();
    let kept = life.entries();
    life.append(entry(4, 4));
    life.append(entry(5, 4));
    life.flush();
    // The first of the two is torn, the second is on the disk.
    let mut first = true;
    life.disk.lose_power(|| !std::mem::take(&mut first));
    // The first is written again, as it was, while what cuts off the second may get lost.
    for syncs in 0..8 {
        let mut second = reboot(life.disk.clone(), &kept, &kept);
        second.append(entry(4, 4));
        for _ in 0..syncs {
            second.sync();
        }
        for choice in 0..1 << second.disk.parts_at_risk() {
            let mut disk = second.disk.clone();
            disk.lose_power(survivors(choice));
            let third = reboot(disk, &second.acknowledged(), &second.entries());
            assert!(!third.entries().contains(&entry(5, 4)));
        }
    }
}

#[test]
fn d8_acknowledged_frames_in_another_order_are_damage() {
    let mut life = Life::boot(Disk::formatted()).unwrap();
    for number in 1..4 {
        life.append(entry(number, 5));
        life.quiesce();
    }
    let log = life.disk.spoil(FileId::Log);
    assert_eq!(log.len() % 3, 0);
    let frame = log.len() / 3;
    let (first, rest) = log.split_at_mut(frame);
    first.swap_with_slice(&mut rest[..frame]);
    assert!(matches!(Life::boot(life.disk), Err(Damage::Frame { offset: 0, .. })));
}

#[test]
fn d8_rot_of_an_acknowledged_byte_is_damage() {
    let life = two_batches();
    let len = life.disk.read(FileId::Log).len();
    for byte in 0..len {
        for bit in 0..8 {
            let mut disk = life.disk.clone();
            disk.spoil(FileId::Log)[byte] ^= 1 << bit;
            assert!(Life::boot(disk).is_err(), "bit {bit} of byte {byte} has rotted");
        }
    }
}

#[test]
fn d8_a_log_shorter_than_its_mark_is_damage() {
    let life = two_batches();
    for len in 0..life.disk.read(FileId::Log).len() {
        let mut disk = life.disk.clone();
        disk.spoil(FileId::Log).truncate(len);
        let marked = life.log.end();
        let damage = Life::boot(disk).err().expect("acknowledged records are missing");
        assert!(matches!(damage, Damage::Frame { offset, marked: m } if offset <= len as u64 && m == marked));
    }
}

#[test]
fn d8_the_records_outlive_the_rot_of_the_newest_mark() {
    let life = two_batches();
    let entries = life.entries();
    for byte in 0..life.disk.read(FileId::Mark).len() {
        let mut disk = life.disk.clone();
        disk.spoil(FileId::Mark)[byte] ^= 0x10;
        reboot(disk, &entries, &entries);
    }
}

#[test]
fn d8_a_log_without_any_mark_is_damage() {
    let mut life = two_batches();
    life.disk.spoil(FileId::Mark).fill(0);
    assert!(matches!(Life::boot(life.disk), Err(Damage::NoMark { .. })));
}

#[test]
fn d8_a_torn_tail_is_cut_off_and_the_log_goes_on() {
    let mut life = two_batches();
    let (end, entries) = (life.log.end(), life.entries());
    life.disk.spoil(FileId::Log).extend([3, 1, 4, 1, 5]);
    let mut out = Effects::default();
    Log::recover(&life.disk, &mut out).expect("a torn tail is no damage");
    assert_eq!(out.disk[0], DiskOp::Truncate { file: FileId::Log, len: end });
    let mut next = reboot(life.disk, &entries, &entries);
    next.append(entry(9, 9));
    next.quiesce();
    reboot(next.disk.clone(), &next.entries(), &next.entries());
}

/// The syncs of a switch to a new generation: the file, and a mark in each slot.
const SWITCH_SYNCS: usize = 3;

/// A log that is about to switch to the given generation, with something that only the new one will hold.
fn switching_to(generation: usize) -> Life {
    let mut life = two_batches();
    for number in 1..generation as u64 {
        life.compact();
        life.quiesce();
        life.append(entry(3 + number, 1));
        life.quiesce();
    }
    let next = life.held.len() as u64 + 1;
    life.append(entry(next, 3));
    life.compact();
    life
}

/// The third generation is written over the first.
#[test]
fn d8_power_loss_in_a_switch_keeps_what_was_acknowledged_whichever_sectors_survive() {
    for (generation, syncs) in (1..4).flat_map(|generation| (0..=SWITCH_SYNCS).map(move |s| (generation, s)))
    {
        let mut life = switching_to(generation);
        for _ in 0..syncs {
            assert!(life.sync());
        }
        let (least, most) = (life.acknowledged(), life.entries());
        assert_eq!(least == most, syncs == SWITCH_SYNCS, "nothing new is acknowledged before the last mark");
        let parts = life.disk.parts_at_risk();
        assert!(parts < 16, "all subsets of {parts} parts can be tried");
        for choice in 0..1 << parts {
            let mut disk = life.disk.clone();
            disk.lose_power(survivors(choice));
            let mut next = reboot(disk, &least, &most);
            let number = next.held.len() as u64 + 1;
            next.append(entry(number, 7));
            next.quiesce();
            next.compact();
            next.quiesce();
            reboot(next.disk.clone(), &next.entries(), &next.entries());
        }
    }
}

/// A process that dies leaves its page cache: the next one may find a mark that is not durable.
#[test]
fn d8_a_switch_outlives_a_crash_and_then_a_loss_of_power() {
    for (syncs, later_syncs) in (0..=SWITCH_SYNCS).flat_map(|s| (0..4).map(move |later| (s, later))) {
        let mut life = switching_to(2);
        for _ in 0..syncs {
            life.sync();
        }
        let (least, most) = (life.acknowledged(), life.entries());
        life.disk.crash();
        let mut second = reboot(life.disk.clone(), &least, &most);
        for _ in 0..later_syncs {
            second.sync();
        }
        for choice in 0..1 << second.disk.parts_at_risk() {
            let mut disk = second.disk.clone();
            disk.lose_power(survivors(choice));
            let least = if second.acknowledged().is_empty() { &least } else { &second.acknowledged() };
            reboot(disk, least, &most);
        }
    }
}

#[test]
fn d8_what_was_acknowledged_outlives_the_rot_of_one_mark_in_a_switch() {
    for (generation, syncs) in (1..4).flat_map(|generation| (0..=SWITCH_SYNCS).map(move |s| (generation, s)))
    {
        let mut life = switching_to(generation);
        for _ in 0..syncs {
            assert!(life.sync());
        }
        let (least, most) = (life.acknowledged(), life.entries());
        for survives in [false, true] {
            let mut kept = life.disk.clone();
            kept.lose_power(|| survives);
            for byte in 0..kept.read(FileId::Mark).len() {
                let mut disk = kept.clone();
                disk.spoil(FileId::Mark)[byte] ^= 0x10;
                reboot(disk, &least, &most);
            }
        }
    }
}

#[test]
fn d8_a_generation_without_any_mark_is_damage() {
    let mut life = switching_to(1);
    life.quiesce();
    life.disk.spoil(FileId::Mark).fill(0);
    life.disk.spoil(FileId::Log).clear();
    assert!(matches!(Life::boot(life.disk), Err(Damage::NoMark { .. })));
}

#[test]
fn a_generation_leaves_nothing_of_the_one_that_stood_in_its_file() {
    let mut life = two_batches();
    for _ in 0..2 {
        assert!(!life.disk.read(FileId::Log).is_empty());
        let mut out = Effects::default();
        life.log.compact(&[], &mut out);
        life.disk.submit(out.disk);
        life.quiesce();
    }
    assert!(life.disk.read(FileId::Log).is_empty());
}

#[test]
fn a_log_is_due_only_when_someone_waits_and_it_pays() {
    let mut life = two_batches();
    assert!(!life.log.is_due(0), "nobody waits for anything, so the disk is left alone");
    life.append(entry(4, 1));
    let end = life.log.end();
    assert!(life.log.is_due(end - 1) && !life.log.is_due(end));
    life.compact();
    assert_eq!(life.log.end(), end, "positions stay");
    life.quiesce();
    let base_len = life.disk.read(FileId::OddLog).len();
    while !life.log.is_due(0) {
        life.quiesce();
        life.append(entry(life.held.len() as u64 + 1, 1));
        assert!(!life.log.is_due(1_000));
    }
    life.quiesce();
    assert!(life.disk.read(FileId::OddLog).len() > 2 * base_len, "it doubles before it is written anew");
}

#[test]
fn d8_many_lives_lose_nothing_acknowledged() {
    let mut switches = 0;
    for seed in 0..2000 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut life = Life::boot(Disk::formatted()).unwrap();
        let mut number = 0;
        for _ in 0..12 {
            for _ in 0..random.random_range(0..12) {
                match random.random_range(0..4) {
                    0 => {
                        number += 1;
                        life.append(entry(number, random.random_range(0..40)));
                    }
                    1 => life.flush(),
                    2 if life.log.is_due(0) => {
                        life.compact();
                        switches += 1;
                    }
                    _ => drop(life.sync()),
                }
            }
            let (least, most) = (life.acknowledged(), life.entries());
            let mut disk = life.disk;
            if random.random_bool(0.7) {
                let survival = random.random_range(0.0..=1.0);
                disk.lose_power(|| random.random_bool(survival));
            } else {
                disk.crash();
            }
            life = reboot(disk, &least, &most);
            // A number that is lost is used again, so that the same bytes come to the same place.
            number = life.held.len() as u64;
        }
    }
    assert!(switches > 600, "generations changed: {switches}");
}

/// D8: a disk is formatted by whoever builds the cluster, and never by a machine that takes an empty one for its own.
#[test]
fn d8_a_disk_that_was_never_formatted_is_damage() {
    assert!(matches!(Life::boot(Disk::default()), Err(Damage::NoMark { len: 0 })));
}

/// Whenever the power goes, what was acknowledged on the disk formatted anew is there, and nothing of the disk before is.
#[test]
fn d8_nothing_of_a_damaged_log_comes_back_behind_the_new_one() {
    let another = DiskId::drawn(u64::MAX);
    for syncs in 0..=12 {
        for survives in [false, true] {
            let mut disk = two_batches().disk;
            disk.spoil(FileId::Log)[20] ^= 1;
            let mut out = Effects::default();
            let log = Log::anew(&disk, another, &mut out);
            disk.submit(out.disk);
            let mut life = Life { disk, log, held: Vec::new() };
            life.append(entry(7, 3));
            for _ in 0..syncs {
                life.flush();
                let Some(ticket) = life.disk.sync() else { break };
                let mut out = Effects::default();
                life.log.synced(ticket, &mut out);
                life.disk.submit(out.disk);
            }
            let is_acknowledged = life.log.durable() == life.log.end();
            assert_eq!(is_acknowledged, syncs >= 5, "two marks, then the batch and its mark");
            life.disk.lose_power(|| survives);
            match Life::boot(life.disk) {
                Ok(life) => {
                    assert_eq!(life.log.disk(), another);
                    assert!(
                        life.entries() == [entry(7, 3)] || (life.entries().is_empty() && !is_acknowledged)
                    );
                }
                Err(_) => assert!(!is_acknowledged, "after {syncs} syncs"),
            }
        }
    }
}
