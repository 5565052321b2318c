//! `new` and `init`: an object with its tests, in a crate of one's own. What is written is `templates/mailer.rs`: a class that
//! keeps its promise, and one that is caught.
//!
//! Everything is decided before anything is written. A file that is there is not overwritten but for manifests, which are
//! edited and keep what stands in them; each file is written beside its place and renamed.

mod dependency;
mod manifest;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

pub use self::dependency::Dependency;
use self::manifest::Manifest;
use crate::files::{replace, replace_folder};
use crate::lines::quoted;

/// The class, and its tests.
const MAILER: &str = include_str!("templates/mailer.rs");
/// Where `init` puts them: they need no line in the crate's own files there.
const OF_INIT: &str = "tests/mailer.rs";

/// What was written, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Files that are new or were edited.
    pub written: Vec<PathBuf>,
    /// The command that tries it.
    pub next: String,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for path in &self.written {
            writeln!(f, "wrote {}", path.display())?;
        }
        writeln!(f, "Now:  {}", self.next)
    }
}

/// Makes a crate in the folder `place`, which it is named after; a member, if the folder is in a workspace.
///
/// # Errors
///
/// If the folder is there, if its name is not one for a crate, or if something cannot be read or written.
pub fn new(place: &Path, dependency: &Dependency) -> anyhow::Result<Made> {
    let name = place.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    ensure!(
        is_name(name),
        "{name:?} is not a name for a crate; such a name begins with a lower-case letter, has lower-case letters, digits, - and _, \
         and is no word of the language"
    );
    ensure!(
        !place.exists(),
        "{} is there already: choose another name, or use `init` in it",
        place.display()
    );
    let place = absolute(place)?;
    let root = manifest::workspace_of(place.parent().context("a folder is in a folder")?, &place)?;
    let mut of_crate = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\nreveille = {dependency}\n"
    );
    let mut written = vec![place.join("Cargo.toml"), place.join("src/lib.rs")];
    if root.is_none() {
        let mut manifest = Manifest::of_text(place.join("Cargo.toml"), &of_crate)?;
        manifest.optimise_dependencies()?;
        of_crate = manifest.text();
        written.push(place.join(".gitignore"));
    }
    replace_folder(
        &place,
        |_| false,
        |into| {
            fs::create_dir(into.join("src"))?;
            text(&into.join("Cargo.toml"), &of_crate)?;
            text(&into.join("src/lib.rs"), MAILER)?;
            if root.is_none() { text(&into.join(".gitignore"), "/target\n") } else { Ok(()) }
        },
    )?;
    if let Some(mut root) = root {
        root.add_member(&place)?;
        root.optimise_dependencies()?;
        written.extend(root.write()?);
    }
    Ok(Made { written, next: format!("cd {} && cargo test", quoted(&place)) })
}

/// Adds the same to the crate that `here` belongs to, as a test of it.
///
/// # Errors
///
/// If `here` belongs to no crate, if there is a test of that name, or if something cannot be read or written.
pub fn init(here: &Path, dependency: &Dependency) -> anyhow::Result<Made> {
    let here = absolute(here)?;
    let of_crate = here.ancestors().find(|folder| folder.join("Cargo.toml").is_file());
    let Some(of_crate) = of_crate else {
        bail!("{} belongs to no crate; `new NAME` makes one", here.display());
    };
    let mut manifest = Manifest::read(of_crate.join("Cargo.toml"))?;
    ensure!(
        manifest.is_package(),
        "{} is a workspace and no crate: go into one of its members, or make one with `new NAME`",
        of_crate.display()
    );
    let test = of_crate.join(OF_INIT);
    ensure!(!test.exists(), "{} is there already, and is left as it is", test.display());
    manifest.depend_on(dependency)?;
    let root = if manifest.is_workspace() { None } else { manifest.workspace()? };
    let mut manifests = match root {
        Some(mut root) => {
            root.optimise_dependencies()?;
            vec![manifest, root]
        }
        None => {
            manifest.optimise_dependencies()?;
            vec![manifest]
        }
    };
    fs::create_dir_all(of_crate.join("tests"))?;
    text(&test, MAILER)?;
    let mut written = vec![test];
    for manifest in &mut manifests {
        written.extend(manifest.write()?);
    }
    Ok(Made { written, next: format!("cd {} && cargo test --test mailer", quoted(of_crate)) })
}

fn text(path: &Path, text: &str) -> anyhow::Result<()> {
    replace(path, |file| file.write_all(text.as_bytes()))
}

/// A path from the root on, whether or not there is something.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}

/// Whether a crate can have this name, and have a dependency on `reveille`.
fn is_name(name: &str) -> bool {
    const TAKEN: [&str; 46] = [
        "abstract", "alloc", "as", "async", "await", "become", "box", "break", "const", "continue", "core",
        "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
        "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "reveille", "self",
        "static", "std", "struct", "super", "test", "true", "try", "type", "use", "where",
    ];
    let is_right =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_".contains(letter);
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(is_right)
        && !TAKEN.contains(&name)
}

#[cfg(test)]
mod tests;
