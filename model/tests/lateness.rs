//! Time bounds: one failure (L1), several (L2), none (L3), and long after the last (L4). Clocks are right.

use reveille_model::build::Tale;
use reveille_model::history::{
    AwaitKind, Cause, Delivery, Headers, How, OpResult, Phase, ResetCause, Scope, StorageCall, What,
};

/// Alarm 1, for second 10.
fn set() -> Tale {
    let mut tale = Tale::new();
    tale.alarm_is_set(10.0);
    tale
}

/// It runs so many seconds into the run, in this turn of the instance that set it.
fn runs(mut tale: Tale, seconds: f64) -> Tale {
    tale.at(seconds).turn(2).run(1, 1, 10.0, 0).run_ok(1).commit_end(1);
    tale
}

#[test]
fn l3_a_run_in_calm_starts_within_a_moment() {
    runs(set(), 10.21).is_refused("L3");
    runs(set(), 10.19).is_accepted();
}

#[test]
fn l3_counts_from_the_end_of_a_run_that_an_earlier_instance_was_in() {
    let reset = |woken_at| {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).set_alarm(2, 2.0).commit();
        tale.at(5.0).turn(3).run_fails_by(1, How::Panic).commit_end(1).reset(ResetCause::Panic);
        tale.at(woken_at).wake(2).turn(2).run(2, 2, 2.0, 0);
        tale
    };
    reset(5.3).is_refused("L3");
    reset(5.1).is_accepted();
}

#[test]
fn l3_an_outage_of_an_outside_service_is_no_failure() {
    let outage = || {
        let mut tale = set();
        let scope = Scope::Service("upstream".into());
        tale.world(What::FaultBegin { fault: 1, kind: "upstream-fails".into(), scope, takes: None });
        tale
    };
    runs(outage(), 15.0).is_refused("L3");
    runs(outage(), 10.1).is_accepted();
}

#[test]
fn l3_promises_nothing_beyond_a_hundred_alarms_a_second() {
    let busy = |alarms: u64| {
        let mut tale = Tale::new();
        for alarm in 1..=alarms {
            let turn = 2 * u32::try_from(alarm).expect("few");
            let at = 20.0 + alarm as f64 / 1_000.0;
            tale.at(at).turn(turn).set_alarm(alarm, at).commit().turn(turn + 1);
            tale.run(alarm, alarm, at, 0).run_ok(alarm).commit_end(alarm);
        }
        tale.turn(900).set_alarm(999, 20.3).commit().at(22.0).turn(901).run(999, 999, 20.3, 0);
        tale
    };
    busy(90).is_refused("L3");
    busy(150).is_accepted();
}

/// Found by an attack on the checkers: five hundred are due in one second, so that nothing is promised, however steadily the
/// machine works through them, and nothing to what comes while it does. Five seconds later all is calm again.
#[test]
fn l3_promises_nothing_where_more_than_a_hundred_alarms_a_second_are_due() {
    let late = |scheduled: f64| {
        let mut tale = Tale::new();
        tale.alarm_is_set(scheduled).others_set(500, |_| 20.0).others_run(500, |_| 20.0, 20.0, 0.0105);
        tale.at(scheduled + 3.0).turn(2).run(1, 1, scheduled, 0);
        tale
    };
    late(23.0).is_accepted();
    late(26.0).is_refused("L3");
    // A crowd that comes after the bound has passed is no excuse.
    let mut later = set();
    later.others_set(500, |_| 20.0).others_run(500, |_| 20.0, 20.0, 0.001);
    runs(later, 30.0).is_refused("L3");
}

/// Found by an attack on the checkers: at second 10 the object had been in memory for nine seconds.
#[test]
fn l3_an_object_that_an_earlier_alarm_woke_is_not_cold() {
    let woken = |ready_at: f64, seconds: f64| {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).lost().at(1.0).begin(2, Cause::Alarm).set_alarm(2, 10.0);
        tale.at(ready_at).does(What::ConstructorEnd { failed: None }).commit();
        tale.at(seconds).turn(2).run(1, 2, 10.0, 0);
        tale
    };
    woken(1.0, 500.0).is_refused("L3");
    woken(1.0, 10.1).is_accepted();
    // Until its constructor has ended it is.
    woken(20.0, 20.0).is_accepted();
}

