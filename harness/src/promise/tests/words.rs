//! Each word refuses what breaks it and nothing beside that, and counts its occasions.

use std::time::Duration;

use reveille_model::build::{Tale, object, wall_ms};
use reveille_model::history::{Blob, Cause, Delivery, Head, Headers, History, Outcome, What};

use crate::promise::{
    Judged, Promise, acknowledged, after_each_acknowledged, always, answers, at_most, calls_to, distinct,
    eventually, judge, never_stops, runs_of_alarm,
};

const MAIL: &str = "http://mail";

/// A run of one object, told in a few words.
struct Told(Tale);

impl Told {
    fn new() -> Self {
        Self(Tale::new())
    }

    fn at(&mut self, seconds: f64) -> &mut Self {
        self.0.at(seconds);
        self
    }

    /// A client sends this, it is stored durably with an alarm ten seconds after the begin, and acknowledged.
    fn queued(&mut self, request: u64, body: &str, alarm_s: f64) -> &mut Self {
        self.0.world(What::Call { request, to: object(), head: Head::default(), body: body.into() });
        let turn = u32::try_from(request).expect("few requests");
        self.0.deliver(turn, Delivery::Request { request }).put(&request.to_string(), body);
        self.0.set_alarm(request, alarm_s).commit();
        self.answered(request, body)
    }

    fn answered(&mut self, request: u64, body: &str) -> &mut Self {
        self.0.world(What::Return {
            request,
            outcome: Outcome::Answered { status: 200, headers: Headers::default(), body: body.into() },
        });
        self
    }

    /// The object sends this, and the service accepts it.
    fn sends(&mut self, call: u64, body: &str) -> &mut Self {
        self.0.does(What::Outbound {
            call,
            service: MAIL.into(),
            head: Head::default(),
            body: body.into(),
            op: None,
        });
        self.0.world(What::OutboundArrive {
            call,
            service: Some(MAIL.into()),
            head: Head::default(),
            body: Some(Blob::from(body)),
        });
        self.0.world(What::OutboundAnswer {
            call,
            status: Some(200),
            headers: Headers::default(),
            body: None,
        });
        self
    }

    fn judged(&self, promise: impl Into<Promise>) -> Judged {
        let history = History { header: self.0.header(), events: self.0.events().to_vec() };
        judge(promise, &history)
    }

    /// The rules that are broken.
    fn broken(&self, promise: impl Into<Promise>) -> Vec<&'static str> {
        self.judged(promise).broken.iter().map(|violation| violation.rule.0).collect()
    }
}

fn reaches() -> crate::promise::Reaches {
    acknowledged().reaches(MAIL)
}

