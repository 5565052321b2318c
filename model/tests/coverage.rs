//! What a verdict says about each rule: judged, how often put to the test, or why not.

use std::collections::BTreeSet;

use reveille_model::RULES;
use reveille_model::build::Tale;
use reveille_model::history::{EndReason, Head, Headers, How, RunOutcome, What};
use reveille_model::verdict::{Coverage, RuleId};

fn of(tale: &Tale, rule: &'static str) -> Coverage {
    tale.verdict().coverage[&RuleId(rule)].clone()
}

fn occasions(tale: &Tale, rule: &'static str) -> u64 {
    match of(tale, rule) {
        Coverage::NotChecked { why } => panic!("{rule} was not checked: {why}"),
        coverage => coverage.occasions(),
    }
}

#[test]
fn every_rule_stands_in_the_table_once_and_in_every_verdict() {
    let ids: BTreeSet<RuleId> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), RULES.len());
    let covered: BTreeSet<RuleId> = Tale::new().verdict().coverage.into_keys().collect();
    assert_eq!(covered, ids);
    let ours: Vec<&str> = RULES.iter().filter(|rule| rule.is_ours).map(|rule| rule.id.0).collect();
    assert_eq!(ours, ["A10", "R4", "D8", "L3", "L4"], "SPEC.md marks these");
}

#[test]
fn a_rule_whose_events_are_missing_is_not_checked() {
    let mut tale = Tale::new();
    tale.respond();
    assert_eq!(
        of(&tale, "O5"),
        Coverage::NotChecked { why: "no `commit` says what is durable" },
        "nobody knows whether the response was too early"
    );
    tale.turn(2).put("k", "v").commit();
    assert!(matches!(of(&tale, "O5"), Coverage::Judged { .. }));
}

#[test]
fn a_failure_of_which_nobody_says_how_is_judged_in_part() {
    let told = |how| {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
        tale.does(What::RunEnd { run: 1, outcome: RunOutcome::Failed { why: "boom".into(), how } });
        of(&tale, "R1")
    };
    assert!(
        matches!(told(None), Coverage::InPart { occasions: 1, except } if except[0].contains("no `how`"))
    );
    assert_eq!(told(Some(How::Error)), Coverage::Judged { occasions: 1 });
}

/// Each of so many instances wrote a key of its own and an alarm of which nobody heard, and was lost. Nothing is durable.
fn many_losses(losses: u64) -> Tale {
    let mut tale = Tale::without_commits();
    for instance in 1..=losses {
        tale.put(&format!("k{instance:02}"), "v").set_alarm(instance, 90.0 + instance as f64);
        tale.lost().at(instance as f64).start(instance + 1);
    }
    tale.at(50.0).rests(&[], None).end();
    tale
}

#[test]
fn what_too_many_losses_have_left_open_is_judged_in_part() {
    let is_whole = |tale: &Tale, rule| matches!(of(tale, rule), Coverage::Judged { .. });
    let few = many_losses(11);
    assert!(is_whole(&few, "S3") && is_whole(&few, "F1"));
    let many = many_losses(13);
    many.is_accepted();
    for rule in ["S2", "S3", "S4", "A3", "F1"] {
        let is_in_part = matches!(of(&many, rule), Coverage::InPart { except, .. } if except.iter().any(|why| why.contains("lost")));
        assert!(is_in_part, "{rule}: {:?}", of(&many, rule));
    }
    assert!(is_whole(&many, "O4"), "what was lost says nothing about constructors");
}

#[test]
fn a_constructor_whose_end_is_never_told_is_not_judged() {
    let told = |is_ended: bool| {
        let mut tale = Tale::new();
        tale.does(What::InstanceEnd { reason: EndReason::Evicted });
        let mut events: Vec<_> =
            tale.at(1.0).begin(2, reveille_model::history::Cause::Request).events().to_vec();
        if !is_ended {
            events.retain(|event| !matches!(event.what, What::ConstructorEnd { .. }));
        }
        let mut last = events.last().expect("it began").clone();
        last.what = What::RunStart { run: 1, alarm: None, scheduled_ms: 1, retry_count: 0, is_retry: false };
        events.push(last);
        reveille_model::build::verdict(events)
    };
    let is_o4 = |is_ended: bool| told(is_ended).violations.iter().any(|violation| violation.rule.0 == "O4");
    assert!(is_o4(true), "constructors end in this history, and this one had not");
    assert!(!is_o4(false));
    assert!(matches!(told(false).coverage[&RuleId("O4")], Coverage::NotChecked { .. }));
}

#[test]
fn occasions_are_counted() {
    let mut tale = Tale::new();
    assert_eq!(occasions(&tale, "O4"), 1);
    tale.put("k", "v").get("k", Some("v")).get("l", None);
    assert_eq!(occasions(&tale, "S4"), 2);
}

