//! A system of a few hundred lines that is correct by construction: one object, an alarm, machines that crash. It tells enough that
//! little can be wrong in its history unseen: what is durable is read back whenever the object comes into memory, and the answer to
//! a request says what its code has read.

mod life;
mod run;
mod storage;

use std::collections::{BTreeMap, VecDeque};
use std::mem::take;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reveille_model::build::{Tale, object, wall_ms};
use reveille_model::history::{
    AlarmAtRest, AlarmId, Blob, By, Event, Head, Header, Headers, Key, Outcome, Phase, What,
};

/// How many things the system does in each history.
const DEEDS: u64 = 60;

/// All keys that are used.
const KEYS: [&str; 3] = ["a", "b", "c"];

/// How far the wall clock of each machine is ahead, in milliseconds: within E.
const AHEAD_MS: [i64; 3] = [0, 300, -300];

/// Numbers of a seed.
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    /// `stream` keeps apart what is drawn for different things.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut numbers = ChaCha8Rng::seed_from_u64(seed);
        numbers.set_stream(stream);
        Chance(numbers)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0.random_range(0..limit)
    }

    pub(crate) fn one_in(&mut self, limit: u64) -> bool {
        self.below(limit) == 0
    }
}

/// What the service answers.
pub(crate) fn said() -> Option<Blob> {
    Some("fine".into())
}

pub(crate) fn headers() -> Headers {
    Headers::new(vec![("server".into(), "up".into())])
}

#[derive(Clone, Debug, PartialEq)]
struct Alarm {
    id: u64,
    scheduled_ms: i64,
    /// R4: its counted failures.
    failures: u32,
    /// R3: milliseconds of the run before which it is not tried again.
    not_before_ms: u64,
    /// R3: its platform failures in a row under this holder.
    platform: u32,
}

/// What an object holds.
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    keys: BTreeMap<Key, Blob>,
    alarm: Option<Alarm>,
}

/// A turn that is not durable yet: what it makes of the object, and what may leave after it.
struct Turn {
    turn: u32,
    /// Whether it has anything that has to become durable.
    has_written: bool,
    state: State,
    ends_run: Option<u64>,
    leaves: Vec<What>,
}

/// What happens in memory alone.
struct Instance {
    seen: State,
    turn: u32,
    /// The alarm of the run that is in progress, and what was done to it: set anew, deleted, or cleared.
    run: Option<(u64, Alarm)>,
    is_replaced: bool,
    may_retry: bool,
    leaves: Vec<What>,
    /// What the calls of this turn have given: keys with values.
    given: Vec<(Key, Option<Blob>)>,
    has_written: bool,
}

pub(crate) struct System {
    tale: Tale,
    chance: Chance,
    now_ms: u64,
    machine: u16,
    /// The number of the last instance, and the epoch of the holder.
    number: u64,
    epoch: u64,
    durable: State,
    queue: VecDeque<Turn>,
    live: Option<Instance>,
    runs: u64,
    ops: u64,
    alarms: u64,
    messages: u64,
    fault: u32,
    has_transactions: bool,
    /// Drawn by the world around it: what becomes of messages, and which disks are looked at.
    world: Chance,
    /// The last call whose connection has failed.
    failed: u64,
}

fn tale() -> Tale {
    let mut tale = Tale::of_machines();
    tale.echoes();
    tale
}

impl System {
    /// The header of all its histories.
    pub(crate) fn header() -> Header {
        tale().header()
    }

    pub(crate) fn new(seed: u64) -> Self {
        System {
            tale: tale(),
            chance: Chance::new(seed, 0),
            now_ms: 0,
            machine: 0,
            number: 0,
            epoch: 1,
            durable: State::default(),
            queue: VecDeque::new(),
            live: None,
            runs: 0,
            ops: 0,
            alarms: 0,
            messages: 0,
            fault: 0,
            has_transactions: false,
            world: Chance::new(seed, 3),
            failed: 0,
        }
    }

    fn wall_ms(&self) -> i64 {
        wall_ms(0.0) + self.now_ms as i64 + AHEAD_MS[usize::from(self.machine)]
    }

    fn push(&mut self, by: Option<By>, what: What) {
        self.tale.at(self.now_ms as f64 / 1e3).on(self.machine);
        self.tale.clock_off_ms(AHEAD_MS[usize::from(self.machine)]);
        self.tale.push(by, what);
    }

    /// What the world sees of a machine.
    fn seen(&mut self, what: What) {
        self.tale.at(self.now_ms as f64 / 1e3).clock_off_ms(0);
        self.tale.on_machine(self.machine, what);
    }

