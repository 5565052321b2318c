//! Faults that wait for a moment: for what no time of a plan would hit, since it lasts a millisecond and is somewhere else in
//! each run. What a machine is at is read off its observations and what it asks of its disk, without a draw: the fault
//! begins right behind the step in which it shows, before anything that follows from that step has happened.

use reveille_system::ids::MachineId;
use reveille_system::io::{DiskOp, Effects, FileId};
use reveille_system::observe::{Observation, RunEnd, Seen};

use super::Entry;
use crate::plan::Moment;
use crate::trace::Kind;
use crate::world::{Event, World};

/// A fault of the plan that waits.
#[derive(Debug)]
pub(super) struct Armed {
    /// Its position in the plan.
    position: usize,
    moment: Moment,
    /// Where the moment has come: it begins next.
    come_at: Option<MachineId>,
}

impl Armed {
    pub(super) fn new(position: usize, moment: Moment) -> Self {
        Self { position, moment, come_at: None }
    }
}

impl Moment {
    /// Whether a machine is at it after a step in which it asked for this.
    fn shows_in(self, effects: &Effects) -> bool {
        if self == Self::WriteMark {
            // The mark is written when the log is synced, and never before (D8).
            return effects.disk.iter().any(|op| matches!(op, DiskOp::Write { file: FileId::Mark, .. }));
        }
        effects.observed.iter().any(|observation| Self::of(observation) == Some(self))
    }

    fn of(observation: &Observation) -> Option<Self> {
        match observation {
            Observation::Claiming { .. } => Some(Self::ClaimSlice),
            Observation::AsksForDue { .. } => Some(Self::AskForDue),
            Observation::Leaving { .. } => Some(Self::LeaveSlice),
            Observation::Elected { .. } => Some(Self::LeadGroup),
            Observation::Installed { .. } => Some(Self::InstallSnapshot),
            Observation::Instance { seen: Seen::RunEnded { outcome, .. }, .. } => match outcome {
                RunEnd::Ok | RunEnd::Failed(_) => Some(Self::EndRun),
                // Nothing of it is committed.
                RunEnd::Platform(_) => None,
            },
            Observation::Instance { .. }
            | Observation::Applied { .. }
            | Observation::Acknowledged { .. }
            | Observation::DiskDamaged { .. }
            | Observation::Leads { .. }
            | Observation::Serving { .. }
            | Observation::StaleEpoch { .. } => None,
        }
    }
}

impl World<'_> {
    /// A machine has done a step, and this is what it asks for: faults that wait for such a moment come next.
    pub(crate) fn see_moments(&mut self, machine: MachineId, effects: &Effects) {
        for armed in self.faults.armed.iter_mut().filter(|armed| armed.come_at.is_none()) {
            if armed.moment.shows_in(effects) {
                armed.come_at = Some(machine);
                self.queue.push(self.now_ns, Event::Moment { position: armed.position });
            }
        }
    }

    /// The moment of the fault at this position of the plan has come: it begins, unless everything was healed at this instant.
    pub(crate) fn strike_at_moment(&mut self, position: usize) {
        let is_it = |armed: &mut Armed| armed.position == position;
        let Some(armed) = self.faults.armed.extract_if(.., is_it).next() else { return };
        self.faults.at_moment = armed.come_at;
        self.strike(position);
        self.faults.at_moment = None;
    }

    /// The faults that still wait have waited in vain.
    pub(super) fn disarm(&mut self) {
        for Armed { position, .. } in std::mem::take(&mut self.faults.armed) {
            self.faults.reached.push((Entry::Fault(position), None));
            self.note(None, Kind::FaultSkipped, position as u64, 0);
        }
    }
}
