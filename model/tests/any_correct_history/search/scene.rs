//! What everybody can see: instances, machines, clocks, faults, turns and gates.

use std::collections::{BTreeMap, BTreeSet};

use reveille_model::build::wall_ms;
use reveille_model::history::{
    AwaitKind, By, Cause, Constants, Delivery, Event, Header, OpResult, Place, Process, Scope, StorageCall,
    What,
};

use super::Wrong;
use super::messages::Messages;

const NS_PER_MS: u64 = 1_000_000;
const NS_PER_S: u64 = 1_000 * NS_PER_MS;

/// The last instance.
#[derive(Debug, Default)]
struct Last {
    instance: u64,
    is_over: bool,
    cause: Option<Cause>,
    machine: Option<u16>,
    turn: u32,
    is_constructed: bool,
    /// Calls without a result, since when, and whether they close the gate (O3).
    open: BTreeMap<u64, (u64, bool)>,
}

/// Everything that has been seen.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) constants: Constants,
    pub(super) tells_commits: bool,
    /// The position of the event in the history, true time and place.
    pub(super) index: usize,
    pub(super) now_ns: u64,
    pub(super) place: Option<Place>,
    last: Last,
    /// The highest epoch.
    last_epoch: u64,
    /// D5: who holds an epoch.
    holders: BTreeMap<u64, u16>,
    stopped: BTreeSet<u16>,
    /// When faults began, and when something last changed.
    faults: Vec<(u32, u64)>,
    changed_ns: Option<u64>,
    runs: BTreeSet<u64>,
    pub(super) messages: Messages,
}

impl Scene {
    pub(super) fn new(header: &Header) -> Self {
        Scene {
            constants: header.constants.clone(),
            tells_commits: header.omits.is_empty(),
            index: 0,
            now_ns: 0,
            place: None,
            last: Last::default(),
            last_epoch: 0,
            holders: BTreeMap::new(),
            stopped: BTreeSet::new(),
            faults: Vec::new(),
            changed_ns: None,
            runs: BTreeSet::new(),
            messages: Messages::default(),
        }
    }

    /// Whether the constructor of the last instance has ended.
    pub(super) fn was_constructed(&self) -> bool {
        self.last.is_constructed
    }

    /// What the last instance was made for.
    pub(super) fn woken_by(&self) -> Option<Cause> {
        self.last.cause
    }

    /// E.
    pub(super) fn error_ns(&self) -> u64 {
        self.constants.wall_error_max_ms * NS_PER_MS
    }

    /// True time at which an exact clock shows this.
    pub(super) fn true_ns(scheduled_ms: i64) -> u64 {
        (scheduled_ms - wall_ms(0.0)).max(0) as u64 * NS_PER_MS
    }

    /// L: the latest start of what could have started at `eligible_ns`.
    pub(super) fn latest_ns(&self, eligible_ns: u64) -> u64 {
        let since_ns = eligible_ns.saturating_sub(60 * NS_PER_S);
        let failures = self.faults.iter().filter(|(_, began_ns)| *began_ns >= since_ns).count();
        let changed_ns = self.changed_ns.filter(|changed_ns| *changed_ns >= since_ns);
        let bound_ms = match (failures, changed_ns) {
            (_, None) => self.constants.lateness_calm_ms,
            (0..=1, _) => self.constants.lateness_one_failure_ms,
            _ => self.constants.lateness_failures_ms,
        };
        eligible_ns.max(changed_ns.unwrap_or(0)) + bound_ms * NS_PER_MS + self.error_ns()
    }

    /// Takes an event in, or says why it cannot be.
    pub(super) fn sees(&mut self, event: &Event) -> Result<(), Wrong> {
        self.index += 1;
        if event.at_ns < self.now_ns {
            return Err("true time runs back");
        }
        (self.now_ns, self.place) = (event.at_ns, event.place);
        self.places(event)?;
        match &event.by {
            Some(by) => self.does(by, &event.what)?,
            None => self.happens(&event.what)?,
        }
        let machine = event.place.map(|place| place.machine);
        let instance = event.by.as_ref().map(|by| by.instance);
        self.messages.sees(machine, instance, &event.what)
    }

    /// Clocks, W1: every clock is right within E, and what does not run does nothing.
    fn places(&self, event: &Event) -> Result<(), Wrong> {
        let Some(Place { machine, wall_ns }) = event.place else { return Ok(()) };
        let exact_ns = wall_ms(0.0) * 1_000_000 + event.at_ns as i64;
        if wall_ns.abs_diff(exact_ns) > self.error_ns() {
            return Err("Clocks: a wall clock is wrong by more than E");
        }
        let is_process = matches!(event.what, What::Process { .. });
        if !is_process && self.stopped.contains(&machine) {
            return Err("W1: a machine that is down or stands still does something");
        }
        Ok(())
    }

