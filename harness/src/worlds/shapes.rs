//! The shapes of trouble, one row each: what a plan has to have, as a predicate over the plan as data. A shape that is met
//! gives the times in which it is, so that it can be told whether it was felt then.

use std::collections::{BTreeMap, BTreeSet};

use reveille_sim::kinds::SlowLinks;
use reveille_sim::kinds::outside::OutageKind;
use reveille_sim::plan::{Cluster, Direction, Fault, FaultKind, Flap, LinksOf, Moment, Plan, Target, Tuning};

use super::cuts::{Cut, Link, cuts, down, links_of, machines_of};
use super::span::Span;

/// A shape of trouble.
#[derive(Debug)]
pub struct Shape {
    /// What it is called in tables.
    pub name: &'static str,
    /// The times in which a plan has it; none if it has not. No time at all: there is nothing in it that could be felt.
    pub find: fn(&Plan) -> Option<Vec<Span>>,
}

const fn shape(name: &'static str, find: fn(&Plan) -> Option<Vec<Span>>) -> Shape {
    Shape { name, find }
}

/// All of them.
pub const SHAPES: &[Shape] = &[
    shape("nothing breaks", |plan| breaks(plan, 0)),
    shape("exactly one fault", |plan| breaks(plan, 1)),
    shape("a fault of less than 100 ms", |plan| lasting(plan, 1, 99)),
    shape("a fault of 90 s or more", |plan| lasting(plan, LONG_MS, u64::MAX)),
    shape("few and long", few_and_long),
    shape("one by one, each alone", one_by_one),
    shape("one link of a pair", |plan| links(plan, 2)),
    shape("one direction of a link", |plan| links(plan, 1)),
    shape("a machine cut off", |plan| machine_cut(plan, Direction::Both)),
    shape("a machine heard that hears nothing", |plan| machine_cut(plan, Direction::In)),
    shape("a machine that hears, not heard", |plan| machine_cut(plan, Direction::Out)),
    shape("a datacenter heard that hears nothing", |plan| datacenter_cut(plan, Cut::are_deaf)),
    shape("a datacenter that hears, not heard", |plan| datacenter_cut(plan, Cut::are_mute)),
    shape("two datacenters see only the third", two_that_see_the_third),
    shape("a chain", |plan| in_cuts(plan, Cut::is_chain)),
    shape("a bridge", |plan| in_cuts(plan, Cut::is_bridge)),
    shape("links that flap", flapping),
    shape("a cut with a crash of one end", cut_and_crash),
    shape("incarnations within a second", incarnations),
    shape("a restart, then a loss of power, on a slow disk", restart_and_power_loss),
    shape("a claim and a group's leader struck at once", claim_and_leader),
    shape("everything off", |plan| found(super::cuts::nights(plan))),
    shape("all datacenters apart", all_apart),
    shape("two of three datacenters down", two_down),
    shape("a leader's disk slow for a minute", |plan| slow_disk(plan, true)),
    shape("another disk slow for a minute", |plan| slow_disk(plan, false)),
    shape("a disk lost for ever", |plan| {
        faults(plan, |fault| matches!(fault.kind, FaultKind::DiskReplaced(_)))
    }),
    shape("all disks of a datacenter lost at once", burned),
    shape("a bit that rots on a disk", |plan| {
        faults(plan, |fault| matches!(fault.kind, FaultKind::DiskRot(_)))
    }),
    shape("messages corrupted", |plan| {
        faults(plan, |fault| matches!(fault.kind, FaultKind::CorruptMessages(_)))
    }),
    shape("a clock steps a second or more", |plan| stepping(plan, 1_000, |_, _| true)),
    shape("... a minute or more", |plan| stepping(plan, 60_000, |_, _| true)),
    shape("... and is put right", |plan| stepping(plan, 1_000, is_put_right)),
    shape("services refuse or fail for 126 s", |plan| outages(plan, RETRIES_MS, fails)),
    shape("services slow for half a minute", |plan| outages(plan, 30_000, is_slow)),
    shape("links that repeat or keep back messages", rough_links),
    shape("links slow one way", slow_one_way),
    shape("connections slow or broken", |plan| {
        faults(plan, |fault| matches!(fault.kind, FaultKind::RoughConnections(_)))
    }),
    shape("struck in the middle of something", |plan| {
        faults(plan, |fault| matches!(fault.kind.target(), Some(Target::Next(_))))
    }),
    shape("services silent for half a minute", |plan| {
        outages(plan, 30_000, |kind| kind == OutageKind::Silent)
    }),
    shape("machines tuned tightly", |plan| (plan.tuning != Tuning::default()).then(Vec::new)),
    shape("other than three datacenters of three", |plan| {
        let Cluster { datacenters, machines_per_datacenter, .. } = plan.cluster;
        ((datacenters, machines_per_datacenter) != (3, 3)).then(Vec::new)
    }),
    shape("at most a dozen slices", |plan| (plan.cluster.slices <= 12).then(Vec::new)),
    shape("links that lose a hundredth or more", |plan| (plan.network.loss_ppm >= 10_000).then(Vec::new)),
    shape("asked a minute after the heal", asked_late),
];

