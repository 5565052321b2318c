//! The wing of machines: faults, clocks and quorums, who holds and leads what (D), and the bounds of time (L).

pub(in crate::check) mod changes;
pub(in crate::check) mod claims;
pub(in crate::check) mod clocks;
pub(in crate::check) mod faults;
mod halves;
pub(in crate::check) mod lateness;
pub(in crate::check) mod load;
pub(in crate::check) mod nature;
pub(in crate::check) mod quorum;
pub(in crate::check) mod spells;
pub(in crate::check) mod takeover;
