//! The scenarios of a program, by name. What a program has is said once, where it starts ([`crate::main`]); everything else
//! is handed this list.

use std::sync::Arc;

use crate::scenario::Scenario;

/// Scenarios with different names, in the order in which they are listed.
#[derive(Clone, Debug)]
pub struct Catalogue(Vec<Arc<Scenario>>);

/// A name that no scenario has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario of the name {name:?}; there are: {names}")]
pub struct UnknownScenario {
    name: String,
    names: String,
}

impl Catalogue {
    /// These scenarios.
    ///
    /// # Panics
    ///
    /// If there are none, or two have one name.
    pub fn new(scenarios: impl IntoIterator<Item = Scenario>) -> Self {
        let scenarios: Vec<_> = scenarios.into_iter().map(Arc::new).collect();
        assert!(!scenarios.is_empty(), "a program has at least one scenario");
        for (position, scenario) in scenarios.iter().enumerate() {
            let is_new = scenarios[..position].iter().all(|before| before.name != scenario.name);
            assert!(is_new, "two scenarios are named {}", scenario.name);
        }
        Self(scenarios)
    }

    /// All of them.
    pub fn all(&self) -> &[Arc<Scenario>] {
        &self.0
    }

    /// The scenario of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<Scenario>> {
        self.0.iter().find(|scenario| scenario.name == name)
    }

    /// The scenario of that name, which somebody has written.
    ///
    /// # Errors
    ///
    /// If there is none: which there are.
    pub fn of_name(&self, name: &str) -> Result<&Arc<Scenario>, UnknownScenario> {
        self.get(name).ok_or_else(|| UnknownScenario {
            name: name.to_owned(),
            names: self.0.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", "),
        })
    }
}
