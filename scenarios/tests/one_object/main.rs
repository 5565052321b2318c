//! One object on one machine, without faults, against a model so small that it is obviously right: requests, runs of
//! `alarm()` and the passing of time, in any order that can be.
//!
//! The reference model of `reveille-model` judges what a whole cluster did, and has to allow for everything that may be lost.
//! Here nothing may.

mod model;
mod rig;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use reveille_system::ids::{OpId, Stamp};
use reveille_system::words::call::Reply;
use scenarios::scripted::script::{Call, Keys, Range, Script, Step, Text, When};

use self::model::{Gives, Model, Stop, Time};
use self::rig::{Mark, Rig};

/// What can happen.
#[derive(Clone, Debug)]
enum Transition {
    Request(Script),
    /// Nothing but time, in milliseconds.
    Wait(i64),
    /// The alarm in the slot runs; time passes until it is due.
    Run,
}

struct Reference;

/// The longest that a run is waited for, in milliseconds: longer than any backoff.
const RUN_WITHIN_MS: u64 = 1_000_000;

/// Whether there is an alarm that is due some day.
fn can_run(model: &Model) -> bool {
    model.calm_ms().is_some_and(|calm_ms| calm_ms < 500_000)
}

impl ReferenceStateMachine for Reference {
    type State = Model;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model::default()).boxed()
    }

    fn transitions(model: &Model) -> BoxedStrategy<Transition> {
        let calm_ms = model.calm_ms().unwrap_or(i64::MAX);
        if calm_ms <= 0 {
            return Just(Transition::Run).boxed();
        }
        // Often enough long for an idle object to leave memory.
        let wait = prop_oneof![1_i64..2_000, 10_000..14_000_i64]
            .prop_map(move |ms| Transition::Wait(ms.min(calm_ms - 1)));
        let mut choices = vec![(4, script().prop_map(Transition::Request).boxed()), (1, wait.boxed())];
        if can_run(model) {
            // Once it fails mostly retries, so that some alarms come to the end of them.
            let has_failed = model.alarm().is_some_and(|alarm| alarm.failures > 0);
            choices.push((if has_failed { 40 } else { 4 }, Just(Transition::Run).boxed()));
        }
        Union::new_weighted(choices).boxed()
    }

    fn preconditions(model: &Model, transition: &Transition) -> bool {
        let calm_ms = model.calm_ms().unwrap_or(i64::MAX);
        match transition {
            Transition::Request(_) => calm_ms > 0,
            Transition::Wait(ms) => *ms >= 0 && calm_ms > *ms,
            Transition::Run => can_run(model),
        }
    }

    fn apply(mut model: Model, transition: &Transition) -> Model {
        match transition {
            Transition::Request(script) => model.request(script),
            Transition::Wait(ms) => model.wait(*ms),
            Transition::Run => model.run(),
        }
        model
    }
}

/// The system, and what only it knows: when each run started.
struct System {
    rig: Rig,
    /// Wall times in milliseconds; the 0th is the begin of the test.
    anchors_ms: Vec<i64>,
    /// The alarm and the moment of the last transition, before it: what the next run has to be for.
    before: Model,
}

struct Compared;

impl StateMachineTest for Compared {
    type SystemUnderTest = System;
    type Reference = Reference;

    fn init_test(model: &Model) -> System {
        let rig = Rig::boot();
        let anchors_ms = vec![rig.wall_ms()];
        System { rig, anchors_ms, before: model.clone() }
    }

    fn apply(mut system: System, model: &Model, transition: Transition) -> System {
        match transition {
            Transition::Request(script) => system.request(model, &script),
            Transition::Wait(ms) => {
                system.rig.advance_ms(u64::try_from(ms).expect("time does not run back"));
                assert!(system.rig.marks.is_empty(), "nothing is due: {:?}", system.rig.marks);
            }
            Transition::Run => system.run(model),
        }
        assert_eq!(system.rig.wall_ms(), system.wall_ms(model.now()), "nothing takes time by itself");
        system.before = model.clone();
        system
    }
}

impl System {
    fn wall_ms(&self, time: Time) -> i64 {
        match time {
            Time::After { anchor, ms } => self.anchors_ms[anchor] + ms,
            Time::At(at_ms) => at_ms,
        }
    }

    fn request(&mut self, model: &Model, script: &Script) {
        self.rig.ask(script.to_body());
        let is_answer = |mark: &Mark| matches!(mark, Mark::Answered(_));
        self.over(model, is_answer);
        // The answer may have to wait for the disk longer than an alarm that the request has set at its begin.
        let answer = self.rig.marks.iter().position(is_answer).and_then(|at| self.rig.marks.remove(at));
        let Some(Mark::Answered(status)) = answer else { unreachable!("it was just seen") };
        assert_eq!(status, if model.stopped.is_some() { 500 } else { 200 });
        self.check(model);
    }

