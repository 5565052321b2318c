//! One object on the machine that holds it: its gates, its turns, its runs of `alarm()`, its resets.
//!
//! Plain bookkeeping around the seam of [`crate::object::class`]. An entry outlives the object's instances: an instance
//! that is reset is replaced by the next one when everything it wrote is durable and everything it sent has left.
//!
//! - Input gate (O3): while a read is outstanding, or a `block_concurrency_while` or a transaction is in progress,
//!   arrivals wait, the results of calls to services and of `sync` among them.
//! - Output gate (O5): a message waits until every turn up to the one that made it is durable.
//! - Coalescing (S2): all writes of a turn are one [`Unit`].

mod life;

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;

use crate::alarm::{self, Tracker};
use crate::config::{Config, NS_PER_MS};
use crate::ids::{CallId, MachineId, ObjectName, OpId, RequestId, Stamp};
use crate::io::{Now, OutsideCall};
use crate::object::class::{
    AlarmInfo, Class, Event, Failure, How, Request, Reset, ResetCause, Response, TurnEnd,
};
use crate::object::op::Reply;
use crate::object::port::{Port, Stamps, Wanted};
use crate::object::view::View;
use crate::observe::{Ended, Observation, Seen, Source};
use crate::store::command::{AlarmRow, Answer, Query, TurnWrites};
use life::{Held, Life, Outgoing, Phase, Running};

/// What an entry needs from its surroundings.
pub(crate) struct Cx<'a> {
    pub(crate) now: Now,
    /// O1: whether the machine's session allows anything out.
    pub(crate) may_emit: bool,
    pub(crate) config: &'a Config,
    pub(crate) jitter: &'a mut ChaCha8Rng,
    pub(crate) tracker: &'a mut Tracker,
    pub(crate) last_call: &'a mut u64,
    pub(crate) acts: &'a mut Acts,
}

/// What entries ask of their holder, in order.
#[derive(Default)]
pub(crate) struct Acts {
    pub(crate) reads: Vec<(ObjectName, Stamp, OpId, Query)>,
    pub(crate) units: Vec<Unit>,
    pub(crate) calls: Vec<(ObjectName, Stamp, OpId, OutsideCall)>,
    pub(crate) responses: Vec<(MachineId, RequestId, Response)>,
    pub(crate) observed: Vec<Observation>,
}

/// The writes of one turn on their way to the datastore.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) writes: TurnWrites,
    /// R3: when the alarm in it may run again, on this machine's monotonic clock.
    pub(crate) retry_at_ns: Option<u64>,
}

/// Something that waits at the input gate.
enum Arrival {
    Request { request: RequestId, from: MachineId, body: Bytes },
    Result { op: OpId, reply: Reply },
}

/// One object.
pub(crate) struct Entry {
    name: ObjectName,
    class: Rc<dyn Class>,
    stamps: Stamps,
    life: Option<Life>,
    arrivals: VecDeque<Arrival>,
    /// A due alarm that waits to be delivered.
    due: Option<AlarmRow>,
}

impl Entry {
    pub(crate) fn new(name: ObjectName, class: Rc<dyn Class>, stamps: Stamps) -> Self {
        Self { name, class, stamps, life: None, arrivals: VecDeque::new(), due: None }
    }

    /// A request has come.
    pub(crate) fn request(&mut self, request: RequestId, from: MachineId, body: Bytes, cx: &mut Cx<'_>) {
        self.arrivals.push_back(Arrival::Request { request, from, body });
        self.pump(cx);
    }

    /// The object's alarm is due (F8).
    pub(crate) fn alarm_due(&mut self, row: AlarmRow, cx: &mut Cx<'_>) {
        self.due = Some(row);
        self.pump(cx);
    }

