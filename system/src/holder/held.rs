//! A slice that this machine holds, under one epoch: its alarms, its objects in memory, and their writes.
//!
//! The writes of its objects go to the datastore in numbered batches, one in flight at a time; what becomes ready meanwhile
//! shares the next batch.

use std::collections::VecDeque;

use indexmap::IndexMap;

use super::{Call, Env, Incoming};
use crate::alarm::Tracker;
use crate::client::{About, Purpose, Tenure};
use crate::cx::Cx;
use crate::hash::FixedState;
use crate::ids::{Epoch, ObjectName};
use crate::object::class::Response;
use crate::object::entry::{Acts, Entry, Host, Unit};
use crate::object::port::Stamps;
use crate::observe::{Observation, Source};
use crate::store::command::{AlarmRow, AlarmWrite, Command, Commit, Query};
use crate::words::time::Now;

/// A slice under the epoch that its claim has made.
pub(super) struct Held {
    tenure: Tenure,
    epoch: Epoch,
    stamps: Stamps,
    /// What is read has to be at least as new as this index of the group's log: everything up to it was acknowledged.
    read_index: u64,
    tracker: Tracker,
    entries: IndexMap<ObjectName, Entry, FixedState>,
    /// What the entries have asked for in this step.
    acts: Acts,
    /// Turns that wait for the next batch.
    ready: VecDeque<Unit>,
    /// The batch in flight.
    in_flight: Vec<Unit>,
    /// When it was proposed, on the monotonic clock.
    proposed_ns: u64,
    last_batch: u64,
}

impl Held {
    /// A slice that was claimed at this index of its group's log.
    pub(super) fn new(tenure: Tenure, epoch: Epoch, index: u64) -> Self {
        Self {
            tenure,
            epoch,
            stamps: Stamps::new(epoch),
            read_index: index,
            tracker: Tracker::default(),
            entries: IndexMap::default(),
            acts: Acts::default(),
            ready: VecDeque::new(),
            in_flight: Vec::new(),
            proposed_ns: 0,
            last_batch: 0,
        }
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether nothing is going on in any of its objects.
    pub(super) fn is_quiet(&self) -> bool {
        self.entries.values().all(Entry::is_quiet)
    }

    /// Whether nothing of any object is in memory.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether everything that its objects wrote is durable.
    pub(super) fn is_saved(&self) -> bool {
        self.ready.is_empty() && self.in_flight.is_empty()
    }

    /// Asks for the page of the due index that comes after this alarm.
    pub(super) fn load(&self, after: Option<(i64, ObjectName)>, env: &mut Env, cx: &mut Cx<'_>) {
        let slice = self.tenure.slice;
        let query = Query::Due { slice, after, limit: cx.config.tuning.page_alarms };
        cx.out.observed.push(Observation::AsksForDue { slice });
        env.client.read(Purpose::Slice(self.tenure, About::Due), slice, self.read_index, query, cx);
    }

    /// The page that was asked for. Nothing changes the index meanwhile: this machine holds the slice and does not serve it
    /// yet. Gives whether it was the last one; else the next is asked for.
    pub(super) fn take_page(
        &mut self,
        page: Vec<(ObjectName, AlarmRow)>,
        env: &mut Env,
        cx: &mut Cx<'_>,
    ) -> bool {
        let is_last = page.len() < cx.config.tuning.page_alarms as usize;
        let after = page.last().map(|(object, row)| (row.not_before_ms, object.clone()));
        for (object, row) in page {
            self.tracker.schedule(&object, row, None);
        }
        if !is_last {
            self.load(after, env, cx);
        }
        is_last
    }

    /// A request for one of its objects.
    pub(super) fn request(&mut self, incoming: Incoming, env: &mut Env, cx: &mut Cx<'_>) {
        let Incoming { request, object, body } = incoming;
        let is_served = self.with_entry(&object, env, cx, |entry, host| entry.request(request, body, host));
        if !is_served {
            let body = format!("there is no class {}", object.class()).into();
            env.requests.respond(request, Response { status: 404, body }, cx);
        }
    }

    /// The batch in flight is durable, at this index of the group's log.
    pub(super) fn committed(&mut self, index: u64, env: &mut Env, cx: &mut Cx<'_>) {
        self.read_index = index;
        let after_ns = cx.now.mono_ns - self.proposed_ns;
        cx.out.observed.push(Observation::Acknowledged { slice: self.tenure.slice, after_ns });
        for Unit { writes, retry_at_ns } in std::mem::take(&mut self.in_flight) {
            match &writes.alarm {
                Some(AlarmWrite::Schedule(row)) => self.tracker.schedule(&writes.object, *row, retry_at_ns),
                Some(AlarmWrite::Remove) => self.tracker.remove(&writes.object),
                None => {}
            }
            // Without an entry it was abandoned meanwhile.
            self.with_live(&writes.object, env, cx, |entry, host| entry.committed(&writes, host));
        }
        self.send_batch(env, cx);
    }

    /// Sends what is ready as one batch, if none is in flight.
    fn send_batch(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        if !self.in_flight.is_empty() || self.ready.is_empty() {
            return;
        }
        let most = cx.config.tuning.batch_turns as usize;
        self.in_flight.extend(self.ready.drain(..self.ready.len().min(most)));
        self.proposed_ns = cx.now.mono_ns;
        self.last_batch += 1;
        let turns = self.in_flight.iter().map(|unit| unit.writes.clone()).collect();
        let commit = Commit { slice: self.tenure.slice, epoch: self.epoch, batch: self.last_batch, turns };
        env.client.propose(Purpose::Slice(self.tenure, About::Commit), Command::Commit(commit), cx);
    }

    /// Once a tick: limits of time, eviction.
    pub(super) fn tick(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        for index in (0..self.entries.len()).rev() {
            let (entry, mut host) = self.entry(index, env, cx);
            entry.tick(&mut host);
            if entry.is_gone() {
                self.entries.swap_remove_index(index);
            }
        }
        self.carry_out(env, cx);
    }

    /// Wakes the objects whose alarms are due (F2, F8).
    pub(super) fn fire(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        while let Some((object, row)) = self.tracker.pop_due(cx.now) {
            self.with_entry(&object, env, cx, |entry, host| entry.alarm_due(row, host));
        }
    }

    /// When the next alarm is due, on the monotonic clock.
    pub(super) fn next_due_ns(&self, now: Now) -> Option<u64> {
        self.tracker.next_due_ns(now)
    }

    /// The instances in memory, and whether `alarm()` is in progress in each.
    pub(super) fn live_instances(&self) -> impl Iterator<Item = (Source, bool)> + '_ {
        self.entries.values().filter_map(Entry::live_instance)
    }

