//! One object on the machine that holds it.
//!
//! ```text
//!                request, alarm                constructor ends        section, transaction
//! (no instance) ────────────────▶ Constructing ─────────────────▶ Open ◀────────────────────▶ Closed
//!    ▲  ▲                              │                           │                            │
//!    │  │                              └── failure, panic, limit ──┴──────────────┬─────────────┘
//!    │  └───────────────────────────────────── reset (O4, O7, R1) ────────────────┘
//!    └── idle (it was open), or moved (whatever it was)
//! ```
//!
//! An entry outlives the object's instances ([`Life`]). After a reset the next instance is made at once, if there is something to
//! make it for. What the one before it has made and nobody may see yet stays behind until it is durable and has left ([`Past`]).
//! What waits for the object is in its [`Inbox`], and one loop
//! ([`Entry::pump`]) takes out of it what the input gate lets in, one turn for each. No turn begins inside another: what
//! the end of a turn makes ready goes into the inbox too.
//!
//! - Input gate (O3): while a read is outstanding, nothing but its answer is let in; while the instance is *constructing* or
//!   *closed*, nothing but what its section or transaction waits for. A `sync` leaves the gate open. Answers for which the gate is
//!   closed come first of all: it does not open before they are there.
//! - Output gate (O5): a message waits until every turn up to the one that made it is durable (`life/output.rs`).
//! - Coalescing (S2): all writes of a turn are one [`Unit`].

mod life;
mod past;

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;

use crate::alarm::Tracker;
use crate::cx::Cx;
use crate::ids::{ObjectName, OpId, RequestId, Stamp};
use crate::object::class::{Class, Response};
use crate::object::port::{Port, Stamps};
use crate::object::view::View;
use crate::observe::{Ended, Source};
use crate::store::command::{AlarmRow, Answer, Query, TurnWrites};
use crate::words::call::Reply;
use crate::words::outside::OutsideCall;
use life::Life;
use past::Past;

/// What an object has at hand in a step, and what it asks of its slice.
pub(crate) struct Host<'a, 'c> {
    pub(crate) cx: &'a mut Cx<'c>,
    /// O1: whether the machine's session allows anything out.
    pub(crate) may_emit: bool,
    pub(crate) jitter: &'a mut ChaCha8Rng,
    pub(crate) tracker: &'a mut Tracker,
    pub(crate) last_call: &'a mut u64,
    pub(crate) acts: &'a mut Acts,
}

/// What objects ask of their slice, in order.
#[derive(Default)]
pub(crate) struct Acts {
    pub(crate) reads: Vec<(ObjectName, Stamp, OpId, Query)>,
    pub(crate) units: Vec<Unit>,
    pub(crate) calls: Vec<(ObjectName, Stamp, OpId, OutsideCall)>,
    /// Answers to requests, which leave the machine.
    pub(crate) responses: Vec<(RequestId, Response)>,
    /// Requests that no object code was given and none will be.
    pub(crate) undelivered: Vec<RequestId>,
}

impl Acts {
    pub(crate) fn is_empty(&self) -> bool {
        let Self { reads, units, calls, responses, undelivered } = self;
        reads.is_empty()
            && units.is_empty()
            && calls.is_empty()
            && responses.is_empty()
            && undelivered.is_empty()
    }
}

/// The writes of one turn on their way to the datastore.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) writes: TurnWrites,
    /// R3: when the alarm in it may run again, on this machine's monotonic clock.
    pub(crate) retry_at_ns: Option<u64>,
}

/// One object.
pub(crate) struct Entry {
    name: ObjectName,
    class: Rc<dyn Class>,
    stamps: Stamps,
    inbox: Inbox,
    life: Option<Life>,
    /// Instances that were reset and of which something is still on its way, in the order in which they lived.
    past: VecDeque<Past>,
}

