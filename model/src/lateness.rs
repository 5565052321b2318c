//! How late runs of `alarm()` started, and how many started elsewhere, over one history or many: small, and cheap to
//! put together. It knows no rule and no bound.

use std::collections::BTreeMap;

use serde::Serialize;

/// A sample is kept to this many leading bits: a quantile is too large by at most one part in 32.
const PRECISION_BITS: u32 = 5;

/// How late runs of `alarm()` started (SPEC.md, "Words"): a histogram of nanoseconds whose worst value is exact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lateness {
    /// How many samples are at most this large, and larger than the bucket before.
    buckets: BTreeMap<u64, u64>,
    samples: u64,
    worst_ns: Option<u64>,
    /// How many of the runs started elsewhere.
    pub moved: Moved,
}

/// How many runs started elsewhere than where their alarm was last tried, or set if it was never tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// On another machine.
    pub machine: u64,
    /// Of those, in another datacenter.
    pub datacenter: u64,
}

impl Lateness {
    /// Adds one run that started so late, in nanoseconds.
    pub fn add(&mut self, late_ns: u64) {
        *self.buckets.entry(bucket_end(late_ns)).or_default() += 1;
        self.samples += 1;
        self.worst_ns = self.worst_ns.max(Some(late_ns));
    }

    /// Adds what was seen in another history.
    pub fn merge(&mut self, other: &Lateness) {
        for (end, samples) in &other.buckets {
            *self.buckets.entry(*end).or_default() += samples;
        }
        self.samples += other.samples;
        self.worst_ns = self.worst_ns.max(other.worst_ns);
        self.moved.machine += other.moved.machine;
        self.moved.datacenter += other.moved.datacenter;
    }

    /// How many runs there were.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The largest lateness in nanoseconds, exactly; none if no run started.
    pub fn worst(&self) -> Option<u64> {
        self.worst_ns
    }

    /// The lateness in nanoseconds that the share `quantile` of all runs (0.5 for the median) did not exceed. It is too
    /// large by at most one part in 32 and never above the worst; none if no run started.
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        let worst_ns = self.worst_ns?;
        let rank = (quantile.clamp(0.0, 1.0) * self.samples as f64).ceil() as u64;
        let mut seen = 0;
        let reached = self.buckets.iter().find(|(_, samples)| {
            seen += **samples;
            seen >= rank
        });
        Some(reached.map_or(worst_ns, |(end, _)| worst_ns.min(*end)))
    }
}

/// The largest number that has the same leading bits.
fn bucket_end(value: u64) -> u64 {
    let bits = u64::BITS - value.leading_zeros();
    value | ((1 << bits.saturating_sub(PRECISION_BITS + 1)) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: impl IntoIterator<Item = u64>) -> Lateness {
        let mut lateness = Lateness::default();
        samples.into_iter().for_each(|late_ns| lateness.add(late_ns));
        lateness
    }

    #[test]
    fn quantiles_are_close_and_the_worst_is_exact() {
        let lateness = of((1..=1_000).map(|n| n * 1_000_003));
        for (quantile, exact) in [(0.5, 500), (0.99, 990), (0.0, 1)] {
            let (exact, told) = (exact * 1_000_003, lateness.quantile(quantile).expect("there are samples"));
            assert!((exact..=exact + exact / 32).contains(&told), "{quantile}: {told} for {exact}");
        }
        assert_eq!(lateness.quantile(1.0), Some(1_000_003_000));
        assert_eq!(lateness.worst(), Some(1_000_003_000));
        assert_eq!(of([]).quantile(0.5), None);
        assert_eq!(of([u64::MAX, 0]).quantile(0.5), Some(0));
    }

    #[test]
    fn merged_is_as_if_seen_at_once() {
        let mut merged = of([5, 7_000]);
        merged.merge(&of([6, 90_000]));
        assert_eq!(merged, of([90_000, 5, 7_000, 6]));
    }
}
