//! The reference model: what an object with an alarm promises, and the checkers that refuse a history.
//!
//! [`history`] is the vocabulary in which a run is told, [`check()`] (or, event by event, [`Checker`]) holds it
//! against the contract, and the answer is a [`verdict`]. [`RULES`] lists what there is to judge, [`jsonl`] reads
//! and writes histories as files, and [`build`] makes them by hand. Everything here is a pure function of the history: no clock, no randomness, no I/O of
//! its own (a file is whatever `BufRead` it is given), and no knowledge of the system or the simulator that a history
//! comes from.
//!
//! ```
//! use reveille_model::build::Tale;
//!
//! // An alarm is set for second 10 and acknowledged. It never runs: in second 100 it stands in the datastore still.
//! let mut tale = Tale::new();
//! tale.alarm_is_set(10.0).at(100.0).rests(&[], Some((1, 10.0, 0))).end();
//! assert_eq!(tale.is_refused("F1").rule.0, "F1");
//! ```

pub mod build;
mod check;
pub mod history;
pub mod jsonl;
pub mod lateness;
mod profile;
mod reference;
mod rules;
pub mod verdict;

pub use check::{Checker, check};
pub use profile::{Profile, Relaxation};
pub use rules::{RULES, Rule};
