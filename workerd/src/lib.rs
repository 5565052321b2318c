//! The real runtime in virtual time: a JavaScript class as it stands, in lockstep with a driver that owns time, killed at every point.
//!
//! The unmodified program `workerd` runs with a small library preloaded (`shim/`, C: the only part of the workspace that is not Rust),
//! which makes clocks, timers and entropy the driver's and stands still whenever the process is idle. The driver ([`world`]) decides
//! what comes next from a [`plan`], so a run is a function of its plan. Nothing here knows the simulated system.

pub mod bundle;
pub mod cli;
pub mod explore;
pub mod history;
pub mod life;
pub mod lockstep;
pub mod plan;
pub mod project;
pub mod promise;
pub mod rest;
pub mod shim;
pub mod shrink;
pub mod worker;
pub mod workload;
pub mod world;

mod http;
mod v8;
