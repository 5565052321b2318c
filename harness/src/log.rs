//! A run as a log: `tracing` events with virtual time and machine, to be filtered by concern and by object. They are made
//! from what was recorded, after the run: it pays nothing for them, and no filter can change it.
//!
//! Concerns are the targets of a filter: `alarm=debug,storage=info`. What decides is at `info` or `warn`, each operation
//! at `debug`, each step of the inner world at `trace`.

mod concern;
mod format;

use std::collections::{BTreeMap, BTreeSet};

use reveille_model::history::{By, Event, History, ObjectName, OpResult, Scope, StorageCall, What};
use reveille_sim::plan::Plan;
use reveille_sim::run::Outcome;
use reveille_sim::trace::{Entry, Kind};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use self::concern::Concern;
use crate::story;

/// What of a run is to be logged.
#[derive(Clone, Debug)]
pub struct Filter(Box<Targets>);

impl Filter {
    /// Reads a filter: levels by concern, and one without a concern for all others, separated by commas.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in a line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let names = || Concern::ALL.map(Concern::name).join(", ");
        let right = "a filter is written like info or alarm=debug,storage=info";
        let targets: Targets = text.parse().map_err(|error| format!("{error}; {right}"))?;
        let known = |name: &str| Concern::ALL.iter().any(|concern| concern.name() == name);
        match targets.iter().find(|(target, _)| !known(target)) {
            Some((target, _)) => Err(format!("there is no concern {target:?}; there are: {}", names())),
            None => Ok(Self(Box::new(targets))),
        }
    }

    /// Whether it shows anything of the trace, so that it has to be kept.
    pub fn wants_trace(&self) -> bool {
        let levels = self.0.iter().map(|(_, level)| level).chain(self.0.default_level());
        levels.max().is_some_and(|level| level == LevelFilter::TRACE)
    }
}

/// The object of a plan with that name.
///
/// # Errors
///
/// If no request of the plan is for it.
pub fn object_of(plan: &Plan, name: &str) -> anyhow::Result<ObjectName> {
    let objects: BTreeSet<&str> = plan.workload.iter().map(|request| &*request.object).collect();
    let names = || objects.iter().copied().collect::<Vec<_>>().join(", ");
    anyhow::ensure!(objects.contains(name), "no request of this run is for {name:?}; there are: {}", names());
    Ok(ObjectName(name.into()))
}

/// Prints what the filter lets through, of the whole run or of one object's life, to the standard output.
pub fn print(outcome: &Outcome, filter: &Filter, object: Option<&ObjectName>) {
    let layer = tracing_subscriber::fmt::layer()
        .event_format(format::Virtual)
        .with_writer(std::io::stdout)
        .log_internal_errors(false);
    let subscriber = tracing_subscriber::registry().with(layer).with((*filter.0).clone());
    tracing::subscriber::with_default(subscriber, || emit(outcome, object));
}

/// Both records side by side, in the order of time.
fn emit(outcome: &Outcome, object: Option<&ObjectName>) {
    let history = &outcome.history;
    let mut life = Life::new(object);
    let mut entries = outcome.trace.iter().peekable();
    for event in &history.events {
        while let Some(entry) = entries.next_if(|entry| entry.at_ns < event.at_ns) {
            life.emit_entry(history, entry);
        }
        life.emit_event(history, event);
    }
    for entry in entries {
        life.emit_entry(history, entry);
    }
}

/// Follows what belongs to the object, if one was asked for, and which concern each operation is of.
struct Life<'a> {
    object: Option<&'a ObjectName>,
    requests: BTreeSet<u64>,
    calls: BTreeSet<u64>,
    faults: BTreeSet<u32>,
    /// The machines on which the object is in memory: what happens inside them is part of its life.
    machines: BTreeSet<u16>,
    /// Operations without a result so far, by object, instance and number.
    pending: BTreeMap<(&'a ObjectName, u64, u64), Concern>,
}

