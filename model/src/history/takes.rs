//! What a fault takes from whom it strikes.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a fault may take from whom it strikes: at once, now and then, or until it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Takes {
    /// What its processes know: they are gone.
    Memory,
    /// What was written and not synced.
    Unsynced,
    /// What its disk had promised to keep (D8).
    Durable,
    /// Its reachability: it is down, stands still, or is cut off from somebody.
    Reachability,
    /// Single messages: others arrive.
    Messages,
    /// Time: what it does takes longer, or stands still.
    Time,
    /// What its wall clock shows: another time from now on (E).
    Clock,
}

impl Takes {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Memory,
        Self::Unsynced,
        Self::Durable,
        Self::Reachability,
        Self::Messages,
        Self::Time,
        Self::Clock,
    ];

    /// The word that stands for it in a history.
    pub fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Unsynced => "unsynced",
            Self::Durable => "durable",
            Self::Reachability => "reachability",
            Self::Messages => "messages",
            Self::Time => "time",
            Self::Clock => "clock",
        }
    }
}

/// All that a fault takes.
pub type Taken = BTreeSet<Takes>;
