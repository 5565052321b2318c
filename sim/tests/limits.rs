//! Limits of object code: what exceeds one is reset, fails, and is said to have (O4, O7, R1).

use std::rc::Rc;

use reveille_model::history::{EndReason, Event, RunOutcome, What};
use reveille_sim::plan::{Limits, Plan, Request};
use reveille_sim::run::{Outcome, RunEnd, run};
use reveille_system::object::api::{
    AlarmInfo, Ctx, DurableObject, Request as Asked, Response, RustClass, Thrown,
};
use reveille_system::object::class::Classes;

use crate::common;

/// The longest run, in milliseconds.
const RUN_MS: u64 = 2_000;

/// Wants too much, once.
struct Glutton(Ctx);

impl DurableObject for Glutton {
    const CLASS: &'static str = "Glutton";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self(ctx))
    }

    async fn fetch(self: Rc<Self>, request: Asked) -> Result<Response, Thrown> {
        self.0.storage().put("wants", request.body).await?;
        self.0.storage().set_alarm(self.0.now_ms() + 500).await?;
        Ok(Response::ok(""))
    }

    async fn alarm(self: Rc<Self>, info: AlarmInfo) -> Result<(), Thrown> {
        if info.is_retry {
            return Ok(());
        }
        match self.0.storage().get("wants").await?.as_deref() {
            Some(b"calls") => loop {
                self.0.storage().put("more", "").await?;
            },
            _ => {
                // Each takes up to a fifth of a second.
                for _ in 0..100 {
                    self.0.fetch("upstream", "").await?;
                }
                Ok(())
            }
        }
    }
}

fn wants(what: &str) -> Outcome {
    let request = Request {
        at_ms: 0,
        machine: 0,
        object: "Glutton/0".to_owned(),
        body: what.to_owned(),
        ..Request::default()
    };
    let limits = Limits { run_ms: RUN_MS, turn_budget: 100, ..Limits::OF_THE_CONTRACT };
    let plan = Plan { workload: vec![request], faults: Vec::new(), limits, ..common::plan(1) };
    let outcome = run(&plan, || Classes::default().with(RustClass::<Glutton>::default()));
    assert_eq!(outcome.end, RunEnd::Completed);
    assert_eq!(outcome.verdict.violations, []);
    outcome
}

fn find(outcome: &Outcome, what: impl Fn(&What) -> bool) -> &Event {
    outcome.history.events.iter().find(|event| what(&event.what)).expect("it is told")
}

fn fails(what: &What) -> bool {
    matches!(what, What::RunEnd { outcome: RunOutcome::Failed { .. }, .. })
}

#[test]
fn o7_an_object_that_uses_up_its_budget_is_over_a_limit_and_its_run_fails() {
    let outcome = wants("calls");
    let failed = find(&outcome, fails);
    let is_over = |what: &What| matches!(what, What::InstanceEnd { reason: EndReason::OverLimit { .. } });
    let over = find(&outcome, is_over);
    assert_eq!(failed.by.as_ref().map(|by| by.instance), over.by.as_ref().map(|by| by.instance));
    find(&outcome, |what| matches!(what, What::RunStart { retry_count: 1, .. }));
}

#[test]
fn r1_nothing_is_delivered_to_a_run_that_has_exceeded_its_time_limit() {
    let outcome = wants("time");
    let started = find(&outcome, |what| matches!(what, What::RunStart { .. }));
    let failed = find(&outcome, fails);
    let took_ms = (failed.at_ns - started.at_ns) / 1_000_000;
    // The next answer, which takes up to 200 ms, or the next tick would have delivered more.
    assert!((RUN_MS..=RUN_MS + 220).contains(&took_ms), "{took_ms} ms");
    find(&outcome, |what| matches!(what, What::InstanceEnd { reason: EndReason::Reset { .. } }));
    find(&outcome, |what| matches!(what, What::RunStart { retry_count: 1, .. }));
}
