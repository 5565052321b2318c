//! When something that has to happen in time is late. Nothing is late while something is broken on purpose, and for as long after
//! that as the contract allows (L2): then the time begins anew. The same holds for an alarm that waits for its retry (R3).

use reveille_model::history::{History, ObjectName, RunOutcome};

use super::view::View;

const NS_PER_MS: u64 = 1_000_000;

/// L2: so long after the last change everything is as it should be.
const SETTLED_AFTER_NS: u64 = 60_000 * NS_PER_MS;

/// From when on an object has no excuse any more for what was due at `due_ns`; `None` if something lasts to the end of the run.
/// What ended before is no excuse unless it could still be felt.
pub(super) fn due_from_ns(view: &View<'_>, object: &ObjectName, due_ns: u64, until_ns: u64) -> Option<u64> {
    let mut from_ns = due_ns;
    for excuse in view.excuses() {
        if excuse.from_ns >= until_ns {
            break;
        }
        let settled_ns = excuse.to_ns? + SETTLED_AFTER_NS;
        from_ns = from_ns.max(settled_ns);
    }
    for run in view.runs_of(object) {
        if let Some((end, RunOutcome::Failed { .. })) = run.end
            && end.at_ns < until_ns
        {
            from_ns = from_ns.max(end.at_ns + retry_at_most_ns(view, run.retry_count));
        }
    }
    Some(from_ns)
}

/// R3: the longest wait after a failed run.
fn retry_at_most_ns(view: &View<'_>, retry_count: u32) -> u64 {
    let of_run = &view.history().header.constants;
    let wait_ms = of_run.retry_start_ms << retry_count.min(of_run.retry_exponent_max);
    wait_ms * (100 + of_run.retry_jitter_percent) / 100 * NS_PER_MS
}

/// A wall time in true time since the begin of the run. Where the header does not tell the one from the other, the first clock that
/// is told does (Clocks).
pub(super) fn true_ns(view: &View<'_>, wall_ms: i64) -> Option<u64> {
    let History { header, events } = view.history();
    let first = || {
        let (at_ns, place) = events.iter().find_map(|event| event.place.map(|place| (event.at_ns, place)))?;
        place.wall_ns.checked_sub(i64::try_from(at_ns).ok()?)
    };
    let zero_ns = header.wall_zero_ns.or_else(first)?;
    u64::try_from(wall_ms.checked_mul(1_000_000)?.checked_sub(zero_ns)?).ok()
}
