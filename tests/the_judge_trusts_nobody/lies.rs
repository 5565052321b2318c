//! Lies: a system that does one thing and tells another. Each is planted between the machines and the world, or around the classes of
//! objects, by the test alone; the system itself knows nothing of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use bytes::Bytes;
use reveille_sim::between::Between;
use reveille_system::ids::{GroupId, MachineId, RequestId};
use reveille_system::ids::{OpId, SliceId};
use reveille_system::io::{ClientAnswer, DiskOp, Effects, FileId, Input, Refusal};
use reveille_system::object::class::{Class, Classes, Event, EventId, Instance, Response, TurnEnd};
use reveille_system::object::port::Port;
use reveille_system::observe::{AppliedTurn, Observation, RunEnd, Seen};
use reveille_system::words::call::Reply;

/// A lie about what machines want done: it may change all of it.
pub(crate) struct Wants<F>(pub(crate) F);

impl<F: FnMut(MachineId, &mut Effects)> Between for Wants<F> {
    fn wants(&mut self, machine: MachineId, wanted: &mut Effects) {
        (self.0)(machine, wanted);
    }
}

/// A lie about what reaches machines.
pub(crate) struct Reaches<F>(pub(crate) F);

impl<F: FnMut(Input, &mut Effects) -> Option<Input>> Between for Reaches<F> {
    fn reaches(&mut self, _machine: MachineId, input: Input, wanted: &mut Effects) -> Option<Input> {
        (self.0)(input, wanted)
    }
}

/// True for one of so many.
pub(crate) fn each(nth: u32) -> impl FnMut() -> bool {
    let mut count = 0;
    move || {
        count += 1;
        count % nth == 0
    }
}

pub(crate) fn every_call_is_sent_twice() -> Box<dyn Between> {
    Box::new(Wants(|_, wanted: &mut Effects| {
        let again = wanted.outside.clone();
        wanted.outside.extend(again);
    }))
}

pub(crate) fn clients_get_another_body() -> Box<dyn Between> {
    Box::new(Wants(|_, wanted: &mut Effects| {
        wanted.answers.iter_mut().for_each(|answer| answer.response.body = Bytes::from_static(b"another"));
    }))
}

pub(crate) fn services_get_another_body() -> Box<dyn Between> {
    Box::new(Wants(|_, wanted: &mut Effects| {
        wanted.outside.iter_mut().for_each(|call| call.request.body = Bytes::from_static(b"another"));
    }))
}

pub(crate) fn a_third_of_all_answers_is_dropped() -> Box<dyn Between> {
    let mut is_third = each(3);
    Box::new(Wants(move |_, wanted: &mut Effects| wanted.answers.retain(|_| !is_third())))
}

pub(crate) fn every_fifth_request_is_answered_where_it_comes_in() -> Box<dyn Between> {
    let mut is_fifth = each(5);
    Box::new(Reaches(move |input: Input, wanted: &mut Effects| match input {
        Input::Request(asked) if is_fifth() => {
            let answer = ClientAnswer { request: asked.request, response: Response::ok("ok") };
            wanted.answers.push(answer);
            None
        }
        input => Some(input),
    }))
}

pub(crate) fn every_third_answer_of_a_service_is_another_one() -> Box<dyn Between> {
    let mut is_third = each(3);
    Box::new(Reaches(move |input: Input, _: &mut Effects| match input {
        Input::Answer { call, result: Ok(mut answer) } if is_third() => {
            answer.status = if answer.status == 200 { 503 } else { 200 };
            Some(Input::Answer { call, result: Ok(answer) })
        }
        input => Some(input),
    }))
}

pub(crate) fn every_third_answer_of_a_service_is_kept_from_its_object() -> Box<dyn Between> {
    let mut is_third = each(3);
    Box::new(Reaches(move |input: Input, _: &mut Effects| {
        let is_kept = matches!(input, Input::Answer { result: Ok(_), .. }) && is_third();
        (!is_kept).then_some(input)
    }))
}

pub(crate) fn every_third_answer_of_a_service_says_something_else() -> Box<dyn Between> {
    let mut is_third = each(3);
    Box::new(Reaches(move |input: Input, _: &mut Effects| match input {
        Input::Answer { call, result: Ok(mut answer) } if is_third() => {
            answer.body = Bytes::from_static(b"another");
            Some(Input::Answer { call, result: Ok(answer) })
        }
        input => Some(input),
    }))
}