/// Found by an attack on the checkers: with `allow_concurrency` the gate was open all the time (O3).
#[test]
fn l3_a_read_with_allow_concurrency_does_not_close_the_gate() {
    let read = |allow_concurrency: bool| {
        let mut tale = set();
        let call = StorageCall::Get { key: "k".into() };
        tale.at(9.0).turn(2).does(What::Op { op: 99, call, allow_concurrency });
        tale.at(49.9).turn(3).result(99, OpResult::Value(None)).at(50.0).turn(4).run(1, 1, 10.0, 0);
        tale
    };
    read(true).is_refused("L3");
    read(false).is_accepted();
}

/// O3: `sync` leaves the gate open. Whoever holds the alarm back for it is late.
#[test]
fn l3_a_sync_does_not_close_the_gate() {
    let syncs = || {
        let mut tale = set();
        let op = tale.at(9.0).turn(2).call(StorageCall::Sync);
        (tale, op)
    };
    let runs = |mut tale: Tale, seconds: f64| {
        tale.at(seconds).turn(4).run(1, 1, 10.0, 0).run_ok(1).commit_end(1);
        tale
    };
    runs(syncs().0, 10.0).is_accepted();
    let held_back = |returns_at: f64| {
        let (mut tale, op) = syncs();
        tale.at(returns_at).turn(3).result(op, OpResult::Done);
        runs(tale, returns_at)
    };
    held_back(10.1).is_accepted();
    held_back(50.0).is_refused("L3");
}

/// R5, found by the scenario scripted: alarm 2 was set by the constructor that failed, and waited for it and for nothing else.
#[test]
fn l3_an_alarm_is_not_late_while_a_constructor_runs_that_fails() {
    let set_anew = |fails_at: f64, seconds: f64| {
        let mut tale = set();
        tale.evicted().at(10.0).begin(2, Cause::Alarm).set_alarm(2, 12.0).commit();
        tale.at(fails_at).constructor_fails().under_epoch(2).at(seconds).wake(3);
        tale.turn(2).run(1, 2, 12.0, 0);
        tale
    };
    // Its limit is 30 s, and a machine may need a moment to see that it is over.
    set_anew(40.4, 40.4).is_accepted();
    set_anew(40.4, 42.0).is_refused("L3");
    set_anew(45.0, 45.0).is_refused("L3");
}

/// Found by an attack on the checkers: this history tells of gates, and none was closed when the answer came.
#[test]
fn l3_an_answer_from_outside_does_not_open_a_gate_that_was_open() {
    let answered = |opens_at: f64| {
        let mut tale = set();
        tale.at(5.0).turn(2).does(What::Gate { closed: true });
        if opens_at < 9.0 {
            tale.at(opens_at).turn(3).does(What::Gate { closed: false });
        }
        tale.at(9.0).turn(4).does(What::Await { op: 77, kind: AwaitKind::Outside });
        tale.at(49.9)
            .deliver(5, Delivery::Result { op: 77 })
            .result(77, OpResult::Answer { status: 200, headers: Headers::default(), body: None });
        if opens_at > 9.0 {
            tale.at(opens_at).does(What::Gate { closed: false });
        }
        tale.at(50.0).turn(6).run(1, 1, 10.0, 0);
        tale
    };
    answered(6.0).is_refused("L3");
    answered(49.9).is_accepted();
}

/// Links are cut at that time, and stay so.
fn links_are_cut(tale: &mut Tale, seconds: f64) {
    let scope = Scope::Links { from: vec![1], to: vec![2] };
    tale.at(seconds).world(What::FaultBegin { fault: 1, kind: "cut".into(), scope, takes: None });
}

/// Found by an attack on the checkers: from second 10 to second 1,000 nothing had failed.
#[test]
fn l3_a_fault_after_the_bound_has_passed_is_no_excuse() {
    let cut_at = |seconds: f64| {
        let mut tale = set();
        links_are_cut(&mut tale, seconds);
        runs(tale, seconds + 40.0)
    };
    cut_at(1_000.0).is_refused("L3");
    cut_at(10.1).is_accepted();
    let mut stepped = set();
    stepped.at(1_000.0).fault(1, "clock-step");
    runs(stepped, 1_000.1).is_refused("L3");
}

