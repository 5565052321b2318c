//! Manifests, as far as `new` and `init` edit them. What stands in one stays, comments and order too.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::{Dependency, text};

/// Why the profile is there.
const WHY: &str = "\n# A test is thousands of simulated seconds on nine machines: without this it takes many times as long.\n";

/// The `Cargo.toml` of a crate or a workspace.
pub(super) struct Manifest {
    path: PathBuf,
    before: String,
    document: DocumentMut,
}

impl Manifest {
    pub(super) fn read(path: PathBuf) -> anyhow::Result<Self> {
        let before =
            fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        Self::of_text(path, &before)
    }

    pub(super) fn of_text(path: PathBuf, text: &str) -> anyhow::Result<Self> {
        let document = text.parse().with_context(|| format!("{} is not right", path.display()))?;
        Ok(Self { path, before: text.to_owned(), document })
    }

    pub(super) fn text(&self) -> String {
        self.document.to_string()
    }

    /// Writes it, if it says something else now. Gives its path then.
    pub(super) fn write(&mut self) -> anyhow::Result<Option<PathBuf>> {
        let now = self.text();
        if now == self.before {
            return Ok(None);
        }
        text(&self.path, &now)?;
        Ok(Some(self.path.clone()))
    }

    pub(super) fn is_package(&self) -> bool {
        self.document.contains_key("package")
    }

    pub(super) fn is_workspace(&self) -> bool {
        self.document.contains_key("workspace")
    }

    /// The workspace that the crate is a member of, if it is one.
    pub(super) fn workspace(&self) -> anyhow::Result<Option<Self>> {
        let folder = self.folder();
        match self.document.get("package").and_then(|it| it.get("workspace")).and_then(Item::as_str) {
            Some(root) => Self::read(folder.join(root).join("Cargo.toml")).map(Some),
            None => folder.parent().map_or(Ok(None), |parent| workspace_of(parent, folder)),
        }
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Whether the workspace says that what is in this folder is no member.
    fn excludes(&self, folder: &Path) -> bool {
        let excluded = self.document["workspace"].get("exclude").and_then(Item::as_array);
        let mut excluded = excluded.into_iter().flatten().filter_map(Value::as_str);
        excluded.any(|excluded| folder.starts_with(self.folder().join(excluded)))
    }

    /// Makes a crate within the folder of the workspace a member.
    pub(super) fn add_member(&mut self, member: &Path) -> anyhow::Result<()> {
        let within =
            member.strip_prefix(self.folder()).context("a member is in the folder of its workspace")?;
        let within: Vec<_> = within.iter().map(|name| name.to_string_lossy()).collect();
        let place = self.path.display().to_string();
        let members = self.document["workspace"].as_table_like_mut().context(place.clone())?;
        let members =
            members.entry("members").or_insert_with(|| Item::Value(Value::Array(Default::default())));
        members
            .as_array_mut()
            .with_context(|| format!("{place}: members is no list"))?
            .push(within.join("/"));
        Ok(())
    }

    /// Adds the one line, unless the crate has it.
    pub(super) fn depend_on(&mut self, dependency: &Dependency) -> anyhow::Result<()> {
        let has = |of: &str| self.document.get(of).and_then(|it| it.get("reveille")).is_some();
        if has("dependencies") || has("dev-dependencies") {
            return Ok(());
        }
        let dependencies = self.table(&["dev-dependencies"])?;
        dependencies.insert("reveille", Item::Value(dependency.value()));
        Ok(())
    }

    /// Adds the profile in which dependencies are optimised, unless something is said about that.
    pub(super) fn optimise_dependencies(&mut self) -> anyhow::Result<()> {
        let is_new =
            self.document.get("profile").and_then(|it| it.get("dev")?.get("package")?.get("*")).is_none();
        let all = self.table(&["profile", "dev", "package", "*"])?;
        all.entry("opt-level").or_insert(toml_edit::value(3));
        let all = &mut self.document["profile"]["dev"]["package"]["*"];
        if let Some(all) = all.as_table_mut().filter(|_| is_new) {
            all.decor_mut().set_prefix(WHY);
        }
        Ok(())
    }

    /// The table of this path; what is missing of it is made.
    fn table(&mut self, path: &[&str]) -> anyhow::Result<&mut dyn TableLike> {
        let mut table: &mut dyn TableLike = self.document.as_table_mut();
        for (depth, name) in path.iter().enumerate() {
            let is_last = depth + 1 == path.len();
            let made = || {
                let mut made = Table::new();
                made.set_implicit(!is_last);
                Item::Table(made)
            };
            let Some(next) = table.entry(name).or_insert_with(made).as_table_like_mut() else {
                bail!("{}: {} is no table", self.path.display(), path[..=depth].join("."));
            };
            table = next;
        }
        Ok(table)
    }
}

/// The workspace that a crate in `of` belongs to, if it is in one: `from` and the folders above it are looked at.
pub(super) fn workspace_of(from: &Path, of: &Path) -> anyhow::Result<Option<Manifest>> {
    for folder in from.ancestors().filter(|folder| folder.join("Cargo.toml").is_file()) {
        let manifest = Manifest::read(folder.join("Cargo.toml"))?;
        if manifest.is_workspace() {
            return Ok(Some(manifest).filter(|workspace| !workspace.excludes(of)));
        }
    }
    Ok(None)
}
