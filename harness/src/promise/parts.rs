//! Whether one body carries another: as itself, or, where it is JSON, as a value anywhere within it. So an item is found in a
//! batch, in a field of an object, and in a text that is JSON itself.

use bytes::Bytes;
use indexmap::IndexSet;
use serde_json::Value;

/// Bytes in a form in which equal values are equal: JSON without its spaces and with its fields in order; everything else as it is.
pub(super) fn plain(body: &[u8]) -> Bytes {
    // Most bodies are plain texts, and no JSON begins like them.
    let could_be_json = body.first().is_some_and(|first| b"{[\"-0123456789tfn ".contains(first));
    match serde_json::from_slice::<Value>(body) {
        Ok(value) if could_be_json => of_value(&value),
        _ => Bytes::copy_from_slice(body),
    }
}

fn of_value(value: &Value) -> Bytes {
    match value {
        Value::String(text) => Bytes::copy_from_slice(text.as_bytes()),
        other => other.to_string().into(),
    }
}

/// Everything that a body carries, in the order in which it stands there.
pub(super) fn of(body: &[u8]) -> IndexSet<Bytes> {
    let mut parts = IndexSet::from([plain(body)]);
    if let Ok(value) = serde_json::from_slice(body) {
        within(&value, &mut parts);
    }
    parts
}

fn within(value: &Value, parts: &mut IndexSet<Bytes>) {
    parts.insert(of_value(value));
    match value {
        Value::Array(values) => values.iter().for_each(|value| within(value, parts)),
        Value::Object(fields) => fields.values().for_each(|value| within(value, parts)),
        // A text that is JSON itself: an item that was stored as it came.
        Value::String(text) if text.starts_with(['{', '[', '"']) => {
            parts.insert(plain(text.as_bytes()));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carries(body: &str, part: &str) -> bool {
        of(body.as_bytes()).contains(&plain(part.as_bytes()))
    }

    #[test]
    fn an_item_is_found_wherever_it_is_whole() {
        assert!(carries("item-1", "item-1"));
        assert!(carries(r#"["item-1","item-2"]"#, "item-1"));
        assert!(carries(r#"{"job": {"b": 2, "a": 1}}"#, r#"{"a":1,"b":2}"#));
        assert!(carries(r#"["{\"a\": 1}"]"#, r#"{"a":1}"#));
        assert!(!carries(r#"["item-12"]"#, "item-1"), "a part of a text is not the text");
        assert!(!carries("item-12", "item-1"));
    }
}
