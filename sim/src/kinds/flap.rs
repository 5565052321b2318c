//! Cuts that come and go. Such a cut is one fault, from its begin to its end, whatever passes in between: nothing happens
//! when it opens or closes but that messages pass or do not, so it costs a run nothing how often it does.

use crate::net::Flapping;
use crate::plan::{Check, Flap, PlanError};

use super::words::Length;

impl Flap {
    /// The shortest time for which a link is cut or open: 10 ms.
    pub const TURN_MIN_MS: u32 = 10;
    /// The longest time for which it is cut each time: a minute.
    pub const CUT_MAX_MS: u32 = 60_000;
    /// The longest time for which it is open in between. With 10 s it would be two cuts (L2).
    pub const OPEN_MAX_MS: u32 = 9_999;

    /// In the world, from this moment on.
    pub(crate) fn from(self, from_ns: u64) -> Flapping {
        let ns = |ms| u64::from(ms) * 1_000_000;
        Flapping { from_ns, cut_ns: ns(self.cut_ms), open_ns: ns(self.open_ms) }
    }
}

/// Whether a cut may come and go so.
pub(super) fn validate(flap: Option<Flap>, check: &Check<'_>) -> Result<(), PlanError> {
    flap.map_or(Ok(()), |Flap { cut_ms, open_ms }| {
        check.within("flap.cut_ms", cut_ms, Flap::TURN_MIN_MS..=Flap::CUT_MAX_MS)?;
        check.within("flap.open_ms", open_ms, Flap::TURN_MIN_MS..=Flap::OPEN_MAX_MS)
    })
}

/// How long a cut lasts and whether it comes and goes, as the end of a clause: "for 5 s, by turns cut for 2 s and open for
/// 500 ms".
pub(super) fn lasts(for_ms: u64, flap: Option<Flap>) -> String {
    let turns = flap.map_or(String::new(), |Flap { cut_ms, open_ms }| {
        let (cut, open) = (Length(u64::from(cut_ms)), Length(u64::from(open_ms)));
        format!(", by turns cut for {cut} and open for {open}")
    });
    format!("for {}{turns}", Length(for_ms))
}
