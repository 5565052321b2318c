//! What was acknowledged reaches a service: at least once, and as much more as is asked for: at most so often, in order, in time.
//!
//! An *item* is the body of a request. It has reached the service when the service has accepted a call whose body carries it
//! (`parts.rs`). Requests with equal bodies are one item: give each a body of its own, or what one of them lost the other covers up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reveille_model::verdict::Violation;

use super::item::Item;
use super::kept::{Judged, Promise, breach};
use super::loss::{self, Loss};
use super::view::{Answer, Asked, Moment, View};
use super::{parts, time};
use crate::story::seconds;

/// The requests that were acknowledged: answered with a status from 200 to 299.
pub fn acknowledged() -> Acknowledged {
    Acknowledged { counts: Arc::new(|_| true) }
}

/// Requests that were acknowledged.
#[derive(Clone)]
pub struct Acknowledged {
    counts: Filter,
}

type Filter = Arc<dyn Fn(&Asked<'_>) -> bool + Send + Sync>;
type Due = Arc<dyn Fn(&Asked<'_>, &Answer<'_>) -> Option<i64> + Send + Sync>;

impl Acknowledged {
    /// Only those that this says yes to.
    #[must_use]
    pub fn with(self, is_one: impl Fn(&Asked<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self { counts: Arc::new(move |asked| (self.counts)(asked) && is_one(asked)) }
    }

    /// Each of them reaches this service at least once. At the end of a run one may still be on its way: if it is stored, and an
    /// alarm is scheduled that is not overdue.
    #[must_use]
    pub fn reaches(self, service: &'static str) -> Reaches {
        Reaches { of: self, service, name: "reaches", most: None, ordered: false, within: None, due: None }
    }
}

/// That what was acknowledged reaches a service.
#[derive(Clone)]
pub struct Reaches {
    of: Acknowledged,
    service: &'static str,
    name: &'static str,
    most: Option<usize>,
    ordered: bool,
    within: Option<Duration>,
    due: Option<Due>,
}

impl Reaches {
    /// What the promise is called in findings; `reaches` if not said.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// And at most so often.
    #[must_use]
    pub fn at_most(self, times: usize) -> Self {
        Self { most: Some(times), ..self }
    }

    /// And in order: what was acknowledged before another one of its object was sent reaches the service before that one.
    #[must_use]
    pub fn in_order(self) -> Self {
        Self { ordered: true, ..self }
    }

    /// And in time: so soon after it was acknowledged, or due ([`Reaches::due`]). The time begins anew 60 s after the last fault or
    /// outage that could be felt, and after the wait for a retry.
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        Self { within: Some(time), ..self }
    }

    /// An item is due at this wall time, in milliseconds since the UNIX epoch, as the request or its answer says; and not before that.
    /// The clock that counts is that of the machine on which its object is by then: clocks differ, and some are stepped.
    #[must_use]
    pub fn due(self, at: impl Fn(&Asked<'_>, &Answer<'_>) -> Option<i64> + Send + Sync + 'static) -> Self {
        Self { due: Some(Arc::new(at)), ..self }
    }
}

impl From<Reaches> for Promise {
    fn from(reaches: Reaches) -> Self {
        let counted = reaches.most.map(|_| reaches.service);
        Promise::new(reaches.name, move |view| reaches.judge(view)).counting(counted)
    }
}

impl Reaches {
    fn judge(&self, view: &View<'_>) -> Judged {
        let items = self.items(view);
        let mut judged = Judged { occasions: items.len() as u64, broken: Vec::new() };
        for (part, item) in &items {
            judged.broken.extend(self.lost(view, part, item));
            judged.broken.extend(self.too_often(view, item));
            judged.broken.extend(self.untimely(view, item));
        }
        if self.ordered {
            judged.broken.extend(self.out_of_order(view, items.values()));
        }
        judged
    }

    /// The items, by what is looked for in bodies.
    fn items<'v, 'a>(&self, view: &'v View<'a>) -> BTreeMap<Bytes, Item<'v, 'a>> {
        let mut items = BTreeMap::new();
        for (asked, answer) in view.acknowledged().filter(|(asked, _)| (self.of.counts)(asked)) {
            let item = Item { asked, answer, accepted: Vec::new() };
            items.entry(parts::plain(asked.body)).or_insert(item);
        }
        for sent in view.calls_to(self.service).filter(|sent| sent.is_accepted()) {
            for (place, part) in parts::of(sent.body).into_iter().enumerate() {
                if let Some(item) = items.get_mut(&part) {
                    item.accepted.push((sent, place));
                }
            }
        }
        items
    }

    fn opening(&self, item: &Item<'_, '_>) -> String {
        format!(
            "The client that sent {} to {} (request {}) had it acknowledged at {}.",
            item.told(),
            item.asked.object,
            item.asked.request,
            seconds(item.answer.at.at_ns)
        )
    }

    fn lost(&self, view: &View<'_>, part: &Bytes, item: &Item<'_, '_>) -> Option<Violation> {
        if !item.accepted.is_empty() {
            return None;
        }
        let Loss { rule, told, evidence } = loss::of(view, self.service, part, item)?;
        let sentences = format!("{} It never reached {}. {told}", self.opening(item), self.service);
        let evidence = evidence.into_iter().chain([item.asked.sent.event, item.answer.at.event]);
        Some(breach(view, rule.unwrap_or(self.name), item.asked.object, sentences, evidence))
    }

    fn too_often(&self, view: &View<'_>, item: &Item<'_, '_>) -> Option<Violation> {
        let times = item.accepted.len();
        let most = self.most.filter(|most| times > *most)?;
        let sentences = format!(
            "{} {} accepted it {times} times, and at most {most} were promised.",
            self.opening(item),
            self.service
        );
        let arrivals = item.accepted.iter().map(|(sent, _)| sent.arrived.unwrap_or(sent.left).event);
        let evidence = [item.asked.sent.event, item.answer.at.event].into_iter().chain(arrivals);
        Some(breach(view, self.name, item.asked.object, sentences, evidence))
    }

    /// When an item is due in true time: by the clock of the machine that sends it, or has its object in the end.
    fn due_ns(&self, view: &View<'_>, item: &Item<'_, '_>) -> Option<u64> {
        let due_ms = self.due.as_ref()?(item.asked, &item.answer)?;
        let left = item.first_left().map(|left| left.event);
        time::true_ns(view, due_ms, left.or_else(|| view.last_seen(item.asked.object)))
    }

    fn untimely(&self, view: &View<'_>, item: &Item<'_, '_>) -> Option<Violation> {
        let (first, due_ns) = (item.first(), self.due_ns(view, item));
        let evidence = |at: Option<Moment>| {
            [item.asked.sent.event, item.answer.at.event].into_iter().chain(at.map(|at| at.event))
        };
        let error_ns = view.history().header.constants.wall_error_max_ms * 1_000_000;
        if let (Some(due_ns), Some((at, _))) = (due_ns, first)
            && at.at_ns + error_ns < due_ns
        {
            let (due, reached) = (seconds(due_ns), seconds(at.at_ns));
            let told = format!("It was due at {due} and reached {} at {reached} already.", self.service);
            let sentences = format!("{} {told}", self.opening(item));
            return Some(breach(view, self.name, item.asked.object, sentences, evidence(Some(at))));
        }
        let within = u64::try_from(self.within?.as_nanos()).unwrap_or(u64::MAX);
        let begin_ns = due_ns.map_or(item.answer.at.at_ns, |due_ns| could_leave_ns(view, item, due_ns));
        let until_ns = first.map_or(view.end_ns(), |(at, _)| at.at_ns);
        let from_ns = time::due_from_ns(view, item.asked.object, begin_ns, until_ns)?;
        let latest_ns =
            from_ns.saturating_add(within).saturating_add(if due_ns.is_some() { error_ns } else { 0 });
        if until_ns <= latest_ns {
            return None;
        }
        let when = match first {
            Some((at, _)) => format!("It reached {} at {}", self.service, seconds(at.at_ns)),
            None => format!("It has not reached {} when the run ends at {}", self.service, seconds(until_ns)),
        };
        let due = if due_ns.is_some() { "due" } else { "acknowledged" };
        let sentences = format!(
            "{} {when}: it was {due} at {}, nothing was broken from {} on that would excuse it, and {} is the bound.",
            self.opening(item),
            seconds(begin_ns),
            seconds(from_ns),
            seconds(within)
        );
        Some(breach(view, self.name, item.asked.object, sentences, evidence(first.map(|(at, _)| at))))
    }

    /// Of each object: what was acknowledged before another one was sent, and reached the service after it.
    fn out_of_order<'i, 'v: 'i, 'a: 'v>(
        &self,
        view: &View<'_>,
        items: impl Iterator<Item = &'i Item<'v, 'a>>,
    ) -> Vec<Violation> {
        let mut by_object: BTreeMap<_, Vec<&Item<'_, '_>>> = BTreeMap::new();
        items.for_each(|item| by_object.entry(item.asked.object).or_default().push(item));
        let mut broken = Vec::new();
        for mut items in by_object.into_values() {
            items.sort_by_key(|item| item.answer.at);
            for (position, later) in items.iter().enumerate() {
                let before = items[..position].iter().filter(|it| it.answer.at < later.asked.sent);
                let mut passed =
                    before.filter(|earlier| earlier.first() > later.first() && later.first().is_some());
                // An item that is lost is told as that.
                let Some(earlier) = passed.rfind(|earlier| earlier.first().is_some()) else {
                    continue;
                };
                broken.push(self.passed(view, earlier, later));
            }
        }
        broken
    }

    fn passed(&self, view: &View<'_>, earlier: &Item<'_, '_>, later: &Item<'_, '_>) -> Violation {
        let at = |item: &Item<'_, '_>| item.first().map_or(item.answer.at, |(at, _)| at);
        let sentences = format!(
            "{} After that {} was sent (request {}), and reached {} at {}, before the first one, which reached it at {}.",
            self.opening(earlier),
            later.told(),
            later.asked.request,
            self.service,
            seconds(at(later).at_ns),
            seconds(at(earlier).at_ns),
        );
        let moments = [earlier.answer.at, later.asked.sent, at(earlier), at(later)];
        breach(view, self.name, later.asked.object, sentences, moments.map(|at| at.event))
    }
}

/// From when on an item that is due then could leave: once it is acknowledged, and once its object is where it leaves.
fn could_leave_ns(view: &View<'_>, item: &Item<'_, '_>, due_ns: u64) -> u64 {
    let moved = item.asked.delivered.zip(item.first_left());
    let moved_ns = moved.and_then(|(from, to)| time::moved_ns(view, item.asked.object, from.event, to.event));
    due_ns.max(item.answer.at.at_ns).max(moved_ns.unwrap_or(0))
}