/// The same for an alarm that never ran.
#[test]
fn f1_a_fault_after_the_bound_has_passed_is_no_excuse() {
    let cut_at = |seconds: f64| {
        let mut tale = set();
        links_are_cut(&mut tale, seconds);
        tale.at(seconds + 50.0).rests(&[], Some((1, 10.0, 0))).end();
        tale
    };
    cut_at(1_000.0).is_refused("F1");
    cut_at(10.1).is_accepted();
}

/// Faults that come one after the other, each before the bound that the one before it leaves, move it on.
#[test]
fn l2_a_bound_moves_on_with_every_change_before_it() {
    let failing = |last: f64| {
        let mut tale = set();
        links_are_cut(&mut tale, 10.1);
        for (fault, at) in [(2, 60.0), (3, 110.0), (4, last)] {
            tale.at(at).on(2).fault(fault, "crash").heal(fault).on(0);
        }
        runs(tale, 225.0)
    };
    failing(165.0).is_accepted();
    failing(180.0).is_refused("L2");
}

/// Found by an attack on the checkers: a run that its machine's crash cut short starts again by second 31.5, whether or not the
/// loss of the instance is told.
#[test]
fn l1_a_run_that_a_crash_cut_short_starts_again_within_the_bound() {
    let crashed = |is_told: bool, seconds: f64| {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).at(1.5).fault(1, "crash");
        if is_told {
            tale.lost();
        }
        tale.at(5.0).heal(1).at(seconds).on(1).wake(2).turn(2).run(2, 1, 1.0, 0);
        tale
    };
    for is_told in [true, false] {
        crashed(is_told, 500.0).is_refused("L1");
        crashed(is_told, 31.4).is_accepted();
    }
}

#[test]
fn l3_counts_from_the_step_of_a_clock() {
    let stepped = |kind| {
        let mut tale = set();
        tale.at(10.15).fault(1, kind);
        tale
    };
    runs(stepped("clock-offset"), 10.3).is_refused("L3");
    runs(stepped("clock-step"), 10.3).is_accepted();
    runs(stepped("clock-step"), 10.4).is_refused("L3");
}

#[test]
fn l1_one_failure_delays_a_run_by_thirty_seconds_at_most() {
    let crashed = |woken_at| {
        let mut tale = set();
        tale.at(9.0).fault(1, "crash").lost().at(woken_at).on(1).wake(2).turn(2).run(1, 1, 10.0, 0);
        tale
    };
    let violation = crashed(40.6).is_refused("L1");
    assert_eq!(
        violation.sentences,
        "alarm(), set at 0.000 s for 10.000 s, could start at 10.015 s and started at 40.600 s on machine 1; it had to \
         start by 40.015 s. One failure was at work, and none in the time before it."
    );
    crashed(39.9).is_accepted();
}

#[test]
fn l1_does_not_bind_with_another_failure_in_the_minute_before() {
    let twice = |first_healed_at| {
        let mut tale = Tale::new();
        tale.at(1.0).on(2).fault(1, "pause").at(first_healed_at).heal(1).on(0).alarm_is_set(100.0);
        tale.at(99.0).fault(2, "crash").lost().at(135.0).on(1).wake(2).turn(2).run(1, 1, 100.0, 0);
        tale
    };
    twice(38.0).is_refused("L1");
    twice(41.0).is_accepted();
}

/// Two machines fail before the alarm is due, and the last change is at second 20.
fn failures() -> Tale {
    let mut tale = set();
    tale.at(9.0).fault(1, "crash").on(1).fault(2, "crash").on(0).lost().at(20.0).heal(1).on(2);
    tale
}

fn woken_late(mut tale: Tale, seconds: f64) -> Tale {
    tale.at(seconds).wake(2).turn(2).run(1, 1, 10.0, 0);
    tale
}

#[test]
fn l2_several_failures_delay_a_run_until_a_minute_after_the_last_change() {
    woken_late(failures(), 80.6).is_refused("L2");
    woken_late(failures(), 79.9).is_accepted();
}

#[test]
fn l2_counts_from_the_moment_at_which_every_group_has_a_majority() {
    let apart = |connected_at| {
        let mut tale = failures();
        tale.world(What::Majority { group: 3, connected: false });
        tale.at(connected_at).world(What::Majority { group: 3, connected: true });
        tale
    };
    woken_late(apart(22.0), 85.0).is_refused("L2");
    woken_late(apart(30.0), 85.0).is_accepted();
}

