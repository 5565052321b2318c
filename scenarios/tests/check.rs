//! `reveille check`, and the histories that `explore` keeps for it.

use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use reveille::check::check;
use reveille::histories::Keep;
use reveille::scenario::Scenario;
use reveille_model::Profile;
use reveille_model::history::{History, OpResult, What};
use reveille_sim::run;

/// A folder for one test.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("what an earlier test left can be removed");
    }
    folder
}

fn reveille(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reveille")).args(arguments).output().expect("the binary can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn name(path: &Path) -> &str {
    path.to_str().expect("the names of our files are text")
}

/// The history of a run; if asked, one that breaks a promise: a read that gave a value gives another.
fn history(scenario: &Scenario, seed: u64, is_broken: bool) -> History {
    let mut history = run::run(&scenario.plan(seed), &scenario.code).history;
    let read = history.events.iter_mut().find_map(|event| match &mut event.what {
        What::OpResult { result: OpResult::Value(value), .. } => Some(value),
        _ => None,
    });
    if is_broken {
        *read.expect("the objects of this scenario read") = Some("never written".into());
    }
    history
}

/// Wherever its lines are broken.
fn in_a_line(bytes: &[u8]) -> String {
    text(bytes).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_file_has_the_verdict_of_its_run() {
    let keep = Keep::new(&folder("verdicts")).expect("the folder can be made");
    let mut refused = 0;
    for scenario in scenarios::catalogue().all() {
        let seed = 3;
        for is_broken in [false, scenario.name == "retry-info"] {
            let history = history(scenario, seed, is_broken);
            keep.write(scenario.name, seed, &history).expect("it can be written");
            let file = File::open(keep.path(scenario.name, seed)).expect("it was written");
            let checked = check(BufReader::new(file), Profile::Strict, |_| {}).expect("it is a history");
            let verdict = reveille_model::check(&history, Profile::Strict);
            assert_eq!(checked.verdict, verdict, "{}", scenario.name);
            assert_eq!(checked.events, history.events.len());
            refused += usize::from(!verdict.is_clean());
        }
    }
    assert_eq!(refused, 1);
}

#[test]
fn explore_keeps_a_history_of_each_run() {
    let folder = folder("explore");
    let kept = name(&folder);
    let output = reveille(&["explore", "batcher", "cron", "--seeds", "2..4", "--keep-histories", kept]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("4 histories are kept in"), "{}", text(&output.stdout));
    let mut files: Vec<String> = fs::read_dir(&folder)
        .expect("the folder was made")
        .map(|file| file.expect("it can be read").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    assert_eq!(files, ["batcher-2.jsonl", "batcher-3.jsonl", "cron-2.jsonl", "cron-3.jsonl"]);
    for file in files {
        let checked = reveille(&["check", name(&folder.join(&file))]);
        assert_eq!(checked.status.code(), Some(0), "{file}: {}", text(&checked.stdout));
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_ends_the_campaign() {
    let folder = folder("unwritable");
    fs::create_dir_all(folder.join("batcher-0.jsonl")).expect("a folder can be made where a file is to be");
    let output = reveille(&["explore", "batcher", "--seeds", "0..1", "--keep-histories", name(&folder)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("batcher-0.jsonl cannot be written"), "{}", text(&output.stderr));
}

#[test]
fn a_broken_promise_is_told_with_its_lines() {
    let keep = Keep::new(&folder("broken")).expect("the folder can be made");
    let scenario = scenarios::catalogue().get("retry-info").expect("it is one of ours").clone();
    let history = history(&scenario, 3, true);
    keep.write(scenario.name, 3, &history).expect("it can be written");
    let path = keep.path(scenario.name, 3);
    let violation = reveille_model::check(&history, Profile::Strict).violations.remove(0);
    let lines: Vec<usize> = violation.evidence.iter().map(|index| index + 2).collect();

    let output = reveille(&["check", name(&path)]);
    assert_eq!(output.status.code(), Some(1));
    let told = in_a_line(&output.stdout);
    let numbers: Vec<String> = lines.iter().map(usize::to_string).collect();
    assert!(told.contains(&format!("lines {}", numbers.join(", "))), "{told}");
    assert!(told.contains(&format!("BROKEN: {}", violation.rule)), "{told}");
    let file = fs::read_to_string(&path).expect("it was written");
    let spoilt = file.lines().position(|line| line.contains("never written")).expect("one is spoilt") + 1;
    assert!(lines.contains(&spoilt), "what is wrong, line {spoilt}, is among the lines {lines:?}");
    assert_eq!(violation.at_ns, history.events[spoilt - 2].at_ns, "it breaks there");
    let behind = lines.iter().filter(|line| **line > spoilt).count();
    assert!(behind <= 1, "behind it only what shows that the write was not lost: {lines:?}");

    let output = reveille(&["check", "--json", name(&path)]);
    assert_eq!(output.status.code(), Some(1));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(told["clean"], false);
    assert_eq!(told["violations"][0]["rule"], violation.rule.0);
    assert_eq!(told["violations"][0]["lines"], serde_json::json!(lines));
    assert_eq!(told["events"], history.events.len());
    assert_eq!(told["profile"], "strict");
    assert_eq!(told["coverage"].as_object().map(serde_json::Map::len), Some(reveille_model::RULES.len()));
}

#[test]
fn what_was_not_checked_is_said_with_the_reason() {
    let folder = folder("coverage");
    fs::create_dir_all(&folder).expect("the folder can be made");
    let path = folder.join("little.jsonl");
    let scenario = scenarios::catalogue().get("cron").expect("it is one of ours").clone();
    let mut history = history(&scenario, 3, false);
    history.header.alarm_classes = None;
    history.events.retain(|event| matches!(event.what, What::Call { .. }));
    let file = File::create(&path).expect("it can be made");
    reveille_model::jsonl::write(&history.header, &history.events, file).expect("it can be written");
    for profile in ["strict", "workerd"] {
        let output = reveille(&["check", name(&path), "--profile", profile]);
        let told = in_a_line(&output.stdout);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("Nothing was judged: the history has no run of alarm()"), "{told}");
        let none = format!("Profile {profile}: 0 of {} rules", reveille_model::RULES.len());
        assert!(told.contains(&none), "{told}");
        assert!(told.contains("A8: the header's `alarm_classes` does not say"), "{told}");
        assert!(told.contains(": no `op` says what object code called."), "{told}");
        assert!(told.contains("does not tell that the run is over"), "{told}");
    }
    assert_eq!(reveille(&["check", name(&path), "--profile", "lax"]).status.code(), Some(2));
}

#[test]
fn a_history_can_come_on_standard_input() {
    let mut file = Vec::new();
    let scenario = scenarios::catalogue().get("cron").expect("it is one of ours").clone();
    let history = history(&scenario, 3, false);
    reveille_model::jsonl::write(&history.header, &history.events, &mut file).expect("it can be written");
    for (bytes, expected) in [(&file[..], 0), (&file[..file.len() - 9], 2), (&[], 2)] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_reveille"))
            .args(["check", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        child.stdin.take().expect("it is piped").write_all(bytes).expect("it reads all");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(expected), "{}", text(&output.stderr));
        assert_eq!(output.stdout.is_empty(), expected == 2);
    }
}

#[test]
fn what_is_no_history_is_one_clear_error_and_exit_code_2() {
    let folder = folder("malformed");
    fs::create_dir_all(&folder).expect("the folder can be made");
    let path = folder.join("notes.txt");
    fs::write(&path, "Dear diary,\n").expect("it can be written");
    let cases = [
        (name(&path), "notes.txt: line 1: plain text, not JSON"),
        (name(&folder), "has no file that ends in .jsonl"),
        ("/nowhere/at/all", "/nowhere/at/all cannot be read"),
    ];
    for (path, expected) in cases {
        let output = reveille(&["check", path]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
    let output = reveille(&["check", "--json", name(&path)]);
    assert_eq!(output.status.code(), Some(2));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(told["malformed"]["line"], 1);
}

/// Of a folder and a file: each is told, and the worst decides; for machines they are one object.
#[test]
fn several_histories_are_checked_one_after_the_other() {
    let folder = folder("several");
    fs::create_dir_all(&folder).expect("the folder can be made");
    let scenario = scenarios::catalogue().get("cron").expect("it is one of ours").clone();
    let clean = history(&scenario, 3, false);
    for file in ["b.jsonl", "a.jsonl"] {
        let file = File::create(folder.join(file)).expect("it can be made");
        reveille_model::jsonl::write(&clean.header, &clean.events, file).expect("it can be written");
    }
    fs::write(folder.join("notes.txt"), "Dear diary,\n").expect("it can be written");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/histories");
    let broken = kept.join("an-alarm-runs-again-right-after-its-good-end.jsonl");
    let output = reveille(&["check", name(&folder)]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    let first = told.find("a.jsonl: ").expect("the first by name");
    assert!(told.find("b.jsonl: ").is_some_and(|second| first < second), "{told}");
    let output =
        reveille(&["check", "--json", name(&folder), name(&broken), name(&folder.join("notes.txt"))]);
    assert_eq!(output.status.code(), Some(1), "broken goes before not to be read");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let all = told["histories"].as_array().expect("several");
    assert_eq!(
        all.iter().map(|one| one["clean"].as_bool()).collect::<Vec<_>>(),
        [Some(true), Some(true), Some(false), None]
    );
}

/// A file that is still being written: what is broken is told before its end is there, and the end gives the verdict.
#[test]
fn a_history_that_grows_is_followed_and_told_at_once() {
    let folder = folder("growing");
    fs::create_dir_all(&folder).expect("the folder can be made");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/histories");
    let whole = fs::read_to_string(kept.join("an-alarm-runs-again-right-after-its-good-end.jsonl"));
    let whole = whole.expect("it is kept");
    let (begun, end) = (whole.trim_end(), r#"{"at_ns":6000000000,"event":"phase","phase":"end"}"#);
    let path = folder.join("growing.jsonl");
    fs::write(&path, format!("{begun}\n{}", &end[..9])).expect("it can be written");
    let mut child = Command::new(env!("CARGO_BIN_EXE_reveille"))
        .args(["check", "--follow", name(&path)])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    let mut told = std::io::BufReader::new(child.stdout.take().expect("it is piped"));
    let mut first = String::new();
    std::io::BufRead::read_line(&mut told, &mut first).expect("something is told");
    assert!(first.starts_with("BROKEN: F4 "), "{first}");
    assert!(child.try_wait().expect("it can be asked").is_none(), "it waits for more");
    let mut file = fs::OpenOptions::new().append(true).open(&path).expect("it is there");
    file.write_all(format!("{}\n", &end[9..]).as_bytes()).expect("it can be written");
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut told, &mut rest).expect("the verdict is text");
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    assert!(rest.contains("Profile strict: "), "{rest}");
}