    fn happens(&mut self, what: &What) -> Result<(), Wrong> {
        let machine = self.place.map(|place| place.machine);
        match what {
            What::Process { state: Process::Up } => {
                machine.map(|machine| self.stopped.remove(&machine));
            }
            What::Process { state } => {
                machine.map(|machine| self.stopped.insert(machine));
                self.last.is_over |= *state == Process::Down && self.last.machine == machine;
            }
            What::FaultBegin { fault, scope: Scope::Machine(_), .. } => {
                self.faults.push((*fault, self.now_ns));
                self.changed_ns = Some(self.now_ns);
            }
            What::FaultEnd { .. } => self.changed_ns = Some(self.now_ns),
            What::OnDisk { replicas, held_by, .. } => {
                let without = replicas.iter().filter(|replica| !held_by.contains(replica)).count();
                if without > replicas.len() / 2 {
                    return Err("W1: a majority of undamaged disks does not hold what was claimed durable");
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn does(&mut self, by: &By, what: &What) -> Result<(), Wrong> {
        let machine = self.place.map(|place| place.machine);
        if let What::InstanceStart { cause, .. } = what {
            return self.starts(by, *cause, machine);
        }
        if matches!(what, What::Commit { .. }) && by.instance == self.last.instance {
            // S3: what an instance has written may become durable until its successor is there. Whoever sees that tells it.
            return Ok(());
        }
        let now_ns = self.now_ns;
        let live = &mut self.last;
        if live.is_over || live.instance != by.instance {
            return Err("O1: an instance that is over does something");
        }
        let is_of_earlier_turn = matches!(what, What::Respond { .. } | What::Outbound { .. });
        if !is_of_earlier_turn && by.turn < live.turn {
            return Err("O3: a turn goes on that is over");
        }
        live.turn = live.turn.max(by.turn);
        match what {
            What::ConstructorEnd { failed } => live.is_constructed = failed.is_none(),
            What::Deliver { delivery } => live.is_delivered(*delivery)?,
            What::Op { op, call, .. } => {
                // A transaction is over by the end of its turn here. S: `sync` waits with the gate open.
                let closes = !matches!(call, StorageCall::Sync | StorageCall::Transaction);
                live.open.insert(*op, (now_ns, closes));
            }
            What::Await { op, kind: AwaitKind::Outside } => _ = live.open.insert(*op, (now_ns, false)),
            What::OpResult { op, result } => {
                let is_open = live.open.remove(op).is_some();
                if !is_open && !matches!(result, OpResult::Answer { .. }) {
                    return Err("S1: a result of no call");
                }
            }
            What::RunStart { run, .. } if !self.runs.insert(*run) => return Err("F3: a run starts twice"),
            _ => {}
        }
        self.is_at_home(machine)?;
        self.has_results()?;
        self.last.is_over |= matches!(what, What::InstanceEnd { .. });
        Ok(())
    }

    fn starts(&mut self, by: &By, cause: Option<Cause>, machine: Option<u16>) -> Result<(), Wrong> {
        if by.instance <= self.last.instance || by.epoch < self.last_epoch {
            return Err("O1: an instance of an epoch that is over starts");
        }
        self.last_epoch = by.epoch;
        if let Some(machine) = machine
            && *self.holders.entry(by.epoch).or_insert(machine) != machine
        {
            return Err("D5: two machines hold an object in one epoch");
        }
        self.last = Last { instance: by.instance, cause, machine, turn: by.turn, ..Last::default() };
        Ok(())
    }

    /// O6: an instance lives on one machine.
    fn is_at_home(&self, machine: Option<u16>) -> Result<(), Wrong> {
        let home = self.holders.get(&self.last_epoch).copied();
        if machine.is_some() && home.is_some() && machine != home {
            return Err("O6: an instance does something on another machine than its own");
        }
        Ok(())
    }

    /// W2: in calm every storage call has its result within 10 s.
    fn has_results(&self) -> Result<(), Wrong> {
        let oldest_ns =
            self.last.open.values().filter(|(_, closes)| *closes).map(|(since_ns, _)| *since_ns).min();
        let calm_ns = self.changed_ns.map_or(0, |changed_ns| changed_ns + 60 * NS_PER_S);
        match oldest_ns {
            Some(since_ns) if self.now_ns > since_ns.max(calm_ns) + 10 * NS_PER_S => {
                Err("W2: a storage call has no result")
            }
            _ => Ok(()),
        }
    }
}

impl Last {
    /// O3, O4: something is delivered.
    fn is_delivered(&self, delivery: Delivery) -> Result<(), Wrong> {
        if !self.is_constructed {
            return Err("O4: something is delivered before the constructor has ended");
        }
        if let Delivery::Result { op } = delivery
            && self.open.get(&op).is_some_and(|(_, closes)| *closes)
        {
            return Ok(());
        }
        if self.open.values().any(|(_, closes)| *closes) {
            return Err("O3: something is delivered while the gate is closed");
        }
        Ok(())
    }
}
