//! How a plan tunes machines: what they do at once, what may wait, and how often they look around. Small values bring about
//! what takes thousands of alarms and requests otherwise; none of them changes what the contract promises.

use reveille_system::config::{self, Config};
use serde::{Deserialize, Serialize};

use super::validate::ensure;
use super::{LOG_BYTES_MAX, PlanError};

/// How machines are tuned. Left out, all of it is as it is by default, and so is each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tuning {
    /// How often a machine looks around, in milliseconds: from [`Tuning::TICK_MIN_MS`] to [`Tuning::TICK_MAX_MS`]. Consensus sends
    /// its heartbeats and counts its timeouts in it, and what has no answer is asked again at one.
    pub tick_ms: u64,
    /// Alarms in one page of the due index: from 1 to [`Tuning::COUNT_MAX`].
    pub page_alarms: u32,
    /// The most turns in one batch of a slice: from 1 to [`Tuning::COUNT_MAX`].
    pub batch_turns: u32,
    /// The most bytes of entries in one message to a follower: from 1 to [`LOG_BYTES_MAX`].
    pub append_bytes: u64,
    /// Requests that may wait for a slice to be served: from 1 to [`Tuning::COUNT_MAX`].
    pub waiting_requests: u32,
    /// Questions that may wait for a replica to catch up: from 1 to [`Tuning::COUNT_MAX`].
    pub parked_reads: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        let config::Tuning { page_alarms, batch_turns, append_bytes, waiting_requests, parked_reads } =
            config::Tuning::default();
        let tick_ms = config::TICK_MS;
        Self { tick_ms, page_alarms, batch_turns, append_bytes, waiting_requests, parked_reads }
    }
}

impl Tuning {
    /// The shortest: with a shorter one most of what machines say is heartbeats.
    pub const TICK_MIN_MS: u64 = 50;
    /// The longest: that of renewals. With a longer one no session would last.
    pub const TICK_MAX_MS: u64 = 1_000;
    /// The most of whatever is counted.
    pub const COUNT_MAX: u32 = 1_000_000;

    pub(super) fn apply_to(self, config: &mut Config) {
        let Self { tick_ms, page_alarms, batch_turns, append_bytes, waiting_requests, parked_reads } = self;
        config.tick_ms = tick_ms;
        config.tuning =
            config::Tuning { page_alarms, batch_turns, append_bytes, waiting_requests, parked_reads };
    }

    pub(super) fn validate(self) -> Result<(), PlanError> {
        let counts = u64::from(Self::COUNT_MAX);
        let bounds = [
            ("tick_ms", self.tick_ms, Self::TICK_MIN_MS..=Self::TICK_MAX_MS),
            ("page_alarms", u64::from(self.page_alarms), 1..=counts),
            ("batch_turns", u64::from(self.batch_turns), 1..=counts),
            ("append_bytes", self.append_bytes, 1..=LOG_BYTES_MAX),
            ("waiting_requests", u64::from(self.waiting_requests), 1..=counts),
            ("parked_reads", u64::from(self.parked_reads), 1..=counts),
        ];
        bounds.into_iter().try_for_each(|(field, value, range)| {
            let right = || format!("it is from {} to {}", range.start(), range.end());
            ensure(range.contains(&value), || format!("tuning.{field}"), value, right)
        })
    }
}
