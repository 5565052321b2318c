//! W2: a request is not kept waiting by an alarm that is set anew again and again, seen at one machine on which nothing breaks.

use std::rc::Rc;

use reveille_system::ids::ObjectName;
use reveille_system::object::api::{AlarmInfo, Ctx, DurableObject, Request, Response, RustClass, Thrown};
use reveille_system::object::class::Classes;

mod alone;

use alone::Alone;

/// The request is answered long before so many inputs, or never.
const INPUTS_MAX: usize = 2_000;

/// Its constructor sets an alarm for now and then waits for a service, so that the alarm is due when the constructor ends. Each run
/// panics, so that the next instance is made, whose constructor does it all again.
struct Restless;

impl DurableObject for Restless {
    const CLASS: &'static str = "Restless";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        ctx.clone().block_concurrency_while(async move {
            ctx.storage().set_alarm(ctx.now_ms()).await?;
            ctx.fetch("service", "body").await?;
            Ok(())
        });
        Rc::new(Self)
    }

    async fn fetch(self: Rc<Self>, _request: Request) -> Result<Response, Thrown> {
        Ok(Response::ok("done"))
    }

    async fn alarm(self: Rc<Self>, _info: AlarmInfo) -> Result<(), Thrown> {
        panic!("each run does");
    }
}

#[test]
fn w2_a_request_does_not_wait_for_an_alarm_that_is_set_anew_each_time() {
    let classes = Classes::default().with(RustClass::<Restless>::default());
    let mut machine = Alone::boot(classes, |_| ());
    machine.ask(ObjectName::new("Restless", "foo"), "hello");
    for _ in 0..INPUTS_MAX {
        machine.step();
    }
    let statuses: Vec<u16> = machine.answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200]);
}
