//! How fast runs are: the reference run, on one core, history, digest, checkers, boot and quiet phase included.

use std::time::Instant;

use reveille_sim::counts::Counts;

use crate::plans;
use crate::scenarios::batcher;

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Runs.
    pub seeds: u64,
    /// Their numbers together.
    pub counts: Counts,
    /// Time on the host's clock.
    pub wall_s: f64,
}

/// Runs the reference run with `seeds` seeds, one after the other.
pub fn measure(seeds: u64) -> Measured {
    let scenario = &batcher::SCENARIO;
    // The first run pays for what the process does once.
    scenario.run(&plans::reference(scenario, 0));
    let mut counts = Counts::default();
    let begun = Instant::now();
    for seed in 0..seeds {
        counts.add(&scenario.run(&plans::reference(scenario, seed)).counts);
    }
    Measured { seeds, counts, wall_s: begun.elapsed().as_secs_f64() }
}

impl Measured {
    /// As it is printed.
    pub fn text(&self) -> String {
        let Self { seeds, counts, wall_s } = self;
        let per_run = |number: u64| number as f64 / *seeds as f64;
        let effective: u64 = counts.faults.values().map(|count| count.effective).sum();
        let simulated_s = counts.virtual_ns as f64 / 1e9;
        format!(
            "reference run: {:.0} virtual seconds, 3 x 3 machines, 8 groups, 100 objects\n\
             a run: {:.0} requests ({:.0} answered), {:.0} alarms fired, {:.1} faults with an effect, {:.0} events\n\
             seeds/s {:.2}\n\
             events/s {:.0}\n\
             ns an event {:.0}\n\
             simulated/wall {:.0}\n",
            simulated_s / *seeds as f64,
            per_run(counts.requests),
            per_run(counts.answered),
            per_run(counts.runs_started),
            per_run(effective),
            per_run(counts.events),
            *seeds as f64 / wall_s,
            counts.events as f64 / wall_s,
            wall_s * 1e9 / counts.events as f64,
            simulated_s / wall_s,
        )
    }
}
