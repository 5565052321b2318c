//! Something follows each acknowledged request: a run of `alarm()`, or a call to a service.

use std::collections::BTreeSet;

use reveille_model::history::ObjectName;

use super::frequency::Things;
use super::kept::{Judged, Promise, breach};
use super::loss;
use super::view::{Answer, Asked, View};
use crate::story::seconds;

/// What follows an acknowledged request.
#[derive(Clone, Debug)]
pub struct Following(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Run,
    Call(&'static str),
}

/// A run of the object's `alarm()`.
pub fn runs_of_alarm() -> Following {
    Following(Kind::Run)
}

impl From<Things> for Following {
    /// A call of the object to that service.
    ///
    /// # Panics
    ///
    /// If the things are answers: what follows an answer is not another one.
    fn from(things: Things) -> Self {
        Following(Kind::Call(things.service().expect("answers do not follow a request")))
    }
}

/// After each acknowledged request comes what is said here, or its object still has an alarm scheduled for it when the run ends. Of
/// each object the first offence is told.
pub fn after_each_acknowledged(following: impl Into<Following>) -> Promise {
    let Following(kind) = following.into();
    Promise::new("followed", move |view| judge(view, &kind))
}

/// The last event of the kind for each object decides: whatever came before it is followed.
fn judge(view: &View<'_>, kind: &Kind) -> Judged {
    let mut judged = Judged::default();
    let mut told: BTreeSet<&ObjectName> = BTreeSet::new();
    for (asked, answer) in view.acknowledged() {
        let Some(delivered) = asked.delivered else { continue };
        judged.occasions += 1;
        let is_followed = match kind {
            Kind::Run => view.runs_of(asked.object).next_back().is_some_and(|run| run.start > delivered),
            Kind::Call(service) => {
                let last = view.calls_to(service).rfind(|sent| sent.object == asked.object);
                last.is_some_and(|sent| sent.left > delivered)
            }
        };
        if is_followed || told.contains(asked.object) {
            continue;
        }
        if let Some((why, evidence)) = alone(view, asked, answer) {
            told.insert(asked.object);
            let what = match kind {
                Kind::Run => "No run of alarm() started after that".to_owned(),
                Kind::Call(service) => format!("Nothing was sent to {service} after that"),
            };
            let sentences = format!(
                "Request {} to {} was delivered at {} and acknowledged at {}. {what}, {why}",
                asked.request,
                asked.object,
                seconds(delivered.at_ns),
                seconds(answer.at.at_ns),
            );
            let evidence = evidence.into_iter().chain([asked.sent.event, delivered.event, answer.at.event]);
            judged.broken.push(breach(view, "followed", asked.object, sentences, evidence));
        }
    }
    judged
}

/// Why nothing will follow any more, if nothing will.
fn alone(view: &View<'_>, asked: &Asked<'_>, answer: Answer<'_>) -> Option<(String, Vec<usize>)> {
    match view.at_rest(asked.object) {
        Some(rest) if rest.alarm.is_some() => {
            let (told, evidence) = loss::starved(view, asked.object, answer.at.event, rest)?;
            Some((format!("and an alarm is scheduled all the time. {told}"), evidence))
        }
        rest => {
            let evidence = rest.map(|rest| rest.at.event).into_iter().collect();
            Some(("and at the end of the run no alarm is scheduled.".to_owned(), evidence))
        }
    }
}
