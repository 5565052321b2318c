//! What the simulated world promises, one file for each of its parts.

mod clock;
mod code;
mod common;
mod connections;
mod datagrams;
mod disk;
mod exclusive;
mod fault;
mod limits;
mod links;
mod moments;
mod net;
mod panic;
mod plan;
mod progress;
mod run;
mod transaction;
mod tuning;
