//! The reader reads what the vocabulary says, no more and no less.

mod any;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestCaseError;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value};

use super::line::Line;
use super::names::Names;
use super::{Problem, Reader, write};
use crate::history::{Constants, Event, Head, Header, VERSION, What};

fn read(text: &str) -> Result<Event, Problem> {
    Line::read(text)?.event(&mut Names::default())
}

/// The fields of an event as they are written.
fn fields(event: &Event) -> Map<String, Value> {
    match serde_json::to_value(event).expect("an event is JSON") {
        Value::Object(fields) => fields,
        other => panic!("an event is an object, not {other}"),
    }
}

/// Reads a line of these fields. If it is taken, the event says just what they say: nothing was ignored or made up.
fn is_read_exactly(fields: &Map<String, Value>) -> Result<(), TestCaseError> {
    let text = serde_json::to_string(fields).expect("a map is JSON");
    if let Ok(event) = read(&text) {
        let mut fields = fields.clone();
        // What is false need not be said.
        fields.retain(|name, value| {
            !["reverse", "allow_concurrency"].contains(&name.as_str()) || value == true
        });
        // Nor is what a request says.
        if let What::Call { .. } = event.what {
            fields.entry("body").or_insert_with(|| "".into());
        }
        prop_assert_eq!(self::fields(&event), fields);
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_line_reads_as_it_was_written(event in any::event()) {
        let text = serde_json::to_string(&event).expect("an event is JSON");
        prop_assert_eq!(read(&text).expect("what was written can be read"), event, "{}", &text);
    }

    #[test]
    fn fields_come_in_any_order(event in any::event()) {
        // In a map they are sorted by name.
        let text = serde_json::to_string_pretty(&fields(&event)).expect("a map is JSON");
        prop_assert_eq!(read(&text).expect("it is the same event"), event, "{}", text);
    }

    #[test]
    fn no_field_is_missed_or_added_unnoticed(event in any::event(), other in any::event()) {
        let fields = fields(&event);
        for name in fields.keys() {
            let mut fewer = fields.clone();
            fewer.remove(name);
            is_read_exactly(&fewer)?;
        }
        for (name, value) in self::fields(&other) {
            let mut changed = fields.clone();
            changed.insert(name, value);
            is_read_exactly(&changed)?;
        }
    }
}

/// Which kind of event it is. A new kind has to be told here, and then [`any`] has to make it.
fn kind(what: &What) -> usize {
    match what {
        What::Call { .. } => 0,
        What::Return { .. } => 1,
        What::InstanceStart { .. } => 2,
        What::ConstructorEnd { .. } => 3,
        What::InstanceEnd { .. } => 4,
        What::Deliver { .. } => 5,
        What::Await { .. } => 6,
        What::Op { .. } => 7,
        What::OpResult { .. } => 8,
        What::RunStart { .. } => 9,
        What::RunEnd { .. } => 10,
        What::Commit { .. } => 11,
        What::Respond { .. } => 12,
        What::Outbound { .. } => 13,
        What::OutboundArrive { .. } => 14,
        What::OutboundAnswer { .. } => 15,
        What::FaultBegin { .. } => 16,
        What::FaultEnd { .. } => 17,
        What::Majority { .. } => 18,
        What::Holder { .. } => 19,
        What::Leader { .. } => 20,
        What::GroupLeader { .. } => 21,
        What::Replica { .. } => 22,
        What::Phase { .. } => 23,
        What::AtRest { .. } => 24,
        What::DiskDamaged => 25,
        What::Gate { .. } => 26,
        What::Committed { .. } => 27,
        What::RequestArrive { .. } => 28,
        What::AnswerLeave { .. } => 29,
        What::AnswerLost { .. } => 30,
        What::OutboundLeave { .. } => 31,
        What::OutboundLost { .. } => 32,
        What::OutboundReturn { .. } => 33,
        What::Process { .. } => 34,
        What::OnDisk { .. } => 35,
        What::Timer { .. } => 36,
        What::Promise { .. } => 37,
        What::RequestStart { .. } => 38,
        What::RequestEnd { .. } => 39,
    }
}

const KINDS: usize = 40;

#[test]
fn the_properties_are_shown_for_all_kinds_of_events() {
    let mut runner = TestRunner::deterministic();
    let events = (0..5_000).map(|_| any::event().new_tree(&mut runner).expect("there is an event").current());
    let seen: BTreeSet<usize> = events.map(|event| kind(&event.what)).collect();
    assert_eq!(seen.len(), KINDS);
}

#[test]
fn a_file_reads_as_it_was_written() {
    let header = Header {
        version: VERSION,
        product: "a test".to_owned(),
        scenario: "none".to_owned(),
        seed: Some(u64::MAX),
        datacenter_of: vec![0, 0, 1],
        wall_zero_ns: Some(i64::MIN),
        system_group: Some(3),
        alarm_classes: Some(vec!["C".into()]),
        echoes: Vec::new(),
        omits: vec![crate::history::Omission::Commits],
        constants: Constants::of_the_contract(500, 50),
    };
    let told = |at_ns, what| Event { at_ns, place: None, by: None, what };
    let events = [
        told(
            0,
            What::Call {
                request: 1,
                to: any::object("C/\u{1f426}"),
                head: Head::default(),
                body: "\"\n".into(),
            },
        ),
        told(0, What::Return { request: 1, outcome: crate::history::Outcome::Unknown }),
        told(u64::MAX, What::DiskDamaged),
    ];
    let mut file = Vec::new();
    write(&header, &events, &mut file).expect("a vector takes everything");
    let mut reader = Reader::new(file.as_slice()).expect("it has a header");
    assert_eq!(reader.header(), &header);
    let read: Vec<Event> = reader.by_ref().collect::<Result<_, _>>().expect("it is well-formed");
    assert_eq!(read, events);
    assert_eq!(reader.bytes(), file.len() as u64);
    assert!(reader.next().is_none());
}
