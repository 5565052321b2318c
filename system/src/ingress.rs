//! The way in: the machine that a client is connected to keeps its request until there is a response, or until its client waits
//! no longer (W2). How long a client waits comes with its request.
//!
//! ```text
//!            holder and session known           not here: never given
//! Waiting ─────────────────────────────▶ Sent ─────────────────────────▶ Waiting
//!    │                                    │ ▲
//!    │ nobody waits              response │ │ no answer: again, another way
//!    ▼                                    ▼ │
//!   over ◀────────────────────────────────┴─┘
//! ```
//!
//! O1: a delivery is for one session of one machine ([`Ticket`]), and once it may have reached object code there the request is
//! for no other: only that session can still answer it, or say that no object code was given it. So when the session ends the
//! client may get no answer. The other end is in [`crate::holder`].

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Config, NS_PER_MS, REQUESTS_MAX};
use crate::cx::Cx;
use crate::ids::{MachineId, ObjectName, RequestId, SessionId};
use crate::io::{ClientAnswer, ClientRequest, Refusal};
use crate::registry::Roster;
use crate::route::{Route, Ways};
use crate::wire::{Message, Ticket, WINDOW};
use crate::words::http::Request;

/// A delivery without an answer is repeated after this, at the next tick, for as long as its client waits. Not more and more seldom:
/// over links that lose a tenth of all messages each way an answer has to be there within 10 s, with no more exceptions than one in a
/// million (W2, L2).
const AGAIN_MS: u64 = 900;
/// A holder hears with the next delivery which responses it may forget, and without one as soon as there are so many.
const OVER_MAX: u64 = 64;
/// Machines that pass a request to each other do so at once so often; then it waits for a tick, and for news.
const REDIRECTS_MAX: u8 = 3;

/// The requests of the clients that are connected to one machine.
#[derive(Debug, Default)]
pub(crate) struct Ingress {
    /// The first session of the machine in its present life. Without one there is nobody to deliver for.
    stream: Option<SessionId>,
    requests: BTreeMap<RequestId, Pending>,
    links: BTreeMap<MachineId, Link>,
}

/// A request without a response.
#[derive(Debug)]
struct Pending {
    object: ObjectName,
    asks: Request,
    /// Until then its client waits, on the monotonic clock.
    until_ns: u64,
    redirects: u8,
    sent: Option<Sent>,
}

/// The delivery of a request that is under way.
#[derive(Debug)]
struct Sent {
    ticket: Ticket,
    route: Route,
    at_ns: u64,
    /// Whether the holder has said that it has the request.
    taken: bool,
    /// Whether there was an answer since it was sent last.
    heard: bool,
}

/// The deliveries to one session of another machine.
#[derive(Debug)]
struct Link {
    session: SessionId,
    last: u64,
    /// Those that are not over.
    open: BTreeSet<u64>,
    /// What the holder knows of that.
    told: u64,
}

impl Link {
    fn new(session: SessionId) -> Self {
        Self { session, last: 0, open: BTreeSet::new(), told: 1 }
    }

    /// The first number that is not over.
    fn below(&self) -> u64 {
        self.open.first().copied().unwrap_or(self.last + 1)
    }
}

/// What the ingress has at hand beside the step's own: who holds what, and the ways there.
pub(crate) struct Around<'a> {
    pub(crate) roster: Option<&'a Roster>,
    pub(crate) session: Option<SessionId>,
    pub(crate) ways: &'a mut Ways,
}

impl Around<'_> {
    /// Who is to hold an object, and its session.
    fn holder_of(&self, object: &ObjectName, config: &Config) -> Option<(MachineId, SessionId)> {
        let roster = self.roster?;
        let machine = roster.assigned(object.slice(config.slices));
        Some((machine, roster.session_of(machine)?.id))
    }
}

