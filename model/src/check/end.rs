//! The end of the run, object by object: what the datastore holds, and what was still to come.

use std::collections::BTreeMap;

use super::alarm::{limit, overdue};
use super::case::{Held, NOTHING, Scene, declares_alarm};
use super::cluster::faults::Faults;
use super::cluster::lateness::Pace;
use super::leniency::unsure;
use super::object::{homeless, life};
use super::{Checker, alarm, find, leniency, storage, witness};
use crate::history::ObjectName;
use crate::reference::Mark;
use crate::reference::object::Object;
use crate::reference::slot::Claim;
use crate::rules::Id;

impl Checker {
    /// What the datastore holds for one object.
    pub(super) fn at_rest(&mut self, mark: Mark, name: &ObjectName, held: &Held<'_>, slice: Option<u16>) {
        self.any_at_rest = true;
        let (_, name, state) = find(&mut self.objects, name);
        if let Some(current) = &mut state.current {
            current.slice = slice.or(current.slice);
        }
        if self.omits_commits {
            state.rest_unsure(mark, leniency::unsure(&self.constants, &self.reports));
        }
        if state.row.is_unsure() {
            unsure::at_rest(&mut self.reports, state, held);
        }
        let declares_alarm = self.alarm_classes.as_deref().map(|classes| declares_alarm(classes, name));
        let scene =
            Scene { constants: &self.constants, reports: &mut self.reports, name, declares_alarm, mark };
        object_at_rest(scene, state, held);
    }

    /// The run is over, or the history is.
    pub(super) fn end_of_run(&mut self) {
        if self.is_over {
            let (mut scene, cluster) = self.takeover(self.last);
            cluster.judge_moves(&mut scene);
            cluster.judge_spread(&mut scene);
        }
        let (constants, faults, pace) = (&self.constants, &self.faults, &mut self.pace);
        if self.is_over {
            self.cluster.end_of_run(&mut self.reports, constants, faults, pace, self.last);
        }
        let calls = self.requests.first_of_each();
        let told = Told { end: self.is_over, rest: self.any_at_rest };
        for (position, (name, object)) in self.objects.iter_mut().enumerate() {
            if self.omits_commits && !object.at_rest {
                object.rest_unsure(self.last, leniency::unsure(constants, &self.reports));
            }
            if self.omits_commits && !object.at_rest && told.rest {
                unsure::at_rest(&mut self.reports, object, &NOTHING);
            }
            let reports = &mut self.reports;
            life::is_stopped(constants, reports, faults, pace, object);
            let declares_alarm = self.alarm_classes.as_deref().map(|classes| declares_alarm(classes, name));
            let mut scene = Scene { constants, reports, name, declares_alarm, mark: self.last };
            if self.is_over {
                homeless::check(&mut scene, faults, pace, object, calls.get(&position).copied());
            }
            end_of_object(scene, faults, pace, object, told);
            if self.is_over {
                let (reports, mark) = (&mut self.reports, self.last);
                let mut scene = witness::Scene { constants, faults, reports, pace, mark };
                self.witness.end_of_object(&mut scene, name, object);
            }
        }
        if self.is_over {
            let (reports, mark) = (&mut self.reports, self.last);
            let mut scene = witness::Scene { constants, faults, reports, pace, mark };
            self.witness.end_of_run(&mut scene);
        }
    }
}

/// What a history tells of the end of the run.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// When it was.
    end: bool,
    /// What the datastore held then. That of an object nothing is told of an object then says that there is nothing of it; that
    /// nothing is told of any says nothing.
    rest: bool,
}

/// The run is over: what has no row at rest is lost, and what is overdue never ran.
fn end_of_object(mut scene: Scene<'_>, faults: &Faults, pace: &mut Pace, object: &mut Object, told: Told) {
    let is_gone = told.rest && !object.at_rest;
    if is_gone {
        storage::rest::keys(&mut scene, object, &BTreeMap::new(), None);
    }
    if told.end && !object.is_homeless {
        limit::endless_run(&mut scene, faults, pace, object);
    }
    let slot = &object.row.slot;
    let Some(alarm) = slot.alarm.as_ref().filter(|_| !slot.doubtful) else { return };
    // What is at rest has said which of several states it is, if it is told.
    let is_unsure = !told.rest && object.row.is_unsure_of_slot();
    if is_gone {
        alarm::rest::lost(&mut scene, &object.row, alarm);
    } else if told.end && !object.is_homeless && !is_unsure {
        overdue::overdue(&mut scene, faults, pace, object, alarm);
    }
}

/// What the datastore holds for one object.
fn object_at_rest(mut scene: Scene<'_>, object: &mut Object, held: &Held<'_>) {
    let Held { keys, alarm } = *held;
    object.at_rest = true;
    if alarm.is_some() {
        scene.reports.saw(Id::A1);
    }
    let known = object.row.slot.alarm.as_ref().map(|alarm| &alarm.setting);
    let held = known.filter(|known| alarm.is_some_and(|row| Claim::from(row).names(known)));
    storage::rest::keys(&mut scene, object, keys, held);
    if object.row.slot.doubtful {
        return;
    }
    let is_other = match (&object.row.slot.alarm, alarm) {
        (None, None) => false,
        (Some(known), None) => {
            alarm::rest::lost(&mut scene, &object.row, known);
            true
        }
        (None, Some(row)) => alarm::rest::ghost(&mut scene, object, row),
        (Some(known), Some(row)) => alarm::rest::other(&mut scene, object, known, row),
    };
    object.row.slot.doubtful = is_other;
}
