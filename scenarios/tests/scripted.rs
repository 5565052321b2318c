//! Scripts can be written, read and drawn; and the matrix of calls tells what a run has really done with them.

use std::collections::{BTreeMap, BTreeSet};

use std::sync::Arc;

use reveille::matrix::{Call, Cell, Context, Matrix, Outcome, why_impossible};
use reveille::plans::CLUSTER;
use reveille::scenario::Scenario;
use reveille_model::history::{Head, Outcome as Ended, PromiseKind, What};
use reveille_sim::kinds::{Crash, MachineCut};
use reveille_sim::plan::{Clock, Direction, Fault, FaultKind, Phases, Plan, Request, Target, Tuning};
use scenarios::scripted::script::{Script, Step};
use serde_json::{Value, json};

fn scripted() -> Arc<Scenario> {
    scenarios::catalogue().get("scripted").expect("it is one of ours").clone()
}

fn scripts(plan: &Plan) -> Vec<Script> {
    plan.workload.iter().map(|request| Script::parse(request.body.as_bytes()).expect("a script")).collect()
}

#[test]
fn a_drawn_script_survives_its_body() {
    for seed in 0..20 {
        let plan = scripted().plan(seed);
        assert_eq!(plan.validate(), Ok(()), "seed {seed}");
        for script in scripts(&plan) {
            assert_eq!(Script::parse(script.to_body().as_bytes()).expect("a script"), script);
        }
    }
}

#[test]
fn what_is_no_script_is_told_with_its_place() {
    let cases = [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{\"step\": []}", "unknown field `step`, expected one of `steps`, `alarm`, `construct` at line 1"),
        ("{\"steps\": [\"fly\"]}", "unknown variant `fly`"),
        (
            "{\"steps\": [{\"do\": {\"put\": [1, \"a\"]}}]}",
            "a text, or {\"bytes\": N} for one of that length",
        ),
        (
            "{\"steps\": [{\"do\": {\"get_many\": 1}}]}",
            "a list of keys, or {\"count\": N} for so many short ones",
        ),
    ];
    for (body, said) in cases {
        let error = Script::parse(body.as_bytes()).expect_err(body).to_string();
        assert!(error.starts_with("this is no script: ") && error.contains(said), "{body}: {error}");
    }
}

/// The names of all steps and calls in a program.
fn words(steps: &[Step], words: &mut BTreeSet<String>) {
    for step in steps {
        let debug = format!("{step:?}");
        let all = debug.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.extend(all.map(str::to_owned));
    }
}

#[test]
fn plans_use_every_word_of_the_language_in_every_place() {
    let mut seen: [BTreeSet<String>; 3] = Default::default();
    for seed in 0..300 {
        for script in scripts(&scripted().plan(seed)) {
            let [request, alarm, construct] = &mut seen;
            words(&script.steps, request);
            script.alarm.iter().for_each(|steps| words(steps, alarm));
            script.construct.iter().for_each(|steps| words(steps, construct));
        }
    }
    let everywhere = [
        "Do",
        "Start",
        "LettingIn",
        "Together",
        "Fetch",
        "Post",
        "Ask",
        "Sleep",
        "Random",
        "WaitUntil",
        "Block",
        "Transaction",
        "Abandon",
        "Fail",
        "Panic",
        "Hang",
        "Get",
        "GetMany",
        "Put",
        "PutMany",
        "Delete",
        "DeleteMany",
        "List",
        "DeleteAll",
        "DeleteAllPreservingAlarm",
        "Sync",
        "GetAlarm",
        "SetAlarm",
        "DeleteAlarm",
        "InMs",
        "AtMs",
        "Long",
        "Count",
    ];
    for (place, seen) in ["request", "alarm", "construct"].iter().zip(&seen) {
        let missing: Vec<_> = everywhere.iter().filter(|word| !seen.contains(**word)).collect();
        assert!(missing.is_empty(), "{place} never has {missing:?}");
    }
    assert!(seen[0].contains("Exceed") && seen[1].contains("Exceed"));
}

