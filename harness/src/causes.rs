//! Which broken promises of one run belong together, for somebody who has to find the one mistake behind all of them.
//!
//! What is told in the same words is one cause ([`Signature`]). Causes are told in the order of time, because what breaks
//! first often breaks the rest: of a cause whose objects had all broken something else before, that is said. It is a hint
//! for the reader and no part of a verdict.

use reveille_model::verdict::{RuleId, Violation};

use crate::signature::Signature;

/// The violations of one cause.
#[derive(Clone, Debug)]
pub struct Cause<'a> {
    signature: Signature,
    /// In the order of time; never empty.
    pub violations: Vec<&'a Violation>,
    /// What each of their objects had broken before: the rule, and the first time of it for the first of them.
    pub after: Option<(RuleId, u64)>,
}

/// The causes of what was found in one run, the first in time first. `violations` are in the order of time.
pub fn of(violations: &[Violation]) -> Vec<Cause<'_>> {
    let mut causes: Vec<Cause<'_>> = Vec::new();
    for violation in violations {
        let signature = Signature::new(violation.rule.0, &violation.sentences);
        match causes.iter_mut().find(|cause| cause.signature == signature) {
            Some(cause) => cause.violations.push(violation),
            None => causes.push(Cause { signature, violations: vec![violation], after: None }),
        }
    }
    let after: Vec<_> = causes.iter().map(|cause| after(cause, &causes)).collect();
    causes.iter_mut().zip(after).for_each(|(cause, after)| cause.after = after);
    causes
}

/// The first thing that the object of the first violation had broken before, if each other object had broken something, too.
fn after(cause: &Cause<'_>, all: &[Cause<'_>]) -> Option<(RuleId, u64)> {
    let before = |violation: &&Violation| {
        let others = all.iter().filter(|other| other.signature != cause.signature);
        let earlier = others.flat_map(|other| &other.violations).filter(|earlier| {
            earlier.object.is_some() && earlier.object == violation.object && earlier.at_ns < violation.at_ns
        });
        earlier.min_by_key(|earlier| earlier.at_ns).map(|earlier| (earlier.rule, earlier.at_ns))
    };
    let befores: Option<Vec<_>> = cause.violations.iter().map(before).collect();
    befores?.first().copied()
}

#[cfg(test)]
mod tests {
    use reveille_model::history::ObjectName;

    use super::*;

    fn violation(rule: &'static str, object: &str, at_ns: u64, sentences: &str) -> Violation {
        let object = Some(ObjectName(object.into()));
        Violation { rule: RuleId(rule), object, at_ns, sentences: sentences.to_owned(), evidence: Vec::new() }
    }

    fn told(violations: &[Violation]) -> Vec<(&str, usize, Option<&str>)> {
        let of = |cause: Cause<'_>| {
            (cause.violations[0].rule.0, cause.violations.len(), cause.after.map(|(rule, _)| rule.0))
        };
        super::of(violations).into_iter().map(of).collect()
    }

    #[test]
    fn what_is_told_in_the_same_words_is_one_cause() {
        let twice = [
            violation("F4", "C/a", 1, "Run 1 ran again at 3.0 s."),
            violation("F4", "C/b", 2, "Run 7 ran again at 4.0 s."),
            violation("F4", "C/a", 3, "Run 9 left its alarm behind."),
        ];
        assert_eq!(told(&twice), [("F4", 2, None), ("F4", 1, Some("F4"))]);
    }

    #[test]
    fn what_every_one_of_its_objects_had_broken_before_is_said() {
        let mut all = vec![
            violation("F4", "C/a", 1, "Run 1 ran again."),
            violation("S3", "C/a", 2, "Lost."),
            violation("S3", "C/a", 5, "Lost."),
        ];
        assert_eq!(told(&all), [("F4", 1, None), ("S3", 2, Some("F4"))]);
        all.push(violation("S3", "C/b", 6, "Lost."));
        assert_eq!(told(&all)[1], ("S3", 3, None), "C/b had broken nothing before");
    }
}
