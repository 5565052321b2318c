//! A run that gets nowhere is ended, and one that is only long is not.

use std::rc::Rc;

use reveille_sim::plan::{Clock, Cluster, Disk, Network, Plan, RUN_MAX_MS, Request, Tuning};
use reveille_sim::progress::Bounds;
use reveille_sim::run::{RunEnd, run};
use reveille_system::object::api::{
    AlarmInfo, Ctx, DurableObject, Request as Asked, Response, RustClass, Thrown,
};
use reveille_system::object::class::Classes;

use crate::common::{classes, plan};

const DAY_MS: u64 = 24 * 3_600_000;

/// Nothing is asked, nothing breaks.
fn idle(cluster: Cluster, quiet_ms: u64) -> Plan {
    let mut plan = plan(1);
    (plan.workload, plan.faults) = (Vec::new(), Vec::new());
    plan.cluster = cluster;
    let datacenters = usize::from(cluster.datacenters);
    let between_us = vec![vec![20_000; datacenters]; datacenters];
    plan.network = Network { within_us: 200, between_us, jitter_percent: 20, loss_ppm: 0 };
    plan.clocks = vec![Clock::default(); usize::from(cluster.machines())];
    plan.phases.quiet_ms = quiet_ms;
    plan
}

#[test]
fn an_idle_cluster_needs_a_tenth_of_the_events_that_it_is_allowed() {
    let shapes = [(1, 1, 1, 1), (3, 1, 1, 8), (3, 3, 8, 32), (3, 15, 1, 64), (5, 2, 30, 60), (3, 3, 64, 64)];
    for (datacenters, machines_per_datacenter, groups, slices) in shapes {
        let cluster = Cluster { datacenters, machines_per_datacenter, groups, slices };
        let (short, long) = (idle(cluster, 10_000), idle(cluster, 40_000));
        let events = |plan| run(plan, classes).counts.events;
        let needed = events(&long) - events(&short);
        let allowed = Bounds::of(&long).events - Bounds::of(&short).events;
        assert!(needed * 10 <= allowed, "{cluster:?}: {needed} of {allowed} in 30 s");
    }
}

#[test]
fn short_ticks_are_no_livelock() {
    let cluster = Cluster { datacenters: 3, machines_per_datacenter: 3, groups: 8, slices: 32 };
    let with_tick = |tick_ms, quiet_ms| {
        let mut plan = idle(cluster, quiet_ms);
        plan.tuning.tick_ms = tick_ms;
        plan
    };
    let events = |plan| run(plan, classes).counts.events;
    let (short, long) = (with_tick(Tuning::TICK_MIN_MS, 1_000), with_tick(Tuning::TICK_MIN_MS, 11_000));
    let needed = events(&long) - events(&short);
    let allowed = Bounds::of(&long).events - Bounds::of(&short).events;
    assert!(needed * 10 <= allowed, "{needed} of {allowed} in 10 s");
    let usual = events(&with_tick(500, 11_000)) - events(&with_tick(500, 1_000));
    assert!(needed > usual * 2, "more happens: {needed} and {usual}");
}

#[test]
fn a_week_of_nothing_is_no_livelock() {
    let alone = Cluster { datacenters: 1, machines_per_datacenter: 1, groups: 1, slices: 1 };
    let week = idle(alone, RUN_MAX_MS - idle(alone, 0).phases.run_ms());
    let outcome = run(&week, classes);
    assert_eq!(outcome.end, RunEnd::Completed);
    let short = idle(alone, 10_000);
    assert!(outcome.counts.events > Bounds::of(&short).events, "a short run is not allowed so many");
}

/// Does the same thing again and again, as fast as it can.
struct Busy(Ctx);

impl DurableObject for Busy {
    const CLASS: &'static str = "Busy";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self(ctx))
    }

    async fn fetch(self: Rc<Self>, _request: Asked) -> Result<Response, Thrown> {
        self.0.storage().set_alarm(self.0.now_ms()).await?;
        Ok(Response::ok("off it goes"))
    }

    async fn alarm(self: Rc<Self>, _info: AlarmInfo) -> Result<(), Thrown> {
        self.0.storage().set_alarm(self.0.now_ms()).await?;
        Ok(())
    }
}

#[test]
fn what_is_done_again_and_again_is_a_livelock() {
    let three = Cluster { datacenters: 3, machines_per_datacenter: 1, groups: 1, slices: 1 };
    let mut plan = idle(three, 20_000);
    // The way from each step to the next takes a microsecond.
    plan.network.between_us = vec![vec![1; 3]; 3];
    plan.network.jitter_percent = 0;
    plan.disk = Disk { sync_us_min: 0, sync_us_max: 0 };
    plan.workload = vec![Request {
        at_ms: 0,
        machine: 0,
        object: "Busy/0".to_owned(),
        body: String::new(),
        ..Request::default()
    }];
    let outcome = run(&plan, || Classes::default().with(RustClass::<Busy>::default()));
    assert_eq!(outcome.end, RunEnd::Livelock { events: Bounds::of(&plan).events });
}

#[test]
fn ten_thousand_requests_at_one_instant_are_no_standstill() {
    let mut plan = plan(1);
    plan.faults.clear();
    plan.network.jitter_percent = 0;
    plan.network.loss_ppm = 0;
    plan.disk = Disk { sync_us_min: 0, sync_us_max: 0 };
    // A machine keeps four thousand at most.
    let request = |i: u16| Request {
        at_ms: 0,
        machine: i % 3,
        object: format!("Bell/{i}"),
        body: "ring".to_owned(),
        ..Request::default()
    };
    plan.workload = (0..10_000).map(request).collect();
    let outcome = run(&plan, classes);
    assert_eq!(outcome.end, RunEnd::Completed);
    assert_eq!(outcome.counts.answered, 10_000);
}

#[test]
fn the_hosts_clock_is_given_more_for_a_long_run_and_never_less_than_two_minutes() {
    let nine = Cluster { datacenters: 3, machines_per_datacenter: 3, groups: 8, slices: 32 };
    assert_eq!(Bounds::of(&idle(nine, 1_000)).stuck_after_s, 121);
    // A day of nine idle machines takes about a minute.
    assert_eq!(Bounds::of(&idle(nine, DAY_MS)).stuck_after_s, 4_009);
}
