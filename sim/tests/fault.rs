//! What each fault does to a run, seen in its trace and its history: whom it strikes, what it keeps from whom, and that
//! overlapping faults end one by one.

use reveille_model::history::{Event, Phase, Scope, What};
use reveille_sim::fates::{Fate, Fates};
use reveille_sim::kinds::{
    ClockStep, Crash, DatacenterCut, DatacenterDown, MachineCut, Partition, Pause, PowerLoss, SlowDisk,
    SlowLinks, SyncStall,
};
use reveille_sim::plan::{Clock, Direction, Fault, FaultKind, LinksOf, Outage, OutageKind, Plan, Target};
use reveille_sim::run::{Look, Outcome, RunEnd, run_with};
use reveille_sim::trace::{Entry, Kind};
use reveille_system::ids::MachineId;

use crate::common::{classes, plan};

/// Runs a plan with these faults and nothing else that breaks.
pub(crate) fn with(seed: u64, faults: &[(u64, FaultKind)]) -> Outcome {
    run_broken(plan(seed), faults)
}

pub(crate) fn run_broken(mut plan: Plan, faults: &[(u64, FaultKind)]) -> Outcome {
    plan.network.loss_ppm = 0;
    plan.faults = faults.iter().map(|(at_ms, kind)| Fault { at_ms: *at_ms, kind: kind.clone() }).collect();
    let outcome = run_with(&plan, classes, Look { trace: true, until_ms: None });
    assert_eq!(outcome.end, RunEnd::Completed);
    outcome
}

/// Three datacenters of two machines each.
pub(crate) fn six_machines(seed: u64) -> Plan {
    let mut plan = plan(seed);
    plan.cluster.machines_per_datacenter = 2;
    plan.clocks = vec![Clock::default(); 6];
    plan
}

/// Entries of the trace from one moment of the fault phase to another, both in milliseconds; the bounds are not included.
pub(crate) fn between(outcome: &Outcome, from_ms: u64, to_ms: u64) -> impl Iterator<Item = &Entry> {
    let ns = |ms| (10_000 + ms) * 1_000_000;
    outcome.trace.iter().filter(move |entry| (ns(from_ms) + 1..ns(to_ms)).contains(&entry.at_ns))
}

/// How many messages of one machine reached another.
pub(crate) fn reached(outcome: &Outcome, from: u16, to: u16, from_ms: u64, to_ms: u64) -> usize {
    let delivered = |entry: &&Entry| entry.kind == Kind::Delivered && entry.a == u64::from(from);
    between(outcome, from_ms, to_ms)
        .filter(|entry| entry.machine == Some(MachineId(to)))
        .filter(delivered)
        .count()
}

/// When a machine did something, in milliseconds of the fault phase.
pub(crate) fn moments(outcome: &Outcome, machine: u16, kind: Kind) -> Vec<u64> {
    let of_machine = outcome.trace.iter().filter(|entry| entry.machine == Some(MachineId(machine)));
    let in_phase = of_machine.filter(|entry| entry.kind == kind && entry.at_ns >= 10_000_000_000);
    in_phase.map(|entry| entry.at_ns / 1_000_000 - 10_000).collect()
}

pub(crate) fn effective(outcome: &Outcome, kind: &str) -> (u64, u64) {
    outcome.counts.faults.get(kind).map_or((0, 0), |count| (count.injected, count.effective))
}

pub(crate) fn begun(outcome: &Outcome) -> Vec<(&str, &Scope)> {
    let begun = |event: &'_ Event| matches!(event.what, What::FaultBegin { .. });
    let events = outcome.history.events.iter().filter(|event| begun(event));
    events
        .map(|event| match &event.what {
            What::FaultBegin { kind, scope, .. } => (&**kind, scope),
            _ => unreachable!("filtered above"),
        })
        .collect()
}

