//! An object that arms itself again for ever: what is built with alarms most often. It shows what such an object has to
//! mind: a failing service must not use up its retries (X5), and a run at once is asked for with a time that has come
//! (A10).

use reveille::prelude::*;

/// The scenario.
pub fn scenario() -> Scenario {
    Scenario::of::<Cron>("cron")
        .about("an object that arms itself again every five seconds: once started it never stops")
        .asks(start, 0..60)
        .objects(12)
        .promise(never_stops(Duration::from_millis(PERIOD_MS.unsigned_abs())))
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
