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

pub mod clock;
pub mod counts;
pub mod disk;
pub mod fates;
pub mod net;
pub mod plan;
pub mod streams;
pub mod trace;

// Without the cfg these would only add errors to the one above.
#[cfg(madsim)]
mod clients;
#[cfg(madsim)]
mod fault;
#[cfg(madsim)]
mod host;
#[cfg(madsim)]
mod majority;
#[cfg(madsim)]
mod outside;
#[cfg(madsim)]
pub mod progress;
#[cfg(madsim)]
mod queue;
#[cfg(madsim)]
mod record;
#[cfg(madsim)]
pub mod run;
#[cfg(madsim)]
mod world;