    /// Something leaves, and the world sees what becomes of it.
    fn leaves(&mut self, turn: u32, message: What) {
        self.does_in(turn, message.clone());
        let is_lost = self.world.one_in(6);
        match message {
            What::Respond { request, status, headers, body } => {
                let outcome = Outcome::Answered { status, headers, body };
                self.seen(What::AnswerLeave { request, outcome: outcome.clone() });
                let ends =
                    if is_lost { What::AnswerLost { request } } else { What::Return { request, outcome } };
                self.push(None, ends);
            }
            What::Outbound { call, service, body, .. } => {
                self.seen(What::OutboundLeave {
                    call,
                    service: service.clone(),
                    head: Head::default(),
                    body: body.clone(),
                });
                if is_lost {
                    self.failed = call;
                    self.push(None, What::OutboundLost { call });
                    return self.seen(What::OutboundReturn {
                        call,
                        status: None,
                        headers: Headers::default(),
                        body: None,
                    });
                }
                let (service, body) = (Some(service), Some(body));
                self.push(None, What::OutboundArrive { call, service, head: Head::default(), body });
                self.push(
                    None,
                    What::OutboundAnswer { call, status: Some(200), headers: headers(), body: said() },
                );
                self.seen(What::OutboundReturn { call, status: Some(200), headers: headers(), body: said() });
            }
            _ => {}
        }
    }

    /// The world looks which disks hold a turn that has just become durable.
    fn looks_at_disks(&mut self, turn: u32) {
        if self.world.one_in(4) {
            let held_by = if self.world.one_in(2) { vec![0, 1, 2] } else { vec![1, 2] };
            let (object, replicas) = (object(), vec![0, 1, 2]);
            self.push(None, What::OnDisk { object, instance: self.number, turn, replicas, held_by });
        }
    }

    fn does_in(&mut self, turn: u32, what: What) {
        let by = By { object: object(), instance: self.number, epoch: self.epoch, seq: 0, turn };
        self.push(Some(by), what);
    }

    fn does(&mut self, what: What) {
        let turn = self.it().turn;
        self.does_in(turn, what);
    }

    fn it(&mut self) -> &mut Instance {
        self.live.as_mut().expect("it is in memory")
    }

    /// Everything that a turn has done waits to become durable.
    fn end_turn(&mut self, ends_run: Option<u64>) {
        let before = self.queue.back().map_or(&self.durable, |turn| &turn.state).clone();
        let it = self.it();
        let (turn, state, leaves) = (it.turn, it.seen.clone(), take(&mut it.leaves));
        let has_written = take(&mut it.has_written) || state != before;
        self.queue.push_back(Turn { turn, has_written, state, ends_run, leaves });
        if self.chance.one_in(2) {
            self.commit();
        }
    }

    /// S3: the first turn of the queue becomes durable. O5: what waited for that leaves.
    fn commit(&mut self) {
        let Some(Turn { turn, has_written, state, ends_run, leaves }) = self.queue.pop_front() else {
            return;
        };
        self.now_ms += self.chance.below(3);
        // A turn that has written nothing needs no commit: whether one is told is up to the system.
        if has_written || ends_run.is_some() || self.world.one_in(16) {
            self.does_in(turn, What::Commit { ends_run });
            self.looks_at_disks(turn);
        }
        self.durable = state;
        for message in leaves {
            self.leaves(turn, message);
        }
    }

    fn commit_all(&mut self) {
        while !self.queue.is_empty() {
            self.commit();
        }
    }

    pub(crate) fn history(mut self) -> Vec<Event> {
        for _ in 0..DEEDS {
            match self.chance.below(24) {
                0..=15 => self.request(),
                16..=17 => self.waits(500),
                18..=19 => self.waits(5_000),
                20 => self.evicts(),
                21 => self.is_refused(),
                22 => self.crashes(),
                _ => self.commit(),
            }
            let wait_ms = self.chance.below(30);
            self.waits_if_due(wait_ms);
        }
        self.commit_all();
        let State { keys, alarm } = self.durable.clone();
        let alarm = alarm.map(|alarm| AlarmAtRest {
            alarm: Some(AlarmId(alarm.id)),
            scheduled_ms: alarm.scheduled_ms,
            retry_count: Some(alarm.failures),
        });
        self.push(None, What::AtRest { object: object(), keys, alarm, slice: None });
        self.push(None, What::Phase { phase: Phase::End });
        self.tale.events().to_vec()
    }

    /// L3: what is due runs, and nothing else becomes durable for it.
    fn waits_if_due(&mut self, for_ms: u64) {
        self.now_ms += for_ms;
        while self.due_ms().is_some_and(|due_ms| due_ms <= self.now_ms) {
            self.commit_all();
            if self.due_ms().is_some_and(|due_ms| due_ms <= self.now_ms) {
                self.alarm();
            }
        }
    }
}
