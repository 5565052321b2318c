//! The lives of objects as slices, on two threads each and machine: its instances with constructors and runs of `alarm()` in them, and
//! its turns with what object code did in them. A run goes on over several turns, between which others come, so that the two cannot
//! share a thread.

use std::collections::BTreeMap;

use reveille_model::history::{
    AlarmId, By, Delivery, EndReason, Event, History, ObjectName, RunOutcome, StorageCall, What,
};

use super::Process;
use super::flows::{Flows, Followed};
use super::threads::{Slice, Thread};
use crate::story;

/// An instance while it lives: the positions of its open slices.
#[derive(Debug)]
struct Alive {
    life: usize,
    constructor: Option<usize>,
    run: Option<(u64, usize)>,
    turn: Option<(u32, usize)>,
}

/// An alarm that was set: the position of its `set_alarm` in the history, its identity, its time.
#[derive(Debug)]
struct Set {
    position: usize,
    alarm: Option<AlarmId>,
    scheduled_ms: i64,
}

/// Reads the lives of objects.
struct Lives<'a> {
    history: &'a History,
    slices: &'a mut Vec<Slice>,
    flows: &'a mut Flows,
    alive: BTreeMap<(ObjectName, u64), Alive>,
    /// Alarms of each object that a run may be for.
    set: BTreeMap<ObjectName, Vec<Set>>,
    /// Which call of an instance an operation waits for.
    call_of: BTreeMap<(ObjectName, u64, u64), u64>,
}

/// Appends the slices of all objects.
pub(super) fn slices(history: &History, end_ns: u64, slices: &mut Vec<Slice>, flows: &mut Flows) {
    let mut lives = Lives {
        history,
        slices,
        flows,
        alive: BTreeMap::new(),
        set: BTreeMap::new(),
        call_of: BTreeMap::new(),
    };
    for (position, event) in history.events.iter().enumerate() {
        if let Some(by) = &event.by {
            lives.observe(position, event, by);
        }
    }
    for (_, alive) in std::mem::take(&mut lives.alive) {
        lives.over(&alive, end_ns);
    }
}

