//! The holder: hosts the objects of the slices that its machine holds, and tracks their alarms.
//!
//! Which slices those are to be, the registry says; the holder takes over what is assigned to it and gives up what is
//! assigned elsewhere. When the machine's session ends it has lost everything at once.
//!
//! Each stay of a slice is a tenure ([`Tenure`]). All that a slice asks, of the datastore or of outside services, is asked in its
//! tenure: what answers it reaches that stay of the slice alone ([`Holder::with`]), and is waited for no longer than it lasts
//! ([`Env::end`]).

mod held;
mod requests;
mod slice;
#[cfg(test)]
mod tests;
mod timers;

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::client::{About, Client, Purpose, Tenure};
use crate::config::{Config, NS_PER_MS};
use crate::cx::Cx;
use crate::ids::{CallId, Epoch, MachineId, ObjectName, OpId, RequestId, SliceId, Stamp};
use crate::ingress::{Around, Ingress};
use crate::io::{ClientAnswer, ClientRequest};
use crate::object::class::Classes;
use crate::observe::Observation;
use crate::registry::{Roster, Yield};
use crate::route::Route;
use crate::session::{Membership, News};
use crate::store::command::{Answer, Applied};
use crate::wire::{Ask, Message, Proposed, Ticket};
use crate::words::call::Reply;
use crate::words::http::{Head, Headers, Request, Response};
use crate::words::outside::{OutsideAnswer, OutsideError};
use crate::words::time::Now;
use requests::{Hint, Requests};
use slice::{CUT_OFF_NS, Slice};

/// All slices that one machine holds.
pub(crate) struct Holder {
    slices: BTreeMap<SliceId, Slice>,
    /// The requests of the clients that are connected to the machine.
    ingress: Ingress,
    env: Env,
}

/// What the slices of a machine share.
pub(crate) struct Env {
    me: MachineId,
    classes: Classes,
    client: Client,
    membership: Membership,
    /// The requests that have come for objects of the machine.
    requests: Requests,
    jitter: ChaCha8Rng,
    /// What the machine was given as entropy at its boot: what object code draws comes from it.
    seed: u64,
    /// Calls to outside services without an answer.
    calls: BTreeMap<CallId, Call>,
    last_call: u64,
    last_tenure: u64,
    /// The last epoch of each slice that was given up in this session: nothing is done under it again.
    yielded: BTreeMap<SliceId, Epoch>,
}

/// A call to an outside service without an answer.
struct Call {
    tenure: Tenure,
    object: ObjectName,
    instance: Stamp,
    op: OpId,
    since_ns: u64,
}

/// A client's request that has come to the holder of its object.
pub(crate) struct Incoming {
    pub(crate) request: RequestId,
    pub(crate) object: ObjectName,
    pub(crate) asks: Request,
}

impl Env {
    fn new(me: MachineId, seed: u64, classes: Classes, config: &Config) -> Self {
        Self {
            me,
            classes,
            client: Client::new(config, me, seed),
            membership: Membership::new(me, seed),
            requests: Requests::default(),
            jitter: ChaCha8Rng::seed_from_u64(seed),
            seed,
            calls: BTreeMap::new(),
            last_call: 0,
            last_tenure: 0,
            yielded: BTreeMap::new(),
        }
    }

    fn around(&mut self) -> Around<'_> {
        let (roster, session) = (self.membership.roster(), self.membership.session());
        Around { roster, session, ways: &mut self.client.ways }
    }

    /// A slice begins a stay.
    fn begin(&mut self, slice: SliceId) -> Tenure {
        self.last_tenure += 1;
        Tenure { slice, number: self.last_tenure }
    }

    /// A stay of a slice is over: nobody waits any more for what was asked in it.
    fn end(&mut self, tenure: Tenure) {
        self.client.forget(tenure);
        self.calls.retain(|_, call| call.tenure != tenure);
    }

    /// L2: a slice cannot be served from here. Nothing of it is left.
    fn give_up(&mut self, what: Yield) {
        if let Some(epoch) = what.epoch {
            let upto = self.yielded.entry(what.slice).or_insert(epoch);
            *upto = epoch.max(*upto);
        }
        self.membership.give_up(what);
    }

    /// A request was not given to object code here and will not be; the registry may say who is to have it.
    fn refuse(&mut self, request: RequestId, slice: SliceId, cx: &mut Cx<'_>) {
        let hint = self.hint(slice);
        self.requests.refuse(request, hint, cx);
    }

    /// Who is to hold a slice, and its session, as far as is known here.
    fn hint(&self, slice: SliceId) -> Hint {
        let roster = self.membership.roster()?;
        let machine = roster.assigned(slice);
        Some((machine, roster.session_of(machine)?.id))
    }
}