/// What waits for the object at its input gate.
#[derive(Default)]
struct Inbox {
    /// Answers to the reads for which the gate is closed: they pass it.
    answers: VecDeque<(OpId, Reply)>,
    /// Everything else, in the order in which it came.
    arrivals: VecDeque<Arrival>,
    /// A due alarm that waits to be delivered.
    due: Option<AlarmRow>,
    /// Whether it is a request's turn: the alarm has come in since the last one. An alarm that is set anew again and again, by a
    /// constructor say, keeps no request waiting (W2).
    owes_request: bool,
}

/// Something that waits for an open gate.
enum Arrival {
    Request { request: RequestId, body: Bytes },
    Result { op: OpId, reply: Reply },
}

impl Inbox {
    /// Whether a request waits that comes before a due alarm.
    fn request_is_first(&self) -> bool {
        self.owes_request && self.arrivals.iter().any(|arrival| matches!(arrival, Arrival::Request { .. }))
    }

    fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.arrivals.is_empty() && self.due.is_none()
    }

    /// The instance is over: what its code waited for comes for nobody.
    fn forget_results(&mut self) {
        self.answers.clear();
        self.arrivals.retain(|arrival| matches!(arrival, Arrival::Request { .. }));
    }
}

impl Entry {
    pub(crate) fn new(name: ObjectName, class: Rc<dyn Class>, stamps: Stamps) -> Self {
        Self { name, class, stamps, inbox: Inbox::default(), life: None, past: VecDeque::new() }
    }

    /// A request has come.
    pub(crate) fn request(&mut self, request: RequestId, body: Bytes, host: &mut Host<'_, '_>) {
        self.inbox.arrivals.push_back(Arrival::Request { request, body });
        self.pump(host);
    }

    /// The object's alarm is due (F8).
    pub(crate) fn alarm_due(&mut self, row: AlarmRow, host: &mut Host<'_, '_>) {
        self.inbox.due = Some(row);
        self.pump(host);
    }

    /// An outside service answered a call of `instance`, or the call failed.
    pub(crate) fn outside_answered(
        &mut self,
        instance: Stamp,
        op: OpId,
        reply: Reply,
        host: &mut Host<'_, '_>,
    ) {
        if self.running(instance).is_some() {
            self.inbox.arrivals.push_back(Arrival::Result { op, reply });
            self.pump(host);
        }
    }

    /// The datastore answered a read of `instance`.
    pub(crate) fn read_answered(
        &mut self,
        instance: Stamp,
        op: OpId,
        answer: Answer,
        host: &mut Host<'_, '_>,
    ) {
        let Some(life) = self.life.as_mut().filter(|life| life.is_running(instance)) else { return };
        life.read_answered(op, answer, &mut self.inbox, host);
        self.pump(host);
    }

    /// A turn's writes are durable. All instances know of it that go on from that turn.
    ///
    /// # Panics
    ///
    /// If nothing is left of the instance that wrote them: it is kept until its writes are durable, unless it is abandoned.
    pub(crate) fn committed(&mut self, writes: &TurnWrites, host: &mut Host<'_, '_>) {
        let ids = self.past.iter().map(Past::id).chain(self.life.as_ref().map(Life::id));
        assert!(
            ids.into_iter().any(|id| id == writes.instance),
            "an instance is kept until its writes are durable"
        );
        for past in self.past.iter_mut().filter(|past| past.id() >= writes.instance) {
            past.saved(writes);
        }
        self.let_out(host);
        if let Some(life) = &mut self.life {
            life.saved(writes, &mut self.inbox, host);
        }
        self.pump(host);
    }

    /// O5: lets out what instances that were reset have made and is durable by now.
    fn let_out(&mut self, host: &mut Host<'_, '_>) {
        for past in &mut self.past {
            past.open_output_gate(&mut self.inbox, host);
        }
        self.past.retain(|past| !past.is_drained());
    }

