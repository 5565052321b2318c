//! Who has yielded which slice: a machine that has a session and does not reach a slice's group cannot serve the slice, and
//! says so. Others get it, and may claim it although the session that claimed it last goes on (L2).
//!
//! What is yielded is one epoch of the slice. The machine has dropped everything of it before it says so and never acts under
//! that epoch again, so whoever finds the slice under it may take it (O1). If the machine is given the slice again it claims
//! it anew, under another epoch.

use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, MachineId, SessionId, SliceId};
use crate::store::command::Holding;

/// For so many beats a machine is not given again what it has yielded, if another can take it: 60 s, at 500 ms a tick. Then
/// it may try once more: what kept it from the group may be over, and home is where commits are fast.
const SPARED_BEATS: u64 = 120;

/// A machine gives up a slice: which epoch of it, if it has one or may have been given one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yield {
    /// The slice.
    pub slice: SliceId,
    /// The epoch.
    pub epoch: Option<Epoch>,
}

/// All that machines with live sessions have yielded: of each slice each machine's last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yields(Vec<Yielded>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Yielded {
    what: Yield,
    machine: MachineId,
    session: SessionId,
    beat: u64,
    /// Whether it was less than [`SPARED_BEATS`] ago.
    is_recent: bool,
}

impl Yields {
    /// A machine yields a slice.
    pub(super) fn add(&mut self, machine: MachineId, session: SessionId, what: Yield, beat: u64) {
        self.0.retain(|known| (known.machine, known.what.slice) != (machine, what.slice));
        self.0.push(Yielded { what, machine, session, beat, is_recent: true });
    }

    /// A machine's session is over: what it held is free by that.
    pub(super) fn forget(&mut self, machine: MachineId) {
        self.0.retain(|known| known.machine != machine);
    }

    /// Time passes.
    pub(super) fn see(&mut self, beat: u64) {
        for known in &mut self.0 {
            known.is_recent = beat - known.beat < SPARED_BEATS;
        }
    }

    /// Whether a machine has yielded a slice of late, so that others come first.
    pub(crate) fn spare(&self, slice: SliceId, machine: MachineId) -> bool {
        let is_it = |known: &&Yielded| (known.what.slice, known.machine) == (slice, machine);
        self.0.iter().filter(is_it).any(|known| known.is_recent)
    }

    /// Whether this hold of a slice was yielded: nobody acts under that epoch any more.
    pub(crate) fn include(&self, slice: SliceId, epoch: Epoch, holding: Holding) -> bool {
        let what = Yield { slice, epoch: Some(epoch) };
        self.0.iter().any(|known| (known.what, known.session) == (what, holding.session))
    }
}
