//! One slice on the machine that holds it, or is to.
//!
//! ```text
//! Finding -> Claiming -> Loading -> Serving -> Leaving -> Releasing -> Gone
//!    ^ the former holder's session lasts: look again at every tick
//! ```
//!
//! A slice may be claimed when its former holder has given it up, or when that one's session has ended: then it has
//! fallen silent. While it is served, the writes of its objects go to the datastore in numbered batches, one in flight at
//! a time; what becomes ready meanwhile shares the next batch.

use std::collections::VecDeque;

use indexmap::IndexMap;

use super::{Call, Cx, Env, Incoming};
use crate::alarm::Tracker;
use crate::client::Purpose;
use crate::config::NS_PER_MS;
use crate::hash::FixedState;
use crate::ids::{Epoch, ObjectName, OpId, SliceId, Stamp};
use crate::io::Now;
use crate::object::class::Response;
use crate::object::entry::{self, Acts, Entry, Unit};
use crate::object::op::Reply;
use crate::object::port::Stamps;
use crate::observe::{Observation, Source};
use crate::registry::Roster;
use crate::store::command::{
    AlarmRow, AlarmWrite, Answer, Applied, Claim, Command, Commit, Holding, Query, Release,
};

/// Alarms in one page of the due index.
const PAGE: u32 = 512;
/// Requests that may wait for the slice to be served; more are left to time out at their clients.
const WAITING_MAX: usize = 1_024;

/// A slice.
pub(super) struct Slice {
    id: SliceId,
    stage: Stage,
    epoch: Epoch,
    stamps: Stamps,
    /// What is read has to be at least as new as this index of the group's log: everything up to it was acknowledged.
    read_index: u64,
    tracker: Tracker,
    entries: IndexMap<ObjectName, Entry, FixedState>,
    /// Turns that wait for the next batch.
    ready: VecDeque<Unit>,
    /// The batch in flight.
    in_flight: Vec<Unit>,
    last_batch: u64,
    /// Requests that came before the slice was served.
    waiting: VecDeque<Incoming>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Who holds it? `asked` while the question is out.
    Finding {
        asked: bool,
    },
    Claiming,
    Loading,
    Serving,
    /// It is assigned elsewhere: what is in progress may come to its end, for a while.
    Leaving {
        since_ns: u64,
    },
    /// The release is on its way. Nothing of it gets out any more.
    Releasing,
    /// There is nothing left of it here.
    Gone,
}

/// How long what is in progress may go on when a slice is given up.
const LEAVE_MS: u64 = 2_000;

impl Slice {
    /// A slice that is not claimed yet.
    pub(super) fn new(id: SliceId) -> Self {
        let epoch = Epoch::default();
        Self {
            id,
            stage: Stage::Finding { asked: false },
            epoch,
            stamps: Stamps::new(epoch),
            read_index: 0,
            tracker: Tracker::default(),
            entries: IndexMap::default(),
            ready: VecDeque::new(),
            in_flight: Vec::new(),
            last_batch: 0,
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn id(&self) -> SliceId {
        self.id
    }

    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.stage, Stage::Leaving { .. } | Stage::Releasing | Stage::Gone)
    }

    pub(super) fn is_gone(&self) -> bool {
        self.stage == Stage::Gone
    }

    /// Asks who holds the slice, unless that is known or asked already.
    pub(super) fn look(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        if self.stage == (Stage::Finding { asked: false }) {
            self.stage = Stage::Finding { asked: true };
            let (client, mut ask) = env.ask(cx);
            let query = Query::Holder { slice: self.id };
            client.read(Purpose::Holder(self.id), self.id, self.read_index, query, &mut ask);
        }
    }

    /// D5: claims the slice if its former holder has given it up or fallen silent.
    pub(super) fn found(&mut self, epoch: Epoch, holding: Option<Holding>, env: &mut Env, cx: &mut Cx<'_>) {
        if !matches!(self.stage, Stage::Finding { .. }) {
            return;
        }
        let is_free = |roster: &Roster, held: Holding| held.released || roster.has_ended(held.session);
        let roster = env.membership.roster();
        // What this session claimed before and lost sight of is its own to claim again.
        let is_mine = |held: Holding| Some(held.session) == env.membership.session();
        let free =
            holding.is_none_or(|held| is_mine(held) || roster.is_some_and(|roster| is_free(roster, held)));
        let Some(session) = env.membership.session().filter(|_| free) else {
            self.stage = Stage::Finding { asked: false };
            return;
        };
        self.stage = Stage::Claiming;
        let claim = Claim { slice: self.id, over: epoch, machine: env.me, session };
        let (client, mut ask) = env.ask(cx);
        client.propose(Purpose::Claim(self.id), Command::Claim(claim), &mut ask);
    }

