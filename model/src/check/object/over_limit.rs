//! O7: what was running when its object was reset for exceeding a limit fails, and that counts. That acknowledged state stays is
//! judged where an instance is followed by the next ([`super::life`]).

use crate::check::case::Case;
use crate::check::report::Seconds;
use crate::reference::instance::{Ended, Run};
use crate::reference::object::Object;
use crate::rules::Id;

/// O7: a run that was in progress when its object exceeded a limit fails. Without the loss of the machine in between nothing
/// can have kept that from being told.
pub(in crate::check) fn never_failed(case: &mut Case<'_>, object: &Object) {
    let over = object.current.as_ref().filter(|before| before.ended == Some(Ended::OverLimit));
    let Some(run) = over.filter(|before| before.epoch == case.by.epoch).and_then(|before| before.run) else {
        return;
    };
    let sentences = format!(
        "Run {} started at {} and was in progress when its object was reset for exceeding a limit. The next instance \
         started at {}; yet the run had not failed.",
        run.run,
        Seconds(run.started.at_ns),
        Seconds(case.mark.at_ns),
    );
    case.report(Id::O7, &[run.started], sentences);
}

/// O7: a run that was in progress when its object was over a limit did not fail.
pub(in crate::check) fn outlived(case: &mut Case<'_>, run: Run) {
    let sentences = format!(
        "Run {} was in progress when its object was reset for exceeding a limit; yet at {} it ended otherwise than by a \
         failure that counts.",
        run.run,
        Seconds(case.mark.at_ns),
    );
    case.report(Id::O7, &[run.started], sentences);
}
