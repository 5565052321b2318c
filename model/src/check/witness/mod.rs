//! The witness held against the account: what clients, services, links, disks and processes show, and what the system tells
//! of itself (SPEC.md, "The witness principle"). W1: a difference is a violation. W2: a request is answered.
//!
//! | file | what it holds together |
//! |---|---|
//! | [`calls`] | requests to outside services and their answers: told, left, arrived, answered, returned, given |
//! | [`answers`] | answers to clients: told, left, got |
//! | [`timers`] | O3, W2: the ends of timers: not early, and in calm not late |
//! | [`promptness`] | W2: how long a request waits in calm, and for what |
//! | [`deliveries`] | O1: a request reaches object code once |
//! | [`echo`] | what object code says it was given, and what the account says that it gave |
//! | [`disks`] | what was claimed durable, and what disks hold |
//! | [`processes`] | what a machine does, and whether it runs |
//!
//! Only what is under way is held, and of what is over the last few thousand.

mod answers;
mod calls;
mod deliveries;
mod disks;
mod echo;
mod processes;
mod promptness;
mod timers;

use self::answers::{Answers, Request};
use self::calls::{Calls, Said, Sent};
use self::deliveries::Deliveries;
use self::disks::{Disks, Held};
use self::echo::Echoes;
use self::processes::Processes;
use super::case::Case;
use super::cluster::faults::Faults;
use super::cluster::lateness::Pace;
use super::coverage::Kinds;
use super::object::life;
use super::object::requests::Requests;
use super::report::Reports;
use super::{Objects, ns};
use crate::history::{Constants, Delivery, EndReason, Event, Header, ObjectName, OpResult, Outcome, What};
use crate::reference::Mark;
use crate::reference::object::Object;
use crate::reference::waits::{Item, Open};
use crate::rules::Id;

/// W1, W2: within which time what has come has to be passed on.
const WITHIN_NS: u64 = 10_000_000_000;

/// W1: what has left and is neither there nor lost is missing so long after.
const MISSING_AFTER_NS: u64 = 60_000_000_000;

/// How many things are held that are under way, of each kind. A history that never tells an end has more.
const UNDER_WAY_MAX: usize = 1 << 16;

/// What the witness and the account have told so far.
#[derive(Debug)]
pub(super) struct Witness {
    deliveries: Deliveries,
    answers: Answers,
    calls: Calls,
    echoes: Echoes,
    disks: Disks,
    processes: Processes,
}

/// An event, with all that judging it takes.
pub(super) struct Scene<'a> {
    pub(super) constants: &'a Constants,
    pub(super) faults: &'a Faults,
    pub(super) reports: &'a mut Reports,
    pub(super) pace: &'a Pace,
    pub(super) mark: Mark,
}

impl Scene<'_> {
    fn report(&mut self, rule: Id, object: Option<&ObjectName>, evidence: &[Mark], sentences: String) {
        self.reports.add(rule, object, self.mark.at_ns, evidence, sentences);
    }

    /// W1: account and witness differ, if the history tells of such things at all.
    fn differs(&mut self, told_by: Kinds, object: Option<&ObjectName>, evidence: &[Mark], sentences: String) {
        let rule = Id::W1;
        self.reports.add_if_ever(told_by, rule, object, self.mark.at_ns, evidence, sentences);
    }

    /// W2, Load: how long something may take that is owed since then, where nothing is at work.
    fn within_ns(&self, since_ns: u64) -> u64 {
        WITHIN_NS.saturating_add(self.pace.load.widest_ns(since_ns, self.mark.at_ns))
    }

    /// D8: whether a fault has harmed what the disk of a machine held. That the machine says so does not excuse it.
    fn is_disk_damaged(&self, machine: u16) -> bool {
        self.faults.lost_disk(machine, self.pace.datacenter(machine)).is_some()
    }

    /// W2: something is not there in time, if the history tells of such things at all.
    fn owes(&mut self, told_by: Kinds, object: Option<&ObjectName>, evidence: &[Mark], sentences: String) {
        let rule = Id::W2;
        self.reports.add_if_ever(told_by, rule, object, self.mark.at_ns, evidence, sentences);
    }

    /// W2, L2: whether a request is to be answered in time: nothing has been at work since it reached its machine and in the time of
    /// L2 before, or what is at work has been so since long before it was sent, and leaves its machine alone.
    fn is_owed(&self, asked: &Request, slice: Option<u16>) -> bool {
        let Some((arrived, machine)) = asked.arrived else { return false };
        let is_left_alone = |machine: u16| {
            self.faults.leave_alone(self.constants, self.pace, machine, slice, asked.sent.at_ns)
        };
        self.is_calm_since(arrived.at_ns) || machine.is_some_and(is_left_alone)
    }

    /// W2: whether nothing has been at work from the time of L2 before that moment on, or since the run began.
    fn is_calm_since(&self, since_ns: u64) -> bool {
        let before_ns = ns(self.constants.lateness_failures_ms);
        let calm_ns = self.faults.calm_since_ns();
        calm_ns.is_some_and(|calm_ns| calm_ns == 0 || calm_ns.saturating_add(before_ns) <= since_ns)
    }
}