    /// The claim was decided. O1: from here on nothing of an older epoch becomes durable.
    pub(super) fn claimed(&mut self, applied: Applied, index: u64, env: &mut Env, cx: &mut Cx<'_>) {
        self.read_index = index;
        match applied {
            // It was assigned elsewhere meanwhile: nothing is in memory yet, so it can go at once.
            Applied::Claimed(epoch) if self.is_leaving() => {
                self.epoch = epoch;
                self.release(env, cx);
            }
            Applied::Claimed(epoch) => {
                self.epoch = epoch;
                self.stamps = Stamps::new(epoch);
                self.stage = Stage::Loading;
                self.load_page(None, env, cx);
            }
            Applied::Stale(_) if self.is_leaving() => self.stage = Stage::Gone,
            Applied::Stale(_) => {
                self.stage = Stage::Finding { asked: false };
                self.look(env, cx);
            }
            other => unreachable!("{other:?} does not answer a claim"),
        }
    }

    /// The slice is assigned elsewhere.
    pub(super) fn leave(&mut self, now: Now) {
        match self.stage {
            Stage::Finding { .. } => self.stage = Stage::Gone,
            Stage::Claiming | Stage::Loading | Stage::Serving => {
                self.stage = Stage::Leaving { since_ns: now.mono_ns };
            }
            Stage::Leaving { .. } | Stage::Releasing | Stage::Gone => {}
        }
    }

    /// Gives the slice up once nothing is going on in it, or has gone on for too long.
    fn try_release(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        let Stage::Leaving { since_ns } = self.stage else { return };
        // Not yet claimed: the claim's answer decides.
        if self.epoch == Epoch::default() {
            return;
        }
        let is_late = cx.now.mono_ns - since_ns > LEAVE_MS * NS_PER_MS;
        if is_late || self.entries.values().all(Entry::is_quiet) {
            self.abandon_entries(env, cx);
            if self.ready.is_empty() && self.in_flight.is_empty() {
                self.release(env, cx);
            }
        }
    }

    fn release(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        self.stage = Stage::Releasing;
        let release = Release { slice: self.id, epoch: self.epoch };
        let (client, mut ask) = env.ask(cx);
        client.propose(Purpose::Release(self.id), Command::Release(release), &mut ask);
    }

    /// The release was decided.
    pub(super) fn released(&mut self) {
        self.stage = Stage::Gone;
    }

    /// What is in memory ends; what it wrote before may still become durable.
    fn abandon_entries(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        for index in 0..self.entries.len() {
            let mut entry_cx = entry_cx(&mut self.tracker, env, cx);
            self.entries[index].abandon(&mut entry_cx);
        }
        self.carry_out(env, cx);
        self.entries.clear();
    }

    /// O1: the slice is lost, to a newer epoch or with the session. Everything in memory ends, and nothing more of it is
    /// sent.
    pub(super) fn drop_everything(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        self.stage = Stage::Gone;
        self.abandon_entries(env, cx);
        env.client.forget(self.id);
        env.calls.retain(|_, call| call.slice != self.id);
    }

    fn load_page(&mut self, after: Option<(i64, ObjectName)>, env: &mut Env, cx: &mut Cx<'_>) {
        let query = Query::Due { slice: self.id, after, limit: PAGE };
        let (client, mut ask) = env.ask(cx);
        client.read(Purpose::Due(self.id), self.id, self.read_index, query, &mut ask);
    }

    /// A page of the due index has come. Nothing changes the index meanwhile: this machine holds the slice and does not
    /// serve it yet.
    pub(super) fn loaded(&mut self, page: Vec<(ObjectName, AlarmRow)>, env: &mut Env, cx: &mut Cx<'_>) {
        if self.stage != Stage::Loading {
            return;
        }
        let is_last = page.len() < PAGE as usize;
        let after = page.last().map(|(object, row)| (row.not_before_ms, object.clone()));
        for (object, row) in page {
            self.tracker.schedule(&object, row, None);
        }
        if !is_last {
            return self.load_page(after, env, cx);
        }
        self.stage = Stage::Serving;
        cx.out.observed.push(Observation::Serving { slice: self.id, epoch: self.epoch });
        for incoming in std::mem::take(&mut self.waiting) {
            self.request(incoming, env, cx);
        }
    }

    /// A request for one of the slice's objects.
    pub(super) fn request(&mut self, incoming: Incoming, env: &mut Env, cx: &mut Cx<'_>) {
        if self.stage != Stage::Serving {
            if self.waiting.len() < WAITING_MAX {
                self.waiting.push_back(incoming);
            }
            return;
        }
        let Incoming { request, object, body, ingress, .. } = incoming;
        let served = self.with_entry(&object, env, cx, |entry, cx| entry.request(request, ingress, body, cx));
        if !served {
            let text = format!("there is no class {}", object.class());
            cx.respond(ingress, request, 404, text.into());
        }
    }

    /// The batch in flight was decided.
    pub(super) fn committed(&mut self, applied: Applied, index: u64, env: &mut Env, cx: &mut Cx<'_>) {
        match applied {
            Applied::Committed => {}
            Applied::Stale(_) => return self.drop_everything(env, cx),
            other => unreachable!("{other:?} does not answer a commit"),
        }
        self.read_index = index;
        for unit in std::mem::take(&mut self.in_flight) {
            let Unit { writes, retry_at_ns } = unit;
            match &writes.alarm {
                Some(AlarmWrite::Schedule(row)) => self.tracker.schedule(&writes.object, *row, retry_at_ns),
                Some(AlarmWrite::Remove) => self.tracker.remove(&writes.object),
                None => {}
            }
            let object = writes.object.clone();
            // Without an entry it was abandoned meanwhile.
            self.with_live(&object, env, cx, |entry, cx| entry.committed(&writes, cx));
        }
        self.send_batch(env, cx);
        self.try_release(env, cx);
    }