/// One fault is over at second 5, and the quiet phase begins then.
fn quiet() -> Tale {
    let mut tale = Tale::new();
    tale.at(1.0).fault(1, "crash").at(5.0).heal(1).world(What::Phase { phase: Phase::Quiet });
    tale
}

#[test]
fn l4_a_minute_after_the_last_fault_no_run_is_late() {
    let runs_late = |scheduled: f64| {
        let mut tale = quiet();
        tale.alarm_is_set(scheduled).at(scheduled + 2.0).turn(2).run(1, 1, scheduled, 0);
        tale
    };
    runs_late(65.1).is_refused("L4");
    runs_late(64.0).is_accepted();
}

/// Machines 0 to 2, one in each datacenter, lead their datacenters.
fn led(tale: &mut Tale, datacenters: std::ops::Range<u16>) {
    for datacenter in datacenters {
        tale.on_machine(datacenter, What::Leader { datacenter, term: 1 });
    }
}

#[test]
fn l4_each_datacenter_has_a_leader_in_the_end() {
    let leads = |datacenters| {
        let mut tale = quiet();
        led(&mut tale, datacenters);
        tale
    };
    leads(0..2).at(66.0).end().is_refused("L4");
    leads(0..2).at(65.0).end().is_accepted();
    leads(0..3).at(66.0).end().is_accepted();
    leads(0..0).at(66.0).end().is_accepted();
}

/// Found by the scenario scripted: until its loss, or its limit, a constructor keeps the gate closed (O4).
#[test]
fn l1_counts_from_the_end_of_an_instance_that_was_lost_in_its_constructor() {
    let lost = |is_told: bool, woken_at| {
        let mut tale = set();
        tale.evicted().at(9.5).begin(2, Cause::Request).at(30.0).fault(1, "crash");
        if is_told {
            tale.lost();
        }
        tale.at(woken_at).on(1).wake(3).turn(2).run(1, 1, 10.0, 0);
        tale
    };
    for is_told in [true, false] {
        lost(is_told, 59.9).is_accepted();
        lost(is_told, 60.6).is_refused("L1");
    }
    let mut endless = set();
    endless.evicted().at(9.5).begin(2, Cause::Request).at(50.0).fault(1, "crash").lost();
    endless.on(1).wake(3).turn(2).run(1, 1, 10.0, 0).is_refused("L3");
}

#[test]
fn l4_a_leader_that_stopped_leads_no_more() {
    let stopped = |kind| {
        let mut tale = Tale::new();
        led(&mut tale, 0..3);
        tale.at(1.0).on(1).fault(1, kind).at(2.0).heal(1).on(0);
        tale
    };
    stopped("crash").at(99.0).end().is_refused("L4");
    stopped("pause").at(99.0).end().is_accepted();
    let mut again = stopped("crash");
    again.on_machine(1, What::Leader { datacenter: 1, term: 2 }).at(99.0).end().is_accepted();
    // What counts is the term: who wakes up and says that it led in an earlier one is not the last leader.
    let mut late = stopped("crash");
    late.on_machine(1, What::Leader { datacenter: 1, term: 0 }).at(99.0).end().is_refused("L4");
}

#[test]
fn f1_an_alarm_that_never_starts_is_judged_by_the_bounds_of_l() {
    let never = |ends_at| {
        let mut tale = set();
        tale.at(9.0).fault(1, "crash").heal(1).at(ends_at).rests(&[], Some((1, 10.0, 0))).end();
        tale
    };
    never(40.1).is_refused("F1");
    never(39.9).is_accepted();
}

#[test]
fn lateness_and_moves_are_counted() {
    let mut tale = Tale::new();
    tale.alarm_is_set(10.0).at(10.1).turn(2).run(1, 1, 10.0, 0).fault(1, "crash").lost();
    tale.at(12.1).on(1).wake(2).turn(2).run(2, 1, 10.0, 0).run_ok(2).commit_end(2);
    tale.set_alarm(2, 13.0).commit().at(13.0).turn(3).run(3, 2, 13.0, 0);
    let lateness = tale.verdict().lateness;
    assert_eq!((lateness.samples(), lateness.worst()), (3, Some(2_000_000_000)));
    assert_eq!((lateness.moved.machine, lateness.moved.datacenter), (1, 1));
}
