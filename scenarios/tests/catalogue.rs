//! The list of scenarios.

use reveille_model::RULES;

#[test]
fn what_a_scenario_has_to_give_an_occasion_are_rules() {
    for scenario in scenarios::catalogue().all() {
        let unknown = |id: &&&str| RULES.iter().all(|rule| rule.id.0 != **id);
        assert_eq!(scenario.gives.iter().find(unknown), None, "{}", scenario.name);
        assert!(scenario.gives.contains(&"F1") && scenario.gives.contains(&"S4"), "{}", scenario.name);
    }
}
