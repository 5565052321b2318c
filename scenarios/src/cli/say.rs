//! The standard output. Whoever reads it may have gone, as `head` does: that is no error, and there is nothing left to say.

use std::fmt::Display;
use std::io::{self, Write};

use anyhow::Context;

/// Says something on the standard output.
///
/// # Errors
///
/// If it cannot be written.
pub(crate) fn say(text: impl Display) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    match write!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(NobodyListens.into()),
        written => written.context("the standard output cannot be written"),
    }
}

/// Whoever read the standard output has gone.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the standard output any more")]
struct NobodyListens;

/// Whether an error says that nobody reads the standard output any more.
pub fn nobody_listens(error: &anyhow::Error) -> bool {
    error.is::<NobodyListens>()
}
