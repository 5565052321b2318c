//! Promises that no word is there for: a predicate over answers, over what is stored at the end, or over the whole run.

use reveille_model::history::ObjectName;

use super::kept::{Judged, Promise, breach};
use super::view::{Answer, Asked, Rest, View};
use crate::story::seconds;

/// Every answer is as this says; `name` is what the promise is called.
pub fn always(
    name: &'static str,
    is_right: impl Fn(&Asked<'_>, &Answer<'_>) -> bool + Send + Sync + 'static,
) -> Promise {
    Promise::new(name, move |view| {
        let mut judged = Judged::default();
        for asked in view.requests() {
            let Some(answer) = asked.answer else { continue };
            judged.occasions += 1;
            if is_right(asked, &answer) {
                continue;
            }
            let sentences = format!(
                "Request {} to {}, {:?}, was answered at {} with status {} and {:?}.",
                asked.request,
                asked.object,
                String::from_utf8_lossy(asked.body),
                seconds(answer.at.at_ns),
                answer.status,
                String::from_utf8_lossy(answer.body)
            );
            let evidence = [asked.sent.event, answer.at.event];
            judged.broken.push(breach(view, name, asked.object, sentences, evidence));
        }
        judged
    })
}

/// When the run ends the datastore holds for every object what this says.
pub fn eventually(
    name: &'static str,
    is_right: impl Fn(&ObjectName, &Rest<'_>) -> bool + Send + Sync + 'static,
) -> Promise {
    Promise::new(name, move |view| {
        let mut judged = Judged::default();
        for (object, rest) in view.all_at_rest() {
            judged.occasions += 1;
            if !is_right(object, &rest) {
                let sentences =
                    format!("At the end of the run the datastore does not hold for {object} what it should.");
                judged.broken.push(breach(view, name, object, sentences, [rest.at.event]));
            }
        }
        judged
    })
}

/// A promise of one's own: a function over the run that counts its occasions and tells what is wrong.
pub fn promise(name: &'static str, judge: impl Fn(&View<'_>) -> Judged + Send + Sync + 'static) -> Promise {
    Promise::new(name, judge)
}
