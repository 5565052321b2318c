//! The holder: hosts the objects of the slices that its machine holds, and tracks their alarms.
//!
//! A slice goes through three stages after a boot: its epoch is claimed, its alarms are loaded, then it is served. While
//! it is served, the writes of its objects go to the datastore in numbered batches, one in flight at a time; what
//! becomes ready meanwhile shares the next batch.

mod slice;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::client::{self, Client, Purpose};
use crate::config::{Config, NS_PER_MS};
use crate::ids::{CallId, MachineId, ObjectName, OpId, RequestId, SliceId, Stamp};
use crate::io::{Effects, Now, OutsideAnswer, OutsideError};
use crate::object::class::Classes;
use crate::object::entry::Acts;
use crate::object::op::Reply;
use crate::observe::Source;
use crate::outbox::Outbox;
use crate::store::command::Answer;
use crate::wire::{Ask, Message, Proposed};
use slice::Slice;

/// All slices that one machine holds.
pub(crate) struct Holder {
    slices: BTreeMap<SliceId, Slice>,
    env: Env,
}

/// What the slices of a machine share.
pub(crate) struct Env {
    config: Arc<Config>,
    me: MachineId,
    classes: Classes,
    client: Client,
    jitter: ChaCha8Rng,
    /// Calls to outside services without an answer.
    calls: BTreeMap<CallId, Call>,
    last_call: u64,
    acts: Acts,
}

/// A call to an outside service without an answer.
struct Call {
    slice: SliceId,
    object: ObjectName,
    instance: Stamp,
    op: OpId,
    since_ns: u64,
}

/// The moment and the ways out.
pub(crate) struct Cx<'a> {
    pub(crate) now: Now,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) out: &'a mut Effects,
}

impl Env {
    fn ask<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> (&'a mut Client, client::Cx<'a>) {
        let cx = client::Cx { now_ns: cx.now.mono_ns, config: &self.config, outbox: cx.outbox };
        (&mut self.client, cx)
    }
}

impl Holder {
    /// The holder of a machine that has just booted.
    pub(crate) fn new(
        config: Arc<Config>,
        me: MachineId,
        seed: u64,
        classes: Classes,
        cx: &mut Cx<'_>,
    ) -> Self {
        let client = Client::new(&config, me, seed);
        let slices = (0..config.slices).map(SliceId).filter(|slice| config.holder_of(*slice) == me);
        let slices = slices.map(|slice| (slice, Slice::new(slice))).collect();
        let env = Env {
            config,
            me,
            classes,
            client,
            jitter: ChaCha8Rng::seed_from_u64(seed),
            calls: BTreeMap::new(),
            last_call: 0,
            acts: Acts::default(),
        };
        let mut holder = Self { slices, env };
        for slice in holder.slices.values_mut() {
            slice.claim(&mut holder.env, cx);
        }
        holder
    }

    /// A request for an object has arrived from the machine `from`.
    pub(crate) fn request(
        &mut self,
        from: MachineId,
        request: RequestId,
        object: ObjectName,
        body: Bytes,
        cx: &mut Cx<'_>,
    ) {
        let slice = object.slice(self.env.config.slices);
        // Without the slice the request came to the wrong machine; its client will get no answer.
        if let Some(slice) = self.slices.get_mut(&slice) {
            slice.request(from, request, object, body, &mut self.env, cx);
        }
    }

    /// What became of a proposal.
    pub(crate) fn proposed(&mut self, from: MachineId, ask: Ask, result: Proposed, cx: &mut Cx<'_>) {
        let (client, mut ask_cx) = self.env.ask(cx);
        let Some((purpose, applied, index)) = client.proposed(from, ask, result, &mut ask_cx) else { return };
        match purpose {
            Purpose::Claim(slice) => held(&mut self.slices, slice).claimed(applied, index, &mut self.env, cx),
            Purpose::Commit(slice) => {
                held(&mut self.slices, slice).committed(applied, index, &mut self.env, cx)
            }
            Purpose::Due(_) | Purpose::Read(..) => unreachable!("a read is not answered as a proposal"),
        }
    }

    /// The answer to a read.
    pub(crate) fn read_done(&mut self, ask: Ask, answer: Answer, cx: &mut Cx<'_>) {
        match self.env.client.read_done(ask, answer) {
            Some((Purpose::Due(slice), Answer::Due(page))) => {
                held(&mut self.slices, slice).loaded(page, &mut self.env, cx)
            }
            Some((Purpose::Read(slice, object, instance, op), answer)) => {
                held(&mut self.slices, slice).read_answered(&object, instance, op, answer, &mut self.env, cx);
            }
            Some((purpose, answer)) => unreachable!("{answer:?} does not answer {purpose:?}"),
            None => {}
        }
    }

    /// An outside service answered.
    pub(crate) fn answered(
        &mut self,
        call: CallId,
        result: Result<OutsideAnswer, OutsideError>,
        cx: &mut Cx<'_>,
    ) {
        // Without an entry the call has timed out before.
        if let Some(Call { slice, object, instance, op, .. }) = self.env.calls.remove(&call) {
            held(&mut self.slices, slice).outside_answered(
                &object,
                instance,
                op,
                Reply::Outside(result),
                &mut self.env,
                cx,
            );
        }
    }

    /// Once a tick: ask again, time out, evict.
    pub(crate) fn tick(&mut self, cx: &mut Cx<'_>) {
        let (client, mut ask_cx) = self.env.ask(cx);
        client.tick(&mut ask_cx);
        let limit_ns = self.env.config.outside_timeout_ms * NS_PER_MS;
        let late = |call: &Call| cx.now.mono_ns - call.since_ns >= limit_ns;
        let late: Vec<CallId> =
            self.env.calls.iter().filter(|(_, call)| late(call)).map(|(id, _)| *id).collect();
        for call in late {
            self.answered(call, Err(OutsideError::TimedOut), cx);
        }
        for slice in self.slices.values_mut() {
            slice.tick(&mut self.env, cx);
        }
    }

    /// Wakes the objects whose alarms are due (F8).
    pub(crate) fn fire(&mut self, cx: &mut Cx<'_>) {
        for slice in self.slices.values_mut() {
            slice.fire(&mut self.env, cx);
        }
    }

    /// When the next alarm is due, on the monotonic clock.
    pub(crate) fn next_due_ns(&self, now: Now) -> Option<u64> {
        self.slices.values().filter_map(|slice| slice.next_due_ns(now)).min()
    }

    /// The instances in memory, and whether `alarm()` is in progress in each.
    pub(crate) fn live_instances(&self) -> impl Iterator<Item = (Source, bool)> + '_ {
        self.slices.values().flat_map(Slice::live_instances)
    }
}

fn held(slices: &mut BTreeMap<SliceId, Slice>, slice: SliceId) -> &mut Slice {
    slices.get_mut(&slice).expect("questions are asked only for slices that are held")
}

impl Cx<'_> {
    fn respond(&mut self, to: MachineId, request: RequestId, status: u16, body: Bytes) {
        self.outbox.push(to, Message::Response { request, status, body });
    }
}
