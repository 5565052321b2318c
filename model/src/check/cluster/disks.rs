//! D8: damage of a disk that no fault did is the system's own.

use super::faults::Faults;
use crate::check::report::{OnMachine, Reports, Seconds};
use crate::history::Place;
use crate::reference::Mark;
use crate::rules::Id;

/// A machine has found its disk damaged where it had been promised whole.
pub(in crate::check) fn damaged(reports: &mut Reports, faults: &mut Faults, now: Mark, place: Option<Place>) {
    reports.saw(Id::D8);
    if let Some(place) = place {
        faults.damage(place.machine);
    }
    if faults.any_of_disk() {
        return;
    }
    let sentences = format!(
        "At {} the disk{} was found damaged where it had been promised whole, yet no disk fault had begun.",
        Seconds(now.at_ns),
        OnMachine(place),
    );
    reports.add(Id::D8, None, now.at_ns, &[now], sentences);
}
