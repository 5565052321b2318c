//! A run as somebody sees it who stands beside it: requests and answers, calls to services, runs of `alarm()`, and what is stored
//! at the end. Made of a history in one pass; events are named by their position in it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use reveille_model::history::{
    AlarmAtRest, Blob, By, Delivery, Event, History, Key, ObjectName, Outcome, RunOutcome, StorageCall, What,
};

/// A whole run.
#[derive(Debug)]
pub struct View<'a> {
    history: &'a History,
    requests: Vec<Asked<'a>>,
    calls: Vec<Sent<'a>>,
    runs: Vec<AlarmRun<'a>>,
    at_rest: BTreeMap<&'a ObjectName, Rest<'a>>,
    excuses: Vec<Excuse>,
    /// Turns that became durable: what others wrote had no effect.
    durable: BTreeSet<(&'a ObjectName, u64, u32)>,
    /// Runs whose end became durable.
    ended: BTreeSet<(&'a ObjectName, u64)>,
}

/// Something in the history: its position, and when it happened in true time since the begin of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Position in the history.
    pub event: usize,
    /// True time.
    pub at_ns: u64,
}

/// What a client asked, and what it was told.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The request.
    pub request: u64,
    /// The object that it is for.
    pub object: &'a ObjectName,
    /// What it says.
    pub body: &'a Bytes,
    /// When it was sent.
    pub sent: Moment,
    /// When it was given to object code for the first time, if ever.
    pub delivered: Option<Moment>,
    /// What the client was told, if anything.
    pub answer: Option<Answer<'a>>,
}

/// What a client was told.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// When.
    pub at: Moment,
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: &'a Bytes,
}

/// A call to an outside service.
#[derive(Clone, Debug)]
pub struct Sent<'a> {
    /// The call.
    pub call: u64,
    /// The object that made it.
    pub object: &'a ObjectName,
    /// Which instance of it.
    pub instance: u64,
    /// The service.
    pub service: &'a str,
    /// What reached it; what was sent, where nothing did.
    pub body: &'a Bytes,
    /// When it left.
    pub left: Moment,
    /// When it reached the service, if it did.
    pub arrived: Option<Moment>,
    /// When the service answered, and with which status; none if it broke the connection.
    pub answer: Option<(Moment, Option<u16>)>,
}

impl Sent<'_> {
    /// Whether the service accepted it: answered with a status from 200 to 299.
    pub fn is_accepted(&self) -> bool {
        matches!(self.answer, Some((_, Some(200..=299))))
    }
}

/// One execution of `alarm()`.
#[derive(Clone, Debug)]
pub struct AlarmRun<'a> {
    /// The object.
    pub object: &'a ObjectName,
    /// The run, unique in its object.
    pub run: u64,
    /// When it started.
    pub start: Moment,
    /// How often its alarm had failed before.
    pub retry_count: u32,
    /// When and how it ended, if it did.
    pub end: Option<(Moment, &'a RunOutcome)>,
}

/// What the datastore holds for an object at the end.
#[derive(Clone, Copy, Debug)]
pub struct Rest<'a> {
    /// Where that is told.
    pub at: Moment,
    /// Its keys.
    pub keys: &'a BTreeMap<Key, Blob>,
    /// Its alarm.
    pub alarm: Option<&'a AlarmAtRest>,
}

/// A time in which something was broken on purpose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Excuse {
    pub(super) from_ns: u64,
    /// None if it lasts to the end of the run.
    pub(super) to_ns: Option<u64>,
}

impl<'a> View<'a> {
    /// The view of a history.
    pub fn of(history: &'a History) -> Self {
        let mut building = Building::new(history);
        history.events.iter().enumerate().for_each(|(index, event)| building.see(index, event));
        building.view
    }

    /// The history itself.
    pub fn history(&self) -> &'a History {
        self.history
    }

    /// All requests, in the order in which they were sent.
    pub fn requests(&self) -> &[Asked<'a>] {
        &self.requests
    }

    /// The requests that were acknowledged: their clients have an answer with a status from 200 to 299.
    pub fn acknowledged(&self) -> impl Iterator<Item = (&Asked<'a>, Answer<'a>)> {
        let answered = self.requests.iter().filter_map(|asked| asked.answer.map(|answer| (asked, answer)));
        answered.filter(|(_, answer)| (200..300).contains(&answer.status))
    }

    /// All calls to services, in the order in which they left.
    pub fn calls(&self) -> &[Sent<'a>] {
        &self.calls
    }

    /// The calls that left for this service.
    pub fn calls_to(&self, service: &str) -> impl DoubleEndedIterator<Item = &Sent<'a>> {
        self.calls.iter().filter(move |sent| sent.service == service)
    }

    /// All runs of `alarm()`, in the order in which they started.
    pub fn runs(&self) -> &[AlarmRun<'a>] {
        &self.runs
    }

    /// The runs of an object.
    pub fn runs_of(&self, object: &ObjectName) -> impl DoubleEndedIterator<Item = &AlarmRun<'a>> {
        self.runs.iter().filter(move |run| run.object == object)
    }

    /// What the datastore holds for an object at the end.
    pub fn at_rest(&self, object: &ObjectName) -> Option<Rest<'a>> {
        self.at_rest.get(object).copied()
    }

    /// All objects for which the datastore holds something at the end.
    pub fn all_at_rest(&self) -> impl Iterator<Item = (&'a ObjectName, Rest<'a>)> {
        self.at_rest.iter().map(|(object, rest)| (*object, *rest))
    }

    /// When the run ended.
    pub fn end_ns(&self) -> u64 {
        self.history.events.last().map_or(0, |event| event.at_ns)
    }

    /// The events of an object's instances, in order.
    pub fn life(&self, object: &ObjectName) -> impl DoubleEndedIterator<Item = (usize, &'a Event)> {
        let events = self.history.events.iter().enumerate();
        events.filter(move |(_, event)| event.by.as_ref().is_some_and(|by| by.object == *object))
    }

    /// The last event of an object's instances.
    pub(super) fn last_seen(&self, object: &ObjectName) -> Option<usize> {
        self.life(object).next_back().map(|(index, _)| index)
    }

    /// Whether the turn in which an event happened became durable: what others wrote had no effect.
    pub fn is_durable(&self, event: &Event) -> bool {
        let turn = event.by.as_ref().map(|by| (&by.object, by.instance, by.turn));
        turn.is_some_and(|turn| self.durable.contains(&turn))
    }

    /// Whether a run's end became durable.
    pub(super) fn is_ended(&self, run: &AlarmRun<'_>) -> bool {
        self.ended.contains(&(run.object, run.run))
    }

    /// The durable `set_alarm`s of an object, in order: position and time.
    pub(super) fn alarms_set(&self, object: &ObjectName) -> impl DoubleEndedIterator<Item = (usize, i64)> {
        self.life(object).filter(|(_, event)| self.is_durable(event)).filter_map(|(index, event)| match event
            .what
        {
            What::Op { call: StorageCall::SetAlarm { scheduled_ms, .. }, .. } => Some((index, scheduled_ms)),
            _ => None,
        })
    }

    pub(super) fn excuses(&self) -> &[Excuse] {
        &self.excuses
    }
}

