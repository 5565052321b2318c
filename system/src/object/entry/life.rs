//! One instance of an object. Its states are in the diagram of [`super`].
//!
//! ```text
//!  inbox ──▶ deliver_next ──▶ turn ──▶ close_turn ──▶ units ──▶ datastore ──▶ saved
//!    ▲                                     └──▶ output ──▶ open_output_gate ◀───┘
//!    └── results of `sync` ────────────────────────────────────┘
//! ```
//!
//! It may be made while writes of an instance that was reset before it are on their way. It lives at once, and rests on them all
//! the same: its first reads of the datastore are asked when they are there (S4, W1), what it writes is durable after them (S3),
//! and what it sends leaves after them (O5).

mod events;
mod output;

use crate::alarm;
use crate::config::NS_PER_MS;
use crate::cx::Cx;
use crate::ids::{OpId, Stamp};
use crate::object::class::{AlarmInfo, Class, Event, Instance, TurnEnd};
use crate::object::port::{Core, Port, Wanted};
use crate::observe::{Ended, Seen};
use crate::store::command::{AlarmRow, Answer, Query, TurnWrites};
use crate::words::call::Reply;
use crate::words::failure::{Failure, How, Reset, ResetCause};
use crate::words::time::Now;

use super::past::Past;
use super::{Arrival, Host, Inbox, Unit};
use events::{Events, Run, Running};
pub(super) use output::Output;
use output::{Held, Outgoing};

/// An instance.
pub(super) struct Life {
    id: Stamp,
    port: Port,
    instance: Box<dyn Instance>,
    phase: Phase,
    events: Events,
    output: Output,
    /// Reads that are asked once all is durable that was written before the instance was made.
    early_reads: Vec<(OpId, Query)>,
    /// Whether something goes on in it that belongs to no event.
    in_background: bool,
    /// When it last had something to do, on the monotonic clock.
    active_ns: u64,
}

enum Phase {
    /// The constructor is in progress (O4), since then on the monotonic clock.
    Constructing {
        /// The alarm that the instance was made for, unless a request is what it was made for.
        for_alarm: Option<AlarmRow>,
        since_ns: u64,
    },
    /// Its input gate is open.
    Open,
    /// A `block_concurrency_while` or a transaction is in progress, since then on the monotonic clock.
    Closed { since_ns: u64 },
    /// It was reset, for this reason. No code of it runs any more, and the entry has it no longer than the step lasts.
    Over(Reset),
}

impl Life {
    /// An instance whose constructor has yet to run.
    pub(super) fn new(class: &dyn Class, port: Port, for_alarm: Option<AlarmRow>, now: Now) -> Self {
        let id = port.core().instance;
        Self {
            id,
            instance: class.instantiate(port.clone()),
            port,
            phase: Phase::Constructing { for_alarm, since_ns: now.mono_ns },
            events: Events::default(),
            output: Output::default(),
            early_reads: Vec::new(),
            in_background: false,
            active_ns: now.mono_ns,
        }
    }

    /// O4: the constructor runs, in the first turn.
    pub(super) fn construct(&mut self, inbox: &mut Inbox, host: &mut Host<'_, '_>) {
        let for_alarm = matches!(self.phase, Phase::Constructing { for_alarm: Some(_), .. });
        self.turn(inbox, host, |life| life.port.core().see(Seen::Started { for_alarm }));
    }

    pub(super) fn id(&self) -> Stamp {
        self.id
    }

    /// Whether this is that instance, and code of it may still run.
    pub(super) fn is_running(&self, instance: Stamp) -> bool {
        self.id == instance && !self.is_over()
    }

    /// Whether it was reset.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// Whether everything it wrote is durable and everything it sent has left.
    fn is_drained(&self) -> bool {
        self.port.core().is_saved() && self.output.is_empty()
    }

