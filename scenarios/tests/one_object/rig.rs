//! The object on a machine of its own, and what it does there in its order.

#[path = "../../../system/tests/alone/mod.rs"]
mod alone;

use std::collections::{BTreeMap, VecDeque};

use reveille_system::ids::{ObjectName, OpId, Stamp};
use reveille_system::observe::{Observation, Seen};
use reveille_system::words::call::{Call, Key, Reply};
use scenarios::scripted;

use self::alone::Alone;

const NS_PER_MS: u64 = 1_000_000;

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
    alone: Alone,
    pub(crate) marks: VecDeque<Mark>,
    pub(crate) replies: BTreeMap<(Stamp, OpId), Reply>,
}

impl Rig {
    pub(crate) fn boot() -> Self {
        let alone = Alone::boot(scripted::scenario().code.classes(), |_| ());
        Self { alone, marks: VecDeque::new(), replies: BTreeMap::new() }
    }

    pub(crate) fn wall_ms(&self) -> i64 {
        self.alone.now().wall_ms()
    }

    /// Asks the object.
    pub(crate) fn ask(&mut self, body: String) {
        self.alone.ask(ObjectName::new("Scripted", "foo"), body);
    }

    /// Lets time pass.
    pub(crate) fn advance_ms(&mut self, ms: u64) {
        self.alone.advance_ms(ms);
        self.observe_all();
    }

    /// Goes on until the object has done this, at most so many milliseconds.
    pub(crate) fn until(&mut self, within_ms: u64, has_happened: impl Fn(&Self) -> bool) {
        let until_ns = self.alone.now().mono_ns + within_ms * NS_PER_MS;
        while !has_happened(self) {
            assert!(self.alone.next_ns() <= until_ns, "it has not happened within {within_ms} ms");
            self.step();
        }
    }

    fn step(&mut self) {
        self.alone.step();
        self.observe_all();
    }

    fn observe_all(&mut self) {
        while let Some(observed) = self.alone.observed.pop_front() {
            self.observe(observed);
        }
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
            Seen::Responded { response, .. } => self.marks.push_back(Mark::Answered(response.status)),
            Seen::RunEnded { .. } => self.marks.push_back(Mark::RunEnded),
            _ => {}
        }
    }
}
