//! When something that has to happen in time is late. Nothing is late while something is broken on purpose, and for as long after
//! that as the contract allows (L2): then the time begins anew. The same holds for an alarm that waits for its retry (R3).

use reveille_model::history::{Event, History, ObjectName, RunOutcome};

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

/// When in true time since the begin of the run a wall clock shows a time: that of the machine on which `seen` happened, an event by
/// its position. A clock that was stepped stays wrong by that much, and what waits for a time waits for its machine's clock to show it
/// (F2, Clocks). What it showed before the run began counts as shown at the begin. Where `seen` tells of no clock the header does, or the first clock that is told.
pub(super) fn true_ns(view: &View<'_>, wall_ms: i64, seen: Option<usize>) -> Option<u64> {
    let History { header, events } = view.history();
    let zero = |event: &Event| event.place?.wall_ns.checked_sub(i64::try_from(event.at_ns).ok()?);
    let first = || events.iter().find_map(zero);
    let of_seen = seen.and_then(|seen| zero(&events[seen]));
    let zero_ns = of_seen.or(header.wall_zero_ns).or_else(first)?;
    let since_begin_ns = wall_ms.checked_mul(1_000_000)?.checked_sub(zero_ns)?;
    u64::try_from(since_begin_ns.max(0)).ok()
}

/// When the object came to the machine on which `to` happened, if it was on another one when `from` did: before that no clock of that
/// machine was of any concern to it. Both are events by their positions.
pub(super) fn moved_ns(view: &View<'_>, object: &ObjectName, from: usize, to: usize) -> Option<u64> {
    let events = &view.history().events;
    let machine = events[to].place?.machine;
    if events[from].place?.machine == machine {
        return None;
    }
    let mut since = view.life(object).skip_while(|(index, _)| *index < from);
    since.find_map(|(_, event)| (event.place?.machine == machine).then_some(event.at_ns))
}
