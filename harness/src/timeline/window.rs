//! What of a history is shown. A browser draws 300,000 events well; of more than that it is given those around a finding, and of
//! what came before, the events that began what still goes on there.

use std::collections::BTreeMap;
use std::ops::Range;

use reveille_model::history::{Event, ObjectName, RunOutcome, StorageCall, What};

use crate::story::seconds;

/// Which events are shown, by their positions.
#[derive(Debug)]
pub(super) struct Window {
    within: Range<usize>,
    /// What proves the finding is shown wherever it stands, ascending.
    evidence: Vec<usize>,
    /// How many events the history has, and how many of them a window may have.
    count: usize,
    room: usize,
}

impl Window {
    /// A window with `room` for so many of the `count` events of a history, with the evidence of a finding, ascending, in its
    /// middle. Where that is too far apart, it has the end of it; where there is none, it is at the begin of the history.
    pub(super) fn around(evidence: &[usize], count: usize, room: usize) -> Self {
        let from = match (evidence.first(), evidence.last()) {
            _ if count <= room => 0,
            (Some(first), Some(last)) => {
                let free = room.saturating_sub(last + 1 - first);
                // Half of what is free stands behind it; of evidence that is too far apart, a quarter of the window does.
                let behind = if free > 0 { free / 2 } else { room / 4 };
                (last + 1 + behind).min(count).saturating_sub(room)
            }
            _ => 0,
        };
        Self { within: from..count.min(from + room), evidence: evidence.to_vec(), count, room }
    }

    /// What is shown of these events, and the position of each.
    pub(super) fn of<E>(
        &self,
        events: impl Iterator<Item = Result<Event, E>>,
    ) -> Result<(Vec<usize>, Vec<Event>), E> {
        let mut before = Open::default();
        let mut shown = BTreeMap::new();
        for (position, event) in events.enumerate().take(self.within.end.max(self.evidence_end())) {
            let event = event?;
            if self.within.contains(&position) || self.evidence.binary_search(&position).is_ok() {
                shown.insert(position, event);
            } else if position < self.within.start {
                before.observe(position, event);
            }
        }
        for (position, event) in before.open.into_values().flatten() {
            shown.entry(position).or_insert(event);
        }
        Ok(shown.into_iter().unzip())
    }

    fn evidence_end(&self) -> usize {
        self.evidence.last().map_or(0, |last| last + 1)
    }

    /// What is left out and why; nothing if all is shown.
    pub(super) fn note(&self, positions: &[usize], events: &[Event]) -> Option<String> {
        if self.within.len() == self.count {
            return None;
        }
        let at = |position: usize| {
            let place = positions.binary_search(&position).expect("what is within the window is shown");
            seconds(events[place].at_ns)
        };
        let around = if self.evidence.is_empty() { "from the begin on" } else { "around the finding" };
        Some(format!(
            "{} of {} events are shown, {around}: all from {} to {}, and of what came before, what began something that still went \
             on. More than {} would make the page slow.",
            positions.len(),
            self.count,
            at(self.within.start),
            at(self.within.end - 1),
            self.room,
        ))
    }
}

/// What something that goes on is known by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Phase,
    Process(u16),
    Majority(u16),
    Fault(u32),
    Request(u64),
    Call(u64),
    Instance(ObjectName),
    Slot(ObjectName),
    Run(ObjectName),
}

/// What goes on, by the events that began it.
#[derive(Debug, Default)]
struct Open {
    open: BTreeMap<Subject, Vec<(usize, Event)>>,
}

impl Open {
    fn observe(&mut self, position: usize, event: Event) {
        let object = event.by.as_ref().map(|by| by.object.clone());
        match (&event.what, object) {
            (What::Phase { .. }, _) => self.begin(Subject::Phase, position, event),
            (What::Majority { group, .. }, _) => self.begin(Subject::Majority(*group), position, event),
            (What::FaultBegin { fault, .. }, _) => self.begin(Subject::Fault(*fault), position, event),
            (What::FaultEnd { fault }, _) => self.end(&Subject::Fault(*fault)),
            (What::Call { request, .. }, _) => self.begin(Subject::Request(*request), position, event),
            (What::Return { request, .. }, _) => self.end(&Subject::Request(*request)),
            (What::Outbound { call, .. }, _) => self.begin(Subject::Call(*call), position, event),
            (What::OutboundArrive { call, .. }, _) => self.goes_on(Subject::Call(*call), position, event),
            (What::OutboundReturn { call, .. } | What::OutboundLost { call }, _) => {
                self.end(&Subject::Call(*call));
            }
            (What::Process { .. }, _) => {
                if let Some(place) = event.place {
                    self.begin(Subject::Process(place.machine), position, event);
                }
            }
            (_, Some(object)) => self.observe_instance(object, position, event),
            _ => {}
        }
    }

    fn observe_instance(&mut self, object: ObjectName, position: usize, event: Event) {
        match &event.what {
            What::InstanceStart { .. } => self.begin(Subject::Instance(object), position, event),
            What::ConstructorEnd { .. } => self.goes_on(Subject::Instance(object), position, event),
            What::InstanceEnd { .. } => {
                self.end(&Subject::Instance(object.clone()));
                self.end(&Subject::Run(object));
            }
            What::Op { call: StorageCall::SetAlarm { .. }, .. } => {
                self.begin(Subject::Slot(object), position, event);
            }
            What::Op {
                call: StorageCall::DeleteAlarm | StorageCall::DeleteAll { preserve_alarm: false },
                ..
            } => {
                self.end(&Subject::Slot(object));
            }
            What::Commit { .. } => {
                // The first commit of the turn that set the alarm: without it the alarm is taken for one that may be lost.
                let turn = |event: &Event| event.by.as_ref().map(|by| (by.instance, by.turn));
                if let Some(set) = self.open.get_mut(&Subject::Slot(object))
                    && let [(_, first)] = &set[..]
                    && turn(first) == turn(&event)
                {
                    set.push((position, event));
                }
            }
            What::RunStart { .. } => self.begin(Subject::Run(object), position, event),
            What::RunEnd { outcome, .. } => {
                let run = self.open.remove(&Subject::Run(object.clone()));
                let began = run.and_then(|run| Some(run.first()?.0));
                let set = self.open.get(&Subject::Slot(object.clone())).and_then(|set| Some(set.first()?.0));
                // An alarm that was set while it ran is there still (F5).
                if *outcome == RunOutcome::Ok && set < began {
                    self.end(&Subject::Slot(object));
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, subject: Subject, position: usize, event: Event) {
        self.open.insert(subject, vec![(position, event)]);
    }

    /// One more event of something that goes on.
    fn goes_on(&mut self, subject: Subject, position: usize, event: Event) {
        if let Some(events) = self.open.get_mut(&subject) {
            events.push((position, event));
        }
    }

    fn end(&mut self, subject: &Subject) {
        self.open.remove(subject);
    }
}

#[cfg(test)]
mod tests;
