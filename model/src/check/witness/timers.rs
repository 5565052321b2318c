//! The ends of timers. O3: one comes in no earlier than the machine's monotonic clock has shown that its time has passed, and through
//! an open gate ([`crate::check::object`] judges the gate). W2: in calm it comes within 10 s of open time.
//!
//! ```text
//!  timer ──── its time, by a clock that drifts ────┬──── at most 10 s of open time, in calm ──── deliver, op_result
//!                                                  due
//! ```

use super::super::case::Case;
use super::super::coverage::Kinds;
use super::super::ns;
use super::super::report::Seconds;
use super::processes::Processes;
use super::{Scene, WITHIN_NS, promptness, scene};
use crate::history::{Constants, ObjectName};
use crate::reference::conduct::Timer;
use crate::reference::instance::Instance;
use crate::reference::object::Object;
use crate::rules::Id;

/// The clocks of writers show milliseconds.
const RESOLUTION_NS: u64 = 1_000_000;

/// Object code is given the end of a timer, if that is what the operation is.
pub(super) fn ended(case: &mut Case<'_>, object: &mut Object, op: u64) {
    let Some(acting) = object.acting(case.by) else { return };
    let Some(timer) = acting.instance.conduct.timer(op) else { return };
    let owed_ns = owed_for_ns(acting.instance, case.constants, &timer, case.mark.at_ns);
    let earliest_ns = due_ns(case.constants, &timer, Drift::Fast).saturating_sub(RESOLUTION_NS);
    let name = case.name;
    let mut scene = scene(case);
    scene.reports.saw(Id::O3);
    let (set, now) = (timer.mark, scene.mark);
    if now.at_ns < earliest_ns {
        let sentences = format!(
            "A timer of {name} for {} ms was set at {} and over at {}, before its time had passed on any clock that drifts by \
             at most {} ppm.",
            timer.for_ms,
            Seconds(set.at_ns),
            Seconds(now.at_ns),
            scene.constants.drift_max_ppm,
        );
        return scene.report(Id::O3, Some(name), &[set, now], sentences);
    }
    if !is_late(&scene, &timer, owed_ns) {
        return;
    }
    let sentences = format!(
        "A timer of {name} for {} ms, set at {}, was over for its code only at {}. No fault was at work, and the object let it in \
         for {} of the time since it was due: it had to be there within 10 s.",
        timer.for_ms,
        Seconds(set.at_ns),
        Seconds(now.at_ns),
        Seconds(owed_ns),
    );
    scene.owes(Kinds::REQUEST_ARRIVE, Some(name), &[set, now], sentences);
}

/// The history is over: a timer of the living instance has not ended.
pub(super) fn without_end(scene: &mut Scene<'_>, name: &ObjectName, object: &Object, processes: &Processes) {
    let Some(living) = promptness::living(scene, object, processes) else { return };
    let owed_ns = |timer: &Timer| owed_for_ns(living, scene.constants, timer, scene.mark.at_ns);
    let late = living.conduct.timers().iter().find(|timer| is_late(scene, timer, owed_ns(timer)));
    let Some(timer) = late.copied() else { return };
    let sentences = format!(
        "A timer of {name} for {} ms, set at {}, was not over for its code at the end of the run, {}, though no fault was at work.",
        timer.for_ms,
        Seconds(timer.mark.at_ns),
        Seconds(scene.mark.at_ns),
    );
    scene.owes(Kinds::REQUEST_ARRIVE, Some(name), &[timer.mark], sentences);
}

/// How a monotonic clock may drift.
#[derive(Clone, Copy)]
enum Drift {
    Fast,
    Slow,
}

/// When the time of a timer has passed on a clock that drifts as much as any may.
fn due_ns(constants: &Constants, timer: &Timer, drift: Drift) -> u64 {
    let for_ns = ns(timer.for_ms);
    let drift_ns = (for_ns / 1_000_000).saturating_mul(constants.drift_max_ppm);
    let passed_ns = match drift {
        Drift::Fast => for_ns.saturating_sub(drift_ns),
        Drift::Slow => for_ns.saturating_add(drift_ns),
    };
    timer.mark.at_ns.saturating_add(passed_ns)
}

/// W2: whether an end that has been owed for so long is late.
fn is_late(scene: &Scene<'_>, timer: &Timer, owed_ns: u64) -> bool {
    let due_ns = due_ns(scene.constants, timer, Drift::Slow);
    owed_ns > WITHIN_NS && owed_ns > scene.within_ns(due_ns) && scene.is_calm_since(due_ns)
}

/// For how long the end of a timer has been owed: while the gate is closed it is not.
fn owed_for_ns(instance: &Instance, constants: &Constants, timer: &Timer, now_ns: u64) -> u64 {
    let due_ns = due_ns(constants, timer, Drift::Slow);
    let is_known = instance.run_ended_ns <= due_ns && instance.conduct.gate_closed.is_none();
    let outstanding = instance.conduct.outstanding().iter().any(|call| call.closes_gate());
    if !is_known || outstanding {
        return 0;
    }
    now_ns.saturating_sub(due_ns).saturating_sub(instance.closed.since(due_ns))
}
