//! What judging one event, or one object at the end of the run, takes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cluster::faults::Faults;
use super::cluster::lateness::Pace;
use super::coverage::Kinds;
use super::report::{Reports, Scheduled};
use crate::history::{AlarmAtRest, Blob, By, Constants, Key, ObjectName, Place};
use crate::reference::Mark;
use crate::rules::Id;

/// One event of an instance, with all that judging it takes.
pub(super) struct Case<'a> {
    pub(super) constants: &'a Constants,
    pub(super) alarm_classes: Option<&'a [Arc<str>]>,
    pub(super) omits_commits: bool,
    pub(super) faults: &'a Faults,
    pub(super) pace: &'a mut Pace,
    pub(super) reports: &'a mut Reports,
    pub(super) name: &'a ObjectName,
    pub(super) by: &'a By,
    pub(super) mark: Mark,
    pub(super) place: Option<Place>,
}

impl Case<'_> {
    /// The event gives occasion to break a rule.
    pub(super) fn saw(&mut self, rule: Id) {
        self.reports.saw(rule);
    }

    /// A8: whether the object's class declares `alarm()`, if the history says.
    pub(super) fn declares_alarm(&self) -> Option<bool> {
        self.alarm_classes.map(|classes| declares_alarm(classes, self.name))
    }

    /// Reports that this event breaks a rule. `evidence` are the events before it that prove it.
    pub(super) fn report(&mut self, rule: Id, evidence: &[Mark], sentences: String) {
        let mut all = evidence.to_vec();
        all.push(self.mark);
        self.reports.add(rule, Some(self.name), self.mark.at_ns, &all, sentences);
    }

    /// Like [`Case::report`], if an event of one of these kinds is seen anywhere in the history.
    pub(super) fn report_if_ever(&mut self, kinds: Kinds, rule: Id, evidence: &[Mark], sentences: String) {
        let mut all = evidence.to_vec();
        all.push(self.mark);
        self.reports.add_if_ever(kinds, rule, Some(self.name), self.mark.at_ns, &all, sentences);
    }
}

/// A8: whether the class of an object is one of those that declare `alarm()`.
pub(super) fn declares_alarm(classes: &[Arc<str>], name: &ObjectName) -> bool {
    classes.iter().any(|class| **class == *name.class())
}

/// One object at the end of the run, with all that judging it takes.
pub(super) struct Scene<'a> {
    pub(super) constants: &'a Constants,
    pub(super) reports: &'a mut Reports,
    pub(super) name: &'a ObjectName,
    /// A8: whether the object's class declares `alarm()`, if the history says.
    pub(super) declares_alarm: Option<bool>,
    pub(super) mark: Mark,
}

impl Scene<'_> {
    pub(super) fn report(&mut self, rule: Id, evidence: &[Mark], sentences: String) {
        self.reports.add(rule, Some(self.name), self.mark.at_ns, evidence, sentences);
    }

    pub(super) fn scheduled(&self, time_ms: i64) -> Scheduled {
        Scheduled(Some(self.reports.wall(time_ms)))
    }
}

/// What the datastore holds for one object at the end of the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held<'a> {
    pub(super) keys: &'a BTreeMap<Key, Blob>,
    pub(super) alarm: Option<&'a AlarmAtRest>,
}

/// What it holds for an object that it tells nothing of.
pub(super) const NOTHING: Held<'static> = Held { keys: &BTreeMap::new(), alarm: None };
