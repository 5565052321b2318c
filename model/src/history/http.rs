//! What requests and answers say beside a body and a status, as HTTP has it: a method, a path, headers.
//!
//! Most say nothing beside: that costs a word here, nothing in JSON, and nothing in a hash, so that a history that tells of no method,
//! path or header is the same as one of a time that knew none.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Headers: names in lower case with values, in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Option<Arc<Pairs>>);

type Pairs = Vec<(Arc<str>, Arc<str>)>;

impl Headers {
    /// These headers.
    pub fn new(all: Vec<(Arc<str>, Arc<str>)>) -> Self {
        Headers((!all.is_empty()).then(|| Arc::new(all)))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// All headers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|all| all.iter()).map(|(name, value)| (&**name, &**value))
    }
}

/// No header leaves no trace.
impl Hash for Headers {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if let Some(all) = &self.0 {
            all.hash(state);
        }
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Headers::new)
    }
}

impl JsonSchema for Headers {
    fn schema_name() -> Cow<'static, str> {
        "Headers".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Pairs::json_schema(generator);
        schema.insert("description".into(), "Headers: names in lower case with values, in order.".into());
        schema
    }
}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// What a request says beside its body. What is not told is as usual: `POST`, `/`, and no headers.
#[derive(Clone, Default)]
pub struct Head(Option<Arc<Parts>>);

/// The parts of a head that are told.
#[derive(Clone, Debug, Default, Hash, PartialEq, Eq, Serialize, JsonSchema)]
struct Parts {
    /// The method. Left out, it is `POST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<Arc<str>>,
    /// The path with its query. Left out, it is `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<Arc<str>>,
    /// The headers: names in lower case with values, in order. Left out, there are none.
    #[serde(default, skip_serializing_if = "Headers::is_empty")]
    headers: Headers,
}

impl Head {
    /// A head of which these parts are told.
    pub fn new(method: Option<Arc<str>>, path: Option<Arc<str>>, headers: Headers) -> Self {
        if method.is_none() && path.is_none() && headers.is_empty() {
            return Head(None);
        }
        Head(Some(Arc::new(Parts { method, path, headers })))
    }

    /// Whether nothing of it is told.
    pub fn is_untold(&self) -> bool {
        self.0.is_none()
    }

    /// The method.
    pub fn method(&self) -> &str {
        self.0.as_ref().and_then(|parts| parts.method.as_deref()).unwrap_or("POST")
    }

    /// The path with its query.
    pub fn path(&self) -> &str {
        self.0.as_ref().and_then(|parts| parts.path.as_deref()).unwrap_or("/")
    }

    /// The headers, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|parts| parts.headers.iter())
    }
}

/// A part that is told as what it is anyway says the same as one that is left out.
impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        (self.is_untold() && other.is_untold())
            || (self.method() == other.method()
                && self.path() == other.path()
                && self.headers().eq(other.headers()))
    }
}

impl Eq for Head {}

/// A head of which nothing is told leaves no trace.
impl Hash for Head {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.method() != "POST" || self.path() != "/" || self.headers().next().is_some() {
            (self.method(), self.path()).hash(state);
            self.headers().for_each(|header| header.hash(state));
        }
    }
}

/// As in the first line of a request, with its headers behind it: empty if nothing is told, else with a space behind it.
impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_untold() {
            return Ok(());
        }
        write!(f, "{} {} ", self.method(), self.path())?;
        self.headers().try_for_each(|(name, value)| write!(f, "{name}: {value}; "))
    }
}

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ", self.method(), self.path())?;
        f.debug_map().entries(self.headers()).finish()
    }
}

impl Serialize for Head {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl JsonSchema for Head {
    fn schema_name() -> Cow<'static, str> {
        "Head".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Parts::json_schema(generator)
    }
}
