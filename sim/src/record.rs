//! The history of a run as it is written: observations of the system and the world's own doings, put into the words of
//! the model. The only place that knows both vocabularies, so every match here is exhaustive. It watches and changes
//! nothing.

mod words;

use std::collections::BTreeMap;

use reveille_model::history::{
    AlarmAtRest, AlarmId, By, Cause, Constants, Delivery, EndReason, Event, Header, OpResult, Place, Process,
    StorageCall, VERSION, What,
};
use reveille_system::config::{Config, REQUESTS_MAX};
use reveille_system::ids::{self, CallId, GroupId, MachineId, OpId, Stamp};
use reveille_system::observe::{AppliedTurn, Observation, Seen, Source};
use reveille_system::store::Row;
use reveille_system::words::call::{Call, Reply};
use reveille_system::words::http::Response;

pub(crate) use self::words::{answered, asked, blob, headers, object_name};
use self::words::{await_kind, end_reason, op_result, promise_kind, run_outcome, storage_call};
use crate::clock::WALL_EPOCH_NS;
use crate::counts::Counts;
use crate::latency::Commits;
use crate::plan::Plan;
use crate::readout::Claim;
use crate::trace::{Kind, Trace};

/// W1: after so many entries with turns of objects in them the world looks whether the last of these lies on the disks, and after
/// the first one of each group.
const ENTRIES_PER_LOOK: u64 = 64;

/// Everything that watches a run.
pub(crate) struct Record {
    config: Config,
    events: Vec<Event>,
    pub(crate) trace: Trace,
    pub(crate) counts: Counts,
    /// The highest index that any replica of each group has applied: what is not above it was recorded already.
    applied: Vec<u64>,
    /// Numbers of calls to outside services, by machine, incarnation, and the machine's own number.
    calls: BTreeMap<(MachineId, u32, CallId), Numbered>,
    calls_next: u64,
    /// By machine: where in the events its last process started.
    booted: BTreeMap<MachineId, usize>,
    commits: Commits,
    /// W1: the last turn of each group that was claimed durable and is looked for on the disks, and how many entries with turns
    /// were applied so far.
    claims: Vec<Option<Claim>>,
    entries_applied: u64,
    /// A `set_alarm` whose result has not been seen; it follows at once.
    setting: Option<(Source, OpId, i64)>,
}

/// The number in the history of what a machine calls by one number of its own.
#[derive(Clone, Copy, Debug)]
struct Numbered {
    number: u64,
    /// Whether the world has seen it leave.
    has_left: bool,
}

/// Where and when an observation was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub(crate) at_ns: u64,
    pub(crate) machine: MachineId,
    /// The incarnation of the machine.
    pub(crate) life: u32,
    pub(crate) wall_ns: i64,
}

impl Record {
    pub(crate) fn new(plan: &Plan, keep_trace: bool) -> Self {
        Self {
            config: plan.config(),
            events: Vec::with_capacity(4096),
            trace: Trace::new(keep_trace),
            counts: Counts::default(),
            // One more: the system group stands behind the others.
            applied: vec![0; usize::from(plan.cluster.groups) + 1],
            calls: BTreeMap::new(),
            calls_next: 0,
            booted: BTreeMap::new(),
            commits: Commits::new(plan),
            claims: vec![None; usize::from(plan.cluster.groups) + 1],
            entries_applied: 0,
            setting: None,
        }
    }

    /// Something that happened outside all machines.
    pub(crate) fn outside(&mut self, at_ns: u64, what: What) {
        self.commits.see(at_ns, &what);
        self.push(Event { at_ns, place: None, by: None, what });
    }

    /// What happened outside all machines at these times, in order, and is known only now.
    pub(crate) fn outside_then(&mut self, told: Vec<(u64, What)>) {
        let mut told = told.into_iter().peekable();
        let events = std::mem::take(&mut self.events);
        self.events.reserve(events.len() + told.len());
        let event = |(at_ns, what)| Event { at_ns, place: None, by: None, what };
        for next in events {
            while let Some(earlier) = told.next_if(|(at_ns, _)| *at_ns <= next.at_ns) {
                self.push(event(earlier));
            }
            self.events.push(next);
        }
        told.for_each(|last| self.push(event(last)));
    }

    /// The highest index that any replica of a group has applied so far.
    pub(crate) fn applied_of(&self, group: GroupId) -> u64 {
        self.applied[usize::from(group.0)]
    }

    /// Something that happened on a machine, but to no instance.
    pub(crate) fn machine(&mut self, spot: Spot, what: What) {
        self.push(Event { at_ns: spot.at_ns, place: Some(spot.place()), by: None, what });
    }

