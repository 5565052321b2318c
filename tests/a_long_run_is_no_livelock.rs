//! A bound on events is there for runs that get nowhere. A day in which nothing happens is only long.

use reveille::finding;
use reveille_sim::progress::Bounds;
use reveille_sim::run::RunEnd;

use crate::common::{calm, scenario};

const DAY_MS: u64 = 24 * 3_600_000;

#[test]
fn a_day_without_a_request_runs_to_its_end() {
    let short = calm("cron");
    let mut day = short.clone();
    day.phases.quiet_ms = DAY_MS;
    let outcome = scenario("cron").run(&day);
    assert_eq!(outcome.end, RunEnd::Completed);
    assert_eq!(finding::of(&outcome), []);
    let (needed, allowed) = (outcome.counts.events, Bounds::of(&day).events);
    assert!(needed > Bounds::of(&short).events, "{needed} events would do for a short run as well");
    assert!(needed * 10 < allowed, "{needed} events of {allowed}");
}