    /// F2, F7, L, R3: it runs when it has to, and is told the truth.
    fn run(&mut self, model: &Model) {
        let alarm = self.before.alarm().expect("an alarm is in the slot");
        self.rig.until(RUN_WITHIN_MS, |rig| !rig.marks.is_empty());
        let Some(Mark::RunStarted { wall_ms, scheduled_ms, retry_count }) = self.rig.marks.pop_front() else {
            panic!("only a run was expected")
        };
        let since = *self.anchors_ms.last().expect("there is a first anchor");
        let (not_before_ms, not_after_ms) = (since + alarm.due_ms.0, since + alarm.due_ms.1);
        assert!(
            (not_before_ms..=not_after_ms).contains(&wall_ms),
            "started at {wall_ms}, not from {not_before_ms} to {not_after_ms}"
        );
        assert_eq!((scheduled_ms, retry_count), (self.wall_ms(alarm.at), alarm.failures));
        self.anchors_ms.push(wall_ms);
        self.over(model, |mark| matches!(mark, Mark::RunEnded));
        self.check(model);
        assert!(matches!(self.rig.marks.pop_front(), Some(Mark::RunEnded)));
    }

    /// Goes on until the event is over, for which there is a mark of this kind, and all calls before it have their results,
    /// awaited or not.
    fn over(&mut self, model: &Model, is_end: impl Fn(&Mark) -> bool) {
        self.rig.until(0, |rig| {
            let is_answered = |mark: &Mark| match mark {
                Mark::Called(instance, op) => rig.replies.contains_key(&(*instance, *op)),
                _ => true,
            };
            let end = rig.marks.iter().position(&is_end);
            // An alarm that a request has set may run before its answer leaves: what that calls is not the request's.
            let is_own = |mark: &&Mark| !matches!(mark, Mark::RunStarted { .. });
            // An instance that is reset hears no more of what it asked for.
            end.is_some_and(|end| {
                model.stopped == Some(Stop::Panicked)
                    || rig.marks.range(..end).take_while(is_own).all(is_answered)
            })
        });
    }

    /// S1 to S8, A1 to A7, A10: each call of the event gave what the model says.
    fn check(&mut self, model: &Model) {
        let mut calls: Vec<(Stamp, OpId)> = Vec::new();
        while let Some(&Mark::Called(instance, op)) = self.rig.marks.front() {
            calls.push((instance, op));
            self.rig.marks.pop_front();
        }
        assert_eq!(calls.len(), model.gave.len(), "the same calls are made");
        for (call, gave) in calls.iter().zip(&model.gave) {
            match self.rig.replies.remove(call) {
                Some(reply) => assert!(self.is_same(gave, &reply), "{call:?} gave {reply:?}, not {gave:?}"),
                None => assert_eq!(model.stopped, Some(Stop::Panicked), "{call:?} has no result"),
            }
        }
    }

    fn is_same(&self, gave: &Gives, reply: &Reply) -> bool {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("programs write text");
        match (gave, reply) {
            (Gives::Done, Reply::Done) => true,
            (Gives::Refused, Reply::Refused(_)) | (Gives::RolledBack, Reply::RolledBack(_)) => true,
            (Gives::AlarmSet(at), Reply::AlarmSet { scheduled_ms, .. }) => self.wall_ms(*at) == *scheduled_ms,
            (Gives::Value(value), Reply::Value(is)) => *value == is.as_ref().map(|bytes| text(bytes)),
            (Gives::Deleted(was), Reply::Deleted(is)) => was == is,
            (Gives::DeletedCount(were), Reply::DeletedCount(are)) => were == are,
            (Gives::Entries(entries), Reply::Entries(are)) => {
                let are = are.iter().map(|(key, value)| (key.to_string(), text(value)));
                entries.iter().cloned().eq(are)
            }
            (Gives::Alarm(at), Reply::Alarm(is)) => at.map(|at| self.wall_ms(at)) == *is,
            _ => false,
        }
    }
}

prop_state_machine! {
    #![proptest_config(Config { cases: 200, failure_persistence: None, ..Config::default() })]
    #[test]
    fn one_object_does_what_the_model_does(sequential 1..40 => Compared);
}

