//! How fast runs are: the reference run, on one core, history, digest, checkers, boot and quiet phase included.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use reveille_sim::counts::Counts;

use crate::plans;
use crate::scenario::{Load, Scenario};

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Runs.
    pub seeds: u64,
    /// Their numbers together.
    pub counts: Counts,
    /// Time on the host's clock.
    pub wall_s: f64,
    /// What is due at least.
    pub load: Load,
}

/// So many runs are measured at least before their load is judged: that of a few runs is as chance has it.
const SEEDS_JUDGED_MIN: u64 = 20;

/// Runs the reference run of a scenario with `seeds` seeds, one after the other, until `stop` becomes true.
///
/// # Panics
///
/// If the scenario has requests of its own ([`crate::plans::Requests::Own`]).
pub fn measure(scenario: &Scenario, seeds: u64, stop: &AtomicBool) -> Measured {
    // The first run pays for what the process does once.
    scenario.run(&plans::reference(&scenario.shape, 0));
    let mut counts = Counts::default();
    let begun = Instant::now();
    let mut done = 0;
    while done < seeds && !stop.load(Ordering::Relaxed) {
        counts.add(&scenario.run(&plans::reference(&scenario.shape, done)).counts);
        done += 1;
    }
    let load = scenario.load.unwrap_or_default();
    Measured { seeds: done, counts, wall_s: begun.elapsed().as_secs_f64(), load }
}

impl Measured {
    /// What the runs did too little of, if anything: then the figures say nothing. Of fewer than 20 runs that is not said.
    pub fn too_light(&self) -> Option<String> {
        if self.seeds < SEEDS_JUDGED_MIN {
            return None;
        }
        let loads = [
            (self.counts.answered, self.load.answered, "answered requests"),
            (self.counts.runs_started, self.load.fired, "alarms fired"),
            (self.effective(), self.load.effective, "faults with an effect"),
        ];
        let light = loads.iter().find(|(total, least, _)| *total < least * self.seeds);
        light.map(|(total, least, what)| {
            format!("the load is too light: {:.1} {what} a run, at least {least} are due", self.a_run(*total))
        })
    }

    fn effective(&self) -> u64 {
        self.counts.faults.values().map(|count| count.effective).sum()
    }

    fn a_run(&self, number: u64) -> f64 {
        number as f64 / self.seeds as f64
    }

    /// As it is printed.
    pub fn text(&self) -> String {
        let Self { seeds, counts, wall_s, load: Load { answered, fired, effective } } = self;
        let judged = if *seeds < SEEDS_JUDGED_MIN {
            format!(
                "whether the load is too light is judged from {SEEDS_JUDGED_MIN} runs on; these are {seeds}\n"
            )
        } else {
            String::new()
        };
        let simulated_s = counts.virtual_ns as f64 / 1e9;
        let round_trips = |percent| counts.commit_round_trips.percentile(percent).unwrap_or(f64::NAN);
        format!(
            "reference run: {:.0} virtual seconds, 3 x 3 machines, 8 groups, 100 objects\n\
             a run: {:.0} requests ({:.0} answered, at least {answered}), {:.0} alarms fired (at least {fired}), \
             {:.1} faults with an effect (at least {effective}), {:.0} events\n\
             commits in round trips to the nearest quorum, while nothing is broken: p50 {:.2}, p99 {:.2} (of {})\n\
             seeds/s {:.2}\n\
             events/s {:.0}\n\
             ns an event {:.0}\n\
             simulated/wall {:.0}\n\
             {judged}",
            simulated_s / *seeds as f64,
            self.a_run(counts.requests),
            self.a_run(counts.answered),
            self.a_run(counts.runs_started),
            self.a_run(self.effective()),
            self.a_run(counts.events),
            round_trips(50),
            round_trips(99),
            counts.commit_round_trips.count(),
            *seeds as f64 / wall_s,
            counts.events as f64 / wall_s,
            wall_s * 1e9 / counts.events as f64,
            simulated_s / wall_s,
        )
    }
}

#[cfg(test)]
mod tests {
    use reveille_sim::counts::FaultCount;

    use super::*;

    const LOAD: Load = Load { answered: 1_400, fired: 1_000, effective: 5 };

    #[test]
    fn a_load_that_is_too_light_is_told() {
        let mut counts =
            Counts { answered: 20 * LOAD.answered, runs_started: 20 * LOAD.fired, ..Counts::default() };
        let fault = FaultCount { injected: 200, effective: 20 * LOAD.effective };
        counts.faults.insert("crash", fault);
        let mut measured = Measured { seeds: 20, counts, wall_s: 1.0, load: LOAD };
        assert_eq!(measured.too_light(), None);
        measured.counts.runs_started -= 10;
        let told = measured.too_light().expect("an alarm is missing");
        assert_eq!(told, "the load is too light: 999.5 alarms fired a run, at least 1000 are due");
    }

    #[test]
    fn the_load_of_a_few_runs_is_not_judged() {
        let few = Measured { seeds: 19, counts: Counts::default(), wall_s: 1.0, load: LOAD };
        assert_eq!(few.too_light(), None);
        assert!(few.text().ends_with("judged from 20 runs on; these are 19\n"), "{}", few.text());
        let enough = Measured { seeds: 20, ..few };
        assert!(enough.too_light().is_some() && !enough.text().contains("judged from"));
    }
}
