//! What a worker is at, for whoever outlives it: a file of lines of one length, each written at once and in place. What a
//! process has written is there however it ends.
//!
//! The first line names the command and the worker's process, each further one what a thread is at, and after a tab the
//! command that repeats it. The file lies in a folder of the supervisor's, beside another that the supervisor keeps
//! locked: a folder without a lock is left behind by one that was killed.

use std::env;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

/// What the folders are called, in the host's folder for such things.
const PREFIX: &str = "reveille-supervisor-";
/// What the worker is at.
const NOTES: &str = "notes";
/// Locked as long as the supervisor lives.
const ALIVE: &str = "alive";

/// The length of a line, its end included.
const LINE_BYTES: usize = 2_048;

/// What a thread is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// In a few words.
    pub(super) what: String,
    /// The command that repeats it.
    pub(super) again: String,
}

/// The file, as the worker has it.
#[derive(Debug)]
pub(super) struct Notes(Mutex<File>);

impl Notes {
    /// Begins the file in the supervisor's folder.
    pub(super) fn begin(folder: &Path, command: &str) -> io::Result<Self> {
        let notes = Self(Mutex::new(File::create_new(folder.join(NOTES))?));
        notes.write_line(0, &format!("{command}\t{}", process::id()))?;
        Ok(notes)
    }

    /// A thread is at something. If that cannot be written nobody learns of it; that is no reason to stop.
    pub(super) fn write(&self, thread: usize, note: &Note) {
        let _ = self.write_line(1 + thread, &format!("{}\t{}", note.what, note.again));
    }

    /// A thread is at nothing any more.
    pub(super) fn clear(&self, thread: usize) {
        let _ = self.write_line(1 + thread, "");
    }

    fn write_line(&self, line: usize, text: &str) -> io::Result<()> {
        let mut bytes = [b' '; LINE_BYTES];
        let text = &text[..text.floor_char_boundary(LINE_BYTES - 1)];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        bytes[LINE_BYTES - 1] = b'\n';
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start((line * LINE_BYTES) as u64))?;
        file.write_all(&bytes)
    }
}

/// The folder of a supervisor that lives. It goes when the supervisor ends.
pub(super) struct Folder {
    folder: TempDir,
    /// Its lock goes with the process, however that ends.
    _alive: File,
}

impl Folder {
    pub(super) fn new() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir()?;
        let alive = File::create_new(folder.path().join(ALIVE))?;
        alive.lock()?;
        Ok(Self { folder, _alive: alive })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What the worker was at.
    pub(super) fn notes(&self) -> Vec<Note> {
        read(self.path()).map(|earlier| earlier.notes).unwrap_or_default()
    }
}

/// What a worker was at whose supervisor was killed.
pub(super) struct Earlier {
    command: String,
    process: String,
    notes: Vec<Note>,
}

impl Earlier {
    /// In one line.
    pub(super) fn told(&self) -> String {
        let Self { command, process, notes } = self;
        let again: Vec<&str> = notes.iter().map(|note| &*note.again).collect();
        let again = if again.is_empty() { String::new() } else { format!("; replay: {}", again.join("; ")) };
        format!("an earlier {command} (process {process}) was killed{}{again}", told(notes))
    }
}

/// While it ran what: the end of a sentence.
pub(super) fn told(notes: &[Note]) -> String {
    let what: Vec<&str> = notes.iter().map(|note| &*note.what).collect();
    if what.is_empty() {
        " between two runs".to_owned()
    } else {
        format!(" while it ran: {}", what.join(", "))
    }
}

/// Finds what earlier supervisors left behind that were killed, and removes it.
pub(super) fn left_behind() -> Vec<Earlier> {
    let folders = fs::read_dir(env::temp_dir()).into_iter().flatten().filter_map(Result::ok);
    let ours = folders.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    let mut paths: Vec<PathBuf> = ours.map(|entry| entry.path()).collect();
    paths.sort_unstable();
    paths.iter().filter_map(|folder| left_in(folder)).collect()
}

/// What was left behind in a folder. Nothing, if somebody still has it, or has only just made it.
fn left_in(folder: &Path) -> Option<Earlier> {
    let earlier = read(folder).ok()?;
    let alive = File::open(folder.join(ALIVE)).ok()?;
    alive.try_lock().ok()?;
    fs::remove_dir_all(folder).ok()?;
    Some(earlier)
}

fn read(folder: &Path) -> io::Result<Earlier> {
    let text = fs::read(folder.join(NOTES))?;
    let text = String::from_utf8_lossy(&text);
    // A line that was never written is a hole in the file.
    let mut lines = text.lines().map(|line| line.trim_matches([' ', '\0']));
    let (command, process) = lines.next().and_then(|line| line.split_once('\t')).unwrap_or_default();
    let notes = lines
        .filter_map(|line| line.split_once('\t'))
        .map(|(what, again)| Note { what: what.to_owned(), again: again.to_owned() });
    Ok(Earlier { command: command.to_owned(), process: process.to_owned(), notes: notes.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(what: &str) -> Note {
        Note { what: what.to_owned(), again: format!("replay {what}") }
    }

    #[test]
    fn what_each_thread_is_at_is_read_as_it_was_written_last() {
        let folder = Folder::new().expect("there is room");
        let notes = Notes::begin(folder.path(), "explore").expect("there is room");
        assert_eq!(folder.notes(), []);
        notes.write(2, &note("batcher seed 2"));
        notes.write(0, &note("batcher seed 0"));
        notes.write(1, &note("batcher seed 1"));
        notes.write(0, &note("cron seed 7"));
        notes.clear(1);
        assert_eq!(folder.notes(), [note("cron seed 7"), note("batcher seed 2")]);
        notes.write(1, &Note { what: "é".repeat(4_000), again: String::new() });
        notes.write(0, &note("cron seed 8"));
        assert_eq!(folder.notes(), [note("cron seed 8"), note("batcher seed 2")]);
    }

    #[test]
    fn only_what_nobody_has_is_left_behind() {
        let folder = Folder::new().expect("there is room");
        let path = folder.path().to_owned();
        assert!(left_in(&path).is_none(), "there is nothing in it yet");
        let notes = Notes::begin(&path, "explore").expect("there is room");
        notes.write(0, &note("cron seed 7"));
        notes.write(1, &note("cron seed 8"));
        assert!(left_in(&path).is_none(), "its supervisor lives");
        // As when the supervisor is killed: the lock goes, the folder stays.
        let Folder { folder, _alive: alive } = folder;
        let path = folder.keep();
        drop(alive);
        let earlier = left_in(&path).expect("nobody has it any more");
        let process = process::id();
        assert_eq!(
            earlier.told(),
            format!(
                "an earlier explore (process {process}) was killed while it ran: cron seed 7, cron seed 8; replay: \
                 replay cron seed 7; replay cron seed 8"
            )
        );
        assert!(!path.exists(), "it is told once");
    }
}
