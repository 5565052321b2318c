//! Calls to outside services and what comes of them.

use std::sync::Arc;

use bytes::Bytes;

use crate::ids::CallId;

/// A request to an outside service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideCall {
    /// The call.
    pub call: CallId,
    /// The service, by name.
    pub service: Arc<str>,
    /// What it is sent.
    pub body: Bytes,
}

/// What an outside service answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideAnswer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
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
