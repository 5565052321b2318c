//! What is noticed, by whom, and what is not.

use super::*;
use crate::prelude::*;

const MAIL: &str = "http://mail";

/// Mails what it is sent a second later, and forgets it then.
struct Notes(Ctx);

impl DurableObject for Notes {
    const CLASS: &'static str = "Notes";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self(ctx))
    }

    async fn fetch(self: Rc<Self>, request: Request) -> Result<Response, Thrown> {
        self.0.storage().put_json(&request.text(), &request.text()).await?;
        self.0.storage().set_alarm(self.0.now_ms() + 1_000).await?;
        Ok(Response::ok("noted"))
    }

    async fn alarm(self: Rc<Self>, _info: AlarmInfo) -> Result<(), Thrown> {
        for (key, note) in self.0.storage().list(List::default()).await? {
            if self.0.fetch(MAIL, note).await.is_ok() {
                self.0.storage().delete(key).await?;
            }
        }
        Ok(())
    }
}

/// Nothing breaks: one seed is like the other.
fn notes() -> Scenario {
    let scenario = Scenario::of::<Notes>("notes").requests("[a-z]{8}", 1..10).failures(Failures::None);
    scenario.objects(1).promise(acknowledged().reaches(MAIL))
}

fn tried(scenario: &Scenario) -> Teeth {
    Teeth::of(scenario, 0..2, 2, &AtomicBool::new(false)).expect("nothing is wrong with it as it is")
}

/// What was called at the places of the trials, what was done, and who noticed.
fn told(teeth: &Teeth) -> Vec<(String, Change, Option<&str>)> {
    let told = |trial: &'_ Trial| (trial.site.call.to_string(), trial.change);
    let noticed = teeth.trials.iter().map(|trial| trial.noticed.as_ref().map(|it| &*it.by));
    let all = teeth.trials.iter().map(told).zip(noticed);
    all.map(|((call, change), by)| (call, change, by)).collect()
}

fn left_out<'a>(call: &str, by: Option<&'a str>) -> (String, Change, Option<&'a str>) {
    (call.to_owned(), Change::LeftOut, by)
}

#[test]
fn a_removal_that_no_promise_looks_at_is_told_until_one_does() {
    let teeth = tried(&notes());
    let seen = [
        left_out("put", Some("reaches")),
        left_out("set_alarm", Some("reaches")),
        left_out("a call to http://mail", Some("reaches")),
    ];
    assert_eq!(told(&teeth), [&seen[..], &[left_out("delete", None)]].concat());
    let text = teeth.to_string();
    assert!(text.contains("1 of 4 were noticed by nobody: no promise, no rule, no client."), "{text}");
    assert!(text.contains("delete can be left out"), "{text}");

    let emptied = eventually("emptied", |_, rest| rest.keys.is_empty() || rest.alarm.is_some());
    let teeth = tried(&notes().promise(emptied));
    assert_eq!(told(&teeth), [&seen[..], &[left_out("delete", Some("emptied"))]].concat());
    teeth.assert_all_noticed();
}

#[test]
#[should_panic(expected = "NOBODY NOTICED")]
fn a_test_fails_over_what_nobody_noticed() {
    tried(&notes()).assert_all_noticed();
}

#[test]
fn a_call_is_made_twice_where_calls_are_counted() {
    let doubled = |scenario: Scenario| {
        let teeth = tried(&scenario);
        let twice = teeth.trials.iter().filter(|trial| trial.change == Change::Doubled);
        twice
            .map(|trial| (trial.site.call.to_string(), trial.noticed.as_ref().map(|it| it.by.clone())))
            .collect::<Vec<_>>()
    };
    let call = "a call to http://mail".to_owned();
    assert_eq!(doubled(notes()), []);
    assert_eq!(doubled(notes().promise(distinct(calls_to("http://elsewhere")))), []);
    let noticed = Some("distinct".to_owned());
    assert_eq!(doubled(notes().promise(distinct(calls_to(MAIL)))), [(call.clone(), noticed)]);
    let lenient = acknowledged().reaches(MAIL).at_most(2).named("twice at most");
    assert_eq!(doubled(notes().promise(lenient)), [(call, None)]);
}

/// Answers with what it finds where it has just written.
struct Shelf(Ctx);

impl DurableObject for Shelf {
    const CLASS: &'static str = "Shelf";
    const DECLARES_ALARM: bool = false;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self(ctx))
    }

    async fn fetch(self: Rc<Self>, request: Request) -> Result<Response, Thrown> {
        self.0.storage().put("last", request.body).await?;
        let last = self.0.storage().get("last").await?;
        Ok(last.map_or(Response::of(404, "nothing"), Response::ok))
    }
}

#[test]
fn a_client_notices_a_status_that_none_is_given_otherwise() {
    let scenario = Scenario::of::<Shelf>("shelf").requests("[a-z]{8}", 1..10).failures(Failures::None);
    assert_eq!(told(&tried(&scenario)), [left_out("put", Some(A_CLIENT))]);
}

/// Removes a key until it is not there any more.
struct Drain(Ctx);

impl DurableObject for Drain {
    const CLASS: &'static str = "Drain";
    const DECLARES_ALARM: bool = false;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self(ctx))
    }

    async fn fetch(self: Rc<Self>, _request: Request) -> Result<Response, Thrown> {
        while self.0.storage().delete("last").await? {}
        Ok(Response::ok("empty"))
    }
}

#[test]
fn o7_code_that_waits_in_vain_for_a_call_to_show_uses_up_its_budget() {
    let scenario = Scenario::of::<Drain>("drain").requests("[a-z]{8}", 1..10).failures(Failures::None);
    let teeth = tried(&scenario);
    assert!(teeth.trials[0].noticed.as_ref().is_some_and(|it| it.by != crate::finding::STUCK), "{teeth}");
}

#[test]
fn places_are_those_of_object_code_and_to_look_for_them_changes_nothing() {
    let (scenario, found) = (notes(), sites::Found::default());
    let plan = scenario.plan(3);
    let watched = sites::watched(&scenario, &found).run(&plan);
    assert_eq!(watched.digest, scenario.run(&plan).digest);
    let sites = found.sites();
    assert_eq!(sites.len(), 4);
    assert!(sites.keys().all(|site| site.file == file!()), "{sites:?}");
    assert!(sites.values().all(|runs| *runs == 1), "{sites:?}");
}

#[test]
fn what_is_broken_as_it_is_has_nothing_to_be_compared_with() {
    let never = always("never", |_, _| false);
    let refused = Teeth::of(&notes().promise(never), 0..2, 2, &AtomicBool::new(false));
    let wrong = refused.expect_err("it is broken").to_string();
    assert!(wrong.starts_with("notes breaks never in seed 0 as it is"), "{wrong}");
}