/// A view in the making.
struct Building<'a> {
    view: View<'a>,
    request: BTreeMap<u64, usize>,
    call: BTreeMap<u64, usize>,
    run: BTreeMap<(&'a ObjectName, u64), usize>,
    fault: BTreeMap<u32, usize>,
}

impl<'a> Building<'a> {
    fn new(history: &'a History) -> Self {
        let view = View {
            history,
            requests: Vec::new(),
            calls: Vec::new(),
            runs: Vec::new(),
            at_rest: BTreeMap::new(),
            excuses: Vec::new(),
            durable: BTreeSet::new(),
            ended: BTreeSet::new(),
        };
        let (request, call, run, fault) = Default::default();
        Self { view, request, call, run, fault }
    }

    fn see(&mut self, index: usize, event: &'a Event) {
        let at = Moment { event: index, at_ns: event.at_ns };
        if let Some(by) = &event.by {
            self.of_instance(at, by, &event.what);
        } else {
            self.of_the_world(at, &event.what);
        }
    }

    fn of_the_world(&mut self, at: Moment, what: &'a What) {
        let view = &mut self.view;
        match what {
            What::Call { request, to, body, .. } => {
                self.request.insert(*request, view.requests.len());
                let (request, object, body) = (*request, to, &body.0);
                view.requests.push(Asked { request, object, body, sent: at, delivered: None, answer: None });
            }
            What::Return { request, outcome: Outcome::Answered { status, body, .. } } => {
                if let Some(asked) = self.request.get(request) {
                    view.requests[*asked].answer = Some(Answer { at, status: *status, body: &body.0 });
                }
            }
            What::OutboundArrive { call, body, .. } => {
                if let Some(sent) = self.call.get(call).map(|sent| &mut view.calls[*sent]) {
                    sent.arrived = Some(at);
                    sent.body = body.as_ref().map_or(sent.body, |body| &body.0);
                }
            }
            What::OutboundAnswer { call, status, .. } => {
                if let Some(sent) = self.call.get(call) {
                    view.calls[*sent].answer = Some((at, *status));
                }
            }
            What::AtRest { object, keys, alarm, .. } => {
                view.at_rest.insert(object, Rest { at, keys, alarm: alarm.as_ref() });
            }
            What::FaultBegin { fault, .. } => {
                self.fault.insert(*fault, view.excuses.len());
                view.excuses.push(Excuse { from_ns: at.at_ns, to_ns: None });
            }
            What::FaultEnd { fault } => {
                if let Some(excuse) = self.fault.get(fault) {
                    view.excuses[*excuse].to_ns = Some(at.at_ns);
                }
            }
            _ => {}
        }
    }

    fn of_instance(&mut self, at: Moment, by: &'a By, what: &'a What) {
        let (view, object) = (&mut self.view, &by.object);
        match what {
            What::Deliver { delivery: Delivery::Request { request } } => {
                // A request may be delivered again after its machine was lost: the answer may be that of any delivery.
                if let Some(asked) = self.request.get(request) {
                    view.requests[*asked].delivered.get_or_insert(at);
                }
            }
            What::Outbound { call, service, body, .. } => {
                self.call.insert(*call, view.calls.len());
                let (arrived, answer) = (None, None);
                let (call, instance, body) = (*call, by.instance, &body.0);
                view.calls.push(Sent { call, object, instance, service, body, left: at, arrived, answer });
            }
            What::RunStart { run, retry_count, .. } => {
                self.run.insert((object, *run), view.runs.len());
                let (run, retry_count) = (*run, *retry_count);
                view.runs.push(AlarmRun { object, run, start: at, retry_count, end: None });
            }
            What::RunEnd { run, outcome } => {
                if let Some(run) = self.run.get(&(object, *run)) {
                    view.runs[*run].end = Some((at, outcome));
                }
            }
            What::Commit { ends_run } => {
                view.durable.insert((object, by.instance, by.turn));
                view.ended.extend(ends_run.map(|run| (object, run)));
            }
            _ => {}
        }
    }
}
