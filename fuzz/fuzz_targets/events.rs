//! Any events as a history: mostly what a system does, in an order that no system would choose. The checkers answer; and
//! what is written and read again is the same, unless the reader refuses where it stands.

#![no_main]

use std::collections::BTreeMap;
use std::sync::Arc;

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use reveille_model::history::{AlarmAtRest, AlarmId, AwaitKind, Blob, By, Cause, Delivery, EndReason, Event, Head, Header, Headers, History, How, Key, ListOptions, ObjectName, Omission, OpResult, Outcome, Phase, Place, Process, ResetCause, RunOutcome, Scope, StorageCall, Taken, Takes, What};
use reveille_model::jsonl::{self, Reader};
use reveille_model::{Profile, build, check};

const MACHINES: u16 = 3;
const WALL_MS: i64 = 1_700_000_000_000;

fuzz_target!(|bytes: &[u8]| {
    let mut teller = Teller { u: Unstructured::new(bytes), at_ns: 0, seq: 0, turn: 1 };
    let tells_commits = teller.flag().unwrap_or(true);
    let mut events = Vec::new();
    while !teller.u.is_empty() && events.len() < 1_000 {
        match teller.event() {
            Ok(event) => events.push(event),
            Err(_) => break,
        }
    }
    let history = History { header: header(tells_commits), events };
    for profile in [Profile::Strict, Profile::Workerd] {
        for violation in check(&history, profile).violations {
            assert!(violation.evidence.is_sorted() && !violation.sentences.is_empty());
            assert!(violation.evidence.iter().all(|index| *index < history.events.len()));
        }
    }
    survives_a_file(&history);
});

fn survives_a_file(history: &History) {
    let mut file = Vec::new();
    jsonl::write(&history.header, &history.events, &mut file).expect("a vector takes everything");
    let mut reader = Reader::new(file.as_slice()).expect("it has a header");
    assert_eq!(reader.header(), &history.header);
    for event in &history.events {
        match reader.next().expect("there is a line for each event") {
            Ok(read) => assert_eq!(&read, event),
            Err(_) => return,
        }
    }
}

fn header(tells_commits: bool) -> Header {
    Header {
        product: "fuzz".to_owned(),
        datacenter_of: (0..MACHINES).collect(),
        system_group: Some(0),
        alarm_classes: Some(vec!["C".into()]),
        echoes: Vec::new(),
        omits: if tells_commits { Vec::new() } else { vec![Omission::Commits] },
        ..build::header()
    }
}

/// Makes events of bytes. Names and numbers are few, so that events meet.
struct Teller<'a> {
    u: Unstructured<'a>,
    at_ns: u64,
    seq: u32,
    turn: u32,
}