pub(crate) fn majority_changes(outcome: &Outcome, to: bool) -> usize {
    let in_phase = outcome.history.events.iter().filter(|event| event.at_ns >= 10_000_000_000);
    in_phase.filter(|event| matches!(event.what, What::Majority { connected, .. } if connected == to)).count()
}

pub(crate) fn crash(machine: u16, down_ms: u64) -> FaultKind {
    FaultKind::Crash(Crash { target: Target::Machine(machine), down_ms })
}

pub(crate) fn pause(machine: u16, for_ms: u64) -> FaultKind {
    FaultKind::Pause(Pause { target: Target::Machine(machine), for_ms })
}

fn cut(machine: u16, for_ms: u64, direction: Direction) -> FaultKind {
    FaultKind::MachineCut(MachineCut { target: Target::Machine(machine), for_ms, direction, flap: None })
}

#[test]
fn a_paused_machine_handles_nothing_and_then_everything_in_order() {
    let outcome = with(1, &[(5_000, pause(1, 5_000))]);
    let of_machine = |entry: &&Entry| entry.machine == Some(MachineId(1));
    assert_eq!(between(&outcome, 5_000, 10_000).filter(of_machine).count(), 0);
    let resumed_ns = 20_000_000_000;
    let mut after = outcome.trace.iter().filter(of_machine).filter(|entry| entry.at_ns == resumed_ns);
    let resumed = after.find(|entry| entry.kind == Kind::Resumed).expect("the pause ends");
    let reactions = [Kind::Sent, Kind::SyncAsked, Kind::Answer, Kind::Applied, Kind::Elected, Kind::Serving];
    let handed: Vec<&Entry> = after.filter(|entry| !reactions.contains(&entry.kind)).collect();
    let inputs = [Kind::Delivered, Kind::Request, Kind::Wake, Kind::Synced, Kind::OutsideAnswered];
    let handed: Vec<&Entry> = handed.into_iter().filter(|entry| inputs.contains(&entry.kind)).collect();
    assert_eq!(handed.len() as u64, resumed.a, "what has come is handed over, and nothing else");
    let requests = handed.iter().filter(|entry| entry.kind == Kind::Request).map(|entry| entry.a);
    assert_eq!(requests.collect::<Vec<_>>(), [10, 13, 16, 19], "in the order in which they came");
    assert!(handed.iter().any(|entry| entry.kind == Kind::Wake));
    assert!(handed.iter().any(|entry| entry.kind == Kind::Delivered));
    assert_eq!(effective(&outcome, "pause"), (1, 1));
    assert_eq!(begun(&outcome), [("pause", &Scope::Machine(1))]);
}

#[test]
fn pauses_nest() {
    let shorter_within = with(1, &[(4_000, pause(1, 4_000)), (5_000, pause(1, 1_000))]);
    assert_eq!(moments(&shorter_within, 1, Kind::Resumed), [8_000]);
    let longer_after = with(1, &[(4_000, pause(1, 2_000)), (5_000, pause(1, 4_000))]);
    assert_eq!(moments(&longer_after, 1, Kind::Resumed), [9_000]);
}

#[test]
fn a_pause_is_over_when_its_process_dies() {
    let outcome = with(1, &[(4_000, pause(1, 10_000)), (5_000, crash(1, 1_000))]);
    assert_eq!(moments(&outcome, 1, Kind::Resumed), [] as [u64; 0]);
    assert_eq!(moments(&outcome, 1, Kind::Boot), [6_000]);
    assert!(reached(&outcome, 0, 1, 6_000, 14_000) > 0, "the next process is not paused");
    assert!(moments(&outcome, 1, Kind::Undelivered).contains(&5_000), "what waited found nobody");
    let ended = |event: &&Event| matches!(event.what, What::FaultEnd { fault: 0 });
    let ended: Vec<u64> = outcome.history.events.iter().filter(ended).map(|event| event.at_ns).collect();
    assert_eq!(ended, [15_000_000_000], "a fault ends when it ends, and once");
    assert_eq!(outcome.verdict.violations, []);
    // Nobody pauses a machine that is down.
    let skipped = with(1, &[(4_000, crash(1, 2_000)), (5_000, pause(1, 5_000))]);
    assert_eq!(effective(&skipped, "pause"), (0, 0));
}

