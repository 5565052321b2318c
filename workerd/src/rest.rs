//! What the files of the runtime hold: read by the driver from a copy, with SQLite, as the runtime itself would after a crash. A
//! witness: nothing in it is told by the worker.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use reveille_model::history::{Blob, Key};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use xxhash_rust::xxh3::Xxh3;

use crate::v8;
use crate::world::Files;

/// What one object has at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtRest {
    /// Its keys and values; none if a value is of a kind that has no words in a history.
    pub keys: Option<BTreeMap<Key, Blob>>,
    /// When its alarm is due, wall time in nanoseconds.
    pub alarm_ns: Option<i64>,
    /// The texts and bytes in its tables, each value's: what an item is looked for in.
    pub texts: Vec<Vec<u8>>,
}

/// Why the files cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The host's files.
    #[error("the objects' files cannot be copied: {0}")]
    Host(#[from] io::Error),
    /// The database.
    #[error("an object's database cannot be read: {0}")]
    Database(#[from] rusqlite::Error),
}

/// What the files hold: of each object, by its class and the name of its file; and a hash of every table in them, those of the
/// runtime included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// By class and id.
    pub objects: BTreeMap<(String, String), AtRest>,
    /// Equal for files that hold the same.
    pub hash: u64,
}

/// The name of the file in which the runtime keeps which alarms are due.
const SCHEDULER: &str = "metadata";

/// Reads files as they were copied.
///
/// # Errors
///
/// If they cannot be copied, or are no databases.
pub fn read(files: &Files) -> Result<Rest, Unreadable> {
    let copy = tempfile::Builder::new().prefix("reveille-rest-").tempdir()?;
    for (name, bytes) in files {
        // SQLite makes it anew; what stands in it is what was locked by the process that is gone.
        if is_named(name, "-shm") {
            continue;
        }
        let path = copy.path().join(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder"))?;
        fs::write(path, bytes)?;
    }
    let (mut objects, mut hash) = (BTreeMap::new(), Xxh3::new());
    for name in files.keys().filter(|name| is_named(name, ".sqlite")) {
        let class = name.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let id = name.file_stem().unwrap_or_default().to_string_lossy();
        let database =
            Connection::open_with_flags(copy.path().join(name), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        hash.update(name.to_string_lossy().as_bytes());
        let at_rest = object(&database, &mut hash)?;
        if id != SCHEDULER {
            objects.insert((class.into_owned(), id.into_owned()), at_rest);
        }
    }
    Ok(Rest { objects, hash: hash.digest() })
}

fn is_named(name: &Path, end: &str) -> bool {
    name.to_string_lossy().ends_with(end)
}

/// Everything in one database.
fn object(database: &Connection, hash: &mut Xxh3) -> Result<AtRest, rusqlite::Error> {
    let mut at_rest = AtRest { keys: Some(BTreeMap::new()), ..AtRest::default() };
    for table in tables(database)? {
        let mut rows = database.prepare(&format!("SELECT * FROM \"{}\"", table.replace('"', "\"\"")))?;
        let columns = rows.column_count();
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            hash.update(table.as_bytes());
            let values = (0..columns).map(|column| row.get_ref(column)).collect::<Result<Vec<_>, _>>()?;
            values.iter().for_each(|value| mix(hash, *value));
            match (table.as_str(), values.as_slice()) {
                ("_cf_KV", [ValueRef::Text(key), ValueRef::Blob(value), ..]) => at_rest.keep(key, value),
                ("_cf_METADATA", [ValueRef::Integer(1), ValueRef::Integer(alarm_ns)]) => {
                    at_rest.alarm_ns = Some(*alarm_ns);
                }
                ("_cf_METADATA", _) => {}
                (_, values) => at_rest.texts.extend(values.iter().filter_map(|value| match value {
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_vec()),
                    _ => None,
                })),
            }
        }
    }
    Ok(at_rest)
}

fn tables(database: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let mut names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")?;
    names.query_map([], |row| row.get(0))?.collect()
}

fn mix(hash: &mut Xxh3, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => hash.update(b"n"),
        ValueRef::Integer(number) => hash.update(&number.to_le_bytes()),
        ValueRef::Real(number) => hash.update(&number.to_bits().to_le_bytes()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            hash.update(&bytes.len().to_le_bytes());
            hash.update(bytes);
        }
    }
}

impl AtRest {
    fn keep(&mut self, key: &[u8], value: &[u8]) {
        let key = String::from_utf8_lossy(key);
        match (v8::text(value), &mut self.keys) {
            (Some(text), keys) => {
                self.texts.push(text.clone().into_bytes());
                if let Some(keys) = keys {
                    keys.insert(Key::from(key.as_ref()), Blob(text.into_bytes().into()));
                }
            }
            (None, keys) => {
                *keys = None;
                self.texts.push(value.to_vec());
            }
        }
    }
}
