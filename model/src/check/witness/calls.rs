//! Requests to outside services (W1): what the account tells that left, what was seen to leave, what the service received, what it
//! answered, what came back, and what object code was given. By call, never by body: a rerun sends the same body again.
//!
//! ```text
//!  outbound ── outbound_leave ── outbound_arrive ── outbound_answer ── outbound_return ── op_result
//!  account     witness           witness            witness            witness            account
//!              `- equal bytes; each arrives once, or its link has lost it -'   `- within 10 s -'
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::coverage::Kinds;
use super::super::ns;
use super::super::recent::Recent;
use super::super::report::Seconds;
use super::processes::Processes;
use super::{MISSING_AFTER_NS, Scene, UNDER_WAY_MAX, WITHIN_NS};
use crate::history::{Blob, Head, Headers, ObjectName, OpResult};
use crate::reference::Mark;
use crate::reference::waits::{Open, Waited};
use crate::rules::Id;

/// How many calls are remembered that are over: one that arrives twice does so soon.
const OVER_MAX: usize = 4_096;

/// The calls that are under way, and the last ones that are over.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// In boxes, since a map moves what it holds.
    open: BTreeMap<u64, Box<Call>>,
    /// Those that are over, with where they arrived.
    over: Recent<u64, Option<Mark>, OVER_MAX>,
}

/// What the account tells of a call.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) mark: Mark,
    pub(super) machine: Option<u16>,
    pub(super) sent: Sent,
    /// The position of its object, and its name.
    pub(super) object: usize,
    pub(super) name: ObjectName,
    pub(super) instance: u64,
    pub(super) op: Option<u64>,
}

/// What a call says, and to whom.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) service: Arc<str>,
    pub(super) head: Head,
    pub(super) body: Blob,
}

/// What a service answers: none of it where it has failed without an answer.
#[derive(Clone, Debug)]
pub(super) struct Said {
    status: Option<u16>,
    headers: Headers,
    body: Option<Blob>,
}

impl Said {
    pub(super) fn of(status: Option<u16>, headers: &Headers, body: Option<&Blob>) -> Said {
        Said { status, headers: headers.clone(), body: body.cloned() }
    }

    /// Whether both say the same, as far as both are told. Whoever tells a body tells all of it.
    fn agrees_with(&self, other: &Said) -> bool {
        let is_told = self.body.is_some() && other.body.is_some();
        self.status == other.status
            && (!is_told || (&self.headers, &self.body) == (&other.headers, &other.body))
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(status) = self.status else { return f.write_str("no answer") };
        write!(f, "{status}")?;
        if !self.headers.is_empty() {
            write!(f, " {:?}", self.headers)?;
        }
        self.body.iter().try_for_each(|body| write!(f, " {body:?}"))
    }
}

impl Sent {
    /// Whether it says this, to this service.
    fn is(&self, service: &str, head: &Head, body: &Blob) -> bool {
        *self.service == *service && self.head == *head && self.body == *body
    }
}

impl std::fmt::Display for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Sent { service, head, body } = self;
        write!(f, "{head}{body:?} to {service}")
    }
}

impl Told {
    /// A call leaves the machine of the instance that has made it, and its answer comes back there.
    fn is_on_its_machine(&self, scene: &mut Scene<'_>, machine: Option<u16>, call: u64, what: &str) {
        let (Some(home), Some(machine)) = (self.machine, machine) else { return };
        if home == machine {
            return;
        }
        let sentences = format!(
            "{} says at {} on machine {home} that it sends call {call}; the call {what} at {} on machine {machine}.",
            self.name,
            Seconds(self.mark.at_ns),
            Seconds(scene.mark.at_ns),
        );
        scene.report(Id::W1, Some(&self.name), &[self.mark, scene.mark], sentences);
    }
}

/// A call that is under way.
#[derive(Debug, Default)]
struct Call {
    told: Option<Told>,
    /// When it was seen to leave, and as what if that is not what the account tells.
    left: Option<(Mark, Option<Sent>)>,
    arrived: Option<Mark>,
    answered: Option<(Mark, Said)>,
    returned: Option<(Mark, Said)>,
    is_lost: bool,
}