impl Lives<'_> {
    /// Adds a slice that lasts until it is closed, and gives its position.
    fn open(&mut self, thread: Thread, kind: &'static str, name: String, at_ns: u64) -> usize {
        self.slices.push(Slice::new(thread, kind, name, at_ns, at_ns));
        self.slices.len() - 1
    }

    fn close(&mut self, slice: usize, at_ns: u64) {
        self.slices[slice].to_ns = at_ns.max(self.slices[slice].from_ns);
    }

    fn observe(&mut self, position: usize, event: &Event, by: &By) {
        let at_ns = event.at_ns;
        let key = (by.object.clone(), by.instance);
        // What becomes durable or leaves belongs to a turn that may be over, of an instance that may be gone.
        let leaves = matches!(event.what, What::Commit { .. } | What::Respond { .. } | What::Outbound { .. });
        let is_end = matches!(event.what, What::InstanceEnd { .. });
        if !leaves && !is_end {
            self.turn(event, by);
        }
        match &event.what {
            What::ConstructorEnd { .. } => {
                if let Some(slice) = self.alive.get_mut(&key).and_then(|alive| alive.constructor.take()) {
                    self.close(slice, at_ns);
                }
            }
            What::InstanceEnd { reason } => {
                if let Some(alive) = self.alive.remove(&key) {
                    self.over(&alive, at_ns);
                    self.slices[alive.life].args.insert("end".to_owned(), ended(reason).into());
                }
            }
            What::Deliver { delivery } => self.delivered(&key, *delivery),
            What::Op { .. } => self.called(position, event, by),
            What::RunStart { run, alarm, scheduled_ms, retry_count, .. } => {
                let name =
                    if *retry_count > 0 { format!("alarm(), retry {retry_count}") } else { "alarm()".into() };
                let slice = self.open(thread(event, by, false), "run", name, at_ns);
                self.slices[slice].args.insert("run".to_owned(), (*run).into());
                if let Some(alive) = self.alive.get_mut(&key) {
                    alive.run = Some((*run, slice));
                }
                if let Some(set) = self.set_for(&by.object, *alarm, *scheduled_ms) {
                    self.flows.passes(Followed::Alarm(by.object.clone(), set), slice);
                }
            }
            What::RunEnd { run, outcome } => {
                let open =
                    self.alive.get_mut(&key).and_then(|alive| alive.run.take_if(|open| open.0 == *run));
                if let Some((_, slice)) = open {
                    self.close(slice, at_ns);
                    self.slices[slice].args.insert("outcome".to_owned(), outcome_text(outcome).into());
                }
            }
            What::Respond { request, status, .. } => {
                let name = format!("answers request {request}: {status}");
                let slice = self.open(thread(event, by, true), "respond", name, at_ns);
                self.flows.passes(Followed::Request(*request), slice);
            }
            What::Outbound { call, service, op, .. } => {
                let slice = self.open(
                    thread(event, by, true),
                    "outbound",
                    format!("call {call} to {service}"),
                    at_ns,
                );
                self.flows.passes(Followed::Call(*call), slice);
                if let Some(op) = op {
                    self.call_of.insert((by.object.clone(), by.instance, *op), *call);
                }
            }
            _ => {}
        }
    }

    /// The turn that an event is in, and with the first one of an instance, its life.
    fn turn(&mut self, event: &Event, by: &By) {
        let (at_ns, key) = (event.at_ns, (by.object.clone(), by.instance));
        if !self.alive.contains_key(&key) {
            let name = format!("instance {}", by.instance);
            let life = self.open(thread(event, by, false), "instance", name, at_ns);
            self.slices[life].args.insert("epoch".to_owned(), by.epoch.into());
            let constructor = matches!(event.what, What::InstanceStart { .. });
            let constructor = constructor
                .then(|| self.open(thread(event, by, false), "constructor", "constructor".into(), at_ns));
            self.alive.insert(key.clone(), Alive { life, constructor, run: None, turn: None });
        }
        let open = self.alive[&key].turn;
        let slice = match open {
            Some((turn, slice)) if turn == by.turn => slice,
            _ => {
                let slice = self.open(thread(event, by, true), "turn", format!("turn {}", by.turn), at_ns);
                self.alive.get_mut(&key).expect("it was just looked up").turn = Some((by.turn, slice));
                slice
            }
        };
        self.close(slice, at_ns);
        let life = self.alive[&key].life;
        self.close(life, at_ns);
    }

    fn delivered(&mut self, key: &(ObjectName, u64), delivery: Delivery) {
        let Some((_, turn)) = self.alive.get(key).and_then(|alive| alive.turn) else { return };
        match delivery {
            Delivery::Request { request } => {
                self.slices[turn].args.insert("request".to_owned(), request.into());
                self.flows.passes(Followed::Request(request), turn);
            }
            Delivery::Result { op } => {
                if let Some(call) = self.call_of.get(&(key.0.clone(), key.1, op)) {
                    self.flows.passes(Followed::Call(*call), turn);
                }
            }
            Delivery::Alarm { .. } => {}
        }
    }

    /// A storage or alarm call: a moment in its turn.
    fn called(&mut self, position: usize, event: &Event, by: &By) {
        let What::Op { call, .. } = &event.what else { return };
        let name = story::call(self.history, call);
        let slice = self.open(thread(event, by, true), "call", name, event.at_ns);
        if let StorageCall::SetAlarm { alarm, scheduled_ms, .. } = call {
            let set = Set { position, alarm: *alarm, scheduled_ms: *scheduled_ms };
            self.set.entry(by.object.clone()).or_default().push(set);
            self.flows.passes(Followed::Alarm(by.object.clone(), position), slice);
        }
    }

    /// The `set_alarm` that a run is for: by the alarm's identity, or where that is not told, the last one of its time.
    fn set_for(&self, object: &ObjectName, alarm: Option<AlarmId>, scheduled_ms: i64) -> Option<usize> {
        let is_it = |set: &&Set| match (&alarm, &set.alarm) {
            (Some(alarm), Some(set)) => alarm == set,
            _ => set.scheduled_ms == scheduled_ms,
        };
        self.set.get(object)?.iter().rev().find(is_it).map(|set| set.position)
    }

    /// The instance is gone, with all that went on in it.
    fn over(&mut self, alive: &Alive, at_ns: u64) {
        let runs = alive.run.map(|(_, slice)| slice);
        for slice in [Some(alive.life), alive.constructor, runs].into_iter().flatten() {
            self.close(slice, at_ns);
        }
    }
}

/// The thread of an object on the machine of an event: of its turns, or of its life.
fn thread(event: &Event, by: &By, turns: bool) -> Thread {
    let process = event.place.map_or(Process::World, |place| Process::Machine(place.machine));
    let name = if turns { format!("{}: turns", by.object) } else { by.object.to_string() };
    Thread { process, order: 10, name }
}

fn ended(reason: &EndReason) -> String {
    match reason {
        EndReason::Evicted => "evicted".into(),
        EndReason::Reset { why, .. } => format!("reset: {why}"),
        EndReason::OverLimit { why } => format!("over a limit: {why}"),
        EndReason::Moved => "moved".into(),
        EndReason::Lost => "lost with its machine".into(),
    }
}

fn outcome_text(outcome: &RunOutcome) -> String {
    match outcome {
        RunOutcome::Ok => "ok".into(),
        RunOutcome::Failed { why, .. } => format!("failed: {why}"),
        RunOutcome::Platform { why } => format!("failed by the platform: {why}"),
    }
}
