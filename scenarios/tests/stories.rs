//! Stories are told rightly: of the object that they are about, with the event that caused it, under the name of the trap that it
//! was.

use std::collections::{BTreeMap, BTreeSet};

use reveille::broken;
use reveille::{finding, story};
use reveille_model::history::{Event, History, ObjectName, RunOutcome, What};
use reveille_model::verdict::Violation;

/// Enough to show each trap of the documentation's Batcher, X5 among them.
const SEEDS: std::ops::Range<u64> = 0..60;

/// Whose events these are: the object of each request and of each call to an outside service.
struct Owners<'a> {
    requests: BTreeMap<u64, &'a ObjectName>,
    calls: BTreeMap<u64, &'a ObjectName>,
}

impl<'a> Owners<'a> {
    fn of(history: &'a History) -> Self {
        let (mut requests, mut calls) = (BTreeMap::new(), BTreeMap::new());
        for event in &history.events {
            match (&event.what, &event.by) {
                (What::Call { request, to, .. }, _) => _ = requests.insert(*request, to),
                (What::Outbound { call, .. }, Some(by)) => _ = calls.insert(*call, &by.object),
                _ => {}
            }
        }
        Self { requests, calls }
    }

    /// The object that an event is of; none for what happens to machines, or outside.
    fn owner(&self, event: &'a Event) -> Option<&'a ObjectName> {
        match (&event.what, &event.by) {
            (_, Some(by)) => Some(&by.object),
            (What::Call { to, .. }, None) => Some(to),
            (What::Return { request, .. }, None) => self.requests.get(request).copied(),
            (What::OutboundArrive { call, .. } | What::OutboundAnswer { call, .. }, None) => {
                self.calls.get(call).copied()
            }
            (What::AtRest { object, .. }, None) => Some(object),
            _ => None,
        }
    }
}

fn evidence<'a>(history: &'a History, violation: &Violation) -> Vec<&'a Event> {
    violation.evidence.iter().map(|index| &history.events[*index]).collect()
}

fn find<'a, T>(events: &[&'a Event], of: impl FnMut(&'a What) -> Option<T>) -> Option<T> {
    events.iter().map(|event| &event.what).find_map(of)
}

#[test]
fn what_the_documentations_batcher_loses_is_told_rightly() {
    let docs = scenarios::catalogue().get("batcher-docs").expect("it is one of ours").clone();
    let mut told = BTreeSet::new();
    for seed in SEEDS {
        let outcome = docs.run(&docs.plan(seed));
        let owners = Owners::of(&outcome.history);
        for violation in &outcome.verdict.violations {
            let of = format!("seed {seed}, {}: {}", violation.rule, violation.sentences);
            let events = evidence(&outcome.history, violation);
            for event in &events {
                let owner = owners.owner(event);
                assert!(owner.is_none() || owner == violation.object.as_ref(), "{of}\n{event:?}");
            }
            told.insert(violation.rule.0);
            is_the_trap(violation, &events, &of);
        }
    }
    for trap in ["X1(a)", "X1(b)", "X1(c)"] {
        assert!(told.contains(trap), "{told:?}");
    }
}

/// Whether the evidence shows what the trap's name says.
fn is_the_trap(violation: &Violation, events: &[&Event], of: &str) {
    let item = find(events, |what| match what {
        What::Call { body, .. } => Some(body.text().into_owned()),
        _ => None,
    });
    let item = item.expect("the request is told");
    let sent = find(events, |what| match what {
        What::Outbound { body, .. } => Some(body.text().contains(&format!("\"{item}\""))),
        _ => None,
    });
    let refused = find(events, |what| match what {
        What::OutboundAnswer { status, .. } => Some(!matches!(status, Some(200..=299))),
        _ => None,
    });
    match violation.rule.0 {
        "X1(b)" => assert_eq!(sent, Some(false), "{of}"),
        "X1(c)" => assert_eq!((sent, refused), (Some(true), Some(true)), "{of}"),
        "X5" => {
            let is_failed = find(events, |what| match what {
                What::RunEnd { outcome, .. } => Some(matches!(outcome, RunOutcome::Failed { .. })),
                _ => None,
            });
            assert_eq!(is_failed, Some(true), "{of}");
        }
        _ => {}
    }
}

/// One alarm has one time in a story, whichever machine tells of it and however its clock drifts.
#[test]
fn an_alarm_has_one_time_whoever_tells_it() {
    let retry_info = scenarios::catalogue().get("retry-info").expect("it is one of ours").clone();
    let mut retried = 0;
    for seed in 0..6 {
        let plan = retry_info.plan(seed);
        let outcome = retry_info.run(&plan);
        let mut scheduled: BTreeMap<(&ObjectName, i64), BTreeSet<String>> = BTreeMap::new();
        let mut runs: BTreeMap<(&ObjectName, i64), u32> = BTreeMap::new();
        for event in &outcome.history.events {
            if let (What::RunStart { scheduled_ms, .. }, Some(by)) = (&event.what, &event.by) {
                let sentence = story::sentence(&outcome.history, event);
                let (_, time) = sentence.split_once("scheduled for ").expect("it says for when it was");
                let time = time.split(',').next().expect("there is a first part").to_owned();
                scheduled.entry((&by.object, *scheduled_ms)).or_default().insert(time);
                *runs.entry((&by.object, *scheduled_ms)).or_default() += 1;
            }
        }
        assert!(scheduled.values().all(|times| times.len() == 1), "seed {seed}: {scheduled:?}");
        retried += runs.values().filter(|runs| **runs > 1).count();
    }
    assert!(retried > 0, "no alarm ran more than once");
}

/// What a rule was broken for beside the story is told too.
#[test]
fn a_story_says_how_often_its_rule_was_broken() {
    let docs = scenarios::catalogue().get("batcher-docs").expect("it is one of ours").clone();
    let is_often = |finding: &finding::Finding| finding.times > 7;
    let outcome = (0..20)
        .map(|seed| docs.run(&docs.plan(seed)))
        .find(|outcome| finding::of(outcome).iter().any(is_often))
        .expect("a plan of many requests loses many");
    let finding = finding::of(&outcome).into_iter().find(is_often).expect("it was found");
    let told = broken::story_of(&outcome, &finding);
    let more = format!("{} was broken {} more times in this run: ", finding.rule, finding.times - 1);
    // Wherever its lines are broken.
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains(&more) && told.contains(" times more."), "{told}");
}
