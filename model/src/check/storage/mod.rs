//! The wing of storage: what calls give, what becomes durable together, and what is there afterwards (S).
//!
//! | rules | in |
//! |---|---|
//! | S1 | [`calls`] |
//! | S2, S3, S5 | [`commits`]; what is read: [`blame`]; at rest: [`rest`] |
//! | S4, S6 | [`reads`]; a read that shows later to have been stale: [`stale`] |
//! | S7, S8 | [`limits`], [`blame`] |

pub(in crate::check) mod blame;
pub(in crate::check) mod calls;
pub(in crate::check) mod commits;
pub(in crate::check) mod limits;
pub(in crate::check) mod reads;
pub(in crate::check) mod rest;
pub(in crate::check) mod stale;
