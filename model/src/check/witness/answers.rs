//! Answers to clients (W1): what object code's machine says that it has answered, what was seen to leave the machine that the
//! client is connected to, and what the client got. By request, never by body. And what is refused is never given (W2).
//!
//! ```text
//!  call ── request_arrive ── deliver ── respond ── answer_leave ── return
//!                                       account    witness         witness: equal bytes, once, none missing
//! ```

use std::collections::BTreeMap;

use super::super::coverage::Kinds;
use super::super::report::Seconds;
use super::promptness::{self, Owed};
use super::{MISSING_AFTER_NS, Scene, UNDER_WAY_MAX};
use crate::history::{Blob, Head, ObjectName, Outcome};
use crate::reference::Mark;
use crate::reference::waits::{Given, Waited};
use crate::rules::Id;

/// The requests whose clients still wait.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// In boxes, since a map moves what it holds.
    waiting: BTreeMap<u64, Box<Request>>,
    /// W2: how many of them are at each machine.
    queues: BTreeMap<u16, u64>,
}

/// A request whose client waits.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) object: ObjectName,
    pub(super) sent: Mark,
    /// What its client has sent.
    head: Head,
    body: Blob,
    /// When it reached a machine, and which.
    pub(super) arrived: Option<(Mark, Option<u16>)>,
    /// What the account says that was answered.
    pub(super) told: Option<(Mark, Outcome)>,
    /// What was seen to leave.
    pub(super) left: Option<(Mark, Outcome)>,
    is_lost: bool,
    /// Whether a constructor of its object has failed since it was sent.
    pub(super) has_constructor_failed: bool,
}

impl Answers {
    pub(super) fn asked(
        &mut self,
        request: u64,
        object: &ObjectName,
        (head, body): (&Head, &Blob),
        sent: Mark,
    ) {
        if self.waiting.len() >= UNDER_WAY_MAX {
            self.waiting.pop_first();
        }
        let asked = Request {
            object: object.clone(),
            sent,
            head: head.clone(),
            body: body.clone(),
            arrived: None,
            told: None,
            left: None,
            is_lost: false,
            has_constructor_failed: false,
        };
        self.waiting.insert(request, Box::new(asked));
    }

    /// A request reaches a machine. Gives whether its client waits and it was not there before.
    pub(super) fn arrives(&mut self, request: u64, mark: Mark, machine: Option<u16>) -> bool {
        let Some(asked) = self.waiting.get_mut(&request).filter(|asked| asked.arrived.is_none()) else {
            return false;
        };
        asked.arrived = Some((mark, machine));
        *self.queues.entry(machine.unwrap_or_default()).or_default() += 1;
        true
    }

    /// A constructor of the object has failed: requests that wait for it may be refused.
    pub(super) fn constructor_failed(&mut self, object: &ObjectName) {
        let waiting = self.waiting.values_mut().filter(|asked| asked.object == *object);
        waiting.for_each(|asked| asked.has_constructor_failed = true);
    }

    /// Object code is given a request. W1: it has reached a machine by then.
    pub(super) fn given(&mut self, scene: &mut Scene<'_>, request: u64) {
        let Some(asked) = self.waiting.get_mut(&request) else { return };
        scene.reports.saw(Id::W1);
        if asked.arrived.is_some() {
            return;
        }
        let sentences = format!(
            "Request {request}, sent at {}, was given to the code of {} at {}; it was not seen to reach any machine before.",
            Seconds(asked.sent.at_ns),
            asked.object,
            Seconds(scene.mark.at_ns),
        );
        scene.differs(Kinds::REQUEST_ARRIVE, Some(&asked.object), &[asked.sent, scene.mark], sentences);
    }

    /// The account: what object code is given of a request. Whoever tells its body tells all of it.
    pub(super) fn starts(&mut self, scene: &mut Scene<'_>, request: u64, head: &Head, body: Option<&Blob>) {
        let (Some(asked), Some(body)) = (self.waiting.get(&request), body) else { return };
        scene.reports.saw(Id::W1);
        if (head, body) == (&asked.head, &asked.body) {
            return;
        }
        let sentences = format!(
            "The client of request {request} sent {}{:?} to {} at {}; what its code was given at {} is {head}{body:?}.",
            asked.head,
            asked.body,
            asked.object,
            Seconds(asked.sent.at_ns),
            Seconds(scene.mark.at_ns),
        );
        // Where no client tells what it sends, nothing says that it sent nothing.
        let evidence = [asked.sent, scene.mark];
        if asked.body.0.is_empty() && *head == asked.head {
            scene.differs(Kinds::CALL_BODY, Some(&asked.object), &evidence, sentences);
        } else {
            scene.report(Id::W1, Some(&asked.object), &evidence, sentences);
        }
    }

    /// The account: a response leaves.
    pub(super) fn told(&mut self, mark: Mark, request: u64, answered: impl FnOnce() -> Outcome) {
        if let Some(asked) = self.waiting.get_mut(&request) {
            asked.told.get_or_insert_with(|| (mark, answered()));
        }
    }