/// The matrix of a run in which nothing breaks but this.
#[test]
fn w1_code_is_given_the_head_that_its_client_sent_and_what_it_sends_arrives() {
    let (mut own_heads, mut calls, mut timers, mut drawn, mut in_background) = (0, 0, 0, 0, 0);
    for seed in 0..6 {
        let plan = scripted().plan(seed);
        let outcome = scripted().run(&plan);
        assert_eq!(outcome.verdict.violations, [], "seed {seed}");
        let mut heads = BTreeMap::new();
        let mut set = BTreeSet::new();
        for event in &outcome.history.events {
            match (&event.what, &event.by) {
                (What::Call { request, head, .. }, _) => _ = heads.insert(*request, head),
                (What::Return { request, outcome: Ended::Answered { status: 200, body, .. } }, _) => {
                    let answer: Value = serde_json::from_slice(&body.0).expect("an answer is JSON");
                    let head = heads[request];
                    let headers: Vec<_> = head.headers().collect();
                    let sent = json!({ "method": head.method(), "path": head.path(), "headers": headers });
                    let is_usual = *head == Head::default();
                    assert_eq!(answer.get("asked"), (!is_usual).then_some(&sent), "request {request}");
                    own_heads += u32::from(!is_usual);
                    drawn += u32::from(answer["told"].to_string().contains("random"));
                }
                (What::OutboundArrive { head, .. }, _) => calls += u32::from(head.headers().next().is_some()),
                (What::Timer { op, .. }, Some(by)) => _ = set.insert((&by.object, by.instance, *op)),
                (What::OpResult { op, .. }, Some(by)) => {
                    timers += u32::from(set.remove(&(&by.object, by.instance, *op)));
                }
                (What::Promise { kind: PromiseKind::Sometimes, held: true, .. }, _) => in_background += 1,
                _ => {}
            }
        }
    }
    let all = [own_heads, calls, timers, drawn, in_background];
    assert!(all.iter().all(|count| *count >= 10), "{all:?}");
}

fn matrix_of(asked: &[(u64, &str)], faults: Vec<Fault>) -> Matrix {
    let mut plan = scripted().plan(0);
    plan.cluster = CLUSTER;
    plan.clocks = vec![Clock::default(); usize::from(CLUSTER.machines())];
    (plan.network.between_us, plan.network.loss_ppm) = (vec![vec![10_000; 3]; 3], 0);
    plan.upstream.outages.clear();
    (plan.idle_evict_ms, plan.outside_timeout_ms) = (10_000, 30_000);
    plan.phases = Phases { warm_up_ms: 6_000, faults_ms: 100_000, quiet_ms: 90_000 };
    plan.limits = scripted().shape.limits;
    plan.tuning = Tuning::default();
    plan.faults = faults;
    let request = |(at_ms, body): &(u64, &str)| Request {
        at_ms: *at_ms,
        machine: 0,
        object: "Scripted/foo".into(),
        body: (*body).into(),
        ..Request::default()
    };
    plan.workload = asked.iter().map(request).collect();
    let outcome = scripted().run(&plan);
    assert_eq!(outcome.verdict.violations, []);
    Matrix::of(&outcome.history)
}

#[track_caller]
fn assert_count(matrix: &Matrix, count: u64, call: Call, context: Context, outcome: Outcome) {
    let is = matrix.count(Cell { call, context, outcome });
    assert_eq!(is, count, "{} / {} / {}", call.name(), context.name(), outcome.name());
}

