//! L2: what a quorum can serve is served, however long a fault lasts; while there is none no bound runs. And L4: all replicas
//! have what their group had committed.

use reveille_model::build::Tale;
use reveille_model::history::{Cause, Phase, Scope, What};

/// Alarm 1, for second 10, of an object of slice 4, which belongs to group 1.
fn set() -> Tale {
    let mut tale = Tale::of_machines();
    tale.on_machine(0, What::Holder { slice: 4, epoch: 1, group: Some(1) });
    for group in [1, 2] {
        has_quorum(&mut tale, group, true);
    }
    tale.does(What::InstanceStart { cause: Some(Cause::Request), slice: Some(4) });
    tale.does(What::ConstructorEnd { failed: None }).alarm_is_set(10.0);
    tale
}

fn has_quorum(tale: &mut Tale, group: u16, connected: bool) {
    tale.world(What::Majority { group, connected });
}

fn cut(tale: &mut Tale, fault: u32, seconds: f64, from: u16, to: u16) {
    let scope = Scope::Links { from: vec![from], to: vec![to] };
    tale.at(seconds).world(What::FaultBegin { fault, kind: "cut".into(), scope, takes: None });
}

fn runs(mut tale: Tale, seconds: f64) -> Tale {
    tale.at(seconds).turn(2).run(1, 1, 10.0, 0).run_ok(1).commit_end(1);
    tale
}

#[test]
fn l2_a_fault_that_goes_on_is_no_excuse_where_there_is_a_quorum() {
    let cut_for_ever = |seconds| {
        let mut tale = set();
        cut(&mut tale, 1, 9.0, 1, 2);
        runs(tale, seconds)
    };
    cut_for_ever(69.9).is_accepted();
    cut_for_ever(70.1).is_refused("L2");
}

#[test]
fn l2_no_bound_runs_while_the_group_of_the_object_has_no_quorum() {
    let lost = |group, seconds| {
        let mut tale = set();
        cut(&mut tale, 1, 9.0, 1, 2);
        has_quorum(&mut tale, group, false);
        has_quorum(tale.at(500.0), group, true);
        runs(tale, seconds)
    };
    lost(1, 559.9).is_accepted();
    lost(1, 560.1).is_refused("L2");
    lost(2, 69.9).is_accepted();
    lost(2, 559.9).is_refused("L2");
}

/// Found by the scenario cron: a clock that was half an hour ahead when the alarm was due was put right while no bound ran.
#[test]
fn l2_a_clock_that_is_set_back_while_there_is_no_quorum_decides_when_there_is_one_again() {
    let set_back = |steps: &[(f64, i64)], scheduled: f64, seconds: f64| {
        let mut tale = Tale::of_machines();
        tale.clocks_err_by(3_600_000).on_machine(0, What::Holder { slice: 4, epoch: 1, group: Some(1) });
        has_quorum(&mut tale, 1, true);
        tale.clock_off_ms(1_000_000)
            .does(What::InstanceStart { cause: Some(Cause::Request), slice: Some(4) });
        tale.does(What::ConstructorEnd { failed: None }).alarm_is_set(scheduled);
        cut(&mut tale, 1, 9.0, 1, 2);
        has_quorum(&mut tale, 1, false);
        for (fault, (at, off_ms)) in (2..).zip(steps) {
            tale.at(*at).fault(fault, "clock-step").heal(fault).clock_off_ms(*off_ms);
            // Its clock is read, and shows that.
            tale.turn(fault).get_alarm(Some(scheduled));
        }
        has_quorum(tale.at(200.0), 1, true);
        tale.at(seconds).turn(9).run(1, 1, scheduled, 0);
        tale
    };
    // Its clock shows second 1,010 ten seconds into the run, and again at the true time.
    set_back(&[(20.0, 0)], 1_010.0, 1_069.9).is_accepted();
    set_back(&[(20.0, 0)], 1_010.0, 1_070.1).is_refused("L2");
    // It shows it again before there is a quorum, or at once when it is set forward again.
    set_back(&[(20.0, 900_000)], 1_010.0, 259.9).is_accepted();
    set_back(&[(20.0, 900_000)], 1_010.0, 260.1).is_refused("L2");
    set_back(&[(20.0, 0), (30.0, 1_000_000)], 1_010.0, 260.1).is_refused("L2");
    // It is not set back before the time.
    set_back(&[(20.0, 1_000_500)], 1_010.0, 260.1).is_refused("L2");
}

#[test]
fn l2_each_group_counts_where_it_is_not_told_whose_it_is() {
    let lost = |seconds| {
        let mut tale = Tale::new();
        has_quorum(&mut tale, 1, true);
        tale.alarm_is_set(10.0);
        cut(&mut tale, 1, 9.0, 1, 2);
        has_quorum(&mut tale, 2, false);
        has_quorum(tale.at(500.0), 2, true);
        runs(tale, seconds)
    };
    lost(559.9).is_accepted();
    lost(560.1).is_refused("L2");
}

