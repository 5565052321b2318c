//! D8 as the log keeps it: what was acknowledged is recovered or found damaged, and nothing else comes back.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod disk;

use bytes::Bytes;
use disk::Disk;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reveille_system::consensus::{Entry, Persist};
use reveille_system::ids::GroupId;
use reveille_system::io::{DiskImage, DiskOp, Effects, FileId};
use reveille_system::log::{Damage, Log, Record};

fn record(number: u64, len: usize) -> Record {
    let data = Bytes::from(vec![u8::try_from(number % 251).unwrap(); len]);
    let entries = vec![Entry { term: 1, index: number, data }];
    Record { group: GroupId(0), persist: Persist { entries, hard_state: None } }
}

/// One life of a log after another on the same disk.
struct Life {
    disk: Disk,
    log: Log,
    /// Everything that the log holds, oldest first, with the position behind it.
    held: Vec<(u64, Record)>,
}

impl Life {
    fn boot(disk: Disk) -> Result<Self, Damage> {
        let mut disk = disk;
        let mut out = Effects::default();
        let (log, records) = Log::recover(&disk, &mut out)?;
        disk.submit(out.disk);
        let end = log.end();
        Ok(Self { disk, log, held: records.into_iter().map(|record| (end, record)).collect() })
    }

    fn append(&mut self, record: Record) {
        self.log.append(&record, true);
        self.held.push((self.log.end(), record));
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

    fn acknowledged(&self) -> Vec<Record> {
        let durable = self.log.durable();
        let acknowledged = self.held.iter().take_while(|(end, _)| *end <= durable);
        acknowledged.map(|(_, record)| record.clone()).collect()
    }

    fn records(&self) -> Vec<Record> {
        self.held.iter().map(|(_, record)| record.clone()).collect()
    }
}

/// Boots from `disk` and checks that what is recovered lies between `least` and `most`.
fn reboot(disk: Disk, least: &[Record], most: &[Record]) -> Life {
    let life = Life::boot(disk).expect("a loss of power is no damage");
    let recovered = life.records();
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
    let mut life = Life::boot(Disk::default()).unwrap();
    life.quiesce();
    life.append(record(1, 5));
    life.quiesce();
    life.append(record(2, 9));
    life.append(record(3, 2));
    life.quiesce();
    assert_eq!(life.acknowledged(), life.records());
    life
}

#[test]
fn d8_acknowledged_only_when_the_mark_is_durable() {
    let mut life = two_batches();
    life.append(record(4, 4));
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
        life.append(record(4, 12));
        life.append(record(5, 20));
        life.flush();
        for _ in 0..syncs {
            assert!(life.sync());
        }
        let (least, most) = (life.acknowledged(), life.records());
        let parts = life.disk.parts_at_risk();
        assert!(
            (3..16).contains(&parts),
            "{parts} parts at risk: enough, and all their subsets can be tried"
        );
        for choice in 0..1 << parts {
            let mut disk = life.disk.clone();
            disk.lose_power(survivors(choice));
            let mut next = reboot(disk, &least, &most);
            next.append(record(6, 7));
            next.quiesce();
            reboot(next.disk.clone(), &next.records(), &next.records());
        }
    }
}

#[test]
fn d8_a_first_boot_may_lose_power_at_any_point() {
    for syncs in 0..2 {
        let mut life = Life::boot(Disk::default()).unwrap();
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
    let kept = life.records();
    life.append(record(4, 4));
    life.append(record(5, 4));
    life.flush();
    // The first of the two is torn, the second is on the disk.
    let mut first = true;
    life.disk.lose_power(|| !std::mem::take(&mut first));
    // The first is written again, as it was, while what cuts off the second may get lost.
    for syncs in 0..8 {
        let mut second = reboot(life.disk.clone(), &kept, &kept);
        second.append(record(4, 4));
        for _ in 0..syncs {
            second.sync();
        }
        for choice in 0..1 << second.disk.parts_at_risk() {
            let mut disk = second.disk.clone();
            disk.lose_power(survivors(choice));
            let third = reboot(disk, &second.acknowledged(), &second.records());
            assert!(!third.records().contains(&record(5, 4)));
        }
    }
}

#[test]
fn d8_acknowledged_frames_in_another_order_are_damage() {
    let mut life = Life::boot(Disk::default()).unwrap();
    for number in 1..4 {
        life.append(record(number, 5));
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
    let records = life.records();
    for byte in 0..life.disk.read(FileId::Mark).len() {
        let mut disk = life.disk.clone();
        disk.spoil(FileId::Mark)[byte] ^= 0x10;
        reboot(disk, &records, &records);
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
    let (end, records) = (life.log.end(), life.records());
    life.disk.spoil(FileId::Log).extend([3, 1, 4, 1, 5]);
    let mut out = Effects::default();
    Log::recover(&life.disk, &mut out).expect("a torn tail is no damage");
    assert_eq!(out.disk[0], DiskOp::Truncate { file: FileId::Log, len: end });
    let mut next = reboot(life.disk, &records, &records);
    next.append(record(9, 9));
    next.quiesce();
    reboot(next.disk.clone(), &next.records(), &next.records());
}

/// What nobody waits for costs no sync, but goes along with what somebody waits for.
#[test]
fn a_record_that_need_not_be_synced_waits_for_the_next_batch() {
    let mut life = two_batches();
    life.log.append(&record(4, 1), false);
    let mut out = Effects::default();
    life.log.flush(&mut out);
    assert!(out.disk.is_empty());
    life.append(record(5, 1));
    life.quiesce();
    let recovered = Life::boot(life.disk).unwrap().records();
    assert_eq!(recovered[3..], [record(4, 1), record(5, 1)]);
}

#[test]
fn d8_many_lives_lose_nothing_acknowledged() {
    for seed in 0..2000 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut life = Life::boot(Disk::default()).unwrap();
        let mut number = 0;
        for _ in 0..12 {
            for _ in 0..random.random_range(0..12) {
                match random.random_range(0..3) {
                    0 => {
                        number += 1;
                        life.append(record(number, random.random_range(0..40)));
                    }
                    1 => life.flush(),
                    _ => drop(life.sync()),
                }
            }
            let (least, most) = (life.acknowledged(), life.records());
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
}
