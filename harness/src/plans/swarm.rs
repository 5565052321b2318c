//! Puts a plan together: each seed has a random subset of the patterns of trouble, and phases and requests sized to what was
//! drawn. That most plans lack most patterns is the point (swarm testing): what would cover up a mistake is missing in some
//! of them.

use std::ops::{Range, RangeInclusive};

use proptest::collection::vec;
use proptest::prelude::*;
use reveille_sim::kinds::draw::Stage;
use reveille_sim::plan::{Cluster, Phases, Plan, Request, VERSION};

use super::atlas::Harm;
use super::chosen::{self, Kinds};
use super::dice::Dice;
use super::patterns::{self, Pattern};
use super::requests::{self, Asking, asking, insistent, requests};
use super::trouble::{Ground, Trouble};
use super::world::World;
use super::{Asked, Failures, QUIET_MS, Requests, Shape, Story, WARM_UP_MS, stage};

/// What kind of plan it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood<'a> {
    /// Nothing breaks and the clocks agree: only here every bound is the tightest (L3).
    Calm,
    /// Exactly one thing breaks, or several do more than a minute apart (L1).
    Single,
    /// Many things break, most of them for a short time.
    Ordinary,
    /// Some patterns, each of a shape of its own.
    Patterns,
    /// Nothing but these kinds.
    Chosen(&'a Kinds),
}

/// In so many of a hundred plans the services fail for a while, whatever else breaks.
const SERVICES_PERCENT: u32 = 24;
/// The shortest fault phase.
const FAULTS_MIN_MS: u64 = 40_000;
/// What patterns may last together before no further one is added, nights excepted.
const BUSY_MAX_MS: u64 = 400_000;

/// The plan of a seed in a scenario in which anything may break, or nothing, or what was chosen.
pub(super) fn plan(shape: &Shape, seed: u64, dice: &mut Dice) -> Plan {
    let mood = match &shape.failures {
        Failures::None => Mood::Calm,
        Failures::Kinds(kinds) => Mood::Chosen(kinds),
        Failures::Many | Failures::One | Failures::Sweep => mood(dice),
    };
    let world = World::any(dice, shape.limits);
    let is_mild = matches!(mood, Mood::Calm | Mood::Single | Mood::Chosen(_));
    let world = if is_mild { world.mild() } else { world };
    let objects = objects(dice, shape, mood);
    let stage = stage(world.cluster, shape.class, objects, 0);
    let harm = Harm::any(dice, stage.cluster);
    let trouble = trouble(&mut Ground { dice, stage: &stage, harm }, mood);
    let faults_ms = faults_ms(dice, &trouble);
    let (workload, aimed) = story(dice, shape, &stage, faults_ms, &trouble);
    let mut faults = trouble.faults;
    // Strikes at what is in progress break up whatever lasts: only where much breaks anyway.
    if mood == Mood::Ordinary || (mood == Mood::Patterns && dice.percent(15)) {
        faults.extend(aimed);
    }
    faults.retain(|fault| fault.at_ms < faults_ms);
    faults.sort_by_key(|fault| fault.at_ms);
    let mut upstream = world.upstream;
    upstream.outages = trouble.outages;
    upstream.outages.retain(|outage| outage.at_ms < faults_ms);
    Plan {
        version: VERSION,
        scenario: shape.scenario.to_owned(),
        seed,
        cluster: world.cluster,
        network: world.network,
        disk: world.disk,
        clocks: world.clocks,
        idle_evict_ms: world.idle_evict_ms,
        outside_timeout_ms: world.outside_timeout_ms,
        limits: world.limits,
        phases: Phases { warm_up_ms: WARM_UP_MS, faults_ms, quiet_ms: QUIET_MS },
        workload,
        request_timeout_ms: 20_000,
        upstream,
        faults,
        past: world.past,
        tuning: world.tuning,
    }
}

fn mood(dice: &mut Dice) -> Mood<'static> {
    match dice.draw(0..100_u8) {
        0..7 => Mood::Calm,
        7..20 => Mood::Single,
        20..28 => Mood::Ordinary,
        _ => Mood::Patterns,
    }
}

/// In so many of a hundred plans there are many objects: each slice has some, whose alarms show that it is served.
const BROAD_PERCENT: u32 = 25;
/// So many of them, there.
const BROAD: RangeInclusive<usize> = 30..=100;

/// How many objects there are.
fn objects(dice: &mut Dice, shape: &Shape, mood: Mood<'_>) -> usize {
    match mood {
        // The fewer, the more of what is asked meets at one gate.
        Mood::Calm => dice.draw(1..=shape.objects_max.min(3)),
        _ if matches!(shape.requests, Requests::Spread { stretched: true, .. })
            && dice.percent(BROAD_PERCENT) =>
        {
            dice.draw(BROAD)
        }
        _ => dice.draw(1..=shape.objects_max),
    }
}