#[test]
fn a_cut_machine_hears_nothing_sends_nothing_or_both() {
    for (direction, hears, is_heard) in
        [(Direction::Both, false, false), (Direction::In, false, true), (Direction::Out, true, false)]
    {
        let outcome = with(1, &[(5_000, cut(1, 3_000, direction))]);
        for other in [0, 2] {
            let (to, from) =
                (reached(&outcome, other, 1, 5_000, 8_000), reached(&outcome, 1, other, 5_000, 8_000));
            assert_eq!((to > 0, from > 0), (hears, is_heard), "{direction:?}: {to} to and {from} from it");
            assert!(reached(&outcome, other, 1, 8_000, 20_000) > 0, "it ends");
            assert!(reached(&outcome, 1, other, 8_000, 20_000) > 0, "it ends");
        }
        assert_eq!(reached(&outcome, 1, 1, 0, 20_000), 0, "what it tells itself takes no network");
        assert!(!moments(&outcome, 1, Kind::Request).is_empty(), "its clients reach it");
        assert_eq!(effective(&outcome, "cut"), (1, 1));
        let scope = match direction {
            Direction::Both => Scope::Machine(1),
            Direction::In => Scope::Links { from: vec![0, 2], to: vec![1] },
            Direction::Out => Scope::Links { from: vec![1], to: vec![0, 2] },
        };
        assert_eq!(begun(&outcome), [("cut", &scope)]);
    }
}

#[test]
fn what_is_on_its_way_when_a_link_is_cut_is_lost() {
    // Requests arrive each half second, and what follows from them is on its way a little later.
    let cut_off = |nth: u64| {
        let at_ms = 5_005 + nth * 500;
        let outcome = with(1, &[(at_ms, cut(1, 3_000, Direction::Both))]);
        let lost: Vec<u64> = outcome
            .trace
            .iter()
            .filter(|entry| entry.kind == Kind::CutOff)
            .map(|entry| entry.at_ns)
            .collect();
        let begin_ns = (10_000 + at_ms) * 1_000_000;
        assert!(lost.iter().all(|at_ns| (begin_ns..begin_ns + 50_000_000).contains(at_ns)));
        lost.len()
    };
    assert!((0..6).map(cut_off).sum::<usize>() > 0);
}

#[test]
fn cuts_nest() {
    let datacenter = FaultKind::DatacenterCut(DatacenterCut {
        datacenter: 1,
        for_ms: 5_000,
        direction: Direction::Both,
        flap: None,
    });
    let outcome = with(1, &[(5_000, cut(1, 3_000, Direction::Both)), (6_000, datacenter)]);
    assert_eq!(reached(&outcome, 0, 1, 5_000, 11_000), 0);
    assert!(reached(&outcome, 0, 1, 11_000, 20_000) > 0);
    assert_eq!(effective(&outcome, "cut"), (1, 1));
    assert_eq!(effective(&outcome, "datacenter-cut"), (1, 1));
}

#[test]
fn a_machine_may_be_cut_off_while_it_stands_still() {
    let faults = [(5_000, pause(1, 3_000)), (6_000, cut(1, 4_000, Direction::Both))];
    let outcome = with(1, &faults);
    assert_eq!(moments(&outcome, 1, Kind::Resumed), [8_000]);
    assert_eq!(reached(&outcome, 0, 1, 8_000, 10_000), 0, "paused no longer, and cut off still");
    assert!(reached(&outcome, 0, 1, 10_000, 20_000) > 0);
}

