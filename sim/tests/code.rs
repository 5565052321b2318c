//! What object code can do beside storage: wait for a time, go on after its answer, draw random numbers, know its name, promise
//! something itself, and speak HTTP with clients and services.

use std::rc::Rc;

use reveille_model::history::{
    Delivery, EndReason, Event, OpResult, Outcome as Ended, PromiseKind, ResetCause, What,
};
use reveille_sim::plan::{Plan, Request};
use reveille_sim::run::{Code, Outcome, RunEnd, run};
use reveille_system::object::api::{
    Ctx, DurableObject, OutsideAnswer, Request as Asked, Response, RustClass, Thrown,
};
use reveille_system::object::class::Classes;

use crate::common;

const SERVICE: &str = "http://example.com/";

/// Does what the body of a request says.
struct Porter(Ctx);

impl DurableObject for Porter {
    const CLASS: &'static str = "Porter";
    const DECLARES_ALARM: bool = false;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self(ctx))
    }

    async fn fetch(self: Rc<Self>, request: Asked) -> Result<Response, Thrown> {
        let ctx = self.0.clone();
        match &*request.text() {
            "sleep" => ctx.sleep(1_000).await,
            "section" => self.0.block_concurrency_while(async move {
                ctx.sleep(1_000).await;
                Ok(())
            }),
            "later" => self.0.wait_until(async move {
                ctx.sleep(5_000).await;
                ctx.storage().put("late", "1").await?;
                Ok(())
            }),
            "fails later" => self.0.wait_until(async { Err(Thrown("it failed".to_owned())) }),
            "panics later" => self.0.wait_until(async move {
                ctx.sleep(100).await;
                panic!("it panicked")
            }),
            "read" => return Response::json(&ctx.storage().get_json::<u8>("late").await?),
            "random" => return Ok(Response::ok(ctx.random().to_string())),
            "promise" => {
                ctx.always("the body is there", !request.body.is_empty());
                ctx.sometimes("it rains", false);
                ctx.unreachable("the end of the world");
            }
            "who" => return Ok(Response::ok(format!("{} {}", ctx.id(), ctx.name()))),
            _ => return self.passes_on(request).await,
        }
        Ok(Response::ok("done"))
    }
}

impl Porter {
    /// Asks the service what it was asked, and answers what that says.
    async fn passes_on(&self, request: Asked) -> Result<Response, Thrown> {
        let answer = self.0.fetch_request(SERVICE, request).await?;
        let counted: usize = answer.json()?;
        let from = answer.headers.get("X-From").unwrap_or("nobody").to_owned();
        Ok(Response::json(&counted)?.with_status(201).with_header("X-From", from))
    }
}

/// Asks `Porter/NAME` through machine 0.
fn asks(at_ms: u64, name: &str, body: &str) -> Request {
    let (object, body) = (format!("Porter/{name}"), body.to_owned());
    Request { at_ms, object, body, ..Request::default() }
}

fn plan_of(workload: Vec<Request>) -> Plan {
    let mut plan = Plan { workload, faults: Vec::new(), ..common::plan(1) };
    (plan.idle_evict_ms, plan.network.loss_ppm) = (1_000, 0);
    plan
}

fn outcome_of(plan: &Plan) -> Outcome {
    // What the service counts are the bytes of the path.
    let counts = |call: &Asked| OutsideAnswer {
        headers: [("x-from", format!("{} {}", call.method, call.headers.get("x-trace").unwrap_or("?")))]
            .into_iter()
            .collect(),
        ..OutsideAnswer::of(200, call.path.len().to_string())
    };
    let code = Code::of(|| Classes::default().with(RustClass::<Porter>::default()))
        .with_services(move |services| services.with(SERVICE, counts));
    let outcome = run(plan, code);
    assert_eq!(outcome.end, RunEnd::Completed);
    assert_eq!(outcome.verdict.violations, []);
    outcome
}

fn outcome(workload: Vec<Request>) -> Outcome {
    outcome_of(&plan_of(workload))
}

/// When the first event that fits happened, in milliseconds, and the event.
fn first(outcome: &Outcome, fits: impl Fn(&What) -> bool) -> (u64, &Event) {
    let event = outcome.history.events.iter().find(|event| fits(&event.what));
    event.map(|event| (event.at_ns / 1_000_000, event)).expect("it happened")
}