/// What breaks, from the begin of the fault phase on.
fn trouble(ground: &mut Ground<'_>, mood: Mood<'_>) -> Trouble {
    // The workload is under way.
    let begin_ms = ground.dice.draw(5_000..20_000_u64);
    let trouble = match mood {
        Mood::Calm => return Trouble::default(),
        Mood::Single if ground.dice.draw(any::<bool>()) => patterns::one_by_one(ground),
        Mood::Single => patterns::single(ground),
        Mood::Ordinary => patterns::ordinary(ground),
        Mood::Patterns => some_patterns(ground),
        Mood::Chosen(kinds) => return chosen::trouble(ground, kinds).later(begin_ms),
    };
    // Services that fail have nothing to do with the cluster: they may beside anything.
    let trouble = if mood != Mood::Single && ground.dice.percent(SERVICES_PERCENT) {
        trouble.joined(patterns::failing_services(ground))
    } else {
        trouble
    };
    trouble.later(begin_ms)
}

/// One to three patterns, side by side or one after the other.
fn some_patterns(ground: &mut Ground<'_>) -> Trouble {
    let many = match ground.dice.draw(0..100_u8) {
        0..20 => 1,
        20..55 => 2,
        _ => 3,
    };
    let mut all = one_pattern(ground);
    for _ in 1..many {
        let at_ms = if ground.dice.percent(45) {
            ground.dice.draw(0..30_000_u64)
        } else {
            all.end_ms() + ground.dice.draw(5_000..40_000_u64)
        };
        let next = one_pattern(ground).later(at_ms);
        let is_another_night = all.night.is_some() && next.night.is_some();
        let joined = all.clone().joined(next);
        if !is_another_night && joined.awake_ms() <= BUSY_MAX_MS {
            all = joined;
        }
    }
    all
}

fn one_pattern(ground: &mut Ground<'_>) -> Trouble {
    let Cluster { datacenters, .. } = ground.stage.cluster;
    let machines = ground.stage.cluster.machines();
    let fits =
        |pattern: &&Pattern| pattern.datacenters_min <= datacenters && pattern.machines_min <= machines;
    let fitting = || patterns::ALL.iter().filter(fits);
    let mut left = ground.dice.draw(0..fitting().map(|pattern| pattern.weight).sum::<u32>());
    let drawn = |pattern: &&Pattern| match left.checked_sub(pattern.weight) {
        Some(less) => {
            left = less;
            false
        }
        None => true,
    };
    let pattern = fitting().find(drawn).expect("what is left is less than all weights");
    (pattern.draw)(ground)
}

/// Mostly all of it ends in the fault phase. Else some of it lasts until the phase ends, and is healed then.
fn faults_ms(dice: &mut Dice, trouble: &Trouble) -> u64 {
    let rest_ms = dice.draw(2_000..20_000_u64);
    let end_ms = trouble.end_ms() + rest_ms;
    let last_ms = trouble.spans().map(|span| span.start).max().unwrap_or(0) + rest_ms;
    let ends_early = dice.percent(15) && trouble.night.is_none();
    FAULTS_MIN_MS.max(if ends_early { last_ms.min(end_ms) } else { end_ms })
}

/// What is asked in the fault phase while anybody is up, and what is to break because of it.
fn story(dice: &mut Dice, shape: &Shape, stage: &Stage, faults_ms: u64, trouble: &Trouble) -> Story {
    let (machines, objects) = (stage.cluster.machines(), stage.objects.len());
    let night = trouble.night.clone().unwrap_or(faults_ms..faults_ms);
    let awake_ms = faults_ms - (night.end - night.start);
    let awake = |at_ms: u64| if at_ms < night.start { at_ms } else { at_ms + (night.end - night.start) };
    match &shape.requests {
        Requests::Spread { body, many, .. } => {
            let (many, many_max) = (many.start..=many.end, many.end);
            let asked = dice.draw(vec(asking(machines, objects, awake_ms), many));
            let asked = asked.into_iter().map(|(at_ms, machine, which, of_body)| {
                let at_ms = crowded(dice, trouble).unwrap_or(awake(at_ms));
                (at_ms.min(faults_ms - 1), machine, which, of_body)
            });
            let mut asked: Vec<Asking> = asked.collect();
            for _ in 0..insistent_clients(dice, many_max) {
                let anytime_ms = awake(dice.draw(0..awake_ms));
                // It has begun when something breaks.
                let before_ms = dice.draw(0..CROWD_MS);
                let from_ms = crowded(dice, trouble).unwrap_or(anytime_ms).saturating_sub(before_ms);
                asked.extend(insistent(dice, machines, objects, from_ms));
            }
            asked.retain(|(at_ms, ..)| *at_ms < faults_ms);
            (requests(shape.class, body, 0, asked), Vec::new())
        }
        Requests::Own { story, max } => {
            let starts_ms = trouble.spans().map(|span| span.start).filter(|at_ms| *at_ms < night.start);
            let starts_ms: Vec<u64> = starts_ms.collect();
            let breaks_ms =
                if starts_ms.is_empty() { dice.draw(0..awake_ms) } else { dice.one_of(&starts_ms) };
            let (mut workload, mut aimed) =
                dice.draw(story(Asked { machines, objects, within_ms: awake_ms, max: *max, breaks_ms }));
            workload.iter_mut().for_each(|request| request.at_ms = awake(request.at_ms));
            aimed.iter_mut().for_each(|fault| fault.at_ms = awake(fault.at_ms));
            (workload, aimed)
        }
    }
}

