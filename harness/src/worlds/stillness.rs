//! How much time there is in which something is broken and nothing changes: only there a bound that counts from the last
//! change (L2) can be broken while a fault goes on.

use std::collections::BTreeSet;

use reveille_sim::kinds::Strikes;
use reveille_sim::plan::Plan;

use super::span::Span;

/// From so long after the last change on the bound of L2 has run out.
pub const STILL_AFTER_MS: u64 = 60_000;

/// Time of fault phases, in milliseconds. Without the times in which every machine is down: nothing is to be seen then,
/// however long they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stillness {
    /// While something was broken, more than [`STILL_AFTER_MS`] after the last change.
    pub still_ms: u64,
    /// All of it.
    pub all_ms: u64,
}

impl Stillness {
    /// That of a plan.
    pub fn of(plan: &Plan) -> Self {
        let phase = Span::new(0, plan.phases.faults_ms);
        let breaks =
            |strikes| !matches!(strikes, Strikes::Clock | Strikes::OutsideService | Strikes::Connection);
        let broken = plan.faults.iter().filter(|fault| breaks(fault.kind.row().strikes));
        let broken: Vec<Span> = broken.filter_map(|fault| Span::of(fault).common(phase)).collect();
        let mut changes: BTreeSet<u64> = broken.iter().flat_map(|span| [span.from_ms, span.to_ms]).collect();
        changes.insert(phase.to_ms);
        let nights = super::cuts::nights(plan);
        let is_awake = |span: Span| !nights.iter().any(|night| night.common(span).is_some());
        let (mut stillness, mut from_ms) = (Self::default(), 0);
        for to_ms in changes {
            let between = Span::new(from_ms, to_ms);
            from_ms = to_ms;
            if !is_awake(between) {
                continue;
            }
            stillness.all_ms += between.lasts_ms();
            if broken.iter().any(|span| span.common(between).is_some()) {
                stillness.still_ms += between.lasts_ms().saturating_sub(STILL_AFTER_MS);
            }
        }
        stillness
    }

    /// Adds that of others.
    pub fn merge(&mut self, other: &Self) {
        self.still_ms += other.still_ms;
        self.all_ms += other.all_ms;
    }
}
