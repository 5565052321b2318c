//! Whether an event may stand where it stands: after what is in the file before it. It holds what has started and not
//! ended, and the last few instances of each object; nothing of what is over.
//!
//! A mistake of the writer is found here, a mistake of the system that it tells of by the checkers. So nothing is asked
//! of an event that a broken system could break: an object may run in two places at once, a turn may go on after the next
//! (O3), a call may have two results (S1), a commit may come when nobody expects it.

use std::collections::BTreeSet;
use std::hash::BuildHasherDefault;

use indexmap::IndexMap;
use siphasher::sip::SipHasher13;

use super::error::Problem;
use crate::history::{By, Event, Header, ObjectName, OpResult, Scope, What};

/// How many instances of an object are remembered. Of an older one the order of its events is not judged any more.
const INSTANCES_MAX: usize = 8;

/// What the events so far say about the next.
#[derive(Debug)]
pub(super) struct Order {
    at_ns: u64,
    machines: usize,
    datacenters: BTreeSet<u16>,
    objects: IndexMap<ObjectName, Instances, BuildHasherDefault<SipHasher13>>,
    /// The object of the last event that was about one.
    recent: usize,
    /// Requests without a return.
    requests: BTreeSet<u64>,
    /// Faults without an end.
    faults: BTreeSet<u32>,
}

/// The instances of one object, in the order in which they were first heard of.
#[derive(Debug, Default)]
struct Instances {
    known: Vec<Instance>,
    /// Whether there were more.
    has_forgotten: bool,
}

/// One instance.
#[derive(Debug)]
struct Instance {
    instance: u64,
    epoch: u64,
    seq: u32,
    /// Whether its constructor runs.
    is_constructing: bool,
    has_ended: bool,
    /// The last call, if it has no result yet. Most results follow at once.
    op: Option<u64>,
    /// Calls before it that have none.
    ops: BTreeSet<u64>,
    /// The largest number of a call: larger ones have not been made.
    op_max: Option<u64>,
    /// The run that has no end yet.
    run: Option<u64>,
    runs: BTreeSet<u64>,
}

impl Order {
    pub(super) fn new(header: &Header) -> Self {
        Order {
            at_ns: 0,
            machines: header.datacenter_of.len(),
            datacenters: header.datacenter_of.iter().copied().collect(),
            objects: IndexMap::default(),
            recent: 0,
            requests: BTreeSet::new(),
            faults: BTreeSet::new(),
        }
    }

    /// Takes the next event.
    pub(super) fn take(&mut self, event: &Event) -> Result<(), Problem> {
        if event.at_ns < self.at_ns {
            return Err(Problem::TimeBackwards { at_ns: event.at_ns, before_ns: self.at_ns });
        }
        self.at_ns = event.at_ns;
        if let Some(place) = event.place {
            self.machine(place.machine)?;
        }
        match (&event.by, &event.what) {
            // The datastore does it, not the instance: it comes when it comes, and its `seq` says nothing.
            (_, What::Commit { .. }) => Ok(()),
            (Some(by), what) => instance(self.instances(&by.object), by, what),
            (None, What::Call { request, .. }) => start(
                self.requests.insert(*request),
                "request",
                *request,
                "a request is unique in the history",
            ),
            (None, What::Return { request, .. }) => {
                end(self.requests.remove(request), "request", *request, "call")
            }
            (None, What::FaultBegin { fault, scope, .. }) => {
                self.scope(scope)?;
                let number = u64::from(*fault);
                start(self.faults.insert(*fault), "fault", number, "a fault is unique in the history")
            }
            (None, What::FaultEnd { fault }) => {
                end(self.faults.remove(fault), "fault", u64::from(*fault), "fault_begin")
            }
            (None, What::Leader { datacenter, .. }) => self.datacenter(*datacenter),
            (None, _) => Ok(()),
        }
    }

    fn machine(&self, machine: u16) -> Result<(), Problem> {
        if usize::from(machine) < self.machines {
            return Ok(());
        }
        Err(Problem::UnknownMachine { machine, machines: self.machines })
    }

    fn datacenter(&self, datacenter: u16) -> Result<(), Problem> {
        if self.datacenters.contains(&datacenter) {
            return Ok(());
        }
        Err(Problem::UnknownDatacenter { datacenter })
    }

    fn scope(&self, scope: &Scope) -> Result<(), Problem> {
        match scope {
            Scope::Machine(machine) => self.machine(*machine),
            Scope::Datacenter(datacenter) => self.datacenter(*datacenter),
            Scope::Links { from, to } => from.iter().chain(to).try_for_each(|machine| self.machine(*machine)),
            Scope::Network | Scope::Service(_) => Ok(()),
        }
    }

    fn instances(&mut self, object: &ObjectName) -> &mut Instances {
        let is_recent = self.objects.get_index(self.recent).is_some_and(|(name, _)| name == object);
        if !is_recent {
            self.recent = match self.objects.get_index_of(object) {
                Some(index) => index,
                None => self.objects.insert_full(object.clone(), Instances::default()).0,
            };
        }
        &mut self.objects[self.recent]
    }
}

