//! W1, W2: a system that lies is refused by a rule of the contract, without the promise of any scenario. Each lie is planted by the
//! test alone ([`lies`]); what is judged is the history, and the account in it is what the lying system says.

mod lies;

use reveille_model::Profile;
use reveille_model::history::{Event, History, Place, Process, What};
use reveille_sim::between::Between;
use reveille_sim::run::{self, RunEnd};
use reveille_system::object::class::Classes;

use crate::common::scenario;

/// A lie is found within so many runs.
const RUNS_MAX: u64 = 20;

/// All scenarios: objects of each are asked by clients, set alarms and call services.
const ALL: &[&str] =
    &["batcher", "batcher-docs", "alarm-example", "retry-info", "cron", "failover", "sweep", "scripted"];

fn honest() -> Box<dyn Between> {
    struct Honest;
    impl Between for Honest {}
    Box::new(Honest)
}

/// The rules that the first lying run breaks that breaks this one, and which run that is.
fn refused(
    name: &str,
    lie: fn() -> Box<dyn Between>,
    classes: fn() -> Classes,
    rule: Option<&str>,
) -> (u64, Vec<&'static str>) {
    for seed in 0..RUNS_MAX {
        let plan = scenario(name).plan(seed);
        let outcome = run::run_between(&plan, classes, lie);
        assert_eq!(outcome.end, RunEnd::Completed, "{name} {seed}: {:?}", outcome.panics);
        let mut rules: Vec<&str> = outcome.verdict.violations.iter().map(|it| it.rule.0).collect();
        rules.sort_unstable();
        rules.dedup();
        if rule.map_or(!rules.is_empty(), |rule| rules.contains(&rule)) {
            return (seed, rules);
        }
    }
    panic!("{name}: {RUNS_MAX} runs of this lie do not break {}", rule.unwrap_or("any rule"));
}

/// The lie is refused in each of these scenarios by this rule.
#[track_caller]
fn is_refused(names: &[&str], lie: fn() -> Box<dyn Between>, rule: &str) {
    for name in names {
        let (seed, rules) = refused(name, lie, scenario(name).classes, Some(rule));
        println!("{name}: refused in run {seed} by {rules:?}");
    }
}

/// The lie is refused in each of these scenarios, by whatever rule.
fn is_refused_somehow(names: &[&str], lie: fn() -> Box<dyn Between>) {
    for name in names {
        let (seed, rules) = refused(name, lie, scenario(name).classes, None);
        println!("{name}: refused in run {seed} by {rules:?}");
    }
}

/// The classes of a scenario, of which somebody hears each answer before it leaves.
fn overheard_of(name: &str) -> fn() -> Classes {
    match name {
        "batcher" => || lies::overheard(&["Batcher"], &(scenario("batcher").classes)()),
        "batcher-docs" => || lies::overheard(&["BatcherDocs"], &(scenario("batcher-docs").classes)()),
        "alarm-example" => || lies::overheard(&["AlarmExample"], &(scenario("alarm-example").classes)()),
        "retry-info" => || lies::overheard(&["RetryInfo"], &(scenario("retry-info").classes)()),
        "scripted" => || lies::overheard(&["Scripted", "Silent"], &(scenario("scripted").classes)()),
        _ => || lies::overheard(&["Cron"], &(scenario("cron").classes)()),
    }
}

/// With nothing planted the same seam changes nothing.
#[test]
fn an_honest_system_is_not_refused() {
    for name in ALL {
        let plan = scenario(name).plan(0);
        let (between, alone) = (
            run::run_between(&plan, scenario(name).classes, honest),
            run::run(&plan, scenario(name).classes),
        );
        assert_eq!((between.digest, between.verdict.violations), (alone.digest, Vec::new()), "{name}");
    }
}

#[test]
fn w1_what_is_told_otherwise_than_it_was_is_refused() {
    is_refused(ALL, lies::every_call_is_sent_twice, "W1");
    is_refused(ALL, lies::clients_get_another_body, "W1");
    is_refused(ALL, lies::services_get_another_body, "W1");
    is_refused(ALL, lies::every_fifth_request_is_answered_where_it_comes_in, "W1");
    is_refused(ALL, lies::every_third_answer_of_a_service_is_another_one, "W1");
    is_refused(ALL, lies::every_third_answer_of_a_service_is_kept_from_its_object, "W1");
}

#[test]
fn w1_an_answer_that_leaves_before_its_writes_are_durable_is_refused() {
    for name in ALL {
        let (seed, rules) = refused(name, lies::answers_leave_at_once, overheard_of(name), Some("W1"));
        println!("{name}: refused in run {seed} by {rules:?}");
    }
}

#[test]
fn w1_a_value_that_does_not_reach_object_code_is_refused() {
    let forgetful = || lies::forgetful(&(scenario("scripted").classes)());
    let (_, rules) = refused("scripted", honest, forgetful, None);
    assert_eq!(rules, ["W1"]);
}

#[test]
fn w1_a_disk_that_does_not_hold_what_it_says_is_refused() {
    is_refused(ALL, lies::syncs_of_the_log_are_not_done, "W1");
}

#[test]
fn w2_answers_that_never_come_are_refused() {
    is_refused(ALL, lies::a_third_of_all_answers_is_dropped, "W2");
    is_refused(ALL, lies::every_fourth_answer_is_told_as_a_refusal, "W2");
}

#[test]
fn w1_runs_and_commits_that_are_told_otherwise_than_they_were_are_refused() {
    // What gives them away depends on what comes next: another run of the alarm, an answer, what lies on the disks.
    is_refused_somehow(ALL, lies::runs_are_told_that_never_happened);
    is_refused_somehow(ALL, lies::completions_are_told_before_they_are_durable);
    is_refused_somehow(ALL, lies::commits_are_told_as_refused);
}

/// A machine that serves is told as down from some time on, and serves.
#[test]
fn w1_a_machine_that_is_told_as_down_and_goes_on_is_refused() {
    for name in ALL {
        let outcome = run::run(&scenario(name).plan(0), scenario(name).classes);
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
