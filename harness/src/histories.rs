//! Histories of a campaign, kept as files that `reveille check` reads: a name that says what ran, and never half a file
//! under that name, whatever stops the campaign.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use reveille_model::history::History;
use reveille_model::jsonl;

use crate::files;

/// Where histories are kept.
#[derive(Clone, Debug)]
pub struct Keep {
    folder: PathBuf,
}

impl Keep {
    /// Keeps histories in this folder, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(Keep { folder: folder.to_owned() })
    }

    /// The file of a run.
    pub fn path(&self, scenario: &str, seed: u64) -> PathBuf {
        self.folder.join(format!("{scenario}-{seed}.jsonl"))
    }

    /// What to know about so many histories that were kept.
    pub fn told(&self, runs: u64) -> String {
        let folder = self.folder.display();
        format!(
            "{runs} histories are kept in {folder}. `check` judges them by the rules of the contract; what a scenario\n\
             promises beside these (X1, and that everything is delivered) only `explore` and `replay` judge.\n"
        )
    }

    /// Writes the history of a run. Histories that are kept already under this name are replaced.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write(&self, scenario: &str, seed: u64, history: &History) -> anyhow::Result<()> {
        let path = self.path(scenario, seed);
        files::replace(&path, |file| jsonl::write(&history.header, &history.events, file))
    }
}
