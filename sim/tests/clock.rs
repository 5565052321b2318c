//! A machine's clocks: what they show, and that no wake is early.

use reveille_sim::clock::{Clock, WALL_EPOCH_NS};

const S: u64 = 1_000_000_000;

#[test]
fn an_exact_clock_shows_true_time_since_boot() {
    let mut clock = Clock::new(0, 0);
    clock.boot(3 * S);
    let now = clock.now(5 * S);
    assert_eq!(now.mono_ns, 2 * S);
    assert_eq!(now.wall_ns, WALL_EPOCH_NS + 5_000_000_000);
}

#[test]
fn offset_moves_the_wall_clock_alone_and_drift_moves_both() {
    let mut clock = Clock::new(-1_500, 500);
    clock.boot(0);
    let now = clock.now(1_000 * S);
    assert_eq!(now.mono_ns, 1_000 * S + S / 2);
    assert_eq!(now.wall_ns, WALL_EPOCH_NS + 1_000_500_000_000 - 1_500_000_000);
}

/// F2: a wake may come no earlier than asked for on the machine's own clock, and it comes at the first moment possible.
#[test]
fn f2_a_deadline_becomes_the_first_true_moment_that_is_not_early() {
    let deadlines =
        (0..2_000_u64).map(|i| i * i * 977 + i).chain([1, 999_999, 1_000_000, 1_000_001, 86_400 * S]);
    for mono_ns in deadlines {
        for drift_ppm in [-500, -499, -1, 0, 1, 3, 499, 500] {
            let mut clock = Clock::new(0, drift_ppm);
            clock.boot(7);
            let at_ns = clock.true_ns(mono_ns);
            assert!(clock.now(at_ns).mono_ns >= mono_ns, "early: {mono_ns} at {drift_ppm} ppm");
            assert!(
                at_ns == 7 || clock.now(at_ns - 1).mono_ns < mono_ns,
                "late: {mono_ns} at {drift_ppm} ppm"
            );
        }
    }
}

#[test]
fn the_monotonic_clock_never_runs_backwards() {
    let mut clock = Clock::new(0, -500);
    clock.boot(0);
    let shown: Vec<u64> = (0..3_000_000).step_by(7).map(|at_ns| clock.now(at_ns).mono_ns).collect();
    assert!(shown.is_sorted());
}
