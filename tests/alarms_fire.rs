//! F1 to F7: an alarm that was acknowledged runs to a good end, not before its time, one run after the other, and is told
//! what it is for; whatever was set while it ran fires too.

use std::rc::Rc;

use reveille_model::history::What;
use reveille_sim::kinds::{ClockStep, PowerLoss};
use reveille_sim::plan::{Fault, FaultKind, Plan, Request, Target};
use reveille_system::object::api::{
    AlarmInfo, Ctx, DurableObject, Request as Asked, Response, RustClass, Thrown,
};
use reveille_system::object::class::Classes;
use serde_json::json;

use crate::common::life::{Life, OBJECT, Run, asked, crash_at};
use crate::common::upstream;

/// An alarm five seconds ahead that tells a service.
const RING: &str = r#"{"steps": [{"do": {"set_alarm": {"in_ms": 5000}}}], "alarm": [[{"fetch": "ring"}]]}"#;

/// Asserts that the alarm of [`RING`] was acknowledged, and that its last run came to a good end and told the service.
#[track_caller]
fn rings(life: &Life) -> Vec<Run> {
    assert_eq!(life.told(0), json!(["done"]));
    let runs = life.runs();
    let last = runs.last().expect("the alarm runs");
    assert!(last.is_ok() && last.scheduled_ms == life.set_alarms()[0], "{runs:?}");
    assert!(life.sent().iter().any(|(at_ms, _, body)| *at_ms >= last.started_ms && body == "ring"));
    assert_eq!(life.at_rest(OBJECT).1, None);
    runs
}

#[test]
fn f1_an_acknowledged_alarm_runs_though_its_machine_is_lost() {
    let calm = Life::of(&asked(&[(1_000, RING)]));
    let home = rings(&calm)[0].machine;
    // Before the alarm is due, and while it runs.
    for crash_ms in [1_100, 5_900, 6_050] {
        let life = Life::of(&Plan { faults: vec![crash_at(crash_ms)], ..asked(&[(1_000, RING)]) });
        let runs = rings(&life);
        assert_ne!(runs.last().expect("it runs").machine, home, "crash at {crash_ms} ms: {runs:?}");
    }
}

#[test]
fn f1_an_acknowledged_alarm_runs_though_every_machine_loses_power() {
    let mut plan = asked(&[(1_000, RING)]);
    let power_loss =
        |machine| FaultKind::PowerLoss(PowerLoss { target: Target::Machine(machine), down_ms: 10_000 });
    let machines = 0..plan.cluster.machines();
    plan.faults = machines.map(|machine| Fault { at_ms: 3_000, kind: power_loss(machine) }).collect();
    let life = Life::of(&plan);
    let runs = rings(&life);
    assert!(runs.len() == 1 && runs[0].started_ms > life.at(13_000), "{runs:?}");
}

#[test]
fn f1_an_alarm_that_fails_at_first_runs_to_a_good_end() {
    let script = r#"{"steps": [{"do": {"set_alarm": {"in_ms": 5000}}}],
                     "alarm": [["fail"], ["panic"], [{"fetch": "ring"}]]}"#;
    let runs = rings(&Life::of(&asked(&[(1_000, script)])));
    assert_eq!(runs.len(), 3);
}

/// The clock of the object's machine goes back by so much: in true time an alarm is due so much later.
fn clock_back_at(at_ms: u64, by_ms: i32) -> Fault {
    let kind = FaultKind::ClockStep(ClockStep { target: Target::HolderOf(OBJECT.into()), by_ms: -by_ms });
    Fault { at_ms, kind }
}

#[test]
fn f2_an_alarm_waits_until_the_clock_of_its_machine_is_there() {
    let life = Life::of(&Plan { faults: vec![clock_back_at(3_000, 3_000)], ..asked(&[(1_000, RING)]) });
    let runs = rings(&life);
    assert!(runs[0].is_on_time(runs[0].scheduled_ms + 3_000), "{runs:?}");
}

/// The object has left memory, and the constructor of its wake lasts two seconds. Meanwhile the clock goes back.
#[test]
fn f2_an_alarm_waits_for_a_clock_that_went_back_after_it_was_due() {
    let script = r#"{"steps": [{"do": {"set_alarm": {"in_ms": 20000}}}],
                     "construct": [[{"fetch": "slow"}]], "alarm": [[{"fetch": "ring"}]]}"#;
    let mut plan = asked(&[(1_000, script)]);
    plan.upstream = upstream(2_000);
    plan.faults = vec![clock_back_at(22_000, 3_000)];
    let life = Life::of(&plan);
    let runs = rings(&life);
    assert!(life.instances()[1] < life.at(22_000), "it is woken before");
    assert!(runs[0].is_on_time(runs[0].scheduled_ms + 3_000), "{runs:?}");
}

/// The clock goes back by more than the backoff while a run is in progress that fails: the retry time is before T. A machine once
/// took such an alarm for due and for too early in turns, for ever, within one input.
#[test]
fn f2_a_retry_waits_for_a_clock_that_went_back_in_the_run_before() {
    let script = r#"{"steps": [{"do": {"set_alarm": {"in_ms": 5000}}}],
                     "alarm": [[{"fetch": "slow"}, "fail"], [{"fetch": "ring"}]]}"#;
    let mut plan = asked(&[(1_000, script)]);
    plan.upstream = upstream(1_000);
    plan.faults = vec![clock_back_at(6_500, 6_000)];
    let life = Life::of(&plan);
    let runs = rings(&life);
    assert_eq!(life.runs_told(), [(runs[0].scheduled_ms, 0), (runs[0].scheduled_ms, 1)]);
    assert!(runs[1].is_on_time(runs[1].scheduled_ms + 6_000), "{runs:?}");
    assert_eq!(life.outcome.verdict.violations, []);
}

