//! What object code was given (W1). Classes that the header names say in their answers what their code has read; the account says what
//! it gave. A value that changes between storage and object code shows there.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::Deserialize;
use siphasher::sip::SipHasher13;

use super::super::case::Case;
use super::super::report::{Seconds, Shown};
use super::scene;
use crate::history::{Blob, Key, ObjectName, OpResult, StorageCall};
use crate::rules::Id;

/// So many results of an instance are remembered, the last ones.
const GIVEN_MAX: usize = 256;

/// So many instances are followed.
const INSTANCES_MAX: usize = 1_024;

/// What objects of classes that echo were given.
#[derive(Debug)]
pub(super) struct Echoes {
    classes: Vec<Arc<str>>,
    /// From their starts on: of two that live at once each has been given its own.
    instances: BTreeMap<(ObjectName, u64), Given>,
}

/// What the calls of one instance gave.
#[derive(Debug, Default)]
struct Given {
    /// The keys that calls without a result have asked for.
    asked: Vec<(u64, Vec<Key>)>,
    /// Keys with their values, as hashes.
    values: VecDeque<u64>,
    has_forgotten: bool,
}

/// What an answer says.
#[derive(Deserialize)]
struct Echo {
    read: Vec<(Key, Option<Blob>)>,
}

impl Echoes {
    pub(super) fn new(classes: &[Arc<str>]) -> Self {
        Echoes { classes: classes.to_vec(), instances: BTreeMap::new() }
    }

    /// An instance starts.
    pub(super) fn starts(&mut self, case: &Case<'_>) {
        if !self.classes.iter().any(|class| **class == *case.name.class()) {
            return;
        }
        if self.instances.len() >= INSTANCES_MAX {
            self.instances.pop_first();
        }
        self.instances.insert(instance_of(case), Given::default());
    }

    /// An instance ends.
    pub(super) fn ends(&mut self, case: &Case<'_>) {
        if !self.instances.is_empty() {
            self.instances.remove(&instance_of(case));
        }
    }

    /// What the instance that does something was given, if it is followed.
    fn of(&mut self, case: &Case<'_>) -> Option<&mut Given> {
        if self.instances.is_empty() { None } else { self.instances.get_mut(&instance_of(case)) }
    }

    /// Object code makes a call.
    pub(super) fn called(&mut self, case: &Case<'_>, op: u64, call: &StorageCall) {
        let is_read = matches!(call, StorageCall::Get { .. } | StorageCall::GetMany { .. });
        let Some(given) = is_read.then(|| self.of(case)).flatten() else { return };
        let keys = match call {
            StorageCall::Get { key } => vec![key.clone()],
            StorageCall::GetMany { keys } => keys.clone(),
            _ => return,
        };
        given.asked.push((op, keys));
    }

    /// The account: object code is given a result.
    pub(super) fn result(&mut self, case: &Case<'_>, op: u64, result: &OpResult) {
        let is_read = matches!(result, OpResult::Value(_) | OpResult::Entries(_));
        let Some(given) = is_read.then(|| self.of(case)).flatten() else { return };
        let asked = given.asked.iter().position(|(of, _)| *of == op);
        let asked = asked.map(|position| given.asked.swap_remove(position).1).unwrap_or_default();
        match result {
            OpResult::Value(value) => asked.iter().for_each(|key| given.add(key, value.as_ref())),
            OpResult::Entries(entries) => {
                entries.iter().for_each(|(key, value)| given.add(key, Some(value)));
                let is_absent = |key: &&Key| entries.iter().all(|(there, _)| there != *key);
                asked.iter().filter(is_absent).for_each(|key| given.add(key, None));
            }
            _ => {}
        }
    }

    /// An answer of object code: what it says that it was given has to be what the account gave.
    pub(super) fn responds(&mut self, case: &mut Case<'_>, request: u64, status: u16, body: &Blob) {
        let Some(given) = (status == 200).then(|| self.of(case)).flatten() else { return };
        let Ok(Echo { read }) = serde_json::from_slice(&body.0) else { return };
        let other = read.iter().find(|(key, value)| !given.has(key, value.as_ref()));
        let is_sure = !given.has_forgotten;
        let (name, mark) = (case.name, case.mark);
        let mut scene = scene(case);
        scene.reports.saw(Id::W1);
        let Some((key, value)) = other.filter(|_| is_sure) else { return };
        let sentences = format!(
            "By its answer to request {request} at {} the code of {name} read {} as the value of {key:?}; no call is told to have \
             given it that.",
            Seconds(mark.at_ns),
            Shown(value.as_ref()),
        );
        scene.report(Id::W1, Some(name), &[mark], sentences);
    }
}

fn instance_of(case: &Case<'_>) -> (ObjectName, u64) {
    (case.name.clone(), case.by.instance)
}

impl Given {
    fn add(&mut self, key: &Key, value: Option<&Blob>) {
        let value = hash(key, value);
        if self.values.contains(&value) {
            return;
        }
        if self.values.len() == GIVEN_MAX {
            self.values.pop_front();
            self.has_forgotten = true;
        }
        self.values.push_back(value);
    }

    fn has(&self, key: &Key, value: Option<&Blob>) -> bool {
        self.values.contains(&hash(key, value))
    }
}

fn hash(key: &Key, value: Option<&Blob>) -> u64 {
    let mut hasher = SipHasher13::new();
    (key, value).hash(&mut hasher);
    hasher.finish()
}
