//! O3: who is let in while an object waits, seen at one machine on which nothing breaks.

use std::rc::Rc;

use reveille_system::ids::{ObjectName, RequestId};
use reveille_system::object::api::{Ctx, DurableObject, Request, Response, RustClass, Thrown};
use reveille_system::object::class::Classes;
use reveille_system::observe::{Observation, Seen};

mod alone;

use alone::Alone;

struct Waiting {
    ctx: Ctx,
}

impl DurableObject for Waiting {
    const CLASS: &'static str = "Waiting";
    const DECLARES_ALARM: bool = false;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self { ctx })
    }

    async fn fetch(self: Rc<Self>, request: Request) -> Result<Response, Thrown> {
        let storage = self.ctx.storage();
        match request.text().as_str() {
            "sync" => {
                storage.put("key", "value").await?;
                storage.sync().await;
            }
            // One after the other, and more than one step answers.
            "get" => {
                for key in 0..100 {
                    storage.get(key.to_string()).await?;
                }
            }
            "get, letting in" => {
                for key in 0..100 {
                    storage.allow_concurrency().get(key.to_string()).await?;
                }
            }
            "sync in a section" => {
                storage.put("key", "value").await?;
                let sync = storage.sync();
                self.ctx.block_concurrency_while(async move {
                    sync.await;
                    Ok(())
                });
            }
            "call in a section" => {
                let call = self.ctx.fetch("service", "body");
                self.ctx.block_concurrency_while(async move {
                    call.await?;
                    Ok(())
                });
            }
            _ => {}
        }
        Ok(Response::ok("done"))
    }
}

/// A request that does this, and one right behind it that does nothing: whether the second is delivered before the first has
/// its last result.
fn lets_in(does: &str) -> bool {
    let classes = Classes::default().with(RustClass::<Waiting>::default());
    let mut machine = Alone::boot(classes, |_| ());
    let object = || ObjectName::new("Waiting", "foo");
    machine.ask(object(), does.to_owned());
    let second = machine.ask(object(), "nothing");
    // No limit of time ends anything.
    machine.advance_ms(1_000);
    assert!(
        machine.answers.iter().all(|answer| answer.response.status == 200),
        "{does}: {:?}",
        machine.answers
    );
    assert_eq!(machine.answers.len(), 2, "{does}");
    last_position(&machine, |seen| *seen == Some(second)) < last_position(&machine, Option::is_none)
}

/// The last delivery of this kind: of a request, or of a result.
fn last_position(machine: &Alone, is_it: impl Fn(&Option<RequestId>) -> bool) -> Option<usize> {
    let deliveries = machine.observed.iter().filter_map(|observed| match observed {
        Observation::Instance { seen: Seen::DeliveredRequest(request), .. } => Some(Some(*request)),
        Observation::Instance { seen: Seen::DeliveredResult(_), .. } => Some(None),
        _ => None,
    });
    let position = deliveries.enumerate().filter(|(_, delivery)| is_it(delivery)).last().map(|(at, _)| at);
    assert!(position.is_some(), "it is delivered");
    position
}

#[test]
fn o3_a_read_lets_nobody_in_unless_it_asks_for_that() {
    assert!(!lets_in("get"));
    assert!(lets_in("get, letting in"));
}

#[test]
fn o3_a_sync_leaves_the_gate_open() {
    assert!(lets_in("sync"));
}

/// Whoever has started it: what a section waits for passes the gate that it has closed, and nothing else does.
#[test]
fn o3_a_section_is_given_what_it_waits_for() {
    assert!(!lets_in("sync in a section"));
    assert!(!lets_in("call in a section"));
}
