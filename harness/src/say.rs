//! The two outputs. Whoever reads the standard output may have gone, as `head` does: then nobody hears the rest, and the exit code
//! still says what was found. What goes to the standard error is for whoever watches: if it cannot be written the work goes on.

use std::fmt::Display;
use std::io::{self, Write};

use anyhow::Context;

/// Says something on the standard output.
///
/// # Errors
///
/// If it cannot be written although somebody reads it, as to a disk that is full.
pub fn say(text: impl Display) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    match write!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("the standard output cannot be written"),
    }
}

/// Says something on the standard error: how far the work is, and what is wrong. If that cannot be written nobody hears it.
pub fn tell(text: impl Display) {
    let _ = write!(io::stderr().lock(), "{text}");
}
