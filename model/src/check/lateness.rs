//! Lateness (SPEC.md, "Words"): from the moment at which a run may start to the moment at which it does. Measured here,
//! and told with the verdict.

use super::retries::Window;
use super::{Case, NS_PER_MS};
use crate::history::Cause;
use crate::reference::instance::Instance;
use crate::reference::slot::Alarm;

/// A run starts for `alarm`: notes how late. Called before the instance counts the run and the alarm forgets its failure.
pub(super) fn measure(case: &mut Case<'_>, alarm: &Alarm, instance: &Instance) {
    let Some(place) = case.place else { return };
    let start_ns = case.mark.at_ns;
    // By the clock of the machine that runs it: what its error adds or takes away is E, not lateness.
    let ahead_ns = i128::from(alarm.setting.scheduled_ms) * i128::from(NS_PER_MS) - i128::from(place.wall_ns);
    let scheduled_ns = u64::try_from(i128::from(start_ns) + ahead_ns).unwrap_or(0);
    // How much jitter was drawn is not to be seen: a retry counts from the end of its backoff with all jitter.
    let retry_ns = alarm.last.map_or(0, |failure| {
        Window::after(&failure, case.constants, 0).map_or(failure.ended.at_ns, |window| window.not_after_ns)
    });
    let may_start_ns = scheduled_ns.max(retry_ns).max(alarm.committed.at_ns);
    let was_cold = instance.cause == Some(Cause::Alarm) && instance.runs == 0;
    let late_ns = if was_cold {
        instance.started.at_ns.saturating_sub(may_start_ns)
    } else {
        start_ns.saturating_sub(may_start_ns.max(instance.gate_ns).max(instance.run_ended_ns))
    };
    case.reports.see_lateness(late_ns);
}
