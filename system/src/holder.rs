//! The holder: hosts the objects of the slices that its machine holds, and tracks their alarms.
//!
//! Which slices those are to be, the registry says; the holder takes over what is assigned to it and gives up what is
//! assigned elsewhere. When the machine's session ends it has lost everything at once.

mod held;
mod slice;

use std::collections::BTreeMap;

use bytes::Bytes;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::client::{Client, Purpose};
use crate::config::{Config, NS_PER_MS};
use crate::cx::Cx;
use crate::ids::{CallId, MachineId, ObjectName, OpId, RequestId, SliceId, Stamp};
use crate::io::{Now, OutsideAnswer, OutsideError};
use crate::object::class::Classes;
use crate::object::op::Reply;
use crate::observe::{Observation, Source};
use crate::registry::Roster;
use crate::session::{Membership, News};
use crate::store::command::{Answer, Applied};
use crate::wire::{Ask, Message, Proposed};
use slice::Slice;

/// All slices that one machine holds.
pub(crate) struct Holder {
    slices: BTreeMap<SliceId, Slice>,
    env: Env,
}

/// What the slices of a machine share.
pub(crate) struct Env {
    me: MachineId,
    classes: Classes,
    client: Client,
    membership: Membership,
    jitter: ChaCha8Rng,
    /// Calls to outside services without an answer.
    calls: BTreeMap<CallId, Call>,
    last_call: u64,
}

/// A call to an outside service without an answer.
struct Call {
    slice: SliceId,
    object: ObjectName,
    instance: Stamp,
    op: OpId,
    since_ns: u64,
}

/// A client's request on its way to the holder of its object.
pub(crate) struct Incoming {
    pub(crate) request: RequestId,
    pub(crate) object: ObjectName,
    pub(crate) body: Bytes,
    /// Where the answer goes.
    pub(crate) ingress: MachineId,
    /// How often it may still be passed on.
    pub(crate) hops: u8,
}

impl Env {
    fn new(me: MachineId, seed: u64, classes: Classes, config: &Config) -> Self {
        Self {
            me,
            classes,
            client: Client::new(config, me, seed),
            membership: Membership::new(me, seed),
            jitter: ChaCha8Rng::seed_from_u64(seed),
            calls: BTreeMap::new(),
            last_call: 0,
        }
    }
}

impl Holder {
    /// The holder of a machine that has just booted: it asks for a session, and holds nothing yet.
    pub(crate) fn new(me: MachineId, seed: u64, classes: Classes, cx: &mut Cx<'_>) -> Self {
        let mut env = Env::new(me, seed, classes, cx.config);
        env.membership.tick(&mut env.client, cx);
        Self { slices: BTreeMap::new(), env }
    }

    /// The machine that is to hold an object's slice, as far as is known here.
    pub(crate) fn route(&self, object: &ObjectName, config: &Config) -> MachineId {
        let slice = object.slice(config.slices);
        let roster = self.env.membership.roster();
        roster.map_or_else(|| config.home_of(slice), |roster| roster.assigned(slice))
    }

    /// A request for an object has arrived. One for an object that is held elsewhere is passed on.
    pub(crate) fn request(&mut self, incoming: Incoming, cx: &mut Cx<'_>) {
        let slice = self.slices.get_mut(&incoming.object.slice(cx.config.slices));
        if let Some(slice) = slice.filter(|slice| !slice.is_leaving()) {
            return slice.request(incoming, &mut self.env, cx);
        }
        let to = self.route(&incoming.object, cx.config);
        if to != self.env.me && incoming.hops > 0 {
            let Incoming { request, object, body, ingress, hops } = incoming;
            cx.outbox.push(to, Message::Request { request, object, body, ingress, hops: hops - 1 });
        }
    }

    /// What became of a proposal.
    pub(crate) fn proposed(&mut self, from: MachineId, ask: Ask, result: Proposed, cx: &mut Cx<'_>) {
        let Some((purpose, applied, index)) = self.env.client.proposed(from, ask, result, cx) else { return };
        match (purpose, applied) {
            (Purpose::Session, Applied::Registry(roster)) => {
                let news = self.env.membership.renewed(index, roster, cx);
                self.react(news, cx);
            }
            (Purpose::Decision, Applied::Registry(roster)) => {
                let news = self.env.membership.decided(index, roster, cx);
                self.react(news, cx);
            }
            (Purpose::Claim(slice), applied) => {
                self.with(slice, cx, |it, env, cx| it.claimed(applied, index, env, cx))
            }
            (Purpose::Commit(slice), applied) => {
                self.with(slice, cx, |it, env, cx| it.committed(applied, index, env, cx))
            }
            (Purpose::Release(slice), _) => self.with(slice, cx, |it, _, _| it.released()),
            (purpose, applied) => unreachable!("{applied:?} does not answer {purpose:?}"),
        }
    }

