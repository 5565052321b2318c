//! Where a test is: what it is called behind `cargo test`, and where its bundle goes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Context;

use crate::lines::quoted;

/// A test, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test(String);

impl Test {
    /// The test that runs in this thread: threads of tests are named after them. Elsewhere it is called after the scenario.
    pub(super) fn of_this_thread(scenario: &str) -> Self {
        let current = thread::current();
        Self::named(current.name(), scenario)
    }

    fn named(thread: Option<&str>, scenario: &str) -> Self {
        Self(thread.filter(|name| *name != "main").unwrap_or(scenario).to_owned())
    }

    /// Where its bundle goes: into `reveille/` of the target folder that it was built in.
    pub(super) fn folder(&self) -> anyhow::Result<PathBuf> {
        let program = std::env::current_exe().context("the program that runs cannot be found again")?;
        // Cargo marks its target folder for those who make backups.
        let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
        let beside = || program.parent().unwrap_or(Path::new("."));
        Ok(target.unwrap_or_else(beside).join("reveille").join(self.0.replace("::", "-")))
    }

    /// The command that runs this plan alone.
    pub(super) fn line_for(&self, plan: &Path) -> String {
        format!("REVEILLE_PLAN={} cargo test {self}", quoted(plan))
    }
}

/// As it is named behind `cargo test`.
impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_called_after_its_thread() {
        assert_eq!(Test::named(Some("jobs::all_are_mailed"), "jobs").to_string(), "jobs::all_are_mailed");
        assert_eq!(Test::named(Some("main"), "jobs").to_string(), "jobs");
        assert_eq!(Test::named(None, "jobs").to_string(), "jobs");
    }

    #[test]
    fn a_bundle_goes_into_the_target_folder() {
        let folder = Test("jobs::lost".to_owned()).folder().expect("a test is a program");
        assert!(folder.ends_with("reveille/jobs-lost"), "{}", folder.display());
        assert!(folder.ancestors().nth(2).is_some_and(|target| target.join("CACHEDIR.TAG").is_file()));
    }
}
