//! An object that arms itself again never stops.

use std::collections::BTreeMap;
use std::time::Duration;

use reveille_model::history::ObjectName;
use reveille_model::verdict::Violation;

use super::kept::{Judged, Promise, breach};
use super::view::{Answer, View};
use crate::story::seconds;

/// Every object that has acknowledged a request has an alarm when the run ends, and not more than `period` ahead: it goes on. That it
/// went on all the time is for the rules of the contract to say: each alarm is one that F1 and L hold to its time.
pub fn never_stops(period: Duration) -> NeverStops {
    NeverStops { period }
}

/// That objects go on.
#[derive(Clone, Copy, Debug)]
pub struct NeverStops {
    period: Duration,
}

impl From<NeverStops> for Promise {
    fn from(it: NeverStops) -> Self {
        Promise::new("never-stops", move |view| it.judge(view))
    }
}

impl NeverStops {
    fn judge(&self, view: &View<'_>) -> Judged {
        let mut started: BTreeMap<&ObjectName, Answer<'_>> = BTreeMap::new();
        for (asked, answer) in view.acknowledged() {
            started.entry(asked.object).or_insert(answer);
        }
        let broken = started.iter().filter_map(|(object, answer)| self.stopped(view, object, answer));
        Judged { occasions: started.len() as u64, broken: broken.collect() }
    }

    fn stopped(&self, view: &View<'_>, object: &ObjectName, answer: &Answer<'_>) -> Option<Violation> {
        let rest = view.at_rest(object);
        let wrong = match rest.map(|rest| rest.alarm) {
            Some(Some(alarm))
                if self.latest_ms(view).is_none_or(|latest_ms| alarm.scheduled_ms <= latest_ms) =>
            {
                return None;
            }
            Some(Some(_)) => "the next run is more than a period ahead",
            Some(None) => "no alarm is scheduled: it has stopped",
            None => "it is not in the datastore",
        };
        let sentences = format!(
            "{object} acknowledged at {} that it is started. At the end of the run {wrong}.",
            seconds(answer.at.at_ns)
        );
        let last_run = view.runs_of(object).next_back().map(|run| run.start.event);
        let evidence = [answer.at.event].into_iter().chain(last_run).chain(rest.map(|rest| rest.at.event));
        Some(breach(view, "never-stops", object, sentences, evidence))
    }

    /// The latest wall time, on any machine's clock, that a next run can be set for when the run ends.
    fn latest_ms(&self, view: &View<'_>) -> Option<i64> {
        let history = view.history();
        let event = history.events.iter().rfind(|event| event.place.is_some())?;
        let wall_ns = event.place?.wall_ns;
        let since_ms = i64::try_from((view.end_ns() - event.at_ns) / 1_000_000).ok()?;
        // One error for the clock that was read here, one for the clock that set the alarm.
        let error_ms = 2 * i64::try_from(history.header.constants.wall_error_max_ms).ok()?;
        let period_ms = i64::try_from(self.period.as_millis()).ok()?;
        Some(wall_ns / 1_000_000 + since_ms + period_ms + error_ms + 1)
    }
}
