//! Promises that no word is there for: a predicate over answers, over what is stored at the end, or over the whole run.

use std::collections::BTreeMap;

use reveille_model::history::{Blob, Key, ObjectName};

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

/// When the run ends the datastore holds for every object what this says: for each of which it holds anything, and for each that has
/// acknowledged a request. Of one that it does not know it holds no key and no alarm.
pub fn eventually(
    name: &'static str,
    is_right: impl Fn(&ObjectName, &Rest<'_>) -> bool + Send + Sync + 'static,
) -> Promise {
    Promise::new(name, move |view| {
        let mut judged = Judged::default();
        for (object, rest) in held(view) {
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

/// What the datastore holds at the end for each object that there is, or was.
fn held<'a>(view: &View<'a>) -> BTreeMap<&'a ObjectName, Rest<'a>> {
    static NO_KEYS: BTreeMap<Key, Blob> = BTreeMap::new();
    let gone = view
        .acknowledged()
        .map(|(asked, answer)| (asked.object, Rest { at: answer.at, keys: &NO_KEYS, alarm: None }));
    gone.chain(view.all_at_rest()).collect()
}

/// A promise of one's own: a function over the run that counts its occasions and tells what is wrong.
pub fn promise(name: &'static str, judge: impl Fn(&View<'_>) -> Judged + Send + Sync + 'static) -> Promise {
    Promise::new(name, judge)
}