impl Ingress {
    /// A client sends a request.
    pub(crate) fn accept(&mut self, request: ClientRequest, around: Around<'_>, cx: &mut Cx<'_>) {
        let ClientRequest { request, object, asks, limit_ms } = request;
        if self.requests.contains_key(&request) {
            return;
        }
        // W2: what is not kept is not left to wait in vain.
        if self.requests.len() >= REQUESTS_MAX {
            let why = format!("{REQUESTS_MAX} requests wait on this machine: it takes no more").into();
            return cx.out.refusals.push(Refusal { request, why });
        }
        let until_ns = cx.now.mono_ns.saturating_add(limit_ms.saturating_mul(NS_PER_MS));
        let pending = Pending { object, asks, until_ns, redirects: 0, sent: None };
        self.requests.insert(request, pending);
        self.deliver(request, None, around, cx);
    }

    /// Sends a request that is not under way to the holder of its object: the one named, or the one in the registry. If
    /// there is none it waits for the next tick.
    fn deliver(
        &mut self,
        request: RequestId,
        named: Option<(MachineId, SessionId)>,
        around: Around<'_>,
        cx: &mut Cx<'_>,
    ) {
        self.stream = self.stream.or(around.session);
        let Some(stream) = self.stream else { return };
        let pending = self.requests.get_mut(&request).expect("only a request that waits is delivered");
        let Some((machine, session)) = named.or_else(|| around.holder_of(&pending.object, cx.config)) else {
            return;
        };
        let link = self.links.entry(machine).or_insert_with(|| Link::new(session));
        if link.session < session {
            // All that went to the session before is over or waits in vain.
            *link = Link::new(session);
        }
        if link.session != session || link.last + 1 >= link.below() + WINDOW {
            return;
        }
        link.last += 1;
        link.open.insert(link.last);
        let ticket = Ticket { stream, session, number: link.last };
        pending.sent = Some(Sent {
            ticket,
            route: Route::direct(machine),
            at_ns: cx.now.mono_ns,
            taken: false,
            heard: false,
        });
        self.send(request, machine, around.ways, cx);
    }

    /// Sends what is under way, or asks for it if the holder has it.
    fn send(&mut self, request: RequestId, to: MachineId, ways: &mut Ways, cx: &mut Cx<'_>) {
        let Some(Pending { object, asks, sent: Some(sent), .. }) = self.requests.get_mut(&request) else {
            return;
        };
        let (route, probe) = ways.to(to, cx.config, cx.now.mono_ns);
        (sent.route, sent.at_ns, sent.heard) = (route, cx.now.mono_ns, false);
        let ticket = sent.ticket;
        let message = if sent.taken {
            Message::Await { ticket, request }
        } else {
            let link = self.links.get_mut(&to).filter(|link| link.session == ticket.session);
            let below = link.map_or(1, |link| {
                link.told = link.below();
                link.told
            });
            Message::request(ticket, below, request, object.clone(), asks.clone())
        };
        if let Some(probe) = probe {
            cx.outbox.push_by(probe, message.clone());
        }
        cx.outbox.push_by(route, message);
    }

    /// The delivery under way that this is about, if it came from whom it went to.
    fn sent(&mut self, from: Route, request: RequestId, ticket: Ticket) -> Option<&mut Sent> {
        let sent = self.requests.get_mut(&request)?.sent.as_mut()?;
        (sent.ticket == ticket && sent.route.machine == from.machine).then_some(sent)
    }

    /// The holder has a request.
    pub(crate) fn taken(
        &mut self,
        from: Route,
        ticket: Ticket,
        request: RequestId,
        ways: &mut Ways,
        config: &Config,
    ) {
        if let Some(sent) = self.sent(from, request, ticket) {
            (sent.taken, sent.heard) = (true, true);
            ways.answered(from, config);
        }
    }

