//! Objects: how object code is run, what it may call, and what becomes of its calls (the words of these: [`crate::words`]).
//!
//! - [`class`]: the seam. Whoever can run object code in some language implements it.
//! - [`api`]: object code in Rust: a small async API in the manner of Durable Objects, and its side of the seam.
//! - [`view`]: what an instance sees of its storage and its alarm slot: the cache, the writes not yet durable (S, A).
//! - [`port`]: what an instance can do, and the account of what it did.
//! - `entry`: one object on its machine: gates, turns, runs of `alarm()`, resets.

pub mod api;
pub mod class;
pub(crate) mod entry;
pub mod port;
pub mod view;
