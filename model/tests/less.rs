//! What a writer leaves out that HISTORY.md calls optional is not held against the system: each history lacks something, and is
//! accepted; its neighbour breaks a rule that can be judged all the same.

use reveille_model::build::Tale;
use reveille_model::history::{
    AwaitKind, Blob, Cause, Delivery, EndReason, Head, Headers, ObjectName, OpResult, ResetCause,
    StorageCall, What,
};
use reveille_model::jsonl::{self, Reader};

/// The constructor that the alarm has woken waits for a service, and its instance ends so; the next one runs the alarm.
fn constructor_of_which_no_end_is_told(ended: EndReason) -> Tale {
    let mut tale = Tale::of_machines();
    tale.under_epoch(1).begin(1, Cause::Request).alarm_is_set(2.0).evicted();
    tale.at(2.0).begin(2, Cause::Alarm).does(What::Await { op: 50, kind: AwaitKind::Outside });
    tale.at(2.1)
        .deliver(2, Delivery::Result { op: 50 })
        .result(50, OpResult::Answer { status: 200, headers: Headers::default(), body: None });
    tale.does(What::InstanceEnd { reason: ended });
    tale.at(4.2).begin(3, Cause::Alarm).turn(2).run(1, 1, 2.0, 0).run_ok(1).commit_end(1);
    tale
}

#[test]
fn l3_without_constructor_end_a_reset_says_that_a_constructor_failed() {
    let cause = Some(ResetCause::Constructor);
    constructor_of_which_no_end_is_told(EndReason::Reset { why: "boom".into(), cause }).is_accepted();
    constructor_of_which_no_end_is_told(EndReason::Evicted).is_refused("L3");
}

/// The alarm of second 2 waits for a constructor of which no end is told, runs, and is set again for second 8.
fn long_constructor_of_which_no_end_is_told(runs_again: f64) -> Tale {
    let mut tale = Tale::of_machines();
    tale.under_epoch(1).begin(1, Cause::Request).alarm_is_set(2.0).evicted();
    tale.at(2.0).begin(2, Cause::Alarm).does(What::Await { op: 50, kind: AwaitKind::Outside });
    tale.at(6.0)
        .deliver(2, Delivery::Result { op: 50 })
        .result(50, OpResult::Answer { status: 200, headers: Headers::default(), body: None });
    tale.turn(3).run(1, 1, 2.0, 0).set_alarm(2, 8.0).run_ok(1).commit_end(1);
    tale.at(runs_again).turn(4).run(2, 2, 8.0, 0).run_ok(2).commit_end(2);
    tale
}

#[test]
fn l3_without_constructor_end_a_constructor_is_over_when_a_run_starts() {
    long_constructor_of_which_no_end_is_told(8.1).is_accepted();
    long_constructor_of_which_no_end_is_told(9.0).is_refused("L3");
}

#[test]
fn w1_w2_without_instance_end_nobody_knows_who_is_owed_anything() {
    let mut tale = Tale::new();
    tale.asks(6, "Batcher/0").on_machine(0, What::RequestArrive { request: 6 });
    tale.deliver(2, Delivery::Request { request: 6 }).put("k", "v").commit();
    tale.call(StorageCall::Sync);
    tale.at(11.0).rests(&[("k", "v")], None).end().is_accepted();
    let mut ends = Tale::new();
    ends.other_is_evicted().asks(6, "Batcher/0").on_machine(0, What::RequestArrive { request: 6 });
    ends.deliver(2, Delivery::Request { request: 6 }).put("k", "v").commit();
    ends.call(StorageCall::Sync);
    ends.at(11.0).rests(&[("k", "v")], None).end().is_refused("W2");
}

/// A request reaches its machine, whose constructor ends so many seconds later, and is given to object code after 15 s.
fn request_of_a_constructor(cause: Option<Cause>, seconds: f64) -> Tale {
    let mut tale = Tale::of_machines();
    tale.asks(7, "Batcher/0").on_machine(0, What::RequestArrive { request: 7 });
    tale.turn(1).does(What::InstanceStart { cause, slice: None });
    tale.at(seconds).does(What::ConstructorEnd { failed: None });
    tale.at(15.0).deliver(2, Delivery::Request { request: 7 });
    tale
}

#[test]
fn w2_a_constructor_holds_a_request_back_whatever_it_is_made_for() {
    for cause in [None, Some(Cause::Request)] {
        request_of_a_constructor(cause, 14.0).is_accepted();
        request_of_a_constructor(cause, 1.0).is_refused("W2");
    }
}

#[test]
fn w2_without_instance_start_a_constructor_may_have_held_a_request_back() {
    let mut tale = Tale::of_machines();
    tale.asks(7, "Batcher/0").on_machine(0, What::RequestArrive { request: 7 });
    tale.at(15.0).deliver(2, Delivery::Request { request: 7 }).is_accepted();
    // Others tell when they start.
    tale.evicted().at(16.0).start(2).is_refused("W2");
}

#[test]
fn a_call_need_not_tell_its_body() {
    let (mut lines, nothing) = (Vec::new(), Tale::of_machines());
    jsonl::write(&nothing.header(), nothing.events(), &mut lines).expect("memory takes it all");
    lines.extend_from_slice(br#"{"at_ns":5,"event":"call","request":3,"to":"C/a"}"#);
    lines.push(b'\n');
    let mut told = Reader::new(&*lines).expect("the header is whole");
    let event = told.next().expect("there is one").expect("nothing is missing");
    assert_eq!(
        event.what,
        What::Call { request: 3, to: ObjectName("C/a".into()), head: Head::default(), body: Blob::default() }
    );
}
