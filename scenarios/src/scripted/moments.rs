//! When scripted objects are asked what, and what strikes their machines meanwhile.
//!
//! Most of it is left to chance. Some moments are arranged, because chance alone would hardly ever get there: a request
//! while `alarm()` is in progress, while it waits for a retry, while the constructor runs. And whatever an object is doing,
//! chance alone hardly ever strikes while a call is in flight: [`in_flight`]; nor does a clock step back just while an alarm
//! that is due waits: [`at_the_gate`]. Now and then one client has many requests open for all of them at once: [`crowd`]. Now
//! and then many objects are at something long when something breaks: [`throng`]. And some objects are asked once and then
//! [`left_alone`] with their alarms.

mod at_the_gate;
mod crowd;
mod in_flight;
mod left_alone;
mod throng;

use std::ops::Range;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use reveille_sim::kinds::{ClockStep, Crash, MachineCut, PowerLoss};
use reveille_sim::plan::{Direction, Fault, FaultKind, Request, Target};
use reveille_system::object::api::DurableObject;

use super::Scripted;
use super::programs::{constructor, headers, method, path, program, script};
use super::script::{Call, Script, Step, When};
use reveille::plans::{self, Story, object};

/// Of so many moments one is a crowd.
const CROWD_OF: usize = 25;
/// In so many plans there is a throng.
const THRONG: f64 = 0.4;

/// A moment: what one object is asked from then on, and what strikes its machine soon after the last of it.
#[derive(Clone, Debug)]
struct Moment {
    at_ms: u64,
    object: String,
    asked: Vec<Asked>,
    strike: Option<Strike>,
}

/// One request of a moment.
#[derive(Clone, Debug)]
struct Asked {
    after_ms: u64,
    machine: u16,
    script: Script,
    head: Head,
}

/// What a request says beside its body, where it is not as usual.
#[derive(Clone, Debug, Default)]
struct Head {
    method: Option<String>,
    path: Option<String>,
    headers: Vec<(String, String)>,
}

/// What strikes the machine that has the object.
#[derive(Clone, Copy, Debug)]
enum Strike {
    /// For so long nothing that it sends arrives; then it is down.
    Down { after_ms: u64, silent_ms: u64, down_ms: u64, power: bool },
    /// Its wall clock steps back, and stays there: later another machine may have the object.
    StepBack { after_ms: u64, back_ms: u32 },
}

/// Requests over a time so long, at most so many moments, and faults that strike while they are in progress.
pub(super) fn requests(asked: plans::Asked) -> BoxedStrategy<Story> {
    let plans::Asked { machines, objects, within_ms, max, breaks_ms } = asked;
    let crowds = vec(crowd::crowd(machines, within_ms), 0..=max.div_ceil(CROWD_OF));
    let moments = (
        vec(moment(machines, objects, within_ms), 0..=max),
        left_alone::left_alone(machines, within_ms),
        crowds,
        option::weighted(THRONG, throng::throng(machines, breaks_ms)),
    );
    let asked = moments.prop_map(move |(mut moments, left_alone, crowds, throng)| {
        moments.extend(left_alone);
        moments.extend(crowds.concat());
        moments.extend(throng.unwrap_or_default());
        let faults =
            moments.iter().flat_map(Moment::faults).filter(|fault| fault.at_ms < within_ms).collect();
        let mut requests: Vec<Request> = moments.into_iter().flat_map(Moment::requests).collect();
        requests.retain(|request| request.at_ms < within_ms);
        requests.sort_by_key(|request| request.at_ms);
        (requests, faults)
    });
    asked.boxed()
}

fn moment(machines: u16, objects: usize, within_ms: u64) -> impl Strategy<Value = Moment> {
    // One object of the other class, asked now and then.
    let name = prop_oneof![
        15 => (0..objects).prop_map(|index| object(Scripted::<true>::CLASS, index)),
        1 => Just(object(Scripted::<false>::CLASS, 0)),
    ];
    let anytime = || strike(0..120, 0..1, 200..6_000_u64);
    let by_chance = (any_requests(machines), option::weighted(0.06, anytime()));
    let arranged = (arranged_requests(machines), option::weighted(0.15, anytime()));
    let in_flight = in_flight::in_flight(machines).prop_map(|(asked, strike)| (asked, Some(strike)));
    let at_the_gate = at_the_gate::at_the_gate(machines).prop_map(|(asked, strike)| (asked, Some(strike)));
    let what = prop_oneof![14 => by_chance, 4 => arranged, 2 => in_flight, 1 => at_the_gate];
    (0..within_ms, name, what).prop_map(|(at_ms, object, (asked, strike))| Moment {
        at_ms,
        object,
        asked,
        strike,
    })
}

fn strike(
    after_ms: Range<u64>,
    silent_ms: Range<u64>,
    down_ms: impl Strategy<Value = u64>,
) -> impl Strategy<Value = Strike> {
    (after_ms, silent_ms, down_ms, any::<bool>()).prop_map(|(after_ms, silent_ms, down_ms, power)| {
        Strike::Down { after_ms, silent_ms, down_ms, power }
    })
}

