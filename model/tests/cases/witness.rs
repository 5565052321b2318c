//! Witnesses: what the world sees of messages, disks and processes agrees with what the system tells (W1), and in calm requests are
//! answered (W2).

use reveille_model::history::{
    Blob, Cause, Delivery, EndReason, Head, Headers, OpResult, Outcome, Process, ResetCause, Scope,
    StorageCall, What,
};

use super::{Case, case};
use reveille_model::build::{Tale, object};

const UPSTREAM: &str = "upstream";

/// The account: call 3 leaves in this turn, made by operation 50.
fn tells_call(tale: &mut Tale) -> &mut Tale {
    tale.does(What::Outbound {
        call: 3,
        service: UPSTREAM.into(),
        head: Head::default(),
        body: "b".into(),
        op: Some(50),
    })
}

fn leaves(tale: &mut Tale, call: u64, body: &str) {
    tale.on_machine(
        0,
        What::OutboundLeave { call, service: UPSTREAM.into(), head: Head::default(), body: body.into() },
    );
}

fn arrives(tale: &mut Tale, call: u64, body: &str) {
    let (service, body) = (Some(UPSTREAM.into()), Some(body.into()));
    tale.world(What::OutboundArrive { call, service, head: Head::default(), body });
}

/// What the service says, as it is told in one place: with a header or without, and its body, if that is told.
#[derive(Clone, Default)]
struct Said {
    has_header: bool,
    body: Option<&'static str>,
}

impl Said {
    fn headers(&self) -> Headers {
        let header = ("retry-after".into(), "5".into());
        Headers::new(if self.has_header { vec![header] } else { Vec::new() })
    }

    fn body(&self) -> Option<Blob> {
        self.body.map(Blob::from)
    }
}

fn answered(tale: &mut Tale, status: u16) {
    answered_as(tale, status, &Said::default());
}

fn answered_as(tale: &mut Tale, status: u16, said: &Said) {
    let (headers, body) = (said.headers(), said.body());
    tale.world(What::OutboundAnswer { call: 3, status: Some(status), headers, body });
}

fn comes_back(tale: &mut Tale, status: u16) {
    comes_back_as(tale, status, &Said::default());
}

fn comes_back_as(tale: &mut Tale, status: u16, said: &Said) {
    let (headers, body) = (said.headers(), said.body());
    tale.on_machine(0, What::OutboundReturn { call: 3, status: Some(status), headers, body });
}

fn is_given(tale: &mut Tale, status: u16) {
    is_given_as(tale, status, &Said::default());
}

fn is_given_as(tale: &mut Tale, status: u16, said: &Said) {
    let (headers, body) = (said.headers(), said.body());
    tale.deliver(9, Delivery::Result { op: 50 }).result(50, OpResult::Answer { status, headers, body });
}

/// The service answers one thing, another one comes back, and object code is given a third.
fn three_tellings(tale: &mut Tale, [answered, came, given]: [Said; 3]) {
    has_arrived(tale);
    answered_as(tale, 200, &answered);
    comes_back_as(tale, 200, &came);
    is_given_as(tale, 200, &given);
}

fn says(body: &'static str) -> Said {
    Said { has_header: false, body: Some(body) }
}

/// Call 3 has left and was received.
fn has_arrived(tale: &mut Tale) {
    leaves(tells_call(tale), 3, "b");
    arrives(tale, 3, "b");
}

/// Call 3 was answered, and the answer has come back.
fn has_come_back(tale: &mut Tale) {
    has_arrived(tale);
    answered(tale, 200);
    comes_back(tale, 200);
}

/// Request 7 is sent and reaches machine 0.
fn asks(tale: &mut Tale) -> &mut Tale {
    tale.asks(7, "Batcher/0").on_machine(0, What::RequestArrive { request: 7 })
}

/// And is given to object code.
fn is_asked(tale: &mut Tale) -> &mut Tale {
    asks(tale).deliver(2, Delivery::Request { request: 7 })
}

/// Another request is given to object code.
fn is_delivered(tale: &mut Tale) {
    tale.asks(6, "Batcher/0").on_machine(0, What::RequestArrive { request: 6 });
    tale.deliver(2, Delivery::Request { request: 6 });
}

