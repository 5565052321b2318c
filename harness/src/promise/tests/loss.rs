//! What lost an item is told from what only seems to have: what a machine does that is cut off has no effect.

use std::collections::BTreeMap;

use reveille_model::build::{Tale, object};
use reveille_model::history::{
    Blob, Head, Headers, History, ListOptions, OpResult, Outcome, RunOutcome, StorageCall, What,
};
use reveille_model::verdict::Violation;

use crate::promise::{acknowledged, judge};

const UPSTREAM: &str = "http://upstream";

/// A client sends an item and is told that it is queued; this turn of the instance stores it durably, with an alarm.
fn queue(tale: &mut Tale, request: u64, item: &str, turn: u32) {
    tale.world(What::Call { request, to: object(), head: Head::default(), body: item.into() });
    tale.turn(turn).put(&request.to_string(), item).set_alarm(request, 10.0).commit();
    let outcome = Outcome::Answered { status: 200, headers: Headers::default(), body: Blob::default() };
    tale.world(What::Return { request, outcome });
}

/// `alarm()` starts, reads these items and sends them.
fn sends(tale: &mut Tale, run: u64, retry_count: u32, items: &[(&str, &str)]) {
    let texts: Vec<&str> = items.iter().map(|(_, item)| *item).collect();
    let body = serde_json::to_string(&texts).expect("a list of texts is JSON");
    tale.run(run, 1, 10.0, retry_count).list(ListOptions::default(), items);
    tale.does(What::Outbound {
        call: run,
        service: UPSTREAM.into(),
        head: Head::default(),
        body: Blob::from(&*body),
        op: None,
    });
}

/// The upstream has answered a run's call.
fn answers(tale: &mut Tale, run: u64, status: u16) {
    let (status, headers) = (Some(status), Headers::default());
    tale.world(What::OutboundAnswer { call: run, status, headers, body: None });
}

fn deletes_all(tale: &mut Tale) {
    tale.calls(StorageCall::DeleteAll { preserve_alarm: false }, OpResult::Done);
}

/// What is found, with the evidence in words of its events.
fn found(tale: &Tale) -> Vec<(&'static str, Vec<What>)> {
    let history = History { header: tale.header(), events: tale.events().to_vec() };
    let told = |Violation { rule, evidence, .. }: Violation| {
        (rule.0, evidence.into_iter().map(|index| history.events[index].what.clone()).collect())
    };
    let promise = acknowledged().reaches(UPSTREAM).named("delivery");
    judge(promise, &history).broken.into_iter().map(told).collect()
}

fn has(evidence: &[What], is_it: impl Fn(&What) -> bool) -> bool {
    evidence.iter().any(is_it)
}

#[test]
fn an_item_that_came_after_the_list_was_read_is_erased() {
    let mut tale = Tale::new();
    queue(&mut tale, 1, "first", 2);
    sends(tale.at(10.0).turn(3), 1, 0, &[("1", "first")]);
    queue(tale.at(10.1), 2, "second", 4);
    answers(&mut tale, 1, 200);
    deletes_all(tale.at(10.2).turn(5));
    tale.run_ok(1).commit_end(1);
    let [(rule, evidence)] = &found(&tale)[..] else { panic!("one item was lost") };
    assert_eq!(*rule, "X1(b)");
    assert!(has(evidence, |what| matches!(what, What::Call { request: 2, .. })));
}

#[test]
fn an_item_that_was_sent_and_refused_is_told_with_the_refusal() {
    let mut tale = Tale::new();
    queue(&mut tale, 1, "first", 2);
    tale.start(2);
    sends(tale.at(10.0).turn(2), 1, 0, &[("1", "first")]);
    // The machine of the instance before is cut off and runs the alarm, too: that has no effect.
    sends(tale.as_instance(1).turn(3), 2, 0, &[]);
    answers(&mut tale, 1, 429);
    answers(&mut tale, 2, 200);
    deletes_all(tale.as_instance(2).at(10.2).turn(3));
    tale.run_ok(1).commit_end(1);
    let [(rule, evidence)] = &found(&tale)[..] else { panic!("one item was lost") };
    assert_eq!(*rule, "X1(c)");
    assert!(has(evidence, |what| matches!(what, What::OutboundAnswer { call: 1, status: Some(429), .. })));
    assert!(!has(evidence, |what| matches!(what, What::RunStart { run: 2, .. })));
}

#[test]
fn what_never_became_durable_erases_nothing() {
    let mut tale = Tale::new();
    queue(&mut tale, 1, "first", 2);
    sends(tale.at(10.0).turn(3), 1, 0, &[("1", "first")]);
    queue(tale.at(10.1), 2, "second", 4);
    deletes_all(tale.at(10.2).turn(5));
    // That instance is lost before; the next one sends both.
    tale.lost().start(2);
    sends(tale.at(20.0).turn(2), 2, 0, &[("1", "first"), ("2", "second")]);
    answers(&mut tale, 2, 500);
    deletes_all(tale.at(20.2).turn(3));
    tale.run_ok(2).commit_end(2);
    let rules: Vec<&str> = found(&tale).into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(rules, ["X1(c)", "X1(c)"], "both were read and sent by the run that erased them");
}

/// An item is queued, the run of its alarm ends like this, and at the end of the run of the plan the item is there without an alarm.
fn left_behind(retry_count: u32, outcome: RunOutcome) -> Vec<(&'static str, Vec<What>)> {
    let mut tale = Tale::new();
    queue(&mut tale, 1, "first", 2);
    sends(tale.at(10.0).turn(3), 1, retry_count, &[("1", "first")]);
    answers(&mut tale, 1, 503);
    tale.does(What::RunEnd { run: 1, outcome }).commit_end(1);
    // A run elsewhere that returns and never becomes durable says nothing.
    tale.as_instance(9).turn(2).run(9, 1, 10.0, 0).run_ok(9);
    let keys = BTreeMap::from([("1".into(), "first".into())]);
    tale.world(What::AtRest { object: object(), keys, alarm: None, slice: None });
    found(&tale)
}

#[test]
fn x5_is_said_of_an_alarm_that_was_given_up_and_of_no_other() {
    let failed = || RunOutcome::Failed { why: "Service Unavailable".into(), how: None };
    let [(rule, evidence)] = &left_behind(6, failed())[..] else { panic!("one item was lost") };
    assert_eq!(*rule, "X5");
    assert!(has(evidence, |what| matches!(
        what,
        What::RunEnd { run: 1, outcome: RunOutcome::Failed { .. } }
    )));
    assert!(has(evidence, |what| matches!(what, What::OutboundAnswer { call: 1, status: Some(503), .. })));
    for (retry_count, outcome) in [(5, failed()), (6, RunOutcome::Ok)] {
        let found = left_behind(retry_count, outcome);
        assert_eq!(found.iter().map(|(rule, _)| *rule).collect::<Vec<_>>(), ["delivery"], "{retry_count}");
    }
}