impl Call {
    fn object(&self) -> Option<&ObjectName> {
        self.told.as_ref().map(|told| &told.name)
    }

    /// What was seen to leave, and when.
    fn sent(&self) -> Option<(Mark, &Sent)> {
        let (left, other) = self.left.as_ref()?;
        Some((*left, other.as_ref().or(self.told.as_ref().map(|told| &told.sent))?))
    }

    /// Whether its limit of time had passed then, so that it has failed.
    fn is_overtime(&self, scene: &Scene<'_>, then_ns: u64) -> bool {
        let began = self.left.as_ref().map(|(left, _)| *left).or(self.told.as_ref().map(|told| told.mark));
        let passed_ns = began.map_or(0, |began| then_ns.saturating_sub(began.at_ns));
        scene.constants.outbound_limit_ms.is_some_and(|limit_ms| {
            let drift_ns = ns(limit_ms) / 1_000_000 * scene.constants.drift_max_ppm;
            passed_ns.saturating_add(drift_ns) >= ns(limit_ms)
        })
    }

    /// Whether its answer has waited for its instance for longer than it may. `out_ns`: for how long the machine did not run meanwhile.
    fn is_late(&self, scene: &Scene<'_>, waited: &Waited, out_ns: u64) -> bool {
        let let_in_ns = waited.open_ns.saturating_sub(out_ns);
        let due_ns = scene.mark.at_ns.saturating_sub(let_in_ns.saturating_sub(WITHIN_NS));
        let_in_ns > WITHIN_NS && !self.is_overtime(scene, due_ns)
    }
}

impl Calls {
    fn call(&mut self, call: u64) -> &mut Call {
        if self.open.len() >= UNDER_WAY_MAX && !self.open.contains_key(&call) {
            self.open.pop_first();
        }
        self.open.entry(call).or_default()
    }

    /// The account: a call leaves.
    pub(super) fn told(&mut self, call: u64, told: Told) {
        self.call(call).told.get_or_insert(told);
    }

    /// The witness: a call leaves.
    pub(super) fn leaves(
        &mut self,
        scene: &mut Scene<'_>,
        machine: Option<u16>,
        call: u64,
        (service, head, body): (&Arc<str>, &Head, &Blob),
    ) {
        let mark = scene.mark;
        scene.reports.saw(Id::W1);
        let known = self.call(call);
        let is_told = |told: &Told| told.sent.is(service, head, body);
        let other = || Sent { service: service.clone(), head: head.clone(), body: body.clone() };
        if known.left.is_none() {
            known.left = Some((mark, (!known.told.as_ref().is_some_and(is_told)).then(other)));
        }
        let Some(told) = &known.told else {
            let sentences = format!(
                "Call {call} to {service} was seen to leave at {}, and no object tells by then that it has made it.",
                Seconds(mark.at_ns)
            );
            return scene.differs(Kinds::OUTBOUND, None, &[mark], sentences);
        };
        if !is_told(told) {
            let sentences = format!(
                "{} says at {} that it sends {} (call {call}); what was seen to leave is {}.",
                told.name,
                Seconds(told.mark.at_ns),
                told.sent,
                other(),
            );
            return scene.report(Id::W1, Some(&told.name), &[told.mark, mark], sentences);
        }
        told.is_on_its_machine(scene, machine, call, "was seen to leave");
    }

