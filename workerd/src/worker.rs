//! A worker as the runtime gets it: its code, its classes and bindings, and the wrapper around its exports. The code is not changed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What tells the account: a module beside the worker's own.
const WRAPPER: &str = include_str!("../js/wrapper.js");

/// A class whose instances are durable objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Its name, as main exports it.
    pub name: String,
    /// Whether its storage has SQL (`new_sqlite_classes`).
    pub has_sql: bool,
}

/// A binding of the worker's `env`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Binding {
    /// The namespace of a class.
    Objects(String),
    /// A text.
    Text(String),
    /// A value, as JSON.
    Json(String),
}

/// A worker and the runtime that runs it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// The runtime's program, of this machine.
    #[serde(skip)]
    pub binary: PathBuf,
    /// The code of main: one module that imports nothing but what the runtime has.
    #[serde(skip)]
    pub code: String,
    /// The classes of its objects.
    pub classes: Vec<Class>,
    /// What its `env` has, by name.
    pub bindings: BTreeMap<String, Binding>,
    /// The date of the behaviour that it was written for.
    pub compatibility_date: String,
    /// Behaviour that is switched on or off beside that.
    pub compatibility_flags: Vec<String>,
    /// Whether the wrapper is put around it. Without it there is no account.
    pub is_wrapped: bool,
}

impl Worker {
    /// What the runtime reads, by the name of the file.
    pub(crate) fn files(&self) -> Vec<(&'static str, String)> {
        let mut files = vec![("worker.js", self.code.clone()), ("config.capnp", self.config())];
        if self.is_wrapped {
            files.push(("wrapper.js", WRAPPER.to_owned()));
            files.push(("main.js", self.main()));
        }
        files
    }

    /// Whether `deleteAll` leaves the alarm (S8): so it was before 2026-02-24, unless a flag says otherwise.
    pub(crate) fn preserves_alarm(&self) -> bool {
        let has = |flag: &str| self.compatibility_flags.iter().any(|own| own == flag);
        let is_old = self.compatibility_date.as_str() < "2026-02-24";
        (is_old && !has("delete_all_deletes_alarm")) || has("delete_all_preserves_alarm")
    }

    /// Exports everything that the worker exports, with the wrapper around the classes.
    fn main(&self) -> String {
        let mut text =
            "import * as worker from \"worker.js\";\nimport { told } from \"wrapper.js\";\nexport * from \
                        \"worker.js\";\nexport default worker.default;\n"
                .to_owned();
        for Class { name, .. } in &self.classes {
            writeln!(text, "export const {name} = told(worker.{name}, \"{name}\");").expect(INTO_A_STRING);
        }
        text
    }

    /// The configuration of the runtime.
    fn config(&self) -> String {
        let module = |name: &str| format!("(name = \"{name}\", esModule = embed \"{name}\")");
        let modules = if self.is_wrapped {
            let boot = "(name = \"boot.json\", json = embed \"boot.json\")".to_owned();
            [module("main.js"), module("worker.js"), module("wrapper.js"), boot].join(", ")
        } else {
            module("worker.js")
        };
        let mut flags = self.compatibility_flags.clone();
        // The wrapper knows by this whose calls it sees; it adds a module and changes nothing else.
        if self.is_wrapped && !flags.iter().any(|flag| flag == "nodejs_compat" || flag == "nodejs_als") {
            flags.push("nodejs_als".to_owned());
        }
        let flags: Vec<String> = flags.iter().map(|flag| quoted(flag)).collect();
        let classes: Vec<String> = self.classes.iter().map(class).collect();
        let bindings: Vec<String> = self.bindings.iter().map(|(name, to)| binding(name, to)).collect();
        format!(
            "using Workerd = import \"/workerd/workerd.capnp\";\n\
             const config :Workerd.Config = (\n  services = [\n    (name = \"main\", worker = .worker),\n    (name = \
             \"state\", disk = (path = \"state\", writable = true)),\n    (name = \"services\", external = (address = \
             \"unix:services.sock\", http = (style = proxy))),\n  ],\n  sockets = [(name = \"http\", address = \
             \"unix:clients.sock\", http = (), service = \"main\")],\n);\n\
             const worker :Workerd.Worker = (\n  modules = [{modules}],\n  compatibilityDate = {date},\n  \
             compatibilityFlags = [{flags}],\n  globalOutbound = \"services\",\n  durableObjectNamespaces = \
             [{classes}],\n  durableObjectStorage = (localDisk = \"state\"),\n  bindings = [{bindings}],\n);\n",
            date = quoted(&self.compatibility_date),
            flags = flags.join(", "),
            classes = classes.join(", "),
            bindings = bindings.join(", "),
        )
    }
}

const INTO_A_STRING: &str = "writing to a string succeeds";

fn class(class: &Class) -> String {
    let name = quoted(&class.name);
    format!("(className = {name}, uniqueKey = {name}, enableSql = {})", class.has_sql)
}

fn binding(name: &str, to: &Binding) -> String {
    let value = match to {
        Binding::Objects(class) => format!("durableObjectNamespace = {}", quoted(class)),
        Binding::Text(text) => format!("text = {}", quoted(text)),
        Binding::Json(json) => format!("json = {}", quoted(json)),
    };
    format!("(name = {}, {value})", quoted(name))
}

/// A text of the configuration's language.
fn quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => write!(quoted, "\\{}", char::from(byte)).expect(INTO_A_STRING),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => write!(quoted, "\\x{byte:02x}").expect(INTO_A_STRING),
        }
    }
    quoted.push('"');
    quoted
}