fn path(path: &str) -> Head {
    Head::new(None, Some(path.into()), Headers::default())
}

/// Request 7 is sent, reaches machine 0, and is delivered.
fn asks_for(tale: &mut Tale, at: &str, body: &str) {
    tale.world(What::Call { request: 7, to: object(), head: path(at), body: body.into() });
    tale.on_machine(0, What::RequestArrive { request: 7 });
    tale.deliver(2, Delivery::Request { request: 7 });
}

/// That is what object code is given of it.
fn starts(tale: &mut Tale, at: &str, body: &str) {
    tale.does(What::RequestStart { request: 7, head: path(at), body: Some(body.into()) });
}

fn said(body: &str) -> Outcome {
    Outcome::Answered { status: 200, headers: Headers::default(), body: body.into() }
}

fn answer_leaves(tale: &mut Tale, body: &str) {
    tale.on_machine(0, What::AnswerLeave { request: 7, outcome: said(body) });
}

fn is_refused(tale: &mut Tale, request: u64) {
    let outcome = Outcome::Refused { reason: "too many wait".into() };
    tale.on_machine(0, What::AnswerLeave { request, outcome });
}

fn is_told(tale: &mut Tale, body: &str) {
    tale.world(What::Return { request: 7, outcome: said(body) });
}

fn gives_up(tale: &mut Tale) {
    tale.world(What::Return { request: 7, outcome: Outcome::Unknown });
}

fn process(tale: &mut Tale, state: Process) {
    tale.on_machine(0, What::Process { state });
}

pub(super) fn cases() -> Vec<Case> {
    [calls(), answers(), elsewhere(), requests(), turns(), among_faults(), storage(), load()]
        .into_iter()
        .flatten()
        .collect()
}