    /// An outside service answered a call of `instance`, or the call failed.
    pub(crate) fn outside_answered(&mut self, instance: Stamp, op: OpId, reply: Reply, cx: &mut Cx<'_>) {
        if self.is_running(instance) {
            self.arrivals.push_back(Arrival::Result { op, reply });
            self.pump(cx);
        }
    }

    /// The datastore answered a read of `instance`.
    pub(crate) fn read_answered(&mut self, instance: Stamp, op: OpId, answer: Answer, cx: &mut Cx<'_>) {
        if self.is_running(instance) {
            let reply = self.live().port.core().answered(op, answer);
            self.deliver_result(op, reply, cx);
            self.pump(cx);
        }
    }

    /// A turn's writes are durable.
    pub(crate) fn committed(&mut self, writes: &TurnWrites, cx: &mut Cx<'_>) {
        let life = self.live();
        assert_eq!(life.id, writes.instance, "an instance ends only when its writes are durable");
        life.port.core().saved(writes);
        self.open_output_gate(cx);
        self.pump(cx);
    }

    /// Enforces the limits of time (O4, R1) and evicts an idle instance. Called once a tick.
    pub(crate) fn tick(&mut self, cx: &mut Cx<'_>) {
        if self.life.is_some() {
            // What waited for the session, not for the datastore.
            self.open_output_gate(cx);
        }
        let Some(life) = &self.life else { return };
        let idle_ms = (cx.now.mono_ns - life.active_ns) / NS_PER_MS;
        if !self.reset_overtime(cx)
            && self.live().is_idle()
            && self.arrivals.is_empty()
            && idle_ms > cx.config.idle_evict_ms
        {
            self.end_life(Ended::Idle, cx);
        }
        self.pump(cx);
    }

    /// Resets an instance that has exceeded a limit of time (O4, R1). Nothing is delivered to it before: what comes too late
    /// cannot bring to a good end what had to be over. Gives whether it did.
    fn reset_overtime(&mut self, cx: &mut Cx<'_>) -> bool {
        let life = self.live();
        if matches!(life.phase, Phase::Over(_)) {
            return false;
        }
        let is_over = |since_ns: Option<u64>, limit_ms: u64| {
            since_ns.is_some_and(|since_ns| cx.now.mono_ns - since_ns > limit_ms * NS_PER_MS)
        };
        let run_since_ns = life.run_in_progress().map(|(_, _, since_ns)| since_ns);
        let (why, cause) = if is_over(run_since_ns, cx.config.run_limit_ms) {
            ("alarm() exceeded its time limit", ResetCause::TimeLimit)
        } else if is_over(life.blocked_since_ns, cx.config.constructor_limit_ms) {
            ("block_concurrency_while or a transaction exceeded its time limit", ResetCause::Section)
        } else {
            return false;
        };
        self.reset(Reset { why: why.into(), cause }, cx);
        true
    }

    /// Whether nothing is going on in the object, in memory or not.
    pub(crate) fn is_quiet(&self) -> bool {
        self.arrivals.is_empty() && self.due.is_none() && self.life.as_ref().is_none_or(Life::is_idle)
    }

    /// Whether nothing is left of the object in memory.
    pub(crate) fn is_gone(&self) -> bool {
        self.life.is_none() && self.arrivals.is_empty() && self.due.is_none()
    }

    /// The instance in memory, and whether `alarm()` is in progress in it.
    pub(crate) fn live_instance(&self) -> Option<(Source, bool)> {
        self.life.as_ref().map(|life| (life.port.core().source(), life.run_in_progress().is_some()))
    }

    /// The slice is lost: what is in memory ends, and nothing more gets out.
    pub(crate) fn abandon(&mut self, cx: &mut Cx<'_>) {
        if self.life.is_some() {
            self.end_life(Ended::Moved, cx);
        }
    }

    fn live(&mut self) -> &mut Life {
        self.life.as_mut().expect("an instance is in memory")
    }

    fn is_running(&self, instance: Stamp) -> bool {
        self.life.as_ref().is_some_and(|life| life.id == instance && !matches!(life.phase, Phase::Over(_)))
    }

