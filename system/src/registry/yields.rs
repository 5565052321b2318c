//! Who has yielded which slice: a machine that has a session and does not reach a slice's group cannot serve the slice, and
//! says so. Others get it, and may claim it although the session that claimed it last goes on (L2).
//!
//! What is yielded is the slice up to an epoch. The machine has dropped everything of it before it says so and never acts under
//! such an epoch again in its session, so whoever finds the slice under one may take it (O1). If the machine is given the slice
//! again it claims it anew, under another epoch.

use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, MachineId, SessionId, SliceId};
use crate::store::command::Holding;

/// For so many beats a machine is not given again what it has yielded, if another can take it: 40 s, at 500 ms a tick. Then
/// it may try once more: what kept it from the group may be over, and home is where commits are fast. A minute after the last
/// fault everything is to be where it stays (L4).
const SPARED_BEATS: u64 = 80;

/// A machine gives up a slice: up to which epoch, if it has one or may have been given one.
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
        let is_it = |known: &mut Yielded| (known.machine, known.what.slice) == (machine, what.slice);
        // What it gave up before stays so, though it may have waited in vain since, or for a claim that was never applied.
        let before = self.0.extract_if(.., is_it).filter_map(|known| known.what.epoch).max();
        let what = Yield { epoch: what.epoch.max(before), ..what };
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
    pub fn spare(&self, slice: SliceId, machine: MachineId) -> bool {
        let is_it = |known: &&Yielded| (known.what.slice, known.machine) == (slice, machine);
        self.0.iter().filter(is_it).any(|known| known.is_recent)
    }

    /// Whether this hold of a slice was yielded: nobody acts under its epoch any more.
    pub fn include(&self, slice: SliceId, epoch: Epoch, holding: Holding) -> bool {
        let is_it = |known: &&Yielded| (known.what.slice, known.session) == (slice, holding.session);
        self.0.iter().filter(is_it).any(|known| known.what.epoch.is_some_and(|upto| epoch <= upto))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE: SliceId = SliceId(3);
    const BY: MachineId = MachineId(1);

    fn holding(session: u64) -> Holding {
        Holding { machine: BY, session: SessionId(session), released: false }
    }

    fn yielded_at(beat: u64) -> Yields {
        let mut yields = Yields::default();
        yields.add(BY, SessionId(7), Yield { slice: SLICE, epoch: Some(Epoch(4)) }, beat);
        yields
    }

    #[test]
    fn l2_who_has_yielded_a_slice_is_spared_it_for_forty_seconds() {
        let mut yields = yielded_at(100);
        for (beat, is_spared) in [(100, true), (179, true), (180, false)] {
            yields.see(beat);
            assert_eq!(yields.spare(SLICE, BY), is_spared, "at beat {beat}");
        }
        assert!(!yields.spare(SliceId(4), BY) && !yields.spare(SLICE, MachineId(2)));
        assert!(yields.include(SLICE, Epoch(4), holding(7)), "what was given up stays so");
    }

    #[test]
    fn o1_what_is_given_up_is_all_up_to_an_epoch_under_one_session() {
        let mut yields = yielded_at(100);
        assert!(yields.include(SLICE, Epoch(4), holding(7)));
        assert!(!yields.include(SLICE, Epoch(5), holding(7)), "it was claimed anew");
        assert!(!yields.include(SLICE, Epoch(4), holding(8)), "by another boot of the machine");
        yields.add(BY, SessionId(7), Yield { slice: SLICE, epoch: None }, 300);
        assert!(yields.include(SLICE, Epoch(4), holding(7)), "it waited in vain to get it back");
        yields.add(BY, SessionId(7), Yield { slice: SLICE, epoch: Some(Epoch(6)) }, 400);
        assert!(yields.include(SLICE, Epoch(4), holding(7)), "the claim that it gave up was never applied");
        assert!(!yields.include(SLICE, Epoch(7), holding(7)));
        yields.forget(BY);
        assert!(!yields.spare(SLICE, BY));
    }
}
