//! A small scenario for the tests of this crate.

use crate::prelude::*;

/// Runs every five seconds once it was asked to.
pub(crate) struct Ticker(Ctx);

impl Ticker {
    async fn arm(&self) -> Result<(), Thrown> {
        Ok(self.0.storage().set_alarm(self.0.now_ms() + 5_000).await?)
    }
}

impl DurableObject for Ticker {
    const CLASS: &'static str = "Ticker";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self(ctx))
    }

    async fn fetch(self: Rc<Self>, _request: Request) -> Result<Response, Thrown> {
        self.arm().await?;
        Ok(Response::ok("started"))
    }

    async fn alarm(self: Rc<Self>, _info: AlarmInfo) -> Result<(), Thrown> {
        self.arm().await
    }
}

/// Its scenario.
pub(crate) fn ticker() -> Scenario {
    Scenario::of::<Ticker>("ticker").requests("[a-z]{1,8}", 0..40).gives(&["F1", "F4"])
}
