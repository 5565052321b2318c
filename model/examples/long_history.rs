//! How fast histories are read and checked, and in how much memory: one of 10^4, of 10^5 and of 10^6 events.
//!
//!     cargo run --release -p reveille-model --example long_history
//!
//! Fifty objects on nine machines, seen by clients, a service and the machines' network, each asked again and again to keep a value until its alarm sends it on: the number of
//! objects and of what they keep does not grow with the history, so memory must not either. The histories are written
//! first, so that what is measured is reading and checking alone, in seconds of one processor. Linux only.

use std::collections::VecDeque;
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::sync::Arc;

use reveille_model::history::{
    AlarmId, Blob, By, Cause, Constants, Delivery, Event, Head, Header, Headers, Key, ListOptions,
    ObjectName, OpResult, Outcome, Phase, Place, RunOutcome, StorageCall, What,
};
use reveille_model::jsonl::{self, Reader};
use reveille_model::{Checker, Profile, build};

const OBJECTS: u64 = 50;
const MACHINES: u16 = 9;
const WALL_NS: i64 = 1_700_000_000_000_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    println!("{:>9}  {:>11}  {:>8}  {:>7}  {:>11}", "events", "bytes", "seconds", "a second", "peak memory");
    for events in [10_000, 100_000, 1_000_000] {
        measure(events)?;
    }
    Ok(())
}

fn measure(events: usize) -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("reveille-long-history-{events}.jsonl"));
    jsonl::write(&header(), Teller::default().take(events), BufWriter::new(File::create(&path)?))?;
    let bytes = path.metadata()?.len();

    let begun = processor_ns()?;
    let mut reader = Reader::new(BufReader::with_capacity(1 << 20, File::open(&path)?))?;
    let mut checker = Checker::new(reader.header(), Profile::Strict);
    let mut index = 0;
    while let Some(event) = reader.next().transpose()? {
        checker.observe(index, &event);
        index += 1;
    }
    let verdict = checker.finish();
    let seconds = (processor_ns()? - begun) as f64 / 1e9;

    std::fs::remove_file(&path)?;
    assert_eq!((index, &verdict.violations[..]), (events, &[][..]), "the history is clean");
    let rate = events as f64 / seconds;
    println!("{events:>9}  {bytes:>11}  {seconds:>8.3}  {rate:>7.0}  {:>11}", peak_memory());
    Ok(())
}

/// Time on a processor that this process has had, as Linux tells it: others who are at work on the machine cost a little
/// of its caches, not of this.
fn processor_ns() -> Result<u64, Box<dyn Error>> {
    let told = std::fs::read_to_string("/proc/self/schedstat")?;
    Ok(told.split_whitespace().next().ok_or("the first number is missing")?.parse()?)
}

/// The most memory that this process has had, as Linux tells it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or("unknown".to_owned(), |peak| peak.trim().to_owned())
}

fn header() -> Header {
    Header {
        product: "long_history".to_owned(),
        datacenter_of: (0..MACHINES).map(|machine| machine / 3).collect(),
        alarm_classes: Some(vec!["Keeper".into()]),
        constants: Constants::of_the_contract(0, 50),
        ..build::header()
    }
}

/// Tells the history, event by event, without an end.
#[derive(Default)]
struct Teller {
    round: u64,
    at_ns: u64,
    objects: Vec<Told>,
    ready: VecDeque<Event>,
}

/// What was told of an object so far.
struct Told {
    name: ObjectName,
    machine: u16,
    seq: u32,
    turn: u32,
    op: u64,
}

impl Iterator for Teller {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.ready.is_empty() {
            self.round();
        }
        self.ready.pop_front()
    }
}

impl Teller {
    /// An object is asked, keeps what it was asked, and 20 ms later its alarm sends it on.
    fn round(&mut self) {
        if self.round == 0 {
            self.world(What::Phase { phase: Phase::Faults });
        }
        let (round, which) = (self.round, (self.round % OBJECTS) as usize);
        self.round += 1;
        self.at_ns += 2_000_000;
        let key: Key = format!("item-{}", round / OBJECTS % 100).into();
        let value = Blob::from(format!("what client {} wants to be sent", round % 1_000).as_str());
        if which == self.objects.len() {
            self.meet(which);
        }
        let to = self.objects[which].name.clone();
        self.world(What::Call { request: round, to, head: Head::default(), body: value.clone() });
        self.on_machine(which, What::RequestArrive { request: round });
        self.asked(which, round, &key, &value);
        let answer = Outcome::Answered { status: 200, headers: Headers::default(), body: "kept".into() };
        self.on_machine(which, What::AnswerLeave { request: round, outcome: answer.clone() });
        self.world(What::Return { request: round, outcome: answer });
        self.at_ns += 20_000_000;
        self.alarmed(which, round, &key, value);
    }

