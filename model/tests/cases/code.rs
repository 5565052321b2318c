//! What object code can do beside storage: timers, and requests and answers with methods, paths and headers.

use reveille_model::history::{AwaitKind, Blob, Delivery, Head, Headers, OpResult, Outcome, What};

use super::{Case, case};
use reveille_model::build::Tale;

pub(super) fn cases() -> Vec<Case> {
    [timers(), heads()].into_iter().flatten().collect()
}

/// Operation 50 is a timer of a second, set at the first second.
fn sets(tale: &mut Tale) -> &mut Tale {
    tale.asks(6, "Batcher/0").on_machine(0, What::RequestArrive { request: 6 });
    tale.deliver(2, Delivery::Request { request: 6 }).put("k", "v").commit();
    tale.at(1.0).does(What::Timer { op: 50, for_ms: 1_000 });
    tale.does(What::Await { op: 50, kind: AwaitKind::Timer })
}

fn is_over(tale: &mut Tale, turn: u32) {
    tale.deliver(turn, Delivery::Result { op: 50 }).result(50, OpResult::Done);
}

fn timers() -> Vec<Case> {
    vec![
        case("O3", "a timer is over before its time on any clock", |tale, breaks| {
            sets(tale);
            is_over(tale.at(if breaks { 1.998 } else { 1.999 }), 3);
        }),
        case("O3", "the end of a timer comes in through a closed gate", |tale, breaks| {
            sets(tale).turn(3).does(What::Gate { closed: true });
            if !breaks {
                tale.at(2.4).turn(4).does(What::Gate { closed: false });
            }
            is_over(tale.at(2.5), 5);
        }),
        case("W2", "the end of a timer comes late in calm", |tale, breaks| {
            sets(tale);
            is_over(tale.at(if breaks { 12.1 } else { 11.9 }), 3);
        }),
        case("W2", "a timer behind a section is late by the time in which it was let in", |tale, breaks| {
            sets(tale).turn(3).does(What::Gate { closed: true });
            tale.at(20.0).turn(4).does(What::Gate { closed: false });
            is_over(tale.at(if breaks { 31.1 } else { 29.9 }), 5);
        }),
        case("W2", "a timer is never over", |tale, breaks| {
            sets(tale.other_is_evicted());
            tale.at(if breaks { 12.1 } else { 11.9 }).end();
        }),
        case("S1", "a timer is over twice", |tale, breaks| {
            sets(tale);
            is_over(tale.at(2.0), 3);
            if breaks {
                tale.at(3.0).turn(4).result(50, OpResult::Done);
            }
        }),
    ]
}

fn get(path: &str) -> Head {
    let headers = Headers::new(vec![("accept".into(), "text/plain".into())]);
    Head::new(Some("GET".into()), Some(path.into()), headers)
}

/// Call 3 is told, and leaves and arrives with these heads.
fn call(tale: &mut Tale, leaves: Head, arrives: Head) {
    let body = || Blob::from("b");
    let service = || "upstream".into();
    tale.does(What::Outbound { call: 3, service: service(), head: get("/a"), body: body(), op: Some(50) });
    tale.on_machine(0, What::OutboundLeave { call: 3, service: service(), head: leaves, body: body() });
    let arrived =
        What::OutboundArrive { call: 3, service: Some(service()), head: arrives, body: Some(body()) };
    tale.world(arrived);
}

fn with(value: &str) -> Headers {
    Headers::new(vec![("etag".into(), value.into())])
}

/// The answer to request 7 is told with this header, and leaves and is got with these.
fn answer(tale: &mut Tale, leaves: &str, got: &str) {
    let said = |value| Outcome::Answered { status: 200, headers: with(value), body: Blob::default() };
    tale.asks(7, "Batcher/0").on_machine(0, What::RequestArrive { request: 7 });
    tale.deliver(2, Delivery::Request { request: 7 });
    tale.does(What::Respond { request: 7, status: 200, headers: with("1"), body: Blob::default() });
    tale.on_machine(0, What::AnswerLeave { request: 7, outcome: said(leaves) });
    tale.world(What::Return { request: 7, outcome: said(got) });
}

fn heads() -> Vec<Case> {
    vec![
        case("W1", "a call leaves with another path than its object says", |tale, breaks| {
            let left = get(if breaks { "/b" } else { "/a" });
            call(tale, left.clone(), left);
        }),
        case("W1", "a call arrives with another head than it left with", |tale, breaks| {
            call(tale, get("/a"), if breaks { Head::default() } else { get("/a") });
        }),
        case("W1", "an answer leaves with another header than its object says", |tale, breaks| {
            let left = if breaks { "2" } else { "1" };
            answer(tale, left, left);
        }),
        case("W1", "a client gets another header than left for it", |tale, breaks| {
            answer(tale, "1", if breaks { "2" } else { "1" });
        }),
    ]
}