    /// Sends what is ready as one batch, if none is in flight.
    fn send_batch(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        if !self.in_flight.is_empty() || self.ready.is_empty() {
            return;
        }
        self.in_flight.extend(self.ready.drain(..));
        self.last_batch += 1;
        let turns = self.in_flight.iter().map(|unit| unit.writes.clone()).collect();
        let commit = Commit { slice: self.id, epoch: self.epoch, batch: self.last_batch, turns };
        let (client, mut ask) = env.ask(cx);
        client.propose(Purpose::Commit(self.id), Command::Commit(commit), &mut ask);
    }

    /// The datastore answered a read of an instance.
    pub(super) fn read_answered(
        &mut self,
        object: &ObjectName,
        instance: Stamp,
        op: OpId,
        answer: Answer,
        env: &mut Env,
        cx: &mut Cx<'_>,
    ) {
        self.with_live(object, env, cx, |entry, cx| entry.read_answered(instance, op, answer, cx));
    }

    /// An outside service answered a call of an instance.
    pub(super) fn outside_answered(
        &mut self,
        object: &ObjectName,
        instance: Stamp,
        op: OpId,
        reply: Reply,
        env: &mut Env,
        cx: &mut Cx<'_>,
    ) {
        self.with_live(object, env, cx, |entry, cx| entry.outside_answered(instance, op, reply, cx));
    }

    /// Once a tick: limits of time, eviction.
    pub(super) fn tick(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        for index in (0..self.entries.len()).rev() {
            let mut entry_cx = entry_cx(&mut self.tracker, env, cx);
            let entry = &mut self.entries[index];
            entry.tick(&mut entry_cx);
            if entry.is_gone() {
                self.entries.swap_remove_index(index);
            }
        }
        self.carry_out(env, cx);
        self.try_release(env, cx);
    }

    /// Wakes the objects whose alarms are due (F2, F8).
    pub(super) fn fire(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        if self.stage != Stage::Serving {
            return;
        }
        while let Some((object, row)) = self.tracker.pop_due(cx.now) {
            self.with_entry(&object, env, cx, |entry, cx| entry.alarm_due(row, cx));
        }
    }

    /// When the next alarm is due, on the monotonic clock.
    pub(super) fn next_due_ns(&self, now: Now) -> Option<u64> {
        if self.stage == Stage::Serving { self.tracker.next_due_ns(now) } else { None }
    }

    /// The instances in memory, and whether `alarm()` is in progress in each.
    pub(super) fn live_instances(&self) -> impl Iterator<Item = (Source, bool)> + '_ {
        self.entries.values().filter_map(Entry::live_instance)
    }

    /// Lets something happen to an object, which is brought into memory for it. False if its class is unknown.
    fn with_entry(
        &mut self,
        object: &ObjectName,
        env: &mut Env,
        cx: &mut Cx<'_>,
        happens: impl FnOnce(&mut Entry, &mut entry::Cx<'_>),
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
    fn with_live(
        &mut self,
        object: &ObjectName,
        env: &mut Env,
        cx: &mut Cx<'_>,
        happens: impl FnOnce(&mut Entry, &mut entry::Cx<'_>),
    ) {
        if let Some(entry) = self.entries.get_mut(object) {
            let mut entry_cx = entry_cx(&mut self.tracker, env, cx);
            happens(entry, &mut entry_cx);
            self.carry_out(env, cx);
        }
    }

    /// Carries out what the entries asked for.
    fn carry_out(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        let mut acts = std::mem::take(&mut env.acts);
        let Acts { reads, units, calls, responses, observed } = &mut acts;
        cx.out.observed.append(observed);
        for (object, instance, op, query) in reads.drain(..) {
            let purpose = Purpose::Read(self.id, object, instance, op);
            let (client, mut ask) = env.ask(cx);
            client.read(purpose, self.id, self.read_index, query, &mut ask);
        }
        for (object, instance, op, call) in calls.drain(..) {
            let slice = self.id;
            env.calls.insert(call.call, Call { slice, object, instance, op, since_ns: cx.now.mono_ns });
            cx.out.outside.push(call);
        }
        for (to, request, Response { status, body }) in responses.drain(..) {
            cx.respond(to, request, status, body);
        }
        self.ready.extend(units.drain(..));
        env.acts = acts;
        self.send_batch(env, cx);
    }
}

fn entry_cx<'a>(tracker: &'a mut Tracker, env: &'a mut Env, cx: &Cx<'_>) -> entry::Cx<'a> {
    entry::Cx {
        now: cx.now,
        may_emit: env.membership.may_emit(cx.now.mono_ns),
        config: &env.config,
        jitter: &mut env.jitter,
        tracker,
        last_call: &mut env.last_call,
        acts: &mut env.acts,
    }
}