fn calls() -> Vec<Case> {
    vec![
        case("W1", "a call leaves that no object tells of", |tale, breaks| {
            leaves(tells_call(tale), if breaks { 4 } else { 3 }, "b");
        }),
        case("W1", "a call leaves another machine than that of its object", |tale, breaks| {
            tells_call(tale);
            let (service, body) = (UPSTREAM.into(), "b".into());
            tale.on_machine(
                u16::from(breaks),
                What::OutboundLeave { call: 3, service, head: Head::default(), body },
            );
        }),
        case("W1", "an answer comes back to another machine than that of its object", |tale, breaks| {
            has_arrived(tale);
            answered(tale, 200);
            let (status, headers) = (Some(200), Headers::default());
            let what = What::OutboundReturn { call: 3, status, headers, body: None };
            tale.on_machine(u16::from(breaks), what);
        }),
        case("W1", "a call leaves twice and is told once", |tale, breaks| {
            has_arrived(tale);
            if breaks {
                leaves(tale, 4, "b");
            }
        }),
        case("W1", "what leaves for a service is not what its object says", |tale, breaks| {
            leaves(tells_call(tale), 3, if breaks { "c" } else { "b" });
        }),
        case("W1", "a call is told that never leaves", |tale, breaks| {
            leaves(tells_call(tale), 3, "b");
            tale.does(What::Outbound {
                call: 4,
                service: UPSTREAM.into(),
                head: Head::default(),
                body: "b".into(),
                op: None,
            });
            if !breaks {
                leaves(tale, 4, "b");
            }
            tale.at(11.0).end();
        }),
        case("W1", "a call arrives that has not left", |tale, breaks| {
            leaves(tells_call(tale), 3, "b");
            arrives(tale, if breaks { 4 } else { 3 }, "b");
        }),
        case("W1", "a call arrives that was told and has not left", |tale, breaks| {
            leaves(tells_call(tale), 3, "b");
            let (service, head, body) = (UPSTREAM.into(), Head::default(), "c".into());
            tale.does(What::Outbound { call: 4, service, head, body, op: None });
            if !breaks {
                leaves(tale, 4, "c");
            }
            arrives(tale, 4, "c");
        }),
        case("W1", "a call arrives twice", |tale, breaks| {
            has_arrived(tale);
            if breaks {
                arrives(tale, 3, "b");
            }
        }),
        case("W1", "a call arrives once more after it is over", |tale, breaks| {
            has_come_back(tale);
            is_given(tale.at(1.0), 200);
            if breaks {
                arrives(tale, 3, "b");
            }
        }),
        case("W1", "a service receives other bytes than were sent", |tale, breaks| {
            leaves(tells_call(tale), 3, "b");
            arrives(tale, 3, if breaks { "c" } else { "b" });
        }),
        case("W1", "a call that no link has lost does not arrive", |tale, breaks| {
            has_arrived(tale);
            tale.does(What::Outbound {
                call: 4,
                service: UPSTREAM.into(),
                head: Head::default(),
                body: "b".into(),
                op: None,
            });
            leaves(tale, 4, "b");
            if !breaks {
                tale.world(What::OutboundLost { call: 4 });
            }
            tale.at(61.0).end();
        }),
        case("W1", "an answer comes back that the service did not give", |tale, breaks| {
            has_arrived(tale);
            answered(tale, if breaks { 500 } else { 200 });
            comes_back(tale, 200);
        }),
        case("W1", "an answer that no link has lost does not come back", |tale, breaks| {
            has_arrived(tale);
            answered(tale, 200);
            if !breaks {
                tale.world(What::OutboundLost { call: 3 });
            }
            // Others come back.
            let headers = Headers::default();
            tale.on_machine(1, What::OutboundReturn { call: 9, status: None, headers, body: None });
            tale.at(61.0).end();
        }),
        case(
            "W1",
            "the body of an answer that comes back is another one than the service sent",
            |tale, breaks| {
                three_tellings(tale, [says("a"), says(if breaks { "b" } else { "a" }), Said::default()]);
            },
        ),
        case("W1", "the header of an answer that comes back is none of the service", |tale, breaks| {
            let came = Said { has_header: breaks, ..says("a") };
            three_tellings(tale, [says("a"), came, Said::default()]);
        }),
        case("W1", "object code is given another body than came back", |tale, breaks| {
            let came = Said { body: if breaks { Some("a") } else { None }, has_header: false };
            three_tellings(tale, [Said::default(), came, says("b")]);
        }),
        case("W1", "object code is given a header that has not come back", |tale, breaks| {
            let given = Said { has_header: true, ..says("a") };
            three_tellings(tale, [says("a"), says("a"), if breaks { given } else { says("a") }]);
        }),
        case("W1", "object code is given another answer than came back", |tale, breaks| {
            has_come_back(tale);
            is_given(tale, if breaks { 500 } else { 200 });
        }),
        case("W1", "object code is given an answer that has not come back", |tale, breaks| {
            has_arrived(tale);
            answered(tale, 200);
            if breaks {
                is_given(tale, 200);
            }
            comes_back(tale, 200);
            if !breaks {
                is_given(tale, 200);
            }
        }),
        case("W1", "an answer that came back is given late", |tale, breaks| {
            has_come_back(tale);
            is_given(tale.at(if breaks { 10.1 } else { 9.9 }), 200);
        }),
        case("W1", "an answer that came back is never given", |tale, breaks| {
            has_come_back(tale);
            if breaks {
                tale.other_is_evicted();
            } else {
                tale.evicted();
            }
            tale.at(11.0).end();
        }),
        case(
            "W1",
            "an answer that came back is given at the time limit of its call alone",
            |tale, breaks| {
                tale.calls_last(if breaks { 10_500 } else { 9_500 });
                has_come_back(tale);
                tale.at(11.0)
                    .deliver(9, Delivery::Result { op: 50 })
                    .result(50, OpResult::Error("too late".into()));
            },
        ),
        case("W1", "an answer is given late though the gate was closed for a while", |tale, breaks| {
            has_come_back(tale);
            tale.turn(2).does(What::Gate { closed: true });
            tale.at(15.0).turn(3).does(What::Gate { closed: false });
            is_given(tale.at(if breaks { 25.1 } else { 24.9 }), 200);
        }),
    ]
}

