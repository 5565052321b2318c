//! The events in progress in an instance: requests and at most one run of `alarm()` (F3), and what their ends mean.

use std::collections::BTreeMap;

use super::super::Host;
use super::Life;
use super::output::{Held, Outgoing};
use crate::alarm;
use crate::config::NS_PER_MS;
use crate::ids::{RequestId, Stamp};
use crate::object::class::{EventId, Response};
use crate::object::view::RunVerdict;
use crate::observe::{RunEnd, Seen};
use crate::store::command::AlarmRow;
use crate::words::failure::Failure;

/// The events in progress.
#[derive(Default)]
pub(super) struct Events {
    running: BTreeMap<EventId, Running>,
    last: u64,
}

/// An event in progress.
pub(super) enum Running {
    Request { request: RequestId },
    Run(Run),
}

/// A run of `alarm()` in progress.
pub(super) struct Run {
    pub(super) run: Stamp,
    pub(super) row: AlarmRow,
    /// On the monotonic clock.
    pub(super) since_ns: u64,
}

impl Events {
    pub(super) fn begin(&mut self, running: Running) -> EventId {
        self.last += 1;
        let event = EventId(self.last);
        self.running.insert(event, running);
        event
    }

    /// # Panics
    ///
    /// If it is not in progress.
    pub(super) fn end(&mut self, event: EventId) -> Running {
        self.running.remove(&event).expect("only a started event ends")
    }

    pub(super) fn end_all(&mut self) -> impl Iterator<Item = Running> + use<> {
        std::mem::take(&mut self.running).into_values()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// The run in progress.
    pub(super) fn run(&self) -> Option<&Run> {
        self.running.values().find_map(|running| match running {
            Running::Run(run) => Some(run),
            Running::Request { .. } => None,
        })
    }
}

impl Life {
    /// An event has ended in the turn in progress. For a failed run that is tried again: when, on the monotonic clock.
    pub(super) fn end_event(
        &mut self,
        running: Running,
        result: Result<Option<Response>, Failure>,
        host: &mut Host<'_, '_>,
    ) -> Option<u64> {
        match running {
            Running::Request { request } => {
                let response = match result {
                    Ok(response) => response.expect("fetch() returns a response"),
                    Err(failure) => Response::of(500, failure.why.as_bytes().to_vec()),
                };
                let message = Outgoing::Response { request, response };
                let turn = self.port.core().turn;
                self.output.push(Held { turn, message });
                None
            }
            Running::Run(run) => self.end_run(run, result.err(), host),
        }
    }

    fn end_run(&mut self, run: Run, failure: Option<Failure>, host: &mut Host<'_, '_>) -> Option<u64> {
        let Run { run, row, .. } = run;
        let mut core = self.port.core();
        let Some(failure) = failure else {
            core.see(Seen::RunEnded { run, outcome: RunEnd::Ok });
            core.view.end_run(RunVerdict::Ok);
            return None;
        };
        core.see(Seen::RunEnded { run, outcome: RunEnd::Failed(failure) });
        let now = host.cx.now;
        let delay_ms = alarm::backoff_ms(row.retry_count, host.jitter);
        let delay_signed = i64::try_from(delay_ms).expect("a backoff is below an hour");
        let verdict = RunVerdict::Failed { retry_at_ms: now.wall_ms() + delay_signed };
        let again = core.view.end_run(verdict);
        again.map(|_| now.mono_ns + delay_ms * NS_PER_MS)
    }
}