/// What is due while a run is in progress waits for its end. What a machine does that has lost the object is no effect:
/// see `f3_a_run_that_was_cut_off_has_no_effect_beside_the_next`.
#[test]
fn f3_a_run_waits_for_the_end_of_the_one_before() {
    let mut plan = asked(&[
        (1_000, RING),
        // While alarm() waits for the service.
        (6_500, r#"{"steps": [{"do": {"set_alarm": {"in_ms": 100}}}]}"#),
    ]);
    plan.upstream = upstream(2_000);
    let life = Life::of(&plan);
    let [first, second] = &life.runs()[..] else { panic!("{:?}", life.runs()) };
    assert!(first.ended_ms() >= second.scheduled_ms + 1_000, "the second is due long before");
    assert!(second.is_on_time(first.ended_ms()), "{second:?}");
}

/// Its last writes and the removal of the alarm: a crash behind their commit leaves nothing to run again.
#[test]
fn f4_the_last_writes_of_a_run_and_its_completion_are_one_commit() {
    let script = r#"{"steps": [{"do": {"set_alarm": {"in_ms": 5000}}}],
                     "alarm": [[{"do": {"put": ["a", "1"]}}, {"fetch": "ring"}, {"do": {"put": ["b", "2"]}}]]}"#;
    let plan = asked(&[(1_000, script)]);
    let life = Life::of(&plan);
    let commits = life.events().filter_map(|(at_ms, event)| match event.what {
        What::Commit { ends_run } => Some((ends_run.is_some(), at_ms - life.at(0))),
        _ => None,
    });
    let commits: Vec<(bool, i64)> = commits.collect();
    // One for the request, one for what is written before the service is called, one at the end.
    let [(false, _), (false, _), (true, completed_ms)] = commits[..] else { panic!("{commits:?}") };
    // The holder hears of it within a round trip.
    for after_ms in [0, 5, 50] {
        let crash = crash_at(u64::try_from(completed_ms + after_ms).expect("it is in the fault phase"));
        let life = Life::of(&Plan { faults: vec![crash], ..plan.clone() });
        assert_eq!(life.runs().len(), 1, "crash {after_ms} ms after the commit");
        assert_eq!(life.at_rest(OBJECT).1, None);
        assert_eq!(life.keys_at_rest(OBJECT), ["a", "b"]);
    }
}

#[test]
fn f5_an_alarm_that_the_handler_sets_survives_its_end() {
    let life = Life::of(&asked(&[
        (
            1_000,
            r#"{"steps": [{"do": {"set_alarm": {"in_ms": 1000}}}],
                "alarm": [[{"do": {"set_alarm": {"in_ms": 3000}}}, {"fetch": "x"}]]}"#,
        ),
        // From now on a run does nothing.
        (4_000, r#"{"alarm": [[]]}"#),
    ]));
    each_fires_on_time(&life);
}

#[test]
fn f5_an_alarm_that_a_request_sets_while_the_handler_runs_survives_its_end() {
    let mut plan = asked(&[
        (1_000, r#"{"steps": [{"do": {"set_alarm": {"in_ms": 1000}}}], "alarm": [[{"fetch": "x"}]]}"#),
        // While alarm() waits for the service.
        (2_500, r#"{"steps": [{"do": {"set_alarm": {"in_ms": 3000}}}]}"#),
    ]);
    plan.upstream = upstream(1_000);
    let life = Life::of(&plan);
    let answered_ms = life.answer(1).expect("it is answered").0;
    assert!(answered_ms < life.runs()[0].ended_ms(), "in the middle of the run");
    each_fires_on_time(&life);
}

/// Both alarms that were set have a run of their own.
#[track_caller]
fn each_fires_on_time(life: &Life) {
    let set = life.set_alarms();
    assert_eq!(life.runs_told(), [(set[0], 0), (set[1], 0)]);
    for run in life.runs() {
        assert!(run.is_ok() && run.is_on_time(run.scheduled_ms), "{run:?}");
    }
    assert_eq!(life.at_rest(OBJECT).1, None);
}

/// Tells a service what `alarm()` was told, and fails twice.
struct Parrot(Ctx);

impl DurableObject for Parrot {
    const CLASS: &'static str = "Parrot";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self(ctx))
    }

    async fn fetch(self: Rc<Self>, _request: Asked) -> Result<Response, Thrown> {
        self.0.storage().set_alarm(self.0.now_ms() + 5_000).await?;
        Ok(Response::ok(""))
    }

    async fn alarm(self: Rc<Self>, info: AlarmInfo) -> Result<(), Thrown> {
        let AlarmInfo { scheduled_time, retry_count, is_retry } = info;
        self.0.fetch("service", format!("{scheduled_time} {retry_count} {is_retry}")).await?;
        if retry_count < 2 { Err(Thrown("not yet".into())) } else { Ok(()) }
    }
}

#[test]
fn f7_the_handler_is_told_its_time_and_how_often_it_has_failed() {
    let mut plan = asked(&[]);
    plan.workload = vec![Request {
        at_ms: 1_000,
        machine: 0,
        object: "Parrot/foo".into(),
        body: "".into(),
        ..Request::default()
    }];
    let life = Life::with_code(&plan, || Classes::default().with(RustClass::<Parrot>::default()));
    let set = life.set_alarms()[0];
    let sent: Vec<String> = life.sent().into_iter().map(|(_, _, body)| body).collect();
    assert_eq!(sent, [format!("{set} 0 false"), format!("{set} 1 true"), format!("{set} 2 true")]);
}
