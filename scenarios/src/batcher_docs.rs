//! The documentation's Batcher, translated line by line with its mistakes (X1).
//!
//! The original is the example "Use the Alarms API" of the Durable Objects documentation: requests are queued under
//! running numbers, and an alarm ten seconds after the first of them sends all to an upstream service. Beside each
//! line stands the line that it translates. Do not repair it: it is what the harness is shown to catch.

use reveille::prelude::*;
use std::cell::Cell;

use crate::delivery::{self, UPSTREAM};

/// The scenario.
pub fn scenario() -> Scenario {
    Scenario::of::<BatcherDocs>("batcher-docs")
        .about("the documentation's Batcher as it stands there: loses requests that it has acknowledged")
        .asks(delivery::item, 0..400)
        .objects(3)
        .promise(acknowledged().reaches(UPSTREAM).named("delivery"))
        .is_caught(&["X1(a)", "X1(b)"], &["X1(c)", "X5"])
        .gives(&[
            "O1", "O2", "O3", "O4", "O5", "O6", "S1", "S2", "S3", "S4", "S6", "A1", "A2", "A3", "A4", "F1",
            "F2", "F3", "F4", "F5", "F7", "F8", "R1", "D1", "D2", "D3", "D4", "D5", "D7", "L2", "L3", "L4",
        ])
}

/// `export class Batcher extends DurableObject`
pub struct BatcherDocs {
    ctx: Ctx,
    count: Cell<u64>,
}

impl DurableObject for BatcherDocs {
    const CLASS: &'static str = "BatcherDocs";
    const DECLARES_ALARM: bool = true;

    // constructor(ctx, env) {
    fn new(ctx: Ctx) -> Rc<Self> {
        let this = Rc::new(Self { ctx, count: Cell::new(0) });
        let that = this.clone();
        // this.ctx.blockConcurrencyWhile(async () => {
        this.ctx.block_concurrency_while(async move {
            // let vals = await this.storage.list({ reverse: true, limit: 1 });
            let newest = List { reverse: true, limit: Some(1), ..List::default() };
            let vals = that.ctx.storage().list(newest).await?;
            // this.count = vals.size == 0 ? 0 : parseInt(vals.keys().next().value);
            that.count.set(vals.first().map_or(0, |(key, _)| parse_int(key)));
            Ok(())
        });
        this
    }

    // async fetch(request) {
    async fn fetch(self: Rc<Self>, request: Request) -> Result<Response, Thrown> {
        let storage = self.ctx.storage();
        // this.count++;
        self.count.set(self.count.get() + 1);
        // let currentAlarm = await this.storage.getAlarm();
        let current_alarm = storage.get_alarm().await;
        // if (currentAlarm == null) {
        if current_alarm.is_none() {
            // this.storage.setAlarm(Date.now() + 1000 * 10);
            drop(storage.set_alarm(self.ctx.now_ms() + 1_000 * 10));
        }
        // await this.storage.put(this.count, await request.text());
        storage.put(self.count.get().to_string(), request.text()).await?;
        // return new Response(JSON.stringify({ queued: this.count }), ...
        Ok(Response::ok(format!("{{\"queued\":{}}}", self.count.get())))
    }

    // async alarm() {
    async fn alarm(self: Rc<Self>, _info: AlarmInfo) -> Result<(), Thrown> {
        // let vals = await this.storage.list();
        let vals = self.ctx.storage().list(List::default()).await?;
        // await fetch("http://example.com/some-upstream-service", { method: "POST", body: Array.from(vals.values()) });
        self.ctx.fetch(UPSTREAM, delivery::batch(vals.iter().map(|(_, item)| item))).await?;
        // await this.storage.deleteAll();
        self.ctx.storage().delete_all().await?;
        // this.count = 0;
        self.count.set(0);
        Ok(())
    }
}

/// JavaScript's `parseInt` for the keys that this class makes.
fn parse_int(key: &str) -> u64 {
    key.parse().unwrap_or(0)
}
