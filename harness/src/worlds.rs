//! What kinds of worlds a campaign has run in: which shapes of trouble its plans had and what came of them, for how long a
//! run went on while something was broken and nothing changed, and which of the rarer rules had occasion to be broken. All
//! of it is read from plans and histories, so it holds for plans from anywhere and knows nothing of the generator.

mod cuts;
mod occasions;
mod shapes;
mod signs;
mod span;
mod stillness;

use reveille_sim::plan::Plan;
use reveille_sim::run::Outcome;

pub use self::occasions::OCCASIONS;
pub use self::shapes::{SHAPES, Shape};
use self::signs::Signs;
pub use self::span::Span;
pub use self::stillness::{STILL_AFTER_MS, Stillness};

/// So long after it is over something may still be delayed by it: leases run out, others take over, queues are worked off.
const AFTERMATH_MS: u64 = 20_000;

/// What some runs had of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worlds {
    /// Runs.
    pub seeds: u64,
    /// By [`SHAPES`].
    pub shapes: Vec<Seen>,
    /// How much of the fault phases nothing changed in while something was broken.
    pub stillness: Stillness,
    /// By [`OCCASIONS`]: in how many runs the rule had occasion to be broken.
    pub occasions: Vec<u64>,
}

/// How often a shape was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Runs whose plans have it.
    pub had: u64,
    /// Of those, how many have it at a time that the plan tells.
    pub at_a_time: u64,
    /// Of those, how many it took effect in: within its time or `AFTERMATH_MS` after it a slice moved, an instance was lost
    /// with its machine or moved, or a request or a run was delayed or failed.
    pub took_effect: u64,
}

/// Of no runs.
impl Default for Worlds {
    fn default() -> Self {
        Self {
            seeds: 0,
            shapes: vec![Seen::default(); SHAPES.len()],
            stillness: Stillness::default(),
            occasions: vec![0; OCCASIONS.len()],
        }
    }
}

impl Worlds {
    /// Those of one run.
    pub fn of(plan: &Plan, outcome: &Outcome) -> Self {
        let signs = Signs::of(plan, &outcome.history);
        let mut worlds = Self { seeds: 1, stillness: Stillness::of(plan), ..Self::default() };
        for (seen, shape) in worlds.shapes.iter_mut().zip(SHAPES) {
            if let Some(spans) = (shape.find)(plan) {
                let felt = spans.iter().any(|span| signs.any_in(span.longer(AFTERMATH_MS)));
                let at_a_time = u64::from(!spans.is_empty());
                *seen = Seen { had: 1, at_a_time, took_effect: u64::from(felt) };
            }
        }
        for (count, occasion) in worlds.occasions.iter_mut().zip(OCCASIONS) {
            *count = u64::from((occasion.arose)(outcome));
        }
        worlds
    }

    /// Adds those of other runs.
    pub fn merge(&mut self, other: &Self) {
        self.seeds += other.seeds;
        for (seen, more) in self.shapes.iter_mut().zip(&other.shapes) {
            seen.had += more.had;
            seen.at_a_time += more.at_a_time;
            seen.took_effect += more.took_effect;
        }
        self.stillness.merge(&other.stillness);
        for (count, more) in self.occasions.iter_mut().zip(&other.occasions) {
            *count += more;
        }
    }
}
