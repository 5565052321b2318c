//! Panics in a run's thread are kept, not printed: a panic is a finding, and a campaign would drown in them. Other threads
//! keep the hook that they had.

use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::Once;

use super::RunEnd;

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
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
            LAST.set(Some((message, location)));
        }));
    });
}

/// From now on panics of this thread are kept.
pub(super) fn watch_this_thread() {
    WATCHED.set(true);
}

/// The panic that ended a run.
pub(super) fn panicked(at_ns: u64) -> RunEnd {
    let (message, location) = LAST.take().unwrap_or_default();
    RunEnd::Panicked { message, location, at_ns }
}