/// When a request was answered, in milliseconds, and with which body.
fn answer(outcome: &Outcome, number: u64) -> (u64, String) {
    let (at_ms, event) =
        first(outcome, |what| matches!(what, What::Return { request, .. } if *request == number));
    match &event.what {
        What::Return { outcome: Ended::Answered { body, .. }, .. } => (at_ms, body.text().into_owned()),
        other => panic!("request {number} was not answered: {other:?}"),
    }
}

fn delivered_ms(outcome: &Outcome, number: u64) -> u64 {
    let delivery = Delivery::Request { request: number };
    first(outcome, |what| *what == What::Deliver { delivery }).0
}

#[test]
fn o3_a_timer_is_over_in_its_time_and_other_events_come_in_meanwhile() {
    let outcome = outcome(vec![asks(0, "a", "sleep"), asks(300, "a", "who")]);
    let (set_ms, timer) = first(&outcome, |what| matches!(what, What::Timer { for_ms: 1_000, .. }));
    let What::Timer { op: timer, .. } = timer.what else { unreachable!() };
    let is_end = |what: &What| matches!(what, What::OpResult { op, result: OpResult::Done } if *op == timer);
    let (over_ms, _) = first(&outcome, is_end);
    assert!((set_ms + 999..set_ms + 1_010).contains(&over_ms), "from {set_ms} to {over_ms}");
    assert!(answer(&outcome, 1).0 < over_ms && over_ms <= answer(&outcome, 0).0);
}

#[test]
fn o3_a_timer_of_a_section_passes_the_gate_that_others_wait_at() {
    let outcome = outcome(vec![asks(0, "a", "section"), asks(300, "a", "who")]);
    let waited_ms = delivered_ms(&outcome, 1) - delivered_ms(&outcome, 0);
    assert!((999..1_010).contains(&waited_ms), "it waited for {waited_ms} ms");
}

#[test]
fn what_waits_until_goes_on_after_the_answer_and_keeps_its_instance_in_memory() {
    let outcome = outcome(vec![asks(0, "a", "later"), asks(8_000, "a", "read")]);
    assert!(answer(&outcome, 0).0 < delivered_ms(&outcome, 0) + 1_000);
    assert_eq!(answer(&outcome, 1).1, "1");
    let (_, put) = first(&outcome, |what| matches!(what, What::Op { .. }));
    let delivery = Delivery::Request { request: 0 };
    let (_, asked) = first(&outcome, |what| *what == What::Deliver { delivery });
    let instance = |event: &Event| event.by.as_ref().map(|by| by.instance);
    assert_eq!(instance(put), instance(asked), "an object that goes on is not idle");
    let (evicted_ms, _) = first(&outcome, |what| *what == What::InstanceEnd { reason: EndReason::Evicted });
    assert!(evicted_ms > put.at_ns / 1_000_000);
}

#[test]
fn r1_what_waits_until_may_fail_and_resets_its_instance_if_it_panics() {
    let outcome = outcome(vec![asks(0, "a", "fails later"), asks(100, "a", "panics later")]);
    assert_eq!((answer(&outcome, 0).1, answer(&outcome, 1).1), ("done".to_owned(), "done".to_owned()));
    let resets: Vec<&Event> = outcome
        .history
        .events
        .iter()
        .filter(|event| {
            matches!(&event.what, What::InstanceEnd { reason: EndReason::Reset { cause, .. } }
                if *cause == Some(ResetCause::Panic))
        })
        .collect();
    assert_eq!(resets.len(), 1);
    assert!(resets[0].at_ns / 1_000_000 >= answer(&outcome, 1).0);
}

#[test]
fn random_numbers_differ_from_draw_to_draw_and_object_to_object_and_come_again_in_an_equal_run() {
    let workload = || {
        vec![
            asks(0, "a", "random"),
            asks(100, "a", "random"),
            asks(200, "b", "random"),
            asks(5_000, "a", "random"),
        ]
    };
    let drawn = |outcome: &Outcome| (0..4).map(|number| answer(outcome, number).1).collect::<Vec<_>>();
    let (one, again) = (outcome(workload()), outcome(workload()));
    assert_eq!((drawn(&one), one.digest), (drawn(&again), again.digest));
    let mut all = drawn(&one);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4, "{all:?}");
}