#[test]
fn what_only_a_crash_shows_counts_crashes() {
    let ended = |reason: EndReason| {
        let mut tale = Tale::new();
        tale.put("k", "v").put("l", "w").commit().respond().does(What::InstanceEnd { reason }).start(2);
        tale
    };
    for rule in ["S2", "S3"] {
        assert_eq!(occasions(&ended(EndReason::Lost), rule), 1, "{rule}");
        assert_eq!(occasions(&ended(EndReason::Evicted), rule), 0, "{rule}");
    }
    let mut silent = Tale::new();
    silent.put("k", "v").commit().respond().lost().start(2);
    assert_eq!((occasions(&silent, "S3"), occasions(&silent, "S2")), (1, 0), "one write cannot be split");
}

#[test]
fn o5_an_occasion_is_whatever_waits_for_a_write() {
    let mut tale = Tale::new();
    tale.put("k", "v").commit().respond();
    assert_eq!(occasions(&tale, "O5"), 1);
    tale.turn(2).respond();
    assert_eq!(occasions(&tale, "O5"), 1, "all that was written before was durable already");
    tale.turn(3).put("k", "w").commit().respond();
    assert_eq!(occasions(&tale, "O5"), 2);
}

/// What a history does not tell of it is not judged by, and that is told.
#[test]
fn what_the_world_does_not_tell_is_judged_in_part() {
    let is_except = |tale: &Tale, rule, word: &str| matches!(of(tale, rule), Coverage::InPart { except, .. } if except.iter().any(|why| why.contains(word)));
    let mut tale = Tale::new();
    tale.put("k", "v").set_alarm(1, 1.0).commit().respond();
    tale.on_machine(1, What::Replica { group: 1, applied: 7, state: 7 });
    tale.at(1.0).turn(2).run(1, 1, 1.0, 0).fault(1, "pause").heal(1).at(9.0).end();
    assert!(is_except(&tale, "S3", "at_rest"));
    assert!(is_except(&tale, "L2", "majority"));
    assert!(is_except(&tale, "L4", "committed") && is_except(&tale, "L4", "leader"));
    assert!(is_except(&tale, "O1", "deliver"));
    tale.deliver(3, reveille_model::history::Delivery::Alarm { run: 1 });
    assert!(!is_except(&tale, "O1", "deliver"));
    let mut told = Tale::new();
    told.put("k", "v").set_alarm(1, 1.0).commit().respond();
    told.world(What::Majority { group: 1, connected: true }).world(What::Committed { group: 1, index: 7 });
    told.on_machine(1, What::Replica { group: 1, applied: 7, state: 7 });
    told.on_machine(0, What::Leader { datacenter: 0, term: 1 });
    told.at(1.0).turn(2).run(1, 1, 1.0, 0).fault(1, "pause").heal(1).at(9.0);
    told.rests(&[("k", "v")], Some((1, 1.0, 0))).end();
    for rule in ["S3", "L2", "L4"] {
        assert!(matches!(of(&told, rule), Coverage::Judged { .. }), "{rule}");
    }
}

/// A9 is about instances that an alarm woke: without `cause` nobody knows which these are.
#[test]
fn without_causes_a9_is_judged_in_part() {
    let told = |cause| {
        let mut tale = Tale::of_machines();
        tale.does(What::InstanceStart { cause, slice: None }).set_alarm(1, 1.0);
        tale.does(What::ConstructorEnd { failed: None }).at(1.0).turn(2).run(1, 1, 1.0, 0);
        of(&tale, "A9")
    };
    assert!(matches!(told(None), Coverage::InPart { except, .. } if except[0].contains("no `cause`")));
    assert!(matches!(told(Some(reveille_model::history::Cause::Alarm)), Coverage::Judged { occasions: 1 }));
}

/// W1: what comes next is missed only where the history tells of such things at all.
#[test]
fn a_call_is_not_missed_where_nobody_tells_of_what_comes_next() {
    let told = |is_return_told: bool| {
        let mut tale = Tale::new();
        for call in [3, 4] {
            let (service, body) = ("upstream".into(), "{}".into());
            tale.at(1.0).turn(2).does(What::Outbound {
                call,
                service,
                head: Head::default(),
                body,
                op: None,
            });
            tale.world(What::OutboundArrive { call, service: None, head: Head::default(), body: None });
            tale.world(What::OutboundAnswer {
                call,
                status: Some(200),
                headers: Headers::default(),
                body: None,
            });
        }
        if is_return_told {
            tale.on_machine(
                0,
                What::OutboundReturn { call: 3, status: Some(200), headers: Headers::default(), body: None },
            );
        }
        tale.at(300.0).end();
        tale.verdict().violations.iter().map(|it| it.rule.0).collect::<Vec<_>>()
    };
    assert_eq!(told(false), [""; 0]);
    assert_eq!(told(true), ["W1"], "the answer to call 4 went missing");
}
