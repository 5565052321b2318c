//! What the environment asks a test for. What it cannot mean is refused with one clear line: the variable, its value, and what
//! would be right.

use std::ffi::OsString;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{anyhow, ensure};

/// The seeds that a test runs unless the environment says otherwise.
pub const SEEDS: Range<u64> = 0..64;

/// What is asked of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The seeds to run.
    pub(super) seeds: Range<u64>,
    /// Instead of seeds: the file of a plan, or the folder of a bundle.
    pub(super) plan: Option<PathBuf>,
    /// The name under which what is found is to be kept.
    pub(super) keep: Option<String>,
}

impl Asked {
    /// What the variables of the process say.
    pub(super) fn of_environment() -> anyhow::Result<Self> {
        Self::of(|name| std::env::var_os(name))
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<Self> {
        let text = |name: &str| {
            let value = variable(name).map(OsString::into_string).transpose();
            value.map_err(|value| anyhow!("{name} is not a text in UTF-8: {value:?}"))
        };
        let (seed, range) = (text("REVEILLE_SEED")?, text("REVEILLE_SEEDS")?);
        let plan = variable("REVEILLE_PLAN");
        ensure!(
            plan.is_none() || (seed.is_none() && range.is_none()),
            "REVEILLE_PLAN={plan:?} excludes REVEILLE_SEED and REVEILLE_SEEDS: it is run alone; set one of them"
        );
        ensure!(
            plan.as_ref().is_none_or(|plan| !plan.is_empty()),
            "REVEILLE_PLAN is the file of a plan, or the folder of a bundle, not \"\""
        );
        let seeds = choose(seed.as_deref(), range.as_deref(), SEEDS).map_err(anyhow::Error::msg)?;
        Ok(Self { seeds, plan: plan.map(PathBuf::from), keep: text("REVEILLE_KEEP")? })
    }
}

/// The seeds to run: `default`, unless `REVEILLE_SEED` or `REVEILLE_SEEDS` says otherwise.
///
/// # Panics
///
/// If one of them says what it cannot mean.
pub fn seeds(default: Range<u64>) -> Range<u64> {
    let read = |name: &str| std::env::var(name).ok();
    choose(read("REVEILLE_SEED").as_deref(), read("REVEILLE_SEEDS").as_deref(), default)
        .unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// The seeds that two variables ask for.
///
/// # Errors
///
/// In a sentence: the variable, its value, and what would be right.
pub fn choose(seed: Option<&str>, seeds: Option<&str>, default: Range<u64>) -> Result<Range<u64>, String> {
    match (seed, seeds) {
        (None, None) => Ok(default),
        (Some(_), Some(_)) => {
            Err("REVEILLE_SEED and REVEILLE_SEEDS exclude each other: set one of them".into())
        }
        (Some(seed), None) => match seed.parse::<u64>() {
            Ok(seed) if seed < u64::MAX => Ok(seed..seed + 1),
            _ => Err(format!("REVEILLE_SEED is a number like 7, not {seed:?}")),
        },
        (None, Some(seeds)) => {
            let range =
                seeds.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
            let range = range.filter(|range| !range.is_empty());
            range.ok_or_else(|| {
                format!("REVEILLE_SEEDS is a range like 0..5000 that is not empty, not {seeds:?}")
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(variables: &[(&str, &str)]) -> anyhow::Result<Asked> {
        Asked::of(|name| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| value.into()))
    }

    fn refused(variables: &[(&str, &str)]) -> String {
        asked(variables).expect_err("it means nothing").to_string()
    }

    #[test]
    fn seeds_come_from_the_environment() {
        assert_eq!(choose(None, None, 0..3), Ok(0..3));
        assert_eq!(choose(Some("7"), None, 0..3), Ok(7..8));
        assert_eq!(choose(None, Some("10..20"), 0..3), Ok(10..20));
    }

    #[test]
    fn without_variables_it_is_64_seeds() {
        assert_eq!(asked(&[]).ok(), Some(Asked { seeds: 0..64, plan: None, keep: None }));
    }

    #[test]
    fn seeds_a_plan_and_a_name_are_asked_for_by_variables() {
        let of_seed = asked(&[("REVEILLE_SEED", "7"), ("REVEILLE_KEEP", "lost")]).expect("it is right");
        assert_eq!(of_seed, Asked { seeds: 7..8, plan: None, keep: Some("lost".to_owned()) });
        let of_plan = asked(&[("REVEILLE_PLAN", "shrunk.json")]).expect("it is right");
        assert_eq!(of_plan.plan, Some("shrunk.json".into()));
    }

    #[test]
    fn what_a_variable_cannot_mean_is_refused() {
        assert_eq!(
            refused(&[("REVEILLE_SEED", "seven")]),
            r#"REVEILLE_SEED is a number like 7, not "seven""#
        );
        assert_eq!(refused(&[("REVEILLE_SEED", "-1")]), r#"REVEILLE_SEED is a number like 7, not "-1""#);
        let range = r#"REVEILLE_SEEDS is a range like 0..5000 that is not empty, not "5""#;
        assert_eq!(refused(&[("REVEILLE_SEEDS", "5")]), range);
        assert!(refused(&[("REVEILLE_SEEDS", "5..5")]).contains("not empty"));
        assert!(
            refused(&[("REVEILLE_SEED", "1"), ("REVEILLE_SEEDS", "1..2")]).contains("exclude each other")
        );
        assert!(
            refused(&[("REVEILLE_SEED", "1"), ("REVEILLE_PLAN", "it")]).contains("excludes REVEILLE_SEED")
        );
        assert!(refused(&[("REVEILLE_PLAN", "")]).contains("the file of a plan"));
    }
}
