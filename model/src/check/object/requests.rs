//! O2: the name that a request was for leads to that object. And which requests their clients still wait for (O6).

use std::collections::BTreeMap;

use crate::check::Objects;
use crate::check::report::{Reports, Seconds};
use crate::history::{ObjectName, Outcome};
use crate::reference::Mark;
use crate::rules::Id;

/// How many requests are remembered whose clients do not wait for them any more.
const UNKNOWN_MAX: usize = 4_096;

/// A request of a client.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// The position of its object.
    object: usize,
    call: Mark,
}

/// The requests of clients that may still be delivered.
#[derive(Debug, Default)]
pub(in crate::check) struct Requests {
    /// O6: their clients still wait for them.
    waiting: BTreeMap<u64, Asked>,
    /// Their clients do not wait for them any more.
    unknown: BTreeMap<u64, Asked>,
}

impl Requests {
    /// A client sends a request to the object at that position.
    pub(in crate::check) fn sent(&mut self, request: u64, object: usize, call: Mark) {
        self.waiting.insert(request, Asked { object, call });
    }

    /// A client does not wait any more.
    pub(in crate::check) fn returned(&mut self, request: u64, outcome: &Outcome) {
        let waiting = self.waiting.remove(&request);
        self.unknown.extend(waiting.filter(|_| *outcome == Outcome::Unknown).map(|it| (request, it)));
        if self.unknown.len() > UNKNOWN_MAX {
            self.unknown.pop_first();
        }
    }

    /// O2: a request is delivered to that object. What has been answered is not remembered.
    pub(in crate::check) fn led(
        &self,
        reports: &mut Reports,
        objects: &Objects,
        now: Mark,
        request: u64,
        object: &ObjectName,
    ) {
        let known = self.waiting.get(&request).or_else(|| self.unknown.get(&request));
        let Some(Asked { object: asked, call }) = known.copied() else { return };
        reports.saw(Id::O2);
        let Some((name, _)) = objects.get_index(asked).filter(|(name, _)| *name != object) else { return };
        let sentences = format!(
            "Request {request}, made at {} for {name}, was delivered at {} to an instance of {object}.",
            Seconds(call.at_ns),
            Seconds(now.at_ns),
        );
        reports.add(Id::O2, Some(name), now.at_ns, &[call, now], sentences);
    }

    /// The position of the object that a request is for whose client still waits.
    pub(in crate::check) fn object_of(&self, request: u64) -> Option<usize> {
        Some(self.waiting.get(&request)?.object)
    }

    /// O6: for each object, by its position, the first request that its client still waits for.
    pub(in crate::check) fn first_of_each(&self) -> BTreeMap<usize, Mark> {
        let mut calls: BTreeMap<usize, Mark> = BTreeMap::new();
        for Asked { object, call } in self.waiting.values() {
            let first = calls.entry(*object).or_insert(*call);
            *first = (*first).min(*call);
        }
        calls
    }
}