impl Teller<'_> {
    fn few(&mut self, most: u64) -> Result<u64> {
        self.u.int_in_range(0..=most)
    }

    fn flag(&mut self) -> Result<bool> {
        self.u.arbitrary()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        if self.flag()? { make(self).map(Some) } else { Ok(None) }
    }

    fn word(&mut self) -> Result<Arc<str>> {
        self.u.choose(&["", "a", "ab", "b", "10", "9", "\u{10ffff}"]).map(|word| (*word).into())
    }

    fn blob(&mut self) -> Result<Blob> {
        if self.few(7)? == 0 {
            return Ok(Blob(vec![0xff, 0].into()));
        }
        self.word().map(|word| Blob::from(&*word))
    }

    fn entries(&mut self) -> Result<Vec<(Key, Blob)>> {
        (0..self.few(3)?).map(|_| Ok((self.word()?, self.blob()?))).collect()
    }

    fn words(&mut self) -> Result<Vec<Key>> {
        (0..self.few(3)?).map(|_| self.word()).collect()
    }

    fn object(&mut self) -> Result<ObjectName> {
        self.u.choose(&["C/a", "C/b", "D/a", "C"]).map(|name| ObjectName((*name).into()))
    }

    fn alarm(&mut self) -> Result<Option<AlarmId>> {
        self.maybe(|teller| teller.few(3).map(AlarmId))
    }

    /// A wall time near now; now and then one that is out of this world.
    fn time_ms(&mut self) -> Result<i64> {
        if self.few(15)? == 0 {
            return self.u.arbitrary();
        }
        Ok(WALL_MS + (self.at_ns / 1_000_000_000 * 1_000) as i64 + self.u.int_in_range(-2..=8)? * 500)
    }

    fn event(&mut self) -> Result<Event> {
        self.at_ns = match self.few(31)? {
            0 => self.u.arbitrary()?,
            step => self.at_ns.saturating_add([0, 0, 1, 500_000_000][step as usize % 4]),
        };
        let wall_ns = (WALL_MS * 1_000_000).saturating_add_unsigned(self.at_ns);
        let place = match self.few(7)? {
            0 => None,
            1 => Some(Place { machine: self.u.arbitrary()?, wall_ns: self.u.arbitrary()? }),
            machine => Some(Place { machine: machine as u16 % MACHINES, wall_ns }),
        };
        if self.few(4)? == 0 {
            return Ok(Event { at_ns: self.at_ns, place, by: None, what: self.of_the_world()? });
        }
        self.seq = self.seq.saturating_add(1);
        self.turn = match self.few(7)? {
            0 => self.u.int_in_range(0..=4)?,
            1..=3 => self.turn.saturating_add(1),
            _ => self.turn,
        };
        let instance = self.few(3)?;
        let epoch = if self.few(7)? == 0 { self.few(3)? } else { instance };
        let by = By { object: self.object()?, instance, epoch, seq: self.seq, turn: self.turn };
        Ok(Event { at_ns: self.at_ns, place, by: Some(by), what: self.of_an_instance()? })
    }

    fn reset_cause(&mut self) -> Result<ResetCause> {
        use ResetCause::{Constructor, Datastore, Error, Panic, Section, TimeLimit};
        self.u.choose(&[Error, Panic, TimeLimit, Constructor, Section, Datastore]).copied()
    }

    fn how(&mut self) -> Result<How> {
        self.u.choose(&[How::Error, How::Panic, How::TimeLimit, How::OverLimit, How::Reset]).copied()
    }

    fn of_an_instance(&mut self) -> Result<What> {
        let number = self.few(3)?;
        let why: Arc<str> = "why".into();
        Ok(match self.few(17)? {
            0 => What::InstanceStart {
                cause: *self.u.choose(&[None, Some(Cause::Request), Some(Cause::Alarm)])?,
                slice: self.maybe(|teller| Ok(teller.few(3)? as u16))?,
            },
            1 => What::ConstructorEnd { failed: self.maybe(Self::word)? },
            2 => What::InstanceEnd {
                reason: match self.few(4)? {
                    0 => EndReason::Evicted,
                    1 => EndReason::Reset { why, cause: self.maybe(Self::reset_cause)? },
                    2 => EndReason::OverLimit { why },
                    3 => EndReason::Moved,
                    _ => EndReason::Lost,
                },
            },
            3 => What::Deliver {
                delivery: match self.few(2)? {
                    0 => Delivery::Request { request: number },
                    1 => Delivery::Alarm { run: number },
                    _ => Delivery::Result { op: number },
                },
            },
            4 => What::Gate { closed: self.flag()? },
            5 => What::Await {
                op: number,
                kind: *self.u.choose(&[AwaitKind::Storage, AwaitKind::Sync, AwaitKind::Outside])?,
            },
            6..=8 => What::Op { op: number, call: self.call()?, allow_concurrency: self.few(7)? == 0 },
            9 | 10 => What::OpResult { op: number, result: self.result()? },
            11 => {
                let (alarm, scheduled_ms) = (self.alarm()?, self.time_ms()?);
                let (retry_count, is_retry) = (self.u.int_in_range(0..=7)?, self.flag()?);
                What::RunStart { run: number, alarm, scheduled_ms, retry_count, is_retry }
            }
            12 => What::RunEnd {
                run: number,
                outcome: match self.few(2)? {
                    0 => RunOutcome::Ok,
                    1 => RunOutcome::Failed { why, how: self.maybe(Self::how)? },
                    _ => RunOutcome::Platform { why },
                },
            },
            13 => What::Commit { ends_run: self.maybe(|teller| teller.few(3))? },
            14 => What::Respond { request: number, status: 200, headers: Headers::default(), body: self.blob()? },
            15 => What::RequestStart {
                request: number,
                head: Head::default(),
                body: self.maybe(Self::blob)?,
            },
            16 => What::RequestEnd { request: number },
            _ => What::Outbound {
                head: Head::default(),
                call: number,
                service: self.word()?,
                body: self.blob()?,
                op: self.maybe(|teller| teller.few(3))?,
            },
        })
    }

    fn call(&mut self) -> Result<StorageCall> {
        Ok(match self.few(13)? {
            0 => StorageCall::Get { key: self.word()? },
            1 => StorageCall::GetMany { keys: self.words()? },
            2 => StorageCall::Put { key: self.word()?, value: self.blob()? },
            3 => StorageCall::PutMany { entries: self.entries()? },
            4 => StorageCall::Delete { key: self.word()? },
            5 => StorageCall::DeleteMany { keys: self.words()? },
            6 => StorageCall::List(ListOptions {
                prefix: self.maybe(Self::word)?,
                start: self.maybe(Self::word)?,
                start_after: self.maybe(Self::word)?,
                end: self.maybe(Self::word)?,
                reverse: self.flag()?,
                limit: self.maybe(|teller| teller.u.int_in_range(0..=3))?,
            }),
            7 => StorageCall::DeleteAll { preserve_alarm: self.flag()? },
            8 => StorageCall::Sync,
            9 => StorageCall::GetAlarm,
            10 | 11 => StorageCall::SetAlarm {
                time_ms: self.time_ms()?,
                scheduled_ms: self.time_ms()?,
                alarm: self.alarm()?,
            },
            12 => StorageCall::DeleteAlarm,
            _ => StorageCall::Transaction,
        })
    }

    fn result(&mut self) -> Result<OpResult> {
        Ok(match self.few(9)? {
            0..=2 => OpResult::Done,
            3 => OpResult::Value(self.maybe(Self::blob)?),
            4 => OpResult::Deleted(self.flag()?),
            5 => OpResult::DeletedCount(self.u.int_in_range(0..=4)?),
            6 => OpResult::Entries(self.entries()?),
            7 => OpResult::Alarm(self.maybe(Self::time_ms)?),
            8 => OpResult::Answer {
                status: self.u.arbitrary()?,
                headers: Headers::default(),
                body: self.maybe(Self::blob)?,
            },
            _ => OpResult::Error("no".into()),
        })
    }

    fn of_the_world(&mut self) -> Result<What> {
        let number = self.few(3)?;
        Ok(match self.few(18)? {
            0 => What::Call { request: number, to: self.object()?, head: Head::default(), body: self.blob()? },
            1 => What::Return {
                request: number,
                outcome: self.maybe(Self::outcome)?.unwrap_or(Outcome::Unknown),
            },
            2 => What::OutboundArrive { call: number, service: None, head: Head::default(), body: self.maybe(Self::blob)? },
            3 => What::OutboundAnswer {
                call: number,
                status: self.maybe(|teller| teller.u.arbitrary())?,
                headers: Headers::default(),
                body: self.maybe(Self::blob)?,
            },
            4 => {
                let kinds = [
                    "crash",
                    "power-loss",
                    "pause",
                    "cut",
                    "message-loss",
                    "clock-step",
                    "disk-rot",
                    "datacenter-down",
                ];
                What::FaultBegin {
                    fault: number as u32,
                    kind: (*self.u.choose(&kinds)?).into(),
                    scope: self.scope()?,
                    takes: self.maybe(Self::taken)?,
                }
            }
            5 => What::FaultEnd { fault: number as u32 },
            6 => What::Majority { group: number as u16, connected: self.flag()? },
            7 => What::Holder {
                slice: number as u16,
                epoch: self.few(3)?,
                group: self.maybe(|teller| Ok(teller.few(3)? as u16))?,
            },
            8 => What::Leader { datacenter: number as u16, term: self.few(3)? },
            9 => What::GroupLeader { group: number as u16, term: self.few(3)? },
            10 => What::Replica { group: number as u16, applied: self.few(3)?, state: self.few(1)? },
            11 => What::Committed { group: number as u16, index: self.few(3)? },
            12 => What::Phase {
                phase: *self.u.choose(&[Phase::WarmUp, Phase::Faults, Phase::Quiet, Phase::End])?,
            },
            13 | 14 => {
                let keys: BTreeMap<Key, Blob> = self.entries()?.into_iter().collect();
                let alarm = self.maybe(|teller| {
                    let (alarm, scheduled_ms) = (teller.alarm()?, teller.time_ms()?);
                    let retry_count = teller.maybe(|teller| teller.u.int_in_range(0..=7))?;
                    Ok(AlarmAtRest { alarm, scheduled_ms, retry_count })
                })?;
                let slice = self.maybe(|teller| Ok(teller.few(3)? as u16))?;
                What::AtRest { object: self.object()?, keys, alarm, slice }
            }
            15 => What::DiskDamaged,
            _ => self.witnessed(number)?,
        })
    }

    /// What a machine says to a client.
    fn outcome(&mut self) -> Result<Outcome> {
        Ok(match self.few(3)? {
            0 => Outcome::Refused { reason: "full".into() },
            _ => Outcome::Answered { status: 200, headers: Headers::default(), body: self.blob()? },
        })
    }

    /// What the world sees of machines and disks.
    fn witnessed(&mut self, number: u64) -> Result<What> {
        Ok(match self.few(8)? {
            0 | 1 => What::RequestArrive { request: number },
            2 => What::AnswerLeave { request: number, outcome: self.outcome()? },
            3 => What::AnswerLost { request: number },
            4 => What::OutboundLeave { call: number, service: self.word()?, head: Head::default(), body: self.blob()? },
            5 => What::OutboundReturn {
                call: number,
                status: self.maybe(|teller| teller.u.arbitrary())?,
                headers: Headers::default(),
                body: self.maybe(Self::blob)?,
            },
            6 => What::OutboundLost { call: number },
            7 => What::Process { state: *self.u.choose(&[Process::Up, Process::Down, Process::Paused])? },
            _ => What::OnDisk {
                object: self.object()?,
                instance: number,
                turn: self.few(3)? as u32,
                replicas: vec![0, 1, 2],
                held_by: (0..MACHINES).filter(|_| self.flag().unwrap_or(true)).collect(),
            },
        })
    }

    fn taken(&mut self) -> Result<Taken> {
        let some = self.few(127)?;
        let all = Takes::ALL.into_iter().enumerate();
        Ok(all.filter(|(bit, _)| some >> bit & 1 == 1).map(|(_, takes)| takes).collect())
    }

    fn scope(&mut self) -> Result<Scope> {
        let machine = self.few(3)? as u16;
        Ok(match self.few(4)? {
            0 => Scope::Machine(machine),
            1 => Scope::Datacenter(machine),
            2 => Scope::Links { from: vec![machine], to: vec![0, 1] },
            3 => Scope::Network,
            _ => Scope::Service(self.word()?),
        })
    }
}
