//! A finding as a picture that a document can carry: an SVG that is drawn like a sequence diagram, with the evidence numbered and the
//! sentences of the verdict below it. The page of `timeline` shows everything and can be searched; this shows the few events that matter
//! and stands still.
//!
//! Time goes down, one row an event. Columns are who does it: clients, the object on each machine that it lived on, services, machines.
//! A picture depends on the history alone, so that a test can hold a picture in a document against the run that it is of.

mod cast;
mod draw;

use std::collections::{BTreeMap, BTreeSet};

use reveille_model::history::{Delivery, History, What};

use self::cast::Cast;

/// What a picture is of.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The rule that was broken.
    pub rule: &'a str,
    /// The object that it was broken for.
    pub object: Option<&'a str>,
    /// What happened, in sentences.
    pub sentences: &'a str,
    /// What proves it: positions in the history, ascending.
    pub evidence: &'a [usize],
}

/// Something that goes from one column to another: the positions of the events at its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Message {
    from: usize,
    to: usize,
    /// Whether it answers another one.
    is_answer: bool,
}

/// With more rows than this only what proves the finding is shown, with what goes between columns.
const ROWS_MAX: usize = 24;

/// The picture of a finding.
pub fn svg(history: &History, subject: &Subject<'_>) -> String {
    let messages = messages(history, subject);
    let mut rows: BTreeSet<usize> = subject.evidence.iter().copied().collect();
    rows.extend(messages.iter().flat_map(|message| [message.from, message.to]));
    let explained: BTreeSet<usize> = explaining(history, subject).collect();
    if rows.union(&explained).count() <= ROWS_MAX {
        rows.extend(explained);
    }
    let rows: Vec<usize> = rows.into_iter().collect();
    let cast = Cast::of(history, &rows);
    draw::svg(history, subject, &cast, &rows, &messages)
}

/// What passes between columns: of the evidence, and of the calls to services that are a part of it.
fn messages(history: &History, subject: &Subject<'_>) -> Vec<Message> {
    let mut ends = Ends::default();
    history.events.iter().enumerate().for_each(|(index, event)| ends.see(index, &event.what));
    let mut messages = Vec::new();
    let mut add = |from: Option<&usize>, to: Option<&usize>, is_answer: bool| {
        if let (Some(&from), Some(&to)) = (from, to)
            && from < to
            && !messages.contains(&Message { from, to, is_answer })
        {
            messages.push(Message { from, to, is_answer });
        }
    };
    for index in subject.evidence {
        match &history.events[*index].what {
            What::Call { request, .. } => add(Some(index), ends.delivered.get(request), false),
            What::Return { request, .. } => add(ends.responded.get(request), Some(index), true),
            What::Respond { request, .. } => add(Some(index), ends.returned.get(request), true),
            What::Outbound { call, .. } => {
                add(Some(index), ends.arrived.get(call), false);
                add(ends.answered.get(call), ends.came_back.get(call), true);
            }
            What::OutboundAnswer { call, .. } => add(Some(index), ends.came_back.get(call), true),
            _ => {}
        }
    }
    messages
}

/// Where requests and calls have come to, by the positions of events.
#[derive(Debug, Default)]
struct Ends {
    delivered: BTreeMap<u64, usize>,
    responded: BTreeMap<u64, usize>,
    returned: BTreeMap<u64, usize>,
    arrived: BTreeMap<u64, usize>,
    answered: BTreeMap<u64, usize>,
    came_back: BTreeMap<u64, usize>,
}

impl Ends {
    fn see(&mut self, index: usize, what: &What) {
        let (ends, id) = match what {
            What::Deliver { delivery: Delivery::Request { request } } => (&mut self.delivered, request),
            What::Respond { request, .. } => (&mut self.responded, request),
            What::Return { request, .. } => (&mut self.returned, request),
            What::OutboundArrive { call, .. } => (&mut self.arrived, call),
            What::OutboundAnswer { call, .. } => (&mut self.answered, call),
            What::OutboundReturn { call, .. } => (&mut self.came_back, call),
            _ => return,
        };
        ends.entry(*id).or_insert(index);
    }
}

/// The life of the object between the first and the last piece of evidence, and faults.
fn explaining<'a>(history: &'a History, subject: &'a Subject<'_>) -> impl Iterator<Item = usize> + 'a {
    let first = subject.evidence.first().copied().unwrap_or(0);
    let last = subject.evidence.last().copied().unwrap_or(0);
    (first..=last.min(history.events.len().saturating_sub(1))).filter(move |index| {
        let event = &history.events[*index];
        let is_own = event.by.as_ref().is_some_and(|by| subject.object == Some(&*by.object.0));
        match &event.what {
            What::InstanceStart { .. }
            | What::InstanceEnd { .. }
            | What::RunStart { .. }
            | What::RunEnd { .. } => is_own,
            What::FaultBegin { .. } => true,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests;