    /// Delivers what can be delivered.
    fn pump(&mut self, cx: &mut Cx<'_>) {
        loop {
            if self.life.is_none() {
                // A2, A5: an alarm that was replaced or deleted since it became due wakes nobody.
                let durable = cx.tracker.get(&self.name).map(|row| row.alarm);
                self.due.take_if(|row| durable != Some(row.alarm));
            }
            match &self.life {
                None if self.arrivals.is_empty() && self.due.is_none() => return,
                None => self.awaken(cx),
                Some(Life { phase: Phase::Over(reset), .. }) => {
                    let ended = Ended::Reset(reset.clone());
                    if !self.live().is_drained() {
                        return;
                    }
                    self.end_life(ended, cx);
                }
                Some(_) => {
                    if !self.reset_overtime(cx) && !self.deliver_next(cx) {
                        return;
                    }
                }
            }
        }
    }

    /// O4, F8: a new instance; its constructor runs.
    fn awaken(&mut self, cx: &mut Cx<'_>) {
        let id = self.stamps.next();
        let alarm = cx.tracker.get(&self.name);
        let view = View::new(self.name.clone(), id, self.class.declares_alarm(), alarm);
        let port = Port::new(self.name.clone(), id, view, self.stamps.clone());
        let for_alarm = self.due;
        self.life = Some(Life {
            id,
            instance: self.class.instantiate(port.clone()),
            port,
            phase: Phase::Constructing { for_alarm },
            blocked_since_ns: None,
            events: BTreeMap::new(),
            last_event: 0,
            active_ns: cx.now.mono_ns,
            held_back: VecDeque::new(),
            outbox: VecDeque::new(),
            syncs: VecDeque::new(),
        });
        self.turn(cx, |life| life.port.core().see(Seen::Started { for_alarm: for_alarm.is_some() }));
    }

    /// Delivers one thing if the input gate lets it in (O3). Gives whether it did.
    fn deliver_next(&mut self, cx: &mut Cx<'_>) -> bool {
        let life = self.life.as_mut().expect("an instance is in memory");
        if life.port.core().storage_outstanding() {
            return false;
        }
        if life.blocked_since_ns.is_some() {
            // Only what a section or a transaction waits for gets in.
            let core = life.port.core();
            let of_section =
                |arrival: &Arrival| matches!(arrival, Arrival::Result { op, .. } if core.is_of_section(*op));
            let position = self.arrivals.iter().position(of_section);
            drop(core);
            let Some(Arrival::Result { op, reply }) = position.and_then(|at| self.arrivals.remove(at)) else {
                return false;
            };
            self.deliver_result(op, reply, cx);
            return true;
        }
        if life.run_in_progress().is_none()
            && let Some(row) = self.due.take()
        {
            self.deliver_alarm(row, cx);
            return true;
        }
        match self.arrivals.pop_front() {
            None => return false,
            Some(Arrival::Result { op, reply }) => self.deliver_result(op, reply, cx),
            Some(Arrival::Request { request, from, body }) => {
                self.turn(cx, |life| {
                    life.port.core().see(Seen::DeliveredRequest(request));
                    let event = life.begin_event(Running::Request { request, from });
                    life.instance.start(event, Event::Fetch(Request { body }));
                });
            }
        }
        true
    }

