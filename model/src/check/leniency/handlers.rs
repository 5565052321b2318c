//! The profile `workerd`: `set_alarm` in the body of a constructor, outside its section, of a class that declares no `alarm()` is
//! done, and the alarm is dropped when it is due (A8, F1).

use super::delivery;
use crate::check::case::{Case, Scene};
use crate::profile::Relaxation;
use crate::reference::calls::Over;
use crate::reference::conduct::Constructor;
use crate::reference::instance::Instance;

/// A8: whether a call that has to be refused for want of a handler may be done here.
pub(in crate::check) fn may_set(case: &Case<'_>, instance: &Instance, over: Over) -> bool {
    let conduct = &instance.conduct;
    let is_body = conduct.constructor == Constructor::Running && conduct.gate_closed.is_none();
    over == Over::NoHandler && case.reports.is_lenient() && is_body
}

/// A8: a `set_alarm` is done.
pub(in crate::check) fn sets(case: &mut Case<'_>) {
    if case.declares_alarm() == Some(false) {
        case.reports.relax(Relaxation::SetWithoutHandler);
    }
}

/// A3: whether the alarm for that time may have been dropped by now.
pub(in crate::check) fn has_dropped(case: &Case<'_>, scheduled_ms: Option<i64>) -> bool {
    case.declares_alarm() == Some(false) && delivery::hides_alarm(case, None, scheduled_ms)
}

/// F1: whether the alarm for that time may have been dropped by the end of the run.
pub(in crate::check) fn drops(scene: &Scene<'_>, scheduled_ms: i64) -> bool {
    let due_ns = scene.reports.true_ns(scheduled_ms);
    let is_due = due_ns.is_none_or(|due_ns| due_ns <= i128::from(scene.mark.at_ns));
    scene.reports.is_lenient() && scene.declares_alarm == Some(false) && is_due
}
