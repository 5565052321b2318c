//! The documentation's first steps with alarms, translated line by line: a request sets an alarm ten seconds ahead if
//! none is set. What the original leaves to its reader, the work in `alarm()`, is a count in storage and a call to an
//! outside service, so that a run lasts and can be struck.

use reveille::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

use reveille_model::history::{Delivery, History, ObjectName, Outcome, What};
use reveille_model::verdict::{RuleId, Violation};

use reveille::story::seconds;

/// The scenario.
pub fn scenario() -> Scenario {
    Scenario::of::<AlarmExample>("alarm-example")
        .about("the documentation's AlarmExample: after every acknowledged request its alarm() runs")
        .asks(visit, 0..150)
        .objects(12)
        .promise(check)
        .gives(&[
            "O1", "O2", "O3", "O4", "O5", "O6", "S1", "S3", "S4", "A1", "A2", "A3", "A4", "F1", "F2", "F3",
            "F4", "F5", "F7", "F8", "R1", "D1", "D2", "D3", "D4", "D5", "D7", "L2", "L3", "L4",
        ])
}

/// `const SECONDS = 1000;`
const SECONDS: i64 = 1_000;

/// Where the handler's work is done.
const WORK_SERVICE: &str = "http://example.com/work";

/// The promise of this object: a run follows every acknowledged request.
const FOLLOWED: RuleId = RuleId("followed");

/// The `index`-th request of a plan: it says nothing that the object would look at.
fn visit(index: usize, _dice: u32) -> String {
    format!("visit-{index}")
}

/// `export class AlarmExample extends DurableObject`
pub struct AlarmExample {
    ctx: Ctx,
}

impl DurableObject for AlarmExample {
    const CLASS: &'static str = "AlarmExample";
    const DECLARES_ALARM: bool = true;

    // constructor(ctx, env) {
    fn new(ctx: Ctx) -> Rc<Self> {
        // super(ctx, env); this.storage = ctx.storage;
        Rc::new(Self { ctx })
    }

    // async fetch(request) {
    async fn fetch(self: Rc<Self>, _request: Request) -> Result<Response, Thrown> {
        // let currentAlarm = await this.storage.getAlarm();
        let current_alarm = self.ctx.storage().get_alarm().await;
        // if (currentAlarm == null) {
        if current_alarm.is_none() {
            // this.storage.setAlarm(Date.now() + 10 * SECONDS);
            drop(self.ctx.storage().set_alarm(self.ctx.now_ms() + 10 * SECONDS));
        }
        Ok(Response::ok(""))
    }

    // async alarm() {
    async fn alarm(self: Rc<Self>, _info: AlarmInfo) -> Result<(), Thrown> {
        // You can use this to do work, read from the Storage API, make HTTP calls ...
        let runs = match self.ctx.storage().get("runs").await? {
            Some(runs) => String::from_utf8_lossy(&runs).parse::<u64>().unwrap_or(0) + 1,
            None => 1,
        };
        drop(self.ctx.storage().put("runs", runs.to_string()));
        // A call that fails is an uncaught exception: the run fails, and is retried (R1).
        self.ctx.fetch(WORK_SERVICE, format!("run {runs}")).await?;
        Ok(())
    }
}

/// Every acknowledged request is followed by a run of `alarm()` that starts after the request was delivered, or its alarm
/// is still scheduled at the end. The first offence of each object.
///
/// Whether the run comes in time, and ends well, is for the rules to say.
pub fn check(history: &History) -> Vec<Violation> {
    let mut objects = BTreeMap::<ObjectName, Promise>::new();
    let mut asked = BTreeMap::new();
    let mut delivered = BTreeMap::new();
    for (index, event) in history.events.iter().enumerate() {
        let of_object = event.by.as_ref().map(|by| &by.object);
        match (&event.what, of_object) {
            (What::Call { request, to, .. }, _) => _ = asked.insert(*request, (index, to)),
            (What::Deliver { delivery: Delivery::Request { request } }, _) => {
                // A request may be delivered again after its machine was lost: the answer may be that of any delivery.
                delivered.entry(*request).or_insert(index);
            }
            (What::Return { request, outcome: Outcome::Answered { status: 200, .. } }, _) => {
                if let (Some((called, to)), Some(at)) = (asked.get(request), delivered.get(request)) {
                    let kept = [*called, *at, index];
                    objects.entry((*to).clone()).or_default().requests.push((*request, kept));
                }
            }
            (What::RunStart { .. }, Some(object)) => {
                objects.entry(object.clone()).or_default().last_run = Some(index);
            }
            (What::AtRest { object, alarm: Some(_), .. }, _) => {
                objects.entry(object.clone()).or_default().is_scheduled = true;
            }
            _ => {}
        }
    }
    let mut told = BTreeSet::new();
    let broken = objects.iter().flat_map(|(object, promise)| promise.broken(history, object));
    broken.filter(|violation| told.insert(violation.object.clone())).collect()
}

/// What is known of one object.
#[derive(Default)]
struct Promise {
    /// Acknowledged requests: where they were sent, first delivered, and answered.
    requests: Vec<(u64, [usize; 3])>,
    last_run: Option<usize>,
    is_scheduled: bool,
}

impl Promise {
    fn broken(&self, history: &History, object: &ObjectName) -> Vec<Violation> {
        if self.is_scheduled {
            return Vec::new();
        }
        let followed = |delivered: usize| self.last_run.is_some_and(|run| run > delivered);
        let alone = self.requests.iter().filter(|(_, [_, delivered, _])| !followed(*delivered));
        let tell = |(request, evidence): &(u64, [usize; 3])| Violation {
            rule: FOLLOWED,
            object: Some(object.clone()),
            at_ns: history.events[evidence[2]].at_ns,
            sentences: format!(
                "Request {request} to {object} was delivered at {} and acknowledged at {}. No run of alarm() started \
                 after that, and at the end of the run no alarm is scheduled.",
                seconds(history.events[evidence[1]].at_ns),
                seconds(history.events[evidence[2]].at_ns),
            ),
            evidence: evidence.to_vec(),
        };
        alone.map(tell).collect()
    }
}
