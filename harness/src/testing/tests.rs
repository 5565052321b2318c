//! What `check` says: of what is clean, of what judges nothing, of a finding, and of a plan that it is asked to run.

use reveille_model::verdict::RuleId;
use tempfile::TempDir;

use super::*;
use crate::example::ticker;
use crate::prelude::*;

fn check_of(scenario: &Scenario, seeds: std::ops::Range<u64>) -> Check {
    let asked = Asked { seeds, plan: None, keep: None };
    let test = Test::of_this_thread(scenario.name);
    Check { scenarios: Catalogue::new([scenario.clone()]), asked, test, keep: None }
}

fn failure_of(check: &Check) -> String {
    format!("{:#}", check.run().expect_err("it fails"))
}

/// What each test of a ticker finds: it never answers so.
fn impossible() -> Scenario {
    ticker().promise(always("stopped", |_, answer| &**answer.body == b"stopped"))
}

#[test]
fn what_is_clean_says_what_it_has_judged() {
    let scenario =
        ticker().promise(always("started", |_, answer| answer.status != 200 || &**answer.body == b"started"));
    let told = check_of(&scenario, 0..3).run().expect("nothing is wrong with it");
    assert!(told.starts_with("ticker: 3 seeds, "), "{told}");
    assert!(told.contains("\n  started: an occasion to be broken in 3 of 3 seeds"), "{told}");
}

#[test]
fn what_is_asked_nothing_judges_nothing() {
    let failure =
        failure_of(&check_of(&ticker().requests("[a-z]", 0..0).failures(Failures::None).objects(1), 0..1));
    assert!(failure.starts_with("ticker: judged nothing: of "), "{failure}");
}

#[test]
fn a_promise_without_an_occasion_judges_nothing() {
    let check = check_of(&impossible(), SEEDS);
    let tally = |seeds, occasions| Tally {
        seeds,
        statuses: [(200, 1)].into(),
        occasions: [(RuleId("stopped"), occasions)].into_iter().filter(|(_, count)| *count > 0).collect(),
        ..Tally::new(check.scenario())
    };
    let failure = check.was_judged(&tally(64, 0)).expect_err("nothing was judged").to_string();
    assert!(
        failure.starts_with("ticker: judged nothing: in 64 seeds there was no occasion to break stopped"),
        "{failure}"
    );
    assert!(check.was_judged(&tally(64, 1)).is_ok());
    assert!(check.was_judged(&tally(1, 0)).is_ok(), "one seed may miss one by chance");
}

#[test]
fn a_finding_is_told_as_its_smallest_story_with_the_lines_that_repeat_and_keep_it() {
    let folder = TempDir::new().expect("there is room for a folder");
    let check = Check { keep: Some(folder.path().join("kept")), ..check_of(&impossible(), 3..5) };
    let failure = failure_of(&check);
    assert!(failure.starts_with("ticker BROKEN: stopped\n"), "{failure}");
    let bundle = check.test.folder().expect("there is a target folder");
    let plan = bundle.join(bundle::SHRUNK);
    assert!(
        failure.contains(&format!("REVEILLE_PLAN={} cargo test testing::tests::a_finding", plan.display())),
        "{failure}"
    );
    assert!(failure.contains("REVEILLE_SEED=3 cargo test"), "{failure}");
    // The plan breaks the promise again, alone; and once the promise is another, it does not.
    let again = |scenario: Scenario| check_of(&scenario, SEEDS).run_plan(&plan);
    assert!(again(impossible()).is_err_and(|failure| failure.to_string().contains("BROKEN: stopped")));
    let mended = again(ticker()).expect("nothing is broken");
    assert!(mended.ends_with("no promise was broken"), "{mended}");
    // And another test does not take it for one of its own.
    let other = again(ticker().named("other", "")).expect_err("it is of another scenario");
    assert!(
        format!("{other:#}").contains("is about \"other\": name the test behind cargo test"),
        "{other:#}"
    );
    let kept = std::fs::read_to_string(folder.path().join("kept/README.md")).expect("it was kept");
    assert!(kept.contains("cargo test testing::tests::a_finding"), "{kept}");
}

#[test]
fn what_is_there_to_be_caught_has_to_be_caught() {
    let told = check_of(&impossible().is_caught(&["stopped"], &[]), 0..60).run().expect("it is caught");
    assert!(told.contains("caught, as expected: stopped"), "{told}");
    let failure = failure_of(&check_of(&ticker().is_caught(&["stopped"], &[]), 0..2));
    assert_eq!(failure, "ticker: stopped was not caught in 2 seeds");
}
