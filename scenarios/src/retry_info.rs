//! The documentation's second example: a handler that looks at how often it was retried. Here it fails as often as the
//! request that set its alarm asks for, by an error or by a panic.

use reveille::prelude::*;
use serde::{Deserialize, Serialize};

/// The scenario.
pub fn scenario() -> Scenario {
    Scenario::of::<RetryInfo>("retry-info")
        .about(
            "the documentation's alarmInfo example with a handler that fails now and then, up to giving up",
        )
        .asks(order, 0..150)
        .objects(12)
        .gives(&[
            "O1", "O2", "O3", "O4", "O5", "S1", "S2", "S3", "S4", "A1", "A2", "F1", "F2", "F3", "F4", "F5",
            "F7", "F8", "R1", "R3", "R4", "R5", "R8", "D1", "D2", "D3", "D4", "D5", "D7", "L1", "L2", "L3",
            "L4",
        ])
}

/// Where the handler reports before it decides: it is in flight for a while, so that failures can strike meanwhile.
const LOG_SERVICE: &str = "http://example.com/log";

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Order {
    /// The alarm is due after this.
    in_ms: i64,
    /// The handler fails so often; seven times means for good (R2).
    failures: u32,
    /// It fails by a panic, which resets the object, rather than by an error.
    panics: bool,
}

/// The order of the `index`-th request, spread by `dice`.
fn order(index: usize, dice: u32) -> String {
    let failures = [0, 0, 0, 1, 1, 2, 3, 8][dice as usize % 8];
    let order = Order { in_ms: i64::from(dice / 8 % 12_000), failures, panics: index % 3 == 2 };
    serde_json::to_string(&order).expect("an order can be written as JSON")
}

/// `class MyDurableObject extends DurableObject`
pub struct RetryInfo {
    ctx: Ctx,
}

impl DurableObject for RetryInfo {
    const CLASS: &'static str = "RetryInfo";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self { ctx })
    }

    async fn fetch(self: Rc<Self>, request: Request) -> Result<Response, Thrown> {
        let order: Order = parse(&request.body)?;
        let storage = self.ctx.storage();
        drop(storage.put("order", request.body));
        // To whole seconds: so alarms often have the same time as the one they replace, and are others all the same (A10).
        let due_ms = (self.ctx.now_ms() + order.in_ms) / 1_000 * 1_000 + 1_000;
        storage.set_alarm(due_ms).await?;
        Ok(Response::ok("ordered"))
    }

    // async alarm(alarmInfo) {
    async fn alarm(self: Rc<Self>, info: AlarmInfo) -> Result<(), Thrown> {
        let storage = self.ctx.storage();
        // if (alarmInfo?.retryCount != 0) { console.log(...) }
        if info.retry_count != 0 {
            let text = format!("This alarm event has been attempted {} times before.", info.retry_count);
            drop(storage.put("log", text.clone()));
            // Whether the log service answers makes no difference.
            drop(self.ctx.fetch(LOG_SERVICE, text).await);
        } else {
            drop(self.ctx.fetch(LOG_SERVICE, "first attempt").await);
        }
        let order: Order = match storage.get("order").await? {
            Some(order) => parse(&order)?,
            None => return Err(Thrown("there is no order".into())),
        };
        if info.retry_count < order.failures {
            assert!(!order.panics, "the order asks for a panic");
            return Err(Thrown("the order asks for a failure".into()));
        }
        drop(storage.delete("log"));
        Ok(())
    }
}

fn parse(bytes: &[u8]) -> Result<Order, Thrown> {
    serde_json::from_slice(bytes).map_err(|error| Thrown(format!("an order that cannot be read: {error}")))
}
