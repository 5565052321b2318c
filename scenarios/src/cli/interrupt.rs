//! Long work can be interrupted: the first Ctrl-C makes it stop at what it has, the second ends the process.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

/// A flag that becomes true at the first interrupt. To be asked for once in a process.
///
/// # Errors
///
/// If the host does not let us know of interrupts.
pub(super) fn flag() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let interrupted = stop.clone();
    let handler = move || {
        if interrupted.swap(true, Ordering::Relaxed) {
            process::exit(130);
        }
    };
    ctrlc::set_handler(handler).context("the handler for interrupts could not be set")?;
    Ok(stop)
}
