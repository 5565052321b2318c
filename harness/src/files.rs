//! Files and folders that are whole or not there: what is written is first written beside its place, under a name that
//! nobody else has, and then renamed. What was there before stays until then.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use reveille_sim::plan::{FILE_BYTES_MAX, Plan};
use tempfile::{Builder, TempDir};

/// What temporary names begin with.
const PREFIX: &str = ".reveille-";

/// Writes a file, or replaces it. A link is followed; what is not a file, like a pipe, is written to as it is.
///
/// # Errors
///
/// If it cannot be written. A file that was there before is there still.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    let written = match fs::metadata(path) {
        Ok(about) if !about.is_file() && !about.is_dir() => write_through(path, write),
        _ => write_beside(path, write),
    };
    written.with_context(|| format!("{} cannot be written", path.display()))
}

fn write_through(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    finish(OpenOptions::new().write(true).open(path)?, write)
}

fn write_beside(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let beside = readable(Builder::new().prefix(PREFIX), 0o666).tempfile_in(parent(&place))?;
    finish(beside.as_file().try_clone()?, write)?;
    if let Ok(about) = fs::metadata(&place) {
        beside.as_file().set_permissions(about.permissions())?;
    }
    beside.persist(&place).map_err(|error| error.error)?;
    Ok(())
}

fn finish(file: File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    write(&mut file)?;
    file.flush()
}

/// Whether a folder may be written here: there is none, it is empty, or it `is_ours` to replace. Changes nothing.
///
/// # Errors
///
/// If it may not, or if no folder can have this name.
pub(crate) fn may_replace_folder(folder: &Path, is_ours: impl FnOnce(&Path) -> bool) -> anyhow::Result<()> {
    if !folder.exists() {
        ensure!(folder.file_name().is_some(), "{} is not a name for a folder", folder.display());
        return Ok(());
    }
    let is_empty = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    ensure!(
        is_empty || is_ours(folder),
        "{} is there already and is not a bundle, or has other files in it: it is left as it is; name a folder that is not \
         there, or a bundle to replace",
        folder.display()
    );
    Ok(())
}

/// Writes a folder with the files that `fill` puts into it, or replaces one that `is_ours`. Folders that it is in are made.
///
/// # Errors
///
/// If something else is there, or if it cannot be written. What was there before is there still.
pub(crate) fn replace_folder(
    folder: &Path,
    is_ours: impl FnOnce(&Path) -> bool,
    fill: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    may_replace_folder(folder, is_ours)?;
    let cannot = || format!("{} cannot be written", folder.display());
    let place = place_of(folder).with_context(cannot)?;
    let beside = temporary_folder(parent(&place)).with_context(cannot)?;
    fill(beside.path())?;
    swap(beside, &place).with_context(cannot)
}

/// Where a folder is, whatever it is called; what it is in is made.
fn place_of(folder: &Path) -> io::Result<PathBuf> {
    match folder.file_name() {
        Some(name) if !folder.exists() => {
            fs::create_dir_all(parent(folder))?;
            Ok(parent(folder).canonicalize()?.join(name))
        }
        _ => folder.canonicalize(),
    }
}

/// Puts the new folder into its place; what was there before goes, or is back if that fails.
fn swap(new: TempDir, place: &Path) -> io::Result<()> {
    if !place.exists() {
        fs::rename(new.path(), place)?;
    } else {
        let aside = temporary_folder(parent(place))?;
        let before = aside.path().join("before");
        fs::rename(place, &before)?;
        if let Err(error) = fs::rename(new.path(), place) {
            if fs::rename(&before, place).is_err() {
                let kept = aside.keep();
                return Err(io::Error::other(format!("{error}; what was there is in {}", kept.display())));
            }
            return Err(error);
        }
    }
    // It has another name now.
    _ = new.keep();
    Ok(())
}

fn temporary_folder(within: &Path) -> io::Result<TempDir> {
    readable(Builder::new().prefix(PREFIX), 0o777).tempdir_in(within)
}

/// What is written for others to read is as readable as any file: temporary files are not.
#[cfg(unix)]
fn readable<'a, 'b>(builder: &'a mut Builder<'b, 'b>, mode: u32) -> &'a mut Builder<'b, 'b> {
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
fn readable<'a, 'b>(builder: &'a mut Builder<'b, 'b>, _mode: u32) -> &'a mut Builder<'b, 'b> {
    builder
}

/// The folder that a file or folder is in.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// Reads the plan in a file.
///
/// # Errors
///
/// If it cannot be read, or is not a plan that this build can run.
pub(crate) fn read_plan(path: &Path) -> anyhow::Result<Plan> {
    let text = read(path)?;
    Plan::from_json(&text).with_context(|| path.display().to_string())
}

/// Reads a text that is not too long.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    let cannot = || format!("{} cannot be read", path.display());
    let about = fs::metadata(path).with_context(cannot)?;
    // What is read twice, or by a second process, has to be there still.
    ensure!(about.is_file(), "{} is not a file that stays: a pipe or a device is not read", path.display());
    ensure!(
        about.len() <= FILE_BYTES_MAX as u64,
        "{} has {} bytes; at most {FILE_BYTES_MAX} are read",
        path.display(),
        about.len()
    );
    fs::read_to_string(path).with_context(cannot)
}