pub(crate) fn every_third_answer_of_a_service_has_another_header() -> Box<dyn Between> {
    let mut is_third = each(3);
    Box::new(Reaches(move |input: Input, _: &mut Effects| match input {
        Input::Answer { call, result: Ok(mut answer) } if is_third() => {
            answer.headers.push("retry-after", "5");
            Some(Input::Answer { call, result: Ok(answer) })
        }
        input => Some(input),
    }))
}

pub(crate) fn every_third_request_is_given_with_another_path() -> Box<dyn Between> {
    let mut is_third = each(3);
    Box::new(Reaches(move |input: Input, _: &mut Effects| match input {
        Input::Request(mut asked) if is_third() => {
            asked.asks.path = "/another".into();
            Some(Input::Request(asked))
        }
        input => Some(input),
    }))
}

/// What a third of all requests is answered never leaves its object, and nothing tells that it has.
pub(crate) fn a_third_of_all_answers_stays_with_its_object() -> Box<dyn Between> {
    let is_kept = |request: RequestId| request.0.is_multiple_of(3);
    Box::new(Wants(move |_, wanted: &mut Effects| {
        wanted.answers.retain(|answer| !is_kept(answer.request));
        wanted.observed.retain(|observation| {
            !matches!(observation, Observation::Instance { seen: Seen::Responded { request, .. }, .. } if is_kept(*request))
        });
    }))
}

pub(crate) fn every_fourth_answer_is_told_as_a_refusal() -> Box<dyn Between> {
    let mut is_fourth = each(4);
    Box::new(Wants(move |_, wanted: &mut Effects| {
        let refused: Vec<RequestId> =
            wanted.answers.extract_if(.., |_| is_fourth()).map(|answer| answer.request).collect();
        let refusal = |request| Refusal { request, why: "too much to do".into() };
        wanted.refusals.extend(refused.into_iter().map(refusal));
    }))
}

/// The log is never synced, only its end mark; all are told that it is.
pub(crate) fn syncs_of_the_log_are_not_done() -> Box<dyn Between> {
    Box::new(Wants(|_, wanted: &mut Effects| {
        for op in &mut wanted.disk {
            if let DiskOp::Sync { file: file @ (FileId::Log | FileId::OddLog), .. } = op {
                *file = FileId::Mark;
            }
        }
    }))
}

/// The account of every run that ends well tells of one more before it, of the same alarm.
pub(crate) fn runs_are_told_that_never_happened() -> Box<dyn Between> {
    let mut open = BTreeMap::new();
    Box::new(Wants(move |_, wanted: &mut Effects| {
        let mut told = Vec::new();
        for observation in wanted.observed.drain(..) {
            if let Observation::Instance { by, seen } = &observation {
                match seen {
                    Seen::RunStarted { run, .. } => _ = open.insert(*run, seen.clone()),
                    Seen::RunEnded { run, outcome: RunEnd::Ok } => {
                        let start = open.remove(run);
                        let ends = observation.clone();
                        told.push(ends);
                        let again = start.map(|seen| Observation::Instance { by: by.clone(), seen });
                        told.extend(again);
                    }
                    _ => {}
                }
            }
            told.push(observation);
        }
        wanted.observed = told;
    }))
}

/// The account tells the commit of a run's end as soon as `alarm()` returns.
pub(crate) fn completions_are_told_before_they_are_durable() -> Box<dyn Between> {
    let mut applied: BTreeMap<GroupId, u64> = BTreeMap::new();
    let mut early = BTreeSet::new();
    let mut group_of: BTreeMap<String, GroupId> = BTreeMap::new();
    Box::new(Wants(move |_, wanted: &mut Effects| {
        let mut told = Vec::new();
        for observation in wanted.observed.drain(..) {
            if let Observation::Applied { group, index, turns } = &observation {
                applied.entry(*group).and_modify(|last| *last = (*last).max(*index)).or_insert(*index);
                group_of.extend(turns.iter().map(|turn| (turn.object.to_string(), *group)));
            }
            let ended = match &observation {
                Observation::Instance { by, seen: Seen::RunEnded { run, outcome: RunEnd::Ok } } => {
                    Some((by.clone(), *run))
                }
                _ => None,
            };
            told.push(observation);
            let Some((by, run)) = ended else { continue };
            if let Some(group) = group_of.get(&by.object.to_string()).copied()
                && early.insert(run)
            {
                let index = applied.get(&group).copied().unwrap_or_default() + 1;
                let turn = AppliedTurn {
                    object: by.object,
                    instance: by.instance,
                    turn: by.turn,
                    ends_run: Some(run),
                };
                told.push(Observation::Applied { group, index, turns: vec![turn] });
            }
        }
        wanted.observed = told;
    }))
}