/// Of the requests so many of a hundred come when something breaks or is well again.
const CROWDED_PERCENT: u32 = 40;
/// And within this time of it: while others take over, and for a moment two machines believe that they have an object.
const CROWD_MS: u64 = 10_000;

/// In so many of a hundred plans clients insist ([`insistent`]).
const INSISTENT_PERCENT: u32 = 40;

/// How many clients insist, where there are up to so many requests. Where there are none nobody asks.
fn insistent_clients(dice: &mut Dice, many_max: usize) -> usize {
    if many_max > 0 && dice.percent(INSISTENT_PERCENT) { dice.draw(1..=4_usize) } else { 0 }
}

/// When a request comes that is to come when something breaks, or is well again.
fn crowded(dice: &mut Dice, trouble: &Trouble) -> Option<u64> {
    let spans: Vec<Range<u64>> = trouble.spans().collect();
    if spans.is_empty() || !dice.percent(CROWDED_PERCENT) {
        return None;
    }
    let span = dice.one_of(&spans);
    let near_ms = if dice.percent(25) { span.end } else { span.start };
    Some(near_ms + dice.draw(0..CROWD_MS))
}

/// Adds the requests of the quiet phase.
pub(super) fn ask_late(plan: &mut Plan, shape: &Shape, dice: &mut Dice) {
    plan.phases.quiet_ms = QUIET_MS;
    let within = requests::late(plan.phases);
    let (machines, objects) = (plan.cluster.machines(), dice.draw(1..=shape.objects_max));
    let late = match &shape.requests {
        Requests::Spread { body, many, .. } => {
            let asking = asking(machines, objects, within.end - within.start);
            let mut asked = late_asking(dice, asking, many.end, &within);
            if many.end > 0 && dice.percent(INSISTENT_PERCENT) {
                let from_ms = dice.draw(within.clone());
                asked.extend(insistent(dice, machines, objects, from_ms));
                asked.retain(|(at_ms, ..)| *at_ms < within.end);
            }
            requests(shape.class, body, plan.workload.len(), asked)
        }
        Requests::Own { story, max } => {
            let (within_ms, max) = (within.end - within.start, max.div_ceil(LATE_OF));
            // Nothing breaks any more.
            let breaks_ms = dice.draw(0..within_ms);
            let (asked, _) = dice.draw(story(Asked { machines, objects, within_ms, max, breaks_ms }));
            let later = |request: Request| Request { at_ms: within.start + request.at_ms, ..request };
            asked.into_iter().map(later).collect()
        }
    };
    plan.workload.extend(late);
    // What scripted objects keep stands in their scripts; and figures of the other plans are compared from day to day.
    if shape.failures == Failures::Many && matches!(shape.requests, Requests::Spread { stretched: true, .. })
    {
        make_heavy(&mut plan.workload, dice);
    }
}

/// In so many of a hundred plans some requests are heavy.
const HEAVY_PLANS_PERCENT: u32 = 25;
/// There, so many of a hundred.
const HEAVY_PERCENT: u32 = 30;

/// Makes some requests of some plans long, by blanks: an object that keeps what it is asked has large batches then.
fn make_heavy(workload: &mut [Request], dice: &mut Dice) {
    if !dice.percent(HEAVY_PLANS_PERCENT) {
        return;
    }
    for request in workload {
        if dice.percent(HEAVY_PERCENT) {
            // S7: the value that is made of it stays below the limit.
            let blanks = usize::try_from(dice.log(2_000..100_000)).expect("less than the limit of a value");
            request.body.push_str(&" ".repeat(blanks));
        }
    }
}

/// In the quiet phase there is a share of one in so many of the requests of the fault phase: it is that much shorter.
const LATE_OF: usize = 6;

fn late_asking(
    dice: &mut Dice,
    asking: impl Strategy<Value = Asking>,
    max: usize,
    within: &Range<u64>,
) -> Vec<Asking> {
    let asked = dice.draw(vec(asking, max.min(1)..=max.div_ceil(LATE_OF)));
    let later = |(at_ms, machine, which, of_body): Asking| (within.start + at_ms, machine, which, of_body);
    asked.into_iter().map(later).collect()
}
