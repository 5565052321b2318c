//! The registry of histories that break a rule, each with its nearest legal neighbour.

mod alarms;
mod code;
mod datastore;
mod known_defects;
mod objects;
mod resets;
mod retries;
mod storage;
mod turns;
mod witness;

use reveille_model::build::{Tale, told};

/// A history that breaks a rule, and one that differs from it in what makes it legal.
pub(crate) struct Case {
    pub(crate) rule: &'static str,
    pub(crate) name: &'static str,
    pub(crate) refused: Tale,
    pub(crate) accepted: Tale,
}

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let parts = [
        objects::cases(),
        storage::cases(),
        alarms::cases(),
        retries::cases(),
        resets::cases(),
        datastore::cases(),
        known_defects::cases(),
        witness::cases(),
        code::cases(),
        turns::cases(),
    ];
    parts.into_iter().flatten().collect()
}

/// Both histories are told by `tell`, which is told whether to break the rule.
fn case(rule: &'static str, name: &'static str, tell: fn(&mut Tale, bool)) -> Case {
    let telling = |breaks| told(|tale| tell(tale, breaks));
    Case { rule, name, refused: telling(true), accepted: telling(false) }
}
