//! How often something happens: no two alike, and not too many in a time.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use reveille_model::history::ObjectName;

use super::kept::{Judged, Promise, breach};
use super::parts;
use super::view::{Moment, View};
use crate::story::seconds;

/// Things that happen in a run and can be counted.
#[derive(Clone, Copy, Debug)]
pub struct Things {
    /// None: answers.
    service: Option<&'static str>,
}

/// The calls that reach this service.
pub fn calls_to(service: &'static str) -> Things {
    Things { service: Some(service) }
}

/// The answers that clients get with a status from 200 to 299.
pub fn answers() -> Things {
    Things { service: None }
}

/// One of them.
struct Thing<'a> {
    object: &'a ObjectName,
    at: Moment,
    body: &'a Bytes,
}

impl Things {
    pub(super) fn service(self) -> Option<&'static str> {
        self.service
    }

    /// In the order of time.
    fn of<'a>(self, view: &View<'a>) -> Vec<Thing<'a>> {
        let mut things: Vec<_> = match self.service {
            Some(service) => {
                let arrived = view.calls_to(service).filter_map(|sent| sent.arrived.map(|at| (sent, at)));
                arrived.map(|(sent, at)| Thing { object: sent.object, at, body: sent.body }).collect()
            }
            None => {
                let acknowledged = view.acknowledged();
                acknowledged
                    .map(|(asked, it)| Thing { object: asked.object, at: it.at, body: it.body })
                    .collect()
            }
        };
        things.sort_by_key(|thing| thing.at);
        things
    }

    fn told(self) -> String {
        self.service.map_or("answers".to_owned(), |service| format!("calls to {service}"))
    }
}

/// No two of an object's things say the same: tickets that are handed out once, mails that are sent once. Calls are counted as they
/// reach the service.
pub fn distinct(things: Things) -> Distinct {
    Distinct { things }
}

/// That no two say the same.
#[derive(Clone, Copy, Debug)]
pub struct Distinct {
    things: Things,
}

impl From<Distinct> for Promise {
    fn from(distinct: Distinct) -> Self {
        Promise::new("distinct", move |view| distinct.judge(view)).counting(distinct.things.service)
    }
}

impl Distinct {
    fn judge(&self, view: &View<'_>) -> Judged {
        let mut seen: BTreeMap<(&ObjectName, Bytes), Moment> = BTreeMap::new();
        let mut judged = Judged::default();
        for thing in self.things.of(view) {
            judged.occasions += 1;
            let before = *seen.entry((thing.object, parts::plain(thing.body))).or_insert(thing.at);
            if before == thing.at {
                continue;
            }
            let sentences = format!(
                "Two {} of {} say the same, {:?}: one at {}, one at {}.",
                self.things.told(),
                thing.object,
                String::from_utf8_lossy(thing.body),
                seconds(before.at_ns),
                seconds(thing.at.at_ns)
            );
            let evidence = [before.event, thing.at.event];
            judged.broken.push(breach(view, "distinct", thing.object, sentences, evidence));
        }
        judged
    }
}

/// At most so many of an object's things in a time: [`AtMost::of`] says which, [`AtMost::per`] in which time.
pub fn at_most(most: usize) -> AtMost {
    AtMost { most, things: answers(), per: Duration::MAX }
}

/// That there are not too many in a time.
#[derive(Clone, Copy, Debug)]
pub struct AtMost {
    most: usize,
    things: Things,
    per: Duration,
}

impl AtMost {
    /// Of these; of answers if not said.
    #[must_use]
    pub fn of(self, things: Things) -> Self {
        Self { things, ..self }
    }

    /// In any stretch of true time of this length; in the whole run if not said.
    #[must_use]
    pub fn per(self, time: Duration) -> Self {
        Self { per: time, ..self }
    }
}

impl From<AtMost> for Promise {
    fn from(it: AtMost) -> Self {
        Promise::new("at-most", move |view| it.judge(view)).counting(it.things.service)
    }
}

impl AtMost {
    fn judge(&self, view: &View<'_>) -> Judged {
        let per_ns = u64::try_from(self.per.as_nanos()).unwrap_or(u64::MAX);
        let mut by_object: BTreeMap<&ObjectName, Vec<Moment>> = BTreeMap::new();
        self.things.of(view).into_iter().for_each(|thing| {
            by_object.entry(thing.object).or_default().push(thing.at);
        });
        let mut judged = Judged::default();
        for (object, moments) in by_object {
            judged.occasions += moments.len() as u64;
            let crowd =
                moments.windows(self.most + 1).find(|some| some[self.most].at_ns - some[0].at_ns < per_ns);
            let Some(crowd) = crowd else { continue };
            let (first, last) = (crowd[0], crowd[self.most]);
            let sentences = format!(
                "From {} to {} there are {} {} of {object}, and at most {} are promised in that time.",
                seconds(first.at_ns),
                seconds(last.at_ns),
                self.most + 1,
                self.things.told(),
                self.most
            );
            judged.broken.push(breach(view, "at-most", object, sentences, crowd.iter().map(|at| at.event)));
        }
        judged
    }
}