impl Witness {
    pub(super) fn new(header: &Header) -> Self {
        Witness {
            deliveries: Deliveries::default(),
            answers: Answers::default(),
            calls: Calls::default(),
            echoes: Echoes::new(&header.echoes),
            disks: Disks::default(),
            processes: Processes::default(),
        }
    }

    /// Whether an event may say anything to [`Witness::observe`]: most are of instances on machines that run.
    pub(super) fn concerns(&self, event: &Event) -> bool {
        event.by.is_none() || self.processes.is_any_out()
    }

    /// Any event that concerns it, before all else.
    pub(super) fn observe(&mut self, mut scene: Scene<'_>, event: &Event, known: &mut Known<'_>) {
        let machine = event.place.map(|place| place.machine);
        self.processes.observe(&mut scene, machine, event);
        if event.by.is_some() {
            return;
        }
        match &event.what {
            What::Call { request, to, head, body } => {
                self.deliveries.sent(*request);
                self.answers.asked(*request, to, (head, body), scene.mark);
            }
            What::RequestArrive { request } => {
                if self.answers.arrives(*request, scene.mark, machine)
                    && let Some(object) = known.of_request(*request)
                {
                    waits(&scene, object, Item::Request(*request));
                }
            }
            What::Return { request, outcome } => {
                let mut slice = None;
                if let Some(object) = known.of_request(*request) {
                    slice = slice_of(object);
                    if let Some(waited) = object.waits.take(Item::Request(*request), scene.mark.at_ns) {
                        self.answers.still_waits(&mut scene, *request, waited, slice);
                    }
                    if let Some(given) = object.waits.take_given(*request) {
                        self.answers.still_runs(&mut scene, given, slice);
                    }
                }
                self.answers.returned(&mut scene, *request, outcome, slice);
            }
            What::AnswerLeave { request, outcome } => {
                if let Outcome::Refused { .. } = outcome {
                    self.deliveries.refused(&mut scene, *request);
                }
                let slice = known.of_request(*request).and_then(|object| slice_of(object));
                self.answers.leaves(&mut scene, *request, outcome, machine, slice);
            }
            What::AnswerLost { request } => self.answers.lost(*request),
            What::OutboundLeave { call, service, head, body } => {
                self.calls.leaves(&mut scene, machine, *call, (service, head, body));
            }
            What::OutboundArrive { call, service, head, body } => {
                self.calls.arrives(&mut scene, *call, service.as_deref(), head, body.as_ref());
            }
            What::OutboundAnswer { call, status, headers, body } => {
                self.calls.answered(scene.mark, *call, Said::of(*status, headers, body.as_ref()));
            }
            What::OutboundLost { call } => self.calls.lost(*call),
            What::OutboundReturn { call, status, headers, body } => {
                let said = Said::of(*status, headers, body.as_ref());
                let waiting = self.calls.comes_back(&mut scene, machine, *call, said);
                if let Some((position, open)) = waiting
                    && let Some(object) =
                        known.at(position).filter(|object| object.waits.calls.contains(&open))
                {
                    waits(&scene, object, Item::Answer(open));
                }
            }
            What::OnDisk { object, instance, turn, replicas, held_by } => {
                let held = Held { replicas, held_by };
                self.disks.observe(&mut scene, object, *instance, *turn, &held);
            }
            _ => {}
        }
    }

