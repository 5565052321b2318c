//! Objects, workloads and plans; the explorer, its reports and the command line.
//!
//! Read [`scenario`] first, then one of [`scenarios`] as an example of how to bring an object of your own; [`plans`]
//! turns a seed into a plan, [`explore`] runs many of them, [`report`] and [`story`] tell what was found.

pub mod bench;
pub mod check;
pub mod cli;
pub mod delivery;
pub mod explore;
pub mod finding;
pub mod keep;
pub mod log;
pub mod matrix;
pub mod plans;
pub mod report;
pub mod scenario;
pub mod scenarios;
pub mod story;
pub mod supervise;