    /// The witness: an answer leaves the machine that the client is connected to.
    pub(super) fn leaves(
        &mut self,
        scene: &mut Scene<'_>,
        request: u64,
        outcome: &Outcome,
        machine: Option<u16>,
        slice: Option<u16>,
    ) {
        let mark = scene.mark;
        let Some(asked) = self.waiting.get_mut(&request) else { return };
        scene.reports.saw(Id::W1);
        let object = asked.object.clone();
        if let (Some((arrived, Some(connected))), Some(machine)) = (asked.arrived, machine)
            && connected != machine
        {
            let sentences = format!(
                "Request {request} reached machine {connected} at {}, to which its client is connected; its answer was seen to leave \
                 machine {machine} at {}.",
                Seconds(arrived.at_ns),
                Seconds(mark.at_ns),
            );
            return scene.report(Id::W1, Some(&object), &[arrived, mark], sentences);
        }
        if let Some((before, _)) = asked.left.replace((mark, outcome.clone())) {
            let (first, again) = (Seconds(before.at_ns), Seconds(mark.at_ns));
            let sentences = format!("The answer to request {request} left at {first}, and again at {again}.");
            return scene.report(Id::W1, Some(&object), &[before, mark], sentences);
        }
        if !matches!(outcome, Outcome::Answered { .. }) {
            return promptness::refused(scene, asked, request, &self.queues);
        }
        let Some((told, answered)) = &asked.told else {
            let at = Seconds(mark.at_ns);
            let sentences = format!(
                "The answer to request {request} was seen to leave at {at}, and nothing tells that {object} had answered by then."
            );
            return scene.differs(Kinds::RESPOND, Some(&object), &[asked.sent, mark], sentences);
        };
        if answered != outcome {
            let sentences = format!(
                "The answer to request {request} left {object} at {} as {}, and was seen to leave for the client at {} as {}.",
                Seconds(told.at_ns),
                Said(answered),
                Seconds(mark.at_ns),
                Said(outcome),
            );
            return scene.report(Id::W1, Some(&object), &[*told, mark], sentences);
        }
        let told = *told;
        promptness::passed_on(scene, asked, request, told, slice);
    }

    /// The link has lost the answer.
    pub(super) fn lost(&mut self, request: u64) {
        if let Some(asked) = self.waiting.get_mut(&request) {
            asked.is_lost = true;
        }
    }

    /// The client waits no longer.
    pub(super) fn returned(
        &mut self,
        scene: &mut Scene<'_>,
        request: u64,
        outcome: &Outcome,
        slice: Option<u16>,
    ) {
        let Some(asked) = self.waiting.remove(&request) else { return };
        if let Some((_, machine)) = asked.arrived
            && let Some(queue) = self.queues.get_mut(&machine.unwrap_or_default())
        {
            *queue = queue.saturating_sub(1);
        }
        let mark = scene.mark;
        if *outcome == Outcome::Unknown {
            return promptness::given_up(scene, &asked, request, slice);
        }
        scene.reports.saw(Id::W1);
        let Some((left, said)) = &asked.left else {
            let sentences = format!(
                "The client of request {request} got {} at {}, and no machine was seen to send it.",
                Said(outcome),
                Seconds(mark.at_ns)
            );
            return scene.differs(Kinds::ANSWER_LEAVE, Some(&asked.object), &[asked.sent, mark], sentences);
        };
        if said != outcome {
            let sentences = format!(
                "The answer to request {request} left for its client at {} as {}; what the client got at {} is {}.",
                Seconds(left.at_ns),
                Said(said),
                Seconds(mark.at_ns),
                Said(outcome),
            );
            scene.report(Id::W1, Some(&asked.object), &[*left, mark], sentences);
        }
    }

    /// W2: object code is given a request that has waited for it.
    pub(super) fn delivered(&self, scene: &mut Scene<'_>, request: u64, waited: Waited, slice: Option<u16>) {
        if let Some(asked) = self.waiting.get(&request) {
            promptness::delivered(scene, asked, request, waited, slice);
        }
    }

    /// W2: a request is answered that object code was given, in this turn.
    pub(super) fn responds(&self, scene: &mut Scene<'_>, given: Given, turn: u32, slice: Option<u16>) {
        if let (Some(asked), Some(made)) = (self.waiting.get(&given.request), given.made(turn)) {
            promptness::responded(scene, asked, given.request, made, slice);
        }
    }

    /// W2: the client gives up, or the history is over, and the request still waits for object code.
    pub(super) fn still_waits(
        &self,
        scene: &mut Scene<'_>,
        request: u64,
        waited: Waited,
        slice: Option<u16>,
    ) {
        if let Some(asked) = self.waiting.get(&request) {
            promptness::never_delivered(scene, asked, request, waited, slice);
        }
    }

    /// W2: the client gives up, or the history is over, and object code was given the request and has not answered it.
    pub(super) fn still_runs(&self, scene: &mut Scene<'_>, given: Given, slice: Option<u16>) {
        let Some(asked) = self.waiting.get(&given.request) else { return };
        if let Some(owed) = given.made.map(Owed::Made).or(given.left.map(Owed::Left)) {
            promptness::never_responded(scene, asked, given.request, owed, slice);
        }
    }

    /// The history is over.
    pub(super) fn end_of_run(&mut self, scene: &mut Scene<'_>) {
        let mark = scene.mark;
        for (request, asked) in std::mem::take(&mut self.waiting) {
            let Some((left, said)) = &asked.left else {
                promptness::given_up(scene, &asked, request, None);
                continue;
            };
            if asked.is_lost || mark.at_ns.saturating_sub(left.at_ns) < MISSING_AFTER_NS {
                continue;
            }
            let sentences = format!(
                "The answer to request {request}, {}, left at {} and has not reached its client at the end of the run, \
                 though its link did not lose it.",
                Said(said),
                Seconds(left.at_ns),
            );
            scene.differs(Kinds::RETURN, Some(&asked.object), &[asked.sent, *left], sentences);
        }
    }
}

/// What a client was told, in words.
struct Said<'a>(&'a Outcome);

impl std::fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Outcome::Answered { status, headers, body } if headers.is_empty() => {
                write!(f, "{status} {body:?}")
            }
            Outcome::Answered { status, headers, body } => write!(f, "{status} {headers:?} {body:?}"),
            Outcome::Refused { reason } => write!(f, "a refusal ({reason})"),
            Outcome::Unknown => f.write_str("nothing"),
        }
    }
}
