//! The process of a machine panics: the one fault that no plan has. It is the system's own mistake, and a finding; what the
//! machine does after it is that of a crash ([`crate::fault`]).

use reveille_model::history::Takes;

use super::{Row, Strikes};

/// The row of a machine that panics, beside the table.
pub(crate) const PANIC: &Row = &Row {
    name: "panic",
    by_role: None,
    strikes: Strikes::Machine,
    takes: &[Takes::Memory, Takes::Reachability],
    about: "The process of a machine panics, by a mistake of the system, and starts again a second later.",
    begins: |whom| format!("the process of {whom} panics; what was in its memory is gone"),
    ends: |whom| format!("{whom} starts again"),
    draws: &[],
    alone: None,
};