/// Whoever can go on without what fails for so long has to, and a while is left to show it.
const LONG_MS: u64 = 90_000;
/// All six retries of an alarm together (R2, R3).
const RETRIES_MS: u64 = 126_000;
/// What is cut for longer than this counts as a state, and not as flapping.
const FLAP_MAX_MS: u64 = 10_000;
/// So often, at least, a link that flaps is cut.
const FLAPS_MIN: usize = 5;

/// The times, if there is any.
fn found(spans: impl IntoIterator<Item = Span>) -> Option<Vec<Span>> {
    let spans: Vec<Span> = spans.into_iter().collect();
    (!spans.is_empty()).then_some(spans)
}

fn faults(plan: &Plan, wanted: impl Fn(&Fault) -> bool) -> Option<Vec<Span>> {
    found(plan.faults.iter().filter(|fault| wanted(fault)).map(Span::of))
}

/// Exactly so many faults, and no other trouble.
fn breaks(plan: &Plan, many: usize) -> Option<Vec<Span>> {
    let only = plan.faults.len() == many && plan.upstream.outages.is_empty() && plan.network.loss_ppm == 0;
    only.then(|| plan.faults.iter().map(Span::of).collect())
}

fn lasting(plan: &Plan, least_ms: u64, most_ms: u64) -> Option<Vec<Span>> {
    faults(plan, |fault| (least_ms..=most_ms).contains(&fault.kind.lasts_ms()))
}

fn few_and_long(plan: &Plan) -> Option<Vec<Span>> {
    let few = (1..=3).contains(&plan.faults.len());
    lasting(plan, LONG_MS, u64::MAX).filter(|long| few && long.len() == plan.faults.len())
}

/// L1: at least two faults, and every one begins a minute after the one before is over.
fn one_by_one(plan: &Plan) -> Option<Vec<Span>> {
    let mut spans: Vec<Span> = plan.faults.iter().map(Span::of).collect();
    spans.sort_unstable();
    let is_alone = |pair: &[Span]| pair[1].from_ms >= pair[0].to_ms + super::STILL_AFTER_MS;
    (spans.len() > 1 && spans.windows(2).all(is_alone)).then_some(spans)
}

fn links(plan: &Plan, many: usize) -> Option<Vec<Span>> {
    let is_pair =
        |links: &BTreeSet<Link>| links.iter().all(|(from, to)| many == 1 || links.contains(&(*to, *from)));
    faults(plan, |fault| {
        let links = links_of(plan.cluster, fault);
        links.len() == many && is_pair(&links)
    })
}

