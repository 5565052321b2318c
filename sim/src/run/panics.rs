//! Panics in a run's thread are kept, not printed: a panic is a finding, and a campaign would drown in them. Other threads
//! keep the hook that they had.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// A panic, as its hook heard of it.
#[derive(Debug, Default)]
pub(crate) struct Panic {
    /// What it said.
    pub(crate) message: String,
    /// Where: file, line and column.
    pub(crate) location: String,
}

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// Makes the process keep panics of watched threads. Does so once.
pub(super) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !WATCHED.get() {
                return before(info);
            }
            let message = info.payload_as_str().unwrap_or("a panic without words").to_owned();
            let location = info.location().map(ToString::to_string).unwrap_or_default();
            LAST.set(Some(Panic { message, location }));
        }));
    });
}

/// From now on panics of this thread are kept.
pub(super) fn watch_this_thread() {
    WATCHED.set(true);
}

/// Runs code that may panic, in a watched thread. What the code was changing when it did is to be given up.
#[inline]
pub(crate) fn caught<T>(code: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|_| LAST.take().unwrap_or_default())
}