    /// W1: the last turn of a group that was claimed durable and is looked for on the disks.
    pub(crate) fn claim(&self, group: GroupId) -> Option<&Claim> {
        self.claims[usize::from(group.0)].as_ref()
    }

    /// What a machine says about itself. Gives the group of a turn that is to be looked for on the disks.
    pub(crate) fn observe(&mut self, spot: Spot, observation: Observation) -> Option<GroupId> {
        let mut note = |kind, a: u64, b: u64| self.trace.note(spot.at_ns, Some(spot.machine), kind, a, b);
        match observation {
            Observation::Instance { by, seen } => self.instance(spot, by, seen),
            Observation::Applied { group, index, turns } => {
                note(Kind::Applied, u64::from(group.0), index);
                return self.applied(spot, group, index, turns);
            }
            Observation::Installed { group, index } => {
                note(Kind::Installed, u64::from(group.0), index);
                self.counts.snapshots_installed += 1;
            }
            Observation::DiskDamaged { .. } => {
                note(Kind::Damaged, 0, 0);
                self.machine(spot, What::DiskDamaged);
            }
            Observation::Elected { group, term } => {
                note(Kind::Elected, u64::from(group.0), term);
                self.counts.elections += 1;
                self.machine(spot, What::GroupLeader { group: group.0, term });
            }
            Observation::Leads { datacenter, term } => {
                note(Kind::Leads, u64::from(datacenter.0), term);
                self.machine(spot, What::Leader { datacenter: datacenter.0, term });
            }
            Observation::Serving { slice, epoch } => {
                note(Kind::Serving, u64::from(slice.0), u64::from(epoch.0));
                let (group, epoch) = (Some(self.config.group_of(slice).0), u64::from(epoch.0));
                self.machine(spot, What::Holder { slice: slice.0, epoch, group });
            }
            // For faults that wait for such a moment, and no part of a history.
            Observation::Claiming { .. } | Observation::AsksForDue { .. } | Observation::Leaving { .. } => {}
            Observation::Acknowledged { slice, after_ns } => {
                let counted = &mut self.counts.commit_round_trips;
                self.commits.acknowledged(spot.at_ns, spot.machine, slice, after_ns, counted);
            }
            Observation::StaleEpoch { slice, epoch } => {
                note(Kind::StaleEpoch, u64::from(slice.0), u64::from(epoch.0));
                self.counts.stale_epochs += 1;
            }
        }
        None
    }

    /// A process starts on a machine.
    pub(crate) fn boots(&mut self, spot: Spot) {
        self.booted.insert(spot.machine, self.events.len());
        self.machine(spot, What::Process { state: Process::Up });
    }

    /// The process of a machine has died: all instances that the history knows to be in its memory are lost with it. Returns how
    /// many.
    pub(crate) fn all_lost(&mut self, spot: Spot) -> u64 {
        let live = self.live_on(spot.machine);
        let lost_instances = live.len() as u64;
        for (by, is_running) in live {
            self.counts.instances_lost += 1;
            self.counts.runs_lost += u64::from(is_running);
            let by = By { seq: by.seq + 1, ..by };
            let what = What::InstanceEnd { reason: EndReason::Lost };
            self.push(Event { at_ns: spot.at_ns, place: Some(spot.place()), by: Some(by), what });
        }
        lost_instances
    }

    /// The instances in memory on a machine, with what each was last seen at and whether `alarm()` is in progress in it.
    fn live_on(&self, machine: MachineId) -> Vec<(By, bool)> {
        let mut live = BTreeMap::new();
        let booted = self.booted.get(&machine).copied().unwrap_or_default();
        for event in &self.events[booted..] {
            let (Some(place), Some(by)) = (event.place, &event.by) else { continue };
            // A commit is seen on the machine of the replica that applied it.
            if place.machine != machine.0 || matches!(event.what, What::Commit { .. }) {
                continue;
            }
            let instance = (&by.object, by.instance);
            match event.what {
                What::InstanceStart { .. } => drop(live.insert(instance, (by, false))),
                What::InstanceEnd { .. } => drop(live.remove(&instance)),
                _ => {
                    let Some((last, is_running)) = live.get_mut(&instance) else { continue };
                    *last = by;
                    match event.what {
                        What::RunStart { .. } => *is_running = true,
                        What::RunEnd { .. } => *is_running = false,
                        _ => {}
                    }
                }
            }
        }
        live.into_values().map(|(by, is_running)| (by.clone(), is_running)).collect()
    }

