use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reveille_model::jsonl::Reader;

use super::*;
use crate::example::ticker;

fn events(history: &History) -> Vec<Value> {
    let mut text = Vec::new();
    write(history, "a run", &mut text).expect("memory takes it");
    let trace: Value = serde_json::from_slice(&text).expect("a trace is JSON");
    trace["traceEvents"].as_array().expect("it has events").clone()
}

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["ph"] == kind).collect()
}

/// Nanoseconds of a time of the trace.
fn ns(time: &Value) -> u64 {
    (time.as_f64().expect("a time is a number") * 1_000.0).round() as u64
}

/// Runs in which machines are lost, objects move, and alarms are retried; and the histories that are kept for the judge, in which more
/// goes wrong than in any run.
fn histories() -> Vec<History> {
    let ticker = Arc::new(ticker());
    let mut all: Vec<History> = (0..4).map(|seed| ticker.run(&ticker.plan(seed)).history).collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../model/tests/histories");
    for entry in std::fs::read_dir(folder).expect("they are there") {
        let path = entry.expect("it can be listed").path();
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            let file = std::io::BufReader::new(std::fs::File::open(&path).expect("it is there"));
            let reader = Reader::new(file).expect("it has a header");
            let header = reader.header().clone();
            all.push(History { header, events: reader.map(|event| event.expect("it reads well")).collect() });
        }
    }
    all
}

#[test]
fn slices_of_a_thread_nest() {
    for history in histories() {
        let events = events(&history);
        let mut threads: BTreeMap<(u64, u64), Vec<(u64, u64)>> = BTreeMap::new();
        for slice in of_kind(&events, "X") {
            let thread =
                (slice["pid"].as_u64().expect("a process"), slice["tid"].as_u64().expect("a thread"));
            let from = ns(&slice["ts"]);
            threads.entry(thread).or_default().push((from, from + ns(&slice["dur"])));
        }
        assert!(!threads.is_empty());
        for (thread, slices) in threads {
            let mut open: Vec<u64> = Vec::new();
            for (from, to) in slices {
                while open.last().is_some_and(|end| *end <= from) {
                    open.pop();
                }
                assert!(open.last().is_none_or(|end| to <= *end), "{thread:?}: {from} to {to} overlaps");
                open.push(to);
            }
        }
    }
}

#[test]
fn every_flow_is_bound_at_both_ends_and_goes_forward() {
    let mut kinds = BTreeSet::new();
    for history in histories() {
        let events = events(&history);
        let mut flows: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        for slice in of_kind(&events, "X") {
            if let Some(id) = slice["bind_id"].as_str() {
                flows.entry(id.to_owned()).or_default().push(slice);
            }
        }
        for (id, slices) in flows {
            let ways: Vec<(bool, bool)> = slices
                .iter()
                .map(|slice| (slice["flow_in"] == Value::Bool(true), slice["flow_out"] == Value::Bool(true)))
                .collect();
            let mut right = vec![(true, true); slices.len()];
            right[0] = (false, true);
            *right.last_mut().expect("a flow has slices") = (true, false);
            assert!(slices.len() >= 2, "flow {id} has one end");
            assert_eq!(ways, right, "flow {id}");
            assert!(slices.is_sorted_by_key(|slice| ns(&slice["ts"])), "flow {id} goes back in time");
            let kind = |slice: &Value| slice["cat"].as_str().expect("a kind").to_owned();
            kinds.insert((kind(slices[0]), kind(slices[slices.len() - 1])));
        }
    }
    let from_to = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert!(kinds.contains(&from_to("request", "answer")), "{kinds:?}");
    assert!(kinds.contains(&from_to("call", "run")), "{kinds:?}");
}

/// The example of HISTORY.md: the names, the places, and what is counted.
#[test]
fn the_example_of_the_format_is_a_process_a_machine_and_a_thread_an_object() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../model/HISTORY.md"));
    let document = document.expect("the document is there");
    let (_, rest) = document.split_once("```jsonl\n").expect("the document has an example");
    let (lines, _) = rest.split_once("```").expect("the example has an end");
    let reader = Reader::new(lines.as_bytes()).expect("it has a header");
    let header = reader.header().clone();
    let events_of = reader.map(|event| event.expect("it reads well")).collect();
    let events = events(&History { header, events: events_of });
    let named = |what: &str| -> Vec<String> {
        let all = of_kind(&events, "M").into_iter().filter(|event| event["name"] == what);
        all.map(|event| event["args"]["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(named("process_name"), ["world", "clients", "machine 0 (dc 0)"]);
    assert_eq!(named("thread_name"), ["phases", "requests", "Keeper/a", "Keeper/a: turns"]);
    let slices: Vec<(&str, u64, u64)> = of_kind(&events, "X")
        .into_iter()
        .map(|slice| (slice["name"].as_str().expect("a name"), ns(&slice["ts"]), ns(&slice["dur"])))
        .collect();
    assert!(slices.contains(&("request 1 to Keeper/a", 1_000_000_000, 6_000_000)), "{slices:?}");
    assert!(slices.contains(&("instance 1", 1_001_000_000, 7_999_000_000)), "{slices:?}");
    assert!(slices.contains(&("alarm()", 3_002_000_000, 0)), "{slices:?}");
    let counted: Vec<(u64, i64)> = of_kind(&events, "C")
        .into_iter()
        .filter(|event| event["name"] == "objects with an alarm")
        .map(|event| (ns(&event["ts"]), event["args"]["objects with an alarm"].as_i64().expect("a count")))
        .collect();
    assert_eq!(counted, [(1_001_000_000, 1), (3_002_000_000, 0)]);
}