#[test]
fn a_cut_datacenter_keeps_the_links_within() {
    let datacenter = FaultKind::DatacenterCut(DatacenterCut {
        datacenter: 1,
        for_ms: 5_000,
        direction: Direction::Both,
        flap: None,
    });
    let outcome = run_broken(six_machines(1), &[(5_000, datacenter)]);
    for (inside, outside) in [(2, 0), (2, 1), (3, 4), (3, 5)] {
        assert_eq!(reached(&outcome, inside, outside, 5_000, 10_000), 0);
        assert_eq!(reached(&outcome, outside, inside, 5_000, 10_000), 0);
    }
    assert!(between(&outcome, 5_000, 10_000).any(|entry| entry.kind == Kind::Delivered && entry.a < 2));
    assert_eq!(begun(&outcome), [("datacenter-cut", &Scope::Datacenter(1))]);
    assert_eq!(majority_changes(&outcome, false), 0, "two of three datacenters are connected");
}

#[test]
fn a_partition_cuts_one_way_or_both() {
    for both_ways in [false, true] {
        let (from, to) = (vec![0], vec![1, 2]);
        let partition = FaultKind::Partition(Partition {
            from: from.clone(),
            to: to.clone(),
            both_ways,
            for_ms: 4_000,
            flap: None,
        });
        let outcome = with(1, &[(5_000, partition)]);
        for other in [1, 2] {
            assert_eq!(reached(&outcome, 0, other, 5_000, 9_000), 0);
            assert_eq!(reached(&outcome, other, 0, 5_000, 9_000) == 0, both_ways);
        }
        let kind = if both_ways { "partition" } else { "partition-one-way" };
        assert_eq!(begun(&outcome), [(kind, &Scope::Links { from, to })]);
        assert_eq!(majority_changes(&outcome, false), 0, "machines 1 and 2 are a majority");
    }
}

#[test]
fn l2_a_majority_is_up_awake_and_connected_pairwise_both_ways() {
    let one_way = |from, to| {
        FaultKind::Partition(Partition {
            from: vec![from],
            to: vec![to],
            both_ways: false,
            for_ms: 2_000,
            flap: None,
        })
    };
    // Each machine hears one other, and no two hear each other.
    let ring = with(1, &[(5_000, one_way(0, 1)), (5_000, one_way(1, 2)), (5_000, one_way(2, 0))]);
    let asleep = with(1, &[(5_000, pause(0, 2_000)), (5_000, pause(1, 2_000))]);
    let asleep_and_cut = with(1, &[(5_000, pause(0, 2_000)), (5_000, one_way(2, 1))]);
    for outcome in [ring, asleep, asleep_and_cut] {
        let lost = majority_changes(&outcome, false);
        assert!(lost >= 2, "each of at least two groups loses its majority");
        assert_eq!(majority_changes(&outcome, true), lost, "and has it again");
    }
}

