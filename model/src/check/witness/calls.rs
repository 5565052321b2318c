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
use crate::history::{Blob, ObjectName, OpResult};
use crate::reference::Mark;
use crate::reference::waits::{Open, Waited};
use crate::rules::Id;

/// How many calls are remembered that are over: one that arrives twice does so soon.
const OVER_MAX: usize = 4_096;

/// The calls that are under way, and the last ones that are over.
#[derive(Debug, Default)]
pub(super) struct Calls {
    open: BTreeMap<u64, Call>,
    /// Those that are over, with where they arrived.
    over: Recent<u64, Option<Mark>, OVER_MAX>,
}

/// What the account tells of a call.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) mark: Mark,
    pub(super) machine: Option<u16>,
    pub(super) service: Arc<str>,
    pub(super) body: Blob,
    /// The position of its object, and its name.
    pub(super) object: usize,
    pub(super) name: ObjectName,
    pub(super) instance: u64,
    pub(super) op: Option<u64>,
}

/// A call that is under way.
#[derive(Debug, Default)]
struct Call {
    told: Option<Told>,
    left: Option<(Mark, Arc<str>, Blob)>,
    arrived: Option<Mark>,
    answered: Option<(Mark, Option<u16>)>,
    returned: Option<(Mark, Option<u16>)>,
    is_lost: bool,
}

impl Call {
    fn object(&self) -> Option<&ObjectName> {
        self.told.as_ref().map(|told| &told.name)
    }

    /// Whether its limit of time had passed then, so that it has failed.
    fn is_overtime(&self, scene: &Scene<'_>, then_ns: u64) -> bool {
        let began = self.left.as_ref().map(|(left, ..)| *left).or(self.told.as_ref().map(|told| told.mark));
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
    pub(super) fn leaves(&mut self, scene: &mut Scene<'_>, call: u64, service: &Arc<str>, body: &Blob) {
        let mark = scene.mark;
        scene.reports.saw(Id::W1);
        let known = self.call(call);
        known.left.get_or_insert_with(|| (mark, service.clone(), body.clone()));
        let Some(told) = &known.told else {
            let sentences = format!(
                "Call {call} to {service} was seen to leave at {}, and no object tells by then that it has made it.",
                Seconds(mark.at_ns)
            );
            return scene.differs(Kinds::OUTBOUND, None, &[mark], sentences);
        };
        if (&told.service, &told.body) != (service, body) {
            let sentences = format!(
                "{} says at {} that it sends {:?} to {} (call {call}); what was seen to leave is {body:?} to {service}.",
                told.name,
                Seconds(told.mark.at_ns),
                told.body,
                told.service,
            );
            scene.report(Id::W1, Some(&told.name), &[told.mark, mark], sentences);
        }
    }

    /// The service receives it.
    pub(super) fn arrives(
        &mut self,
        scene: &mut Scene<'_>,
        call: u64,
        service: Option<&str>,
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
        let Some((left, to, sent)) = &known.left else {
            return never_left(scene, call);
        };
        scene.reports.saw(Id::W1);
        let is_other =
            service.is_some_and(|service| *service != **to) || body.is_some_and(|body| body != sent);
        if is_other {
            let sentences = format!(
                "Call {call} left for {to} at {} with {sent:?}; what arrived at {} at {} is {:?}.",
                Seconds(left.at_ns),
                service.unwrap_or(to),
                Seconds(mark.at_ns),
                body.unwrap_or(sent),
            );
            let left = *left;
            scene.report(Id::W1, known.object(), &[left, mark], sentences);
        }
    }

    /// The service has decided on its answer.
    pub(super) fn answered(&mut self, mark: Mark, call: u64, status: Option<u16>) {
        if let Some(known) = self.open.get_mut(&call) {
            known.answered.get_or_insert((mark, status));
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
        call: u64,
        status: Option<u16>,
    ) -> Option<(usize, Open)> {
        let known = self.open.get_mut(&call)?;
        let mark = scene.mark;
        known.returned.get_or_insert((mark, status));
        let said = known.answered.map(|(_, status)| status);
        // A connection that fails gives no answer, whatever the service has said.
        let is_its = status.is_none_or(|status| said == Some(Some(status)));
        if !is_its {
            let sentences = format!(
                "The answer {} to call {call} reached its machine at {}; the service had {}.",
                status.unwrap_or_default(),
                Seconds(mark.at_ns),
                said.flatten().map_or("said nothing".to_owned(), |said| format!("answered {said}")),
            );
            let evidence: Vec<Mark> = known.answered.iter().map(|(at, _)| *at).chain([mark]).collect();
            scene.differs(Kinds::OUTBOUND_ANSWER, known.object(), &evidence, sentences);
        }
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
        if let OpResult::Answer { status } = result {
            scene.reports.saw(Id::W1);
            let came = known.returned.and_then(|(_, status)| status);
            if came != Some(*status) {
                let sentences = format!(
                    "The code of an object was given the answer {status} to call {call} at {}; {}.",
                    Seconds(mark.at_ns),
                    match known.returned {
                        None => "no answer was seen to reach its machine by then".to_owned(),
                        Some((_, None)) =>
                            "what had reached its machine is that the connection failed".to_owned(),
                        Some((_, Some(came))) => format!("what had reached its machine is {came}"),
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
        let machine = known.told.as_ref().and_then(|told| told.machine);
        let out_ns = machine
            .map_or(0, |machine| processes.out_ns_since(machine, waited.since.at_ns, scene.mark.at_ns));
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
        scene.report(Id::W1, Some(name), &[waited.since, scene.mark], sentences);
    }

    /// The history is over: what has left and is neither there nor lost is missing.
    pub(super) fn end_of_run(&mut self, scene: &mut Scene<'_>, processes: &Processes) {
        let now_ns = scene.mark.at_ns;
        let is_old = |mark: Mark, after_ns| now_ns.saturating_sub(mark.at_ns) >= after_ns;
        for (call, known) in std::mem::take(&mut self.open) {
            let told = known.told.as_ref();
            let (from, what, told_by) = match (&known.left, known.arrived, known.answered) {
                (None, None, _) => {
                    let Some(told) = told.filter(|told| is_old(told.mark, WITHIN_NS)) else { continue };
                    let ran =
                        told.machine.is_none_or(|machine| !processes.died_since(machine, told.mark.at_ns));
                    if ran {
                        let sentences = format!(
                            "{} says at {} that it sends {:?} to {} (call {call}); nothing was seen to leave.",
                            told.name,
                            Seconds(told.mark.at_ns),
                            told.body,
                            told.service,
                        );
                        scene.differs(Kinds::OUTBOUND_LEAVE, Some(&told.name), &[told.mark], sentences);
                    }
                    continue;
                }
                (Some((left, ..)), None, _) => (*left, "left for its service", Kinds::OUTBOUND_ARRIVE),
                (_, Some(_), Some((answered, _))) if known.returned.is_none() => {
                    (answered, "was answered by its service", Kinds::OUTBOUND_RETURN)
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
