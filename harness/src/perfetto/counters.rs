//! What is counted over time: requests that wait for an answer, in all and by the machine that they came to, calls to services that are
//! on their way, and alarms that are scheduled as object code sees them.

use std::collections::{BTreeMap, BTreeSet};

use reveille_model::history::{Event, History, ObjectName, RunOutcome, StorageCall, What};

use super::{Counted, Process};

#[derive(Debug, Default)]
struct Counters {
    told: Vec<Counted>,
    requests: BTreeSet<u64>,
    /// By machine, the requests that have come in there and have no answer yet; and where each came in.
    queues: BTreeMap<u16, BTreeSet<u64>>,
    came_to: BTreeMap<u64, u16>,
    calls: BTreeSet<u64>,
    /// Objects with an alarm that is scheduled, or in a run.
    pending: BTreeSet<ObjectName>,
    /// Objects whose alarm was set anew in the run that goes on (F5).
    set_anew: BTreeSet<ObjectName>,
}

/// The counters of a history, each told when it changes.
pub(super) fn of(history: &History) -> Vec<Counted> {
    let mut counters = Counters::default();
    for event in &history.events {
        counters.requests(event);
        counters.calls(event);
        counters.alarms(event);
    }
    counters.told
}

impl Counters {
    fn tell(&mut self, process: Process, name: &'static str, at_ns: u64, count: usize) {
        let value = i64::try_from(count).unwrap_or(i64::MAX);
        self.told.push(Counted { process, name, at_ns, value });
    }

    fn requests(&mut self, event: &Event) {
        let at_ns = event.at_ns;
        let place = event.place.map(|place| place.machine);
        let changed = match (&event.what, place) {
            (What::Call { request, .. }, _) => self.requests.insert(*request),
            (What::Return { request, .. }, _) => self.requests.remove(request),
            (What::RequestArrive { request }, Some(machine)) => {
                self.came_to.insert(*request, machine);
                self.queues.entry(machine).or_default().insert(*request);
                self.tell_queue(machine, at_ns);
                false
            }
            (What::AnswerLeave { request, .. }, _) => {
                if let Some(machine) = self.came_to.remove(request) {
                    self.queues.entry(machine).or_default().remove(request);
                    self.tell_queue(machine, at_ns);
                }
                false
            }
            // What a process knew of requests is gone with it.
            (What::Process { .. }, Some(machine)) => {
                let had = self.queues.get(&machine).is_some_and(|queue| !queue.is_empty());
                let is_down =
                    matches!(&event.what, What::Process { state: reveille_model::history::Process::Down });
                if had && is_down {
                    self.queues.remove(&machine);
                    self.tell_queue(machine, at_ns);
                }
                false
            }
            _ => false,
        };
        if changed {
            self.tell(Process::Clients, "requests without an answer", at_ns, self.requests.len());
        }
    }

    fn tell_queue(&mut self, machine: u16, at_ns: u64) {
        let count = self.queues.get(&machine).map_or(0, BTreeSet::len);
        self.tell(Process::Machine(machine), "requests that wait here", at_ns, count);
    }

    fn calls(&mut self, event: &Event) {
        let changed = match &event.what {
            What::Outbound { call, .. } => self.calls.insert(*call),
            What::OutboundAnswer { call, .. } | What::OutboundLost { call } => self.calls.remove(call),
            _ => false,
        };
        if changed {
            self.tell(Process::Services, "calls without an answer", event.at_ns, self.calls.len());
        }
    }

    fn alarms(&mut self, event: &Event) {
        let Some(by) = &event.by else { return };
        let object = &by.object;
        let changed = match &event.what {
            What::Op { call: StorageCall::SetAlarm { .. }, .. } => {
                self.set_anew.insert(object.clone());
                self.pending.insert(object.clone())
            }
            What::Op {
                call: StorageCall::DeleteAlarm | StorageCall::DeleteAll { preserve_alarm: false },
                ..
            } => {
                self.set_anew.remove(object);
                self.pending.remove(object)
            }
            What::RunStart { .. } => {
                self.set_anew.remove(object);
                self.pending.insert(object.clone())
            }
            What::RunEnd { outcome: RunOutcome::Ok, .. } if !self.set_anew.contains(object) => {
                self.pending.remove(object)
            }
            _ => false,
        };
        if changed {
            self.tell(Process::World, "objects with an alarm", event.at_ns, self.pending.len());
        }
    }
}
