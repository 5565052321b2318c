//! O1: an instance lives on one machine, and so do all instances of an epoch: whoever holds an object under an epoch holds it there.
//! Of `commit` the machine says nothing: its teller is whoever sees that the writes are durable.

use crate::check::case::Case;
use crate::check::report::Seconds;
use crate::history::What;
use crate::reference::object::Object;
use crate::rules::Id;

/// The machine of the instance that an event is of, so far as the event tells it.
pub(in crate::check) fn machine(case: &Case<'_>, what: &What) -> Option<u16> {
    case.place.filter(|_| !matches!(what, What::Commit { .. })).map(|place| place.machine)
}

/// An instance does something on some machine.
pub(in crate::check) fn is_at_home(case: &mut Case<'_>, object: &mut Object, what: &What) {
    let Some(machine) = machine(case, what) else { return };
    let home = object.homes.of(case.by.epoch, machine, case.mark);
    if home.machine == machine || home.is_told {
        return;
    }
    home.is_told = true;
    let seen = home.seen;
    let sentences = format!(
        "At {} instance {} did something on machine {}, in epoch {}. The object had been on machine {} in this epoch at {}, and one \
         epoch of an object is on one machine.",
        Seconds(case.mark.at_ns),
        case.by.instance,
        machine,
        case.by.epoch,
        home.machine,
        Seconds(seen.at_ns),
    );
    case.report(Id::O1, &[seen], sentences);
}
