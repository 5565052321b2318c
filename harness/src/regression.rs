//! Regressions: plans that broke a promise once, kept for ever. `keep` puts them under `snapshots/regressions/SCENARIO/NAME/`
//! of the crate that one works in; a test replays all that are there ([`all`], [`Regression::judge`]).
//!
//! What is asserted is the verdict, never the digest: every mending changes the run. A clean run counts only if it still
//! reaches what the plan was kept for ([`crate::reach`]).

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::bundle::Standing;
use crate::catalogue::Catalogue;
use crate::replay::{self, Again, Became};
use crate::scenario::Scenario;
use crate::source::Source;

/// Where regressions are kept in a crate.
const FOLDER: &str = "snapshots/regressions";

/// A plan that was kept.
#[derive(Clone, Debug)]
pub struct Regression {
    /// Its folder.
    pub folder: PathBuf,
    /// The run that it stands for.
    pub source: Source,
}

/// What replaying a regression came to.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What it once broke.
    pub once: String,
    /// Whether that is still so.
    pub standing: Standing,
    /// What the run came to now.
    pub again: Again,
}

/// All regressions of the crate in this folder, in the order of their paths.
///
/// # Errors
///
/// If one of them cannot be read.
pub fn all(scenarios: &Catalogue, of_crate: &Path) -> anyhow::Result<Vec<Regression>> {
    let mut found = Vec::new();
    for of_scenario in folders(&of_crate.join(FOLDER))? {
        found.extend(within(scenarios, &of_scenario)?);
    }
    Ok(found)
}

/// The regressions of one scenario of the crate in this folder, in the order of their paths.
///
/// # Errors
///
/// If one of them cannot be read.
pub fn of_scenario(scenario: &Scenario, of_crate: &Path) -> anyhow::Result<Vec<Regression>> {
    within(&Catalogue::new([scenario.clone()]), &of_crate.join(FOLDER).join(scenario.name))
}

fn within(scenarios: &Catalogue, of_scenario: &Path) -> anyhow::Result<Vec<Regression>> {
    let read = |folder: PathBuf| Ok(Regression { source: Source::of_folder(scenarios, &folder)?, folder });
    folders(of_scenario)?.into_iter().map(read).collect()
}

/// The crate that the current folder belongs to, if it belongs to one.
///
/// # Errors
///
/// If the current folder is not known.
pub fn crate_here() -> anyhow::Result<Option<PathBuf>> {
    let here = std::env::current_dir().context("the current folder is not known")?;
    Ok(here.ancestors().find(|folder| folder.join("Cargo.toml").is_file()).map(Path::to_owned))
}

/// Folders in a folder, sorted; none if it is not there.
fn folders(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let cannot = || format!("{} cannot be read", folder.display());
    let entries = fs::read_dir(folder).with_context(cannot)?;
    let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths: Vec<PathBuf> =
        paths.with_context(cannot)?.into_iter().filter(|path| path.is_dir()).collect();
    paths.sort();
    Ok(paths)
}

impl Regression {
    /// Runs the plan again. `Err` if the verdict is not what it is to be.
    ///
    /// # Errors
    ///
    /// What is wrong, in a sentence, with the line that replays it.
    pub fn judge(&self) -> Result<Judged, String> {
        let bundle = self.source.bundle().expect("a regression is a bundle");
        let once =
            bundle.verdict.kept_for.as_ref().map_or("nothing", |signature| &*signature.rule).to_owned();
        let outcome = self.source.scenario.run(&self.source.plan);
        let judged = Judged {
            once,
            standing: bundle.verdict.standing,
            again: replay::compare(bundle, &self.source.plan, &outcome),
        };
        if judged.is_right() {
            Ok(judged)
        } else {
            Err(format!(
                "{}: {judged}\n{}\nreplay: {}",
                self.folder.display(),
                crate::broken::told(&outcome),
                crate::lines::replay_line(&self.source)
            ))
        }
    }
}

impl Judged {
    fn is_right(&self) -> bool {
        match self.standing {
            Standing::Mended => self.again.became == Became::Clean,
            Standing::Broken => matches!(self.again.became, Became::StillBroken { .. }),
        }
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = match self.standing {
            Standing::Broken => "is known as broken",
            Standing::Mended => "is mended",
        };
        write!(f, "once broke {}, and {standing}: {}", self.once, self.again)
    }
}

/// The folder of a regression: in the crate that the current folder belongs to.
///
/// # Errors
///
/// If the name is not a name for a folder, or if one is not in a crate.
pub fn folder(scenario: &str, name: &str) -> anyhow::Result<PathBuf> {
    let is_right = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    ensure!(
        name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.chars().all(is_right),
        "{name:?} is not a name for a regression; a name has lower-case letters, digits and -, like a-lost-item"
    );
    let here = std::env::current_dir().context("the current folder is not known")?;
    let Some(of_crate) = crate_here()? else {
        bail!("{} belongs to no crate: there is no Cargo.toml in it or above it", here.display());
    };
    let folder = of_crate.join(FOLDER).join(scenario).join(name);
    // A path that is short to read where it can be.
    Ok(folder.strip_prefix(&here).map_or_else(|_| folder.clone(), Path::to_owned))
}
