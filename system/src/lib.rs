//! The object-and-alarm system: sans-I/O state machines, inputs in, effects out.
//!
//! Read [`machine`] first: one machine as a function of its inputs. Then along the life of a request: [`wire`], the
//! holder (`holder.rs`: slices, epochs, batches), [`object`] (gates, turns, storage), the holder's client of the
//! datastore (`client.rs`), [`replicas`], [`consensus`], [`log`] and [`store`]. When an alarm runs, and when again, is
//! decided in [`alarm`]. Words that many parts share stand on the ground floor, [`words`].
//!
//! Nothing here knows a simulator, a model or a runtime. A machine has no clock, no randomness and no thread of its own:
//! whatever it needs comes with an input or with its [`machine::Setup`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use bytes::Bytes;
//! use reveille_system::config::Config;
//! use reveille_system::ids::MachineId;
//! use reveille_system::io::{DiskImage, Effects, FileId};
//! use reveille_system::machine::{Machine, Setup};
//! use reveille_system::object::class::Classes;
//! use reveille_system::words::time::Now;
//!
//! struct EmptyDisk;
//!
//! impl DiskImage for EmptyDisk {
//!     fn read(&self, _file: FileId) -> Bytes {
//!         Bytes::new()
//!     }
//! }
//!
//! let config = Arc::new(Config::new(1, 1, 1, 1));
//! let setup = Setup { config, me: MachineId(0), seed: 7, classes: Classes::default() };
//! let now = Now { mono_ns: 0, wall_ns: 1_700_000_000_000_000_000 };
//! let mut effects = Effects::default();
//! Machine::boot(setup, now, &EmptyDisk, &mut effects);
//! assert!(effects.wake_at_ns.is_some(), "a machine wants to be woken for its next tick");
//! ```

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

/// How far this crate was optimised, as its profile says it: `0` is not at all, and a run takes many times as long.
pub const OPT_LEVEL: &str = env!("REVEILLE_OPT_LEVEL");
