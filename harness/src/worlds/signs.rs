//! The signs in a history that trouble was felt: a slice moved, an instance was lost with its machine or moved, a request or
//! a run of `alarm()` was late or failed with the platform, a service did not answer well. What object code does to
//! itself is no sign.

use std::collections::BTreeMap;

use reveille_model::history::{Delivery, EndReason, Event, History, Outcome, RunOutcome, What};
use reveille_sim::plan::Plan;

use super::span::Span;

/// Healthy clusters deliver and answer within a fraction of this.
const LATE_MS: u64 = 1_000;

/// When signs were seen.
pub(super) struct Signs(Vec<Span>);

impl Signs {
    /// Those of a run of this plan.
    pub(super) fn of(plan: &Plan, history: &History) -> Self {
        let mut reading = Reading { warm_up_ms: plan.phases.warm_up_ms, ..Reading::default() };
        history.events.iter().for_each(|event| reading.read(event));
        // Nobody has answered these, and nobody will.
        reading.signs.extend(reading.asked.into_values().map(|at_ms| Span::new(at_ms, at_ms)));
        Self(reading.signs)
    }

    /// Whether there is one in this time.
    pub(super) fn any_in(&self, span: Span) -> bool {
        self.0.iter().any(|sign| sign.from_ms <= span.to_ms && span.from_ms <= sign.to_ms)
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    warm_up_ms: u64,
    signs: Vec<Span>,
    /// The latest epoch of each slice.
    epochs: BTreeMap<u16, u64>,
    /// Requests that have not come to object code, with when they were sent.
    asked: BTreeMap<u64, u64>,
    /// Those that have, with when.
    delivered: BTreeMap<u64, u64>,
    /// Calls of services without an answer.
    called: BTreeMap<u64, u64>,
    /// By how much wall time is ahead of the time of the history, in milliseconds, by the first clock that was told.
    wall_ahead_ms: Option<i64>,
}

impl Reading {
    fn read(&mut self, event: &Event) {
        let at_ms = (event.at_ns / 1_000_000).saturating_sub(self.warm_up_ms);
        if let (None, Some(place)) = (self.wall_ahead_ms, event.place) {
            let now_ms = i64::try_from(event.at_ns / 1_000_000).unwrap_or(i64::MAX);
            self.wall_ahead_ms = Some(place.wall_ns / 1_000_000 - now_ms);
        }
        match &event.what {
            What::Holder { slice, epoch, .. } => {
                let moved = self.epochs.insert(*slice, *epoch).is_some_and(|before| before < *epoch);
                self.signs.extend(moved.then_some(Span::new(at_ms, at_ms)));
            }
            What::InstanceEnd { reason: EndReason::Lost | EndReason::Moved } => self.sign(at_ms, at_ms),
            What::RunEnd { outcome: RunOutcome::Platform { .. }, .. } => self.sign(at_ms, at_ms),
            What::RunStart { scheduled_ms, retry_count: 0, .. } => self.run(at_ms, *scheduled_ms),
            What::Call { request, .. } => _ = self.asked.insert(*request, at_ms),
            What::Deliver { delivery: Delivery::Request { request } } => {
                if let Some(sent_ms) = self.asked.remove(request) {
                    self.late(sent_ms, at_ms);
                    self.delivered.insert(*request, at_ms);
                }
            }
            // How long object code takes is its own affair, but for what it waits for at the output gate.
            What::Respond { request, .. } => _ = self.delivered.insert(*request, at_ms),
            What::Return { request, outcome: Outcome::Answered { .. } } => {
                if let Some(left_ms) = self.delivered.remove(request) {
                    self.late(left_ms, at_ms);
                }
            }
            What::Outbound { call, .. } => _ = self.called.insert(*call, at_ms),
            What::OutboundAnswer { call, status, .. } => {
                if let Some(left_ms) = self.called.remove(call) {
                    match status {
                        Some(200..=299) => self.late(left_ms, at_ms),
                        _ => self.sign(left_ms, at_ms),
                    }
                }
            }
            _ => {}
        }
    }

    fn sign(&mut self, from_ms: u64, to_ms: u64) {
        self.signs.push(Span::new(from_ms, to_ms));
    }

    fn late(&mut self, from_ms: u64, to_ms: u64) {
        if to_ms - from_ms > LATE_MS {
            self.sign(from_ms, to_ms);
        }
    }

    /// A first run of an alarm starts: late in true time, or early because a clock is wrong.
    fn run(&mut self, at_ms: u64, scheduled_ms: i64) {
        let Some(ahead_ms) = self.wall_ahead_ms else { return };
        let due_ms = scheduled_ms - ahead_ms - i64::try_from(self.warm_up_ms).unwrap_or(i64::MAX);
        let due_ms = u64::try_from(due_ms).unwrap_or(0);
        self.late(due_ms.min(at_ms), due_ms.max(at_ms));
    }
}
