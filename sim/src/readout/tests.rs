//! What a machine's log has written is read from its disk, and nothing else (W1, L4).

use bytes::Bytes;
use reveille_system::config::Config;
use reveille_system::consensus::{Entry, Persist, Snapshot};
use reveille_system::ids::{Epoch, MachineId, SessionId, SliceId};
use reveille_system::io::{DiskOp, Effects};
use reveille_system::log::{Log, Record};
use reveille_system::store::Store;
use reveille_system::store::command::{self, AlarmRow, AlarmWrite, Command, Commit, TurnWrites};

use super::*;

const GROUP: GroupId = GroupId(3);

fn claim(index: u64, turn: u32) -> Claim {
    let object = ObjectName::new("Bell", "one");
    Claim { group: GROUP, index, object, instance: Stamp { epoch: Epoch(1), count: 1 }, turn }
}

/// What a turn writes: something of each kind.
fn writes(turn: u32) -> TurnWrites {
    let Claim { object, instance, .. } = claim(1, turn);
    let alarm = AlarmRow { alarm: instance, scheduled_ms: -1, retry_count: 300, not_before_ms: 1 << 40 };
    TurnWrites {
        object,
        instance,
        turn,
        clear: turn == 1,
        keys: vec![("key".into(), Some(Bytes::from_static(b"value"))), ("gone".into(), None)],
        alarm: Some(AlarmWrite::Schedule(alarm)),
        ends_run: Some(instance),
    }
}

fn encoded(command: &Command) -> Bytes {
    postcard::to_stdvec(command).expect("a command can be encoded").into()
}

/// A step of a group in which this turn is committed by the entry at `index`.
fn step(group: GroupId, index: u64, turn: u32) -> Record {
    let commit = Commit { slice: SliceId(0), epoch: Epoch(1), batch: index, turns: vec![writes(turn)] };
    let entries = vec![Entry { term: 1, index, is_change: false, data: encoded(&Command::Commit(commit)) }];
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
        let (disk, mut out) = (Disk::formatted(), Effects::default());
        let (log, _) = Log::recover(&disk, &mut out).expect("a formatted disk is whole");
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

    /// Appends a record and syncs it.
    fn keep(&mut self, record: &Record) {
        self.append(record);
        self.sync(u32::MAX);
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
    again.keep(&step(GROUP, 1, 1));
    assert!(readout.finds(&again.disk, &claim(1, 1)));
    assert!(!readout.finds(&again.disk, &claim(2, 2)));
    again.keep(&step(GROUP, 2, 2));
    again.keep(&step(GroupId(4), 3, 3));
    assert!(readout.finds(&again.disk, &claim(2, 2)), "it reads on where it has come to");
    assert!(!readout.finds(&again.disk, &claim(3, 3)), "another group has it");
}

#[test]
fn w1_what_later_entries_have_replaced_is_not_there() {
    let (mut rig, mut readout) = (Rig::new(), Readout::default());
    rig.keep(&step(GROUP, 5, 1));
    rig.keep(&step(GROUP, 5, 2));
    assert!(!readout.finds(&rig.disk, &claim(5, 1)));
    assert!(readout.finds(&rig.disk, &claim(5, 2)));
}

#[test]
fn w1_a_snapshot_stands_for_the_turns_up_to_its_entry() {
    let (mut rig, mut readout) = (Rig::new(), Readout::default());
    rig.keep(&step(GROUP, 5, 1));
    assert!(readout.finds(&rig.disk, &claim(5, 1)));
    let snapshot = Snapshot {
        term: 1,
        index: 5,
        members: reveille_system::consensus::Members::default(),
        data: Bytes::new(),
    };
    let base = Record { group: GROUP, persist: Persist { snapshot: Some(snapshot), ..Persist::default() } };
    rig.log.compact(&[base], &mut rig.out);
    rig.sync(u32::MAX);
    assert!(readout.finds(&rig.disk, &claim(5, 1)), "in the new generation of the log it is in the snapshot");
    assert!(!readout.finds(&rig.disk, &claim(6, 2)));
}

#[test]
fn w1_what_a_mark_promises_and_the_log_does_not_hold_is_not_there() {
    let (mut rig, mut readout) = (Rig::new(), Readout::default());
    rig.keep(&step(GROUP, 1, 1));
    let mark = rig.disk.durable(FileId::Mark).to_vec();
    let mut other = Disk::default();
    other.submit(DiskOp::Write { file: FileId::Mark, offset: 0, bytes: mark.into() });
    let sync = other.submit(DiskOp::Sync { file: FileId::Mark, ticket: 1 }).expect("a sync is handed back");
    other.synced(sync);
    assert!(!readout.finds(&other, &claim(1, 1)));
}

/// What the disk holds of a group.
fn replica(disk: &Disk, group: GroupId) -> Replica<'_> {
    let mut readout = Readout::default();
    readout.read_on(disk);
    readout.replica(disk, group)
}