impl Holder {
    /// The holder of a machine that has just booted: it asks for a session, and holds nothing yet.
    pub(crate) fn new(me: MachineId, seed: u64, classes: Classes, cx: &mut Cx<'_>) -> Self {
        let mut env = Env::new(me, seed, classes, cx.config);
        env.membership.tick(&mut env.client, cx);
        Self { slices: BTreeMap::new(), ingress: Ingress::default(), env }
    }

    /// A client that is connected to this machine sends a request.
    pub(crate) fn accept(&mut self, request: ClientRequest, cx: &mut Cx<'_>) {
        self.ingress.accept(request, self.env.around(), cx);
    }

    /// A message about the delivery of requests has come.
    pub(crate) fn delivery(&mut self, from: Route, message: Message, cx: &mut Cx<'_>) {
        match message {
            Message::Request { ticket, below, request, object, body } => {
                let incoming = Incoming { request, object, asks: Request::of(Head::default(), body) };
                self.delivered(from, ticket, below, incoming, cx);
            }
            Message::RequestWithHead { ticket, below, request, object, head, body } => {
                let incoming = Incoming { request, object, asks: Request::of(*head, body) };
                self.delivered(from, ticket, below, incoming, cx);
            }
            Message::Await { ticket, .. } if Some(ticket.session) == self.env.membership.session() => {
                let may_emit = self.env.membership.may_emit(cx.now.mono_ns);
                self.env.requests.tell_again(from, ticket, may_emit, cx);
            }
            Message::Over { ticket } if Some(ticket.session) == self.env.membership.session() => {
                self.env.requests.over(from.machine, ticket.stream, ticket.number);
            }
            Message::Taken { ticket, request } => {
                self.ingress.taken(from, ticket, request, &mut self.env.client.ways, cx.config);
            }
            Message::NotHere { ticket, request, holder } => {
                self.ingress.not_here(from, ticket, request, holder, self.env.around(), cx);
            }
            Message::Response { ticket, request, status, body } => {
                let response = Response { status, headers: Headers::default(), body };
                let answer = ClientAnswer { request, response };
                self.ingress.responded(from, ticket, answer, &mut self.env.client.ways, cx);
            }
            Message::ResponseWithHeaders { ticket, request, status, headers, body } => {
                let answer = ClientAnswer { request, response: Response { status, headers, body } };
                self.ingress.responded(from, ticket, answer, &mut self.env.client.ways, cx);
            }
            // O1: for a session that is not this machine's; it may have been given to object code under that one.
            _ => {}
        }
    }

    /// A delivery of a request has come.
    fn delivered(&mut self, from: Route, ticket: Ticket, below: u64, incoming: Incoming, cx: &mut Cx<'_>) {
        let is_for_me = Some(ticket.session) == self.env.membership.session();
        let may_emit = self.env.membership.may_emit(cx.now.mono_ns);
        if is_for_me && self.env.requests.take(from, ticket, below, incoming.request, may_emit, cx) {
            self.request(incoming, cx);
        }
    }

    /// A request for an object has come, for the first time.
    fn request(&mut self, incoming: Incoming, cx: &mut Cx<'_>) {
        let id = incoming.object.slice(cx.config.slices);
        match self.slices.get_mut(&id).filter(|slice| !slice.is_leaving()) {
            Some(slice) => slice.request(incoming, &mut self.env, cx),
            None => self.env.refuse(incoming.request, id, cx),
        }
    }

