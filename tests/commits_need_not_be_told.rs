//! A history that does not tell of commits is judged by what was acknowledged and what is seen after a loss: a run of the
//! system without its commits is still clean, and a value that was acknowledged and comes back as another is still found.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use reveille_model::Profile;
use reveille_model::history::{Blob, Event, History, Omission, OpResult, StorageCall, What};
use reveille_model::verdict::Verdict;

use crate::common::{scenario, seeds};

/// Scenarios whose objects keep the contract whatever happens to them.
const SCENARIOS: [&str; 5] = ["batcher", "retry-info", "alarm-example", "cron", "failover"];

fn without_commits(mut history: History) -> History {
    history.events.retain(|event| !matches!(event.what, What::Commit { .. }));
    history.header.omits = vec![Omission::Commits];
    history
}

fn run(name: &str, seed: u64) -> History {
    let scenario = scenario(name);
    without_commits(scenario.run(&scenario.plan(seed)).history)
}

fn check(history: &History) -> Verdict {
    reveille_model::check(history, Profile::Strict)
}

#[test]
fn a_run_is_clean_without_its_commits() {
    for name in SCENARIOS {
        for seed in seeds(0..20) {
            let violations = check(&run(name, seed)).violations;
            assert_eq!(violations, [], "{name} {seed}");
        }
    }
}

/// Reads that show a value which an earlier instance of the object had written and acknowledged: where the key's last
/// write before the read is of an instance of which a response or outbound request left in a later turn. What an instance
/// reads that a newer one has succeeded is its own affair.
fn acknowledged_reads(events: &[Event]) -> Vec<usize> {
    let (mut written, mut called, mut newest) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut heard = BTreeSet::new();
    let mut found = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let Some(by) = &event.by else { continue };
        match &event.what {
            What::InstanceStart { .. } => _ = newest.insert(by.object.clone(), by.instance),
            What::Op { call: StorageCall::Put { key, .. } | StorageCall::Delete { key }, .. } => {
                written.insert((by.object.clone(), key.clone()), (by.instance, by.turn));
            }
            What::Op { call: StorageCall::DeleteAll { .. }, .. } => {
                written.retain(|(object, _), _| *object != by.object);
            }
            What::Op { op, call: StorageCall::Get { key }, .. } => {
                called.insert((by.object.clone(), by.instance, *op), key.clone());
            }
            What::Respond { .. } | What::Outbound { .. } => {
                heard.insert((by.object.clone(), by.instance, by.turn));
            }
            What::OpResult { op, result: OpResult::Value(Some(_)) } => {
                let key = called.remove(&(by.object.clone(), by.instance, *op));
                let writer = key.and_then(|key| written.get(&(by.object.clone(), key)).copied());
                let is_heard = |(instance, turn): (u64, u32)| {
                    let range = (by.object.clone(), instance, turn)..=(by.object.clone(), instance, u32::MAX);
                    instance != by.instance && heard.range(range).next().is_some()
                };
                let is_live = newest.get(&by.object) == Some(&by.instance);
                found.extend((is_live && writer.is_some_and(is_heard)).then_some(index));
            }
            _ => {}
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_acknowledged_value_that_comes_back_as_another_is_found(seed in 0u64..1_000, pick in any::<prop::sample::Index>()) {
        let mut history = run("alarm-example", seed);
        let reads = acknowledged_reads(&history.events);
        prop_assume!(!reads.is_empty());
        let read = *pick.get(&reads);
        let What::OpResult { result: OpResult::Value(Some(value)), .. } = &mut history.events[read].what else {
            unreachable!("a read was picked")
        };
        *value = Blob::from("falsified");
        let violations = check(&history).violations;
        let rules: Vec<&str> = violations.iter().map(|violation| violation.rule.0).collect();
        prop_assert!(!rules.is_empty(), "seed {seed}: event {read} was falsified and nothing was said");
        prop_assert!(rules.iter().all(|rule| *rule == "S3"), "{rules:?}");
    }
}
