//! A run leaves nothing behind: a campaign of a million runs is one process.

mod common;

use reveille_sim::run::{RunEnd, run};

/// Resident memory of this process, in pages of 4 KiB.
fn resident_pages() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("this test needs Linux");
    statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .expect("the second figure is the resident set")
}

#[test]
fn memory_does_not_grow_from_run_to_run() {
    let mut plan = common::plan(0);
    plan.phases.faults_ms = 5_000;
    plan.phases.quiet_ms = 2_000;
    plan.workload.retain(|request| request.at_ms < 5_000);
    plan.faults.retain(|fault| fault.at_ms < 5_000);
    let mut run_many = |seeds: std::ops::Range<u64>| {
        for seed in seeds {
            plan.seed = seed;
            assert_eq!(run(&plan, common::classes).end, RunEnd::Completed);
        }
    };
    // The allocator keeps what the first runs gave back; from then on nothing may be added.
    run_many(0..50);
    let before = resident_pages();
    run_many(50..350);
    let grown_mib = resident_pages().saturating_sub(before) * 4 / 1024;
    assert!(grown_mib <= 4, "300 runs left {grown_mib} MiB behind");
}
