//! Files that are whole or not there: what is written is first written beside its place, and then renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// Writes a file, or replaces it.
///
/// # Errors
///
/// If it cannot be written. What was there before is there still.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    let unfinished = unfinished(path);
    let written = || {
        let mut file = BufWriter::new(File::create(&unfinished)?);
        write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(&unfinished, path)
    };
    written()
        .inspect_err(|_| _ = fs::remove_file(&unfinished))
        .with_context(|| format!("{} cannot be written", path.display()))
}

/// Writes a folder with the files that `fill` puts into it, or replaces one that `is_ours`.
///
/// # Errors
///
/// If something else is there, or if it cannot be written. What was there before is there still.
pub(crate) fn replace_folder(
    folder: &Path,
    is_ours: impl FnOnce(&Path) -> bool,
    fill: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    ensure!(
        !folder.exists() || is_ours(folder),
        "{} is there already and is no bundle: it is left as it is; name a folder that is not there, or a bundle to replace",
        folder.display()
    );
    let unfinished = unfinished(folder);
    let cannot = || format!("{} cannot be written", folder.display());
    if unfinished.exists() {
        // Left behind by somebody who was stopped.
        fs::remove_dir_all(&unfinished).with_context(cannot)?;
    }
    fs::create_dir_all(&unfinished).with_context(cannot)?;
    let filled = fill(&unfinished).and_then(|()| {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(cannot)?;
        }
        fs::rename(&unfinished, folder).with_context(cannot)
    });
    filled.inspect_err(|_| _ = fs::remove_dir_all(&unfinished))
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".unfinished");
    path.with_file_name(name)
}
