//! Numbers and lists as sentences about faults tell them.

use std::fmt;

/// A length of time in milliseconds, as it is told: "2.5 s", "40 ms".
pub(super) struct Length(pub(super) u64);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms < 1_000 => write!(f, "{ms} ms"),
            ms => write!(f, "{} s", ms as f64 / 1_000.0),
        }
    }
}

/// A part of a million as it is told: "2.5 %".
pub(super) fn percent(ppm: u32) -> String {
    format!("{} %", f64::from(ppm) / 10_000.0)
}

/// Some machines: "machine 3", "machines 0, 1".
pub(super) fn machines(machines: &[u16]) -> String {
    let names: Vec<_> = machines.iter().map(u16::to_string).collect();
    format!("machine{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "))
}