/// When the objects of a group lost their quorum and had one again, in milliseconds of the fault phase.
fn quorum(outcome: &Outcome, of: u16) -> Vec<(u64, bool)> {
    let told = outcome.history.events.iter().filter(|event| event.at_ns >= 10_000_000_000);
    let told = told.filter_map(|event| match event.what {
        What::Majority { group, connected } if group == of => {
            Some((event.at_ns / 1_000_000 - 10_000, connected))
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn l2_what_flaps_is_cut_until_ten_seconds_after_the_last_time() {
    let cuts = |cuts: &[(u64, u64)]| {
        let both = |(at_ms, for_ms): &(u64, u64)| {
            [0, 1].map(|machine| (*at_ms, cut(machine, *for_ms, Direction::Both)))
        };
        with(1, &cuts.iter().flat_map(both).collect::<Vec<_>>())
    };
    let once = cuts(&[(1_000, 1_000)]);
    assert_eq!(quorum(&once, 0), [(1_000, false), (2_000, true)], "a single cut ends when it ends");
    let flaps = cuts(&[(1_000, 1_000), (4_000, 500), (6_000, 1_000)]);
    assert_eq!(quorum(&flaps, 0), [(1_000, false), (17_000, true)]);
}

#[test]
fn l2_who_syncs_too_slowly_or_hears_too_late_is_no_part_of_a_quorum() {
    let slow = |extra_ms| {
        let disk = |machine| SlowDisk { target: Target::Machine(machine), extra_ms, for_ms: 2_000 };
        with(1, &[0, 1].map(|machine| (1_000, FaultKind::SlowDisk(disk(machine)))))
    };
    assert_eq!(quorum(&slow(3_000), 0), [(1_000, false), (3_000, true)]);
    assert_eq!(quorum(&slow(100), 0), []);
    let stalled = |for_ms| {
        let stall = |machine| SyncStall { target: Target::Machine(machine), for_ms };
        with(1, &[0, 1].map(|machine| (1_000, FaultKind::SyncStall(stall(machine)))))
    };
    assert_eq!(quorum(&stalled(2_000), 0), [(1_000, false), (3_000, true)]);
    assert_eq!(quorum(&stalled(200), 0), [], "nothing took longer than half a second");
    let far = |factor_percent| {
        let of = [0, 1].map(LinksOf::Datacenter);
        let links =
            of.map(|of| (1_000, FaultKind::SlowLinks(SlowLinks { of, factor_percent, for_ms: 2_000 })));
        with(1, &links)
    };
    assert_eq!(quorum(&far(10_000), 0), [(1_000, false), (3_000, true)]);
    assert_eq!(quorum(&far(150), 0), []);
}

#[test]
fn l2_a_quorum_takes_one_of_the_system_group_too() {
    // Of six machines three have a replica of each group; all of the system group's are out.
    let plan = six_machines(1);
    let config = plan.config();
    let faults: Vec<(u64, FaultKind)> =
        config.replicas_of(config.system_group()).map(|machine| (1_000, pause(machine.0, 2_000))).collect();
    let outcome = run_broken(plan, &faults);
    for group in config.all_groups() {
        assert_eq!(quorum(&outcome, group.0), [(1_000, false), (3_000, true)]);
    }
}

#[test]
fn l4_what_each_group_had_committed_is_told_near_the_end() {
    let outcome = with(1, &[]);
    let told = outcome.history.events.iter().filter(|event| matches!(event.what, What::Committed { .. }));
    let config = plan(1).config();
    assert_eq!(told.count(), config.all_groups().count());
}

#[test]
fn a_datacenter_goes_down_as_a_whole_and_comes_back() {
    for power in [false, true] {
        let down = FaultKind::DatacenterDown(DatacenterDown { datacenter: 1, down_ms: 3_000, power });
        let outcome = run_broken(six_machines(1), &[(5_000, down)]);
        let kind = if power { Kind::PowerLoss } else { Kind::Crash };
        for machine in 0..6 {
            let struck = machine / 2 == 1;
            assert_eq!(moments(&outcome, machine, kind) == [5_000], struck);
            assert_eq!(moments(&outcome, machine, Kind::Boot) == [8_000], struck);
        }
        assert_eq!(begun(&outcome), [("datacenter-down", &Scope::Datacenter(1))]);
        assert_eq!(effective(&outcome, "datacenter-down"), (1, 1));
    }
}

#[test]
fn a_machine_is_back_when_no_fault_holds_it_down() {
    let down = |down_ms| FaultKind::DatacenterDown(DatacenterDown { datacenter: 1, down_ms, power: true });
    let crash_lasts = run_broken(six_machines(1), &[(4_000, crash(2, 10_000)), (5_000, down(3_000))]);
    assert_eq!(moments(&crash_lasts, 2, Kind::Boot), [14_000]);
    assert_eq!(moments(&crash_lasts, 3, Kind::Boot), [8_000]);
    let datacenter_lasts = run_broken(six_machines(1), &[(4_000, crash(2, 2_000)), (5_000, down(3_000))]);
    assert_eq!(moments(&datacenter_lasts, 2, Kind::Boot), [8_000]);
    assert_eq!(effective(&datacenter_lasts, "datacenter-down"), (1, 1));
    // All of it is down already, so the second one does nothing but last longer.
    let twice = run_broken(six_machines(1), &[(4_000, down(3_000)), (5_000, down(5_000))]);
    assert_eq!(moments(&twice, 3, Kind::Boot), [10_000]);
    assert_eq!(effective(&twice, "datacenter-down"), (2, 1));
}

#[test]
fn a_slow_datacenter_is_slow_and_not_cut() {
    let slow =
        FaultKind::SlowLinks(SlowLinks { of: LinksOf::Datacenter(1), factor_percent: 1_000, for_ms: 5_000 });
    let outcome = with(1, &[(5_000, slow)]);
    assert!(reached(&outcome, 0, 1, 5_500, 10_000) > 0);
    assert_eq!(effective(&outcome, "slow-links"), (1, 1));
    assert_eq!(majority_changes(&outcome, false), 0);
}

#[test]
fn d8_a_slow_disk_takes_its_time_and_no_other_does() {
    let slow =
        |extra_ms, for_ms| FaultKind::SlowDisk(SlowDisk { target: Target::Machine(1), extra_ms, for_ms });
    let outcome = with(1, &[(5_000, slow(100, 5_000)), (7_000, slow(300, 1_000))]);
    // The longest sync that was asked for in that time, in milliseconds; 3 at most is usual.
    let longest = |machine, from_ms, to_ms| {
        let asked = between(&outcome, from_ms, to_ms).filter(|entry| entry.kind == Kind::SyncAsked);
        asked.filter(|entry| entry.machine == Some(MachineId(machine))).map(|entry| entry.b / 1_000_000).max()
    };
    assert!((4..=103).contains(&longest(1, 5_000, 7_000).expect("there are requests")));
    assert!((104..=303).contains(&longest(1, 7_000, 8_000).expect("the worst decides")));
    assert!((4..=103).contains(&longest(1, 8_000, 10_000).expect("each ends by itself")));
    assert!(longest(1, 0, 5_000) <= Some(3) && longest(1, 10_000, 20_000) <= Some(3));
    assert!(longest(0, 0, 20_000) <= Some(3) && longest(2, 0, 20_000) <= Some(3));
    assert_eq!(effective(&outcome, "slow-disk"), (2, 2));
    assert_eq!(begun(&outcome), [("slow-disk", &Scope::Machine(1)); 2]);
    let idle = with(1, &[(19_999, slow(100, 1))]);
    assert_eq!(effective(&idle, "slow-disk"), (1, 0), "nothing was synced meanwhile");
}

#[test]
fn d8_a_disk_that_stalls_ends_no_sync_until_it_is_over() {
    let stall = |target, for_ms| FaultKind::SyncStall(SyncStall { target, for_ms });
    let whom = || Target::Machine(1);
    let outcome = with(1, &[(5_000, stall(whom(), 2_000)), (6_000, stall(whom(), 2_500))]);
    let synced = moments(&outcome, 1, Kind::Synced);
    assert!(synced.iter().any(|at_ms| (4_000..5_000).contains(at_ms)), "there are requests");
    assert!(!synced.iter().any(|at_ms| (5_000..8_500).contains(at_ms)), "both have to be over: {synced:?}");
    assert!(synced.contains(&8_500), "then what waited ends");
    assert!(moments(&outcome, 0, Kind::Synced).iter().any(|at_ms| (5_000..8_500).contains(at_ms)));
    assert_eq!(effective(&outcome, "sync-stall"), (2, 1), "the first one alone had kept each of them");
    assert_eq!(outcome.verdict.violations, []);
    // What would have been covered is not safe before it is over.
    let power = || FaultKind::PowerLoss(PowerLoss { target: whom(), down_ms: 500 });
    let lost = |seed| with(seed, &[(5_000, stall(whom(), 4_000)), (6_500, power())]);
    let lost: Vec<Outcome> = (1..5).map(lost).collect();
    let bytes = |outcome: &Outcome| {
        outcome.trace.iter().find(|entry| entry.kind == Kind::PowerLoss).map_or(0, |entry| entry.b)
    };
    assert!(lost.iter().any(|outcome| bytes(outcome) > 0), "a second and a half of writes was at stake");
    for outcome in lost {
        let synced = moments(&outcome, 1, Kind::Synced);
        assert!(!synced.iter().any(|at_ms| (5_000..9_000).contains(at_ms)));
        assert!(synced.iter().any(|at_ms| *at_ms >= 9_000), "its next process goes on");
        assert_eq!(outcome.verdict.violations, []);
    }
}

#[test]
fn a_wall_clock_steps_and_its_error_is_accounted_for() {
    let step = |by_ms| FaultKind::ClockStep(ClockStep { target: Target::Machine(0), by_ms });
    let outcome = with(1, &[(5_000, step(1_500)), (9_000, step(-2_500))]);
    let error_ms = |event: &Event| {
        let place = event.place.filter(|place| place.machine == 0)?;
        let true_ms = i64::try_from(event.at_ns / 1_000_000).expect("short");
        Some((event.at_ns / 1_000_000 - 10_000, place.wall_ns / 1_000_000 - 1_767_225_600_000 - true_ms))
    };
    let errors: Vec<(u64, i64)> = outcome
        .history
        .events
        .iter()
        .filter(|event| event.at_ns > 10_000_000_000)
        .filter_map(error_ms)
        .collect();
    for (at_ms, error_ms) in &errors {
        let expected = if *at_ms < 5_000 {
            0
        } else if *at_ms < 9_000 {
            1_500
        } else {
            -1_000
        };
        assert_eq!(*error_ms, expected, "at {at_ms} ms");
    }
    assert!(errors.iter().any(|(_, error_ms)| *error_ms == 1_500), "somebody looked at the clock");
    // The steps are known, not their order.
    assert_eq!(outcome.history.header.constants.wall_error_max_ms, 2_500);
    assert_eq!(effective(&outcome, "clock-step"), (2, 2));
}

#[test]
fn a_fault_aimed_at_a_role_strikes_who_has_it() {
    let target = || Target::LeaderOfGroup(1);
    let outcome = with(1, &[(5_000, FaultKind::Crash(Crash { target: target(), down_ms: 4_000 }))]);
    let leads = |entry: &&Entry| entry.kind == Kind::Elected && entry.a == 1 && entry.at_ns < 15_000_000_000;
    let leader = outcome.trace.iter().filter(leads).max_by_key(|entry| entry.b);
    let leader = leader.and_then(|entry| entry.machine).expect("a group elects a leader in the warm-up");
    assert_eq!(moments(&outcome, leader.0, Kind::Crash), [5_000]);
    assert_eq!(begun(&outcome), [("group-leader-crash", &Scope::Machine(leader.0))]);
    assert_eq!(effective(&outcome, "group-leader-crash"), (1, 1), "the group has to elect another one");
    let cut = FaultKind::MachineCut(MachineCut {
        target: target(),
        for_ms: 4_000,
        direction: Direction::Both,
        flap: None,
    });
    assert_eq!(effective(&with(1, &[(5_000, cut)]), "group-leader-cut"), (1, 1));
    let pause = FaultKind::Pause(Pause { target: target(), for_ms: 4_000 });
    assert_eq!(effective(&with(1, &[(5_000, pause)]), "group-leader-pause"), (1, 1));
}

#[test]
fn a_fault_aimed_at_a_role_that_nobody_has_is_skipped() {
    let mut plan = plan(1);
    plan.phases.warm_up_ms = 100;
    let targets = [Target::LeaderOfGroup(0), Target::LeaderOfGroup(2), Target::LeaderOfDatacenter(0)];
    let faults: Vec<_> =
        targets.into_iter().map(|target| (0, FaultKind::Crash(Crash { target, down_ms: 4_000 }))).collect();
    let outcome = run_broken(plan, &faults);
    let skipped = outcome.trace.iter().filter(|entry| entry.kind == Kind::FaultSkipped);
    assert_eq!(skipped.map(|entry| entry.a).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(begun(&outcome).is_empty());
}

#[test]
fn each_fault_of_a_plan_has_its_fate() {
    let mut plan = plan(1);
    let outage = |at_ms| Outage { at_ms, for_ms: 1, kind: OutageKind::Fail };
    plan.upstream.outages = vec![outage(1_000), outage(19_000)];
    plan.network.loss_ppm = 0;
    let faults = [
        (9_000, crash(1, 1_000)),
        (5_000, pause(1, 2_000)),
        (9_500, crash(1, 3_000)),
        (3_000, FaultKind::ClockStep(ClockStep { target: Target::Machine(0), by_ms: 0 })),
        (19_000, crash(1, 1_000)),
    ];
    plan.faults = faults.into_iter().map(|(at_ms, kind)| Fault { at_ms, kind }).collect();
    // The fault phase begins at 10 s.
    let outcome = run_with(&plan, classes, Look { trace: false, until_ms: Some(25_000) });
    let faults = vec![Fate::Effective, Fate::Effective, Fate::Skipped, Fate::NoEffect, Fate::NotReached];
    assert_eq!(outcome.fates, Fates { faults, outages: vec![Fate::Effective, Fate::NotReached] });
}

#[test]
fn all_that_lasts_is_healed_at_once() {
    let faults = [
        (1_000, FaultKind::DatacenterDown(DatacenterDown { datacenter: 0, down_ms: 900_000, power: true })),
        (2_000, cut(2, 900_000, Direction::Both)),
        (
            2_500,
            FaultKind::DatacenterCut(DatacenterCut {
                datacenter: 1,
                for_ms: 900_000,
                direction: Direction::Both,
                flap: None,
            }),
        ),
        (3_000, pause(2, 900_000)),
        (
            3_000,
            FaultKind::Partition(Partition {
                from: vec![3],
                to: vec![2, 5],
                both_ways: true,
                for_ms: 900_000,
                flap: None,
            }),
        ),
        (3_500, crash(3, 900_000)),
        (4_000, FaultKind::DatacenterDown(DatacenterDown { datacenter: 0, down_ms: 900_000, power: false })),
    ];
    let outcome = run_broken(six_machines(1), &faults);
    for machine in [0, 1, 3] {
        assert_eq!(moments(&outcome, machine, Kind::Boot), [20_000]);
    }
    assert_eq!(moments(&outcome, 2, Kind::Resumed), [20_000]);
    let ends = |event: &&Event| matches!(event.what, What::FaultEnd { .. });
    assert_eq!(outcome.history.events.iter().filter(ends).count(), faults.len());
    let quiet = What::Phase { phase: Phase::Quiet };
    assert_eq!(outcome.history.events.iter().skip_while(|event| event.what != quiet).filter(ends).count(), 0);
    let lost = |entry: &&Entry| matches!(entry.kind, Kind::Lost | Kind::CutOff | Kind::Undelivered);
    assert_eq!(between(&outcome, 20_100, 90_000).filter(lost).count(), 0);
    assert_eq!(majority_changes(&outcome, true), majority_changes(&outcome, false));
}

#[test]
fn l4_the_end_tells_how_far_each_replica_is_and_what_it_holds() {
    let outcome = with(1, &[(5_000, crash(1, 2_000))]);
    let mut of_group: Vec<Vec<(u64, u64)>> = vec![Vec::new(); 3];
    for event in &outcome.history.events {
        if let What::Replica { group, applied, state } = event.what {
            assert!(event.place.is_some());
            of_group[usize::from(group)].push((applied, state));
        }
    }
    for replicas in &of_group[..2] {
        assert_eq!(replicas.len(), 6, "one in each datacenter, by its process and by its disk");
        assert!(replicas.iter().all(|replica| *replica == replicas[0] && replica.0 > 0));
    }
    assert_ne!(of_group[0][0].1, of_group[1][0].1);
}