#[test]
fn o2_an_id_is_that_of_class_and_name_on_every_machine() {
    let mut workload = vec![asks(0, "a", "who"), asks(100, "b", "who"), asks(5_000, "a", "who")];
    workload[2].machine = 1;
    let outcome = outcome(workload);
    let said = |name| format!("{} {name}", Ctx::id_from_name("Porter", name));
    assert_eq!(answer(&outcome, 0).1, said("a"));
    assert_eq!(answer(&outcome, 1).1, said("b"));
    assert_eq!(answer(&outcome, 2).1, said("a"));
    let id = Ctx::id_from_name("Porter", "a");
    assert!(id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_ne!(id, Ctx::id_from_name("Porter", "b"));
    assert_ne!(id, Ctx::id_from_name("Butler", "a"));
}

#[test]
fn what_code_promises_itself_is_told_and_the_contract_says_nothing_about_it() {
    let outcome = outcome(vec![asks(0, "a", "promise")]);
    let told: Vec<(&str, PromiseKind, bool)> = outcome
        .history
        .events
        .iter()
        .filter_map(|event| match &event.what {
            What::Promise { name, kind, held } => Some((&**name, *kind, *held)),
            _ => None,
        })
        .collect();
    let expected = [
        ("the body is there", PromiseKind::Always, true),
        ("it rains", PromiseKind::Sometimes, false),
        ("the end of the world", PromiseKind::Unreachable, false),
    ];
    assert_eq!(told, expected);
}

#[test]
fn w1_method_path_and_headers_reach_object_and_service_and_the_answers_come_back() {
    let mut asked = asks(0, "a", "five");
    (asked.method, asked.path) = (Some("PUT".into()), Some("/boxes?of=5".into()));
    asked.headers = vec![("x-trace".into(), "t1".into())];
    // Through a machine that does not have the object, too.
    let again: Vec<Request> =
        (1..3).map(|machine| Request { at_ms: 1_000, machine, ..asked.clone() }).collect();
    let outcome = outcome([vec![asked], again].concat());
    let returned = outcome.history.events.iter().filter_map(|event| match &event.what {
        What::Return { outcome: Ended::Answered { status, headers, body }, .. } => Some((
            *status,
            headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>(),
            body.text(),
        )),
        _ => None,
    });
    let expected = vec!["content-type: application/json".to_owned(), "x-from: PUT t1".to_owned()];
    let returned: Vec<_> = returned.collect();
    assert_eq!(returned.len(), 3);
    for (status, headers, body) in returned {
        assert_eq!((status, &headers, &*body), (201, &expected, "11"));
    }
    let (_, arrived) = first(&outcome, |what| matches!(what, What::OutboundArrive { .. }));
    let What::OutboundArrive { head, .. } = &arrived.what else { unreachable!() };
    assert_eq!((head.method(), head.path()), ("PUT", "/boxes?of=5"));
    assert_eq!(head.headers().collect::<Vec<_>>(), [("x-trace", "t1")]);
}

#[test]
fn a_head_that_http_could_not_say_is_refused_with_its_place() {
    let with = |change: fn(&mut Request)| {
        let mut request = asks(0, "a", "who");
        change(&mut request);
        plan_of(vec![request]).validate().map_err(|error| error.to_string())
    };
    assert_eq!(with(|request| request.method = Some("GET".into())), Ok(()));
    type Change = fn(&mut Request);
    let wrong: [(Change, &str); 5] = [
        (
            |request| request.method = Some("get".into()),
            "workload[0].method is \"get\"; it is from 1 to 32 upper-case",
        ),
        (|request| request.path = Some("x".into()), "workload[0].path is \"x\"; it begins with a slash"),
        (
            |request| request.headers = vec![("A".into(), String::new())],
            "workload[0].headers[0][0] is \"A\"; a name is",
        ),
        (
            |request| request.headers = vec![("a".into(), " ".into())],
            "workload[0].headers[0][1] is \" \"; a value has",
        ),
        (
            |request| request.headers = vec![("a".into(), String::new()); 65],
            "workload[0].headers is a list of 65",
        ),
    ];
    for (change, said) in wrong {
        let error = with(change).expect_err(said);
        assert!(error.starts_with(&format!("the plan's {said}")), "{error}");
    }
}
