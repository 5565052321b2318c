//! S2, S3, D1: whenever the machine of an object crashes, each turn of it is there as a whole or not at all, its alarm
//! included, and nothing that was acknowledged is gone.

use std::collections::BTreeSet;

use reveille_sim::plan::Plan;

use crate::common::life::{Life, OBJECT, asked, crash_at};

/// When the turn is made that a crash may strike.
const TURN_AT_MS: u64 = 2_000;

/// What is at rest after a crash at each moment from before the turn until long after its acknowledgement: the keys, and
/// whether there is an alarm. A second before the turn the object has written `old`.
fn left_by_crashes(turn: &str) -> BTreeSet<(Vec<String>, bool)> {
    let plan = asked(&[(1_000, r#"{"steps": [{"do": {"put": ["old", "1"]}}]}"#), (TURN_AT_MS, turn)]);
    let left_by = |at_ms| {
        let life = Life::of(&Plan { faults: vec![crash_at(at_ms)], ..plan.clone() });
        let (keys, alarm) = life.at_rest(OBJECT);
        (keys.into_keys().collect(), alarm.is_some())
    };
    (TURN_AT_MS..TURN_AT_MS + 100).step_by(2).map(left_by).collect()
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

/// Awaiting what is already there does not end a turn.
#[test]
fn s2_a_turns_writes_are_there_together_or_not_at_all() {
    let left = left_by_crashes(
        r#"{"steps": [{"do": {"put": ["a", "1"]}}, {"do": {"get": "old"}}, {"do": {"delete": "old"}},
                      {"do": {"put_many": [["b", "c"], "1"]}}]}"#,
    );
    assert_eq!(left, [(keys(&["a", "b", "c"]), false), (keys(&["old"]), false)].into());
}

/// The alarm is further ahead than the end of the run.
#[test]
fn d1_an_alarm_and_the_keys_of_its_turn_are_there_together_or_not_at_all() {
    let left = left_by_crashes(
        r#"{"steps": [{"do": {"put": ["a", "1"]}}, {"do": {"set_alarm": {"in_ms": 900000}}}]}"#,
    );
    assert_eq!(left, [(keys(&["a", "old"]), true), (keys(&["old"]), false)].into());
}

/// Ten turns, 5 ms apart: some are on their way to the datastore when others are made.
#[test]
fn s3_what_is_left_is_a_prefix_of_the_turns_with_all_that_was_acknowledged() {
    let turns: Vec<(u64, String)> = (0..10_u64)
        .map(|turn| (1_000 + 5 * turn, format!(r#"{{"steps": [{{"do": {{"put": ["{turn}", ""]}}}}]}}"#)))
        .collect();
    let plan = asked(&turns.iter().map(|(at_ms, script)| (*at_ms, &**script)).collect::<Vec<_>>());
    let mut split = 0;
    for crash_ms in (1_010..1_150).step_by(5) {
        let life = Life::of(&Plan { faults: vec![crash_at(crash_ms)], ..plan.clone() });
        let left = life.keys_at_rest(OBJECT);
        let prefix: Vec<String> = (0..left.len()).map(|turn| turn.to_string()).collect();
        assert_eq!(left, prefix, "crash at {crash_ms} ms");
        let acknowledged = (0..10).filter(|turn| life.answer(*turn).is_some()).count();
        assert!(acknowledged <= left.len(), "crash at {crash_ms} ms: {acknowledged}, {left:?}");
        split += usize::from((1..10).contains(&left.len()));
    }
    assert!(split > 3, "some crashes come in the middle: {split}");
}
