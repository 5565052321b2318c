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
    /// F4: the writes of a run and the removal of its alarm were not one commit, or the alarm ran again.
    SplitCompletion,
    /// A10, and through it F1, A3 and A6: an alarm that was set in the handler for the time of the run's own alarm was
    /// lost.
    SetNowLost,
    /// R5 and F7, and A2, R3, R6 and R7 as seen through it: an alarm that was set while a retry timer was pending
    /// fired at the end of that timer, was told the old time and count, or started again at once after that run failed.
    SetWhileRetryPending,
    /// R4: `retry_count` started again at zero after a restart.
    CountRestarted,
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
            Relaxation::CountRestarted => "retry_count started again at zero (R4)",
            Relaxation::Late => "a run was late (L)",
        })
    }
}
