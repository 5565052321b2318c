//! What objects promise beside the rules of the contract, in words, judged over what could be seen from outside: what clients sent
//! and were told, what reached services and what they said, and what the datastore holds at the end of the run.
//!
//! ```
//! # use std::time::Duration;
//! use reveille::promise::{acknowledged, after_each_acknowledged, answers, at_most, calls_to, distinct, never_stops, runs_of_alarm};
//!
//! let every_job_is_mailed = acknowledged().reaches("http://mail");
//! let soon = acknowledged().reaches("http://mail").within(Duration::from_secs(2));
//! let and_only_once = distinct(calls_to("http://mail"));
//! let no_flood = at_most(10).of(calls_to("http://mail")).per(Duration::from_secs(1));
//! let followed = after_each_acknowledged(runs_of_alarm());
//! let goes_on = never_stops(Duration::from_secs(5));
//! let tickets = distinct(answers());
//! ```
//!
//! What these words cannot say is a function over the run: [`promise`], [`always`], [`eventually`].
//!
//! A promise counts its *occasions*, how often a run could have broken it: one without an occasion was not judged. A breach names
//! the object, and so brings the object's life into the story; where one of the known traps explains it (X1 to X5 of the contract),
//! that is the rule that is told (`loss`).

mod follows;
mod frequency;
mod goes_on;
mod item;
mod kept;
mod loss;
mod parts;
mod predicates;
mod reaches;
#[cfg(test)]
mod tests;
mod time;
pub mod view;

pub use self::follows::{Following, after_each_acknowledged, runs_of_alarm};
pub use self::frequency::{AtMost, Distinct, Things, answers, at_most, calls_to, distinct};
pub use self::goes_on::{NeverStops, never_stops};
pub use self::kept::{Judged, Promise, judge};
pub use self::predicates::{always, eventually, promise};
pub use self::reaches::{Acknowledged, Reaches, acknowledged};
pub use self::view::View;
