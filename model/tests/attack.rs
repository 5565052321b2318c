//! Histories that are judged wrongly, or at too high a cost, at present.

mod common;

use common::Tale;
use reveille_model::history::{StorageCall, What};

/// Nanoseconds that this thread has had on a processor, as Linux tells it.
fn processor_ns() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").expect("this is Linux");
    told.split_whitespace().next().and_then(|ns| ns.parse().ok()).expect("it is a number")
}

/// SPEC.md, "Profiles": "A rule for which a history lacks the fields is reported as *not checked*". Without any `op_result`
/// nobody knows how a transaction has ended; that it never does is one thing that it does not say.
#[test]
fn s5_a_transaction_without_a_result_is_not_judged() {
    let mut tale = Tale::new();
    tale.call(StorageCall::Transaction);
    let set = StorageCall::SetAlarm {
        time_ms: common::wall_ms(1.0),
        scheduled_ms: common::wall_ms(1.0),
        alarm: None,
    };
    tale.call(set);
    tale.commit()
        .respond()
        .lost()
        .at(1.0)
        .wake(2)
        .turn(2)
        .run_told(1, None, 1.0, 0, false)
        .run_ok(1)
        .commit_end(1);
    assert!(!tale.events().iter().any(|event| matches!(event.what, What::OpResult { .. })));
    tale.is_accepted();
}

/// "Cost is linear in the history" (check/mod.rs): turns that nobody heard of, each of another key, are lost, and the successor
/// lists all of them. Four times as many take about sixty times as long.
#[test]
fn a_list_of_what_was_lost_costs_no_more_than_it_shows() {
    let listed = |turns: u32| {
        let keys: Vec<String> = (0..turns).map(|turn| format!("k{turn:05}")).collect();
        let mut tale = Tale::without_commits();
        for (turn, key) in (2..).zip(&keys) {
            tale.turn(turn).put(key, "v");
        }
        let shows: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "v")).collect();
        tale.lost().at(1.0).start(2).list(Default::default(), &shows);
        let begun_ns = processor_ns();
        tale.is_accepted();
        processor_ns() - begun_ns
    };
    let (little, much) = (listed(300), listed(1_200));
    assert!(much <= 8 * little.max(10_000_000), "{little} ns, and {much} ns for four times as much");
}