#[test]
fn the_matrix_tells_calls_apart_by_context_and_outcome() {
    let asked = [
        (
            1_000,
            r#"{"steps": [{"do": {"put": ["a", "1"]}}, {"do": {"put": [{"bytes": 2049}, "1"]}},
                {"transaction": [{"do": {"put": ["b", "1"]}}, {"do": "get_alarm"}, {"do": "delete_all"}]},
                {"transaction": [{"do": {"put": ["c", "1"]}}, "fail"]},
                {"do": {"set_alarm": {"in_ms": 3000}}}],
               "alarm": [[{"fetch": "x"}, {"do": {"put": ["d", "1"]}}, "fail"]],
               "construct": [[{"do": {"list": {}}}]]}"#,
        ),
        // While alarm() waits for the service, then while it waits for its retry.
        (4_150, r#"{"steps": [{"do": {"get": "a"}}]}"#),
        (6_500, r#"{"steps": [{"do": {"get": "a"}}]}"#),
        // The object has left memory.
        (40_000, r#"{"steps": [{"do": {"delete": "a"}}]}"#),
    ];
    let matrix = matrix_of(&asked, Vec::new());
    // The programs themselves are put in storage by the request that brings them: two more.
    assert_count(&matrix, 3, Call::Put, Context::Request, Outcome::Done);
    assert_count(&matrix, 1, Call::Put, Context::Request, Outcome::Refused);
    assert_count(&matrix, 1, Call::Put, Context::Transaction, Outcome::Done);
    assert_count(&matrix, 1, Call::Put, Context::Transaction, Outcome::RolledBack);
    assert_count(&matrix, 1, Call::GetAlarm, Context::Transaction, Outcome::Done);
    assert_count(&matrix, 1, Call::DeleteAll, Context::Transaction, Outcome::Refused);
    assert_count(&matrix, 1, Call::Transaction, Context::Request, Outcome::Done);
    assert_count(&matrix, 1, Call::Transaction, Context::Request, Outcome::RolledBack);
    assert_count(&matrix, 1, Call::SetAlarm, Context::Request, Outcome::Done);
    assert_count(&matrix, 1, Call::Put, Context::Handler, Outcome::Done);
    assert_count(&matrix, 1, Call::Get, Context::Beside, Outcome::Done);
    assert_count(&matrix, 1, Call::Get, Context::Backoff, Outcome::Done);
    assert_count(&matrix, 1, Call::List, Context::Constructor, Outcome::Done);
    assert_count(&matrix, 1, Call::Delete, Context::Request, Outcome::Done);
}

#[test]
fn what_a_silent_machine_wrote_is_lost_with_it() {
    let holder = || Target::HolderOf("Scripted/foo".into());
    let silence = FaultKind::MachineCut(MachineCut {
        target: holder(),
        for_ms: 200,
        direction: Direction::Out,
        flap: None,
    });
    let crash = FaultKind::Crash(Crash { target: holder(), down_ms: 1_000 });
    let asked = [
        (1_000, r#"{"steps": [{"do": {"put": ["a", "1"]}}]}"#),
        (3_000, r#"{"steps": [{"do": {"put": ["a", "2"]}}, {"do": "sync"}, {"do": {"put": ["a", "3"]}}]}"#),
        (20_000, r#"{"steps": [{"do": {"get": "a"}}]}"#),
    ];
    let faults = vec![Fault { at_ms: 3_000, kind: silence }, Fault { at_ms: 3_200, kind: crash }];
    let matrix = matrix_of(&asked, faults);
    assert_count(&matrix, 1, Call::Put, Context::Request, Outcome::Done);
    assert_count(&matrix, 1, Call::Put, Context::Request, Outcome::Lost);
    assert_count(&matrix, 1, Call::Sync, Context::Request, Outcome::Lost);
    assert_count(&matrix, 1, Call::Get, Context::Request, Outcome::Done);
}

#[test]
fn the_matrix_has_a_reason_for_each_cell_that_cannot_be() {
    let (impossible, possible): (Vec<Cell>, Vec<Cell>) =
        Cell::all().partition(|cell| why_impossible(*cell).is_some());
    assert_eq!(impossible.len() + possible.len(), Call::ALL.len() * Context::ALL.len() * Outcome::ALL.len());
    // Every call can be made in every context.
    for call in Call::ALL {
        for context in Context::ALL {
            assert!(possible.iter().any(|cell| cell.call == *call && cell.context == *context));
        }
    }
}
