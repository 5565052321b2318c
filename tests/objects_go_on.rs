//! What is acknowledged is followed by a run of `alarm()`, and an object that arms itself again never stops: under crashes,
//! losses of power and messages, and a failing outside service.

use reveille_model::history::{History, What};

use crate::common::{run_seeds, scenario};

#[test]
fn alarm_example_runs_after_every_request() {
    run_seeds(&scenario("alarm-example"), "alarm_example_runs_after_every_request", 0..60, &[]);
}

#[test]
fn cron_never_stops() {
    run_seeds(&scenario("cron"), "cron_never_stops", 0..60, &[]);
}

/// The rules that a scenario's own promise says are broken in the history of a run, after it was falsified.
fn broken(name: &str, falsify: impl FnOnce(&mut History)) -> Vec<&'static str> {
    let scenario = scenario(name);
    let mut history = scenario.run(&scenario.plan(0)).history;
    falsify(&mut history);
    let judged = scenario.judge(&history);
    judged.iter().flat_map(|(_, judged)| &judged.broken).map(|violation| violation.rule.0).collect()
}

#[test]
fn a_request_that_no_run_follows_is_told() {
    assert!(broken("alarm-example", |_| ()).is_empty());
    let no_runs = |history: &mut History| {
        history.events.retain(|event| !matches!(event.what, What::RunStart { .. }));
    };
    assert!(broken("alarm-example", no_runs).contains(&"followed"));
    let no_last_run = |history: &mut History| {
        let last = history.events.iter().rposition(|event| matches!(event.what, What::RunStart { .. }));
        history.events.remove(last.expect("there are runs"));
    };
    assert_eq!(broken("alarm-example", no_last_run), ["followed"]);
}

#[test]
fn an_object_that_stopped_is_told() {
    assert!(broken("cron", |_| ()).is_empty());
    let set_alarms = |by_ms: Option<i64>| {
        move |history: &mut History| {
            for event in &mut history.events {
                if let What::AtRest { alarm, .. } = &mut event.what {
                    match (by_ms, alarm.as_mut()) {
                        (Some(by_ms), Some(alarm)) => alarm.scheduled_ms += by_ms,
                        _ => *alarm = None,
                    }
                }
            }
        }
    };
    assert!(broken("cron", set_alarms(None)).contains(&"never-stops"));
    assert!(broken("cron", set_alarms(Some(10_000))).contains(&"never-stops"), "a period was left out");
}
