//! A verdict hides nothing: what it does not tell one by one it counts, and each time that a rule was broken was an occasion.

use reveille_model::Profile;
use reveille_model::build::Tale;
use reveille_model::history::{Delivery, ObjectName, OpResult, StorageCall, What};
use reveille_model::verdict::{Coverage, RuleId, Verdict, Violation};

const F4: RuleId = RuleId("F4");

/// So many alarms run, one every ten seconds, and each once more after it was done with.
fn run_again(alarms: u64) -> Tale {
    let mut tale = Tale::new();
    for alarm in 1..=alarms {
        let (turn, at) = (u32::try_from(alarm).expect("a few alarms") * 3, alarm as f64 * 10.0);
        tale.at(at).turn(turn).set_alarm(alarm, at + 1.0).commit().respond();
        for again in 0..2 {
            let run = 2 * alarm + u64::from(again);
            let tale = tale.at(at + f64::from(again) + 1.0).turn(turn + again + 1);
            tale.run(run, alarm, at + 1.0, 0).run_ok(run).commit_end(run);
        }
    }
    tale
}

/// An alarm runs to its end.
fn run_once() -> Tale {
    let mut tale = Tale::new();
    tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).run_ok(1).commit_end(1);
    tale
}

fn told(verdict: &Verdict, rule: RuleId) -> u64 {
    verdict.violations.iter().filter(|violation| violation.rule == rule).count() as u64
}

#[test]
fn what_is_not_told_one_by_one_is_counted() {
    let verdict = run_again(2).verdict();
    assert_eq!((told(&verdict, F4), verdict.more.get(&F4)), (2, None));
    let verdict = run_again(500).verdict();
    assert_eq!((told(&verdict, F4), verdict.more.get(&F4)), (3, Some(&497)));
    assert_eq!(verdict.broken()[&F4], 500);
}

#[test]
fn what_a_scenario_promises_is_told_and_counted_likewise() {
    let promise = |object: &str, at_ns: u64| Violation {
        rule: RuleId("never-stops"),
        object: Some(ObjectName(object.into())),
        at_ns,
        sentences: String::new(),
        evidence: Vec::new(),
    };
    let mut verdict = run_again(1).verdict();
    verdict.add((1..=7).rev().map(|at| promise("Cron/a", at)).chain([promise("Cron/b", 9)]).collect());
    let never_stops: Vec<u64> =
        verdict.violations.iter().filter(|it| it.rule.0 == "never-stops").map(|it| it.at_ns).collect();
    assert_eq!(never_stops, [1, 2, 3, 9], "the first ones of each object");
    assert_eq!(verdict.broken()[&RuleId("never-stops")], 8);
    assert!(verdict.violations.is_sorted_by_key(|violation| violation.at_ns));
}

/// What only the end of a history shows to be broken stands where it happened in time.
#[test]
fn violations_stand_in_the_order_of_time() {
    let mut tale = run_again(1);
    tale.at(50.0).turn(9).call(StorageCall::Get { key: "k".into() });
    // Two events come in while a read is outstanding, which counts only if results are told at all.
    tale.deliver(10, Delivery::Request { request: 8 });
    let op = tale.at(60.0).turn(11).call(StorageCall::Get { key: "k".into() });
    tale.result(op, OpResult::Value(Some("never written".into())));
    let verdict = tale.verdict();
    let rules: Vec<&str> = verdict.violations.iter().map(|violation| violation.rule.0).collect();
    assert!(rules.starts_with(&["F4", "O3"]) && rules.len() > 2, "{rules:?}");
    assert!(verdict.violations.is_sorted_by_key(|violation| violation.at_ns));
}

#[test]
fn an_occasion_that_led_to_a_violation_is_an_occasion() {
    let verdict = run_again(500).verdict();
    assert!(verdict.coverage[&F4].occasions() >= 500, "{:?}", verdict.coverage[&F4]);
    for violation in &verdict.violations {
        assert!(verdict.coverage[&violation.rule].occasions() > 0, "{}", violation.rule);
    }
}

/// What the profile lets pass whatever happens, it has not judged.
#[test]
fn a_rule_that_the_profile_lets_pass_is_not_checked() {
    let is_checked = |profile, rule| {
        let verdict = run_once().verdict_by(profile);
        !matches!(verdict.coverage[&RuleId(rule)], Coverage::NotChecked { .. })
    };
    for rule in ["L1", "L3", "A10"] {
        assert!(is_checked(Profile::Strict, rule), "{rule}");
        assert!(!is_checked(Profile::Workerd, rule), "{rule}");
    }
    assert!(is_checked(Profile::Workerd, "F3") && is_checked(Profile::Workerd, "F2"));
}

#[test]
fn without_a_run_and_without_a_result_nothing_was_judged() {
    let mut tale = Tale::of_machines();
    assert!(!tale.verdict().is_judged(), "a header alone");
    tale.asks(1, "Batcher/0").start(1).deliver(2, Delivery::Request { request: 1 }).respond();
    tale.world(What::Leader { datacenter: 0, term: 1 }).end();
    let verdict = tale.verdict();
    assert!(verdict.is_clean() && verdict.coverage[&RuleId("O2")].occasions() > 0);
    assert!(!verdict.is_judged(), "instances, and no word of what they did");
    let mut stored = Tale::new();
    assert!(stored.put("k", "v").verdict().is_judged());
    assert!(run_once().verdict().is_judged());
}
