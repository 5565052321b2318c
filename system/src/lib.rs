//! The object-and-alarm system: sans-I/O state machines, inputs in, effects out.
//!
//! Read [`machine`] first: one machine as a function of its inputs. Then along the life of a request: [`wire`], the
//! holder (`holder.rs`: slices, epochs, batches), [`object`] (gates, turns, storage), the holder's client of the
//! datastore (`client.rs`), [`replicas`], [`consensus`], [`log`] and [`store`]. When an alarm runs, and when again, is
//! decided in [`alarm`]. Words that many parts share stand on the ground floor, [`words`].
//!
//! Nothing here knows a simulator, a model or a runtime. A machine has no clock, no randomness and no thread of its own:
//! whatever it needs comes with an input or with its [`machine::Setup`].

pub mod alarm;
mod client;
pub mod config;
pub mod consensus;
mod cx;
pub mod hash;
mod holder;
pub mod ids;
mod ingress;
pub mod io;
mod leader;
pub mod log;
pub mod machine;
pub mod object;
pub mod observe;
pub mod outbox;
pub mod placement;
pub mod registry;
mod renewals;
pub mod replicas;
pub mod route;
mod session;
pub mod store;
pub mod wire;
pub mod words;