    /// What an instance does, before the model follows it. `position` is that of its object.
    pub(super) fn instance(
        &mut self,
        case: &mut Case<'_>,
        object: &mut Object,
        position: usize,
        what: &What,
    ) {
        let (by, name) = (case.by, case.name);
        match what {
            What::ConstructorEnd { failed: Some(_) } => self.constructor_fails(name, object),
            What::InstanceStart { .. } => {
                if is_constructing(object) {
                    self.constructor_fails(name, object);
                }
                object.waits.forget(by.instance.saturating_sub(1), case.mark.at_ns);
                object.waits.forget_given(by.instance);
                self.echoes.starts(case);
            }
            What::InstanceEnd { reason } => {
                if is_constructing(object) {
                    self.constructor_fails(name, object);
                }
                object.waits.forget(by.instance, case.mark.at_ns);
                // A machine that a fault keeps from others may lose what it holds in the middle of it, and what it was given is
                // given to nobody else (O1): as with one that is lost, nobody can answer then.
                let is_left = match reason {
                    EndReason::Evicted => true,
                    EndReason::Moved => {
                        let machine = case.place.map(|place| place.machine);
                        let Scene { faults, pace, .. } = scene(case);
                        machine.is_none_or(|machine| faults.spare(pace, machine))
                    }
                    _ => false,
                };
                object.waits.leave_given(by.instance, case.mark, !is_left);
                self.echoes.ends(case);
            }
            What::Deliver { delivery: Delivery::Request { request } } => {
                self.deliveries.given(&mut scene(case), *request, name);
                self.answers.given(&mut scene(case), *request);
                let slice = slice_of(object);
                if let Some(waited) = object.waits.take(Item::Request(*request), case.mark.at_ns) {
                    self.answers.delivered(&mut scene(case), *request, waited, slice);
                }
                object.waits.turns_are_over(by.instance, by.turn.saturating_sub(1), case.mark);
                object.waits.give(*request, by.instance);
            }
            What::RequestStart { request, head, body } => {
                self.answers.starts(&mut scene(case), *request, head, body.as_ref());
            }
            What::RequestEnd { request } => object.waits.make(*request, by.instance, case.mark),
            What::Deliver { .. } => {
                object.waits.turns_are_over(by.instance, by.turn.saturating_sub(1), case.mark);
            }
            What::Respond { request, status, headers, body } => {
                if let Some(given) = object.waits.take_given(*request) {
                    self.answers.responds(&mut scene(case), given, by.turn, slice_of(object));
                }
                self.echoes.responds(case, *request, *status, body);
                self.answers.told(case.mark, *request, || Outcome::Answered {
                    status: *status,
                    headers: headers.clone(),
                    body: body.clone(),
                });
            }
            What::Outbound { call, service, head, body, op } => {
                let told = calls::Told {
                    mark: case.mark,
                    machine: case.place.map(|place| place.machine),
                    sent: Sent { service: service.clone(), head: head.clone(), body: body.clone() },
                    object: position,
                    name: case.name.clone(),
                    instance: by.instance,
                    op: *op,
                };
                self.calls.told(*call, told);
                object.waits.calls.extend(op.map(|op| Open { instance: by.instance, op, call: *call }));
            }
            What::Op { op, call, .. } => self.echoes.called(case, *op, call),
            What::OpResult { op, result } => {
                self.echoes.result(case, *op, result);
                self.given(case, object, *op, result);
                promptness::resulted(case, object, *op);
                timers::ended(case, object, *op);
            }
            What::Commit { .. } => {
                self.disks.claimed(case.name, by);
                object.waits.turns_are_over(by.instance, by.turn, case.mark);
            }
            _ => {}
        }
    }