    /// Enforces the limits of time (O4, R1) and evicts an idle instance. Called once a tick.
    pub(crate) fn tick(&mut self, host: &mut Host<'_, '_>) {
        // What waited for the session, not for the datastore.
        self.let_out(host);
        if let Some(life) = &mut self.life {
            life.open_output_gate(&mut self.inbox, host);
            if self.inbox.is_empty() && self.past.is_empty() && life.is_to_be_evicted(host.cx) {
                self.end_life(Ended::Idle, host);
            }
        }
        self.pump(host);
    }

    /// Whether nothing is going on in the object, in memory or not.
    pub(crate) fn is_quiet(&self) -> bool {
        self.inbox.is_empty() && self.past.is_empty() && self.life.as_ref().is_none_or(Life::is_idle)
    }

    /// Whether nothing is left of the object in memory.
    pub(crate) fn is_gone(&self) -> bool {
        self.inbox.is_empty() && self.past.is_empty() && self.life.is_none()
    }

    /// The instance in memory, and whether `alarm()` is in progress in it.
    pub(crate) fn live_instance(&self) -> Option<(Source, bool)> {
        self.life.as_ref().map(Life::live_instance)
    }

    /// The slice is lost: what is in memory ends, and nothing more gets out. Requests that were not delivered are returned.
    pub(crate) fn abandon(&mut self, host: &mut Host<'_, '_>) {
        self.end_life(Ended::Moved, host);
        self.past.clear();
        host.acts.undelivered.extend(self.inbox.arrivals.drain(..).filter_map(|arrival| match arrival {
            Arrival::Request { request, .. } => Some(request),
            Arrival::Result { .. } => None,
        }));
    }

    /// This instance, if its code may still run.
    fn running(&mut self, instance: Stamp) -> Option<&mut Life> {
        self.life.as_mut().filter(|life| life.is_running(instance))
    }

    /// Delivers what can be delivered, one turn after the other.
    fn pump(&mut self, host: &mut Host<'_, '_>) {
        loop {
            match &mut self.life {
                None => {
                    // A2, A5: an alarm that was replaced or deleted since it became due wakes nobody.
                    let in_slot = self.scheduled(host).map(|row| row.alarm);
                    self.inbox.due.take_if(|row| in_slot != Some(row.alarm));
                    if self.inbox.is_empty() {
                        return;
                    }
                    self.awaken(host);
                }
                Some(life) if life.is_over() => {
                    let past = self.life.take().and_then(|life| life.leave_behind(host));
                    self.past.extend(past.filter(|past| !past.is_drained()));
                }
                Some(life) => {
                    let reset = life.reset_overtime(&mut self.inbox, host);
                    if !reset && !life.deliver_next(&mut self.inbox, host) {
                        return;
                    }
                }
            }
        }
    }

    /// The scheduled alarm, with what is on its way of instances that were reset (S4). Only while none lives.
    fn scheduled(&self, host: &Host<'_, '_>) -> Option<AlarmRow> {
        self.past.back().map_or_else(|| host.tracker.get(&self.name), Past::scheduled)
    }

    /// O4, F8: a new instance; its constructor runs.
    fn awaken(&mut self, host: &mut Host<'_, '_>) {
        let (id, declares_alarm) = (self.stamps.next(), self.class.declares_alarm());
        let view = View::new(self.name.clone(), id, declares_alarm, self.scheduled(host));
        let before = self.past.back().map(Past::turns).unwrap_or_default();
        let port = Port::new(self.name.clone(), view, self.stamps.clone(), before);
        let life = Life::new(&*self.class, port, self.inbox.due, host.cx.now);
        self.life.insert(life).construct(&mut self.inbox, host);
    }

    /// The instance in memory leaves it, if there is one.
    fn end_life(&mut self, ended: Ended, host: &mut Host<'_, '_>) {
        if let Some(life) = self.life.take() {
            life.end(ended, host);
        }
    }
}
