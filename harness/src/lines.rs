//! Lines of text that many parts print: commands that can be copied.

use std::fmt::Display;
use std::path::Path;

/// The command that replays a run.
pub fn replay_line(run: &impl Display) -> String {
    format!("cargo run --release -- replay {run}")
}

/// A path as it is written in a shell.
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+=,".contains(letter);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
