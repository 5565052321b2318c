//! The wing of alarms (A, F, R): the slot, which alarms run and when, what a run is told, and what becomes of it.
//!
//! | rules | in |
//! |---|---|
//! | A1, A2, A5, R6, and runs that come after an end | [`gone`] |
//! | A3, A4 | [`reading`] |
//! | A6, A7, A8, A10 | [`setting`] |
//! | A9 | [`constructor`] |
//! | F1, F5, F6, F8 | [`overdue`]; F8 of one that comes late: `cluster::lateness` |
//! | F2, F3, F7 | [`start`]; F3 of two instances: `object::effects` |
//! | F4 | [`completion`] |
//! | R1 | [`limit`], [`resets`], [`count`]; of storage calls: `storage::calls` |
//! | R2, R4, R5, R7 | [`count`]; what the datastore holds: [`rest`] |
//! | R3 | [`backoff`] |
//! | R8 | `storage::blame` |

pub(in crate::check) mod backoff;
pub(in crate::check) mod completion;
pub(in crate::check) mod constructor;
pub(in crate::check) mod count;
pub(in crate::check) mod end;
pub(in crate::check) mod gone;
pub(in crate::check) mod limit;
pub(in crate::check) mod overdue;
pub(in crate::check) mod reading;
pub(in crate::check) mod resets;
pub(in crate::check) mod rest;
pub(in crate::check) mod setting;
pub(in crate::check) mod start;
