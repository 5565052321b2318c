//! What a long history costs: time that is linear in it, and memory that is that of the objects' state (`check/mod.rs`).

mod common;

use common::{Tale, told};
use reveille_model::history::What;

/// Nanoseconds that this thread has had on a processor, as Linux tells it.
fn processor_ns() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").expect("this is Linux");
    told.split_whitespace().next().and_then(|ns| ns.parse().ok()).expect("it is a number")
}

/// Four times the history takes about four times the time.
#[track_caller]
fn is_linear(tell: impl Fn(u32) -> Tale, little: u32) {
    let takes_ms = |length: u32| {
        let tale = tell(length);
        let begun_ns = processor_ns();
        tale.verdict();
        (processor_ns() - begun_ns) / 1_000_000
    };
    let (little_ms, much_ms) = (takes_ms(little), takes_ms(4 * little));
    assert!(much_ms <= 8 * little_ms.max(4), "{little_ms} ms, and {much_ms} ms for four times as much");
}

/// A machine crashes and is back, so many times, while one holds 64 slices.
#[test]
fn cost_is_linear_in_the_faults_where_slices_are_held() {
    let crashing = |faults: u32| {
        told(|tale| {
            for slice in 0..64 {
                tale.on_machine(2, What::Holder { slice, epoch: 1 });
            }
            for fault in 0..faults {
                let at = 200.0 * f64::from(fault + 1);
                tale.at(at).on(2).fault(fault, "crash").at(at + 1.0).heal(fault);
            }
        })
    };
    is_linear(crashing, 500);
}

/// As many faults, long over, as runs.
#[test]
fn cost_is_linear_in_the_faults_and_runs() {
    let crashing = |faults: u32| {
        told(|tale| {
            for fault in 0..faults {
                let (at, turn, id) = (200.0 * f64::from(fault + 1), 2 * fault + 2, u64::from(fault));
                tale.at(at).on(2).fault(fault, "crash").at(at + 1.0).heal(fault).on(0);
                tale.at(at + 100.0).turn(turn).set_alarm(id, at + 100.0).commit();
                tale.turn(turn + 1).run(id, id, at + 100.0, 0).run_ok(id).commit_end(id);
            }
        })
    };
    is_linear(crashing, 4_000);
}

/// Runs that are all late, each among more faults than are remembered.
#[test]
fn cost_is_linear_in_the_runs_that_are_late_among_faults() {
    let late = |runs: u32| {
        told(|tale| {
            tale.others_set(runs, |_| 10.0);
            for fault in 0..runs {
                tale.at(10.0 + f64::from(fault)).on(2).fault(fault, "crash").heal(fault).on(0);
            }
            tale.others_run(runs, |_| 10.0, 10.0 + f64::from(runs), 0.001);
        })
    };
    is_linear(late, 2_000);
}
