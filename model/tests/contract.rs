//! Every rule of the contract can be refused: for each there is a history that breaks it, refused with exactly its id,
//! and the nearest legal neighbour, accepted. Without a rule's checker its refused history passes, and this fails.

mod cases;

use std::collections::{BTreeMap, BTreeSet};

use cases::Case;
use reveille_model::RULES;

#[test]
fn every_rule_is_refused_and_its_neighbour_accepted() {
    let mut failures = Vec::new();
    for Case { rule, name, refused, accepted } in cases::all() {
        let rules: Vec<&str> =
            refused.verdict().violations.iter().map(|violation| violation.rule.0).collect();
        if rules != [rule] {
            failures.push(format!("{rule}, {name}: was to be refused by {rule}, was by {rules:?}"));
        }
        for violation in accepted.verdict().violations {
            failures.push(format!(
                "{rule}, {name}: the neighbour broke {}: {}",
                violation.rule, violation.sentences
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_rule_has_a_case_and_every_case_a_name_and_a_rule() {
    let rules: BTreeSet<&str> = RULES.iter().map(|rule| rule.id.0).collect();
    let mut names: BTreeMap<&str, u32> = BTreeMap::new();
    for case in cases::all() {
        assert!(rules.contains(case.rule), "{}, {}: there is no such rule", case.rule, case.name);
        *names.entry(case.name).or_default() += 1;
    }
    let told: BTreeSet<&str> = cases::all().iter().map(|case| case.rule).collect();
    let untold: Vec<&&str> = rules.difference(&told).collect();
    assert!(untold.is_empty(), "no history shows that these can be refused: {untold:?}");
    let twice: Vec<_> = names.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "these names do not say which history is meant: {twice:?}");
}

#[test]
fn what_is_refused_was_judged() {
    let mut failures = Vec::new();
    for Case { rule, name, refused, .. } in cases::all() {
        let coverage = refused.verdict().coverage;
        let rule = RULES.iter().find(|known| known.id.0 == rule).expect("each case names a rule").id;
        if coverage[&rule].occasions() == 0 {
            failures.push(format!("{rule}, {name}: {:?}", coverage[&rule]));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
