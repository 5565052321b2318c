//! The wing of alarms: which of them run, when and how often (A, F, R).

pub(in crate::check) mod firing;
pub(in crate::check) mod resets;
pub(in crate::check) mod retries;