fn script() -> impl Strategy<Value = Script> {
    let alarm = prop_oneof![
        2 => Just(Vec::new()),
        2 => vec(program(0.5), 1..8),
        1 => vec(Just(vec![Step::Fail]), 6..9),
    ];
    (program(0.1), alarm).prop_map(|(mut steps, alarm)| {
        lets_no_run_in(&mut steps);
        Script { steps, alarm, construct: Vec::new() }
    })
}

/// O3: while a `sync` waits the gate is open. An alarm that the same request has set for now would run then, beside the request,
/// which is more than the model can tell.
fn lets_no_run_in(steps: &mut [Step]) {
    let mut calls = Vec::new();
    collect_calls(steps, &mut calls);
    let is_for_now = |call: &&mut Call| match call {
        Call::SetAlarm(When::InMs(ms)) => *ms <= 0,
        Call::SetAlarm(When::AtMs(ms)) => *ms < i64::MAX / 1_000_000,
        _ => false,
    };
    if calls.iter().any(is_for_now) {
        calls.into_iter().filter(|call| **call == Call::Sync).for_each(|call| *call = Call::GetAlarm);
    }
}

fn collect_calls<'a>(steps: &'a mut [Step], calls: &mut Vec<&'a mut Call>) {
    for step in steps {
        match step {
            Step::Do(call) | Step::Start(call) => calls.push(call),
            Step::Together(together) => calls.extend(together),
            Step::Transaction(steps) => collect_calls(steps, calls),
            _ => {}
        }
    }
}

fn program(failing: f64) -> impl Strategy<Value = Vec<Step>> {
    let end = prop_oneof![3 => Just(Step::Fail), 1 => Just(Step::Panic)];
    (vec(step(), 0..6), proptest::option::weighted(failing, end)).prop_map(|(mut steps, end)| {
        steps.extend(end);
        steps
    })
}

fn step() -> impl Strategy<Value = Step> {
    let nested = Just(Step::Transaction(vec![Step::Do(Call::DeleteAlarm)]));
    let inner = prop_oneof![8 => simple(), 1 => nested, 2 => Just(Step::Fail)];
    prop_oneof![6 => simple(), 1 => vec(inner, 0..5).prop_map(Step::Transaction)]
}

fn simple() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => call().prop_map(Step::Do),
        2 => call().prop_map(Step::Start),
        2 => vec(call(), 2..4).prop_map(Step::Together),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let value = || "[a-z]{0,2}".prop_map(Text::Short);
    prop_oneof![
        4 => key().prop_map(Call::Get),
        2 => keys().prop_map(Call::GetMany),
        5 => (key(), value()).prop_map(|(key, value)| Call::Put(key, value)),
        2 => (keys(), value()).prop_map(|(keys, value)| Call::PutMany(keys, value)),
        2 => key().prop_map(Call::Delete),
        1 => keys().prop_map(Call::DeleteMany),
        4 => range().prop_map(Call::List),
        1 => prop_oneof![Just(Call::DeleteAll), Just(Call::DeleteAllPreservingAlarm)],
        1 => Just(Call::Sync),
        3 => Just(Call::GetAlarm),
        5 => when().prop_map(Call::SetAlarm),
        1 => Just(Call::DeleteAlarm),
    ]
}

const KEYS: &[&str] = &["", "1", "10", "2", "9", "a", "ab", "\u{e9}"];

fn key() -> impl Strategy<Value = Text> {
    prop_oneof![30 => select(KEYS).prop_map(Text::from), 1 => (2_048_usize..2_050).prop_map(|bytes| Text::Long { bytes })]
}

fn keys() -> impl Strategy<Value = Keys> {
    prop_oneof![15 => vec(key(), 0..5).prop_map(Keys::These), 1 => (128_usize..130).prop_map(|count| Keys::Count { count })]
}

fn range() -> impl Strategy<Value = Range> {
    let bound = || proptest::option::weighted(0.3, select(KEYS).prop_map(Into::into));
    (bound(), bound(), bound(), bound(), any::<bool>(), proptest::option::weighted(0.4, 0..4_u32)).prop_map(
        |(prefix, start, start_after, end, reverse, limit)| Range {
            prefix,
            start,
            start_after,
            end,
            reverse,
            limit,
        },
    )
}

fn when() -> impl Strategy<Value = When> {
    let extreme = select(&[i64::MIN, -1, 0, 1, i64::MAX / 1_000_000, i64::MAX / 1_000_000 + 1, i64::MAX][..]);
    prop_oneof![
        2 => Just(When::InMs(0)),
        1 => (-100_000..0_i64).prop_map(When::InMs),
        6 => (1..30_000_i64).prop_map(When::InMs),
        1 => extreme.prop_map(When::AtMs),
    ]
}
