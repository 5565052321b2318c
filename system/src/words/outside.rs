//! Calls to outside services and what comes of them.

use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::ids::CallId;
use crate::words::http::{Headers, JsonError, Request, of_json};

/// A request to an outside service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideCall {
    /// The call.
    pub call: CallId,
    /// The service, by name.
    pub service: Arc<str>,
    /// What it is sent.
    pub request: Request,
}

/// What an outside service answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideAnswer {
    /// HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

impl OutsideAnswer {
    /// An answer with this status and body, and no headers.
    pub fn of(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Headers::default(), body: body.into() }
    }

    /// Whether the status is from 200 to 299: the service has accepted what it was sent.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body read as JSON, whatever the status and `content-type` say.
    ///
    /// # Errors
    ///
    /// If it is no JSON, or not of this type: what is wrong, with line and column.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        of_json("answer", &self.body)
    }
}

/// A call to an outside service got no answer. Whether it arrived is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutsideError {
    /// The connection failed.
    #[error("the connection to the service failed")]
    Disconnected,
    /// No answer came within [`crate::config::Config::outside_timeout_ms`].
    #[error("the service did not answer in time")]
    TimedOut,
}
