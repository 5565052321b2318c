//! While a transaction is open nothing else of the object runs, and it does not stay open for ever (S5); what others have asked
//! for waits at its gate (O3).

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use reveille_model::history::{EndReason, Event, OpResult, StorageCall, What};
use reveille_sim::plan::{Limits, Plan, Request};
use reveille_sim::run::{Outcome, RunEnd, run};
use reveille_system::object::api::{Ctx, DurableObject, Request as Asked, Response, RustClass, Thrown};
use reveille_system::object::class::Classes;

use crate::common;

const SERVICE: &str = "http://example.com/";
const LEFT_BEHIND: &str = "left behind";
const WAITED_FOR: &str = "waited for";

/// Requests of which one wakes the other without the help of the host.
struct Bed {
    ctx: Ctx,
    sleeper: RefCell<Option<Waker>>,
}

impl DurableObject for Bed {
    const CLASS: &'static str = "Bed";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self { ctx, sleeper: RefCell::default() })
    }

    async fn fetch(self: Rc<Self>, request: Asked) -> Result<Response, Thrown> {
        let storage = self.ctx.storage();
        match &*request.text() {
            "sleep" => {
                let mut slept = false;
                poll_fn(|cx| {
                    if std::mem::replace(&mut slept, true) {
                        return Poll::Ready(());
                    }
                    *self.sleeper.borrow_mut() = Some(cx.waker().clone());
                    Poll::Pending
                })
                .await;
                storage.put("awake", "").await?;
            }
            "wake" => {
                let wakes = async {
                    storage.put("woke", "").await?;
                    self.sleeper.take().expect("somebody sleeps").wake();
                    self.ctx.block_concurrency_while(self.clone().in_section());
                    storage.get("unknown").await?;
                    Err(Thrown("and then it failed".to_owned()))
                };
                let failed: Result<(), Thrown> = storage.transaction(wakes).await;
                failed.expect_err("it failed");
            }
            "forget" => {
                let ctx = Box::leak(Box::new(self.ctx.clone()));
                let mut open = Box::pin(ctx.storage().transaction::<(), Thrown, _>(async {
                    ctx.storage().put("forgotten", "").await?;
                    pending().await
                }));
                poll_fn(|cx| Poll::Ready(open.as_mut().poll(cx).is_pending())).await;
                std::mem::forget(open);
            }
            "leave behind" => {
                let calls = async { Ok::<_, Thrown>([(); 4].map(|()| self.ctx.fetch(SERVICE, LEFT_BEHIND))) };
                let left = storage.transaction(calls).await?;
                self.waits_in_a_transaction().await?;
                for call in left {
                    call.await?;
                }
            }
            "leave behind before a transaction of the section" => {
                let bed = self.clone();
                self.ctx.block_concurrency_while(async move {
                    let left = [(); 4].map(|()| bed.ctx.fetch(SERVICE, LEFT_BEHIND));
                    bed.waits_in_a_transaction().await?;
                    for call in left {
                        call.await?;
                    }
                    Ok::<_, Thrown>(())
                });
            }
            "leave behind in a section" => {
                let ctx = self.ctx.clone();
                self.ctx.block_concurrency_while(async move {
                    (0..4).for_each(|_| drop(ctx.fetch(SERVICE, LEFT_BEHIND)));
                    Ok::<_, Thrown>(())
                });
                self.ctx.fetch(SERVICE, "between").await?;
                self.waits_in_a_transaction().await?;
            }
            _ => storage.transaction::<(), Thrown, _>(pending()).await?,
        }
        Ok(Response::ok(""))
    }
}

impl Bed {
    async fn waits_in_a_transaction(&self) -> Result<(), Thrown> {
        let waits = async {
            self.ctx.storage().put("waiting", "").await?;
            self.ctx.fetch(SERVICE, WAITED_FOR).await?;
            Ok(())
        };
        self.ctx.storage().transaction(waits).await
    }

    async fn in_section(self: Rc<Self>) -> Result<(), Thrown> {
        self.ctx.storage().put("section", "").await?;
        Ok(())
    }
}

fn asked(bodies: &[&str]) -> Outcome {
    asked_within(bodies, Limits::OF_THE_CONTRACT)
}

/// A run with these limits in which a transaction never ends.
pub(crate) fn hangs(limits: Limits) -> Outcome {
    asked_within(&["hang"], limits)
}

