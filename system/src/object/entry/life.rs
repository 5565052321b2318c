//! One instance of an object and what is left of it until the next one may start: the events in progress in it, what it
//! wrote that is not durable yet, and what waits for that at the output gate. When it begins and what is delivered to it is
//! for its entry to say.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::{Cx, Unit};
use crate::alarm;
use crate::config::NS_PER_MS;
use crate::ids::{MachineId, OpId, RequestId, Stamp};
use crate::object::class::{EventId, Failure, Instance, Reset, Response};
use crate::object::port::Port;
use crate::object::view::RunVerdict;
use crate::observe::{RunEnd, Seen};
use crate::store::command::AlarmRow;

/// An instance and what is left of it until the next one may start.
pub(super) struct Life {
    pub(super) id: Stamp,
    pub(super) port: Port,
    pub(super) instance: Box<dyn Instance>,
    pub(super) phase: Phase,
    /// Since when on the monotonic clock a `block_concurrency_while` or a transaction is in progress, if one is.
    pub(super) blocked_since_ns: Option<u64>,
    pub(super) events: BTreeMap<EventId, Running>,
    pub(super) last_event: u64,
    /// When it last had something to do, on the monotonic clock.
    pub(super) active_ns: u64,
    /// Units held back for a read that must not see them (S4).
    pub(super) held_back: VecDeque<Unit>,
    pub(super) outbox: VecDeque<Held>,
    /// `sync`s that wait, with the turn they were called in.
    pub(super) syncs: VecDeque<(OpId, u32)>,
}

#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// The constructor is in progress (O4).
    Constructing {
        /// The alarm that the instance was made for, unless a request is what it was made for.
        for_alarm: Option<AlarmRow>,
    },
    Live,
    /// It was reset, for this reason; no code of it runs any more.
    Over(Reset),
}

/// An event in progress.
pub(super) enum Running {
    Request { request: RequestId, from: MachineId },
    Run { run: Stamp, row: AlarmRow, since_ns: u64 },
}

/// A message that waits at the output gate.
pub(super) struct Held {
    /// The turn that made it.
    pub(super) turn: u32,
    pub(super) message: Outgoing,
}

pub(super) enum Outgoing {
    Response { request: RequestId, to: MachineId, response: Response },
    Call { op: OpId, service: Arc<str>, body: Bytes },
}

impl Life {
    pub(super) fn begin_event(&mut self, running: Running) -> EventId {
        self.last_event += 1;
        let event = EventId(self.last_event);
        self.events.insert(event, running);
        event
    }

    /// An event has ended in the turn in progress. For a failed run that is tried again: when, on the monotonic clock.
    pub(super) fn end_event(
        &mut self,
        running: Running,
        result: Result<Option<Response>, Failure>,
        cx: &mut Cx<'_>,
    ) -> Option<u64> {
        match running {
            Running::Request { request, from } => {
                let response = match result {
                    Ok(response) => response.expect("fetch() returns a response"),
                    Err(failure) => Response { status: 500, body: failure.why.as_bytes().to_vec().into() },
                };
                let message = Outgoing::Response { request, to: from, response };
                let turn = self.port.core().turn;
                self.outbox.push_back(Held { turn, message });
                None
            }
            Running::Run { run, row, .. } => self.end_run(run, row, result.err(), cx),
        }
    }

    pub(super) fn end_run(
        &mut self,
        run: Stamp,
        row: AlarmRow,
        failure: Option<Failure>,
        cx: &mut Cx<'_>,
    ) -> Option<u64> {
        let mut core = self.port.core();
        let Some(failure) = failure else {
            core.see(Seen::RunEnded { run, outcome: RunEnd::Ok });
            core.view.end_run(RunVerdict::Ok);
            return None;
        };
        core.see(Seen::RunEnded { run, outcome: RunEnd::Failed(failure) });
        let delay_ms = alarm::backoff_ms(row.retry_count, cx.jitter);
        let delay_signed = i64::try_from(delay_ms).expect("a backoff is below an hour");
        let verdict = RunVerdict::Failed { retry_at_ms: cx.now.wall_ms() + delay_signed };
        let again = core.view.end_run(verdict);
        again.map(|_| cx.now.mono_ns + delay_ms * NS_PER_MS)
    }

    pub(super) fn run_in_progress(&self) -> Option<(Stamp, AlarmRow, u64)> {
        self.events.values().find_map(|running| match running {
            Running::Run { run, row, since_ns } => Some((*run, *row, *since_ns)),
            Running::Request { .. } => None,
        })
    }

    /// Hands units on that no outstanding read must be kept from (S4).
    pub(super) fn release_units(&mut self, cx: &mut Cx<'_>) {
        let reading = match self.phase {
            Phase::Over(_) => None,
            Phase::Constructing { .. } | Phase::Live => self.port.core().first_reading_turn(),
        };
        while let Some(unit) =
            self.held_back.pop_front_if(|unit| reading.is_none_or(|turn| unit.writes.turn < turn))
        {
            cx.acts.units.push(unit);
        }
    }

    /// Whether everything it wrote is durable and everything it sent has left.
    pub(super) fn is_drained(&self) -> bool {
        self.port.core().is_saved() && self.outbox.is_empty()
    }

    /// Whether nothing is going on in it.
    pub(super) fn is_idle(&self) -> bool {
        self.events.is_empty()
            && self.blocked_since_ns.is_none()
            && matches!(self.phase, Phase::Live)
            && self.is_drained()
            && self.port.core().is_idle()
    }
}