impl<'a> Life<'a> {
    fn new(object: Option<&'a ObjectName>) -> Self {
        Self {
            object,
            requests: BTreeSet::new(),
            calls: BTreeSet::new(),
            faults: BTreeSet::new(),
            machines: BTreeSet::new(),
            pending: BTreeMap::new(),
        }
    }

    fn emit_event(&mut self, history: &'a History, event: &'a Event) {
        let concern = self.concern(event);
        if self.has(event) {
            let place = story::place(&history.header, event);
            concern.emit(&event.what, event.at_ns, &place, story::sentence(history, event));
        }
    }

    fn emit_entry(&self, history: &History, entry: &Entry) {
        if self.has_entry(entry) {
            let machine = entry.machine.map(|machine| story::machine_text(&history.header, machine.0));
            let place = machine.unwrap_or_else(|| "world".into());
            Concern::of_step(entry.kind).emit_step(entry.at_ns, &place, entry.step());
        }
    }

    /// Whether an event belongs to the life that is told. Phases, and faults that strike more than a machine, belong to
    /// every life.
    fn has(&mut self, event: &Event) -> bool {
        let Some(object) = self.object else { return true };
        if let Some(by) = &event.by {
            return by.object == *object && self.follow(event);
        }
        match &event.what {
            What::Call { request, to, .. } => to == object && self.requests.insert(*request),
            What::Return { request, .. } => self.requests.contains(request),
            What::OutboundLeave { call, .. }
            | What::OutboundArrive { call, .. }
            | What::OutboundAnswer { call, .. }
            | What::OutboundReturn { call, .. }
            | What::OutboundLost { call } => self.calls.contains(call),
            What::RequestArrive { request }
            | What::AnswerLeave { request, .. }
            | What::AnswerLost { request } => self.requests.contains(request),
            What::OnDisk { object: of, .. } => of == object,
            What::AtRest { object: of, .. } => of == object,
            What::FaultBegin { fault, scope, .. } => {
                let elsewhere = matches!(scope, Scope::Machine(machine) if !self.machines.contains(machine));
                !elsewhere && self.faults.insert(*fault)
            }
            What::FaultEnd { fault } => self.faults.contains(fault),
            What::Phase { .. } => true,
            _ => event.place.is_some_and(|place| self.machines.contains(&place.machine)),
        }
    }

    /// Takes in what an event of the object itself says about where it is and whom it calls.
    fn follow(&mut self, event: &Event) -> bool {
        match (&event.what, event.place) {
            (What::InstanceStart { .. }, Some(place)) => _ = self.machines.insert(place.machine),
            (What::InstanceEnd { .. }, Some(place)) => _ = self.machines.remove(&place.machine),
            (What::Outbound { call, .. }, _) => _ = self.calls.insert(*call),
            _ => {}
        }
        true
    }

    fn has_entry(&self, entry: &Entry) -> bool {
        if self.object.is_none() {
            return true;
        }
        match entry.kind {
            Kind::Request | Kind::Answer => self.requests.contains(&entry.a),
            Kind::CalledOut | Kind::OutsideAnswered => self.calls.contains(&entry.a),
            _ => entry.machine.is_none_or(|machine| self.machines.contains(&machine.0)),
        }
    }

    /// The concern of an event; that of a result is the one of its operation.
    fn concern(&mut self, event: &'a Event) -> Concern {
        let Some(By { object, instance, .. }) = &event.by else { return Concern::of_event(&event.what) };
        match &event.what {
            What::Op { op, call, .. } => {
                let concern = match call {
                    StorageCall::GetAlarm | StorageCall::SetAlarm { .. } | StorageCall::DeleteAlarm => {
                        Concern::Alarm
                    }
                    _ => Concern::Storage,
                };
                self.pending.insert((object, *instance, *op), concern);
                concern
            }
            What::OpResult { op, result } => {
                let of_op = self.pending.remove(&(object, *instance, *op));
                // What is not an operation of storage is a call to an outside service.
                of_op.unwrap_or(match result {
                    OpResult::Answer { .. } | OpResult::Error(_) => Concern::Outside,
                    _ => Concern::Storage,
                })
            }
            what => Concern::of_event(what),
        }
    }
}
