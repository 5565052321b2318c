//! The wing of machines: faults, clocks and quorums, who holds and leads what (D), and the bounds of time (L).
//!
//! | rules | in |
//! |---|---|
//! | D1, D4, D5 | [`claims`] |
//! | D3, D5, D6 | [`takeover`] |
//! | D2, D7 | `alarm::overdue`, by [`faults`] |
//! | D8 | [`disks`] |
//! | L1, L2, L3 | [`lateness`], by [`changes`] (faults and [`spells`] of them, [`quorum`]s, [`clocks`]) and [`load`] |
//! | L4 | [`lateness`], [`claims`] |

pub(in crate::check) mod changes;
pub(in crate::check) mod claims;
pub(in crate::check) mod clocks;
pub(in crate::check) mod disks;
pub(in crate::check) mod faults;
mod halves;
pub(in crate::check) mod lateness;
pub(in crate::check) mod load;
pub(in crate::check) mod nature;
pub(in crate::check) mod quorum;
pub(in crate::check) mod spells;
mod stills;
pub(in crate::check) mod takeover;