    fn meet(&mut self, which: usize) {
        let name = ObjectName(format!("Keeper/{which}").into());
        let machine = (which as u16) % MACHINES;
        self.objects.push(Told { name, machine, seq: 0, turn: 1, op: 0 });
        self.does(which, What::InstanceStart { cause: Some(Cause::Request), slice: None });
        self.does(which, What::ConstructorEnd { failed: None });
    }

    fn asked(&mut self, which: usize, round: u64, key: &Key, value: &Blob) {
        self.objects[which].turn += 1;
        self.does(which, What::Deliver { delivery: Delivery::Request { request: round } });
        self.calls(which, StorageCall::Put { key: key.clone(), value: value.clone() }, OpResult::Done);
        self.calls(which, StorageCall::GetAlarm, OpResult::Alarm(None));
        let (alarm, due_ms) = (Some(AlarmId(round)), self.due_ms());
        let set = StorageCall::SetAlarm { time_ms: due_ms, scheduled_ms: due_ms, alarm };
        self.calls(which, set, OpResult::Done);
        self.does(which, What::Commit { ends_run: None });
        self.does(
            which,
            What::Respond { request: round, status: 200, headers: Headers::default(), body: "kept".into() },
        );
    }

    fn alarmed(&mut self, which: usize, round: u64, key: &Key, value: Blob) {
        self.objects[which].turn += 1;
        let scheduled_ms = self.wall_ns() / 1_000_000;
        self.does(which, What::Deliver { delivery: Delivery::Alarm { run: round } });
        let (run, alarm) = (round, Some(AlarmId(round)));
        self.does(which, What::RunStart { run, alarm, scheduled_ms, retry_count: 0, is_retry: false });
        let kept = OpResult::Entries(vec![(key.clone(), value.clone())]);
        self.calls(which, StorageCall::List(ListOptions::default()), kept);
        self.calls_out(which, round, value);
        self.calls(which, StorageCall::Delete { key: key.clone() }, OpResult::Deleted(true));
        self.does(which, What::RunEnd { run: round, outcome: RunOutcome::Ok });
        self.does(which, What::Commit { ends_run: Some(round) });
    }

    fn calls_out(&mut self, which: usize, call: u64, body: Blob) {
        self.objects[which].op += 1;
        let (op, service) = (self.objects[which].op, Arc::from("upstream"));
        let told = What::Outbound {
            call,
            service: Arc::clone(&service),
            head: Head::default(),
            body: body.clone(),
            op: Some(op),
        };
        self.does(which, told);
        let leaves = What::OutboundLeave {
            call,
            service: Arc::clone(&service),
            head: Head::default(),
            body: body.clone(),
        };
        self.on_machine(which, leaves);
        self.world(What::OutboundArrive {
            call,
            service: Some(service),
            head: Head::default(),
            body: Some(body),
        });
        self.world(What::OutboundAnswer { call, status: Some(200), headers: Headers::default(), body: None });
        self.on_machine(
            which,
            What::OutboundReturn { call, status: Some(200), headers: Headers::default(), body: None },
        );
        self.objects[which].turn += 1;
        self.does(which, What::Deliver { delivery: Delivery::Result { op } });
        self.does(
            which,
            What::OpResult {
                op,
                result: OpResult::Answer { status: 200, headers: Headers::default(), body: None },
            },
        );
    }

    fn wall_ns(&self) -> i64 {
        WALL_NS + self.at_ns as i64
    }

    fn due_ms(&self) -> i64 {
        (self.wall_ns() + 20_000_000) / 1_000_000
    }

    fn calls(&mut self, which: usize, call: StorageCall, result: OpResult) {
        self.objects[which].op += 1;
        let op = self.objects[which].op;
        self.does(which, What::Op { op, call, allow_concurrency: false });
        self.does(which, What::OpResult { op, result });
    }

    fn does(&mut self, which: usize, what: What) {
        let wall_ns = self.wall_ns();
        let Told { name, machine, seq, turn, .. } = &mut self.objects[which];
        *seq += 1;
        let by = By { object: name.clone(), instance: 1, epoch: 1, seq: *seq, turn: *turn };
        let place = Some(Place { machine: *machine, wall_ns });
        self.ready.push_back(Event { at_ns: self.at_ns, place, by: Some(by), what });
    }

    fn on_machine(&mut self, which: usize, what: What) {
        let place = Some(Place { machine: self.objects[which].machine, wall_ns: self.wall_ns() });
        self.ready.push_back(Event { at_ns: self.at_ns, place, by: None, what });
    }

    fn world(&mut self, what: What) {
        self.ready.push_back(Event { at_ns: self.at_ns, place: None, by: None, what });
    }
}
