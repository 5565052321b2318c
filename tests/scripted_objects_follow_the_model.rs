//! Objects that run small programs of every call in every context do what the reference model says, whatever breaks. What
//! was found in this way is kept here as the smallest script that shows it.

use crate::common::life::asked;
use crate::common::{run_seeds, scenario, told};
use reveille::finding;
use reveille_model::history::{Cause, What};
use reveille_sim::run::Outcome;

#[test]
fn scripted_objects_follow_the_model() {
    run_seeds(scenario("scripted"), "scripted_objects_follow_the_model", 0..60, &[]);
}

/// A calm run in which one object is asked this, in milliseconds of the fault phase. No promise is broken in it.
#[track_caller]
fn follows(asked_for: &[(u64, &str)]) -> Outcome {
    let outcome = scenario("scripted").run(&asked(asked_for));
    if let Some(finding) = finding::of(&outcome).first() {
        panic!("{}", told(&outcome, finding));
    }
    outcome
}

/// When instances were made for an alarm, in milliseconds of the run.
fn woken_ms(outcome: &Outcome) -> Vec<u64> {
    let wakes = |what: &What| matches!(what, What::InstanceStart { cause: Cause::Alarm });
    let events = outcome.history.events.iter().filter(|event| wakes(&event.what));
    events.map(|event| event.at_ns / 1_000_000).collect()
}

/// A list that was asked for before a `delete_all` came back with a later one: its answer was remembered although by then it
/// was known that there is nothing.
#[test]
fn s4_a_list_asked_for_before_a_delete_all_does_not_come_back() {
    follows(&[
        (1_000, r#"{"steps": [{"do": {"put_many": [["a", "b"], "1"]}}]}"#),
        // Long enough for the instance to be gone from memory.
        (
            20_000,
            r#"{"steps": [{"together": [{"list": {"limit": 9}}, "delete_all"]}, {"do": {"list": {}}}]}"#,
        ),
    ]);
}

/// An alarm became due while its instance was being reset, and had been replaced in a turn that was not durable yet. The
/// object was woken for it all the same, and the constructor's failure then looked like that of the new alarm.
#[test]
fn a2_an_alarm_that_was_replaced_since_it_became_due_wakes_nobody() {
    let outcome = follows(&[
        (1_000, r#"{"construct": [["fail"]]}"#),
        (2_000, r#"{"steps": [{"do": {"set_alarm": {"in_ms": 0}}}]}"#),
        // While that is on its way to the datastore.
        (2_010, r#"{"steps": [{"do": {"set_alarm": {"in_ms": 3000}}}, "panic"]}"#),
    ]);
    let woken_ms = woken_ms(&outcome);
    assert!(woken_ms.len() == 2 && woken_ms[0] >= 6_000 + 5_010, "{woken_ms:?}");
}

/// A constructor set an alarm and then failed: that the alarm ran at its own time was taken for a backoff that is too short.
#[test]
fn r5_an_alarm_set_by_a_constructor_that_fails_keeps_its_time() {
    let construct = r#"[[{"do": {"set_alarm": {"in_ms": 500}}}, {"fetch": "x"}, "fail"]]"#;
    let script =
        format!(r#"{{"construct": {construct}, "steps": [{{"do": {{"set_alarm": {{"in_ms": 20000}}}}}}]}}"#);
    let outcome = follows(&[(1_000, &script)]);
    assert_eq!(woken_ms(&outcome).len(), 2);
}

/// An alarm waits for a `block_concurrency_while` that never ends until that has exceeded its limit: it was taken for late.
#[test]
fn o3_an_alarm_waits_for_a_section_in_progress() {
    let steps = r#"[{"do": {"set_alarm": {"in_ms": 1000}}}, {"block": ["hang"]}]"#;
    let outcome = follows(&[(1_000, &format!(r#"{{"steps": {steps}}}"#))]);
    assert!(woken_ms(&outcome)[0] >= 6_000 + 31_000);
}

/// While a run's transaction was open, a section waited for its end, and began one of its own as soon as it was over. The run
/// ended in the same turn, and the system took it for one that ends in an open transaction.
#[test]
fn s5_a_run_may_end_in_the_turn_in_which_another_transaction_begins() {
    let later = r#"{"do": {"set_alarm": {"in_ms": 600000}}}, "#;
    for (first, last, keeps_alarm) in [("", "", false), (later, "", true), (later, r#", "fail""#, false)] {
        let section = format!(r#"{{"transaction": [{first}{{"do": {{"get": "c"}}}}{last}]}}"#);
        let alarm = format!(r#"[{{"block": [{section}]}}, {{"transaction": [{{"fetch": "x"}}]}}]"#);
        let steps = r#"[{"do": {"set_alarm": {"in_ms": 0}}}]"#;
        let outcome = follows(&[(1_000, &format!(r#"{{"steps": {steps}, "alarm": [{alarm}]}}"#))]);
        let events = || outcome.history.events.iter().map(|event| &event.what);
        let runs = events().filter(|what| matches!(what, What::RunStart { .. })).count();
        let has_alarm = events().any(|what| matches!(what, What::AtRest { alarm: Some(_), .. }));
        assert_eq!((runs, has_alarm), (1, keeps_alarm), "{section}");
    }
}

/// A constructor that hangs may do so for its thirty seconds: an alarm that waits for it when the run is over is not overdue.
#[test]
fn f1_an_alarm_waits_for_a_constructor_that_may_still_run() {
    let steps = r#"[{"do": {"set_alarm": {"in_ms": 177000}}}]"#;
    follows(&[(1_000, &format!(r#"{{"construct": [["hang"]], "steps": {steps}}}"#))]);
}
