//! Names that come again: objects, keys, services. Each is kept once, so that most events take no allocation for them.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use siphasher::sip::SipHasher13;

/// How many names are remembered. A name that falls out costs an allocation when it comes again, nothing else.
const SLOTS: usize = 4096;

/// Longer texts are not remembered, so that what is held stays within 1 MiB.
const BYTES_MAX: usize = 256;

/// The names that came last: of those that share a slot, one.
#[derive(Debug)]
pub(super) struct Names(Vec<Option<Arc<str>>>);

impl Default for Names {
    fn default() -> Self {
        Names(vec![None; SLOTS])
    }
}

impl Names {
    /// The name with this text.
    pub(super) fn get(&mut self, text: &str) -> Arc<str> {
        if text.len() > BYTES_MAX {
            return text.into();
        }
        let mut hasher = SipHasher13::new();
        text.hash(&mut hasher);
        let slot = &mut self.0[hasher.finish() as usize % SLOTS];
        match slot {
            Some(name) if **name == *text => name.clone(),
            _ => slot.insert(text.into()).clone(),
        }
    }
}
