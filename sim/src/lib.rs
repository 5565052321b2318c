//! The simulated world: clock, network, disk, outside services, faults, and the run of one plan.
//!
//! A [`plan::Plan`] goes in, an [`run::Outcome`] comes out, and the same plan gives the same outcome, digest included,
//! on every machine and in every process. This crate is the only one that knows both the system and the model; neither
//! knows it.

#[cfg(not(madsim))]
compile_error!(
    "reveille-sim needs `--cfg madsim`. The workspace's .cargo/config.toml sets it; an exported RUSTFLAGS replaces \
     those flags, and cargo does not find the file when it is started outside the tree. Unset RUSTFLAGS, or add \
     `--cfg madsim` to it, and start cargo inside the tree."
);

// Without the cfg these would only add errors to the one above.
#[cfg(madsim)]
pub mod between;
#[cfg(madsim)]
mod clients;
#[cfg(madsim)]
pub mod clock;
mod connections;
#[cfg(madsim)]
pub mod counts;
#[cfg(madsim)]
pub mod disk;
#[cfg(madsim)]
pub mod fates;
#[cfg(madsim)]
mod fault;
#[cfg(madsim)]
mod host;
#[cfg(madsim)]
pub mod kinds;
#[cfg(madsim)]
pub mod latency;
#[cfg(madsim)]
mod majority;
#[cfg(madsim)]
pub mod net;
#[cfg(madsim)]
pub mod outside;
#[cfg(madsim)]
pub mod plan;
#[cfg(madsim)]
pub mod progress;
#[cfg(madsim)]
mod queue;
#[cfg(madsim)]
mod readout;
#[cfg(madsim)]
mod record;
#[cfg(madsim)]
pub mod run;
#[cfg(madsim)]
pub mod streams;
#[cfg(madsim)]
pub mod trace;
#[cfg(madsim)]
mod world;
