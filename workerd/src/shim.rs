//! The shim, as it was built with this library (`build.rs`): what stands between the runtime and its C library.

use std::io;
use std::path::{Path, PathBuf};

/// The preloaded library; empty where the runtime cannot be driven.
const BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/shim.so"));

/// Why the runtime cannot be driven here, in a line; none if it can.
pub fn missing() -> Option<&'static str> {
    BYTES.is_empty().then_some(
        "the real runtime can be driven on x86-64 Linux with glibc alone; this program was built for another machine",
    )
}

/// Writes the shim into a folder.
///
/// # Errors
///
/// If the file cannot be written.
pub(crate) fn put_into(folder: &Path) -> io::Result<PathBuf> {
    let path = folder.join("shim.so");
    std::fs::write(&path, BYTES)?;
    Ok(path)
}
