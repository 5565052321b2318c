//! Where a crate has this library from: a folder, a repository, or a registry.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use toml_edit::{InlineTable, Value};

/// The value of the one line `reveille = ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dependency {
    /// This folder, in which its crate is.
    Path(PathBuf),
    /// The repository at this URL.
    Git(String),
    /// A registry, in this version.
    Version(&'static str),
}

impl Dependency {
    /// A folder: that of the crate, or of the repository that it is in.
    ///
    /// # Errors
    ///
    /// If neither is there.
    pub fn of_path(folder: &Path) -> anyhow::Result<Self> {
        let is_crate = |folder: &Path| {
            let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
            manifest.lines().any(|line| line.trim() == "name = \"reveille\"")
        };
        let found = [folder.to_owned(), folder.join("harness")].into_iter().find(|folder| is_crate(folder));
        let Some(found) = found else {
            bail!(
                "{} has no crate reveille in it: --path DIR is the folder of its repository",
                folder.display()
            );
        };
        let found = found.canonicalize().with_context(|| format!("{} cannot be found", folder.display()))?;
        ensure!(found.to_str().is_some(), "{} cannot be written in a Cargo.toml", found.display());
        Ok(Self::Path(found))
    }

    /// As this program was built: from a registry, or from a folder that is there still.
    ///
    /// # Errors
    ///
    /// If it was built from a repository that was fetched for that: where it is has to be said.
    pub fn as_built() -> anyhow::Result<Self> {
        Self::of_build(Path::new(env!("CARGO_MANIFEST_DIR")))
    }

    fn of_build(folder: &Path) -> anyhow::Result<Self> {
        let names: Vec<_> = folder.iter().collect();
        let is_under = |pair: [&str; 2]| names.windows(2).any(|names| names == pair);
        if is_under(["registry", "src"]) {
            return Ok(Self::Version(env!("CARGO_PKG_VERSION")));
        }
        ensure!(
            !is_under(["git", "checkouts"]) && folder.exists(),
            "where this program was built from does not stay: say with --git URL or --path DIR where reveille is"
        );
        Self::of_path(folder)
    }

    /// As it stands in a manifest.
    pub(super) fn value(&self) -> Value {
        let table = |key: &str, value: &str| Value::InlineTable(InlineTable::from_iter([(key, value)]));
        match self {
            Self::Path(folder) => table("path", &folder.to_string_lossy()),
            Self::Git(url) => table("git", url),
            Self::Version(version) => Value::from(*version),
        }
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value().to_string().trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_where_it_is_from() {
        assert_eq!(Dependency::Path("/a/b".into()).to_string(), r#"{ path = "/a/b" }"#);
        assert_eq!(Dependency::Git("https://a/b".to_owned()).to_string(), r#"{ git = "https://a/b" }"#);
        assert_eq!(Dependency::Version("0.1.0").to_string(), r#""0.1.0""#);
    }

    #[test]
    fn a_program_of_this_folder_depends_on_this_folder() {
        let this = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().expect("it is there");
        assert_eq!(Dependency::as_built().ok(), Some(Dependency::Path(this.clone())));
        assert_eq!(Dependency::of_path(&this.join("..")).ok(), Some(Dependency::Path(this)));
        assert!(Dependency::of_path(Path::new("src")).is_err());
    }

    #[test]
    fn what_was_fetched_to_be_built_is_not_depended_on() {
        let fetched = Dependency::of_build(Path::new("/home/it/.cargo/git/checkouts/reveille-1/2/harness"));
        assert!(fetched.expect_err("it does not stay").to_string().contains("--git URL or --path DIR"));
        let of_registry =
            Dependency::of_build(Path::new("/home/it/.cargo/registry/src/index/reveille-0.1.0"));
        assert_eq!(of_registry.ok(), Some(Dependency::Version(env!("CARGO_PKG_VERSION"))));
    }
}
