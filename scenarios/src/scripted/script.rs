//! The small programs that scripted objects run, and how they are written down.
//!
//! A request's body is one [`Script`] in JSON: what the request does, and what later constructors and runs of `alarm()` do.
//!
//! ```text
//! {"steps": [{"do": {"put": ["a", "1"]}}, {"start": {"set_alarm": {"in_ms": 500}}}, {"fetch": "hello"}],
//!  "alarm": [["fail"], [{"do": "delete_alarm"}]]}
//! ```
//!
//! Everything that a plan may ask of an object is here as data, so that a plan can be printed and shrunk; nothing here
//! knows how it is run.

use bytes::Bytes;
use reveille_system::object::api::{Key, List, Request};
use serde::{Deserialize, Serialize};

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// What the request itself does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// What `alarm()` does from now on: one program for each `retry_count`, from 0. A run without one does nothing. Kept
    /// in storage, so it outlives the instance; empty leaves what is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarm: Vec<Vec<Step>>,
    /// What the next constructors do, in their `block_concurrency_while`: each takes the first program off the list, so
    /// that a constructor that fails does so once. Kept in storage; empty leaves what is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub construct: Vec<Vec<Step>>,
}

/// One step of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Makes a call and awaits its result. A refusal is noted, and the program goes on.
    Do(Call),
    /// Makes a call and never awaits it.
    Start(Call),
    /// Makes a call and awaits its result, with other events let in meanwhile (`allow_concurrency`, O3).
    LettingIn(Call),
    /// Makes all calls at once, then awaits them in this order.
    Together(Vec<Call>),
    /// Sends this to an outside service and awaits the answer. Other events interleave (O3).
    Fetch(String),
    /// Sends this to an outside service and goes on.
    Post(String),
    /// Sends a request with a method, a path and headers to an outside service, and awaits the answer.
    Ask(Ask),
    /// Waits for so many milliseconds. Other events interleave (O3).
    Sleep(u64),
    /// Draws a random number, which the answer tells.
    Random,
    /// Starts these steps as a `wait_until`, and goes on at once: the answer does not wait for them. If they fail nothing happens.
    WaitUntil(Vec<Step>),
    /// Starts a `block_concurrency_while` with these steps, and goes on at once. If they fail, the object is reset.
    Block(Vec<Step>),
    /// Runs these steps as a transaction (S5) and awaits it. If they fail it is rolled back; that is noted, and the program
    /// goes on.
    Transaction(Vec<Step>),
    /// Begins a transaction with these steps, and drops it unless it ends without having to wait: then it is rolled back.
    Abandon(Vec<Step>),
    /// Fails with an error.
    Fail,
    /// Panics.
    Panic,
    /// Never ends.
    Hang,
    /// Makes calls until the budget of the turn is used up (O7).
    Exceed,
}

/// A request to an outside service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
}

/// A storage or alarm call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Call {
    /// `get(key)`.
    Get(Text),
    /// `get_many(keys)`.
    GetMany(Keys),
    /// `put(key, value)`.
    Put(Text, Text),
    /// `put_many(entries)`: these keys, all with this value.
    PutMany(Keys, Text),
    /// `delete(key)`.
    Delete(Text),
    /// `delete_many(keys)`.
    DeleteMany(Keys),
    /// `list(options)`.
    List(Range),
    /// `delete_all()`.
    DeleteAll,
    /// `delete_all()` with the option to preserve the alarm.
    DeleteAllPreservingAlarm,
    /// `sync()`.
    Sync,
    /// `get_alarm()`.
    GetAlarm,
    /// `set_alarm(time)`.
    SetAlarm(When),
    /// `delete_alarm()`.
    DeleteAlarm,
}

/// A key or a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a text, or {\"bytes\": N} for one of that length")]
pub enum Text {
    /// Just this.
    Short(String),
    /// One of so many bytes.
    Long {
        /// How many.
        bytes: usize,
    },
}

/// The keys of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a list of keys, or {\"count\": N} for so many short ones")]
pub enum Keys {
    /// Just these.
    These(Vec<Text>),
    /// `"0"`, `"1"` and so on: so many.
    Count {
        /// How many.
        count: usize,
    },
}

/// The options of `list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Range {
    /// Only keys that begin with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Key>,
    /// Only keys at or after this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Key>,
    /// Only keys after this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_after: Option<Key>,
    /// Only keys before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Key>,
    /// Descending order.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reverse: bool,
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A time for an alarm, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum When {
    /// From the machine's wall clock on; below zero is the past.
    InMs(i64),
    /// Since the UNIX epoch, valid or not.
    AtMs(i64),
}

/// A script that cannot be read: what is wrong, and where.
#[derive(Debug, thiserror::Error)]
#[error("this is no script: {0}")]
pub struct ScriptError(#[from] serde_json::Error);

impl Script {
    /// Reads what a request's body says.
    ///
    /// # Errors
    ///
    /// If it is no script: the first thing that is wrong, with line and column.
    pub fn parse(body: &[u8]) -> Result<Self, ScriptError> {
        Ok(serde_json::from_slice(body)?)
    }

    /// As a request's body says it.
    pub fn to_body(&self) -> String {
        to_json(self)
    }
}

/// Reads programs as [`programs_to_json`] wrote them.
///
/// # Errors
///
/// If they are none.
pub(super) fn programs_of_json(json: &[u8]) -> Result<Vec<Vec<Step>>, ScriptError> {
    Ok(serde_json::from_slice(json)?)
}

pub(super) fn programs_to_json(programs: &[Vec<Step>]) -> String {
    to_json(programs)
}

fn to_json<T: Serialize + ?Sized>(what: &T) -> String {
    serde_json::to_string(what).expect("what has only texts, numbers and lists can be written as JSON")
}

impl Ask {
    pub(super) fn request(&self) -> Request {
        let Self { method, path, headers, body } = self.clone();
        let request = Request::new(method, path).with_body(body);
        headers.into_iter().fold(request, |request, (name, value)| request.with_header(name, value))
    }
}

impl Text {
    /// Longer texts are told by their length.
    const SHORT_MAX: usize = 64;

    pub(super) fn key(&self) -> Key {
        match self {
            Self::Short(text) => text.as_str().into(),
            Self::Long { bytes } => "k".repeat(*bytes).into(),
        }
    }

    pub(super) fn value(&self) -> Bytes {
        match self {
            Self::Short(text) => Bytes::copy_from_slice(text.as_bytes()),
            Self::Long { bytes } => vec![b'v'; *bytes].into(),
        }
    }

    pub(super) fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) if text.len() <= Self::SHORT_MAX => Self::Short(text.to_owned()),
            _ => Self::Long { bytes: bytes.len() },
        }
    }
}

impl Keys {
    pub(super) fn keys(&self) -> Vec<Key> {
        match self {
            Self::These(keys) => keys.iter().map(Text::key).collect(),
            Self::Count { count } => (0..*count).map(|number| number.to_string().into()).collect(),
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Short(text.to_owned())
    }
}

impl Range {
    pub(super) fn list(&self) -> List {
        let Self { prefix, start, start_after, end, reverse, limit } = self.clone();
        List { prefix, start, start_after, end, reverse, limit }
    }
}