    /// The service receives it.
    pub(super) fn arrives(
        &mut self,
        scene: &mut Scene<'_>,
        call: u64,
        service: Option<&str>,
        head: &Head,
        body: Option<&Blob>,
    ) {
        let mark = scene.mark;
        let known = self.open.get_mut(&call);
        let before = match &known {
            Some(known) => known.arrived,
            None => self.over.get(&call).copied().flatten(),
        };
        if let Some(before) = before {
            let sentences = format!(
                "Call {call} arrived at its service at {}, and again at {}.",
                Seconds(before.at_ns),
                Seconds(mark.at_ns)
            );
            let object = known.and_then(|known| known.object().cloned());
            return scene.report(Id::W1, object.as_ref(), &[before, mark], sentences);
        }
        let Some(known) = known else {
            return never_left(scene, call);
        };
        known.arrived = Some(mark);
        let Some((left, sent)) = known.sent() else {
            return never_left(scene, call);
        };
        scene.reports.saw(Id::W1);
        // Whoever tells what the service received tells all of it.
        let is_other = service.is_some_and(|service| *service != *sent.service)
            || body.is_some_and(|body| (head, body) != (&sent.head, &sent.body));
        if is_other {
            let sentences = format!(
                "Call {call} left for {} at {} with {}{:?}; what arrived at {} at {} is {head}{:?}.",
                sent.service,
                Seconds(left.at_ns),
                sent.head,
                sent.body,
                service.unwrap_or(&sent.service),
                Seconds(mark.at_ns),
                body.unwrap_or(&sent.body),
            );
            scene.report(Id::W1, known.object(), &[left, mark], sentences);
        }
    }

    /// The service has decided on its answer.
    pub(super) fn answered(&mut self, mark: Mark, call: u64, said: Said) {
        if let Some(known) = self.open.get_mut(&call) {
            known.answered.get_or_insert((mark, said));
        }
    }

    /// The link has lost the call or its answer, or nobody is there any more that waits for it.
    pub(super) fn lost(&mut self, call: u64) {
        if let Some(known) = self.open.get_mut(&call) {
            known.is_lost = true;
        }
    }

    /// The answer reaches the machine that called. Gives the position of its object, and the operation that waits for it there.
    pub(super) fn comes_back(
        &mut self,
        scene: &mut Scene<'_>,
        machine: Option<u16>,
        call: u64,
        came: Said,
    ) -> Option<(usize, Open)> {
        let known = self.open.get_mut(&call)?;
        if let Some(told) = &known.told {
            told.is_on_its_machine(scene, machine, call, "was answered");
        }
        let mark = scene.mark;
        let said = known.answered.as_ref();
        // A connection that fails gives no answer, whatever the service has said.
        let is_its = came.status.is_none() || said.is_some_and(|(_, said)| said.agrees_with(&came));
        if !is_its {
            let sentences = format!(
                "The answer {came} to call {call} reached its machine at {}; {}.",
                Seconds(mark.at_ns),
                said.map_or("the service had said nothing".to_owned(), |(_, said)| {
                    format!("the service had answered {said}")
                }),
            );
            let evidence: Vec<Mark> = said.iter().map(|(at, _)| *at).chain([mark]).collect();
            scene.differs(Kinds::OUTBOUND_ANSWER, known.object(), &evidence, sentences);
        }
        known.returned.get_or_insert((mark, came));
        let waits = known
            .told
            .as_ref()
            .filter(|_| !known.is_overtime(scene, mark.at_ns))
            .and_then(|told| Some((told.object, Open { instance: told.instance, op: told.op?, call })));
        if waits.is_none() {
            self.end(call);
        }
        waits
    }

    /// The account: object code is given the result of a call. `out_ns`: for how long its machine did not run meanwhile.
    pub(super) fn given(
        &mut self,
        scene: &mut Scene<'_>,
        call: u64,
        result: &OpResult,
        waited: Option<Waited>,
        out_ns: u64,
    ) {
        let Some(known) = self.open.get(&call) else { return };
        let mark = scene.mark;
        if let OpResult::Answer { status, headers, body } = result {
            scene.reports.saw(Id::W1);
            let given = Said::of(Some(*status), headers, body.as_ref());
            let came = known.returned.as_ref().map(|(_, came)| came);
            if came.is_none_or(|came| !came.agrees_with(&given)) {
                let sentences = format!(
                    "The code of an object was given the answer {given} to call {call} at {}; {}.",
                    Seconds(mark.at_ns),
                    match came {
                        None => "no answer was seen to reach its machine by then".to_owned(),
                        Some(Said { status: None, .. }) =>
                            "what had reached its machine is that the connection failed".to_owned(),
                        Some(came) => format!("what had reached its machine is {came}"),
                    }
                );
                let object = known.object().cloned();
                scene.differs(Kinds::OUTBOUND_RETURN, object.as_ref(), &[mark], sentences);
            }
        }
        if let Some(waited) = waited.filter(|waited| known.is_late(scene, waited, out_ns)) {
            let sentences = format!(
                "The answer to call {call} reached its machine at {} and was given to object code at {}, though the object let it \
                 in for {} of that time: it had to be there within 10 s.",
                Seconds(waited.since.at_ns),
                Seconds(mark.at_ns),
                Seconds(waited.open_ns),
            );
            scene.report(Id::W1, known.object(), &[waited.since, mark], sentences);
        }
        if known.returned.is_some() {
            self.end(call);
        }
    }

