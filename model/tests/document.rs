//! HISTORY.md and history.schema.json say what the reader reads.

mod cases;

use std::collections::BTreeSet;

use reveille_model::history::{Constants, Header, VERSION};
use reveille_model::jsonl::{self, Problem, Reader};
use reveille_model::verdict::{Coverage, RuleId, Verdict};
use reveille_model::{Checker, Profile};
use serde_json::Value;

const DOCUMENT: &str = include_str!("../HISTORY.md");
const SCHEMA: &str = include_str!("../history.schema.json");

/// The example, line by line.
fn example() -> Vec<&'static str> {
    let (_, from) = DOCUMENT.split_once("```jsonl\n").expect("there is an example");
    let (example, _) = from.split_once("```").expect("the example has an end");
    example.lines().collect()
}

fn check(file: &[u8]) -> Verdict {
    let mut reader = Reader::new(file).expect("it has a header");
    let mut checker = Checker::new(reader.header(), Profile::Strict);
    for (index, event) in reader.by_ref().enumerate() {
        checker.observe(index, &event.expect("it is an event"));
    }
    checker.finish()
}

fn broken(lines: &[&str]) -> Vec<&'static str> {
    let verdict = check(lines.join("\n").as_bytes());
    verdict.violations.iter().map(|violation| violation.rule.0).collect()
}

fn position(lines: &[&str], event: &str) -> usize {
    let event = format!(r#""event":"{event}""#);
    lines.iter().position(|line| line.contains(&event)).expect("the example has this event")
}

#[test]
fn the_example_breaks_no_promise() {
    let verdict = check(example().join("\n").as_bytes());
    assert_eq!(verdict.violations, []);
    for rule in ["O5", "F1", "F2", "F4"] {
        let coverage = &verdict.coverage[&RuleId(rule)];
        assert!(matches!(coverage, Coverage::Judged { .. }), "{rule}: {coverage:?}");
    }
}

#[test]
fn the_example_is_refused_in_the_ways_that_the_document_names() {
    let mut lines = example();
    let (commit, respond) = (position(&lines, "commit"), position(&lines, "respond"));
    lines.swap(commit, respond);
    assert_eq!(broken(&lines), ["O5"]);

    let mut lines = example();
    let (run_start, at_rest) = (position(&lines, "run_start"), position(&lines, "at_rest"));
    lines.drain(run_start..at_rest);
    let alarm = r#""keys":{"list":"three eggs"},"alarm":{"scheduled_ms":1700000003000,"retry_count":0}}"#;
    let rest = lines[run_start].replace(r#""keys":{"list":"three eggs"}}"#, alarm);
    assert_eq!(broken(&lines), ["F1"], "the datastore has lost it");
    lines[run_start] = &rest;
    let end = lines[run_start + 1].replace("9000000000", "200000000000");
    lines[run_start + 1] = &end;
    assert_eq!(broken(&lines), ["F1"], "the datastore still holds it long after its time");
}

#[test]
fn the_schema_is_that_of_the_types() {
    let schema = format!("{:#}\n", jsonl::schema());
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/history.schema.json");
    std::fs::write(path, &schema).expect("it can be written");
    assert!(
        schema == SCHEMA,
        "model/history.schema.json is not that of the types any more; they have {path}"
    );
}

/// What the schema says that `field` may be, anywhere in it.
fn words(schema: &Value, field: &str, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            let word = map.get("properties").and_then(|properties| properties.get(field)?.get("const"));
            found.extend(word.and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| words(value, field, found));
        }
        Value::Array(list) => list.iter().for_each(|value| words(value, field, found)),
        _ => {}
    }
}

/// The fields that the schema knows, anywhere in it.
fn fields(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                found.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| fields(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| fields(value, found)),
        _ => {}
    }
}

#[test]
fn reader_schema_and_document_know_the_same_events_and_calls() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("it is JSON");
    for field in ["event", "call"] {
        let mut known = BTreeSet::new();
        words(&schema, field, &mut known);
        assert!(known.len() > 10, "{known:?}");
        let expected = expected(field);
        assert_eq!(expected.split(", ").map(str::to_owned).collect::<BTreeSet<_>>(), known);
        for word in known {
            assert!(DOCUMENT.contains(&format!("`{word}`")), "HISTORY.md does not name the {field} `{word}`");
        }
    }
}

/// The names that the reader says it expects.
fn expected(field: &str) -> &'static str {
    let op =
        r#""object":"C/a","instance":1,"epoch":1,"seq":0,"turn":0,"event":"op","op":1,"call":"nothing"}"#;
    let line = if field == "event" { r#""event":"nothing"}"# } else { op };
    let file = format!("{}\n{{\"at_ns\":0,{line}\n", example()[0]);
    let mut reader = Reader::new(file.as_bytes()).expect("it has a header");
    match reader.next().expect("there is a line").expect_err("there is no such name").problem {
        Problem::Unknown { expected, .. } => expected,
        other => panic!("{other}"),
    }
}

