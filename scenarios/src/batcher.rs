//! The Batcher done right. What it does otherwise than the documentation's is said at each place.

use reveille::prelude::*;
use reveille::scenario::Load;
use std::cell::Cell;

use crate::delivery::{self, UPSTREAM};

/// The scenario.
pub fn scenario() -> Scenario {
    Scenario::of::<Batcher>("batcher")
        .about("the same Batcher done right: every request that it acknowledges reaches the upstream service")
        .asks(delivery::item, 0..400)
        .objects(12)
        .promise(acknowledged().reaches(UPSTREAM).named("delivery"))
        .with_reference_run(Load { answered: 1_400, fired: 1_000, effective: 5 })
        .gives(&[
            "O1", "O2", "O3", "O4", "O5", "O6", "S1", "S2", "S3", "S4", "S6", "A1", "A2", "A3", "A4", "F1",
            "F2", "F3", "F4", "F5", "F7", "F8", "R1", "D1", "D2", "D3", "D4", "D5", "D7", "L2", "L3", "L4",
        ])
}

/// How long requests are collected, and how long a failing upstream is left alone.
const COLLECT_MS: i64 = 10_000;

/// Collects requests and sends them on in batches.
pub struct Batcher {
    ctx: Ctx,
    last: Cell<u64>,
}

impl Batcher {
    /// A key that sorts as its number does (S6: keys are strings, and `"10" < "9"`).
    fn key(number: u64) -> String {
        format!("{number:020}")
    }

    /// Sets the alarm unless one is scheduled.
    async fn arm(&self) -> Result<(), Thrown> {
        if self.ctx.storage().get_alarm().await.is_none() {
            self.ctx.storage().set_alarm(self.ctx.now_ms() + COLLECT_MS).await?;
        }
        Ok(())
    }
}

impl DurableObject for Batcher {
    const CLASS: &'static str = "Batcher";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        let this = Rc::new(Self { ctx, last: Cell::new(0) });
        let that = this.clone();
        this.ctx.block_concurrency_while(async move {
            let newest = List { reverse: true, limit: Some(1), ..List::default() };
            let newest = that.ctx.storage().list(newest).await?;
            let number = newest.first().map_or(Ok(0), |(key, _)| key.parse());
            that.last.set(number.map_err(|error| Thrown(format!("a key that is no number: {error}")))?);
            Ok(())
        });
        this
    }

    async fn fetch(self: Rc<Self>, request: Request) -> Result<Response, Thrown> {
        let number = self.last.get() + 1;
        self.last.set(number);
        self.ctx.storage().put(Self::key(number), request.body).await?;
        self.arm().await?;
        Ok(Response::ok(format!("{{\"queued\":{number}}}")))
    }

    async fn alarm(self: Rc<Self>, _info: AlarmInfo) -> Result<(), Thrown> {
        let items = self.ctx.storage().list(List::default()).await?;
        if items.is_empty() {
            return Ok(());
        }
        let answer = self.ctx.fetch(UPSTREAM, delivery::batch(items.iter().map(|(_, item)| item))).await;
        let accepted = answer.is_ok_and(|answer| (200..300).contains(&answer.status));
        if accepted {
            // Only what was delivered goes: requests may have come while the answer was awaited (O3).
            for (key, _) in items {
                drop(self.ctx.storage().delete(key));
            }
            let oldest = List { limit: Some(1), ..List::default() };
            if self.ctx.storage().list(oldest).await?.is_empty() {
                return Ok(());
            }
        }
        // A failure of the upstream is no failure of the handler: six retries would soon be used up (R2, X5).
        self.arm().await
    }
}