fn in_cuts(plan: &Plan, wanted: impl Fn(&Cut) -> bool) -> Option<Vec<Span>> {
    found(cuts(plan).iter().filter(|cut| wanted(cut)).map(|cut| cut.span))
}

/// Of whoever has a role the plan says only the direction.
fn machine_cut(plan: &Plan, direction: Direction) -> Option<Vec<Span>> {
    faults(plan, |fault| matches!(&fault.kind, FaultKind::MachineCut(cut) if cut.direction == direction))
}

fn datacenter_cut(plan: &Plan, wanted: fn(&Cut, &BTreeSet<u16>) -> bool) -> Option<Vec<Span>> {
    let of = |datacenter| machines_of(plan.cluster, datacenter).collect::<BTreeSet<_>>();
    let all: Vec<_> = (0..plan.cluster.datacenters).map(of).collect();
    in_cuts(plan, |cut| all.iter().any(|machines| wanted(cut, machines)))
}

fn pairs(plan: &Plan) -> impl Iterator<Item = (u16, u16)> + Clone + use<> {
    let datacenters = plan.cluster.datacenters;
    (0..datacenters).flat_map(move |one| (one + 1..datacenters).map(move |other| (one, other)))
}

fn two_that_see_the_third(plan: &Plan) -> Option<Vec<Span>> {
    in_cuts(plan, |cut| {
        let (apart, together): (Vec<_>, Vec<_>) =
            pairs(plan).partition(|(one, other)| cut.are_apart(*one, *other));
        apart.len() == 1 && together.iter().all(|(one, other)| cut.are_connected(*one, *other))
    })
}

/// Each machine of a datacenter loses its disk in the same moment.
fn burned(plan: &Plan) -> Option<Vec<Span>> {
    let lost = |fault: &&Fault| matches!(fault.kind, FaultKind::DiskReplaced(_));
    let lost: Vec<&Fault> = plan.faults.iter().filter(lost).collect();
    let machines = usize::from(plan.cluster.machines_per_datacenter);
    found(lost.chunk_by(|one, next| one.at_ms == next.at_ms).filter(|all| all.len() >= machines).map(|all| {
        let spans = all.iter().map(|fault| Span::of(fault));
        spans.reduce(|one, other| Span::new(one.from_ms, one.to_ms.max(other.to_ms))).expect("at least one")
    }))
}

fn all_apart(plan: &Plan) -> Option<Vec<Span>> {
    let many = pairs(plan).count();
    in_cuts(plan, |cut| many > 0 && pairs(plan).all(|(one, other)| cut.are_apart(one, other)))
}

/// Two, or all of them but one where there are more; and not on the way into a night or out of it.
fn two_down(plan: &Plan) -> Option<Vec<Span>> {
    let nights = super::cuts::nights(plan);
    let most = usize::from(plan.cluster.datacenters).saturating_sub(1);
    let is_beside = |span: &Span, night: &Span| span.from_ms <= night.to_ms && night.from_ms <= span.to_ms;
    let down = down(plan, most.max(1)).into_iter();
    found(down.filter(|span| !nights.iter().any(|night| is_beside(span, night))))
}

/// The flap of a fault that cuts links.
fn flap(fault: &Fault) -> Option<Flap> {
    match &fault.kind {
        FaultKind::MachineCut(cut) => cut.flap,
        FaultKind::DatacenterCut(cut) => cut.flap,
        FaultKind::Partition(cut) => cut.flap,
        _ => None,
    }
}

