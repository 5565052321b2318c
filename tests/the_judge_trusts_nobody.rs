//! W1, W2: a system that lies is refused by a rule of the contract, without the promise of any scenario. Each lie is planted by the
//! test alone ([`lies`]); what is judged is the history, and the account in it is what the lying system says.

mod lies;

use reveille::scenario::Scenario;
use reveille_model::Profile;
use reveille_model::history::{Event, History, Place, Process, What};
use reveille_sim::between::Between;
use reveille_sim::run::{self, Code, RunEnd};

use crate::common::scenario;

/// A lie is found within so many runs.
const RUNS_MAX: u64 = 20;

fn honest() -> Box<dyn Between> {
    struct Honest;
    impl Between for Honest {}
    Box::new(Honest)
}

/// The rules that the first lying run breaks that breaks this one, and which run that is.
fn refused(
    scenario: &Scenario,
    lie: fn() -> Box<dyn Between>,
    code: &Code,
    rule: &str,
) -> (u64, Vec<&'static str>) {
    for seed in 0..RUNS_MAX {
        let outcome = run::run_between(&scenario.plan(seed), code, lie);
        assert_eq!(outcome.end, RunEnd::Completed, "{} {seed}: {:?}", scenario.name, outcome.panics);
        let mut rules: Vec<&str> = outcome.verdict.violations.iter().map(|it| it.rule.0).collect();
        rules.sort_unstable();
        rules.dedup();
        if rules.contains(&rule) {
            return (seed, rules);
        }
    }
    panic!("{}: {RUNS_MAX} runs of this lie do not break {rule}", scenario.name);
}

/// The lie is refused in every scenario, by this rule.
#[track_caller]
fn is_refused(lie: fn() -> Box<dyn Between>, rule: &str) {
    is_refused_by(lie, |_| rule);
}

/// The lie is refused in every scenario, in each by its rule.
#[track_caller]
fn is_refused_by<'a>(lie: fn() -> Box<dyn Between>, rule: impl Fn(&str) -> &'a str) {
    for scenario in scenarios::catalogue().all() {
        let (seed, rules) = refused(scenario, lie, &scenario.code, rule(scenario.name));
        println!("{}: refused in run {seed} by {rules:?}", scenario.name);
    }
}

/// With nothing planted the same seam changes nothing.
#[test]
fn an_honest_system_is_not_refused() {
    for scenario in scenarios::catalogue().all() {
        let plan = scenario.plan(0);
        let (between, alone) =
            (run::run_between(&plan, &scenario.code, honest), run::run(&plan, &scenario.code));
        assert_eq!(
            (between.digest, between.verdict.violations),
            (alone.digest, Vec::new()),
            "{}",
            scenario.name
        );
    }
}

#[test]
fn w1_what_is_told_otherwise_than_it_was_is_refused() {
    is_refused(lies::every_call_is_sent_twice, "W1");
    is_refused(lies::clients_get_another_body, "W1");
    is_refused(lies::services_get_another_body, "W1");
    is_refused(lies::every_fifth_request_is_answered_where_it_comes_in, "W1");
    is_refused(lies::every_third_answer_of_a_service_is_another_one, "W1");
    is_refused(lies::every_third_answer_of_a_service_says_something_else, "W1");
    is_refused(lies::every_third_answer_of_a_service_has_another_header, "W1");
    is_refused(lies::every_third_request_is_given_with_another_path, "W1");
    is_refused(lies::every_third_answer_of_a_service_is_kept_from_its_object, "W1");
}

#[test]
fn w1_an_answer_that_leaves_before_its_writes_are_durable_is_refused() {
    for scenario in scenarios::catalogue().all() {
        let code = scenario.code.clone().with_classes(|honest| lies::overheard(&honest));
        let (seed, rules) = refused(scenario, lies::answers_leave_at_once, &code, "W1");
        println!("{}: refused in run {seed} by {rules:?}", scenario.name);
    }
}

#[test]
fn w1_a_value_that_does_not_reach_object_code_is_refused() {
    // The only classes whose answers say what their code has read.
    let scripted = scenario("scripted");
    let forgetful = scripted.code.clone().with_classes(|honest| lies::forgetful(&honest));
    let (_, rules) = refused(&scripted, honest, &forgetful, "W1");
    assert_eq!(rules, ["W1"]);
}

#[test]
fn w1_a_disk_that_does_not_hold_what_it_says_is_refused() {
    is_refused(lies::syncs_of_the_log_are_not_done, "W1");
}

#[test]
fn w2_answers_that_never_come_are_refused() {
    is_refused(lies::a_third_of_all_answers_is_dropped, "W2");
    is_refused(lies::a_third_of_all_answers_stays_with_its_object, "W2");
    is_refused(lies::every_fourth_answer_is_told_as_a_refusal, "W2");
}

#[test]
fn w1_runs_and_commits_that_are_told_otherwise_than_they_were_are_refused() {
    is_refused(lies::runs_are_told_that_never_happened, "F4");
    is_refused(lies::commits_are_told_as_refused, "S3");
    // What gives it away is what comes next: in most scenarios a loss, in that one what lies on the disks.
    is_refused_by(lies::completions_are_told_before_they_are_durable, |name| {
        if name == "retry-info" { "W1" } else { "S3" }
    });
}

/// A machine that serves is told as down from some time on, and serves.
#[test]
fn w1_a_machine_that_is_told_as_down_and_goes_on_is_refused() {
    for scenario in scenarios::catalogue().all() {
        let name = scenario.name;
        let outcome = scenario.run(&scenario.plan(0));
        let History { header, mut events } = outcome.history;
        let responds = |event: &&Event| matches!(event.what, What::Respond { .. });
        let at = events.iter().filter(responds).nth(3).expect("objects answer").clone();
        let place: Option<Place> = at.place;
        let index = events.iter().position(|event| *event == at).expect("it was found there");
        let what = What::Process { state: Process::Down };
        events.insert(index, Event { at_ns: at.at_ns, place, by: None, what });
        let verdict = reveille_model::check(&History { header, events }, Profile::Strict);
        let rules: Vec<&str> = verdict.violations.iter().map(|violation| violation.rule.0).collect();
        assert!(rules.contains(&"W1"), "{name}: {rules:?}");
    }
}