/// Every tenth entry of each group is told as refused for its stale epoch, by all replicas; it has been applied.
pub(crate) fn commits_are_told_as_refused() -> Box<dyn Between> {
    Box::new(Wants(|_, wanted: &mut Effects| {
        for observation in &mut wanted.observed {
            if let Observation::Applied { index, turns, .. } = observation
                && *index % 10 == 0
                && let Some(turn) = turns.first()
            {
                let (slice, epoch) = (SliceId(0), turn.instance.epoch);
                *observation = Observation::StaleEpoch { slice, epoch };
            }
        }
    }))
}

thread_local! {
    /// What object code has answered in this run and nobody has sent yet: the request's body, and the answer.
    static ANSWERED: RefCell<VecDeque<(Bytes, Response)>> = const { RefCell::new(VecDeque::new()) };
}

/// Answers leave as soon as object code has returned them, from the machine that runs it; the account tells of it when what it wrote is
/// durable.
pub(crate) fn answers_leave_at_once() -> Box<dyn Between> {
    Box::new(AtOnce::default())
}

#[derive(Default)]
struct AtOnce {
    asked: BTreeMap<Bytes, VecDeque<RequestId>>,
    answered: BTreeSet<RequestId>,
}

impl Between for AtOnce {
    fn reaches(&mut self, _machine: MachineId, input: Input, _wanted: &mut Effects) -> Option<Input> {
        if let Input::Request(asked) = &input {
            self.asked.entry(asked.asks.body.clone()).or_default().push_back(asked.request);
        }
        Some(input)
    }

    fn wants(&mut self, _machine: MachineId, wanted: &mut Effects) {
        wanted.answers.retain(|answer| !self.answered.contains(&answer.request));
        ANSWERED.with_borrow_mut(|answered| {
            for (body, response) in answered.drain(..) {
                let request = self.asked.get_mut(&body).and_then(VecDeque::pop_front);
                if let Some(request) = request.filter(|request| self.answered.insert(*request)) {
                    wanted.answers.push(ClientAnswer { request, response });
                }
            }
        });
    }
}

/// Classes whose answers are changed, or looked at, before their machine has them.
struct Tapped {
    inner: Rc<dyn Class>,
    tap: fn(&Bytes, &mut Response),
}

struct TappedInstance {
    inner: Box<dyn Instance>,
    fetches: BTreeMap<EventId, Bytes>,
    tap: fn(&Bytes, &mut Response),
}

impl Class for Tapped {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn declares_alarm(&self) -> bool {
        self.inner.declares_alarm()
    }

    fn echoes(&self) -> bool {
        self.inner.echoes()
    }

    fn instantiate(&self, port: Port) -> Box<dyn Instance> {
        let inner = self.inner.instantiate(port);
        Box::new(TappedInstance { inner, fetches: BTreeMap::new(), tap: self.tap })
    }
}

impl Instance for TappedInstance {
    fn start(&mut self, event: EventId, what: Event) {
        if let Event::Fetch(request) = &what {
            self.fetches.insert(event, request.body.clone());
        }
        self.inner.start(event, what);
    }

    fn settle(&mut self, op: OpId, reply: Reply) {
        self.inner.settle(op, reply);
    }

    fn turn(&mut self, budget: u32) -> TurnEnd {
        let mut end = self.inner.turn(budget);
        for (event, result) in &mut end.finished {
            if let (Some(body), Ok(Some(response))) = (self.fetches.remove(event), result) {
                (self.tap)(&body, response);
            }
        }
        end
    }
}

fn tapped(classes: &Classes, tap: fn(&Bytes, &mut Response)) -> Classes {
    classes.all().fold(Classes::default(), |all, inner| all.with(Tapped { inner, tap }))
}

/// Classes of which somebody learns each answer as soon as object code has returned it.
pub(crate) fn overheard(classes: &Classes) -> Classes {
    tapped(classes, |body, response| {
        ANSWERED.with_borrow_mut(|answered| answered.push_back((body.clone(), response.clone())));
    })
}

/// Scripted objects that were given nothing for each key that they have read, as their answers say.
pub(crate) fn forgetful(classes: &Classes) -> Classes {
    tapped(classes, |_, response| {
        let Ok(mut echo) = serde_json::from_slice::<serde_json::Value>(&response.body) else { return };
        if let Some(read) = echo["read"].as_array_mut() {
            read.iter_mut().for_each(|pair| pair[1] = serde_json::Value::Null);
        }
        response.body = echo.to_string().into();
    })
}
