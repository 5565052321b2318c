//! The objects that come with the harness, one scenario a file.

pub mod alarm_example;
pub mod batcher;
pub mod batcher_docs;
pub mod cron;
pub mod failover;
pub mod retry_info;
pub mod scripted;
pub mod sweep;