/// One fault cuts links by turns, or several cut the same link again and again, each shortly after the last.
fn flapping(plan: &Plan) -> Option<Vec<Span>> {
    let by_turns = faults(plan, |fault| {
        let turns = |flap: Flap| fault.kind.lasts_ms() / u64::from(flap.cut_ms + flap.open_ms);
        flap(fault).map_or(0, turns) >= FLAPS_MIN as u64
    });
    if by_turns.is_some() {
        return by_turns;
    }
    let mut by_link: BTreeMap<Link, Vec<Span>> = BTreeMap::new();
    for fault in &plan.faults {
        for link in links_of(plan.cluster, fault) {
            by_link.entry(link).or_default().push(Span::of(fault));
        }
    }
    let flaps = |spans: Vec<Span>| {
        let is_near = |pair: &[Span]| pair[1].from_ms.saturating_sub(pair[0].to_ms) < FLAP_MAX_MS;
        let runs: Vec<&[Span]> = spans.chunk_by(|one, next| is_near(&[*one, *next])).collect();
        let run = runs.into_iter().find(|run| run.len() >= FLAPS_MIN)?;
        Some(Span::new(run[0].from_ms, run[run.len() - 1].to_ms))
    };
    let all: BTreeSet<Span> = by_link.into_values().filter_map(flaps).collect();
    found(all)
}

/// The machine that a fault stops, if the plan names it.
fn stopped(fault: &Fault) -> Option<&Target> {
    match &fault.kind {
        FaultKind::Crash(crash) => Some(&crash.target),
        FaultKind::PowerLoss(loss) => Some(&loss.target),
        _ => None,
    }
}

/// Whether a fault cuts a single machine's links, or one of them, and this is the machine.
fn is_end_of(plan: &Plan, cut: &Fault, target: &Target) -> bool {
    match (&cut.kind, target) {
        (FaultKind::MachineCut(cut), target) => cut.target == *target,
        (FaultKind::Partition(cut), Target::Machine(machine)) => {
            let one = |side: &[u16]| matches!(side, [only] if only == machine);
            links_of(plan.cluster, &Fault { at_ms: 0, kind: cut.clone().into() }).len() <= 2
                && (one(&cut.from) || one(&cut.to))
        }
        _ => false,
    }
}

fn cut_and_crash(plan: &Plan) -> Option<Vec<Span>> {
    faults(plan, |cut| {
        let span = Span::of(cut);
        plan.faults.iter().any(|crash| {
            let is_within = span.from_ms < crash.at_ms && crash.at_ms < span.to_ms;
            is_within && stopped(crash).is_some_and(|target| is_end_of(plan, cut, target))
        })
    })
}

fn incarnations(plan: &Plan) -> Option<Vec<Span>> {
    const WITHIN_MS: u64 = 1_000;
    let stops: Vec<(&Target, Span)> =
        plan.faults.iter().filter_map(|fault| Some((stopped(fault)?, Span::of(fault)))).collect();
    found(stops.iter().enumerate().filter_map(|(position, (target, span))| {
        let next = stops[position + 1..].iter().find(|(other, _)| other == target)?.1;
        let is_up_between = span.to_ms < next.from_ms && next.from_ms <= span.from_ms + WITHIN_MS;
        is_up_between.then_some(Span::new(span.from_ms, next.to_ms))
    }))
}

/// A process starts again while syncs of its disk take longer, and power goes before one that begins then can be over (D8).
fn restart_and_power_loss(plan: &Plan) -> Option<Vec<Span>> {
    let disks = plan.faults.iter().filter_map(|fault| match &fault.kind {
        FaultKind::SlowDisk(slow) => Some((&slow.target, u64::from(slow.extra_ms), Span::of(fault))),
        _ => None,
    });
    found(disks.flat_map(|(target, extra_ms, slow)| {
        let of_it = plan.faults.iter().filter(move |fault| stopped(fault) == Some(target));
        let restarts = of_it.clone().filter(|fault| matches!(fault.kind, FaultKind::Crash(_))).map(Span::of);
        let losses = of_it.filter(|fault| matches!(fault.kind, FaultKind::PowerLoss(_))).map(Span::of);
        restarts.filter_map(move |restart| {
            let is_soon = |loss: &Span| (restart.to_ms..restart.to_ms + extra_ms).contains(&loss.from_ms);
            let loss = losses.clone().find(is_soon)?;
            let is_slow = slow.from_ms <= restart.to_ms && loss.from_ms <= slow.to_ms;
            is_slow.then_some(Span::new(restart.from_ms, loss.to_ms))
        })
    }))
}

