//! What a command is told to run: RUN on the command line. It is `SCENARIO SEED`, the file of a plan, or the
//! folder of a bundle, and means the same in every command.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use reveille_sim::plan::Plan;
use reveille_system::ids::ObjectName;

use crate::bundle::Bundle;
use crate::catalogue::Catalogue;
use crate::files::read_plan;
use crate::lines::quoted;
use crate::scenario::Scenario;

/// A run, by what names it.
#[derive(Clone, Debug)]
pub struct Source {
    /// Whose objects it runs.
    pub scenario: Arc<Scenario>,
    /// The plan. Of a bundle that was shrunk it is the shrunk one.
    pub plan: Plan,
    /// Where it is from.
    pub from: From,
}

/// Where a run is from.
#[derive(Clone, Debug)]
pub enum From {
    /// The generator, by this seed.
    Seed(u64),
    /// This file.
    File(PathBuf),
    /// This folder.
    Bundle(PathBuf, Box<Bundle>),
}

/// How RUN is written.
pub const RIGHT: &str = "RUN is SCENARIO SEED, a plan's file, or a bundle's folder";

impl Source {
    /// Reads what the words of the command line name.
    ///
    /// # Errors
    ///
    /// If they name nothing, or what they name cannot be read or run: what is wrong, where, and what would be right.
    pub fn of_words(scenarios: &Catalogue, words: &[String]) -> anyhow::Result<Self> {
        match words {
            [scenario, seed] => {
                let scenario = scenarios.of_name(scenario)?;
                let seed = seed.parse::<u64>();
                let seed = seed.with_context(|| {
                    format!("{:?} is not a seed, which is a number like 7; {RIGHT}", words[1])
                })?;
                Ok(Self::of_seed(scenario, seed))
            }
            [word] if Path::new(word).is_dir() => Self::of_folder(scenarios, Path::new(word)),
            [word] if fs::symlink_metadata(word).is_ok() => Self::of_file(scenarios, Path::new(word)),
            [word] if scenarios.get(word).is_some() => {
                bail!("{word} is a scenario, and the seed is missing; {RIGHT}")
            }
            [word] => bail!("there is no file or folder {word}; {RIGHT}"),
            words => bail!("{words:?} names no run; {RIGHT}"),
        }
    }

    /// The run of a seed.
    pub fn of_seed(scenario: &Arc<Scenario>, seed: u64) -> Self {
        Self { scenario: scenario.clone(), plan: scenario.plan(seed), from: From::Seed(seed) }
    }

    /// The run of a plan's file.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is not a plan that this build can run.
    pub fn of_file(scenarios: &Catalogue, path: &Path) -> anyhow::Result<Self> {
        let plan = read_plan(path)?;
        let scenario = checked(scenarios, &plan).with_context(|| path.display().to_string())?;
        Ok(Self { scenario, plan, from: From::File(path.to_owned()) })
    }

    /// The run of a bundle's folder.
    ///
    /// # Errors
    ///
    /// If it is not a bundle, or cannot be read.
    pub fn of_folder(scenarios: &Catalogue, folder: &Path) -> anyhow::Result<Self> {
        let bundle = Bundle::read(folder)?;
        let plan = bundle.smallest().clone();
        let scenario = checked(scenarios, &plan).with_context(|| folder.display().to_string())?;
        Ok(Self { scenario, plan, from: From::Bundle(folder.to_owned(), Box::new(bundle)) })
    }

    /// The bundle, if it is from one.
    pub fn bundle(&self) -> Option<&Bundle> {
        match &self.from {
            From::Bundle(_, bundle) => Some(bundle),
            From::Seed(_) | From::File(_) => None,
        }
    }

    /// What it is called at the head of a report.
    pub fn title(&self) -> String {
        match &self.from {
            From::Seed(seed) => format!("{} seed {seed}", self.scenario.name),
            From::File(path) | From::Bundle(path, _) => {
                format!("{} of {}", self.scenario.name, path.display())
            }
        }
    }
}

/// As it is written on the command line.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.from {
            From::Seed(seed) => write!(f, "{} {seed}", self.scenario.name),
            From::File(path) | From::Bundle(path, _) => f.write_str(&quoted(path)),
        }
    }
}

/// The scenario that a plan is one of, which has to have the classes of all its objects.
fn checked(scenarios: &Catalogue, plan: &Plan) -> anyhow::Result<Arc<Scenario>> {
    let scenario =
        scenarios.of_name(&plan.scenario).context("the plan's scenario is not known to this build")?;
    let classes = scenario.code.classes();
    for (position, request) in plan.workload.iter().enumerate() {
        let object = ObjectName::parse(&request.object).context("a valid plan names objects Class/name")?;
        let class = object.class();
        ensure!(
            classes.get(class).is_some(),
            "the plan's workload[{position}].object is {:?}; {} has no class {class:?}: its plans name {}/...",
            request.object,
            scenario.name,
            scenario.shape.class
        );
    }
    Ok(scenario.clone())
}