fn asked_within(bodies: &[&str], limits: Limits) -> Outcome {
    let requests = bodies.iter().zip(0u16..).map(|(body, number)| Request {
        at_ms: u64::from(number) * 500,
        machine: 0,
        object: "Bed/0".to_owned(),
        body: (*body).to_owned(),
        ..Request::default()
    });
    let plan = Plan { workload: requests.collect(), faults: Vec::new(), limits, ..common::plan(1) };
    let outcome = run(&plan, || Classes::default().with(RustClass::<Bed>::default()));
    assert_eq!(outcome.end, RunEnd::Completed);
    assert_eq!(outcome.verdict.violations, []);
    outcome
}

/// Where the history tells this.
fn position(outcome: &Outcome, what: impl Fn(&Event) -> bool) -> usize {
    outcome.history.events.iter().position(what).expect("it is told")
}

fn puts(key: &str) -> impl Fn(&Event) -> bool {
    move |event| matches!(&event.what, What::Op { call: StorageCall::Put { key: it, .. }, .. } if **it == *key)
}

fn rolled_back(outcome: &Outcome, why: &str) -> usize {
    position(
        outcome,
        |event| matches!(&event.what, What::OpResult { result: OpResult::Error(it), .. } if it.contains(why)),
    )
}

fn at_rest(outcome: &Outcome) -> Vec<String> {
    let keys = outcome.history.events.iter().filter_map(|event| match &event.what {
        What::AtRest { keys, .. } => Some(keys.keys().map(ToString::to_string)),
        _ => None,
    });
    keys.flatten().collect()
}

#[test]
fn s5_what_was_woken_in_a_transaction_runs_after_it() {
    let outcome = asked(&["sleep", "wake"]);
    let ended = rolled_back(&outcome, "and then it failed");
    assert!(position(&outcome, puts("woke")) < ended);
    assert!(position(&outcome, puts("awake")) > ended);
    assert!(position(&outcome, puts("section")) > ended);
    assert_eq!(at_rest(&outcome), ["awake", "section"]);
}

#[test]
fn s5_a_transaction_ends_with_the_event_that_began_it() {
    let outcome = asked(&["forget", "sleep", "wake"]);
    rolled_back(&outcome, "the event that began it has ended");
    assert_eq!(at_rest(&outcome), ["awake", "section"]);
}

#[test]
fn s5_a_transaction_has_the_time_limit_of_a_section() {
    let outcome = asked(&["hang", "sleep"]);
    let begun =
        position(&outcome, |event| matches!(event.what, What::Op { call: StorageCall::Transaction, .. }));
    let reset = position(&outcome, |event| match &event.what {
        What::InstanceEnd { reason: EndReason::Reset { why, .. } } => why.contains("exceeded its time limit"),
        _ => false,
    });
    let at_s = |index: usize| outcome.history.events[index].at_ns / 1_000_000_000;
    assert!((30..=31).contains(&(at_s(reset) - at_s(begun))), "{} s", at_s(reset) - at_s(begun));
    assert!(rolled_back(&outcome, "the object was reset") < reset);
}

/// The calls to the outside service that say this, with the operations that they are of.
fn calls(outcome: &Outcome, saying: &str) -> Vec<(u64, u64)> {
    let calls = outcome.history.events.iter().filter_map(|event| match &event.what {
        What::Outbound { call, body, op: Some(op), .. } if *body == saying.into() => Some((*call, *op)),
        _ => None,
    });
    calls.collect()
}

/// What a section or a transaction has asked for passes the gate that it closes, and not one that is closed later.
#[test]
fn o3_what_is_left_behind_waits_at_the_next_closed_gate() {
    let bodies =
        ["leave behind", "leave behind in a section", "leave behind before a transaction of the section"];
    for body in bodies {
        let outcome = asked(&[body]);
        let given = |op: u64| {
            position(&outcome, |event| matches!(event.what, What::OpResult { op: it, .. } if it == op))
        };
        let comes = |call: u64| {
            position(
                &outcome,
                |event| matches!(event.what, What::OutboundReturn { call: it, .. } if it == call),
            )
        };
        let closed = position(&outcome, puts("waiting"));
        let [(_, waited_for)] = calls(&outcome, WAITED_FOR)[..] else { panic!("it is called once") };
        let left = calls(&outcome, LEFT_BEHIND);
        assert_eq!(left.len(), 4, "{body}");
        let meanwhile = left.iter().filter(|(call, _)| (closed..given(waited_for)).contains(&comes(*call)));
        let meanwhile: Vec<_> = meanwhile.collect();
        assert!(!meanwhile.is_empty(), "{body}: an answer comes while the gate is closed");
        assert!(meanwhile.iter().all(|(_, op)| given(*op) > given(waited_for)), "{body}");
    }
}
