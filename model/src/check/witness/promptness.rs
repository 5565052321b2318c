//! W2: in calm a request is answered within 10 s of the end of the last thing that it waits for outside the system. L2: so is one
//! that was sent long after the last change to a machine that what is at work leaves alone.
//!
//! ```text
//!  request_arrive ── gate closed: does not count ── deliver ── object code, services ── turns over ──── respond ──── answer_leave
//!  ╰───────── at most 10 s of open time ────────────╯                                   ╰ at most 10 s ─╯╰ at most 10 s ─╯
//! ```
//!
//! From `deliver` on it waits for its object's own turns and for services. The turn that makes the answer is over when `request_end`
//! says so; where that is not told, when the next one begins, or when what it wrote is told to be durable. A request that has no
//! answer waits in vain from `request_end` on, or from the end of its instance if that is not reset. What the system owes before that is judged as it comes due:
//! results of storage calls here, answers of services in [`super::calls`].

use std::collections::BTreeMap;

use super::super::case::Case;
use super::super::coverage::Kinds;
use super::super::report::Seconds;
use super::answers::Request;
use super::processes::Processes;
use super::{Scene, WITHIN_NS, scene};
use crate::history::ObjectName;
use crate::reference::Mark;
use crate::reference::conduct::{CallKind, Outstanding};
use crate::reference::instance::Instance;
use crate::reference::object::Object;
use crate::reference::waits::Waited;
use crate::rules::Id;

/// A request is delivered that has waited for its object.
pub(super) fn delivered(
    scene: &mut Scene<'_>,
    asked: &Request,
    request: u64,
    waited: Waited,
    slice: Option<u16>,
) {
    if !scene.is_owed(asked, slice) {
        return;
    }
    scene.reports.saw(Id::W2);
    if waited.open_ns <= scene.within_ns(waited.since.at_ns) {
        return;
    }
    let sentences = format!(
        "Request {request} reached a machine at {} and was given to the code of {} at {}. {}, and the object let it in for {} of \
         that time: it had to be there within 10 s.",
        Seconds(waited.since.at_ns),
        asked.object,
        Seconds(scene.mark.at_ns),
        at_work(scene),
        Seconds(waited.open_ns),
    );
    // Where no start is told, its constructor may have run for as long.
    let evidence = [waited.since, scene.mark];
    scene.owes(Kinds::INSTANCE_START, Some(&asked.object), &evidence, sentences);
}

/// An answer leaves its object. `made`: when it was seen that the turn that has made it was over.
pub(super) fn responded(
    scene: &mut Scene<'_>,
    asked: &Request,
    request: u64,
    made: Mark,
    slice: Option<u16>,
) {
    if !scene.is_owed(asked, slice) {
        return;
    }
    scene.reports.saw(Id::W2);
    if scene.mark.at_ns.saturating_sub(made.at_ns) <= scene.within_ns(made.at_ns) {
        return;
    }
    let sentences = format!(
        "The turn that answered request {request} to {} was over at {}. {}, and the answer left the object only at {}: it had to within \
         10 s.",
        asked.object,
        Seconds(made.at_ns),
        at_work(scene),
        Seconds(scene.mark.at_ns),
    );
    scene.report(Id::W2, Some(&asked.object), &[made, scene.mark], sentences);
}

/// Since when nothing but the system keeps the answer to a request from leaving its object.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owed {
    /// Its code has made it.
    Made(Mark),
    /// Its instance has left memory, and was not reset.
    Left(Mark),
}

/// Object code was given a request, and its answer had not left the object when its client gave up, or the history was over.
pub(super) fn never_responded(
    scene: &mut Scene<'_>,
    asked: &Request,
    request: u64,
    owed: Owed,
    slice: Option<u16>,
) {
    // One that has left all the same is held against the account.
    if asked.left.is_some() || !may_wait(scene) || !scene.is_owed(asked, slice) {
        return;
    }
    scene.reports.saw(Id::W2);
    let (Owed::Made(since) | Owed::Left(since)) = owed;
    if scene.mark.at_ns.saturating_sub(since.at_ns) <= scene.within_ns(since.at_ns) {
        return;
    }
    let what = match owed {
        Owed::Made(_) => format!("The code of {} had answered request {request} by", asked.object),
        Owed::Left(_) => {
            format!(
                "The instance of {} that was given request {request} left memory without a reset at",
                asked.object
            )
        }
    };
    let sentences = format!(
        "{what} {}, and at {} no answer had left the object. {}.",
        Seconds(since.at_ns),
        Seconds(scene.mark.at_ns),
        at_work(scene),
    );
    // Where no end of an instance is told it may have been reset.
    let is_told = scene.reports.tally.has(Kinds::RESPOND);
    let told_by = if is_told { Kinds::INSTANCE_END } else { Kinds::RESPOND };
    scene.owes(told_by, Some(&asked.object), &[since, scene.mark], sentences);
}

