//! The objects that come with the harness, one scenario a file.

pub mod batcher;
pub mod batcher_docs;
pub mod retry_info;
