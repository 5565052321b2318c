//! A system of a few hundred lines that is correct by construction: one object, an alarm, machines that crash.

use std::collections::{BTreeMap, VecDeque};
use std::mem::take;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reveille_model::build::{Tale, object, wall_ms};
use reveille_model::history::{
    AlarmAtRest, AlarmId, AwaitKind, Blob, By, Cause, Delivery, EndReason, Event, How, Key, ListOptions,
    OpResult, Outcome, Phase, Process, ResetCause, RunOutcome, Scope, StorageCall, What,
};

/// How many things the system does in each history.
const DEEDS: u64 = 60;

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
#[derive(Clone, Debug, Default)]
struct State {
    keys: BTreeMap<Key, Blob>,
    alarm: Option<Alarm>,
}

/// A turn that is not durable yet: what it makes of the object, and what may leave after it.
struct Turn {
    turn: u32,
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

impl System {
    pub(crate) fn new(seed: u64) -> Self {
        System {
            tale: Tale::of_machines(),
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
            What::Respond { request, status, body } => {
                let outcome = Outcome::Answered { status, body };
                self.seen(What::AnswerLeave { request, outcome: outcome.clone() });
                let ends =
                    if is_lost { What::AnswerLost { request } } else { What::Return { request, outcome } };
                self.push(None, ends);
            }
            What::Outbound { call, service, body, .. } => {
                self.seen(What::OutboundLeave { call, service: service.clone(), body: body.clone() });
                if is_lost {
                    self.failed = call;
                    self.push(None, What::OutboundLost { call });
                    return self.seen(What::OutboundReturn { call, status: None });
                }
                let (service, body) = (Some(service), Some(body));
                self.push(None, What::OutboundArrive { call, service, body });
                self.push(None, What::OutboundAnswer { call, status: Some(200) });
                self.seen(What::OutboundReturn { call, status: Some(200) });
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
        let it = self.it();
        let (turn, state, leaves) = (it.turn, it.seen.clone(), take(&mut it.leaves));
        self.queue.push_back(Turn { turn, state, ends_run, leaves });
        if self.chance.one_in(2) {
            self.commit();
        }
    }

    /// S3: the first turn of the queue becomes durable. O5: what waited for that leaves.
    fn commit(&mut self) {
        let Some(Turn { turn, state, ends_run, leaves }) = self.queue.pop_front() else { return };
        self.now_ms += self.chance.below(3);
        self.durable = state;
        self.does_in(turn, What::Commit { ends_run });
        self.looks_at_disks(turn);
        for message in leaves {
            self.leaves(turn, message);
        }
    }

    fn commit_all(&mut self) {
        while !self.queue.is_empty() {
            self.commit();
        }
    }

    /// O4: the object is in memory. Returns whether it is; its constructor may fail.
    fn wakes(&mut self, cause: Cause) -> bool {
        if self.live.is_some() {
            return true;
        }
        self.number += 1;
        let seen = self.durable.clone();
        self.live = Some(Instance {
            seen,
            turn: 1,
            run: None,
            is_replaced: false,
            may_retry: true,
            leaves: Vec::new(),
        });
        self.does(What::InstanceStart { cause: Some(cause), slice: None });
        if self.chance.one_in(3) {
            self.reads();
        }
        if self.chance.one_in(8) {
            let is_its_own = self.chance.one_in(2);
            if is_its_own {
                self.does(What::ConstructorEnd { failed: Some("boom".into()) });
            }
            if cause == Cause::Alarm {
                self.backs_off();
            }
            self.resets(if is_its_own { ResetCause::Constructor } else { ResetCause::Datastore });
            return false;
        }
        self.does(What::ConstructorEnd { failed: None });
        true
    }

    fn backoff_ms(&mut self, exponent: u32) -> u64 {
        let least_ms = 2_000 << exponent;
        least_ms + self.chance.below(least_ms / 4)
    }

    /// R3: the platform has failed the alarm on a live machine.
    fn backs_off(&mut self) {
        let platform = self.durable.alarm.as_ref().map_or(0, |alarm| alarm.platform);
        let not_before_ms = self.now_ms + self.backoff_ms(platform.min(9));
        if let Some(alarm) = &mut self.durable.alarm {
            alarm.not_before_ms = alarm.not_before_ms.max(not_before_ms);
            alarm.platform += 1;
        }
    }

    fn ends(&mut self, reason: EndReason) {
        self.does(What::InstanceEnd { reason });
        (self.live, self.queue) = (None, VecDeque::new());
    }

    fn resets(&mut self, cause: ResetCause) {
        self.ends(EndReason::Reset { why: "boom".into(), cause: Some(cause) });
    }

    fn call(&mut self, call: StorageCall) -> u64 {
        self.ops += 1;
        self.does(What::Op { op: self.ops, call, allow_concurrency: false });
        self.ops
    }

    fn calls(&mut self, call: StorageCall, result: OpResult) {
        let op = self.call(call);
        self.does(What::OpResult { op, result });
    }

    fn key(&mut self) -> Key {
        Key::from(["a", "b", "c"][self.chance.below(3) as usize])
    }

    fn list(&mut self) {
        let (reverse, limit) = (self.chance.one_in(2), self.chance.below(3) as u32 + 1);
        let mut entries: Vec<(Key, Blob)> = self.it().seen.keys.clone().into_iter().collect();
        if reverse {
            entries.reverse();
        }
        entries.truncate(limit as usize);
        let options = ListOptions { reverse, limit: Some(limit), ..ListOptions::default() };
        self.calls(StorageCall::List(options), OpResult::Entries(entries));
    }

    /// S4, A3, A4.
    fn reads(&mut self) {
        let key = self.key();
        match self.chance.below(4) {
            0 => self.list(),
            1 => {
                let it = self.it();
                let is_hidden = it.run.is_some() && !it.is_replaced;
                let alarm = it.seen.alarm.as_ref().filter(|_| !is_hidden).map(|alarm| alarm.scheduled_ms);
                self.calls(StorageCall::GetAlarm, OpResult::Alarm(alarm));
            }
            _ => {
                let value = self.it().seen.keys.get(&key).cloned();
                self.calls(StorageCall::Get { key }, OpResult::Value(value));
            }
        }
    }

    fn sets_alarm(&mut self) {
        self.alarms += 1;
        let (id, now_ms) = (self.alarms, self.wall_ms());
        let time_ms = now_ms + self.chance.below(4_000) as i64 - 200;
        let scheduled_ms = time_ms.max(now_ms);
        let alarm = Some(AlarmId(id));
        self.calls(StorageCall::SetAlarm { time_ms, scheduled_ms, alarm }, OpResult::Done);
        let it = self.it();
        it.seen.alarm = Some(Alarm { id, scheduled_ms, failures: 0, not_before_ms: 0, platform: 0 });
        (it.is_replaced, it.may_retry) = (true, false);
    }

    fn writes(&mut self) {
        let key = self.key();
        match self.chance.below(12) {
            0..=3 => {
                let value = Blob::from(self.ops.to_string().as_str());
                self.it().seen.keys.insert(key.clone(), value.clone());
                self.calls(StorageCall::Put { key, value }, OpResult::Done);
            }
            4..=5 => {
                let was_there = self.it().seen.keys.remove(&key).is_some();
                self.calls(StorageCall::Delete { key }, OpResult::Deleted(was_there));
            }
            6 => {
                self.it().seen.alarm = None;
                self.calls(StorageCall::DeleteAlarm, OpResult::Done);
            }
            7 if self.chance.one_in(2) => {
                self.it().seen = State::default();
                self.it().may_retry = false;
                self.calls(StorageCall::DeleteAll { preserve_alarm: false }, OpResult::Done);
            }
            8 if !self.has_transactions => self.transaction(),
            _ => self.sets_alarm(),
        }
    }

    /// S5.
    fn transaction(&mut self) {
        let op = self.call(StorageCall::Transaction);
        let it = self.it();
        let before = (it.seen.clone(), it.is_replaced, it.may_retry);
        self.has_transactions = true;
        for _ in 0..self.chance.below(3) {
            match self.chance.below(4) {
                0 => self.sets_alarm(),
                1 => self.reads(),
                _ => {
                    let (key, value) = (self.key(), Blob::from(self.ops.to_string().as_str()));
                    self.it().seen.keys.insert(key.clone(), value.clone());
                    self.calls(StorageCall::Put { key, value }, OpResult::Done);
                }
            }
        }
        self.has_transactions = false;
        let is_rolled_back = self.chance.one_in(2);
        let result = if is_rolled_back { OpResult::Error("boom".into()) } else { OpResult::Done };
        self.does(What::OpResult { op, result });
        if is_rolled_back {
            let it = self.it();
            (it.seen, it.is_replaced, it.may_retry) = before;
        }
    }

    /// What object code does before it waits or ends. S1: a read of what is not in memory waits, and the gate is closed.
    fn acts(&mut self) {
        for _ in 0..self.chance.below(4) {
            if self.chance.one_in(2) { self.reads() } else { self.writes() }
        }
        if self.chance.one_in(4) {
            let key = self.key();
            let value = self.it().seen.keys.get(&key).cloned();
            let op = self.call(StorageCall::Get { key });
            self.does(What::Await { op, kind: AwaitKind::Storage });
            self.end_turn(None);
            self.now_ms += self.chance.below(20);
            self.it().turn += 1;
            self.does(What::Deliver { delivery: Delivery::Result { op } });
            self.does(What::OpResult { op, result: OpResult::Value(value) });
        }
        if self.chance.one_in(6) {
            let op = self.call(StorageCall::Sync);
            self.does(What::Await { op, kind: AwaitKind::Sync });
            self.end_turn(None);
            self.commit_all();
            self.it().turn += 1;
            self.does(What::Deliver { delivery: Delivery::Result { op } });
            self.does(What::OpResult { op, result: OpResult::Done });
        }
    }

    fn request(&mut self) {
        self.messages += 1;
        let request = self.messages;
        self.push(None, What::Call { request, to: object(), body: Blob::default() });
        self.seen(What::RequestArrive { request });
        if !self.wakes(Cause::Request) {
            // Whatever the constructor did: the client does not wait.
            return self.push(None, What::Return { request, outcome: Outcome::Unknown });
        }
        self.it().turn += 1;
        self.does(What::Deliver { delivery: Delivery::Request { request } });
        self.acts();
        if self.chance.one_in(2) {
            self.it().leaves.push(What::Respond { request, status: 200, body: Blob::default() });
        } else {
            // W2: a request whose client waits is answered; this one gives up at once.
            self.push(None, What::Return { request, outcome: Outcome::Unknown });
        }
        self.end_turn(None);
    }

    /// F2, R3: when the alarm may run, in milliseconds of the run.
    fn due_ms(&self) -> Option<u64> {
        let alarm = self.durable.alarm.as_ref()?;
        let due_ms = alarm.scheduled_ms - wall_ms(0.0) - AHEAD_MS[usize::from(self.machine)];
        Some((due_ms.max(0) as u64).max(alarm.not_before_ms))
    }

    /// Time passes, and the alarm runs when it has to.
    fn waits(&mut self, for_ms: u64) {
        let until_ms = self.now_ms + for_ms;
        loop {
            self.commit_all();
            let Some(due_ms) = self.due_ms().filter(|due_ms| *due_ms <= until_ms) else { break };
            self.now_ms = self.now_ms.max(due_ms);
            self.alarm();
        }
        self.now_ms = self.now_ms.max(until_ms);
    }

    /// A run of `alarm()`.
    fn alarm(&mut self) {
        if !self.wakes(Cause::Alarm) {
            return;
        }
        let alarm = self.durable.alarm.clone().expect("it is due");
        self.runs += 1;
        let run = self.runs;
        let it = self.it();
        it.turn += 1;
        (it.run, it.is_replaced, it.may_retry) = (Some((run, alarm.clone())), false, true);
        self.does(What::Deliver { delivery: Delivery::Alarm { run } });
        let (scheduled_ms, retry_count) = (alarm.scheduled_ms, alarm.failures);
        let (id, is_retry) = (Some(AlarmId(alarm.id)), retry_count > 0);
        self.does(What::RunStart { run, alarm: id, scheduled_ms, retry_count, is_retry });
        self.acts();
        while self.chance.one_in(3) {
            if !self.calls_out() {
                return;
            }
        }
        self.ends_run(run, &alarm);
    }

    /// The handler waits for an outside service, and requests come in. Returns whether it goes on.
    fn calls_out(&mut self) -> bool {
        self.messages += 1;
        self.ops += 1;
        let (call, op) = (self.messages, self.ops);
        let (service, body) = ("up".into(), Blob::default());
        self.it().leaves.push(What::Outbound { call, service, body, op: Some(op) });
        self.does(What::Await { op, kind: AwaitKind::Outside });
        self.end_turn(None);
        for _ in 0..self.chance.below(3) {
            self.now_ms += self.chance.below(500);
            self.request();
        }
        match self.chance.below(8) {
            0 => self.crashes(),
            1 => self.is_refused(),
            _ => {
                self.commit_all();
                self.it().turn += 1;
                self.does(What::Deliver { delivery: Delivery::Result { op } });
                let answer = OpResult::Answer { status: 200 };
                let failed = OpResult::Error("the connection failed".into());
                self.does(What::OpResult { op, result: if self.failed == call { failed } else { answer } });
                self.acts();
                return true;
            }
        }
        false
    }

    /// F4, R2, R7: what the end of a run makes of its alarm.
    fn ends_run(&mut self, run: u64, alarm: &Alarm) {
        let (how, is_ok) = match self.chance.below(6) {
            0..=1 => (How::Error, false),
            2 => (How::Panic, false),
            _ => (How::Error, true),
        };
        let failed = RunOutcome::Failed { why: "boom".into(), how: Some(how) };
        self.does(What::RunEnd { run, outcome: if is_ok { RunOutcome::Ok } else { failed } });
        if how == How::Panic && self.chance.one_in(2) {
            self.loses_turn();
        }
        let backoff_ms = self.backoff_ms(alarm.failures);
        let (now_ms, prevents) = (self.now_ms, self.chance.one_in(2));
        let it = self.it();
        it.run = None;
        let is_deleted = it.seen.alarm.is_none();
        let is_its_own = it.seen.alarm.as_ref().is_some_and(|set| set.id == alarm.id);
        if is_its_own || (is_deleted && it.may_retry && !is_ok && !prevents) {
            let failures = alarm.failures + 1;
            let not_before_ms = now_ms + backoff_ms;
            let again = Alarm { failures, not_before_ms, platform: 0, ..alarm.clone() };
            it.seen.alarm = Some(again).filter(|_| !is_ok && failures <= 6);
        }
        self.end_turn(Some(run));
        if how == How::Panic {
            self.commit_all();
            self.resets(ResetCause::Panic);
        }
    }

    /// R8: what this turn has written is lost with its instance, and what it has sent never leaves.
    fn loses_turn(&mut self) {
        let before = self.queue.back().map_or(&self.durable, |turn| &turn.state).clone();
        let it = self.it();
        it.leaves.clear();
        it.seen = before;
    }

    /// R1: the datastore refuses what is in the queue, and the instance is reset.
    fn is_refused(&mut self) {
        let Some(it) = &self.live else { return };
        if let Some((run, alarm)) = it.run.clone() {
            self.does(What::RunEnd { run, outcome: RunOutcome::Platform { why: "refused".into() } });
            if self.durable.alarm.as_ref().is_some_and(|durable| durable.id == alarm.id) {
                self.backs_off();
            }
        }
        self.resets(ResetCause::Datastore);
    }

    /// The machine stops, and another one takes the object over.
    fn crashes(&mut self) {
        self.fault += 1;
        let (fault, scope) = (self.fault, Scope::Machine(self.machine));
        self.push(None, What::FaultBegin { fault, kind: "crash".into(), scope, takes: None });
        if self.live.is_some() {
            self.ends(EndReason::Lost);
        }
        self.seen(What::Process { state: Process::Down });
        self.now_ms += 1_000;
        self.push(None, What::FaultEnd { fault });
        self.seen(What::Process { state: Process::Up });
        self.machine = (self.machine + 1) % 3;
        self.epoch = self.number + 1;
        if let Some(alarm) = &mut self.durable.alarm {
            alarm.platform = 0;
        }
    }

    fn evicts(&mut self) {
        self.commit_all();
        if self.live.is_some() {
            self.ends(EndReason::Evicted);
        }
    }

    pub(crate) fn history(mut self) -> Vec<Event> {
        for _ in 0..DEEDS {
            match self.chance.below(16) {
                0..=7 => self.request(),
                8..=9 => self.waits(500),
                10..=11 => self.waits(5_000),
                12 => self.evicts(),
                13 => self.is_refused(),
                14 => self.crashes(),
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