    /// What is in memory ends; what it wrote before may still become durable.
    pub(super) fn abandon(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        for index in 0..self.entries.len() {
            let (entry, mut host) = self.entry(index, env, cx);
            entry.abandon(&mut host);
        }
        self.carry_out(env, cx);
        self.entries.clear();
    }

    /// Lets something happen to an object, which is brought into memory for it. False if its class is unknown.
    fn with_entry(
        &mut self,
        object: &ObjectName,
        env: &mut Env,
        cx: &mut Cx<'_>,
        happens: impl FnOnce(&mut Entry, &mut Host<'_, '_>),
    ) -> bool {
        if !self.entries.contains_key(object) {
            let Some(class) = env.classes.get(object.class()) else { return false };
            let entry = Entry::new(object.clone(), class, self.stamps.clone());
            self.entries.insert(object.clone(), entry);
        }
        self.with_live(object, env, cx, happens);
        true
    }

    /// Lets something happen to an object if it is in memory.
    pub(super) fn with_live(
        &mut self,
        object: &ObjectName,
        env: &mut Env,
        cx: &mut Cx<'_>,
        happens: impl FnOnce(&mut Entry, &mut Host<'_, '_>),
    ) {
        if let Some(index) = self.entries.get_index_of(object) {
            let (entry, mut host) = self.entry(index, env, cx);
            happens(entry, &mut host);
            self.carry_out(env, cx);
        }
    }

    /// An object in memory, and what it has at hand.
    fn entry<'a, 'c>(
        &'a mut self,
        index: usize,
        env: &'a mut Env,
        cx: &'a mut Cx<'c>,
    ) -> (&'a mut Entry, Host<'a, 'c>) {
        let host = Host {
            may_emit: env.membership.may_emit(cx.now.mono_ns),
            cx,
            jitter: &mut env.jitter,
            tracker: &mut self.tracker,
            last_call: &mut env.last_call,
            acts: &mut self.acts,
        };
        (&mut self.entries[index], host)
    }

    /// Carries out what the entries have asked for.
    fn carry_out(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        let tenure = self.tenure;
        if self.acts.is_empty() {
            return self.send_batch(env, cx);
        }
        for (object, instance, op, query) in self.acts.reads.drain(..) {
            let purpose = Purpose::Slice(tenure, About::Read(object, instance, op));
            env.client.read(purpose, tenure.slice, self.read_index, query, cx);
        }
        for (object, instance, op, call) in self.acts.calls.drain(..) {
            env.calls.insert(call.call, Call { tenure, object, instance, op, since_ns: cx.now.mono_ns });
            cx.out.outside.push(call);
        }
        for (request, response) in self.acts.responses.drain(..) {
            env.requests.respond(request, response, cx);
        }
        for request in self.acts.undelivered.drain(..) {
            env.refuse(request, tenure.slice, cx);
        }
        self.ready.extend(self.acts.units.drain(..));
        self.send_batch(env, cx);
    }
}
