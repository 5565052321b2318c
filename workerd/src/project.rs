//! A user's project as it stands: a worker's file, or a folder with a `wrangler.jsonc`, `wrangler.json` or `wrangler.toml`. Nothing
//! in it is changed and nothing is downloaded: the runtime and, for TypeScript and imports, esbuild are those that the project has.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::worker::{Binding, Class, Worker};

/// Where the runtime's program lies below a project.
const RUNTIME: &str = "node_modules/@cloudflare/workerd-linux-64/bin/workerd";

/// What bundles TypeScript and imports.
const BUNDLER: &str = "node_modules/.bin/esbuild";

/// The behaviour that is taken where a project does not say: the runtime's of today may change.
const DATE: &str = "2026-04-01";

/// The files that say what a project is, the first that is there.
const SETTINGS: [&str; 3] = ["wrangler.jsonc", "wrangler.json", "wrangler.toml"];

/// What is read of a settings file. The rest of it is about where and how a worker is put into service.
#[derive(Debug, Default, Deserialize)]
struct Settings {
    main: Option<PathBuf>,
    compatibility_date: Option<String>,
    #[serde(default)]
    compatibility_flags: Vec<String>,
    #[serde(default)]
    durable_objects: Objects,
    #[serde(default)]
    migrations: Vec<Migration>,
    #[serde(default)]
    vars: BTreeMap<String, Value>,
    /// Everything else, for bindings that nothing here stands in for.
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Objects {
    #[serde(default)]
    bindings: Vec<Namespace>,
}

#[derive(Debug, Deserialize)]
struct Namespace {
    name: String,
    class_name: String,
    script_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Migration {
    #[serde(default)]
    new_sqlite_classes: Vec<String>,
}

/// Bindings to what is not here: a worker that has one is refused, since it would be tried with something else.
const REFUSED: [&str; 11] = [
    "kv_namespaces",
    "r2_buckets",
    "d1_databases",
    "queues",
    "services",
    "ai",
    "vectorize",
    "hyperdrive",
    "workflows",
    "browser",
    "containers",
];

/// Reads a project. The program that runs it may be given, if it is not to be the project's own.
///
/// # Errors
///
/// If there is no worker, or something that it needs is missing: what, in one line.
pub fn read(path: &Path, given: Option<&Path>) -> anyhow::Result<Worker> {
    let (root, settings) = if path.is_dir() {
        let name = SETTINGS.iter().find(|name| path.join(name).is_file());
        let name = name.with_context(|| format!("{} has none of {}", path.display(), SETTINGS.join(", ")))?;
        (path.to_owned(), settings(&path.join(name))?)
    } else if path.extension().is_some_and(|end| end == "toml" || end == "json" || end == "jsonc") {
        (parent(path), settings(path)?)
    } else {
        (parent(path), Settings { main: path.file_name().map(PathBuf::from), ..Settings::default() })
    };
    let main = settings.main.as_ref().context("the project's settings name no `main`")?;
    let main = root.join(main);
    ensure!(main.is_file(), "{} is not there: it is the project's main", main.display());
    let binary = runtime(&root, given)?;
    let code = code(&root, &main)?;
    let (classes, bindings) = objects(&settings, &code, &main)?;
    Ok(Worker {
        binary,
        code,
        classes,
        bindings,
        compatibility_date: settings.compatibility_date.unwrap_or_else(|| DATE.to_owned()),
        compatibility_flags: settings.compatibility_flags,
        is_wrapped: true,
    })
}

/// The runtime's program: the one that is given, else that of the project in this folder.
///
/// # Errors
///
/// If it is not there.
pub fn runtime(root: &Path, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        ensure!(given.is_file(), "{} is not there: it is to be the runtime", given.display());
        return Ok(std::path::absolute(given)?);
    }
    above(root, RUNTIME).with_context(|| {
        format!(
            "the runtime is not there: {} and the folders above it have no {RUNTIME} (npm i -D workerd, or --workerd PATH)",
            root.display()
        )
    })
}

fn parent(path: &Path) -> PathBuf {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// A file below a folder or one of those that it is in.
fn above(folder: &Path, name: &str) -> Option<PathBuf> {
    let folder = std::path::absolute(folder).ok()?;
    folder.ancestors().map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn settings(path: &Path) -> anyhow::Result<Settings> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let wrong = || format!("{} is not as wrangler has it", path.display());
    let settings: Settings = if path.extension().is_some_and(|end| end == "toml") {
        toml_edit::de::from_str(&text).with_context(wrong)?
    } else {
        jsonc_parser::parse_to_serde_value(&text, &Default::default()).with_context(wrong)?
    };
    if let Some(name) = REFUSED.iter().find(|name| settings.other.contains_key(**name)) {
        bail!(
            "{} binds {name}, which nothing here stands in for: only durable objects and vars can be given",
            path.display()
        );
    }
    Ok(settings)
}

/// The code of main in one module. What imports only what the runtime has is taken as it stands.
fn code(root: &Path, main: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(main).with_context(|| format!("{} cannot be read", main.display()))?;
    let is_script = main.extension().is_some_and(|end| end == "js" || end == "mjs");
    let foreign = imports(&text).find(|name| !name.starts_with("cloudflare:") && !name.starts_with("node:"));
    if is_script && foreign.is_none() {
        return Ok(text);
    }
    let why = match foreign {
        Some(name) if is_script => format!("it imports {name:?}"),
        _ => "it is TypeScript".to_owned(),
    };
    let bundler = above(root, BUNDLER).with_context(|| {
        format!(
            "{} has to be bundled, since {why}, and the project has no esbuild (npm i -D esbuild)",
            main.display()
        )
    })?;
    let bundled = Command::new(bundler)
        .arg(main)
        .args(["--bundle", "--format=esm", "--target=esnext", "--conditions=workerd,worker,browser"])
        .args(["--external:cloudflare:*", "--external:node:*", "--log-level=error"])
        .output()
        .context("esbuild cannot be started")?;
    ensure!(
        bundled.status.success(),
        "esbuild does not bundle it: {}",
        String::from_utf8_lossy(&bundled.stderr)
    );
    String::from_utf8(bundled.stdout).context("esbuild wrote what is no text")
}

/// The modules that a script names in its imports.
fn imports(code: &str) -> impl Iterator<Item = &str> {
    code.lines().filter_map(|line| {
        let line = line.trim_start();
        let is_import = line.starts_with("import ")
            || line.starts_with("import\"")
            || line.starts_with("export ") && line.contains(" from ")
            || line.starts_with("} from ");
        let rest = is_import.then(|| line.rsplit_once(['"', '\''])).flatten()?.0;
        rest.rsplit_once(['"', '\'']).map(|(_, name)| name)
    })
}

/// The classes and what `env` has: from the settings, else from what the code shows.
fn objects(
    settings: &Settings,
    code: &str,
    main: &Path,
) -> anyhow::Result<(Vec<Class>, BTreeMap<String, Binding>)> {
    let mut bindings: BTreeMap<String, Binding> = BTreeMap::new();
    let mut names: Vec<String> = Vec::new();
    for namespace in &settings.durable_objects.bindings {
        ensure!(
            namespace.script_name.is_none(),
            "the binding {} is to a class of another worker, which is not here",
            namespace.name
        );
        bindings.insert(namespace.name.clone(), Binding::Objects(namespace.class_name.clone()));
        names.push(namespace.class_name.clone());
    }
    if names.is_empty() {
        for (binding, class) in shown(code) {
            bindings.insert(binding, Binding::Objects(class.clone()));
            names.push(class);
        }
    }
    names.sort();
    names.dedup();
    ensure!(
        !names.is_empty(),
        "{}: no class of a durable object is bound. Name it in a wrangler file, or export it and use `env.CLASS_NAME`",
        main.display()
    );
    for (name, value) in &settings.vars {
        let binding = match value {
            Value::String(text) => Binding::Text(text.clone()),
            value => Binding::Json(value.to_string()),
        };
        bindings.insert(name.clone(), binding);
    }
    let with_sql = |name: &String| {
        settings.migrations.is_empty()
            || settings.migrations.iter().any(|migration| migration.new_sqlite_classes.contains(name))
    };
    let classes = names.into_iter().map(|name| Class { has_sql: with_sql(&name), name }).collect();
    Ok((classes, bindings))
}

/// Classes that the code exports and finds in `env` under their name in capitals, as `AlarmExample` in `env.ALARM_EXAMPLE`.
fn shown(code: &str) -> Vec<(String, String)> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let classes = code.match_indices("export class ").map(|(at, begin)| {
        let rest = &code[at + begin.len()..];
        rest[..rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())].to_owned()
    });
    classes
        .filter_map(|class| {
            let binding = in_capitals(&class);
            let used = code
                .match_indices(&format!("env.{binding}"))
                .any(|(at, text)| !code[at + text.len()..].starts_with(is_word));
            used.then_some((binding, class))
        })
        .collect()
}