    /// The history is over, and the answer to a call still waits for its instance.
    pub(super) fn still_waits(
        &mut self,
        scene: &mut Scene<'_>,
        name: &ObjectName,
        waited: Waited,
        call: u64,
        processes: &Processes,
    ) {
        let Some(known) = self.open.get(&call) else { return };
        let (machine, since_ns) = (known.told.as_ref().and_then(|told| told.machine), waited.since.at_ns);
        if machine.is_some_and(|machine| processes.died_since(machine, since_ns)) {
            return;
        }
        let out_ns = machine.map_or(0, |machine| processes.out_ns_since(machine, since_ns, scene.mark.at_ns));
        if !known.is_late(scene, &waited, out_ns) {
            return;
        }
        let sentences = format!(
            "The answer to call {call} reached its machine at {} and was not given to the code of {name} by {}, though the object \
             let it in for {} of that time.",
            Seconds(waited.since.at_ns),
            Seconds(scene.mark.at_ns),
            Seconds(waited.open_ns),
        );
        // Where no end is told its instance may be gone.
        scene.differs(Kinds::INSTANCE_END, Some(name), &[waited.since, scene.mark], sentences);
    }

    /// The history is over: what has left and is neither there nor lost is missing.
    pub(super) fn end_of_run(&mut self, scene: &mut Scene<'_>, processes: &Processes) {
        let now_ns = scene.mark.at_ns;
        let is_old = |mark: Mark, after_ns| now_ns.saturating_sub(mark.at_ns) >= after_ns;
        for (call, known) in std::mem::take(&mut self.open) {
            let told = known.told.as_ref();
            let (from, what, told_by) = match (&known.left, known.arrived, &known.answered) {
                (None, None, _) => {
                    let Some(told) = told.filter(|told| is_old(told.mark, WITHIN_NS)) else { continue };
                    let ran =
                        told.machine.is_none_or(|machine| !processes.died_since(machine, told.mark.at_ns));
                    if ran {
                        let sentences = format!(
                            "{} says at {} that it sends {} (call {call}); nothing was seen to leave.",
                            told.name,
                            Seconds(told.mark.at_ns),
                            told.sent,
                        );
                        scene.differs(Kinds::OUTBOUND_LEAVE, Some(&told.name), &[told.mark], sentences);
                    }
                    continue;
                }
                (Some((left, _)), None, _) => (*left, "left for its service", Kinds::OUTBOUND_ARRIVE),
                (_, Some(_), Some((answered, _))) if known.returned.is_none() => {
                    (*answered, "was answered by its service", Kinds::OUTBOUND_RETURN)
                }
                _ => continue,
            };
            if known.is_lost || !is_old(from, MISSING_AFTER_NS) {
                continue;
            }
            let sentences = format!(
                "Call {call} {what} at {} and has not come any further at the end of the run, though its link did not lose it.",
                Seconds(from.at_ns)
            );
            scene.differs(told_by, known.object(), &[from], sentences);
        }
    }

    /// A call is over.
    fn end(&mut self, call: u64) {
        let Some(ended) = self.open.remove(&call) else { return };
        self.over.insert(call, ended.arrived);
    }
}

/// Something arrives at a service that no machine was seen to send.
fn never_left(scene: &mut Scene<'_>, call: u64) {
    let sentences = format!(
        "Call {call} arrived at its service at {}, and nothing was seen to leave under this number before.",
        Seconds(scene.mark.at_ns)
    );
    scene.differs(Kinds::OUTBOUND_LEAVE, None, &[scene.mark], sentences);
}
