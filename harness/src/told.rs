//! What the code of objects tells of itself: `ctx.always`, `ctx.sometimes`, `ctx.unreachable`. The contract says nothing about it, so
//! the checkers do not look at it. A promise that did not hold is a finding of this name; how often one held that is to hold now and
//! then, a campaign adds up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use reveille_model::history::{History, PromiseKind, What};
use reveille_model::verdict::{RuleId, Violation};
use serde::Serialize;

/// The promises of object code that a history breaks: each at most once for each object, the first time.
pub fn broken(history: &History) -> Vec<Violation> {
    let mut seen = BTreeSet::new();
    let mut broken = Vec::new();
    for (index, event) in history.events.iter().enumerate() {
        let What::Promise { name, kind, held: false } = &event.what else { continue };
        let object = event.by.as_ref().map(|by| by.object.clone());
        if *kind == PromiseKind::Sometimes || !seen.insert((name.clone(), object.clone())) {
            continue;
        }
        let whose = object.as_ref().map_or_else(|| "object code".to_owned(), ToString::to_string);
        broken.push(Violation {
            rule: RuleId(interned(name)),
            at_ns: event.at_ns,
            sentences: format!("{whose}: {}.", text(name, *kind, false)),
            object,
            evidence: vec![index],
        });
    }
    broken
}

/// How often a promise that is to hold now and then was told, and held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sometimes {
    /// So often object code came to the line that tells it.
    pub told: u64,
    /// So often it held there.
    pub held: u64,
    /// In so many seeds it held at least once.
    pub seeds: u64,
}

impl Sometimes {
    /// Adds what other seeds came to.
    pub fn add(&mut self, other: Self) {
        self.told += other.told;
        self.held += other.held;
        self.seeds += other.seeds;
    }
}

/// What object code has told in one run that is to hold now and then, by name.
pub fn sometimes(history: &History) -> BTreeMap<String, Sometimes> {
    let mut all = BTreeMap::<String, Sometimes>::new();
    for event in &history.events {
        if let What::Promise { name, kind: PromiseKind::Sometimes, held } = &event.what {
            let of_name = all.entry(name.to_string()).or_default();
            of_name.told += 1;
            of_name.held += u64::from(*held);
            of_name.seeds = u64::from(of_name.held > 0);
        }
    }
    all
}

/// What was told, without who told it.
pub(crate) fn text(name: &str, kind: PromiseKind, held: bool) -> String {
    match (kind, held) {
        (PromiseKind::Always, true) => format!("{name:?} holds, as it always has to"),
        (PromiseKind::Always, false) => format!("{name:?} does not hold, and always has to"),
        (PromiseKind::Sometimes, true) => format!("{name:?} holds this time"),
        (PromiseKind::Sometimes, false) => format!("{name:?} does not hold this time"),
        (PromiseKind::Unreachable, _) => format!("{name:?} is reached, and never was to be"),
    }
}

/// The name for the rest of the process. There are as many as object code has in its source, for it can give no others.
fn interned(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let new: &'static str = Box::leak(name.into());
    names.insert(new);
    new
}

#[cfg(test)]
mod tests {
    use reveille_model::build::told;

    use super::*;

    #[test]
    fn what_did_not_hold_is_a_finding_of_its_name_once_for_each_object() {
        let tell = |name: &str, kind, held| What::Promise { name: name.into(), kind, held };
        let tale = told(|tale| {
            tale.does(tell("balanced", PromiseKind::Always, true));
            tale.does(tell("busy", PromiseKind::Sometimes, false)).does(tell(
                "busy",
                PromiseKind::Sometimes,
                true,
            ));
            tale.does(tell("balanced", PromiseKind::Always, false));
            tale.does(tell("balanced", PromiseKind::Always, false));
            tale.does(tell("overdrawn", PromiseKind::Unreachable, false));
        });
        let history = History { header: tale.header(), events: tale.events().to_vec() };
        let found = broken(&history);
        assert_eq!(found.iter().map(|broken| broken.rule.0).collect::<Vec<_>>(), ["balanced", "overdrawn"]);
        assert!(matches!(
            &history.events[found[0].evidence[0]].what,
            What::Promise { name, held: false, .. } if &**name == "balanced"
        ));
        assert_eq!(
            sometimes(&history),
            BTreeMap::from([("busy".to_owned(), Sometimes { told: 2, held: 1, seeds: 1 })])
        );
        tale.is_accepted();
    }
}
