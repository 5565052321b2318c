//! What a seed draws with: proptest's ChaCha generator, asked for one value after the other. Distributions are proptest's
//! strategies, those of the table of kinds among them; what depends on what was drawn before is plain code.

use std::ops::Range;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Draws for one plan.
pub(super) struct Dice(TestRunner);

/// The generator of a seed for what has this name. Scenarios do not share plans.
fn runner(name: &str, seed: u64) -> TestRunner {
    // The seed and the name side by side.
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    for (byte, letter) in bytes[8..].iter_mut().zip(name.bytes()) {
        *byte = letter;
    }
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

impl Dice {
    /// Those of a seed of a scenario.
    pub(super) fn new(name: &str, seed: u64) -> Self {
        Self(runner(name, seed))
    }

    /// A value of a strategy.
    pub(super) fn draw<S: Strategy>(&mut self, strategy: S) -> S::Value {
        strategy.new_tree(&mut self.0).expect("the strategies filter nothing out").current()
    }

    /// Whether something happens that does so in so many of a hundred cases.
    pub(super) fn percent(&mut self, share: u32) -> bool {
        self.draw(0..100_u32) < share
    }

    /// A number of a range on a logarithmic scale: each power of two in it is as likely as another.
    pub(super) fn log(&mut self, range: Range<u64>) -> u64 {
        let octave = self.draw(range.start.max(1).ilog2()..=(range.end - 1).ilog2());
        let (from, to) = (1_u64 << octave, 2_u64 << octave);
        self.draw(from.max(range.start)..to.min(range.end))
    }

    /// One of these.
    pub(super) fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        let which = self.draw(0..all.len());
        all[which].clone()
    }

    /// These in any order.
    pub(super) fn shuffled<T: Clone>(&mut self, all: impl IntoIterator<Item = T>) -> Vec<T> {
        let mut all: Vec<T> = all.into_iter().collect();
        for last in (1..all.len()).rev() {
            let other = self.draw(0..=last);
            all.swap(last, other);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_scale_stays_in_its_range_and_reaches_its_ends() {
        let mut dice = Dice::new("test", 1);
        let drawn: Vec<u64> = (0..4_000).map(|_| dice.log(5..200_000)).collect();
        assert!(drawn.iter().all(|ms| (5..200_000).contains(ms)));
        let share = |range: Range<u64>| drawn.iter().filter(|ms| range.contains(ms)).count();
        // Six powers of two of sixteen, and two.
        assert!((1_200..1_800).contains(&share(5..256)), "{}", share(5..256));
        assert!((300..700).contains(&share(65_536..200_000)), "{}", share(65_536..200_000));
    }

    #[test]
    fn an_order_has_everything_once() {
        let mut order = Dice::new("test", 1).shuffled(0..9);
        assert_ne!(order, (0..9).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..9).collect::<Vec<_>>());
    }
}