    /// The answer to a read.
    pub(crate) fn read_done(&mut self, ask: Ask, answer: Answer, cx: &mut Cx<'_>) {
        match self.env.client.read_done(ask, answer) {
            Some((Purpose::Due(slice, epoch), Answer::Due(page))) => {
                self.with(slice, cx, |it, env, cx| it.loaded(epoch, page, env, cx))
            }
            Some((Purpose::Holder(slice), Answer::Holder(epoch, holding))) => {
                self.with(slice, cx, |it, env, cx| it.found(epoch, holding, env, cx));
            }
            Some((Purpose::Read(slice, object, instance, op), answer)) => {
                self.with(slice, cx, |it, env, cx| it.read_answered(&object, instance, op, answer, env, cx));
            }
            Some((purpose, answer)) => unreachable!("{answer:?} does not answer {purpose:?}"),
            None => {}
        }
    }

    /// A leader has told a change of the registry.
    pub(crate) fn heard(&mut self, index: u64, roster: Roster, cx: &mut Cx<'_>) {
        let news = self.env.membership.heard(index, roster, cx);
        self.react(news, cx);
    }

    fn react(&mut self, news: News, cx: &mut Cx<'_>) {
        match news {
            News::None => {}
            News::Newer => self.review(cx),
            News::Ended => {
                for (_, mut slice) in std::mem::take(&mut self.slices) {
                    slice.drop_everything(&mut self.env, cx);
                }
            }
        }
    }

    /// Takes over what is assigned to this machine, gives up what is assigned elsewhere, and decides what follows.
    fn review(&mut self, cx: &mut Cx<'_>) {
        let me = self.env.me;
        let home = cx.config.datacenter_of(me);
        if let Some(term) = self.env.membership.newly_leads(home, cx.now.mono_ns) {
            cx.out.observed.push(Observation::Leads { datacenter: home, term });
        }
        if let (Some(roster), Some(_)) = (self.env.membership.roster(), self.env.membership.session()) {
            let mine: Vec<SliceId> = roster.assigned_to(me).collect();
            for slice in self.slices.values_mut().filter(|slice| mine.binary_search(&slice.id()).is_err()) {
                slice.leave(cx);
            }
            for slice in mine {
                self.slices.entry(slice).or_insert_with(|| Slice::new(slice)).look(&mut self.env, cx);
            }
        }
        self.env.membership.tick(&mut self.env.client, cx);
    }

    /// An outside service answered.
    pub(crate) fn answered(
        &mut self,
        call: CallId,
        result: Result<OutsideAnswer, OutsideError>,
        cx: &mut Cx<'_>,
    ) {
        // Without an entry the call has timed out before, or its object is held elsewhere.
        if let Some(Call { slice, object, instance, op, .. }) = self.env.calls.remove(&call) {
            let reply = Reply::Outside(result);
            self.with(slice, cx, |it, env, cx| it.outside_answered(&object, instance, op, reply, env, cx));
        }
    }

    /// Once a tick: renew, ask again, time out, evict.
    pub(crate) fn tick(&mut self, cx: &mut Cx<'_>) {
        self.env.client.tick(cx);
        let limit_ns = cx.config.outside_timeout_ms * NS_PER_MS;
        let late = |call: &Call| cx.now.mono_ns - call.since_ns >= limit_ns;
        let late: Vec<CallId> =
            self.env.calls.iter().filter(|(_, call)| late(call)).map(|(id, _)| *id).collect();
        for call in late {
            self.answered(call, Err(OutsideError::TimedOut), cx);
        }
        for slice in self.slices.values_mut() {
            slice.tick(&mut self.env, cx);
        }
        self.slices.retain(|_, slice| !slice.is_gone());
        self.review(cx);
    }

    /// Wakes the objects whose alarms are due (F8), as long as the session lasts.
    pub(crate) fn fire(&mut self, cx: &mut Cx<'_>) {
        if self.env.membership.may_emit(cx.now.mono_ns) {
            for slice in self.slices.values_mut() {
                slice.fire(&mut self.env, cx);
            }
        }
    }

    /// When the next alarm is due, on the monotonic clock. Outside the session nothing is: it waits for a tick.
    pub(crate) fn next_due_ns(&self, now: Now) -> Option<u64> {
        if !self.env.membership.may_emit(now.mono_ns) {
            return None;
        }
        self.slices.values().filter_map(|slice| slice.next_due_ns(now)).min()
    }

    /// The instances in memory, and whether `alarm()` is in progress in each.
    pub(crate) fn live_instances(&self) -> impl Iterator<Item = (Source, bool)> + '_ {
        self.slices.values().flat_map(Slice::live_instances)
    }

    /// Lets something happen to a slice, if it is still there.
    fn with(
        &mut self,
        slice: SliceId,
        cx: &mut Cx<'_>,
        happens: impl FnOnce(&mut Slice, &mut Env, &mut Cx<'_>),
    ) {
        let Some(it) = self.slices.get_mut(&slice) else { return };
        happens(it, &mut self.env, cx);
        if it.is_gone() {
            self.slices.remove(&slice);
        }
    }
}
