//! What was found as the XML of JUnit, which GitHub, GitLab, Jenkins and others show beside a change: a suite a scenario, and in it a case
//! for each rule that was found broken. A finding that the scenario is there to show is a case that passed.

use std::collections::BTreeMap;
use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::caught_text;
use crate::bundle::Smaller;
use crate::explore::Tally;
use crate::sheet::Sheet;

/// What the case is called that is about a scenario as a whole.
const AS_EXPECTED: &str = "is as expected";

/// Writes what a campaign found; the stories are those of its text.
///
/// # Errors
///
/// Those of `output`.
pub fn junit(
    tallies: &[Tally],
    shrunk: &BTreeMap<(&'static str, String), Smaller>,
    output: &mut dyn Write,
) -> io::Result<()> {
    let mut report = Report::new("reveille");
    report.add_test_suites(tallies.iter().map(|tally| suite(tally, shrunk)));
    report.serialize(output).map_err(io::Error::other)
}

fn suite(tally: &Tally, shrunk: &BTreeMap<(&'static str, String), Smaller>) -> TestSuite {
    let name = tally.scenario.name;
    let mut suite = TestSuite::new(name);
    suite.add_test_case(whole(tally));
    for (rule, caught) in tally.catch.iter() {
        let smaller = shrunk.get(&(name, rule.to_owned()));
        let story = caught_text(tally, rule, caught, smaller, Sheet::PLAIN);
        let mut case = if tally.expects(rule) {
            let mut case = TestCase::new(format!("{rule} is caught"), TestCaseStatus::success());
            case.set_system_out(story);
            case
        } else {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(rule).set_message(&caught.sentences).set_description(story);
            TestCase::new(rule, status)
        };
        case.set_classname(name);
        suite.add_test_case(case);
    }
    suite
}

/// The scenario as a whole: whether it ran, and showed what it is there to show. What it broke beside that is a case of its own.
fn whole(tally: &Tally) -> TestCase {
    let has_own = tally.catch.iter().any(|(rule, _)| !tally.expects(rule));
    let wrong = if tally.seeds == 0 {
        Some((NonSuccessKind::Error, "no run: nothing was judged".to_owned()))
    } else {
        tally.verdict().err().filter(|_| !has_own).map(|wrong| (NonSuccessKind::Failure, wrong))
    };
    let status = wrong.map_or_else(TestCaseStatus::success, |(kind, message)| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_message(message);
        status
    });
    let mut case = TestCase::new(AS_EXPECTED, status);
    case.set_classname(tally.scenario.name);
    case
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::example::ticker;
    use crate::finding::Finding;

    fn xml(tally: &Tally) -> Report {
        let mut text = Vec::new();
        junit(std::slice::from_ref(tally), &BTreeMap::new(), &mut text).expect("memory takes it");
        Report::deserialize(&text[..]).expect("it is the XML of JUnit")
    }

    #[test]
    fn a_finding_fails_with_its_sentences_and_its_replay_line() {
        let mut tally = Tally::new(&Arc::new(ticker()));
        tally.seeds = 3;
        let clean = xml(&tally);
        assert_eq!((clean.tests, clean.failures, clean.errors), (1, 0, 0));
        let sentences = "It ran twice, at <1 s> & at \"2 s\".".to_owned();
        let finding = Finding {
            rule: "F4".to_owned(),
            sentences: sentences.clone(),
            violation: None,
            at_ns: 0,
            times: 1,
        };
        tally.catch.add(2, vec![finding]);
        let broken = xml(&tally);
        assert_eq!((broken.tests, broken.failures, broken.errors), (2, 1, 0));
        let case = &broken.test_suites[0].test_cases[1];
        assert_eq!((case.name.as_str(), case.classname.as_deref()), ("F4", Some("ticker")));
        let TestCaseStatus::NonSuccess { message, description, .. } = &case.status else {
            panic!("it failed: {case:?}")
        };
        assert_eq!(message.as_deref(), Some(&*sentences));
        let story = description.as_deref().expect("it has a story");
        assert!(story.contains("replay: cargo run --release -- replay ticker 2"), "{story}");
    }

    #[test]
    fn a_scenario_without_a_run_is_an_error() {
        let nothing = xml(&Tally::new(&Arc::new(ticker())));
        assert_eq!((nothing.tests, nothing.failures, nothing.errors), (1, 0, 1));
    }
}
