//! R1 to R8: handlers that fail by error and by panic, and constructors that fail, are retried as the contract says, whatever
//! machines fail in between.

use reveille_model::history::{EndReason, What};
use reveille_sim::plan::Plan;
use serde_json::json;

use crate::common::life::{LATE_MAX_MS, Life, OBJECT, Run, asked, crash_at};
use crate::common::{run_seeds, scenario, upstream};

#[test]
fn retries_follow_the_contract() {
    run_seeds(&scenario("retry-info"), "retries_follow_the_contract", 0..60, &[]);
}

/// A request for an alarm a second ahead whose runs do this.
fn alarm(programs: &str) -> String {
    format!(r#"{{"steps": [{{"do": {{"set_alarm": {{"in_ms": 1000}}}}}}], "alarm": [{programs}]}}"#)
}

fn retry_counts(runs: &[Run]) -> Vec<u32> {
    runs.iter().map(|run| run.retry_count).collect()
}

#[test]
fn r1_an_error_and_a_panic_are_counted_and_only_a_panic_resets_the_object() {
    let life = Life::of(&asked(&[(1_000, &alarm(r#"["fail"], ["panic"], []"#))]));
    let runs = life.runs();
    assert_eq!(retry_counts(&runs), [0, 1, 2]);
    let [first, second, third] = [0, 1, 2].map(|run: usize| runs[run].instance);
    assert!(first == second && second != third, "{runs:?}");
}

/// A wake whose constructor fails twice.
const FAILING_CONSTRUCTOR: &str =
    r#"{"steps": [{"do": {"set_alarm": {"in_ms": 20000}}}], "construct": [["fail"], ["panic"]]}"#;

#[test]
fn r1_a_constructor_that_fails_is_retried_and_not_counted() {
    let life = Life::of(&asked(&[(1_000, FAILING_CONSTRUCTOR)]));
    assert_eq!(life.instances().len(), 4, "one for the request, three for the alarm");
    let [run] = &life.runs()[..] else { panic!("{:?}", life.runs()) };
    assert!(run.is_ok() && run.retry_count == 0, "{run:?}");
}

/// A backoff takes `2 s * 2^n`, and at most a quarter of that more.
#[track_caller]
fn assert_backoff(n: u32, failed_ms: i64, again_ms: i64) {
    let backoff_ms = 2_000 << n;
    let waited_ms = again_ms - failed_ms;
    assert!((backoff_ms..=backoff_ms + backoff_ms / 4 + LATE_MAX_MS).contains(&waited_ms), "{waited_ms} ms");
}

#[test]
fn r3_a_retry_waits_twice_as_long_each_time() {
    let fails = [r#"["fail"]"#; 7].join(",");
    let runs = Life::of(&asked(&[(1_000, &alarm(&fails))])).runs();
    assert_eq!(retry_counts(&runs), [0, 1, 2, 3, 4, 5, 6]);
    for (n, pair) in (0..).zip(runs.windows(2)) {
        assert_backoff(n, pair[0].ended_ms(), pair[1].started_ms);
    }
}

#[test]
fn r3_a_wake_waits_twice_as_long_each_time_its_constructor_fails() {
    let woken = Life::of(&asked(&[(1_000, FAILING_CONSTRUCTOR)])).instances();
    for (n, pair) in (0..).zip(woken[1..].windows(2)) {
        assert_backoff(n, pair[0], pair[1]);
    }
}

/// The backoff began under another holder: the wall clock decides, and no failover shortens it.
#[test]
fn r3_a_backoff_outlasts_the_machine_that_it_began_on() {
    let mut plan = asked(&[(1_000, &alarm(r#"["fail"], ["fail"], ["fail"], ["fail"], []"#))]);
    // The fourth run ends 16 s to 20 s from the begin, and the fifth follows 16 s to 20 s after it.
    plan.faults = vec![crash_at(20_000)];
    let runs = Life::of(&plan).runs();
    assert_ne!(runs[3].machine, runs[4].machine, "{runs:?}");
    assert_backoff(3, runs[3].ended_ms(), runs[4].started_ms);
}

#[test]
fn r4_a_crash_in_backoff_does_not_reset_the_count() {
    let mut plan = asked(&[(1_000, &alarm(r#"["fail"], ["fail"], []"#))]);
    plan.faults = vec![crash_at(5_500)];
    let runs = Life::of(&plan).runs();
    assert_eq!(retry_counts(&runs), [0, 1, 2]);
    assert!(runs[1].machine != runs[2].machine && runs[2].is_ok(), "{runs:?}");
}

#[test]
fn r4_a_run_that_was_lost_with_its_machine_is_not_counted() {
    let mut plan = asked(&[(1_000, &alarm(r#"["fail"], [{"fetch": "x"}]"#))]);
    plan.upstream = upstream(3_000);
    plan.faults = vec![crash_at(5_500)];
    let runs = Life::of(&plan).runs();
    assert_eq!(retry_counts(&runs), [0, 1, 1]);
    assert!(runs[1].ended.is_none() && runs[2].is_ok(), "{runs:?}");
}

/// Neither at the end of the old one's backoff, nor with its count.
#[test]
fn r5_an_alarm_set_in_backoff_starts_at_zero_and_at_its_own_time() {
    let set = r#"{"steps": [{"do": {"set_alarm": {"in_ms": 500}}}], "alarm": [[]]}"#;
    replaces(&asked(&[(1_000, &alarm(r#"["fail"], ["fail"]"#)), (5_500, set)]));
}

#[test]
fn r5_an_alarm_set_in_a_run_that_fails_ends_its_retries() {
    let set = r#"{"steps": [{"do": {"set_alarm": {"in_ms": 3000}}}], "alarm": [[]]}"#;
    let fails = alarm(r#"["fail"], [{"fetch": "x"}, "fail"]"#);
    // The second run starts 4 s to 4.6 s from the begin, and ends two seconds later.
    let mut plan = asked(&[(1_000, &fails), (5_000, set)]);
    plan.upstream = upstream(2_000);
    replaces(&plan);
}

/// An alarm wakes the object, and the constructor sets another one, which is due while it hangs. The failure is the first one's:
/// the second runs as soon as it can, without the backoff.
#[test]
fn r5_an_alarm_set_by_a_constructor_that_fails_has_no_backoff() {
    let script = r#"{"steps": [{"do": {"set_alarm": {"in_ms": 20000}}}],
                     "construct": [[{"do": {"set_alarm": {"in_ms": 1000}}}, "hang"]]}"#;
    let life = Life::of(&asked(&[(1_000, script)]));
    assert_eq!(life.runs_told(), [(life.set_alarms()[1], 0)]);
    let fails = |what: &What| matches!(what, What::ConstructorEnd { failed: Some(_) });
    let failed_ms: Vec<_> =
        life.events().filter(|(_, event)| fails(&event.what)).map(|(at_ms, _)| at_ms).collect();
    let [failed_ms] = failed_ms[..] else { panic!("{failed_ms:?}") };
    assert!(life.set_alarms()[1] < failed_ms - 20_000, "it is due while the constructor hangs");
    assert!(life.runs()[0].is_on_time(failed_ms), "{:?}", life.runs());
    assert_eq!(life.outcome.verdict.violations, []);
}

/// The second alarm that is set runs at its own time, as if the first had never been, which has failed twice.
#[track_caller]
fn replaces(plan: &Plan) {
    let life = Life::of(plan);
    let set = life.set_alarms();
    assert_eq!(life.runs_told(), [(set[0], 0), (set[0], 1), (set[1], 0)]);
    let runs = life.runs();
    assert!(runs[2].is_ok() && runs[2].is_on_time(set[1]), "{runs:?}");
}

#[test]
fn r6_in_backoff_get_alarm_is_the_original_time_and_delete_alarm_ends_the_retries() {
    let life = Life::of(&asked(&[
        (1_000, &alarm(r#"["fail"], []"#)),
        (3_000, r#"{"steps": [{"do": "get_alarm"}, {"do": "delete_alarm"}, {"do": "get_alarm"}]}"#),
        // The instance has left memory.
        (20_000, r#"{"steps": [{"do": "get_alarm"}]}"#),
    ]));
    assert_eq!(life.told(1), json!([life.set_alarms()[0], "done", null]));
    assert_eq!(life.told(2), json!([null]));
    assert_eq!(life.runs().len(), 1);
    assert_eq!(life.at_rest(OBJECT).1, None);
}

/// Read anew, by the next holder.
#[test]
fn r6_after_a_failover_in_backoff_get_alarm_is_the_original_time() {
    let fails = [r#"["fail"]"#; 7].join(",");
    let mut plan = asked(&[
        (1_000, &alarm(&fails)),
        // The fifth run follows 16 s to 20 s after the fourth, which ends 15 s to 20 s after the first.
        (25_000, r#"{"steps": [{"do": "get_alarm"}]}"#),
    ]);
    plan.faults = vec![crash_at(10_000)];
    let life = Life::of(&plan);
    assert_eq!(life.told(1), json!([life.set_alarms()[0]]));
}

/// The contract allows a retry; here there is none.
#[test]
fn r7_delete_alarm_in_a_run_that_fails_prevents_the_retry() {
    let delete = r#"[{"do": {"put": ["a", "1"]}}, {"do": "delete_alarm"}, "fail"]"#;
    deletes(&[(1_000, &alarm(delete))]);
}

#[test]
fn r7_delete_alarm_beside_a_run_that_fails_prevents_the_retry() {
    deletes(&[
        (1_000, &alarm(r#"[{"do": {"put": ["a", "1"]}}, {"fetch": "x"}, "panic"]"#)),
        // While alarm() waits for the service.
        (2_050, r#"{"steps": [{"do": "delete_alarm"}]}"#),
    ]);
}

/// The alarm runs once, fails, and is gone. The next one that is set has nothing to do with it.
#[track_caller]
fn deletes(asked_for: &[(u64, &str)]) {
    let again =
        (30_000, r#"{"steps": [{"do": "get_alarm"}, {"do": {"set_alarm": {"in_ms": 500}}}], "alarm": [[]]}"#);
    let life = Life::of(&asked(&[asked_for, &[again]].concat()));
    let (set, runs) = (life.set_alarms(), life.runs());
    assert_eq!(life.runs_told(), [(set[0], 0), (set[1], 0)]);
    assert!(!runs[0].is_ok() && runs[1].is_ok(), "{runs:?}");
    let last = u64::try_from(asked_for.len()).expect("it is asked little");
    assert_eq!(life.told(last), json!([null, "done"]));
    assert_eq!(life.keys_at_rest(OBJECT), ["a"], "it does nothing else");
}

/// By an error, a panic, a limit, and an error long after the write; the machine is lost between two of the runs.
#[test]
fn r8_failed_runs_keep_their_writes() {
    let mut plan = asked(&[(
        1_000,
        &alarm(
            r#"[{"do": {"put": ["a", "1"]}}, "fail"], [{"do": {"put": ["b", "1"]}}, "panic"],
               [{"do": {"put": ["c", "1"]}}, "exceed"],
               [{"do": {"put": ["d", "1"]}}, {"fetch": "x"}, {"do": {"put": ["e", "1"]}}, "fail"]"#,
        ),
    )]);
    plan.faults = vec![crash_at(7_000)];
    let life = Life::of(&plan);
    assert_eq!(retry_counts(&life.runs()), [0, 1, 2, 3, 4]);
    assert_eq!(life.keys_at_rest(OBJECT), ["a", "b", "c", "d", "e"]);
    let over_limit = |what: &What| matches!(what, What::InstanceEnd { reason: EndReason::OverLimit { .. } });
    assert!(life.events().any(|(_, event)| over_limit(&event.what)));
}