#[test]
fn l2_a_bound_that_was_running_starts_anew() {
    let lost = |at: f64, seconds| {
        let mut tale = set();
        cut(&mut tale, 1, 9.0, 1, 2);
        has_quorum(tale.at(at), 1, false);
        has_quorum(tale.at(at + 10.0), 1, true);
        runs(tale, seconds)
    };
    lost(60.0, 129.9).is_accepted();
    lost(60.0, 130.1).is_refused("L2");
    // The bound had passed.
    lost(70.1, 129.9).is_refused("L2");
}

/// There is nothing to be said for ever: whoever has no quorum in the end is owed nothing.
#[test]
fn f1_an_alarm_without_a_quorum_need_not_run() {
    let never = |group| {
        let mut tale = set();
        cut(&mut tale, 1, 9.0, 1, 2);
        has_quorum(&mut tale, group, false);
        tale.at(500.0).rests(&[], Some((1, 10.0, 0))).end();
        tale
    };
    never(1).is_accepted();
    never(2).is_refused("F1");
}

#[test]
fn l2_where_no_majority_is_told_half_of_the_machines_are_none() {
    let off = |machines: u16, seconds| {
        let mut tale = Tale::new();
        tale.alarm_is_set(10.0).at(9.0).lost();
        for machine in 0..machines {
            tale.on(machine).fault(machine.into(), "power-loss");
        }
        tale.at(30_000.0);
        (0..machines).for_each(|machine| _ = tale.heal(machine.into()));
        tale.on(0).at(seconds).wake(2).turn(2).run(1, 1, 10.0, 0);
        tale
    };
    off(3, 30_059.0).is_accepted();
    off(3, 30_061.0).is_refused("L2");
    off(2, 30_059.0).is_accepted();
    off(1, 30_000.0).is_refused("L1");
}

#[test]
fn l1_one_machine_that_is_all_there_is_starts_what_is_due_when_it_is_back() {
    let night = |seconds| {
        let mut tale = Tale::new();
        tale.datacenters(&[0]).alarm_is_set(10.0).at(5.0).fault(1, "power-loss").lost();
        tale.at(30_000.0).heal(1).at(seconds).wake(2).turn(2).run(1, 1, 10.0, 0);
        tale
    };
    night(30_029.0).is_accepted();
    night(30_031.0).is_refused("L1");
}

#[test]
fn l2_cuts_of_a_link_less_than_ten_seconds_apart_are_one() {
    let cuts = |cuts: &[(f64, f64)], seconds| {
        let mut tale = set();
        for (fault, (begin, end)) in (1..).zip(cuts) {
            cut(&mut tale, fault, *begin, 1, 2);
            tale.at(*end).heal(fault);
        }
        runs(tale, seconds)
    };
    let flaps = [(9.0, 12.0), (15.0, 18.0), (20.0, 21.0)];
    cuts(&flaps, 90.9).is_accepted();
    cuts(&flaps, 91.1).is_refused("L2");
    // A single cut ends when it ends.
    cuts(&[(9.0, 21.0)], 80.9).is_accepted();
    cuts(&[(9.0, 21.0)], 81.1).is_refused("L2");
    // No change lies between them, so that none of these puts the bound off.
    let goes_on: Vec<(f64, f64)> =
        (0..20).map(|n| (9.0 + 5.0 * f64::from(n), 12.0 + 5.0 * f64::from(n))).collect();
    cuts(&goes_on[..1], 71.9).is_accepted();
    cuts(&goes_on, 107.2).is_refused("L2");
    let slower: Vec<(f64, f64)> =
        (0..8).map(|n| (9.0 + 13.0 * f64::from(n), 12.0 + 13.0 * f64::from(n))).collect();
    cuts(&slower, 107.2).is_accepted();
}

#[test]
fn l4_each_replica_has_applied_what_its_group_had_committed() {
    let keeps_up = |applied: u64, struck: &str, ends_at: f64| {
        let mut tale = Tale::of_machines();
        tale.rebuilds_within(90_000).at(1.0).on(1).fault(1, struck).at(5.0).heal(1);
        tale.world(What::Phase { phase: Phase::Quiet });
        tale.at(ends_at - 1.1).world(What::Committed { group: 1, index: 7 });
        for (machine, applied) in [(0, 7), (1, applied)] {
            let replica = What::Replica { group: 1, applied, state: applied };
            tale.at(ends_at).on_machine(machine, replica);
        }
        tale.end();
        tale
    };
    keeps_up(6, "crash", 80.0).is_refused("L4");
    keeps_up(7, "crash", 80.0).is_accepted();
    keeps_up(6, "crash", 64.0).is_accepted();
    keeps_up(6, "disk-lost", 80.0).is_accepted();
    keeps_up(6, "disk-lost", 100.0).is_refused("L4");
}