/// An answer leaves that the account has told before.
pub(super) fn passed_on(
    scene: &mut Scene<'_>,
    asked: &Request,
    request: u64,
    told: Mark,
    slice: Option<u16>,
) {
    if !scene.is_owed(asked, slice) {
        return;
    }
    scene.reports.saw(Id::W2);
    let took_ns = scene.mark.at_ns.saturating_sub(told.at_ns);
    if took_ns > scene.within_ns(told.at_ns) {
        let sentences = format!(
            "{} answered request {request} at {}. {}, and the answer left for the client only at {}.",
            asked.object,
            Seconds(told.at_ns),
            at_work(scene),
            Seconds(scene.mark.at_ns),
        );
        scene.report(Id::W2, Some(&asked.object), &[told, scene.mark], sentences);
    }
}

/// The client waits no longer, or the history is over, and nothing was seen to leave for it.
pub(super) fn given_up(scene: &mut Scene<'_>, asked: &Request, request: u64, slice: Option<u16>) {
    let Some((told, ..)) = asked.told.as_ref().filter(|_| asked.left.is_none()) else { return };
    let told = *told;
    if !may_wait(scene) || !scene.is_owed(asked, slice) {
        return;
    }
    scene.reports.saw(Id::W2);
    if scene.mark.at_ns.saturating_sub(told.at_ns) > scene.within_ns(told.at_ns) {
        let sentences = format!(
            "{} answered request {request} at {}. {}, and at {} the answer had not left for the client.",
            asked.object,
            Seconds(told.at_ns),
            at_work(scene),
            Seconds(scene.mark.at_ns),
        );
        let evidence = [told, scene.mark];
        scene.owes(Kinds::ANSWER_LEAVE, Some(&asked.object), &evidence, sentences);
    }
}

/// A request was not given to object code when its client gave up, or the history was over.
pub(super) fn never_delivered(
    scene: &mut Scene<'_>,
    asked: &Request,
    request: u64,
    waited: Waited,
    slice: Option<u16>,
) {
    if asked.left.is_some() || !may_wait(scene) || !scene.is_owed(asked, slice) {
        return;
    }
    scene.reports.saw(Id::W2);
    if waited.open_ns <= scene.within_ns(waited.since.at_ns) {
        return;
    }
    let sentences = format!(
        "Request {request} reached a machine at {} and had not been given to the code of {} at {}. {}, and the object let it in \
         for {} of that time.",
        Seconds(waited.since.at_ns),
        asked.object,
        Seconds(scene.mark.at_ns),
        at_work(scene),
        Seconds(waited.open_ns),
    );
    let evidence = [waited.since, scene.mark];
    let is_told = scene.reports.tally.has(Kinds::DELIVER);
    let told_by = if is_told { Kinds::INSTANCE_START } else { Kinds::DELIVER };
    scene.owes(told_by, Some(&asked.object), &evidence, sentences);
}

/// In calm only a full queue is a reason to refuse a request, or a constructor that failed.
pub(super) fn refused(scene: &mut Scene<'_>, asked: &Request, request: u64, queues: &BTreeMap<u16, u64>) {
    let Some((arrived, machine)) = asked.arrived else { return };
    if !scene.is_calm_since(arrived.at_ns) || asked.has_constructor_failed {
        return;
    }
    scene.reports.saw(Id::W2);
    let waiting = queues.get(&machine.unwrap_or_default()).copied().unwrap_or_default();
    if scene.constants.queue_bound.is_some_and(|bound| waiting >= bound) {
        return;
    }
    let sentences = format!(
        "Request {request} to {} was refused at {}. No fault was at work, no constructor had failed, and {waiting} requests waited \
         on the machine, fewer than its bound.",
        asked.object,
        Seconds(scene.mark.at_ns),
    );
    scene.report(Id::W2, Some(&asked.object), &[arrived, scene.mark], sentences);
}

