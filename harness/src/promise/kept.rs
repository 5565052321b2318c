//! What a promise is: a name, and a function that counts occasions and tells how it was broken.

use std::fmt;
use std::sync::Arc;

use reveille_model::history::{History, ObjectName};
use reveille_model::verdict::{RuleId, Violation};

use super::view::View;

/// A promise.
#[derive(Clone)]
pub struct Promise {
    /// What it is called in findings.
    pub name: &'static str,
    /// The service of which it counts the calls, if it does: one call more may break it.
    pub(crate) counts: Option<&'static str>,
    judge: Arc<dyn Fn(&View<'_>) -> Judged + Send + Sync>,
}

/// What a promise came to in one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// How often the run gave occasion to break it.
    pub occasions: u64,
    /// How it was broken.
    pub broken: Vec<Violation>,
}

impl Promise {
    /// The promise that this function judges.
    pub fn new(name: &'static str, judge: impl Fn(&View<'_>) -> Judged + Send + Sync + 'static) -> Self {
        Self { name, counts: None, judge: Arc::new(judge) }
    }

    /// The same promise by another name: for two of a kind in one scenario.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        let Self { name: own, counts, judge } = self;
        let renamed = move |view: &View<'_>| {
            let mut judged = judge(view);
            for violation in judged.broken.iter_mut().filter(|violation| violation.rule.0 == own) {
                violation.rule = RuleId(name);
            }
            judged
        };
        Self { counts, ..Self::new(name, renamed) }
    }

    /// The same promise, which counts the calls to this service.
    pub(super) fn counting(self, service: Option<&'static str>) -> Self {
        Self { counts: service, ..self }
    }

    /// Judges the history of a whole run.
    pub fn judge(&self, view: &View<'_>) -> Judged {
        (self.judge)(view)
    }
}

impl fmt::Debug for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Promise").field(&self.name).finish()
    }
}

/// Judges a history by one promise.
pub fn judge(promise: impl Into<Promise>, history: &History) -> Judged {
    promise.into().judge(&View::of(history))
}

/// A breach: when the last of the evidence happened, unless that is told.
pub(super) fn breach(
    view: &View<'_>,
    name: &'static str,
    object: &ObjectName,
    sentences: String,
    evidence: impl IntoIterator<Item = usize>,
) -> Violation {
    let mut evidence: Vec<usize> = evidence.into_iter().collect();
    evidence.sort_unstable();
    evidence.dedup();
    let at_ns = evidence.last().map_or(0, |last| view.history().events[*last].at_ns);
    Violation { rule: RuleId(name), object: Some(object.clone()), at_ns, sentences, evidence }
}
