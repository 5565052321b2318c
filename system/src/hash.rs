//! The hasher of all hash maps in the system: fixed keys, so that a map is the same in every process.

use std::hash::{BuildHasherDefault, Hasher};

use siphasher::sip::SipHasher13;

/// Builds [`FixedHasher`]s.
pub type FixedState = BuildHasherDefault<FixedHasher>;

/// SipHash 1-3 with fixed keys.
#[derive(Debug, Default)]
pub struct FixedHasher(SipHasher13);

impl Hasher for FixedHasher {
    fn finish(&self) -> u64 {
        self.0.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
}
