//! E is the error of the clock that decides, at the time that is in question (SPEC.md, "Clocks"). No rule is given up because a
//! clock was wrong once.

use reveille_model::build::Tale;
use reveille_model::history::{Phase, What};

const HOUR_MS: i64 = 3_600_000;

/// Alarm 1, for second 10. Clocks err by up to an hour.
fn set() -> Tale {
    let mut tale = Tale::new();
    tale.clocks_err_by(HOUR_MS.unsigned_abs()).alarm_is_set(10.0);
    tale
}

/// The clock steps, and is off by so much from then on.
fn steps(tale: &mut Tale, fault: u32, seconds: f64, off_ms: i64) {
    tale.at(seconds).fault(fault, "clock-step").heal(fault).clock_off_ms(off_ms);
}

fn runs(mut tale: Tale, seconds: f64) -> Tale {
    tale.at(seconds).turn(2).run(1, 1, 10.0, 0).run_ok(1).commit_end(1);
    tale
}

#[test]
fn l3_does_not_widen_by_what_a_clock_was_wrong_by_before() {
    let stepped = |seconds| {
        let mut tale = set();
        steps(&mut tale, 1, 2.0, -HOUR_MS);
        steps(&mut tale, 2, 3.0, 0);
        runs(tale, seconds)
    };
    stepped(10.3).is_refused("L3");
    stepped(10.1).is_accepted();
}

#[test]
fn l3_counts_from_where_a_clock_that_was_set_back_shows_the_time() {
    let set_back = |at: f64, seconds: f64| {
        let mut tale = set();
        steps(&mut tale, 1, at, -HOUR_MS);
        runs(tale, seconds)
    };
    for at in [9.0, 10.1] {
        set_back(at, 3_610.1).is_accepted();
        set_back(at, 3_610.3).is_refused("L3");
    }
    // The bound had passed.
    set_back(10.3, 3_610.1).is_refused("L3");
}

#[test]
fn l3_counts_from_the_first_step_that_does_not_set_the_clock_back_before_the_time() {
    let forward = |seconds: f64| {
        let mut tale = set();
        for (fault, at) in [(1, 10.1), (2, 10.25)] {
            steps(&mut tale, fault, at, i64::from(fault) * 1_000);
            // Its clock is read, and shows that.
            tale.turn(fault + 1).get_alarm(Some(10.0));
        }
        tale.at(seconds).turn(4).run(1, 1, 10.0, 0);
        tale
    };
    forward(10.29).is_accepted();
    forward(10.4).is_refused("L3");
}

#[test]
fn l1_counts_by_the_latest_of_the_clocks_that_may_decide() {
    let moved = |seconds: f64| {
        let mut tale = Tale::new();
        tale.alarm_is_set(10.0).at(9.0).fault(1, "crash").lost();
        tale.clock_off_ms(-400).at(seconds).on(1).wake(2).turn(2).run(1, 1, 10.0, 0);
        tale
    };
    moved(40.3).is_accepted();
    moved(40.5).is_refused("L1");
}

#[test]
fn f1_an_alarm_that_never_runs_is_judged_whatever_the_clocks_were() {
    let never = |read: bool, ends_at: f64| {
        let mut tale = Tale::new();
        tale.clocks_err_by(5_001).alarm_is_set(10.0);
        steps(&mut tale, 1, 2.0, 5_001);
        steps(&mut tale, 2, 3.0, 0);
        if read {
            tale.on_machine(0, What::Leader { datacenter: 0, term: 1 });
        }
        tale.at(ends_at).rests(&[], Some((1, 10.0, 0))).end();
        tale
    };
    never(true, 10.3).is_refused("F1");
    never(true, 10.1).is_accepted();
    // Nobody has read the clock since it stepped: it may be as wrong as any was.
    never(false, 15.3).is_refused("F1");
    never(false, 15.1).is_accepted();
}

#[test]
fn l4_no_wall_clock_decides_who_leads() {
    let led = |ends_at: f64| {
        let mut tale = set();
        tale.at(1.0).fault(1, "crash").at(5.0).heal(1).world(What::Phase { phase: Phase::Quiet });
        tale.on_machine(0, What::Leader { datacenter: 0, term: 1 });
        tale.at(10.0)
            .lost()
            .wake(2)
            .turn(2)
            .run(1, 1, 10.0, 0)
            .run_ok(1)
            .commit_end(1)
            .at(ends_at)
            .rests(&[], None);
        for datacenter in 1..2 {
            tale.on_machine(datacenter, What::Leader { datacenter, term: 1 });
        }
        tale.end();
        tale
    };
    led(66.0).is_refused("L4");
    led(64.0).is_accepted();
}

/// Between two instants on one machine its own clock decides, whoever holds the object in memory meanwhile.
#[test]
fn l3_the_clock_of_another_machine_does_not_excuse_what_waited_here() {
    let starts_at = |seconds: f64, epoch: u64| {
        let mut tale = Tale::new();
        // Machine 1 is 400 ms behind.
        tale.alarm_is_set(10.0).on(1).clock_off_ms(-400).others_set(1, |_| 500.0).on(0).clock_off_ms(0);
        tale.evicted().under_epoch(epoch).at(seconds).wake(2).turn(2).run(1, 1, 10.0, 0);
        tale
    };
    // Under another epoch machine 1 may have held it.
    starts_at(10.4, 2).is_accepted();
    starts_at(10.1, 1).is_accepted();
    starts_at(10.4, 1).is_refused("L3");
}
