//! The objects that come with the harness, one scenario a file, each written as one of your own would be: they know the harness
//! by its public names alone.

pub mod alarm_example;
pub mod batcher;
pub mod batcher_docs;
pub mod cron;
pub mod delivery;
pub mod failover;
pub mod retry_info;
pub mod scripted;
pub mod sweep;

use reveille::catalogue::Catalogue;

/// All scenarios, in the order in which they are listed. A new one is a file and a line here.
pub fn catalogue() -> Catalogue {
    Catalogue::new([
        batcher_docs::scenario(),
        batcher::scenario(),
        retry_info::scenario(),
        alarm_example::scenario(),
        cron::scenario(),
        failover::scenario(),
        sweep::scenario(),
        scripted::scenario(),
    ])
}
