//! One machine that is a whole cluster, driven by hand: its messages reach it at once, its disk needs no time, and nothing
//! breaks. So time passes only when the test lets it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use reveille::scenarios::scripted;
use reveille_system::config::Config;
use reveille_system::ids::{MachineId, ObjectName, OpId, RequestId, Stamp};
use reveille_system::io::{ClientRequest, DiskImage, DiskOp, Effects, FileId, Input, Now};
use reveille_system::machine::{Machine, Setup};
use reveille_system::object::op::{Call, Key, Reply};
use reveille_system::observe::{Observation, Seen};

const NS_PER_MS: u64 = 1_000_000;
/// The wall clock when the machine boots.
const EPOCH_MS: i64 = 1_700_000_000_000;
/// By then a machine alone has elected itself and serves.
const SERVING_MS: u64 = 20_000;

/// What the object does, in its order.
#[derive(Clone, Debug)]
pub(crate) enum Mark {
    Called(Stamp, OpId),
    /// The answer to a request leaves, with this status.
    Answered(u16),
    RunStarted {
        wall_ms: i64,
        scheduled_ms: i64,
        retry_count: u32,
    },
    RunEnded,
}

/// The machine and what it has said.
pub(crate) struct Rig {
    machine: Machine,
    now_ns: u64,
    inputs: VecDeque<Input>,
    wake_at_ns: u64,
    pub(crate) marks: VecDeque<Mark>,
    pub(crate) replies: BTreeMap<(Stamp, OpId), Reply>,
    requests: u64,
}

struct Blank;

impl DiskImage for Blank {
    fn read(&self, _file: FileId) -> Bytes {
        Bytes::new()
    }
}

impl Rig {
    pub(crate) fn boot() -> Self {
        let config = Arc::new(Config::new(1, 1, 1, 1));
        let setup = Setup { config, me: MachineId(0), seed: 1, classes: scripted::classes() };
        let mut out = Effects::default();
        let machine = Machine::boot(setup, now(0), &Blank, &mut out).expect("a blank disk is whole");
        let mut rig = Self {
            machine,
            now_ns: 0,
            inputs: VecDeque::new(),
            wake_at_ns: 0,
            marks: VecDeque::new(),
            replies: BTreeMap::new(),
            requests: 0,
        };
        rig.take(out);
        rig.advance_ms(SERVING_MS);
        rig
    }

    pub(crate) fn wall_ms(&self) -> i64 {
        now(self.now_ns).wall_ms()
    }

    /// Asks the object.
    pub(crate) fn ask(&mut self, body: String) {
        self.requests += 1;
        let (request, object) = (RequestId(self.requests), ObjectName::new("Scripted", "foo"));
        self.inputs.push_back(Input::Request(ClientRequest { request, object, body: body.into() }));
    }

    /// Lets time pass.
    pub(crate) fn advance_ms(&mut self, ms: u64) {
        let until_ns = self.now_ns + ms * NS_PER_MS;
        while !self.inputs.is_empty() || self.wake_at_ns <= until_ns {
            self.step();
        }
        self.now_ns = until_ns;
    }

    /// Goes on until the object has done this, at most so many milliseconds.
    pub(crate) fn until(&mut self, within_ms: u64, has_happened: impl Fn(&Self) -> bool) {
        let until_ns = self.now_ns + within_ms * NS_PER_MS;
        while !has_happened(self) {
            assert!(
                !self.inputs.is_empty() || self.wake_at_ns <= until_ns,
                "it has not happened within {within_ms} ms"
            );
            self.step();
        }
    }

    fn step(&mut self) {
        let input = self.inputs.pop_front().unwrap_or_else(|| {
            self.now_ns = self.now_ns.max(self.wake_at_ns);
            Input::Wake
        });
        let mut out = Effects::default();
        self.machine.handle(now(self.now_ns), input, &mut out);
        self.take(out);
    }

    fn take(&mut self, out: Effects) {
        let Effects { sends, disk, wake_at_ns, outside, answers: _, observed } = out;
        let from = MachineId(0);
        self.inputs.extend(sends.into_iter().map(|(_, bytes)| Input::Message { from, bytes }));
        self.inputs.extend(disk.into_iter().filter_map(|op| match op {
            DiskOp::Sync { ticket, .. } => Some(Input::Synced { ticket }),
            DiskOp::Write { .. } | DiskOp::Truncate { .. } => None,
        }));
        assert!(outside.is_empty(), "nobody is called here");
        self.wake_at_ns = wake_at_ns.unwrap_or(self.wake_at_ns);
        observed.into_iter().for_each(|seen| self.observe(seen));
    }

    fn observe(&mut self, observation: Observation) {
        let Observation::Instance { by, seen } = observation else { return };
        match seen {
            // What the constructor looks for is not there, and when it looks is the system's affair.
            Seen::Called { call: Call::Get(key), .. } if key == Key::from("construct") => {}
            Seen::Called { op, .. } => self.marks.push_back(Mark::Called(by.instance, op)),
            Seen::Returned(op, reply) => _ = self.replies.insert((by.instance, op), reply),
            Seen::RunStarted { scheduled_ms, retry_count, .. } => {
                let wall_ms = self.wall_ms();
                self.marks.push_back(Mark::RunStarted { wall_ms, scheduled_ms, retry_count });
            }
            Seen::Responded { status, .. } => self.marks.push_back(Mark::Answered(status)),
            Seen::RunEnded { .. } => self.marks.push_back(Mark::RunEnded),
            _ => {}
        }
    }
}

fn now(mono_ns: u64) -> Now {
    let since_ns = i64::try_from(mono_ns).expect("a test is shorter than a century");
    Now { mono_ns, wall_ns: EPOCH_MS * 1_000_000 + since_ns }
}