fn asked(machines: u16, after_ms: impl Strategy<Value = u64>) -> impl Strategy<Value = Asked> {
    let usual = Just(Head::default());
    let own = (option::of(method()), option::of(path()), headers());
    let own = own.prop_map(|(method, path, headers)| Head { method, path, headers });
    let head = prop_oneof![4 => usual, 1 => own];
    (after_ms, 0..machines, script(), head).prop_map(|(after_ms, machine, script, head)| Asked {
        after_ms,
        machine,
        script,
        head,
    })
}

/// One thing, several at the same instant, or many within a second: while what the first ones have written is on its way.
fn any_requests(machines: u16) -> impl Strategy<Value = Vec<Asked>> {
    prop_oneof![
        9 => vec(asked(machines, Just(0)), 1),
        2 => vec(asked(machines, Just(0)), 2..5),
        1 => vec(asked(machines, 0..1_000_u64), 5..15),
    ]
}

/// Sets an alarm for now: the programs of its runs.
fn runs(alarm: Vec<Vec<Step>>) -> Script {
    let now = Step::Do(Call::SetAlarm(When::InMs(0)));
    Script { steps: vec![now], alarm, construct: Vec::new() }
}

/// What gets an object into a state, and then requests that find it there.
fn arranged_requests(machines: u16) -> impl Strategy<Value = Vec<Asked>> {
    let first = |script: Script| Asked { after_ms: 0, machine: 0, script, head: Head::default() };
    // It waits for services, one after another.
    let in_run = (2..6_usize).prop_map(|calls| runs(vec![vec![Step::Fetch("x".into()); calls]]));
    // It has just failed.
    let in_backoff = (1..4_usize).prop_map(|fails| runs(vec![vec![Step::Fail]; fails]));
    // It runs; what it does is up to chance.
    let running = program(0.2, 1).prop_map(|steps| runs(vec![steps]));
    // The next request needs a constructor.
    let cold = constructor().prop_map(|steps| Script {
        steps: vec![Step::Panic],
        alarm: Vec::new(),
        construct: vec![steps],
    });
    // Its alarm wakes it, and the constructor fails each time but the last: that counts for the platform (R3). It waits before
    // it fails, so that what it has taken off the list of its programs is not lost with the turn.
    // Half of these constructors set another alarm before (A9).
    let woken = (500..5_000_i64, 2..6_usize, option::of(0..1_500_i64));
    let woken = woken.prop_map(|(in_ms, fails, again_ms)| {
        let again = again_ms.map(|in_ms| Step::Do(Call::SetAlarm(When::InMs(in_ms))));
        let wait = Step::Fetch("x".into());
        let constructor: Vec<Step> = again.into_iter().chain([wait.clone(), wait, Step::Fail]).collect();
        Script {
            steps: vec![Step::Do(Call::SetAlarm(When::InMs(in_ms))), Step::Do(Call::Sync), Step::Panic],
            alarm: Vec::new(),
            construct: vec![constructor; fails],
        }
    });
    let then = |after_ms: Range<u64>, many: Range<usize>| vec(asked(machines, after_ms), many);
    let arranged = prop_oneof![
        (in_run, then(100..1_000, 1..4)),
        (in_backoff, then(200..2_200, 1..4)),
        (running, then(0..300, 1..4)),
        (cold, then(50..300, 1..4)),
        (woken, then(20_000..40_000, 0..2)),
    ];
    arranged.prop_map(move |(script, then)| {
        let mut all = vec![first(script)];
        all.extend(then);
        all
    })
}

impl Moment {
    fn requests(self) -> impl Iterator<Item = Request> {
        let Self { at_ms, object, asked, .. } = self;
        asked.into_iter().map(move |Asked { after_ms, machine, script, head }| Request {
            at_ms: at_ms + after_ms,
            machine,
            object: object.clone(),
            method: head.method,
            path: head.path,
            headers: head.headers,
            body: script.to_body(),
        })
    }

    fn faults(&self) -> Vec<Fault> {
        let last_ms = self.asked.iter().map(|asked| asked.after_ms).max().unwrap_or(0);
        let target = Target::HolderOf(self.object.clone());
        self.strike.map_or_else(Vec::new, |strike| strike.faults(&target, self.at_ms + last_ms))
    }
}

impl Strike {
    fn faults(self, target: &Target, last_ms: u64) -> Vec<Fault> {
        let (after_ms, silent_ms, down_ms, power) = match self {
            Self::Down { after_ms, silent_ms, down_ms, power } => (after_ms, silent_ms, down_ms, power),
            Self::StepBack { after_ms, back_ms } => {
                let step = ClockStep { target: target.clone(), by_ms: -back_ms.cast_signed() };
                return vec![Fault { at_ms: last_ms + after_ms, kind: step.into() }];
            }
        };
        let [cut, down] = [target.clone(), target.clone()];
        let cut = FaultKind::MachineCut(MachineCut {
            target: cut,
            for_ms: silent_ms,
            direction: Direction::Out,
            flap: None,
        });
        let down = if power {
            FaultKind::PowerLoss(PowerLoss { target: down, down_ms })
        } else {
            FaultKind::Crash(Crash { target: down, down_ms })
        };
        let at_ms = last_ms + after_ms;
        // Most strikes come without a silence before.
        let mut faults = vec![Fault { at_ms, kind: cut }, Fault { at_ms: at_ms + silent_ms, kind: down }];
        faults.retain(|fault| fault.kind.lasts_ms() > 0);
        faults
    }
}