/// One fault waits for a claim, or for what follows it, and within a second one strikes a group's leader.
fn claim_and_leader(plan: &Plan) -> Option<Vec<Span>> {
    const WITHIN_MS: u64 = 1_000;
    let claims = |fault: &Fault| {
        matches!(fault.kind.target(), Some(Target::Next(Moment::ClaimSlice | Moment::AskForDue)))
    };
    let leads = |fault: &Fault| matches!(fault.kind.target(), Some(Target::LeaderOfGroup(_)));
    faults(plan, |fault| {
        let is_near = |other: &Fault| other.at_ms.abs_diff(fault.at_ms) <= WITHIN_MS;
        claims(fault) && plan.faults.iter().any(|other| leads(other) && is_near(other))
    })
}

fn slow_disk(plan: &Plan, of_leader: bool) -> Option<Vec<Span>> {
    const EXTRA_MIN_MS: u32 = 500;
    const LASTS_MIN_MS: u64 = 60_000;
    faults(plan, |fault| {
        let FaultKind::SlowDisk(slow) = &fault.kind else { return false };
        let leads = !matches!(slow.target, Target::Machine(_) | Target::HolderOf(_));
        slow.extra_ms >= EXTRA_MIN_MS && slow.for_ms >= LASTS_MIN_MS && leads == of_leader
    })
}

/// A clock that has stepped is wrong until it is put right, or the run is over.
fn stepping(plan: &Plan, least_ms: u32, wanted: fn(&Plan, &Fault) -> bool) -> Option<Vec<Span>> {
    let over_ms = plan.phases.faults_ms;
    let steps = plan.faults.iter().filter(|fault| {
        matches!(&fault.kind, FaultKind::ClockStep(step) if step.by_ms.unsigned_abs() >= least_ms)
            && wanted(plan, fault)
    });
    found(steps.map(|fault| Span::new(fault.at_ms, over_ms.max(fault.at_ms))))
}

/// Whether the same clock steps back by as much later.
fn is_put_right(plan: &Plan, fault: &Fault) -> bool {
    let FaultKind::ClockStep(step) = &fault.kind else { return false };
    let is_back = |other: &FaultKind| matches!(other, FaultKind::ClockStep(back) if back.target == step.target && back.by_ms == -step.by_ms);
    plan.faults.iter().any(|other| other.at_ms > fault.at_ms && is_back(&other.kind))
}

fn rough_links(plan: &Plan) -> Option<Vec<Span>> {
    faults(
        plan,
        |fault| matches!(&fault.kind, FaultKind::RoughLinks(rough) if rough.duplicate_ppm > 0 || rough.delay_ppm > 0),
    )
}

/// Links are slow and those back are not.
fn slow_one_way(plan: &Plan) -> Option<Vec<Span>> {
    faults(plan, |fault| {
        matches!(&fault.kind, FaultKind::SlowLinks(SlowLinks { of: LinksOf::Between { .. }, .. }))
    })
}

fn outages(plan: &Plan, least_ms: u64, wanted: fn(OutageKind) -> bool) -> Option<Vec<Span>> {
    let outages = plan.upstream.outages.iter();
    found(outages.filter(|outage| outage.for_ms >= least_ms && wanted(outage.kind)).map(Span::of_outage))
}

fn fails(kind: OutageKind) -> bool {
    !matches!(kind, OutageKind::Slow(_))
}

fn is_slow(kind: OutageKind) -> bool {
    matches!(kind, OutageKind::Slow(slow) if slow.extra_ms >= 1_000)
}

fn asked_late(plan: &Plan) -> Option<Vec<Span>> {
    let from_ms = plan.phases.faults_ms + super::STILL_AFTER_MS;
    plan.workload.iter().any(|request| request.at_ms >= from_ms).then(Vec::new)
}