    /// Whether nothing is going on in it.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Open)
            && self.events.is_empty()
            && !self.in_background
            && self.is_drained()
            && self.port.core().is_idle()
    }

    /// Whether it has been idle for long enough.
    pub(super) fn is_to_be_evicted(&self, cx: &Cx<'_>) -> bool {
        self.is_idle() && (cx.now.mono_ns - self.active_ns) / NS_PER_MS > cx.config.idle_evict_ms
    }

    /// The datastore has answered a read.
    pub(super) fn read_answered(
        &mut self,
        op: OpId,
        answer: Answer,
        inbox: &mut Inbox,
        host: &mut Host<'_, '_>,
    ) {
        let mut core = self.port.core();
        let reply = core.answered(op, answer);
        if core.closes_gate(op) {
            inbox.answers.push_back((op, reply));
        } else {
            inbox.arrivals.push_back(Arrival::Result { op, reply });
        }
        drop(core);
        self.release_units(host);
    }

    /// A turn's writes are durable: its own, or those of an instance before it.
    pub(super) fn saved(&mut self, writes: &TurnWrites, inbox: &mut Inbox, host: &mut Host<'_, '_>) {
        let mut core = self.port.core();
        core.saved(writes);
        if core.is_past_durable() {
            let reads = self.early_reads.drain(..);
            host.acts.reads.extend(reads.map(|(op, query)| (core.object.clone(), self.id, op, query)));
        }
        drop(core);
        self.open_output_gate(inbox, host);
    }

    /// Resets the instance if something in it has exceeded its limit of time (O4, R1). Nothing is delivered to it before: what
    /// comes too late cannot bring to a good end what had to be over. Gives whether it did.
    pub(super) fn reset_overtime(&mut self, inbox: &mut Inbox, host: &mut Host<'_, '_>) -> bool {
        let (now, config) = (host.cx.now, host.cx.config);
        let is_over = |since_ns: u64, limit_ms: u64| now.mono_ns - since_ns > limit_ms * NS_PER_MS;
        let blocked_since_ns = match self.phase {
            Phase::Constructing { since_ns, .. } | Phase::Closed { since_ns } => Some(since_ns),
            Phase::Open | Phase::Over(_) => None,
        };
        let (why, cause) = if self.events.run().is_some_and(|run| is_over(run.since_ns, config.run_limit_ms))
        {
            ("alarm() exceeded its time limit", ResetCause::TimeLimit)
        } else if blocked_since_ns.is_some_and(|since_ns| is_over(since_ns, config.constructor_limit_ms)) {
            ("block_concurrency_while or a transaction exceeded its time limit", ResetCause::Section)
        } else {
            return false;
        };
        self.port.core().begin_turn(now, config.turn_budget);
        self.fail(Reset { why: why.into(), cause }, None, inbox, host);
        true
    }

    /// Delivers one thing if the input gate lets it in (O3). Gives whether it did.
    pub(super) fn deliver_next(&mut self, inbox: &mut Inbox, host: &mut Host<'_, '_>) -> bool {
        if let Some((op, reply)) = inbox.answers.pop_front() {
            self.deliver_result(op, reply, inbox, host);
            return true;
        }
        let core = self.port.core();
        if core.reads_in_the_way() {
            return false;
        }
        if !matches!(self.phase, Phase::Open) {
            // Only what the section or the transaction waits for gets in.
            let is_of_section =
                |arrival: &Arrival| matches!(arrival, Arrival::Result { op, .. } if core.is_of_section(*op));
            let position = inbox.arrivals.iter().position(is_of_section);
            drop(core);
            let Some(Arrival::Result { op, reply }) = position.and_then(|at| inbox.arrivals.remove(at))
            else {
                return false;
            };
            self.deliver_result(op, reply, inbox, host);
            return true;
        }
        drop(core);
        if self.events.run().is_none()
            && !inbox.request_is_first()
            && let Some(row) = inbox.due.take()
        {
            inbox.owes_request = true;
            self.deliver_alarm(row, inbox, host);
            return true;
        }
        match inbox.arrivals.pop_front() {
            None => return false,
            Some(Arrival::Result { op, reply }) => self.deliver_result(op, reply, inbox, host),
            Some(Arrival::Request { request, asks }) => {
                inbox.owes_request = false;
                self.turn(inbox, host, |life| {
                    life.port.core().see(Seen::DeliveredRequest(request));
                    life.port.core().see(Seen::RequestStarted { request, asks: Box::new(asks.clone()) });
                    let event = life.events.begin(Running::Request { request });
                    life.instance.start(event, Event::Fetch(asks));
                });
            }
        }
        true
    }

    /// Starts a run of `alarm()`, unless the alarm is no longer the one in the slot (A2, A5, A9).
    fn deliver_alarm(&mut self, row: AlarmRow, inbox: &mut Inbox, host: &mut Host<'_, '_>) {
        let core = self.port.core();
        if core.view.scheduled().map(|in_slot| in_slot.alarm) != Some(row.alarm) {
            return;
        }
        let now = host.cx.now;
        if alarm::is_early(row, now) {
            // The wall clock went back since the alarm became due.
            host.tracker.postpone(&core.object, row.alarm, now);
            return;
        }
        drop(core);
        self.turn(inbox, host, |life| {
            let (scheduled_ms, retry_count) = (row.scheduled_ms, row.retry_count);
            let mut core = life.port.core();
            let run = core.stamp();
            core.see(Seen::DeliveredAlarm(run));
            core.view.begin_run(run, row);
            core.see(Seen::RunStarted { run, alarm: row.alarm, scheduled_ms, retry_count });
            drop(core);
            let event = life.events.begin(Running::Run(Run { run, row, since_ns: now.mono_ns }));
            // F7.
            let info = AlarmInfo { scheduled_time: scheduled_ms, retry_count, is_retry: retry_count > 0 };
            life.instance.start(event, Event::Alarm(info));
        });
    }

    fn deliver_result(&mut self, op: OpId, reply: Reply, inbox: &mut Inbox, host: &mut Host<'_, '_>) {
        self.turn(inbox, host, |life| {
            let mut core = life.port.core();
            core.see(Seen::DeliveredResult(op));
            core.settled(op);
            core.see(Seen::Returned(op, reply.clone()));
            drop(core);
            life.instance.settle(op, reply);
        });
    }

    /// One turn: `deliver` hands something over, then the instance runs until its job queue is dry.
    fn turn(&mut self, inbox: &mut Inbox, host: &mut Host<'_, '_>, deliver: impl FnOnce(&mut Self)) {
        let (now, budget) = (host.cx.now, host.cx.config.turn_budget);
        self.active_ns = now.mono_ns;
        self.port.core().begin_turn(now, budget);
        deliver(self);
        let TurnEnd { finished, blocked, in_background, reset } = self.instance.turn(budget);
        self.in_background = in_background;
        let mut retry_at_ns = None;
        for (event, result) in finished {
            let running = self.events.end(event);
            if let Running::Request { request } = running {
                self.port.core().see(Seen::RequestEnded(request));
            }
            retry_at_ns = self.end_event(running, result, host).or(retry_at_ns);
        }
        if let Some(reset) = reset {
            return self.fail(reset, retry_at_ns, inbox, host);
        }
        let is_closed = blocked || self.port.core().in_transaction();
        self.set_gate(is_closed, now.mono_ns);
        self.close_turn(retry_at_ns, inbox, host);
    }

    /// A turn has left the input gate closed, or open.
    fn set_gate(&mut self, is_closed: bool, now_ns: u64) {
        if !is_closed {
            self.port.core().leave_sections();
        }
        let seen = match (&self.phase, is_closed) {
            (Phase::Constructing { .. }, false) => Seen::Constructed { failed: None },
            (Phase::Open, true) => Seen::Gate { closed: true },
            (Phase::Closed { .. }, false) => Seen::Gate { closed: false },
            _ => return,
        };
        self.phase = if is_closed { Phase::Closed { since_ns: now_ns } } else { Phase::Open };
        self.port.core().see(seen);
    }

    /// The instance is reset in the turn in progress: what was running fails (O7), a run of `alarm()` counted (R1).
    /// What the turn wrote before stays (R8), except in a transaction that had not ended (S5).
    fn fail(
        &mut self,
        mut reset: Reset,
        mut retry_at_ns: Option<u64>,
        inbox: &mut Inbox,
        host: &mut Host<'_, '_>,
    ) {
        let failure = reset.failure();
        self.port.core().abort_transaction(failure.why.clone());
        for running in self.events.end_all() {
            retry_at_ns = self.end_event(running, Err(failure.clone()), host).or(retry_at_ns);
        }
        if let Phase::Constructing { for_alarm, .. } = self.phase {
            reset = reset.within(ResetCause::Constructor);
            self.port.core().see(Seen::Constructed { failed: Some(reset.why.clone()) });
            self.constructor_failed(for_alarm, &reset.why, inbox, host);
        }
        self.phase = Phase::Over(reset);
        self.output.forget_syncs();
        self.port.core().wanted.retain(|wanted| matches!(wanted, Wanted::CallOut(..)));
        inbox.forget_results();
        self.close_turn(retry_at_ns, inbox, host);
    }

    /// O4: the event that the instance was made for fails with its constructor; for an alarm that is the platform's
    /// failure (R1).
    fn constructor_failed(
        &mut self,
        for_alarm: Option<AlarmRow>,
        why: &str,
        inbox: &mut Inbox,
        host: &mut Host<'_, '_>,
    ) {
        if let Some(row) = for_alarm {
            // R5: one that has become due since has nothing to do with it.
            inbox.due.take_if(|due| due.alarm == row.alarm);
            let now = host.cx.now;
            host.tracker.platform_failed(&self.port.core().object, row.alarm, now, host.jitter);
        } else if let Some(Arrival::Request { request, .. }) = inbox.arrivals.pop_front() {
            let why = format!("the constructor failed: {why}").into();
            let failure = Failure { why, how: How::Reset };
            self.end_event(Running::Request { request }, Err(failure), host);
        }
    }

    /// Hands on what the turn asked for and wrote.
    fn close_turn(&mut self, retry_at_ns: Option<u64>, inbox: &mut Inbox, host: &mut Host<'_, '_>) {
        let mut core = self.port.core();
        let (turn, is_early) = (core.turn, !core.is_past_durable());
        let Core { wanted, object, .. } = &mut *core;
        for wanted in wanted.drain(..) {
            match wanted {
                Wanted::Read(op, query) if is_early => self.early_reads.push((op, query)),
                Wanted::Read(op, query) => host.acts.reads.push((object.clone(), self.id, op, query)),
                Wanted::Sync(op) => self.output.push_sync(op, turn),
                Wanted::CallOut(op, service, request) => {
                    self.output.push(Held { turn, message: Outgoing::Call { op, service, request } });
                }
                Wanted::Timer(op, until_ns) => {
                    host.acts.timers.push((until_ns, object.clone(), self.id, op));
                }
            }
        }
        if let Some(writes) = core.end_turn() {
            self.output.push_unit(Unit { writes, retry_at_ns });
        }
        drop(core);
        self.release_units(host);
        self.open_output_gate(inbox, host);
    }

    /// Hands units on that no outstanding read must be kept from (S4).
    fn release_units(&mut self, host: &mut Host<'_, '_>) {
        let reading = match self.phase {
            Phase::Over(_) => None,
            Phase::Constructing { .. } | Phase::Open | Phase::Closed { .. } => {
                self.port.core().first_reading_turn()
            }
        };
        self.output.release_units(reading, &mut host.acts.units);
    }

    /// O5: lets out what waits for nothing any more.
    pub(super) fn open_output_gate(&mut self, inbox: &mut Inbox, host: &mut Host<'_, '_>) {
        self.output.open(&mut self.port.core(), inbox, host);
    }

    /// It was reset, and leaves memory: what it has made and nobody may see yet is left. None if it was not reset.
    pub(super) fn leave_behind(self, host: &mut Host<'_, '_>) -> Option<Past> {
        let Phase::Over(reset) = self.phase else { return None };
        // First of all: destructors of object code are not to reach what is left.
        let mut core = self.port.sever();
        core.see(Seen::Ended(Ended::Reset(reset)));
        host.cx.out.observed.append(&mut core.journal);
        Some(Past::new(core, self.output))
    }

    /// The instance leaves memory.
    pub(super) fn end(self, ended: Ended, host: &mut Host<'_, '_>) {
        let mut core = self.port.core();
        core.see(Seen::Ended(ended));
        host.cx.out.observed.append(&mut core.journal);
    }
}
