//! One machine that is a whole cluster, driven by hand: its messages reach it at once, its disk needs no time, outside
//! services answer at once, and nothing breaks. So time passes only when the test lets it, and the wall clock says what the
//! test wants.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use reveille_system::config::Config;
use reveille_system::ids::{MachineId, ObjectName, RequestId};
use reveille_system::io::{ClientAnswer, ClientRequest, DiskImage, DiskOp, Effects, FileId, Input};
use reveille_system::log::format;
use reveille_system::machine::{Machine, Setup};
use reveille_system::object::class::Classes;
use reveille_system::observe::Observation;
use reveille_system::words::http::Request;
use reveille_system::words::outside::OutsideAnswer;
use reveille_system::words::time::Now;

const NS_PER_MS: u64 = 1_000_000;
/// The wall clock when the machine boots.
const EPOCH_MS: i64 = 1_700_000_000_000;
/// By then a machine alone has elected itself and serves.
const SERVING_MS: u64 = 20_000;

/// The machine and what it has said.
pub(crate) struct Alone {
    machine: Machine,
    mono_ns: u64,
    /// The wall clock less the monotonic one.
    wall_ahead_ns: i64,
    inputs: VecDeque<Input>,
    wake_at_ns: u64,
    requests: u64,
    /// Everything observed and not yet taken.
    pub(crate) observed: VecDeque<Observation>,
    /// The answers to clients, not yet taken.
    pub(crate) answers: VecDeque<ClientAnswer>,
}

/// A disk on which nothing but the marks of an empty log was ever written.
struct Formatted;

impl DiskImage for Formatted {
    fn read(&self, file: FileId) -> Bytes {
        let mut content = Vec::new();
        for op in format() {
            let DiskOp::Write { file: of, offset, bytes } = op else { unreachable!("marks are written") };
            if of == file {
                let offset = usize::try_from(offset).expect("a small file");
                content.resize(content.len().max(offset + bytes.len()), 0);
                content[offset..offset + bytes.len()].copy_from_slice(&bytes);
            }
        }
        content.into()
    }
}

impl Alone {
    /// A machine with these classes, and with this changed of what is usual.
    pub(crate) fn boot(classes: Classes, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(1, 1, 1, 1);
        change(&mut config);
        let setup = Setup { config: Arc::new(config), me: MachineId(0), seed: 1, classes };
        let wall_ahead_ns = EPOCH_MS * 1_000_000;
        let mut out = Effects::default();
        let now = Now { mono_ns: 0, wall_ns: wall_ahead_ns };
        let machine = Machine::boot(setup, now, &Formatted, &mut out);
        let mut alone = Self {
            machine,
            mono_ns: 0,
            wall_ahead_ns,
            inputs: VecDeque::new(),
            wake_at_ns: 0,
            requests: 0,
            observed: VecDeque::new(),
            answers: VecDeque::new(),
        };
        alone.take(out);
        alone.advance_ms(SERVING_MS);
        alone
    }

    /// The present. The monotonic clock counts from the boot.
    pub(crate) fn now(&self) -> Now {
        let since_ns = i64::try_from(self.mono_ns).expect("a test is shorter than a century");
        Now { mono_ns: self.mono_ns, wall_ns: self.wall_ahead_ns + since_ns }
    }

    /// When the next step is, in nanoseconds since the boot.
    pub(crate) fn next_ns(&self) -> u64 {
        if self.inputs.is_empty() { self.mono_ns.max(self.wake_at_ns) } else { self.mono_ns }
    }

    /// A client sends a request to an object. It arrives with the next steps.
    pub(crate) fn ask(&mut self, object: ObjectName, body: impl Into<Bytes>) -> RequestId {
        self.requests += 1;
        let request = RequestId(self.requests);
        let (asks, limit_ms) = (Request::post(body), 60_000);
        self.inputs.push_back(Input::Request(Box::new(ClientRequest { request, object, asks, limit_ms })));
        request
    }

    /// Lets time pass, and all that happens meanwhile happen.
    pub(crate) fn advance_ms(&mut self, ms: u64) {
        let until_ns = self.mono_ns + ms * NS_PER_MS;
        while self.next_ns() <= until_ns {
            self.step();
        }
        self.mono_ns = until_ns;
    }

    /// One input: the next one that is there, else the wake that the machine has asked for.
    pub(crate) fn step(&mut self) {
        let input = self.inputs.pop_front().unwrap_or_else(|| {
            self.mono_ns = self.mono_ns.max(self.wake_at_ns);
            Input::Wake
        });
        let mut out = Effects::default();
        self.machine.handle(self.now(), input, &mut out);
        self.take(out);
    }

    fn take(&mut self, out: Effects) {
        let Effects { sends, disk, wake_at_ns, outside, answers, refusals, observed } = out;
        assert!(refusals.is_empty(), "nobody here asks for more than may wait");
        let from = MachineId(0);
        self.inputs.extend(sends.into_iter().map(|(_, bytes)| Input::Message { from, bytes }));
        self.inputs.extend(disk.into_iter().filter_map(|op| match op {
            DiskOp::Sync { ticket, .. } => Some(Input::Synced { ticket }),
            DiskOp::Write { .. } | DiskOp::Truncate { .. } => None,
        }));
        let accepted = || OutsideAnswer::of(200, "");
        self.inputs.extend(
            outside.into_iter().map(|call| Input::Answer { call: call.call, result: Ok(accepted()) }),
        );
        self.wake_at_ns = wake_at_ns.unwrap_or(self.wake_at_ns);
        self.answers.extend(answers);
        self.observed.extend(observed);
    }
}