    /// What the datastore holds for an object at the end.
    pub(crate) fn at_rest(&self, object: &ids::ObjectName, row: &Row) -> What {
        let keys = row.keys.iter().map(|(key, value)| (key.clone(), blob(value.clone()))).collect();
        let alarm = row.alarm.as_ref().map(|alarm| AlarmAtRest {
            alarm: Some(alarm_id(alarm.alarm)),
            scheduled_ms: alarm.scheduled_ms,
            retry_count: Some(alarm.retry_count),
        });
        let slice = Some(object.slice(self.config.slices).0);
        What::AtRest { object: object_name(object), keys, alarm, slice }
    }

    /// W1: a call leaves a machine. Gives its number in the history: the one under which the machine tells of it, or another one
    /// if something has left under that before.
    pub(crate) fn call_leaves(&mut self, machine: MachineId, life: u32, call: CallId) -> u64 {
        let known = self.call_of(machine, life, call);
        if std::mem::replace(&mut known.has_left, true) { self.next_call() } else { known.number }
    }

    /// What a machine names so.
    fn call_of(&mut self, machine: MachineId, life: u32, call: CallId) -> &mut Numbered {
        let next = &mut self.calls_next;
        self.calls.entry((machine, life, call)).or_insert_with(|| {
            *next += 1;
            Numbered { number: *next - 1, has_left: false }
        })
    }

    fn next_call(&mut self) -> u64 {
        self.calls_next += 1;
        self.calls_next - 1
    }

    /// The events of the history so far, and what else was kept.
    pub(crate) fn finish(self) -> (Vec<Event>, Trace, Counts) {
        (self.events, self.trace, self.counts)
    }

    fn push(&mut self, event: Event) {
        self.trace.event(&event);
        self.events.push(event);
    }

    fn by(&mut self, spot: Spot, source: Source, what: What) {
        let Source { object, instance, seq, turn } = source;
        let by = By {
            object: object_name(&object),
            instance: instance.as_u64(),
            epoch: u64::from(instance.epoch.0),
            seq,
            turn,
        };
        self.push(Event { at_ns: spot.at_ns, place: Some(spot.place()), by: Some(by), what });
    }

    /// S2: the first replica that applies an entry shows the moment from which its turns are durable. `by.seq` of a
    /// commit says nothing: the datastore does it, not the instance.
    fn applied(
        &mut self,
        spot: Spot,
        group: GroupId,
        index: u64,
        turns: Vec<AppliedTurn>,
    ) -> Option<GroupId> {
        let seen = &mut self.applied[usize::from(group.0)];
        if index <= *seen {
            return None;
        }
        *seen = index;
        let last = turns.last().map(|turn| Claim {
            group,
            index,
            object: turn.object.clone(),
            instance: turn.instance,
            turn: turn.turn,
        });
        for AppliedTurn { object, instance, turn, ends_run } in turns {
            self.counts.commits += 1;
            let ends_run = ends_run.map(Stamp::as_u64);
            self.by(spot, Source { object, instance, seq: 0, turn }, What::Commit { ends_run });
        }
        let claim = last?;
        self.entries_applied += 1;
        let is_first = self.claims[usize::from(group.0)].is_none();
        if !is_first && !self.entries_applied.is_multiple_of(ENTRIES_PER_LOOK) {
            return None;
        }
        self.claims[usize::from(group.0)] = Some(claim);
        Some(group)
    }