/// Something that an instance does.
fn instance(instances: &mut Instances, by: &By, what: &What) -> Result<(), Problem> {
    let place = instances.known.iter().position(|known| known.instance == by.instance);
    let is_known = place.is_some();
    match what {
        What::InstanceStart { .. } => {
            start(!is_known, "instance", by.instance, "an instance is unique among those of its object")?;
        }
        // Its own end is not excused: whoever knows that an instance ends knows that it was there.
        What::InstanceEnd { .. } if !is_known && !instances.has_forgotten => {
            return end(false, "instance", by.instance, "instance_start");
        }
        _ => {}
    }
    let is_judged = is_known || !instances.has_forgotten;
    let place = place.unwrap_or_else(|| instances.add(by));
    let known = &mut instances.known[place];
    if is_known {
        known.go_on(by)?;
    }
    let ended = known.take(by, what);
    if is_judged { ended } else { Ok(()) }
}

impl Instances {
    fn add(&mut self, by: &By) -> usize {
        if self.known.len() == INSTANCES_MAX {
            let first_ended = self.known.iter().position(|known| known.has_ended).unwrap_or(0);
            self.known.remove(first_ended);
            self.has_forgotten = true;
        }
        self.known.push(Instance {
            instance: by.instance,
            epoch: by.epoch,
            seq: by.seq,
            is_constructing: false,
            has_ended: false,
            op: None,
            ops: BTreeSet::new(),
            op_max: None,
            run: None,
            runs: BTreeSet::new(),
        });
        self.known.len() - 1
    }
}

impl Instance {
    /// Events of an instance come in its own order.
    fn go_on(&mut self, by: &By) -> Result<(), Problem> {
        let (object, instance) = (&by.object, by.instance);
        if by.epoch != self.epoch {
            let (object, now, before) = (object.clone(), by.epoch, self.epoch);
            return Err(Problem::OtherEpoch { object, instance, now, before });
        }
        if by.seq <= self.seq {
            let (object, now, before) = (object.clone(), by.seq, self.seq);
            return Err(Problem::SeqBackwards { object, instance, now, before });
        }
        self.seq = by.seq;
        Ok(())
    }

    /// What starts has to end once, and what ends has to have started.
    fn take(&mut self, by: &By, what: &What) -> Result<(), Problem> {
        match what {
            What::InstanceStart { .. } => {
                self.is_constructing = true;
                Ok(())
            }
            What::ConstructorEnd { .. } => {
                let was = std::mem::take(&mut self.is_constructing);
                end(was, "the constructor of instance", by.instance, "instance_start")
            }
            What::InstanceEnd { .. } => {
                let had = std::mem::replace(&mut self.has_ended, true);
                end(!had, "instance", by.instance, "instance_start")
            }
            What::Op { op, .. } => {
                let is_new = open(&mut self.op, &mut self.ops, *op);
                self.op_max = self.op_max.max(Some(*op));
                start(is_new, "operation", *op, "an operation is unique in its instance")
            }
            What::Timer { op, .. } => {
                let is_new = open(&mut self.op, &mut self.ops, *op);
                self.op_max = self.op_max.max(Some(*op));
                start(is_new, "operation", *op, "an operation is unique in its instance")
            }
            // The call of an outside service is told as `outbound`, under another number.
            What::OpResult { op, result } => {
                close(&mut self.op, &mut self.ops, *op);
                let was_made = self.op_max >= Some(*op);
                let may_be_outside = matches!(result, OpResult::Answer { .. } | OpResult::Error(_));
                end(was_made || may_be_outside, "operation", *op, "op")
            }
            What::RunStart { run, .. } => {
                let is_new = open(&mut self.run, &mut self.runs, *run);
                start(is_new, "run", *run, "a run is unique among those of its object")
            }
            What::RunEnd { run, .. } => {
                end(close(&mut self.run, &mut self.runs, *run), "run", *run, "run_start")
            }
            _ => Ok(()),
        }
    }
}

/// Opens a number. Returns whether it was not open before.
fn open(last: &mut Option<u64>, others: &mut BTreeSet<u64>, number: u64) -> bool {
    if *last == Some(number) || others.contains(&number) {
        return false;
    }
    others.extend(last.replace(number));
    true
}

/// Closes a number. Returns whether it was open.
fn close(last: &mut Option<u64>, others: &mut BTreeSet<u64>, number: u64) -> bool {
    if *last == Some(number) {
        *last = None;
        return true;
    }
    others.remove(&number)
}

fn start(is_new: bool, what: &'static str, number: u64, unique: &'static str) -> Result<(), Problem> {
    if is_new { Ok(()) } else { Err(Problem::StartedTwice { what, number, unique }) }
}

fn end(was_open: bool, what: &'static str, number: u64, start: &'static str) -> Result<(), Problem> {
    if was_open { Ok(()) } else { Err(Problem::EndWithoutStart { what, number, start }) }
}