#[test]
fn what_was_acknowledged_and_accepted_is_not_lost() {
    let mut told = Told::new();
    told.at(1.0).queued(1, "a", 10.0).queued(2, r#"{"to": "b"}"#, 10.0);
    told.at(10.0).sends(1, r#"["a", {"to":"b"}]"#);
    assert_eq!(told.judged(reaches()), Judged { occasions: 2, broken: Vec::new() });
    assert_eq!(Told::new().judged(reaches()), Judged::default(), "nothing was acknowledged: no occasion");
}

#[test]
fn what_is_stored_with_an_alarm_is_on_its_way_and_without_one_it_is_lost() {
    let mut told = Told::new();
    told.at(1.0).queued(1, "a", 10.0);
    let mut on_its_way = Told(told.0.clone());
    on_its_way.0.at(9.0).rests(&[("1", "a")], Some((1, 10.0, 0)));
    assert!(on_its_way.broken(reaches()).is_empty());
    let mut left = Told(told.0.clone());
    left.0.at(9.0).rests(&[("1", "a")], None);
    assert_eq!(left.broken(reaches()), ["reaches"]);
    let mut gone = Told(told.0);
    gone.0.at(9.0).rests(&[], Some((1, 10.0, 0)));
    assert_eq!(gone.broken(reaches()), ["reaches"], "it was stored in plain sight, and is not there");
}

#[test]
fn x3_an_alarm_that_each_constructor_sets_anew_starves_what_waits_for_it() {
    let mut told = Told::new();
    told.at(1.0).queued(1, "a", 10.0);
    for anew in 2..14_u32 {
        let at = 10.0 * f64::from(anew - 1);
        told.0
            .at(at)
            .begin(u64::from(anew), Cause::Alarm)
            .turn(1)
            .set_alarm(u64::from(anew), at + 10.0)
            .commit();
        told.0.does(What::ConstructorEnd { failed: None });
    }
    told.0.at(129.0).rests(&[("1", "a")], Some((13, 130.0, 0)));
    assert_eq!(told.broken(reaches()), ["X3"]);
    assert_eq!(told.broken(after_each_acknowledged(runs_of_alarm())), ["followed"]);
}

#[test]
fn an_alarm_that_requests_put_off_is_not_starved() {
    let mut told = Told::new();
    told.at(1.0).queued(1, "a", 10.0);
    for later in 2..14 {
        let at = 10.0 * (later - 1) as f64;
        told.at(at - 1.0).queued(later, &format!("{later}"), at + 10.0);
    }
    let stored: Vec<(String, String)> =
        (1..14).map(|it| (it.to_string(), if it == 1 { "a".to_owned() } else { it.to_string() })).collect();
    let stored: Vec<(&str, &str)> = stored.iter().map(|(key, value)| (&**key, &**value)).collect();
    told.0.at(129.0).rests(&stored, Some((13, 130.0, 0)));
    assert!(told.broken(reaches()).is_empty());
}

#[test]
fn what_is_accepted_more_often_than_promised_is_told() {
    let mut told = Told::new();
    told.at(1.0).queued(1, "a", 10.0);
    told.at(10.0).sends(1, "a").sends(2, r#"["a"]"#);
    assert!(told.broken(reaches()).is_empty());
    assert!(told.broken(reaches().at_most(2)).is_empty());
    assert_eq!(told.broken(reaches().at_most(1)), ["reaches"]);
}

#[test]
fn what_overtakes_is_told_and_what_was_sent_at_once_has_no_order() {
    let mut told = Told::new();
    told.at(1.0).queued(1, "a", 10.0);
    told.at(2.0).queued(2, "b", 10.0);
    told.at(10.0).sends(1, r#"["b","a"]"#);
    assert!(told.broken(reaches()).is_empty());
    assert_eq!(told.broken(reaches().in_order()), ["reaches"]);
    let mut together = Told::new();
    together.0.at(1.0).world(What::Call {
        request: 2,
        to: object(),
        head: Head::default(),
        body: "b".into(),
    });
    together.queued(1, "a", 10.0).answered(2, "b").at(10.0).sends(1, r#"["b","a"]"#);
    assert!(together.broken(reaches().in_order()).is_empty());
}

#[test]
fn what_is_late_without_an_excuse_is_told() {
    let soon = || reaches().within(Duration::from_secs(2));
    let mut told = Told::new();
    told.at(1.0).queued(1, "a", 10.0);
    let mut in_time = Told(told.0.clone());
    assert!(in_time.at(2.9).sends(1, "a").broken(soon()).is_empty());
    let mut late = Told(told.0.clone());
    assert_eq!(late.at(3.1).sends(1, "a").broken(soon()), ["reaches"]);
    // L2: a minute after something broke it has to be as it should be.
    told.0.at(1.5).fault(1, "crash");
    told.0.at(2.0).heal(1);
    let mut excused = Told(told.0.clone());
    assert!(excused.at(63.9).sends(1, "a").broken(soon()).is_empty());
    assert_eq!(told.at(64.1).sends(1, "a").broken(soon()), ["reaches"]);
}

#[test]
fn what_is_due_at_a_time_comes_neither_before_it_nor_long_after() {
    let due = |body: &[u8]| std::str::from_utf8(body).ok()?.parse().ok().map(wall_ms);
    let promise = || reaches().due(move |asked, _| due(asked.body)).within(Duration::from_secs(1));
    let sent_at = |seconds: f64| {
        let mut told = Told::new();
        told.at(1.0).queued(1, "10.0", 10.0).at(seconds).sends(1, "10.0");
        told.broken(promise())
    };
    assert!(sent_at(10.2).is_empty());
    // The clocks of a tale may be wrong by half a second.
    assert!(sent_at(9.6).is_empty() && sent_at(11.4).is_empty());
    assert_eq!((sent_at(9.4), sent_at(11.6)), (vec!["reaches"], vec!["reaches"]));
}

#[test]
fn what_is_due_is_due_by_the_clock_of_the_machine_that_sends_it() {
    let due = |body: &[u8]| std::str::from_utf8(body).ok()?.parse().ok().map(wall_ms);
    let promise = || reaches().due(move |asked, _| due(asked.body)).within(Duration::from_secs(1));
    // Acknowledged at one second, on a machine whose clock is five minutes behind and shows -290 ten seconds after the begin.
    let queued = || {
        let mut told = Told::new();
        told.0.clock_off_ms(-300_000);
        told.at(1.0).queued(1, "-290.0", -290.0);
        told
    };
    let sent_at = |seconds: f64| queued().at(seconds).sends(1, "-290.0").broken(promise());
    assert!(sent_at(10.2).is_empty());
    assert_eq!((sent_at(9.4), sent_at(11.6)), (vec!["reaches"], vec!["reaches"]));
    // It comes at eight seconds to a machine whose clock is right: there it is due at once.
    let moved = |seconds: f64| {
        let mut told = queued();
        told.0.clock_off_ms(0).at(8.0).on(1).start(2);
        told.at(seconds).sends(1, "-290.0").broken(promise())
    };
    assert!(moved(8.2).is_empty());
    assert_eq!(moved(9.6), ["reaches"]);
}

#[test]
fn a_request_that_nothing_follows_is_told() {
    let mut told = Told::new();
    told.at(1.0).queued(1, "a", 10.0);
    let (runs, calls) = (after_each_acknowledged(runs_of_alarm()), after_each_acknowledged(calls_to(MAIL)));
    let mut alone = Told(told.0.clone());
    alone.0.at(20.0).rests(&[("1", "a")], None);
    assert_eq!(alone.judged(runs.clone()).occasions, 1);
    assert_eq!(alone.broken(runs.clone()), ["followed"]);
    let mut followed = Told(told.0.clone());
    followed.0.at(10.0).turn(3).run(1, 1, 10.0, 0).run_ok(1).commit_end(1).rests(&[], None);
    assert!(followed.broken(runs).is_empty());
    assert_eq!(followed.broken(calls.clone()), ["followed"]);
    told.at(10.0).sends(1, "whatever").0.rests(&[], None);
    assert!(told.broken(calls).is_empty());
}

#[test]
fn an_object_without_an_alarm_has_stopped() {
    let period = || never_stops(Duration::from_secs(5));
    let rests = |alarm: Option<f64>| {
        let mut told = Told::new();
        told.at(1.0).queued(1, "a", 5.0);
        told.0.at(9.0).on(0).rests(&[], alarm.map(|at| (2, at, 0)));
        told.broken(period())
    };
    assert!(rests(Some(10.0)).is_empty());
    assert_eq!(rests(None), ["never-stops"]);
    assert_eq!(rests(Some(16.0)), ["never-stops"], "more than a period ahead, and an error of two clocks");
}

#[test]
fn two_answers_that_say_one_thing_are_told() {
    let mut told = Told::new();
    told.at(1.0).queued(1, "7", 10.0).queued(2, "8", 10.0);
    assert_eq!(told.judged(distinct(answers())), Judged { occasions: 2, broken: Vec::new() });
    told.queued(3, "7", 10.0);
    assert_eq!(told.broken(distinct(answers())), ["distinct"]);
    assert!(told.broken(distinct(calls_to(MAIL))).is_empty());
    told.sends(1, "x").sends(2, "x");
    assert_eq!(told.broken(distinct(calls_to(MAIL))), ["distinct"]);
}

#[test]
fn too_many_in_a_time_are_told() {
    let mut told = Told::new();
    told.at(1.0).sends(1, "a").at(1.4).sends(2, "b").at(2.1).sends(3, "c");
    let promise = |most: usize| at_most(most).of(calls_to(MAIL)).per(Duration::from_secs(1));
    assert_eq!(told.judged(promise(2)), Judged { occasions: 3, broken: Vec::new() });
    assert_eq!(told.broken(promise(1)), ["at-most"]);
}

#[test]
fn predicates_are_asked_about_every_answer_and_every_object() {
    let mut told = Told::new();
    told.at(1.0).queued(1, "a", 10.0).queued(2, "b", 10.0);
    told.0.rests(&[("1", "a")], None);
    let is_a = always("says-a", |_, answer| answer.body == "a");
    assert_eq!((told.judged(is_a.clone()).occasions, told.broken(is_a)), (2, vec!["says-a"]));
    assert!(told.broken(eventually("kept", |_, rest| rest.keys.len() == 1)).is_empty());
    assert_eq!(told.broken(eventually("empty", |_, rest| rest.keys.is_empty())), ["empty"]);
}

#[test]
fn a_promise_by_another_name_breaks_by_that_name() {
    let mut told = Told::new();
    told.at(1.0).queued(1, "7", 10.0).queued(2, "7", 10.0);
    let renamed = Promise::from(distinct(answers())).named("tickets");
    assert_eq!((renamed.name, told.broken(renamed)), ("tickets", vec!["tickets"]));
}
