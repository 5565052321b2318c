//! `timeline`: the page of a run, whole or not there, and small enough to be sent to somebody.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use reveille_sim::run::Outcome;

/// How large the page of a run of 30,000 events may be.
const BYTES_MAX: u64 = 2 << 20;
const EVENTS: u64 = 30_000;

fn reveille(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reveille")).args(arguments).output().expect("the binary can be started")
}

fn page(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("timeline");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder.join(name)
}

#[test]
fn a_run_of_30_000_events_fits_into_two_megabytes() {
    let scenario = scenarios::catalogue().get("batcher-docs").expect("it is one of ours").clone();
    let outcome: Outcome = scenario.run(&scenario.plan(2));
    let events = outcome.history.events.len() as u64;
    let page = page("size.html");
    let path = page.to_str().expect("a path of the target folder is text");
    let output = reveille(&["timeline", "batcher-docs", "2", "--out", path]);
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("it opens on "), "{told}");
    let bytes = fs::metadata(&page).expect("it is written").len();
    assert!(bytes * EVENTS / events < BYTES_MAX, "{bytes} bytes for {events} events");
}

#[test]
fn what_cannot_be_shown_is_one_error_and_leaves_what_was_there() {
    let (page, plan) = (page("kept.html"), page("no-plan.json"));
    fs::write(&page, "what was there").expect("the target folder can be written");
    fs::write(&plan, "{}").expect("the target folder can be written");
    let path = page.to_str().expect("a path of the target folder is text");
    let plan = plan.to_str().expect("a path of the target folder is text");
    for what in [&["batcher-docs"][..], &["nobody", "1"], &["nowhere.jsonl"], &[plan], &["cron", "x"]] {
        let output = reveille(&[&["timeline", "--out", path], what].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{what:?}: {error}");
        assert!(error.starts_with("error: ") && error.lines().count() <= 2, "{what:?}: {error}");
        assert_eq!(fs::read_to_string(&page).expect("it is there"), "what was there");
    }
}
