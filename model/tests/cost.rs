//! What a long history costs: "Cost is linear in the history and memory is that of the objects' state" (check/mod.rs). Linux
//! only.
//!
//! Time is that of one thread on a processor, and compared within one run alone: four times the history may take twice four
//! times as long, in the best of several repetitions. What is quadratic takes sixteen times as long.

#![cfg(target_os = "linux")]

use std::sync::{Mutex, PoisonError};

use reveille_model::build::{Tale, told};
use reveille_model::history::{Event, ListOptions, What};
use reveille_model::{Checker, Profile};

/// How often each is measured.
const REPETITIONS: u32 = 3;

/// What takes less time than this counts as this long, in nanoseconds: the kernel counts in ticks of some milliseconds.
const MEASURABLE_NS: u64 = 10_000_000;

/// Memory is that of the whole process: what is measured here is measured alone.
static ALONE: Mutex<()> = Mutex::new(());

/// Nanoseconds that this thread has had on a processor, as Linux tells it.
fn processor_ns() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").expect("this is Linux");
    told.split_whitespace().next().and_then(|ns| ns.parse().ok()).expect("it is a number")
}

/// Four times the history takes about four times the time.
#[track_caller]
fn is_linear(tell: impl Fn(u32) -> Tale, little: u32) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let takes_ns = |length: u32| {
        let tale = tell(length);
        let measure = |_| {
            let begun_ns = processor_ns();
            tale.verdict();
            processor_ns() - begun_ns
        };
        (0..REPETITIONS).map(measure).min().unwrap_or_default().max(MEASURABLE_NS)
    };
    let (little_ns, much_ns) = (takes_ns(little), takes_ns(4 * little));
    assert!(much_ns <= 8 * little_ns, "{little_ns} ns, and {much_ns} ns for four times as much");
}

/// An alarm that sets the next one, again and again, and nothing is ever answered.
#[test]
fn cost_is_linear_in_the_runs_where_commits_are_not_told() {
    let chain = |runs: u32| {
        let mut tale = Tale::without_commits();
        tale.set_alarm(1, 1.0);
        for run in 1..runs {
            let (id, at) = (u64::from(run), f64::from(run));
            tale.at(at).turn(run + 1).run(id, id, at, 0).set_alarm(id + 1, at + 1.0).run_ok(id);
        }
        tale
    };
    is_linear(chain, 2_000);
}

/// Each of so many instances leaves one key of which nobody ever hears again.
#[test]
fn cost_is_linear_in_the_losses_where_commits_are_not_told() {
    let losses = |instances: u32| {
        let mut tale = Tale::without_commits();
        for instance in 2..instances {
            tale.put("last", "v").respond().turn(2).put(&format!("u{instance}"), "v").lost();
            tale.at(f64::from(instance)).start(instance.into());
        }
        tale
    };
    is_linear(losses, 500);
}

/// A turn that takes out one entry after the other, from either end, behind one that stays.
#[test]
fn cost_is_linear_in_the_entries_that_a_turn_takes_out() {
    let key = |entry: u32| format!("{entry:08}");
    let full = |entries: u32| {
        told(|tale| {
            tale.put("0", "v");
            (0..entries).for_each(|entry| _ = tale.put(&key(entry), "v"));
            tale.commit().turn(2);
        })
    };
    let first = |entries: u32| {
        let mut tale = full(entries);
        for entry in 0..entries {
            let two = ListOptions { limit: Some(2), ..ListOptions::default() };
            tale.list(two, &[("0", "v"), (&key(entry), "v")]).delete(&key(entry), true);
        }
        tale
    };
    let last = |entries: u32| {
        let mut tale = full(entries);
        for entry in (0..entries).rev() {
            let one = ListOptions { reverse: true, limit: Some(1), ..ListOptions::default() };
            tale.list(one, &[(&key(entry), "v")]).delete(&key(entry), true);
        }
        tale
    };
    is_linear(first, 2_000);
    is_linear(last, 2_000);
}

/// Every other turn of a broken system never becomes durable.
#[test]
fn cost_is_linear_in_the_turns_that_are_skipped() {
    let skipped = |turns: u32| {
        told(|tale| {
            for turn in 0..turns {
                let key = format!("{turn}");
                tale.turn(2 * turn + 2).put(&key, "v").turn(2 * turn + 3).put(&key, "w").commit();
            }
        })
    };
    is_linear(skipped, 1_000);
}

/// KiB of this process that are in memory, as Linux tells it.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    resident.and_then(|kib| kib.trim().split(' ').next()?.parse().ok()).expect("it is a number")
}

/// An object that has kept a thousand values of 100 kB, one after the other, and has deleted each, holds nothing.
#[test]
fn memory_is_not_that_of_deleted_values() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut tale = Tale::new();
    let mut checker = Checker::new(&tale.header(), Profile::Strict);
    let mut index = 0;
    let mut observe = |events: &[Event]| {
        for event in events {
            checker.observe(index, event);
            index += 1;
        }
    };
    let before_kib = resident_kib();
    observe(tale.events());
    for number in 0..1_000_u32 {
        let (key, value) = (format!("key {number}"), "v".repeat(100_000));
        let told = tale.events().len();
        tale.turn(2 * number + 2).put(&key, &value).commit();
        tale.turn(2 * number + 3).delete(&key, true).commit();
        observe(&tale.events()[told..]);
        // The tale is told anew from here, so that it does not keep the values itself.
        let mut rest = Tale::of_machines();
        rest.turn(1);
        std::mem::swap(&mut tale, &mut rest);
    }
    let grown_kib = resident_kib().saturating_sub(before_kib);
    assert!(checker.finish().is_clean());
    assert!(grown_kib < 40_000, "{grown_kib} KiB are held for an object without any key");
}

/// A machine crashes and is back, so many times, while one holds 64 slices.
#[test]
fn cost_is_linear_in_the_faults_where_slices_are_held() {
    let crashing = |faults: u32| {
        told(|tale| {
            for slice in 0..64 {
                tale.on_machine(2, What::Holder { slice, epoch: 1, group: None });
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

/// A thousand alarms are late in calm; later the same machine has a crowd, in which nothing is late.
#[test]
fn cost_is_linear_in_a_crowd_that_comes_after_what_was_late() {
    let crowd = |alarms: u32| {
        told(|tale| {
            let late = |other: u32| 10.0 + f64::from(other) * 0.05;
            tale.others_set(1_000, late).others_run(1_000, late, 70.0, 0.05);
            let due = |other: u32| 200.0 + f64::from(other) * 0.004;
            tale.others_set(alarms, due).others_run(alarms, due, 200.0, 0.004);
        })
    };
    is_linear(crowd, 1_000);
}
