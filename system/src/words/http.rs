//! Requests and answers as HTTP has them, as plain data: a method, a path, headers, a status, a body. Clients ask objects with
//! them, and objects ask outside services.
//!
//! Most requests of a simulation are as usual: `POST /` without headers. For those nothing is allocated beside the body.

use std::borrow::Cow;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A short text that is mostly one of a few known ones.
pub type Text = Cow<'static, str>;

/// Headers in the order in which they were given: lower-case names with values. A name may stand there more than once. Most messages
/// have none, and are moved often: none is one word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[expect(clippy::box_collection, reason = "one word where there are none, which is nearly always")]
pub struct Headers(Option<Box<Vec<(Text, Text)>>>);

impl Headers {
    /// The first value of a header, by its name in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// One more header, behind the others. Its name becomes lower case.
    pub fn push(&mut self, name: impl Into<Text>, value: impl Into<Text>) {
        let mut name = name.into();
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            name.to_mut().make_ascii_lowercase();
        }
        self.0.get_or_insert_default().push((name, value.into()));
    }

    /// All headers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|all| all.iter()).map(|(name, value)| (&**name, &**value))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl<N: Into<Text>, V: Into<Text>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(all: I) -> Self {
        let mut headers = Self::default();
        all.into_iter().for_each(|(name, value)| headers.push(name, value));
        headers
    }
}

/// What a request says beside its body. By default `POST /` without headers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The method, as `GET`.
    pub method: Text,
    /// The path with its query, from the slash on.
    pub path: Text,
    /// The headers.
    pub headers: Headers,
}

impl Default for Head {
    fn default() -> Self {
        Self { method: Cow::Borrowed("POST"), path: Cow::Borrowed("/"), headers: Headers::default() }
    }
}

impl Head {
    /// Whether it is `POST /` without headers.
    pub fn is_usual(&self) -> bool {
        self.method == "POST" && self.path == "/" && self.headers.is_empty()
    }
}

/// A request, to an object or to an outside service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, as `GET`.
    pub method: Text,
    /// The path with its query, from the slash on.
    pub path: Text,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// A request with this method and path, without headers and with an empty body.
    pub fn new(method: impl Into<Text>, path: impl Into<Text>) -> Self {
        let head = Head { method: method.into(), path: path.into(), headers: Headers::default() };
        Self::of(head, Bytes::new())
    }

    /// `POST /` with this body.
    pub fn post(body: impl Into<Bytes>) -> Self {
        Self::of(Head::default(), body.into())
    }

    /// Head and body put together.
    pub fn of(head: Head, body: Bytes) -> Self {
        let Head { method, path, headers } = head;
        Self { method, path, headers, body }
    }

    /// Head and body apart.
    pub fn into_parts(self) -> (Head, Bytes) {
        let Self { method, path, headers, body } = self;
        (Head { method, path, headers }, body)
    }

    /// The same request with one more header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// The same request with this body.
    #[must_use]
    pub fn with_body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// The same request with this value as its body, as JSON, and a `content-type` that says so.
    ///
    /// # Errors
    ///
    /// If the value cannot be written as JSON.
    pub fn with_json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, JsonError> {
        let body = to_json("request", value)?;
        Ok(self.with_header(CONTENT_TYPE, JSON).with_body(body))
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body read as JSON, whatever `content-type` says.
    ///
    /// # Errors
    ///
    /// If it is no JSON, or not of this type: what is wrong, with line and column.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        of_json("request", &self.body)
    }
}

/// What an object answers to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

impl Response {
    /// An answer with status 200 and this body.
    pub fn ok(body: impl Into<Bytes>) -> Self {
        Self::of(200, body)
    }

    /// An answer with this status and body, and no headers.
    pub fn of(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Headers::default(), body: body.into() }
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// The same answer with this status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }
}

/// The header that says what a body is.
pub(crate) const CONTENT_TYPE: &str = "content-type";
/// JSON as that header names it.
pub(crate) const JSON: &str = "application/json";

/// A value cannot be written as JSON, or what should be JSON is not, or not of the type that was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the {whose} is not the JSON that was expected: {why}")]
pub struct JsonError {
    whose: &'static str,
    why: serde_json::Error,
}

/// Writes a value as JSON. `whose` is what it becomes a part of.
pub(crate) fn to_json<T: Serialize + ?Sized>(whose: &'static str, value: &T) -> Result<Bytes, JsonError> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|why| JsonError { whose, why })
}

/// Reads JSON. `whose` is what it was a part of.
pub(crate) fn of_json<T: DeserializeOwned>(whose: &'static str, json: &[u8]) -> Result<T, JsonError> {
    serde_json::from_slice(json).map_err(|why| JsonError { whose, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_by_its_name_in_any_case_and_the_first_one_counts() {
        let request = Request::new("GET", "/x").with_header("X-Trace", "1").with_header("x-trace", "2");
        assert_eq!(request.headers.get("X-TRACE"), Some("1"));
        let all: Vec<(&str, &str)> = request.headers.iter().collect();
        assert_eq!(all, [("x-trace", "1"), ("x-trace", "2")]);
    }

    #[test]
    fn a_typed_body_comes_back_and_what_is_no_such_json_is_told() {
        let request = Request::new("PUT", "/n").with_json(&(1, "a")).expect("a pair can be written");
        assert_eq!(request.headers.get("content-type"), Some("application/json"));
        assert_eq!(request.json::<(u8, String)>().expect("it was one"), (1, "a".to_owned()));
        let error = request.json::<u8>().expect_err("a pair is no number").to_string();
        assert!(error.starts_with("the request is not the JSON that was expected: "), "{error}");
    }

    #[test]
    fn the_usual_head_is_post_to_the_root_without_headers() {
        assert!(Head::default().is_usual());
        let unusual =
            [Request::new("GET", "/"), Request::new("POST", "/x"), Request::post("").with_header("a", "b")];
        assert!(unusual.into_iter().all(|request| !request.into_parts().0.is_usual()));
    }
}