    /// Starts a run of `alarm()`, unless the alarm is no longer the one in the slot (A2, A5, A9).
    fn deliver_alarm(&mut self, row: AlarmRow, cx: &mut Cx<'_>) {
        let life = self.live();
        let scheduled = life.port.core().view.scheduled();
        if scheduled.map(|in_slot| in_slot.alarm) != Some(row.alarm) {
            return;
        }
        if alarm::is_early(row, cx.now) {
            // The wall clock went back since the alarm became due.
            cx.tracker.postpone(&self.name, row.alarm, cx.now);
            return;
        }
        let now_ns = cx.now.mono_ns;
        self.turn(cx, |life| {
            let run = life.port.core().stamp();
            let (scheduled_ms, retry_count) = (row.scheduled_ms, row.retry_count);
            {
                let mut core = life.port.core();
                core.see(Seen::DeliveredAlarm(run));
                core.view.begin_run(run, row);
                core.see(Seen::RunStarted { run, alarm: row.alarm, scheduled_ms, retry_count });
            }
            let event = life.begin_event(Running::Run { run, row, since_ns: now_ns });
            // F7.
            let info = AlarmInfo { scheduled_time: scheduled_ms, retry_count, is_retry: retry_count > 0 };
            life.instance.start(event, Event::Alarm(info));
        });
    }

    fn deliver_result(&mut self, op: OpId, reply: Reply, cx: &mut Cx<'_>) {
        if self.reset_overtime(cx) {
            return;
        }
        self.turn(cx, |life| {
            {
                let mut core = life.port.core();
                core.see(Seen::DeliveredResult(op));
                core.settled(op);
                core.see(Seen::Returned(op, reply.clone()));
            }
            life.instance.settle(op, reply);
        });
    }

    /// One turn: `deliver` hands something over, then the instance runs until its job queue is dry.
    fn turn(&mut self, cx: &mut Cx<'_>, deliver: impl FnOnce(&mut Life)) {
        let life = self.live();
        let budget = cx.config.turn_budget;
        life.active_ns = cx.now.mono_ns;
        life.port.core().begin_turn(cx.now, budget);
        deliver(life);
        let TurnEnd { finished, blocked, reset } = life.instance.turn(budget);
        let blocked = blocked || life.port.core().in_transaction();
        let was_blocked = life.blocked_since_ns.is_some();
        life.blocked_since_ns = blocked.then(|| life.blocked_since_ns.unwrap_or(cx.now.mono_ns));
        let mut retry_at_ns = None;
        for (event, result) in finished {
            let running = life.events.remove(&event).expect("only a started event ends");
            retry_at_ns = life.end_event(running, result, cx).or(retry_at_ns);
        }
        match reset {
            Some(reset) => self.fail(reset, retry_at_ns, cx),
            None => {
                match life.phase {
                    Phase::Constructing { .. } if !blocked => {
                        life.phase = Phase::Live;
                        life.port.core().see(Seen::Constructed { failed: None });
                    }
                    Phase::Live if blocked != was_blocked => {
                        life.port.core().see(Seen::Gate { closed: blocked });
                    }
                    _ => {}
                }
                self.close_turn(retry_at_ns, cx);
            }
        }
    }

    /// Resets the instance outside its turns: a limit of time was exceeded.
    fn reset(&mut self, reset: Reset, cx: &mut Cx<'_>) {
        let budget = cx.config.turn_budget;
        self.live().port.core().begin_turn(cx.now, budget);
        self.fail(reset, None, cx);
    }

    /// The instance is reset in the turn in progress: what was running fails (O7), a run of `alarm()` counted (R1).
    /// What the turn wrote before stays (R8), except in a transaction that had not ended (S5).
    fn fail(&mut self, mut reset: Reset, mut retry_at_ns: Option<u64>, cx: &mut Cx<'_>) {
        let life = self.life.as_mut().expect("an instance is in memory");
        let failure = reset.failure();
        life.port.core().abort_transaction(failure.why.clone());
        for (_, running) in std::mem::take(&mut life.events) {
            let failure = failure.clone();
            retry_at_ns = life.end_event(running, Err(failure), cx).or(retry_at_ns);
        }
        if let Phase::Constructing { for_alarm } = life.phase {
            reset = reset.within(ResetCause::Constructor);
            life.port.core().see(Seen::Constructed { failed: Some(reset.why.clone()) });
            self.constructor_failed(for_alarm, &reset.why, cx);
        }
        let life = self.life.as_mut().expect("an instance is in memory");
        life.phase = Phase::Over(reset);
        life.blocked_since_ns = None;
        life.syncs.clear();
        life.port.core().wanted.retain(|wanted| matches!(wanted, Wanted::CallOut(..)));
        self.arrivals.retain(|arrival| matches!(arrival, Arrival::Request { .. }));
        self.close_turn(retry_at_ns, cx);
    }

