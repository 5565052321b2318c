//! A2 to A10: what `get_alarm` shows, and which alarms run, as `set_alarm` and `delete_alarm` come from requests, from
//! `alarm()` and from a constructor. The objects run the programs that their requests bring.

use serde_json::json;

use crate::common::life::{LATE_MAX_MS, Life, OBJECT, asked};

/// Once another alarm is set, whether for later or for sooner, the one before it never starts.
#[test]
fn a2_a_replaced_alarm_never_starts() {
    let life = Life::of(&asked(&[
        (1_000, r#"{"steps": [{"do": {"set_alarm": {"in_ms": 2000}}}]}"#),
        (2_000, r#"{"steps": [{"do": {"set_alarm": {"in_ms": 50000}}}]}"#),
        (3_000, r#"{"steps": [{"do": {"set_alarm": {"in_ms": 4000}}}]}"#),
    ]));
    assert_eq!(life.runs_told(), [(life.set_alarms()[2], 0)]);
}

#[test]
fn a3_get_alarm_is_the_scheduled_time_or_none() {
    let get = r#"{"steps": [{"do": "get_alarm"}]}"#;
    let life = Life::of(&asked(&[
        (
            1_000,
            r#"{"steps": [{"do": "get_alarm"}, {"do": {"set_alarm": {"in_ms": 20000}}}, {"do": "get_alarm"}]}"#,
        ),
        (2_000, get),
        // The instance has left memory.
        (15_000, get),
        // The alarm has run.
        (25_000, get),
    ]));
    let set = life.set_alarms()[0];
    assert_eq!(life.told(0), json!([null, "done", set]), "it is not durable yet");
    assert_eq!(life.told(1), json!([set]));
    assert_eq!(life.told(2), json!([set]));
    assert_eq!(life.told(3), json!([null]));
}

#[test]
fn a4_get_alarm_is_none_in_the_handler() {
    let life = Life::of(&asked(&[
        (
            1_000,
            r#"{"steps": [{"do": {"set_alarm": {"in_ms": 1000}}}],
                "alarm": [[{"do": "get_alarm"}, {"fetch": "x"}, {"do": "get_alarm"}]]}"#,
        ),
        // While the handler waits for the service.
        (2_050, r#"{"steps": [{"do": "get_alarm"}]}"#),
    ]));
    assert_eq!(life.get_alarms(), [None, None, None]);
    assert_eq!(life.told(1), json!([null]), "for a request beside it, too");
    assert!(life.runs()[0].ended_ms() > life.answer(1).expect("it is answered").0);
}

/// Unless it was set since the handler started, and neither rolled back nor deleted.
#[test]
fn a4_get_alarm_in_the_handler_is_what_was_set_since_it_started() {
    let life = Life::of(&asked(&[
        (
            1_000,
            r#"{"steps": [{"do": {"set_alarm": {"in_ms": 1000}}}],
                "alarm": [[{"transaction": [{"do": {"set_alarm": {"in_ms": 20000}}}, {"do": "get_alarm"}, "fail"]},
                           {"do": "get_alarm"},
                           {"do": {"set_alarm": {"in_ms": 30000}}}, {"do": "get_alarm"},
                           {"do": "delete_alarm"}, {"do": "get_alarm"},
                           {"fetch": "x"}, {"do": "get_alarm"}]]}"#,
        ),
        // While the handler waits for the service.
        (2_050, r#"{"steps": [{"do": {"set_alarm": {"in_ms": 200000}}}]}"#),
    ]));
    let set = life.set_alarms();
    assert_eq!(life.get_alarms(), [Some(set[1]), None, Some(set[2]), None, Some(set[3])]);
}

#[test]
fn a4_in_the_constructor_of_a_wake_get_alarm_is_the_time_that_it_is_woken_for() {
    let life = Life::of(&asked(&[(
        1_000,
        r#"{"steps": [{"do": {"set_alarm": {"in_ms": 20000}}}],
            "construct": [[{"do": "get_alarm"}]], "alarm": [[{"do": "get_alarm"}]]}"#,
    )]));
    assert_eq!(life.get_alarms(), [Some(life.set_alarms()[0]), None]);
}

#[test]
fn a5_delete_alarm_unschedules() {
    let delete = r#"{"steps": [{"do": "get_alarm"}, {"do": "delete_alarm"}, {"do": "get_alarm"}]}"#;
    let life = Life::of(&asked(&[
        (1_000, r#"{"steps": [{"do": {"set_alarm": {"in_ms": 2000}}}]}"#),
        (2_000, delete),
        // The instance has left memory. There is no alarm any more: it does nothing.
        (20_000, delete),
    ]));
    assert_eq!(life.told(1), json!([life.set_alarms()[0], "done", null]));
    assert_eq!(life.told(2), json!([null, "done", null]));
    assert_eq!(life.runs(), []);
    assert_eq!(life.at_rest(OBJECT).1, None);
}

#[test]
fn a5_delete_alarm_does_not_stop_a_running_handler() {
    let life = Life::of(&asked(&[
        (
            1_000,
            r#"{"steps": [{"do": {"set_alarm": {"in_ms": 1000}}}],
                "alarm": [[{"fetch": "before"}, {"do": {"put": ["ended", "well"]}}, {"post": "after"}]]}"#,
        ),
        // While the handler waits for the service.
        (2_050, r#"{"steps": [{"do": "delete_alarm"}]}"#),
    ]));
    let sent: Vec<String> = life.sent().into_iter().map(|(_, _, body)| body).collect();
    assert_eq!(sent, ["before", "after"]);
    assert_eq!(life.keys_at_rest(OBJECT), ["ended"]);
    let runs = life.runs();
    assert!(runs.len() == 1 && runs[0].is_ok(), "{runs:?}");
}

/// In the very millisecond of the alarm that is running.
#[test]
fn a10_an_alarm_that_the_handler_sets_for_its_own_time_runs_too() {
    let life = Life::of(&asked(&[
        (
            1_000,
            r#"{"steps": [{"do": {"set_alarm": {"in_ms": 1000}}}],
                "alarm": [[{"do": {"set_alarm": {"in_ms": 0}}}, {"fetch": "x"}]]}"#,
        ),
        // While the handler waits for the service: from now on a run does nothing.
        (2_050, r#"{"alarm": [[]]}"#),
    ]));
    let time = life.set_alarms()[0];
    assert_eq!(life.set_alarms(), [time, time]);
    assert_eq!(life.runs_told(), [(time, 0), (time, 0)]);
}

/// The object has left memory, is woken for its alarm, and its constructor sets another one.
#[test]
fn a9_set_alarm_in_the_constructor_replaces_the_alarm_that_wakes_the_object() {
    let life = Life::of(&asked(&[(
        1_000,
        r#"{"steps": [{"do": {"set_alarm": {"in_ms": 20000}}}],
            "construct": [[{"do": {"set_alarm": {"in_ms": 5000}}}]]}"#,
    )]));
    let [woken_for, replacement] = life.set_alarms()[..] else { panic!("{:?}", life.set_alarms()) };
    assert!((0..=LATE_MAX_MS).contains(&(life.instances()[1] - woken_for)), "{:?}", life.instances());
    assert_eq!(life.runs_told(), [(replacement, 0)]);
    assert!(life.runs()[0].is_on_time(replacement), "{:?}", life.runs());
}