#[test]
fn the_document_names_every_field() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("it is JSON");
    let mut known = BTreeSet::new();
    fields(&schema, &mut known);
    assert!(known.len() > 60, "{known:?}");
    for field in known {
        let (code, json) = (format!("`{field}`"), format!("\"{field}\""));
        assert!(DOCUMENT.contains(&code) || DOCUMENT.contains(&json), "HISTORY.md does not name `{field}`");
    }
}

#[test]
fn the_constants_are_those_of_the_contract() {
    let Constants { retry_start_ms, retries_max, lateness_one_failure_ms, .. } =
        Constants::of_the_contract(0, 0);
    let reader = Reader::new(example()[0].as_bytes()).expect("it is a header");
    assert_eq!(
        *reader.header(),
        Header { constants: Constants::of_the_contract(0, 0), ..reader.header().clone() }
    );
    assert_eq!(reader.header().version, VERSION);
    for (name, value) in
        [("retry_start_ms", "2,000"), ("retries_max", "6"), ("lateness_one_failure_ms", "30,000")]
    {
        assert!(DOCUMENT.contains(&format!("| `{name}` | {value} |")), "{name}");
    }
    assert_eq!((retry_start_ms, retries_max, lateness_one_failure_ms), (2_000, 6, 30_000));
}

#[test]
fn every_history_of_the_registry_is_judged_alike_from_a_file() {
    let mut failures = Vec::new();
    for case in cases::all() {
        for (which, tale) in [("refused", &case.refused), ("accepted", &case.accepted)] {
            let mut file = Vec::new();
            let header = tale.header();
            jsonl::write(&header, tale.events(), &mut file).expect("a vector takes everything");
            let mut reader = Reader::new(file.as_slice()).expect("it has a header");
            if let Some(malformed) = reader.find_map(Result::err) {
                failures.push(format!("{}, {}, {which}: {malformed}", case.rule, case.name));
                continue;
            }
            if check(&file) != tale.verdict() {
                failures.push(format!("{}, {}, {which}: another verdict", case.rule, case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The example with every line that contains `what` edited; none is left out if nothing is put in its place.
fn edited(what: &str, edit: impl Fn(&str) -> String) -> Vec<String> {
    let lines = example();
    assert!(lines.iter().any(|line| line.contains(what)), "the example has {what}");
    let edited = lines.into_iter().map(|line| if line.contains(what) { edit(line) } else { line.to_owned() });
    edited.filter(|line| !line.is_empty()).collect()
}

fn broken_in(lines: &[String]) -> Vec<&'static str> {
    broken(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

/// "Questions of a writer": what may be left out, and what a number may be.
#[test]
fn the_answers_to_a_writer_hold() {
    let clean: [&str; 0] = [];
    assert_eq!(broken_in(&edited("instance_start", |line| line.replace(r#","cause":"request""#, ""))), clean);
    assert_eq!(broken_in(&edited("three eggs", |line| line.replace("three eggs", ""))), clean);
    assert_eq!(broken_in(&edited("at_rest", |_| String::new())), clean, "an end needs no at_rest");
    let keys = edited("at_rest", |line| line.replace(r#""list":"three eggs""#, ""));
    assert_eq!(broken_in(&keys), ["S3"], "one at_rest tells all");
    // A bad time is refused; what would have been stored is then whatever the writer puts.
    let refused = edited(r#""op":2"#, |line| {
        let line = line.replace(
            r#""time_ms":1700000003000,"scheduled_ms":1700000003000"#,
            r#""time_ms":-7,"scheduled_ms":-7"#,
        );
        line.replace(r#""result":"done""#, r#""result":{"error":"a time below zero"}"#)
    });
    let refused: Vec<String> = refused.into_iter().filter(|line| !line.contains(r#""turn":3"#)).collect();
    assert_eq!(broken_in(&refused), clean);
    let gaps = edited(r#""seq":7"#, |line| line.replace(r#""seq":7"#, r#""seq":700"#));
    let gaps: Vec<String> = gaps
        .iter()
        .map(|line| line.replace(r#""seq":8,"turn":3"#, r#""seq":800,"turn":3"#))
        .map(|line| line.replace(r#""seq":9,"turn":3"#, r#""seq":900,"turn":3"#))
        .collect();
    assert_eq!(broken_in(&gaps), clean);
}

#[test]
fn numbers_are_whole_and_exact() {
    let read = |lines: Vec<String>| {
        let file = lines.join("\n");
        let mut reader = Reader::new(file.as_bytes()).expect("it has a header");
        reader.by_ref().collect::<Result<Vec<_>, _>>()
    };
    let exact = read(edited("run_start", |line| line.replace("1700000003002000000", "1700000003002000001")));
    let shown = exact.expect("it is a history").into_iter().find_map(|event| {
        matches!(event.what, reveille_model::history::What::RunStart { .. }).then_some(event.place?.wall_ns)
    });
    assert_eq!(shown, Some(1_700_000_003_002_000_001), "beyond 2^53 every digit counts");
    for float in ["1.7e18", "1700000003002000000.0"] {
        let refused = read(edited("run_start", |line| line.replace("1700000003002000000", float)));
        let refused = refused.expect_err("it is not whole").to_string();
        assert!(refused.contains("floating point"), "{refused}");
    }
}
