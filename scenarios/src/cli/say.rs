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
    write!(output, "{text}").and_then(|()| output.flush()).context("the standard output cannot be written")
}

/// Whether an error says that nobody reads the standard output any more.
pub fn nobody_listens(error: &anyhow::Error) -> bool {
    let is_closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(is_closed))
}