    /// O4: so fails the event that the instance was made for.
    fn constructor_fails(&mut self, name: &ObjectName, object: &mut Object) {
        object.waits.fail_first_request();
        self.answers.constructor_failed(name);
    }

    /// The same when the model has followed it: whether the object's gate lets anything in from now on.
    pub(super) fn followed(&self, case: &Case<'_>, object: &mut Object) {
        if !object.waits.is_empty() {
            let is_closed = is_closed(case.reports, object);
            object.waits.set_closed(is_closed, case.mark.at_ns);
        }
    }

    /// W1: object code is given the result of a call to an outside service.
    fn given(&mut self, case: &mut Case<'_>, object: &mut Object, op: u64, result: &OpResult) {
        let Some(open) = object.waits.answered(case.by.instance, op) else { return };
        let now_ns = case.mark.at_ns;
        let waited = object.waits.take(Item::Answer(open), now_ns);
        let out_ns = match (case.place, waited) {
            (Some(place), Some(waited)) => {
                self.processes.out_ns_since(place.machine, waited.since.at_ns, now_ns)
            }
            _ => 0,
        };
        self.calls.given(&mut scene(case), open.call, result, waited, out_ns);
    }

    /// An object at the end of the run: what still waits for its code.
    pub(super) fn end_of_object(&mut self, scene: &mut Scene<'_>, name: &ObjectName, object: &mut Object) {
        for waited in object.waits.take_all(scene.mark.at_ns) {
            match waited.item {
                Item::Request(request) => {
                    self.answers.still_waits(scene, request, waited, slice_of(object));
                }
                // Without it nobody is there to be given anything.
                Item::Answer(open) if is_living(object, open.instance) => {
                    self.calls.still_waits(scene, name, waited, open.call, &self.processes);
                }
                Item::Answer(_) => {}
            }
        }
        for given in object.waits.take_all_given() {
            self.answers.still_runs(scene, given, slice_of(object));
        }
        promptness::without_result(scene, name, object, &self.processes);
        timers::without_end(scene, name, object, &self.processes);
    }

    /// The run is over.
    pub(super) fn end_of_run(&mut self, scene: &mut Scene<'_>) {
        self.calls.end_of_run(scene, &self.processes);
        self.answers.end_of_run(scene);
    }
}

/// The objects of the history, by what leads to them.
pub(super) struct Known<'a> {
    pub(super) objects: &'a mut Objects,
    pub(super) requests: &'a Requests,
}

impl Known<'_> {
    /// The object that a request is for whose client still waits.
    fn of_request(&mut self, request: u64) -> Option<&mut Object> {
        self.at(self.requests.object_of(request)?)
    }

    fn at(&mut self, position: usize) -> Option<&mut Object> {
        self.objects.get_index_mut(position).map(|(_, object)| object)
    }
}

/// Something waits for an object's code from now on.
fn waits(scene: &Scene<'_>, object: &mut Object, item: Item) {
    let is_closed = is_closed(scene.reports, object);
    object.waits.add(item, scene.mark, is_closed);
}

/// The slice that an object belongs to, where the history tells.
fn slice_of(object: &Object) -> Option<u16> {
    object.current.as_ref().and_then(|current| current.slice)
}

/// Whether an instance is the one that lives.
fn is_living(object: &Object, instance: u64) -> bool {
    let current = object.current.as_ref();
    current.is_some_and(|current| current.instance == instance && current.ended.is_none())
}

/// Whether the constructor of the object's living instance runs.
fn is_constructing(object: &Object) -> bool {
    let current = object.current.as_ref().filter(|current| current.ended.is_none());
    current.is_some_and(life::is_constructing)
}

/// Whether the object lets nothing in.
fn is_closed(reports: &Reports, object: &Object) -> bool {
    let current = object.current.as_ref().filter(|current| current.ended.is_none());
    current.is_some_and(|current| life::closed_since_ns(reports, current).is_some())
}

/// The event of an instance, for what is not about instances.
fn scene<'a>(case: &'a mut Case<'_>) -> Scene<'a> {
    Scene {
        constants: case.constants,
        faults: case.faults,
        reports: case.reports,
        pace: case.pace,
        mark: case.mark,
    }
}
