//! What both Batchers collect, and where they send it.

use bytes::Bytes;

/// The service that batches are sent to.
pub const UPSTREAM: &str = "http://example.com/some-upstream-service";

/// The `index`-th item of a plan. Each is unique.
pub fn item(index: usize, _dice: u32) -> String {
    format!("item-{index}")
}

/// A batch of items as it is sent to the upstream.
pub fn batch<'a>(items: impl Iterator<Item = &'a Bytes>) -> String {
    let texts: Vec<_> = items.map(|item| String::from_utf8_lossy(item)).collect();
    serde_json::to_string(&texts).expect("a list of texts can be written as JSON")
}
