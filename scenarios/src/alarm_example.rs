//! The documentation's first steps with alarms, translated line by line: a request sets an alarm ten seconds ahead if
//! none is set. What the original leaves to its reader, the work in `alarm()`, is a count in storage and a call to an
//! outside service, so that a run lasts and can be struck.

use reveille::prelude::*;

/// The scenario.
pub fn scenario() -> Scenario {
    Scenario::of::<AlarmExample>("alarm-example")
        .about("the documentation's AlarmExample: after every acknowledged request its alarm() runs")
        .asks(visit, 0..150)
        .objects(12)
        .promise(after_each_acknowledged(runs_of_alarm()))
        .gives(&[
            "O1", "O2", "O3", "O4", "O5", "O6", "S1", "S3", "S4", "A1", "A2", "A3", "A4", "F1", "F2", "F3",
            "F4", "F5", "F7", "F8", "R1", "D1", "D2", "D3", "D4", "D5", "D7", "L2", "L3", "L4",
        ])
}

/// `const SECONDS = 1000;`
const SECONDS: i64 = 1_000;

/// Where the handler's work is done.
const WORK_SERVICE: &str = "http://example.com/work";

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