    /// A request was not given to object code, and this delivery of it never will be: it goes elsewhere.
    pub(crate) fn not_here(
        &mut self,
        from: Route,
        ticket: Ticket,
        request: RequestId,
        named: Option<(MachineId, SessionId)>,
        around: Around<'_>,
        cx: &mut Cx<'_>,
    ) {
        if self.sent(from, request, ticket).is_none() {
            return;
        }
        around.ways.answered(from, cx.config);
        self.close(from.machine, ticket);
        let pending = self.requests.get_mut(&request).expect("it is under way");
        pending.sent = None;
        pending.redirects += 1;
        let own = around.holder_of(&pending.object, cx.config);
        // A session that is over would never say what became of the request.
        let has_ended = |session| around.roster.is_some_and(|roster| roster.has_ended(session));
        let elsewhere = named
            .into_iter()
            .filter(|(_, session)| !has_ended(*session))
            .chain(own)
            .find(|(machine, _)| *machine != from.machine);
        if pending.redirects <= REDIRECTS_MAX && elsewhere.is_some() {
            self.deliver(request, elsewhere, around, cx);
        }
    }

    /// The response to a request: the first one counts.
    pub(crate) fn responded(
        &mut self,
        from: Route,
        ticket: Ticket,
        answer: ClientAnswer,
        ways: &mut Ways,
        cx: &mut Cx<'_>,
    ) {
        if self.sent(from, answer.request, ticket).is_some() {
            ways.answered(from, cx.config);
            self.close(from.machine, ticket);
            self.requests.remove(&answer.request);
            cx.out.answers.push(answer);
        }
    }

    /// Once a tick: forgets what nobody waits for, repeats, and tells holders what they may forget.
    pub(crate) fn tick(&mut self, mut around: Around<'_>, cx: &mut Cx<'_>) {
        let now_ns = cx.now.mono_ns;
        let all: Vec<RequestId> = self.requests.keys().copied().collect();
        for request in all {
            let pending = self.requests.get_mut(&request).expect("it was there a moment ago");
            pending.redirects = 0;
            let is_over = now_ns >= pending.until_ns;
            let sent = pending.sent.as_ref().map(|sent| (sent.route.machine, sent.ticket));
            match sent {
                Some((to, ticket)) if is_over => {
                    self.close(to, ticket);
                    self.requests.remove(&request);
                }
                None if is_over => _ = self.requests.remove(&request),
                Some((to, ticket)) => self.repeat(request, to, ticket, &mut around, cx),
                None => {
                    let Around { roster, session, ways } = &mut around;
                    let around = Around { roster: *roster, session: *session, ways };
                    self.deliver(request, None, around, cx);
                }
            }
        }
        self.tell_over(around.ways, cx);
    }

    /// Sends a delivery again if it has waited long enough, unless nobody is left to answer it.
    fn repeat(
        &mut self,
        request: RequestId,
        to: MachineId,
        ticket: Ticket,
        around: &mut Around<'_>,
        cx: &mut Cx<'_>,
    ) {
        let sent = self.sent(Route::direct(to), request, ticket).expect("it is under way");
        let is_over = around.roster.is_some_and(|roster| roster.has_ended(ticket.session));
        if is_over || cx.now.mono_ns - sent.at_ns < AGAIN_MS * NS_PER_MS {
            return;
        }
        if !sent.heard {
            around.ways.silent(sent.route, cx.config, cx.now.mono_ns);
        }
        self.send(request, to, around.ways, cx);
    }

    /// Responses that have come need not be kept any longer. A few may be: no message is sent for each.
    fn tell_over(&mut self, ways: &mut Ways, cx: &mut Cx<'_>) {
        let Some(stream) = self.stream else { return };
        for (machine, link) in &mut self.links {
            let below = link.below();
            if below >= link.told + OVER_MAX {
                link.told = below;
                let ticket = Ticket { stream, session: link.session, number: below };
                let (route, _) = ways.to(*machine, cx.config, cx.now.mono_ns);
                cx.outbox.push_by(route, Message::Over { ticket });
            }
        }
    }

    fn close(&mut self, machine: MachineId, ticket: Ticket) {
        if let Some(link) = self.links.get_mut(&machine).filter(|link| link.session == ticket.session) {
            link.open.remove(&ticket.number);
        }
    }
}
