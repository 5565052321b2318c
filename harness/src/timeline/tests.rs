use std::fs;
use std::io::Read;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use reveille_model::history::What;
use reveille_model::jsonl;
use serde_json::Value;

use super::*;
use crate::source::Source;

/// What the page says and carries: its data, line by line.
fn data(shown: &Shown) -> Vec<Value> {
    let mut page = Vec::new();
    shown.write_html(&mut page).expect("memory takes it");
    let page = String::from_utf8(page).expect("a page is text");
    let (_, rest) = page.split_once("id=\"data\">").expect("the page has data");
    let (packed, _) = rest.split_once('<').expect("the data has an end");
    let mut lines = String::new();
    let bytes = STANDARD.decode(packed).expect("it is base64");
    GzDecoder::new(&bytes[..]).read_to_string(&mut lines).expect("it is gzip of text");
    lines.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn kept(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../model/tests/histories").join(name)
}

#[test]
fn a_history_of_any_writer_is_shown_with_what_it_breaks() {
    let path = kept("an-alarm-runs-again-right-after-its-good-end.jsonl");
    let shown = Shown::of_file(&path, Profile::Strict).expect("it is a history");
    assert!(shown.opens_on().starts_with("it opens on F4 by "), "{}", shown.opens_on());
    let data = data(&shown);
    let lines: Vec<Value> = fs::read_to_string(&path)
        .expect("it is there")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect();
    assert_eq!(data.len(), lines.len() + 1, "the head, and the history as it is");
    assert_eq!(data[1]["product"], lines[0]["product"]);
    assert_eq!(
        data[2..].iter().map(|event| &event["event"]).collect::<Vec<_>>(),
        lines[1..].iter().map(|event| &event["event"]).collect::<Vec<_>>()
    );
    let head = &data[0];
    assert_eq!((&head["format"], &head["open"]), (&1.into(), &0.into()));
    assert_eq!(head["verdict"], "BROKEN: F4");
    assert!(head["findings"][0]["evidence"].as_array().is_some_and(|evidence| !evidence.is_empty()));
    assert!(head.get("note").is_none());
}

#[test]
fn a_run_that_is_clean_is_shown_too() {
    let ticker = std::sync::Arc::new(crate::example::ticker());
    let source = Source::of_seed(&ticker, 0);
    let outcome = ticker.run(&source.plan);
    let mut written = Vec::new();
    jsonl::write(&outcome.history.header, &outcome.history.events, &mut written).expect("memory takes it");
    let shown = Shown::of_run(source.title(), "replay it".to_owned(), None, &outcome).expect("it has events");
    let data = data(&shown);
    assert_eq!(data[0]["verdict"], "no promise was broken");
    assert_eq!(data[0]["command"], "replay it");
    let lines: Vec<Value> = written
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("JSON"))
        .collect();
    assert_eq!(data[1..], lines, "the history, line by line");
}

/// Of two findings one is proved outside the window: it is only counted, and the page opens on the other, wherever that stands.
#[test]
fn a_finding_whose_evidence_is_not_shown_is_only_counted() {
    let path = kept("an-alarm-runs-again-right-after-its-good-end.jsonl");
    let reader =
        Reader::new(BufReader::new(File::open(&path).expect("it is there"))).expect("it has a header");
    let header = reader.header().clone();
    let events: Vec<Event> = reader.map(|event| event.expect("it reads well")).collect();
    let count = events.len();
    let over = events.iter().position(|event| matches!(event.what, What::OpResult { .. }));
    let over = over.expect("object code has made a call");
    let told = |rule: &str, evidence: Vec<usize>| Told {
        rule: rule.to_owned(),
        object: None,
        at_ns: 0,
        sentences: String::new(),
        evidence,
    };
    let findings = vec![told("O1", vec![over]), told("F4", vec![count - 2, count - 1])];
    let window = Window::around(&findings[1].evidence, count, 3);
    let Ok(shown) = window.of(events.into_iter().map(Ok::<_, std::convert::Infallible>));
    let last = shown.0.len() - 1;
    let checked =
        check::check(BufReader::new(File::open(&path).expect("it is there")), Profile::Strict, |_| {});
    let verdict = checked.expect("it is a history").verdict;
    let said = Said { title: String::new(), command: String::new(), verdict: &verdict };
    let head = Shown::new(said, header, findings, 1, window, shown).head;
    assert_eq!(head.findings.iter().map(|told| &*told.rule).collect::<Vec<_>>(), ["F4"]);
    assert_eq!(head.findings[0].evidence, [last - 1, last]);
    assert_eq!((head.open, head.more.get("O1")), (0, Some(&1)));
    assert!(head.note.is_some());
}

#[test]
fn what_is_no_history_is_refused_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("other.jsonl");
    let error = |path: &std::path::Path| {
        format!("{:#}", Shown::of_file(path, Profile::Strict).expect_err("it is refused"))
    };
    assert!(error(&path).contains("other.jsonl cannot be read"));
    fs::write(&path, "{}\n").expect("it can be written");
    assert!(error(&path).contains("other.jsonl: line 1"), "{}", error(&path));
    assert!(error(folder.path()).contains("is not a file"));
}
