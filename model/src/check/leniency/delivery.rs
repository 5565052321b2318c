//! The profile `workerd`: an alarm in delivery. The real runtime decides on a delivery when that passes the input gate, and
//! starts `alarm()` when it passes the gate again.
//!
//! ```text
//!  T ──── a section, a read ... ──── first passing: decided ──── a section ... ──── second passing: alarm() starts
//!   └─ replaced here by N that is due by then:               └─ replaced or deleted here: as if in the handler,
//!      the run is for N, told of the old alarm                  the old alarm starts all the same
//! ```
//!
//! No history tells the passings: they lie anywhere from T to the start. So where N is due both may have happened.

use super::Told;
use crate::check::NS_PER_MS;
use crate::check::alarm::backoff::Window;
use crate::check::case::Case;
use crate::reference::instance::Retry;
use crate::reference::slot::{Alarm, Gone, Slot, Why};

/// A run of an alarm that had left the slot when the run started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivered {
    pub(super) gone: Gone,
    /// The run may be for the alarm that is in the slot, and complete that.
    pub(super) may_consume: bool,
    /// The run may be for the alarm that has left, as if that had happened in the handler.
    pub(super) may_spare: bool,
}

impl Delivered {
    /// What that means for a retry, if the run is for the alarm that has left.
    pub(super) fn retry(&self) -> Retry {
        match self.gone.why {
            Why::Deleted | Why::DeletedInBackoff => Retry::LeftOpen,
            _ => Retry::Ended,
        }
    }
}

/// The delivery that a run now belongs to, of an alarm that is not in this slot any more.
pub(super) fn under_way(case: &Case<'_>, slot: &Slot, told: &Told) -> Option<Delivered> {
    if slot.alarm.as_ref().is_some_and(|alarm| told.claim.names(&alarm.setting)) {
        return None;
    }
    let gone = *slot.find_gone(told.claim).filter(|gone| !gone.is_delivered)?;
    let is_of_old = matches!(gone.why, Why::Replaced { .. });
    if !is_of_old && !matches!(gone.why, Why::Deleted | Why::DeletedInBackoff | Why::Cleared) {
        return None;
    }
    if told.retry_count != gone.failures && (told.retry_count != 0 || !gone.is_unheard) {
        return None;
    }
    let due_ns = i128::from(gone.setting.scheduled_ms) * i128::from(NS_PER_MS);
    let shown = case.pace.clocks.shows(case.place?.machine, due_ns, 0)?;
    let window = gone.last.and_then(|failure| Window::after(&failure, case.constants, 0));
    let left_ns = gone.cause.op.at_ns;
    let was_due = left_ns >= shown.earliest_ns && window.is_none_or(|window| left_ns >= window.not_before_ns);
    let is_due = |alarm: &Alarm| is_due(case, alarm.setting.scheduled_ms);
    let may_consume = is_of_old && (was_due || gone.is_unheard) && slot.alarm.as_ref().is_some_and(is_due);
    (may_consume || was_due).then_some(Delivered { gone, may_consume, may_spare: was_due })
}

/// Whether that time has come by the clock of this event's machine.
pub(in crate::check) fn is_due(case: &Case<'_>, scheduled_ms: i64) -> bool {
    case.place
        .is_some_and(|place| i128::from(scheduled_ms) * i128::from(NS_PER_MS) <= i128::from(place.wall_ns))
}

/// A3: `get_alarm` may be none once the delivery of the alarm for that time, or its retry, may have passed the gate for the first
/// time. `alarm` is the one in the slot.
pub(in crate::check) fn hides_alarm(
    case: &Case<'_>,
    alarm: Option<&Alarm>,
    scheduled_ms: Option<i64>,
) -> bool {
    let is_due = scheduled_ms.is_some_and(|scheduled_ms| is_due(case, scheduled_ms));
    let is_held = |alarm: &Alarm| {
        let windows = alarm.failures_since_run();
        let mut windows = windows.filter_map(|failure| Window::after(&failure, case.constants, 0));
        windows.any(|window| window.not_before_ns > case.mark.at_ns)
    };
    case.reports.is_lenient() && is_due && !alarm.is_some_and(is_held)
}
