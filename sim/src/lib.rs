//! The simulated world: clock, network, disk, outside services, faults, and the run of one plan.
//!
//! A [`plan::Plan`] goes in, an [`run::Outcome`] comes out, and the same plan gives the same outcome, digest included,
//! on every machine and in every process. This crate is the only one that knows both the system and the model; neither
//! knows it.
//!
//! With `--cfg madsim` a run is guarded: object code that asks the operating system for the time or for randomness gets
//! those of the run ([`run::GUARDED`]). Without it the same plans give the same runs as long as object code asks its `Ctx`
//! alone.
//!
//! ```
//! use reveille_sim::plan::Plan;
//! use reveille_sim::run::{self, RunEnd};
//! use reveille_system::object::class::Classes;
//!
//! // One machine for half a minute, of which nothing is asked. Most plans are drawn, and not written by hand.
//! let plan = Plan::from_json(
//!     r#"{
//!         "version": 1, "scenario": "idle", "seed": 7,
//!         "cluster": { "datacenters": 1, "machines_per_datacenter": 1, "groups": 1, "slices": 1 },
//!         "network": { "within_us": 200, "between_us": [[0]], "jitter_percent": 20, "loss_ppm": 0 },
//!         "disk": { "sync_us_min": 500, "sync_us_max": 3000 },
//!         "clocks": [{ "offset_ms": 0, "drift_ppm": 100 }],
//!         "idle_evict_ms": 10000, "outside_timeout_ms": 30000, "request_timeout_ms": 20000,
//!         "phases": { "warm_up_ms": 6000, "faults_ms": 10000, "quiet_ms": 14000 },
//!         "workload": [],
//!         "upstream": { "answer_ms_min": 20, "answer_ms_max": 200, "outages": [] },
//!         "faults": []
//!     }"#,
//! )?;
//! let (one, other) = (run::run(&plan, Classes::default), run::run(&plan, Classes::default));
//! assert_eq!(one.end, RunEnd::Completed);
//! assert_eq!(one.digest, other.digest);
//! # Ok::<(), reveille_sim::plan::PlanError>(())
//! ```

pub mod between;
mod clients;
pub mod clock;
mod connections;
pub mod counts;
pub mod disk;
pub mod fates;
mod fault;
mod guard;
mod host;
pub mod kinds;
pub mod latency;
mod majority;
pub mod net;
pub mod outside;
pub mod plan;
pub mod progress;
mod queue;
mod readout;
mod record;
pub mod run;
pub mod streams;
pub mod trace;
mod world;