#[test]
fn w1_a_replica_is_the_synced_entries_of_its_group() {
    let mut rig = Rig::new();
    rig.keep(&step(GROUP, 1, 1));
    rig.keep(&step(GroupId(4), 2, 7));
    rig.append(&step(GROUP, 2, 2));
    rig.sync(0);
    let read = replica(&rig.disk, GROUP);
    assert_eq!((read.last(), read.term_of(1), read.term_of(2)), ((1, 1), Some(1), None));
    assert_eq!(replica(&rig.disk, GroupId(5)).last(), (0, 0), "it has nothing on this disk");
}

#[test]
fn w1_a_replica_ends_where_later_entries_have_cut_it_off_and_before_a_gap() {
    let mut rig = Rig::new();
    for (term, index) in [(1, 1), (1, 2), (1, 3), (2, 2), (2, 4)] {
        let mut record = step(GROUP, index, 1);
        record.persist.entries[0].term = term;
        rig.keep(&record);
    }
    let read = replica(&rig.disk, GROUP);
    assert_eq!(read.last(), (2, 2), "the entry 3 of term 1 is replaced, and 4 stands behind a gap");
    assert_eq!((read.term_of(1), read.term_of(2), read.term_of(3)), (Some(1), Some(2), None));
}

/// A cluster of one slice, and so of one group beside that of the system.
fn one_slice() -> Config {
    Config::new(3, 1, 1, 1)
}

const ONLY: GroupId = GroupId(0);

/// The log of its group: somebody claims the slice, and each turn after that writes its value to one key.
fn entries(values: &[&'static str]) -> Vec<Entry> {
    let claim =
        command::Claim { slice: SliceId(0), over: Epoch(0), machine: MachineId(0), session: SessionId(1) };
    let commit = |(before, value): (usize, &&'static str)| {
        let batch = before as u64 + 1;
        let mut writes = writes(1);
        writes.keys[0].1 = Some(Bytes::from_static(value.as_bytes()));
        Command::Commit(Commit { slice: SliceId(0), epoch: Epoch(1), batch, turns: vec![writes] })
    };
    let commits = values.iter().enumerate().map(commit);
    let commands = std::iter::once(Command::Claim(claim)).chain(commits);
    (1..)
        .zip(commands)
        .map(|(index, command)| Entry { term: 1, index, is_change: false, data: encoded(&command) })
        .collect()
}

/// A disk whose replica of the group holds these entries, those up to `in_snapshot` as their state.
fn disk_with(entries: Vec<Entry>, in_snapshot: u64) -> Disk {
    let mut rig = Rig::new();
    let (behind, rest): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| entry.index <= in_snapshot);
    let data = state_of(&behind).to_bytes();
    let snapshot = behind.last().map(|last| Snapshot {
        term: last.term,
        index: last.index,
        members: reveille_system::consensus::Members::default(),
        data,
    });
    rig.keep(&Record { group: ONLY, persist: Persist { snapshot, entries: rest, hard_state: None } });
    rig.disk
}

/// What entries add up to, as the system applies them.
fn state_of(entries: &[Entry]) -> Store {
    let mut store = Store::new(&one_slice(), ONLY);
    for entry in entries {
        store.apply(postcard::from_bytes(&entry.data).expect("a command was encoded"));
    }
    store
}

#[test]
fn l4_the_state_of_each_replica_is_what_its_own_entries_add_up_to() {
    let log = entries(&["one", "two", "three"]);
    let other = entries(&["one", "other", "three"]);
    // Each goes on from the one before it or cannot: it lags, it begins with a snapshot, and it holds something else.
    let cases = [
        (&log, 0, 2),
        (&log, 0, 4),
        (&log, 0, 3),
        (&log, 2, 3),
        (&log, 2, 4),
        (&log, 4, 4),
        (&other, 0, 2),
        (&other, 0, 3),
        (&log, 0, 4),
    ];
    let disks = cases.map(|(log, in_snapshot, _)| disk_with(log.clone(), in_snapshot));
    let replicas = disks.each_ref().map(|disk| replica(disk, ONLY));
    let config = one_slice();
    let mut replay = Replay::new(&config, ONLY);
    for (case, replica) in cases.iter().zip(&replicas) {
        let (log, in_snapshot, up_to) = *case;
        replay.go_to(replica, up_to);
        let right = state_of(&log[..up_to as usize]);
        assert_eq!(*replay.store(), right, "behind a snapshot of {in_snapshot}, up to {up_to}");
        assert_eq!((replay.applied(), replica.begins_behind()), (up_to, in_snapshot));
        assert_eq!(replay.digest(), right.digest());
        assert_eq!(replay.digest_of(&right), right.digest());
        let another = state_of(&log[..1]);
        assert_eq!(replay.digest_of(&another), another.digest());
    }
}

#[test]
fn l4_a_replica_that_ends_early_adds_up_to_what_it_has() {
    let disk = disk_with(entries(&["one"]), 0);
    let (config, replica) = (one_slice(), replica(&disk, ONLY));
    let mut replay = Replay::new(&config, ONLY);
    replay.go_to(&replica, 9);
    assert_eq!((replay.applied(), replay.store()), (2, &state_of(&entries(&["one"]))));
}
