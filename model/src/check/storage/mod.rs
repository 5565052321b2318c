//! The wing of storage: what calls give, what becomes durable together, and what is there afterwards (S).

pub(in crate::check) mod blame;
pub(in crate::check) mod calls;
pub(in crate::check) mod commits;
pub(in crate::check) mod limits;
pub(in crate::check) mod reads;
pub(in crate::check) mod rest;
