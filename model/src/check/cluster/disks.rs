//! D8: damage of a disk that no fault of that disk did is the system's own.

use super::faults::Faults;
use super::lateness::Pace;
use crate::check::report::{OnMachine, Reports, Seconds};
use crate::history::Place;
use crate::reference::Mark;
use crate::rules::Id;

/// A machine has found its disk damaged where it had been promised whole.
pub(in crate::check) fn damaged(
    reports: &mut Reports,
    faults: &mut Faults,
    pace: &Pace,
    now: Mark,
    place: Option<Place>,
) {
    reports.saw(Id::D8);
    let is_excused = match place {
        Some(Place { machine, .. }) => {
            faults.damage(machine);
            faults.lost_disk(machine, pace.datacenter(machine)).is_some()
        }
        None => faults.any_of_disk(),
    };
    if is_excused {
        return;
    }
    let sentences = format!(
        "At {} the disk{} was found damaged where it had been promised whole, yet no fault of that disk had begun.",
        Seconds(now.at_ns),
        OnMachine(place),
    );
    reports.add(Id::D8, None, now.at_ns, &[now], sentences);
}
