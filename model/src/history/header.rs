//! The head of a history: who wrote it, and every constant of the run.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of this vocabulary. It rises when a field changes its meaning.
pub const VERSION: u32 = 1;

/// Everything that stays constant in a run. The rules take their bounds from here, so that a history of another
/// system is held against that system's own constants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`VERSION`] of the writer.
    pub version: u32,
    /// Who wrote the history, for the reader's eyes.
    pub product: String,
    /// The scenario that ran, for the reader's eyes.
    pub scenario: String,
    /// The seed of the run, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The datacenter of each machine: entry `m` is where machine `m` stands.
    pub datacenter_of: Vec<u16>,
    /// What an exact wall clock shows at true time 0, in nanoseconds since the UNIX epoch, where the writer knows (E).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_zero_ns: Option<i64>,
    /// The consensus group that keeps the registry, where there is one (L2): no object belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_group: Option<u16>,
    /// The classes that declare `alarm()` (A8), where the writer knows: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_classes: Option<Vec<Arc<str>>>,
    /// The classes whose answers say what their code was given (W1): the body of each answer with status 200 is a JSON object,
    /// and its `read` a list of pairs: a key, and the value that a call of this request gave for it, or null.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub echoes: Vec<Arc<str>>,
    /// What the writer cannot know or does not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub omits: Vec<Omission>,
    /// The constants that the rules use.
    pub constants: Constants,
}

/// A kind of event that a history leaves out: that none is there does not mean that nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Omission {
    /// `commit`: what is durable shows only in what was acknowledged, and in what is seen after a loss.
    Commits,
}

/// The numbers that SPEC.md names, as they were in this run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Constants {
    /// R3: the backoff after a failed run with `retry_count` 0. 2,000 in the contract.
    pub retry_start_ms: u64,
    /// R3: the largest exponent of the backoff after platform failures. 9 in the contract.
    pub retry_exponent_max: u32,
    /// R3: the upper end of the jitter, in percent of the backoff. 25 in the contract.
    pub retry_jitter_percent: u64,
    /// R2: the most counted retries of one alarm. 6 in the contract: seven counted runs.
    pub retries_max: u32,
    /// E at its largest: the largest error of any machine's wall clock in this run. It counts where nothing nearer tells.
    pub wall_error_max_ms: u64,
    /// The largest drift of any machine's monotonic clock. 500 in the contract.
    pub drift_max_ppm: u64,
    /// L3: lateness allowed when nothing fails: 100 ms and two round trips between datacenters.
    pub lateness_calm_ms: u64,
    /// L1: lateness allowed with one failure. 30,000 in the contract.
    pub lateness_one_failure_ms: u64,
    /// L2 and L4: lateness allowed after the last of several changes. 60,000 in the contract.
    pub lateness_failures_ms: u64,
    /// L4: how long after a fault that took what its disk held a replica may need to be built anew, where the system has
    /// such a bound. Without it the bound is that of any other replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild_ms: Option<u64>,
    /// Load: how many events a second a machine can do: requests and answers that arrive, and alarms. Without it a machine
    /// does any number of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<u64>,
    /// W2: how many requests may wait on a machine. A system without such a bound refuses none for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_bound: Option<u64>,
    /// W1: a call to an outside service has failed after this, answered or not. Without it a call has no limit of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound_limit_ms: Option<u64>,
    /// R1: the longest that a run of `alarm()` may take. 15 minutes in the contract.
    #[serde(default = "run_limit_ms")]
    pub run_limit_ms: u64,
    /// O4: the longest that a constructor may take, with everything in its `block_concurrency_while`. 30,000 in the contract.
    #[serde(default = "constructor_limit_ms")]
    pub constructor_limit_ms: u64,
    /// S7: the longest key, in bytes.
    #[serde(default = "key_bytes_max")]
    pub key_bytes_max: u64,
    /// S7: the longest value, in bytes.
    #[serde(default = "value_bytes_max")]
    pub value_bytes_max: u64,
    /// S7: the most keys of `get_many`, `put_many` and `delete_many`.
    #[serde(default = "batch_keys_max")]
    pub batch_keys_max: u64,
}

fn run_limit_ms() -> u64 {
    15 * 60_000
}

fn constructor_limit_ms() -> u64 {
    30_000
}

fn key_bytes_max() -> u64 {
    2_048
}

fn value_bytes_max() -> u64 {
    131_072
}

fn batch_keys_max() -> u64 {
    128
}

impl Constants {
    /// The constants of SPEC.md with clocks that err by at most `wall_error_max_ms` and datacenters at most
    /// `round_trip_max_ms` apart.
    pub fn of_the_contract(wall_error_max_ms: u64, round_trip_max_ms: u64) -> Self {
        Self {
            retry_start_ms: 2_000,
            retry_exponent_max: 9,
            retry_jitter_percent: 25,
            retries_max: 6,
            wall_error_max_ms,
            drift_max_ppm: 500,
            lateness_calm_ms: 100 + 2 * round_trip_max_ms,
            lateness_one_failure_ms: 30_000,
            lateness_failures_ms: 60_000,
            rebuild_ms: None,
            speed: None,
            queue_bound: None,
            outbound_limit_ms: None,
            run_limit_ms: run_limit_ms(),
            constructor_limit_ms: constructor_limit_ms(),
            key_bytes_max: key_bytes_max(),
            value_bytes_max: value_bytes_max(),
            batch_keys_max: batch_keys_max(),
        }
    }
}
