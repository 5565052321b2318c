//! Objects that run small programs of every call in every context do what the reference model says, whatever breaks. What
//! was found in this way is kept in `snapshots/regressions/scripted/`; what else than the verdict has to hold of these runs is said
//! here.

use std::path::Path;

use crate::common::{run_seeds, scenario, told};
use reveille::finding;
use reveille::source::Source;
use reveille_model::history::{Cause, What};
use reveille_sim::run::Outcome;

#[test]
fn scripted_objects_follow_the_model() {
    run_seeds(&scenario("scripted"), "scripted_objects_follow_the_model", 0..60, &[]);
}

/// The run of a regression that is kept under this name. No promise is broken in it.
#[track_caller]
fn follows(name: &str) -> Outcome {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/regressions/scripted").join(name);
    let source =
        Source::of_folder(&scenarios::catalogue(), &kept).unwrap_or_else(|error| panic!("{error:#}"));
    let outcome = source.scenario.run(&source.plan);
    if let Some(finding) = finding::of(&outcome).first() {
        panic!("{}", told(&outcome, finding));
    }
    outcome
}

/// When instances were made for an alarm, in milliseconds of the run.
fn woken_ms(outcome: &Outcome) -> Vec<u64> {
    let wakes = |what: &What| matches!(what, What::InstanceStart { cause: Some(Cause::Alarm), .. });
    let events = outcome.history.events.iter().filter(|event| wakes(&event.what));
    events.map(|event| event.at_ns / 1_000_000).collect()
}

/// A list that was asked for before a `delete_all` came back with a later one: its answer was remembered although by then it
/// was known that there is nothing.
#[test]
fn s4_a_list_asked_for_before_a_delete_all_does_not_come_back() {
    follows("a-list-asked-for-before-delete-all-comes-back");
}

/// An alarm became due while its instance was being reset, and had been replaced in a turn that was not durable yet. The
/// object was woken for it all the same, and the constructor's failure then looked like that of the new alarm.
#[test]
fn a2_an_alarm_that_was_replaced_since_it_became_due_wakes_nobody() {
    let woken_ms = woken_ms(&follows("a-replaced-alarm-wakes-its-object"));
    // At 8.01 s it is replaced by one that is due in 3 s.
    assert!(woken_ms.len() == 2 && woken_ms[0] >= 6_000 + 5_010, "{woken_ms:?}");
}

/// A constructor set an alarm and then failed: that the alarm ran at its own time was taken for a backoff that is too short.
#[test]
fn r5_an_alarm_set_by_a_constructor_that_fails_keeps_its_time() {
    assert_eq!(woken_ms(&follows("an-alarm-set-by-a-failed-constructor-keeps-its-time")).len(), 2);
}

/// An alarm waits for a `block_concurrency_while` that never ends until that has exceeded its limit: it was taken for late.
#[test]
fn o3_an_alarm_waits_for_a_section_in_progress() {
    // The section begins at 7 s, and its limit is 30 s.
    assert!(woken_ms(&follows("an-alarm-waits-for-a-section"))[0] >= 6_000 + 31_000);
}

/// While a run's transaction was open, a section waited for its end, and began one of its own as soon as it was over. The run
/// ended in the same turn, and the system took it for one that ends in an open transaction.
#[test]
fn s5_a_run_may_end_in_the_turn_in_which_another_transaction_begins() {
    for (how, keeps_alarm) in [("", false), ("-sets-an-alarm", true), ("-fails", false)] {
        let outcome = follows(&format!("a-run-ends-as-a-transaction-begins{how}"));
        let events = || outcome.history.events.iter().map(|event| &event.what);
        let runs = events().filter(|what| matches!(what, What::RunStart { .. })).count();
        let has_alarm = events().any(|what| matches!(what, What::AtRest { alarm: Some(_), .. }));
        assert_eq!((runs, has_alarm), (1, keeps_alarm), "{how}");
    }
}

/// A constructor that hangs may do so for its thirty seconds: an alarm that waits for it when the run is over is not overdue.
#[test]
fn f1_an_alarm_waits_for_a_constructor_that_may_still_run() {
    follows("an-alarm-waits-for-a-constructor-to-the-end");
}