/// Whether a client that was told nothing still waits at the end, so far as is known: where no `return` is told it may have given up.
fn may_wait(scene: &Scene<'_>) -> bool {
    scene.reports.tally.has(Kinds::RETURN)
}

/// What was at work while a request waited that had to be answered, as the begin of a sentence.
fn at_work(scene: &Scene<'_>) -> &'static str {
    match scene.faults.calm_since_ns() {
        Some(_) => "No fault was at work",
        None => {
            "What was at work had been so since long before the request was sent, and left the machine that it was sent to \
             connected with a quorum"
        }
    }
}

/// A storage call has its result.
pub(super) fn resulted(case: &mut Case<'_>, object: &mut Object, op: u64) {
    let Some(acting) = object.acting(case.by) else { return };
    let call = acting.instance.conduct.outstanding().iter().find(|call| call.op == op);
    let Some(call) = call.copied().filter(is_owed) else { return };
    let open_ns = owed_for_ns(acting.instance, &call, case.mark.at_ns);
    let name = case.name;
    let mut scene = scene(case);
    if open_ns <= WITHIN_NS
        || open_ns <= scene.within_ns(call.mark.at_ns)
        || !scene.is_calm_since(call.mark.at_ns)
    {
        return;
    }
    let sentences = format!(
        "A storage call of {name} at {} had its result only at {}, though no fault was at work.",
        Seconds(call.mark.at_ns),
        Seconds(scene.mark.at_ns),
    );
    let evidence = [call.mark, scene.mark];
    scene.owes(Kinds::REQUEST_ARRIVE, Some(name), &evidence, sentences);
}

/// The history is over: a storage call of the living instance still waits for its result.
pub(super) fn without_result(
    scene: &mut Scene<'_>,
    name: &ObjectName,
    object: &Object,
    processes: &Processes,
) {
    let Some(living) = living(scene, object, processes) else { return };
    let mut owed = living.conduct.outstanding().iter().filter(|call| is_owed(call));
    let late = owed.find(|call| {
        let within_ns = scene.within_ns(call.mark.at_ns);
        owed_for_ns(living, call, scene.mark.at_ns) > within_ns && scene.is_calm_since(call.mark.at_ns)
    });
    let Some(call) = late else { return };
    let sentences = format!(
        "A storage call of {name} at {} has no result at the end of the run, {}, though no fault was at work.",
        Seconds(call.mark.at_ns),
        Seconds(scene.mark.at_ns),
    );
    scene.owes(Kinds::REQUEST_ARRIVE, Some(name), &[call.mark], sentences);
}

/// The instance that has been living until the end of the history: where no end of one is told none is known to have. Results are told.
pub(super) fn living<'a>(
    scene: &Scene<'_>,
    object: &'a Object,
    processes: &Processes,
) -> Option<&'a Instance> {
    let tally = &scene.reports.tally;
    let has_died =
        |it: &Instance| it.machine.is_some_and(|machine| processes.died_since(machine, it.started.at_ns));
    let living = object.current.as_ref().filter(|current| current.ended.is_none() && !current.superseded);
    let living = living.filter(|_| tally.has(Kinds::OP_RESULT) && tally.has(Kinds::INSTANCE_END));
    living.filter(|living| !has_died(living))
}

/// Whether the system owes its result: a transaction lasts as long as object code takes.
fn is_owed(call: &Outstanding) -> bool {
    call.kind != CallKind::Transaction && call.over.is_none()
}

/// For how long a result has been owed. One that comes through the gate is not owed while that is closed.
fn owed_for_ns(instance: &Instance, call: &Outstanding, now_ns: u64) -> u64 {
    let since_ns = call.mark.at_ns;
    if call.closes_gate() {
        return now_ns.saturating_sub(since_ns);
    }
    let is_known = instance.run_ended_ns <= since_ns && instance.conduct.gate_closed.is_none();
    if is_known { now_ns.saturating_sub(since_ns).saturating_sub(instance.closed.since(since_ns)) } else { 0 }
}
