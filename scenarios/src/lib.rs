//! Objects, workloads and plans; the explorer, its reports and the command line.
//!
//! Read [`scenario`] first, then one of [`scenarios`] as an example of how to bring an object of your own; [`plans`]
//! turns a seed into a plan, [`explore`] runs many of them, [`shrink`] makes what it finds small, [`bundle`] and
//! [`regression`] keep it, [`report`] and [`story`] tell it; [`worlds`] tells what a campaign has tried.

pub mod bench;
pub mod bundle;
pub mod causes;
pub mod check;
pub mod cli;
pub mod delivery;
pub mod explore;
mod files;
pub mod finding;
pub mod histories;
pub mod log;
pub mod matrix;
pub mod plans;
pub mod reach;
pub mod regression;
pub mod replay;
pub mod report;
pub mod scenario;
pub mod scenarios;
pub mod shrink;
pub mod signature;
pub mod source;
pub mod story;
pub mod supervise;
pub mod worlds;