    /// What became of a proposal.
    pub(crate) fn proposed(&mut self, from: Route, ask: Ask, result: Proposed, cx: &mut Cx<'_>) {
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
            (Purpose::Slice(tenure, about), applied) => self.with(tenure, cx, |it, env, cx| match about {
                About::Claim => it.claimed(applied, index, env, cx),
                About::Commit => it.committed(applied, index, env, cx),
                About::Release => it.released(),
                about => unreachable!("{about:?} is read"),
            }),
            (purpose, applied) => unreachable!("{applied:?} does not answer {purpose:?}"),
        }
    }

    /// The answer to a read.
    pub(crate) fn read_done(&mut self, from: Route, ask: Ask, answer: Answer, cx: &mut Cx<'_>) {
        let done = self.env.client.read_done(from, ask, answer, cx.config);
        let Some((Purpose::Slice(tenure, about), answer)) = done else { return };
        self.with(tenure, cx, |it, env, cx| match (about, answer) {
            (About::Due, Answer::Due(page)) => it.loaded(page, env, cx),
            (About::Holder, Answer::Holder(epoch, holding)) => it.found(epoch, holding, env, cx),
            (About::Read(object, instance, op), answer) => {
                it.read_answered(&object, instance, op, answer, env, cx);
            }
            (about, answer) => unreachable!("{answer:?} does not answer {about:?}"),
        });
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
                    self.env.end(slice.tenure());
                }
                self.env.requests = Requests::default();
                self.env.yielded.clear();
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
            let membership = &self.env.membership;
            let is_kept = |slice: &SliceId| !membership.is_giving_up(*slice);
            let mine: Vec<SliceId> = roster.assigned_to(me).filter(is_kept).collect();
            for slice in self.slices.values_mut().filter(|slice| mine.binary_search(&slice.id()).is_err()) {
                slice.leave(&mut self.env, cx);
            }
            self.bury();
            for slice in mine {
                let env = &mut self.env;
                self.slices
                    .entry(slice)
                    .or_insert_with(|| Slice::new(env.begin(slice), cx.now))
                    .look(env, cx);
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
        if let Some(Call { tenure, object, instance, op, .. }) = self.env.calls.remove(&call) {
            let reply = Reply::Outside(result);
            self.with(tenure, cx, |it, env, cx| it.outside_answered(&object, instance, op, reply, env, cx));
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
        let waiting = self.env.client.waiting_for(CUT_OFF_NS, cx.now);
        for slice in self.slices.values_mut() {
            slice.tick(&mut self.env, cx);
            if let Some(what) = slice.yield_if_cut_off(&waiting, &mut self.env, cx) {
                self.env.give_up(what);
            }
        }
        self.bury();
        self.review(cx);
        self.ingress.tick(self.env.around(), cx);
    }

    /// Slices of which nothing is left here end their stay.
    fn bury(&mut self) {
        for (_, slice) in self.slices.extract_if(.., |_, slice| slice.is_gone()) {
            self.env.end(slice.tenure());
        }
    }

    /// Wakes the objects whose alarms are due (F8) and the code whose timers are over, as long as the session lasts.
    pub(crate) fn fire(&mut self, cx: &mut Cx<'_>) {
        if self.env.membership.may_emit(cx.now.mono_ns) {
            for slice in self.slices.values_mut() {
                slice.fire(&mut self.env, cx);
            }
        }
    }

    /// When the next alarm or timer is due, on the monotonic clock. Outside the session nothing is: it waits for a tick.
    pub(crate) fn next_due_ns(&self, now: Now) -> Option<u64> {
        if !self.env.membership.may_emit(now.mono_ns) {
            return None;
        }
        self.slices.values().filter_map(|slice| slice.next_due_ns(now)).min()
    }

    /// Lets something happen to a slice in this stay of it: nothing happens to another one.
    fn with(
        &mut self,
        tenure: Tenure,
        cx: &mut Cx<'_>,
        happens: impl FnOnce(&mut Slice, &mut Env, &mut Cx<'_>),
    ) {
        let slice = self.slices.get_mut(&tenure.slice).filter(|slice| slice.tenure() == tenure);
        let Some(it) = slice else { return };
        happens(it, &mut self.env, cx);
        if it.is_gone() {
            self.slices.remove(&tenure.slice);
            self.env.end(tenure);
        }
    }
}
