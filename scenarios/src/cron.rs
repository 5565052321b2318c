//! An object that arms itself again for ever: what is built with alarms most often. It shows what such an object has to
//! mind: a failing service must not use up its retries (X5), and a run at once is asked for with a time that has come
//! (A10).

use reveille::prelude::*;
use std::collections::BTreeMap;

use reveille_model::history::{History, ObjectName, Outcome, What};
use reveille_model::verdict::{RuleId, Violation};

use reveille::story::seconds;

/// The scenario.
pub fn scenario() -> Scenario {
    Scenario::of::<Cron>("cron")
        .about("an object that arms itself again every five seconds: once started it never stops")
        .asks(start, 0..60)
        .objects(12)
        .promise(check)
        .gives(&[
            "O1", "O2", "O3", "O4", "O5", "S1", "S2", "S3", "S4", "A1", "A2", "A3", "A4", "A6", "A10", "F1",
            "F2", "F3", "F4", "F5", "F7", "F8", "R1", "D1", "D2", "D3", "D4", "D5", "D7", "L2", "L3", "L4",
        ])
}

/// Runs are due at whole multiples of this.
const PERIOD_MS: i64 = 5_000;

/// Each so many-th run asks for another at once.
const AT_ONCE_EVERY: u64 = 4;

/// A failing service fails the handler so often, then the round goes without it.
const FAILURES_MAX: u32 = 2;

/// Where each round reports.
const TICK_SERVICE: &str = "http://example.com/tick";

/// The promise of this object: once started it never stops.
const NEVER_STOPS: RuleId = RuleId("never-stops");

fn start(index: usize, _dice: u32) -> String {
    format!("start-{index}")
}

/// Runs once a period, for ever.
pub struct Cron {
    ctx: Ctx,
}

impl Cron {
    /// The next whole period: always ahead of now.
    fn next_ms(&self) -> i64 {
        (self.ctx.now_ms().div_euclid(PERIOD_MS) + 1) * PERIOD_MS
    }
}

impl DurableObject for Cron {
    const CLASS: &'static str = "Cron";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self { ctx })
    }

    async fn fetch(self: Rc<Self>, _request: Request) -> Result<Response, Thrown> {
        // While alarm() runs there is no alarm (A4): one more is set, and the handler's own replaces it (A2).
        if self.ctx.storage().get_alarm().await.is_none() {
            self.ctx.storage().set_alarm(self.next_ms()).await?;
        }
        Ok(Response::ok("started"))
    }

    async fn alarm(self: Rc<Self>, info: AlarmInfo) -> Result<(), Thrown> {
        let storage = self.ctx.storage();
        let count = match storage.get("count").await? {
            Some(count) => String::from_utf8_lossy(&count).parse::<u64>().unwrap_or(0) + 1,
            None => 1,
        };
        drop(storage.put("count", count.to_string()));
        let at_once = count.is_multiple_of(AT_ONCE_EVERY);
        if at_once {
            // Often the very millisecond of the alarm that runs: another alarm all the same (A10).
            storage.set_alarm(self.ctx.now_ms()).await?;
        }
        let told = self.ctx.fetch(TICK_SERVICE, format!("tick {count}")).await;
        if info.retry_count < FAILURES_MAX {
            // Retried (R1), unless the run at once is set already: only the latest alarm is retried (R5).
            told?;
        }
        if !at_once {
            self.ctx.storage().set_alarm(self.next_ms()).await?;
        }
        Ok(())
    }
}

/// Every object that acknowledged a request has an alarm at the end of the run, and not more than a period ahead: it goes
/// on. That it went on all the time is for the rules to say: each alarm is one that F1 and L hold to its time.
pub fn check(history: &History) -> Vec<Violation> {
    let mut asked = BTreeMap::new();
    let mut started = BTreeMap::<&ObjectName, usize>::new();
    let mut at_rest = BTreeMap::new();
    for (index, event) in history.events.iter().enumerate() {
        match &event.what {
            What::Call { request, to, .. } => _ = asked.insert(*request, to),
            What::Return { request, outcome: Outcome::Answered { status: 200, .. } } => {
                if let Some(object) = asked.get(request) {
                    started.entry(object).or_insert(index);
                }
            }
            What::AtRest { object, alarm, .. } => {
                _ = at_rest.insert(object, (index, alarm.as_ref().map(|alarm| alarm.scheduled_ms)));
            }
            _ => {}
        }
    }
    let latest_ms = latest_next_ms(history);
    let tell = |(object, acknowledged): (&&ObjectName, &usize)| {
        let rest = at_rest.get(*object);
        let (wrong, at_rest) = match rest {
            Some((_, Some(scheduled_ms))) if latest_ms.is_none_or(|latest_ms| *scheduled_ms <= latest_ms) => {
                return None;
            }
            Some((index, Some(_))) => ("the next run is more than a period ahead", Some(*index)),
            Some((index, None)) => ("no alarm is scheduled: it has stopped", Some(*index)),
            None => ("it is not in the datastore", None),
        };
        let mut evidence = vec![*acknowledged];
        evidence.extend(last_run(history, object));
        evidence.extend(at_rest);
        evidence.sort_unstable();
        let sentences = format!(
            "{object} acknowledged at {} that it is started. At the end of the run {wrong}.",
            seconds(history.events[*acknowledged].at_ns)
        );
        let at_ns = history.events.last().map_or(0, |event| event.at_ns);
        Some(Violation { rule: NEVER_STOPS, object: Some((*object).clone()), at_ns, sentences, evidence })
    };
    started.iter().filter_map(tell).collect()
}

/// The latest wall time, on any machine's clock, that a next run can be set for when the run ends.
fn latest_next_ms(history: &History) -> Option<i64> {
    let end_ns = history.events.last()?.at_ns;
    let event = history.events.iter().rfind(|event| event.place.is_some())?;
    let wall_ns = event.place?.wall_ns;
    let since_ms = i64::try_from((end_ns - event.at_ns) / 1_000_000).ok()?;
    // One error for the clock that was read here, one for the clock that set the alarm.
    let error_ms = 2 * i64::try_from(history.header.constants.wall_error_max_ms).ok()?;
    Some(wall_ns / 1_000_000 + since_ms + PERIOD_MS + error_ms + 1)
}

fn last_run(history: &History, object: &ObjectName) -> Option<usize> {
    history.events.iter().rposition(|event| {
        matches!(event.what, What::RunStart { .. })
            && event.by.as_ref().is_some_and(|by| by.object == *object)
    })
}
