//! The two outputs. Whoever reads the standard output may have gone, as `head` does: there is nothing left to say then, and
//! the exit code says that ([`NOBODY_LISTENS`]). What goes to the standard error is for whoever watches: if it cannot be
//! written the work goes on.

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

/// Says something on the standard error: how far the work is, and what is wrong. If that cannot be written nobody hears it.
pub fn tell(text: impl Display) {
    let _ = write!(io::stderr().lock(), "{text}");
}

/// The exit code where nobody reads the standard output any more: nothing is said about what was found, and it is not a
/// success. It is that of a program which the closed pipe ends (128 and SIGPIPE).
pub const NOBODY_LISTENS: u8 = 141;

/// Whoever read the standard output has gone.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the standard output any more")]
struct NobodyListens;

/// Whether an error says that nobody reads the standard output any more.
pub fn nobody_listens(error: &anyhow::Error) -> bool {
    error.is::<NobodyListens>()
}