    fn instance(&mut self, spot: Spot, by: Source, seen: Seen) {
        assert!(
            self.setting.is_none() || matches!(seen, Seen::Returned(..)),
            "the result of set_alarm follows it at once"
        );
        let what = match seen {
            Seen::Called { op, call: Call::SetAlarm { time_ms }, .. } => {
                self.setting = Some((by, op, time_ms));
                return;
            }
            Seen::Called { op, call, allow_concurrency } => {
                What::Op { op: op.0, call: storage_call(call), allow_concurrency }
            }
            Seen::Returned(op, reply) => What::OpResult { op: op.0, result: self.returned(spot, op, reply) },
            Seen::Started { for_alarm } => {
                self.counts.instances += 1;
                let slice = Some(by.object.slice(self.config.slices).0);
                let cause = Some(if for_alarm { Cause::Alarm } else { Cause::Request });
                What::InstanceStart { cause, slice }
            }
            Seen::Constructed { failed } => What::ConstructorEnd { failed },
            Seen::Ended(ended) => What::InstanceEnd { reason: end_reason(ended) },
            Seen::Gate { closed } => What::Gate { closed },
            Seen::DeliveredRequest(request) => {
                What::Deliver { delivery: Delivery::Request { request: request.0 } }
            }
            Seen::RequestStarted { request, asks } => {
                let (head, body) = asked(*asks);
                What::RequestStart { request: request.0, head, body: Some(body) }
            }
            Seen::RequestEnded(request) => What::RequestEnd { request: request.0 },
            Seen::DeliveredAlarm(run) => What::Deliver { delivery: Delivery::Alarm { run: run.as_u64() } },
            Seen::DeliveredResult(op) => What::Deliver { delivery: Delivery::Result { op: op.0 } },
            Seen::Awaits(op, kind) => What::Await { op: op.0, kind: await_kind(kind) },
            Seen::RunStarted { run, alarm, scheduled_ms, retry_count } => {
                self.run_started(run, alarm, scheduled_ms, retry_count)
            }
            Seen::RunEnded { run, outcome } => {
                What::RunEnd { run: run.as_u64(), outcome: run_outcome(outcome, &mut self.counts) }
            }
            Seen::Responded { request, response: Response { status, headers: told, body } } => {
                What::Respond { request: request.0, status, headers: headers(&told), body: blob(body) }
            }
            Seen::CalledOut { call, op, service, request } => {
                let call = self.call_of(spot.machine, spot.life, call).number;
                let (head, body) = asked(*request);
                What::Outbound { call, service, head, body, op: Some(op.0) }
            }
            Seen::Slept { op, for_ms } => What::Timer { op: op.0, for_ms },
            Seen::Told { name, kind, held } => {
                What::Promise { name: name.into(), kind: promise_kind(kind), held }
            }
        };
        self.by(spot, by, what);
    }

    fn run_started(&mut self, run: Stamp, alarm: Stamp, scheduled_ms: i64, retry_count: u32) -> What {
        self.counts.runs_started += 1;
        // F7: `is_retry` is not observed on its own; object code computes it from the count, as the contract does.
        let is_retry = retry_count > 0;
        self.counts.runs_retried += u64::from(is_retry);
        What::RunStart {
            run: run.as_u64(),
            alarm: Some(alarm_id(alarm)),
            scheduled_ms,
            retry_count,
            is_retry,
        }
    }

    /// The result of an operation. If it is that of a `set_alarm`, the call itself is recorded first: only now it is
    /// known what was stored (A6) and under which identity (A10).
    fn returned(&mut self, spot: Spot, op: OpId, reply: Reply) -> OpResult {
        let Some((source, set, time_ms)) = self.setting.take() else { return op_result(reply) };
        assert_eq!(set, op, "the result of set_alarm follows it at once");
        let (scheduled_ms, alarm, result) = match reply {
            Reply::AlarmSet { alarm, scheduled_ms } => (scheduled_ms, Some(alarm_id(alarm)), OpResult::Done),
            refused => (time_ms, None, op_result(refused)),
        };
        let call = StorageCall::SetAlarm { time_ms, scheduled_ms, alarm };
        self.by(spot, source, What::Op { op: op.0, call, allow_concurrency: false });
        result
    }
}

impl Spot {
    fn place(self) -> Place {
        Place { machine: self.machine.0, wall_ns: self.wall_ns }
    }
}

/// L4: a replica whose disk was lost is built anew within this of the fault.
const REBUILD_MS: u64 = 120_000;

/// The constants of a run, as far as the rules use them and the plan tells.
pub(crate) fn header(plan: &Plan) -> Header {
    let config = plan.config();
    let datacenter_of = (0..config.machines()).map(|machine| config.datacenter_of(MachineId(machine)).0);
    let contract = Constants::of_the_contract(plan.wall_error_max_ms(), plan.network.round_trip_max_ms());
    let (run_limit_ms, constructor_limit_ms) = (config.run_limit_ms, config.constructor_limit_ms);
    Header {
        version: VERSION,
        product: "reveille".to_owned(),
        scenario: plan.scenario.clone(),
        seed: Some(plan.seed),
        datacenter_of: datacenter_of.collect(),
        wall_zero_ns: Some(WALL_EPOCH_NS),
        system_group: Some(config.system_group().0),
        alarm_classes: None,
        echoes: Vec::new(),
        omits: Vec::new(),
        constants: Constants {
            run_limit_ms,
            constructor_limit_ms,
            rebuild_ms: Some(REBUILD_MS),
            queue_bound: Some(REQUESTS_MAX as u64),
            outbound_limit_ms: Some(config.outside_timeout_ms),
            ..contract
        },
    }
}

fn alarm_id(stamp: Stamp) -> AlarmId {
    AlarmId(stamp.as_u64())
}
