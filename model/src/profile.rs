//! What a history is held to: the whole contract, or what the real runtime is known to keep of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a history is held to (SPEC.md, "Profiles").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// The whole contract.
    #[default]
    Strict,
    /// For histories taken from the real runtime: the contract without each [`Relaxation`].
    Workerd,
}

/// What [`Profile::Workerd`] lets pass. Nothing else differs from [`Profile::Strict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relaxation {
    /// A rule that is a decision of this project ([`crate::Rule::is_ours`]) was broken, and no relaxation below says
    /// how.
    Ours,
    /// F4: the writes of a run and the removal of its alarm were not one commit, or the alarm ran again in a later epoch.
    SplitCompletion,
    /// A10, and through it F1, A3 and A6: an alarm that was set in the handler for the time of the run's own alarm was
    /// lost.
    SetNowLost,
    /// R5 and F7, and A2, R3, R6 and R7 as seen through it: an alarm that was set while a retry timer was pending
    /// fired at the end of that timer, was told the old time and count, or started again at once after that run failed.
    SetWhileRetryPending,
    /// R4: `retry_count` is kept in memory: it started again at zero in a new epoch, or counts a failure whose record is not
    /// durable.
    CountRestarted,
    /// A2, A3, A5, S8 and F7 as seen through it: an alarm that was replaced or deleted while its delivery was under way
    /// started all the same, or for the one that replaced it.
    InDelivery,
    /// S2: a `delete_all` was durable by itself, without what its turn wrote behind it.
    ClearApart,
    /// R3: a backoff was shorter by as long as the process had computed before the failure.
    BackoffFromTurn,
    /// A8: a constructor set an alarm in a class that declares no `alarm()`; it is dropped when it is due.
    SetWithoutHandler,
    /// L: a run was late.
    Late,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Profile::Strict => "strict",
            Profile::Workerd => "workerd",
        })
    }
}

impl fmt::Display for Relaxation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Relaxation::Ours => "a rule of this project's own",
            Relaxation::SplitCompletion => "a completion that is not atomic (F4)",
            Relaxation::SetNowLost => "an alarm lost that the handler set for its own time (A10)",
            Relaxation::SetWhileRetryPending => "an alarm set while a retry timer was pending (R5)",
            Relaxation::CountRestarted => "retry_count kept in memory (R4)",
            Relaxation::InDelivery => "an alarm replaced or deleted while its delivery was under way (A2)",
            Relaxation::ClearApart => "a delete_all that is durable by itself (S2)",
            Relaxation::BackoffFromTurn => "a backoff that counts from the begin of the failing turn (R3)",
            Relaxation::SetWithoutHandler => {
                "an alarm set in the constructor of a class without alarm() (A8)"
            }
            Relaxation::Late => "a run was late (L)",
        })
    }
}