fn answers() -> Vec<Case> {
    vec![
        case("W1", "an answer leaves before its object tells of it", |tale, breaks| {
            is_asked(tale);
            if breaks {
                answer_leaves(tale, "");
            }
            tale.respond();
            if !breaks {
                answer_leaves(tale, "");
            }
        }),
        case("W1", "an answer leaves as other bytes than its object has sent", |tale, breaks| {
            is_asked(tale).respond();
            answer_leaves(tale, if breaks { "other" } else { "" });
        }),
        case("W1", "an answer leaves another machine than its request has reached", |tale, breaks| {
            is_asked(tale).respond();
            tale.on_machine(u16::from(breaks), What::AnswerLeave { request: 7, outcome: said("") });
        }),
        case("W1", "an answer leaves twice", |tale, breaks| {
            is_asked(tale).respond();
            answer_leaves(tale, "");
            if breaks {
                answer_leaves(tale, "");
            }
        }),
        case("W1", "a client gets an answer that nobody has sent", |tale, breaks| {
            is_asked(tale).respond();
            if breaks {
                is_told(tale, "");
            }
            answer_leaves(tale, "");
            if !breaks {
                is_told(tale, "");
            }
        }),
        case("W1", "a client gets other bytes than were sent", |tale, breaks| {
            is_asked(tale).respond();
            answer_leaves(tale, "");
            is_told(tale, if breaks { "other" } else { "" });
        }),
        case("W1", "an answer that no link has lost does not reach its client", |tale, breaks| {
            is_asked(tale).respond();
            answer_leaves(tale, "");
            if !breaks {
                tale.world(What::AnswerLost { request: 7 });
            }
            // Other clients are told.
            tale.asks(8, "Batcher/1").world(What::Return { request: 8, outcome: Outcome::Unknown });
            tale.at(61.0).end();
        }),
        case("W1", "object code is given a request that has reached no machine", |tale, breaks| {
            tale.asks(7, "Batcher/0");
            if !breaks {
                tale.on_machine(0, What::RequestArrive { request: 7 });
            }
            tale.deliver(2, Delivery::Request { request: 7 });
            tale.on_machine(0, What::RequestArrive { request: 7 });
        }),
        case("W1", "object code is given another body than the client has sent", |tale, breaks| {
            asks_for(tale, "/a", "add");
            starts(tale, "/a", if breaks { "drop" } else { "add" });
        }),
        case("W1", "object code is given another path than the client has sent", |tale, breaks| {
            asks_for(tale, "/a", "add");
            starts(tale, if breaks { "/b" } else { "/a" }, "add");
        }),
        case("W1", "object code is given a body where clients send none", |tale, breaks| {
            asks_for(tale, "/a", "");
            if breaks {
                // Another client tells what it sends.
                let (head, body) = (Head::default(), "add".into());
                tale.world(What::Call { request: 8, to: object(), head, body });
            }
            starts(tale, "/a", "add");
        }),
        case("W1", "object code says that it read what it was not given", |tale, breaks| {
            is_asked(tale.echoes()).put("k", "v").get("k", Some("v")).commit();
            let body = if breaks { r#"{"read":[["k",null]]}"# } else { r#"{"read":[["k","v"]]}"# };
            tale.does(What::Respond {
                request: 7,
                status: 200,
                headers: Headers::default(),
                body: body.into(),
            });
        }),
    ]
}

/// Processes and disks.
fn elsewhere() -> Vec<Case> {
    vec![
        case("W1", "a machine that is down goes on", |tale, breaks| {
            process(tale, Process::Up);
            if breaks {
                process(tale, Process::Down);
            }
            tale.at(1.0).put("k", "v");
            if !breaks {
                process(tale, Process::Down);
            }
            tale.lost();
        }),
        case("W1", "an answer leaves a machine that stands still", |tale, breaks| {
            is_asked(tale).respond();
            process(tale, Process::Paused);
            if !breaks {
                process(tale, Process::Up);
            }
            answer_leaves(tale, "");
        }),
        case("W1", "a turn that was claimed durable lies on too few disks", |tale, breaks| {
            tale.put("k", "v").commit();
            tale.world(What::OnDisk {
                object: object(),
                instance: 1,
                turn: 1,
                replicas: vec![0, 1, 2],
                held_by: if breaks { vec![1] } else { vec![0, 1] },
            });
        }),
        case("W1", "undamaged disks lack a turn, and too few are damaged", |tale, breaks| {
            tale.put("k", "v").commit().at(1.0).on(0).fault(1, "disk-rot").on(1);
            if !breaks {
                tale.fault(2, "disk-rot");
            }
            tale.on(0).turn(2).put("k", "w").commit();
            tale.world(What::OnDisk {
                object: object(),
                instance: 1,
                turn: 2,
                replicas: vec![0, 1, 2],
                held_by: Vec::new(),
            });
        }),
    ]
}

fn requests() -> Vec<Case> {
    vec![
        case("W2", "a request waits in calm for an object that would let it in", |tale, breaks| {
            asks(tale);
            tale.at(if breaks { 10.1 } else { 9.9 }).deliver(2, Delivery::Request { request: 7 });
        }),
        case("W2", "a request is given to its object late, behind a section", |tale, breaks| {
            tale.turn(2).does(What::Gate { closed: true });
            asks(tale.at(1.0));
            tale.at(20.0).turn(3).does(What::Gate { closed: false });
            tale.at(if breaks { 30.1 } else { 29.9 }).deliver(4, Delivery::Request { request: 7 });
        }),
        case("W2", "a request is never given to its object", |tale, breaks| {
            is_delivered(tale);
            asks(tale);
            gives_up(tale.at(if breaks { 10.1 } else { 9.9 }));
        }),
        case("W2", "a request was not given to its object by the end", |tale, breaks| {
            is_delivered(tale);
            // Other clients are told.
            tale.asks(8, "Batcher/1").world(What::Return { request: 8, outcome: Outcome::Unknown });
            asks(tale);
            tale.at(if breaks { 10.1 } else { 9.9 }).end();
        }),
        case("W2", "an answer is told and has not left by the end", |tale, breaks| {
            asks(tale).deliver(2, Delivery::Request { request: 7 }).at(1.0).respond();
            if !breaks {
                answer_leaves(tale.at(2.0), "");
            }
            // Others are told, and somebody sees what leaves.
            tale.asks(8, "Batcher/1").on_machine(0, What::RequestArrive { request: 8 });
            is_refused(tale.queue_bound(0), 8);
            tale.world(What::Return {
                request: 8,
                outcome: Outcome::Refused { reason: "too many wait".into() },
            });
            tale.at(12.0).end();
        }),
        case("W2", "a fault long before is no reason to leave a request waiting", |tale, breaks| {
            is_delivered(tale);
            tale.at(1.0).on(1).fault(1, "pause").at(2.0).heal(1).on(0);
            asks(tale.at(if breaks { 62.1 } else { 61.9 }));
            gives_up(tale.at(80.0));
        }),
        case("W2", "an answer is told and does not leave", |tale, breaks| {
            asks(tale).deliver(2, Delivery::Request { request: 7 }).at(1.0).respond();
            if !breaks {
                answer_leaves(tale.at(2.0), "");
            }
            gives_up(tale.at(12.0));
            // Somebody sees what leaves.
            tale.asks(8, "Batcher/0").on_machine(0, What::RequestArrive { request: 8 });
            tale.deliver(3, Delivery::Request { request: 8 });
            tale.does(What::Respond {
                request: 8,
                status: 200,
                headers: Headers::default(),
                body: Blob::default(),
            });
            tale.on_machine(0, What::AnswerLeave { request: 8, outcome: said("") });
        }),
        case("W2", "an answer leaves long after it was told", |tale, breaks| {
            is_asked(tale).respond();
            answer_leaves(tale.at(if breaks { 10.1 } else { 9.9 }), "");
        }),
        case("W2", "a request is refused in calm while few wait", |tale, breaks| {
            tale.queue_bound(if breaks { 2 } else { 1 });
            is_refused(asks(tale), 7);
        }),
        case("W2", "a request is refused although its constructor has not failed", |tale, breaks| {
            tale.evicted();
            asks(tale.at(1.0)).under_epoch(1).begin(2, Cause::Request);
            if breaks {
                tale.does(What::ConstructorEnd { failed: None });
            } else {
                tale.constructor_fails();
            }
            is_refused(tale, 7);
        }),
        case("W2", "a request that was refused is given to object code", |tale, breaks| {
            tale.queue_bound(1);
            is_refused(asks(tale), 7);
            tale.asks(8, "Batcher/0").on_machine(0, What::RequestArrive { request: 8 });
            tale.deliver(2, Delivery::Request { request: if breaks { 7 } else { 8 } });
        }),
        case("W2", "a request that object code has is refused", |tale, breaks| {
            tale.queue_bound(1);
            asks(tale).deliver(2, Delivery::Request { request: if breaks { 7 } else { 8 } });
            is_refused(tale, 7);
        }),
    ]
}

/// Another request was given to object code and answered.
fn is_served(tale: &mut Tale) -> &mut Tale {
    is_delivered(tale);
    tale.does(What::Respond { request: 6, status: 200, headers: Headers::default(), body: Blob::default() })
}

/// What is owed to a request that object code was given.
fn turns() -> Vec<Case> {
    vec![
        case("W2", "an answer leaves long after its turn is durable", |tale, breaks| {
            is_asked(tale).put("k", "v").commit().at(if breaks { 10.1 } else { 9.9 }).respond();
        }),
        case("W2", "an answer leaves long after the turn behind its own has begun", |tale, breaks| {
            asks(tale).deliver(2, Delivery::Request { request: 7 });
            tale.asks(8, "Batcher/0").on_machine(0, What::RequestArrive { request: 8 });
            tale.at(2.0).deliver(3, Delivery::Request { request: 8 });
            tale.turn(if breaks { 2 } else { 3 }).at(12.1).respond();
        }),
        case("W2", "an instance leaves memory with a request that it was given", |tale, breaks| {
            asks(is_served(tale).at(1.0)).deliver(4, Delivery::Request { request: 7 });
            if breaks {
                tale.evicted();
            } else {
                tale.reset(ResetCause::Panic);
            }
            gives_up(tale.at(20.0));
        }),
        case("W2", "an answer is made and never leaves an instance that lives on", |tale, breaks| {
            asks(is_served(tale.other_is_evicted()).at(1.0)).deliver(4, Delivery::Request { request: 7 });
            if breaks {
                tale.does(What::RequestEnd { request: 7 });
            }
            gives_up(tale.at(12.0));
        }),
        case("W2", "an answer leaves long after it was made", |tale, breaks| {
            asks(tale).deliver(2, Delivery::Request { request: 7 });
            tale.at(if breaks { 1.0 } else { 3.0 }).does(What::RequestEnd { request: 7 });
            tale.at(12.0).respond();
        }),
        case("W2", "an answer was made long before the end", |tale, breaks| {
            asks(is_served(tale.other_is_evicted()).at(1.0)).deliver(4, Delivery::Request { request: 7 });
            tale.does(What::RequestEnd { request: 7 });
            // Other clients are told.
            tale.asks(8, "Batcher/1").world(What::Return { request: 8, outcome: Outcome::Unknown });
            tale.at(if breaks { 11.1 } else { 10.9 }).end();
        }),
        case(
            "W2",
            "a request has no answer at the end although its instance has left memory long before",
            |tale, breaks| {
                asks(is_served(tale).at(1.0)).deliver(4, Delivery::Request { request: 7 });
                // Other clients are told.
                tale.asks(8, "Batcher/1").world(What::Return { request: 8, outcome: Outcome::Unknown });
                tale.evicted().at(if breaks { 11.1 } else { 10.9 }).end();
            },
        ),
    ]
}

/// L2: what is owed while a fault goes on.
fn among_faults() -> Vec<Case> {
    vec![
        case(
            "W2",
            "an instance is moved from a machine that nothing strikes, with a request that it was given",
            |tale, breaks| {
                is_served(tale).at(1.0).on(if breaks { 1 } else { 0 }).fault(1, "slow-disk").on(0);
                tale.at(61.1).asks(7, "Batcher/0").on_machine(2, What::RequestArrive { request: 7 });
                tale.deliver(4, Delivery::Request { request: 7 });
                tale.at(62.0).does(What::InstanceEnd { reason: EndReason::Moved });
                gives_up(tale.at(80.0));
            },
        ),
        case(
            "W2",
            "a fault that has gone on for long is no reason to leave a request waiting",
            |tale, breaks| {
                is_served(tale).at(1.0).on(1).fault(1, "pause").on(0);
                asks(tale.at(if breaks { 61.1 } else { 60.9 }));
                gives_up(tale.at(80.0));
            },
        ),
        case("W2", "a request waits at a machine that the fault at work does not strike", |tale, breaks| {
            is_served(tale).at(1.0).on(if breaks { 1 } else { 0 }).fault(1, "slow-disk").on(0);
            asks(tale.at(70.0));
            gives_up(tale.at(90.0));
        }),
        case("W2", "a request waits at a machine whose links are whole", |tale, breaks| {
            let (from, to) = (vec![if breaks { 2 } else { 0 }], vec![1]);
            let (kind, scope) = ("partition".into(), Scope::Links { from, to });
            is_served(tale).at(1.0).world(What::FaultBegin { fault: 1, kind, scope, takes: None });
            asks(tale.at(70.0));
            gives_up(tale.at(90.0));
        }),
        case("W2", "a request waits although its object has a quorum", |tale, breaks| {
            is_served(tale).world(What::Majority { group: 1, connected: true });
            tale.at(1.0).on(1).fault(1, "pause").on(0);
            if !breaks {
                tale.world(What::Majority { group: 1, connected: false });
            }
            asks(tale.at(70.0));
            gives_up(tale.at(90.0));
        }),
        case("W2", "a request waits where the other of two datacenters is cut off", |tale, breaks| {
            tale.datacenters(if breaks { &[0, 1, 2] } else { &[0, 1, 1] });
            let (kind, scope) = ("datacenter-cut".into(), Scope::Datacenter(1));
            is_served(tale).at(1.0).world(What::FaultBegin { fault: 1, kind, scope, takes: None });
            asks(tale.at(70.0));
            gives_up(tale.at(90.0));
        }),
    ]
}

/// So many requests reach machine 0 at once, and their clients give up.
fn crowd(tale: &mut Tale, requests: u64) {
    for request in 100..100 + requests {
        tale.asks(request, "Batcher/1").on_machine(0, What::RequestArrive { request });
        tale.world(What::Return { request, outcome: Outcome::Unknown });
    }
}

/// Load: bounds widen by the work that is not begun.
fn load() -> Vec<Case> {
    vec![
        case("W2", "a request waits in calm, and few others are there to be served first", |tale, breaks| {
            asks(tale.speed(10));
            // Twelve seconds' work came at once.
            crowd(tale, if breaks { 3 } else { 120 });
            tale.at(15.0).deliver(2, Delivery::Request { request: 7 });
        }),
        case("L3", "a run is late in calm, and its machine has little to do", |tale, breaks| {
            tale.speed(10).alarm_is_set(10.0);
            crowd(tale.at(9.5), if breaks { 2 } else { 30 });
            tale.at(11.5).turn(2).run(1, 1, 10.0, 0);
        }),
        case("L1", "a run is late after one failure, longer than its machine had to do", |tale, breaks| {
            tale.speed(10).alarm_is_set(62.0).at(61.0).on(1).fault(1, "crash").on(0);
            crowd(tale.at(61.5), 300);
            tale.at(if breaks { 130.0 } else { 110.0 }).turn(2).run(1, 1, 62.0, 0);
        }),
    ]
}

fn storage() -> Vec<Case> {
    vec![
        case("W2", "a read has its result late in calm", |tale, breaks| {
            let op = is_asked(tale).call(StorageCall::Get { key: "k".into() });
            tale.at(if breaks { 10.1 } else { 9.9 }).deliver(3, Delivery::Result { op });
            tale.result(op, OpResult::Value(None));
        }),
        case("W2", "a sync never returns in calm", |tale, breaks| {
            is_asked(tale.other_is_evicted()).put("k", "v").commit();
            let op = tale.call(StorageCall::Sync);
            if !breaks {
                tale.at(1.0).deliver(3, Delivery::Result { op }).result(op, OpResult::Done);
            }
            tale.at(11.0).rests(&[("k", "v")], None).end();
        }),
        case("W2", "a sync returns late in an instance that is not reset", |tale, breaks| {
            is_asked(tale).put("k", "v").commit();
            let op = tale.call(StorageCall::Sync);
            if !breaks {
                tale.at(5.0).reset(ResetCause::Panic);
            } else {
                tale.at(11.0).deliver(3, Delivery::Result { op }).result(op, OpResult::Done);
            }
        }),
    ]
}