fn in_capitals(class: &str) -> String {
    let mut name = String::new();
    for letter in class.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bindings_of_a_script_are_what_it_exports_and_uses() {
        let code = "export default { fetch(q, env) { return env.ALARM_EXAMPLE.getByName(\"foo\").fetch(q); } };\n\
                    export class AlarmExample extends DurableObject {}\nexport class Other {}\n";
        assert_eq!(shown(code), [("ALARM_EXAMPLE".to_owned(), "AlarmExample".to_owned())]);
    }

    #[test]
    fn imports_are_found_in_each_form() {
        let code = "import { DurableObject } from \"cloudflare:workers\";\nimport './side.js'\nexport * from \"./more\";\n\
                    import {\n  a,\n} from \"agents\";\nconst x = 'import y from \"z\"';\n";
        let found: Vec<&str> = imports(code).collect();
        assert_eq!(found, ["cloudflare:workers", "./side.js", "./more", "agents"]);
    }

    #[test]
    fn both_formats_say_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let of = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("written");
            let settings = settings(&path).expect("as wrangler has it");
            let (classes, bindings) = objects(&settings, "", Path::new("main.js")).expect("a class is bound");
            (settings.main, classes, bindings)
        };
        let json = of(
            "wrangler.jsonc",
            "{ // as the documentation has it\n \"$schema\": \"./x.json\", \"main\": \"src/index.ts\",\n \"durable_objects\": \
             {\"bindings\": [{\"name\": \"BATCHER\", \"class_name\": \"Batcher\"}]},\n \"migrations\": [{\"tag\": \"v1\", \
             \"new_sqlite_classes\": [\"Batcher\"]}], }",
        );
        let toml = of(
            "wrangler.toml",
            "\"$schema\" = \"./x.json\"\nmain = \"src/index.ts\"\n[[durable_objects.bindings]]\nname = \"BATCHER\"\nclass_name \
             = \"Batcher\"\n[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [ \"Batcher\" ]\n",
        );
        assert_eq!(json, toml);
        assert_eq!(json.1, [Class { name: "Batcher".to_owned(), has_sql: true }]);
    }
}