    /// O4: the event that the instance was made for fails with its constructor; for an alarm that is the platform's
    /// failure (R1).
    fn constructor_failed(&mut self, for_alarm: Option<AlarmRow>, why: &str, cx: &mut Cx<'_>) {
        if let Some(row) = for_alarm {
            // R5: one that has become due since has nothing to do with it.
            self.due.take_if(|due| due.alarm == row.alarm);
            cx.tracker.platform_failed(&self.name, row.alarm, cx.now, cx.jitter);
        } else if let Some(Arrival::Request { request, from, .. }) = self.arrivals.pop_front() {
            let why = format!("the constructor failed: {why}").into();
            let failure = Failure { why, how: How::Reset };
            let life = self.live();
            life.end_event(Running::Request { request, from }, Err(failure), cx);
        }
    }

    /// Hands on what the turn asked for and wrote.
    fn close_turn(&mut self, retry_at_ns: Option<u64>, cx: &mut Cx<'_>) {
        let life = self.life.as_mut().expect("an instance is in memory");
        let mut core = life.port.core();
        let turn = core.turn;
        for wanted in std::mem::take(&mut core.wanted) {
            match wanted {
                Wanted::Read(op, query) => cx.acts.reads.push((self.name.clone(), life.id, op, query)),
                Wanted::Sync(op) => life.syncs.push_back((op, turn)),
                Wanted::CallOut(op, service, body) => {
                    life.outbox.push_back(Held { turn, message: Outgoing::Call { op, service, body } });
                }
            }
        }
        if let Some(writes) = core.end_turn() {
            life.held_back.push_back(Unit { writes, retry_at_ns });
        }
        drop(core);
        life.release_units(cx);
        self.open_output_gate(cx);
    }

    /// O5: lets out what waits for nothing any more; the results of `sync`s that do not either arrive. O1: outside its session
    /// a machine lets nothing out, because another may hold the object by then.
    fn open_output_gate(&mut self, cx: &mut Cx<'_>) {
        let life = self.life.as_mut().expect("an instance is in memory");
        let mut core = life.port.core();
        while let Some(held) = life.outbox.pop_front_if(|held| cx.may_emit && core.is_durable(held.turn)) {
            match held.message {
                Outgoing::Response { request, to, response } => {
                    let Response { status, body } = response.clone();
                    core.see_of(held.turn, Seen::Responded { request, status, body });
                    cx.acts.responses.push((to, request, response));
                }
                Outgoing::Call { op, service, body } => {
                    *cx.last_call += 1;
                    let call = CallId(*cx.last_call);
                    core.see_of(
                        held.turn,
                        Seen::CalledOut { call, service: service.clone(), body: body.clone() },
                    );
                    cx.acts.calls.push((self.name.clone(), life.id, op, OutsideCall { call, service, body }));
                }
            }
        }
        cx.acts.observed.append(&mut core.journal);
        while let Some((op, _)) = life.syncs.pop_front_if(|(_, turn)| core.is_durable(*turn)) {
            self.arrivals.push_back(Arrival::Result { op, reply: Reply::Done });
        }
    }

    /// The instance leaves memory.
    fn end_life(&mut self, ended: Ended, cx: &mut Cx<'_>) {
        let life = self.life.take().expect("an instance is in memory");
        life.port.core().see(Seen::Ended(ended));
        cx.acts.observed.append(&mut life.port.core().journal);
    }
}
