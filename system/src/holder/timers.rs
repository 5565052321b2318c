//! The timers of a slice's objects: when each is over, on the machine's monotonic clock, and who waits for that.

use std::collections::BTreeMap;

use crate::ids::{ObjectName, OpId, Stamp};
use crate::words::time::Now;

/// The timers that are not over. Those of equal time are over in the order in which they were set.
#[derive(Debug, Default)]
pub(super) struct Timers {
    all: BTreeMap<(u64, u64), (ObjectName, Stamp, OpId)>,
    set: u64,
}

impl Timers {
    /// An instance has set a timer that is over then.
    pub(super) fn set(&mut self, until_ns: u64, object: ObjectName, instance: Stamp, op: OpId) {
        self.set += 1;
        self.all.insert((until_ns, self.set), (object, instance, op));
    }

    /// When the next one is over.
    pub(super) fn next_ns(&self) -> Option<u64> {
        self.all.first_key_value().map(|((until_ns, _), _)| *until_ns)
    }

    /// Takes out the next one that is over by now.
    pub(super) fn pop_due(&mut self, now: Now) -> Option<(ObjectName, Stamp, OpId)> {
        let next = self.all.first_entry().filter(|next| next.key().0 <= now.mono_ns)?;
        Some(next.remove())
    }

    /// Keeps those whose instances are still there.
    pub(super) fn retain(&mut self, is_there: impl Fn(&ObjectName, Stamp) -> bool) {
        self.all.retain(|_, (object, instance, _)| is_there(object, *instance));
    }
}
