//! Each exit code of each command, as `docs/exit-codes.md` lists them. The rows that are tried stand in the names of the tries, and
//! are held against the document.

#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use reveille_model::build;
use reveille_model::history::Header;
use reveille_sim::plan::Plan;

const DOCUMENT: &str = include_str!("../../docs/exit-codes.md");

/// A row of the document: command, code, and how its sentence begins.
type Row = (&'static str, i32, &'static str);

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exit-codes").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("an earlier run of this test left it");
    }
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

fn command(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reveille"));
    command.args(line.split(' '));
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn ends(line: &str, code: i32) -> Output {
    let output = command(line).output().expect("the binary can be started");
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{line}\n{out}\n{error}");
    output
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of the target folder is text")
}

/// A small bundle that is kept in this repository.
fn kept(name: &str) -> PathBuf {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../snapshots/regressions/batcher-docs");
    all.join(name)
}

fn erased() -> String {
    path(&kept("erased-by-delete-all")).to_owned()
}

/// The example of model/HISTORY.md, and what is asked of it.
fn history(name: &str, edit: impl FnOnce(String) -> String) -> String {
    let document = include_str!("../../model/HISTORY.md");
    let (_, from) = document.split_once("```jsonl\n").expect("there is an example");
    let (example, _) = from.split_once("```").expect("the example has an end");
    let file = folder(name).join("history.jsonl");
    fs::write(&file, edit(example.to_owned())).expect("the target folder can be written");
    path(&file).to_owned()
}

/// Waits until a process hears interrupts.
fn hears(process: &Child) {
    let status = format!("/proc/{}/status", process.id());
    let begun = Instant::now();
    let hears = || {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        // Signal 2 is SIGINT.
        caught.is_some_and(|mask| mask & (1 << 1) != 0)
    };
    while !hears() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not hear interrupts");
        thread::sleep(Duration::from_millis(1));
    }
}

fn send(signal: &str, process: &Child) {
    let sent = Command::new("kill").args(["-s", signal, &process.id().to_string()]).status();
    assert!(sent.expect("every Unix has it").success());
}

fn start(line: &str) -> Child {
    let mut command = command(line);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let process = command.spawn().expect("the binary can be started");
    hears(&process);
    process
}

#[track_caller]
fn ended(process: Child, code: i32) -> String {
    let output = process.wait_with_output().expect("it ends");
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{error}");
    error
}

/// Every try: the row that it is one of, and what tries it.
const TRIES: &[(Row, fn())] = &[
    (("`list`", 0, "the scenarios"), || _ = ends("list", 0)),
    (("`explore`", 0, "every scenario met"), || _ = ends("explore batcher --seeds 0..1", 0)),
    (("`explore`", 1, "a scenario did not"), || _ = ends("explore batcher-docs --seeds 2..3", 1)),
    (("`explore`", 2, "a scenario has had no run"), || {
        let output = ends("explore batcher --for 0s", 2);
        assert!(text(&output.stderr).contains("nothing was judged"));
    }),
    (("`explore`", 130, "interrupted before"), || {
        let campaign =
            start("explore batcher cron alarm-example retry-info failover sweep scripted --jobs 1");
        send("INT", &campaign);
        assert!(ended(campaign, 130).contains("nothing was judged"));
    }),
    (("`plan`", 0, "the plan"), || _ = ends("plan cron 1", 0)),
    (("`replay`", 0, "no promise was broken"), || _ = ends("replay batcher 0", 0)),
    (("`replay`", 1, "a promise was broken"), || _ = ends(&format!("replay {}", erased()), 1)),
    (("`replay`", 1, "the plan of a bundle no longer"), no_longer_reached),
    (("`replay`", 2, "nothing was judged"), || {
        let output = ends("replay batcher 0 --until 1ms", 2);
        assert!(text(&output.stdout).contains("Nothing was judged"), "{}", text(&output.stdout));
    }),
    (("`timeline`", 0, "the page is written"), || {
        let page = folder("page").join("page.html");
        ends(&format!("timeline {} --out {}", erased(), path(&page)), 0);
        assert!(fs::metadata(&page).expect("it is written").len() > 100_000);
    }),
    (("`timeline`", 2, "what is named"), || {
        let page = folder("no-page").join("page.html");
        let output = ends(&format!("timeline nowhere.jsonl --out {}", path(&page)), 2);
        assert_eq!(text(&output.stderr).lines().count(), 1, "one error");
        assert!(!page.exists());
    }),
    (("`shrink`", 0, "the smallest plan"), || _ = ends(&format!("shrink {}", erased()), 0)),
    (("`shrink`", 2, "the run breaks no promise"), || _ = ends("shrink batcher 1", 2)),
    (("`keep`", 0, "the regression is kept"), || keep(&["batcher", "1", "clean", "--once-broke", "F1"], 0)),
    (("`keep`", 2, "the run breaks no promise"), || keep(&["batcher", "1", "clean"], 2)),
    (("`check`", 0, "no rule was broken"), || _ = ends(&format!("check {}", history("0", |it| it)), 0)),
    (("`check`", 1, "a rule was broken"), || {
        let late = |it: String| it.replace("\"retry_count\":0", "\"retry_count\":3");
        _ = ends(&format!("check {}", history("1", late)), 1);
    }),
    (("`check`", 2, "the input is not a history"), || {
        _ = ends(&format!("check {}", history("2", |it| format!("[{it}]"))), 2);
    }),
    (("`check`", 2, "nothing was judged"), || {
        let header = |it: String| it.lines().next().expect("the header is there").to_owned();
        let output = ends(&format!("check {}", history("header", header)), 2);
        assert!(text(&output.stdout).contains("Nothing was judged"), "{}", text(&output.stdout));
    }),
    (("`check`", 2, "a rule that `--require`"), || {
        let file = history("require", |it| it);
        ends(&format!("check {file} --require F1,F2"), 0);
        let output = ends(&format!("check {file} --require F1,R2,D5"), 2);
        assert!(text(&output.stdout).contains("Required and not judged: R2, D5."));
        let json = ends(&format!("check {file} --json --require R2"), 2);
        let told: serde_json::Value = serde_json::from_slice(&json.stdout).expect("it is JSON");
        assert_eq!(told["required_and_not_judged"], serde_json::json!(["R2"]));
        let output = ends(&format!("check {file} --require F99"), 2);
        assert!(text(&output.stderr).contains("there is no rule \"F99\"; there are: O1"));
    }),
    (("`check`", 130, "interrupted"), || {
        let mut check = start("check -");
        // It waits for more: a closed input would end it too.
        let input = check.stdin.take();
        send("TERM", &check);
        assert_eq!(ended(check, 130), "stopped: there is no verdict\n");
        drop(input);
    }),
    // Our objects are there to give the rules of the contract occasions, and each makes calls that no promise looks at. One of which
    // all are missed is tried in the library (`teeth/tests.rs`).
    (("`teeth`", 0, "each change"), || ()),
    (("`teeth`", 1, "a change was noticed by nobody"), || {
        let output = ends("teeth cron --seeds 0..2", 1);
        assert!(text(&output.stdout).contains("NOBODY NOTICED"), "{}", text(&output.stdout));
    }),
    (("`teeth`", 2, "the object breaks"), || {
        let output = ends("teeth batcher-docs --seeds 0..2", 2);
        assert!(text(&output.stderr).contains("as it is"), "{}", text(&output.stderr));
    }),
    (("`teeth`", 130, "interrupted before"), || {
        let teeth = start("teeth scripted --seeds 0..100000");
        send("INT", &teeth);
        assert!(ended(teeth, 130).contains("nothing was tried"));
    }),
    (("`new`, `init`", 0, "the crate"), || {
        // Not in the target folder, which is in the workspace of this crate.
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let begin = |words: &[&str], within: &str, code: i32| {
            let begun = Command::new(env!("CARGO_BIN_EXE_reveille"))
                .args(words)
                .current_dir(folder.path().join(within))
                .output();
            let begun = begun.expect("the binary can be started");
            assert_eq!(begun.status.code(), Some(code), "{words:?}: {}", text(&begun.stderr));
        };
        begin(&["new", "jobs"], "", 0);
        begin(&["init"], "jobs", 0);
        begin(&["new", "jobs"], "", 2);
        begin(&["init"], "jobs", 2);
    }),
    // Beside the row above.
    (("`new`, `init`", 2, "something is in the way"), || ()),
    (("`completions`, `man`", 0, "what a shell asks for"), || {
        ends("completions zsh", 0);
        ends(&format!("man {}", path(&folder("man"))), 0);
    }),
    (("`bench`", 0, "the figures"), || {
        let output = ends("bench --seeds 2", 0);
        assert!(text(&output.stdout).contains("judged from 20 runs on; these are 2"));
    }),
    // What a run does too little of is a constant of this build: `bench.rs` tries it.
    (("`bench`", 1, "the runs do too little"), || ()),
    (("`bench`", 130, "interrupted before"), || {
        let bench = start("bench");
        send("TERM", &bench);
        assert_eq!(ended(bench, 130), "stopped: no run was measured\n");
    }),
    // `supervise.rs` kills such processes.
    (("`explore`, `shrink`, `keep`, `teeth`", 1, "the process that did"), || ()),
    (("`explore`, `shrink`, `keep`, `teeth`, `bench`", 130, "interrupted a second time"), || {
        // So many runs at once last longer than the pauses here.
        let campaign = start("explore sweep --seeds 0..100000 --jobs 64");
        thread::sleep(Duration::from_millis(300));
        send("INT", &campaign);
        thread::sleep(Duration::from_millis(600));
        send("INT", &campaign);
        ended(campaign, 130);
    }),
    (("every command", 2, "wrong use"), || {
        for name in
            ["explore", "plan", "replay", "shrink", "keep", "check", "teeth", "new", "init", "bench", "list"]
        {
            ends(&format!("{name} --no-such-option"), 2);
        }
    }),
    (("every command", 2, "the standard output, or a file"), a_full_disk_ends_each_command_with_one_line),
];

/// The commands that print something, each short.
fn printing() -> [String; 8] {
    let file = history("printing", |it| it);
    [
        "list".to_owned(),
        "explore batcher --seeds 0..1".to_owned(),
        "plan cron 1".to_owned(),
        "replay batcher 0 --trace".to_owned(),
        "replay batcher 0 --log trace".to_owned(),
        format!("shrink {}", erased()),
        format!("check {file}"),
        "bench --seeds 1".to_owned(),
    ]
}

fn a_full_disk_ends_each_command_with_one_line() {
    let full = || File::create("/dev/full").expect("Linux has one");
    for line in printing() {
        let output = command(&line).stdout(full()).output().expect("the binary can be started");
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}: {error}");
        let last = error.lines().last().unwrap_or_default();
        assert!(last.starts_with("error: the standard output cannot be written"), "{line}: {error}");
        assert!(!error.contains("panicked"), "{line}: {error}");
    }
    let file = history("full", |it| it);
    for line in [
        "plan cron 1 --out /dev/full".to_owned(),
        "explore batcher --seeds 0..1 --json=/dev/full".to_owned(),
        "replay batcher 0 --json=/dev/full".to_owned(),
        format!("check {file} --json=/dev/full"),
    ] {
        let error = text(&ends(&line, 2).stderr);
        assert!(error.contains("error: /dev/full cannot be written"), "{line}: {error}");
    }
    // Whoever watches may be gone, too: that changes nothing.
    let watched = command("explore batcher-docs --seeds 2..3").stderr(full()).output().expect("it starts");
    assert_eq!(watched.status.code(), Some(1), "{}", text(&watched.stdout));
}

/// Whoever reads the first lines and goes, like `head`, hears no more; the code says what was found all the same.
#[test]
fn a_closed_pipe_ends_no_command_and_changes_no_code() {
    let closed = || {
        let (reader, writer) = std::io::pipe().expect("there are pipes");
        drop(reader);
        writer
    };
    let found =
        [("explore batcher-docs --seeds 2..3".to_owned(), 1), (format!("replay {} --trace", erased()), 1)];
    let fine = printing().map(|line| (line, 0));
    for (line, code) in fine.into_iter().chain(found) {
        let output = command(&line).stdout(closed()).output().expect("the binary can be started");
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{line}: {error}");
        assert!(!error.contains("panicked") && !error.contains("error"), "{line}: {error}");
    }
}

fn no_longer_reached() {
    let bundle = folder("bundle");
    for file in fs::read_dir(kept("erased-by-delete-all")).expect("it is there") {
        let file = file.expect("it can be read");
        fs::copy(file.path(), bundle.join(file.file_name())).expect("the target folder can be written");
    }
    let file = ["shrunk.json", "plan.json"].map(|name| bundle.join(name)).into_iter().find(|it| it.exists());
    let file = file.expect("a bundle has a plan");
    let mut plan = Plan::from_json(&fs::read_to_string(&file).expect("it is there")).expect("it is a plan");
    plan.workload.pop();
    fs::write(&file, plan.to_json()).expect("the target folder can be written");
    let output = ends(&format!("replay {}", path(&bundle)), 1);
    assert!(text(&output.stdout).contains("no longer reaches what it was kept for"));
}

fn keep(words: &[&str], code: i32) {
    let crate_folder = folder(&format!("keep-{code}"));
    fs::write(crate_folder.join("Cargo.toml"), "").expect("the target folder can be written");
    let kept = command("keep").args(words).current_dir(&crate_folder).output().expect("it can be started");
    assert_eq!(kept.status.code(), Some(code), "{}", text(&kept.stderr));
}

/// `timeout` sends its signal to the process and at once to its whole group: that is one interrupt.
#[test]
fn a_signal_that_comes_twice_at_once_is_answered_by_a_report() {
    let campaign = start("explore batcher --seeds 0..100000 --jobs 2");
    // Some runs later.
    thread::sleep(Duration::from_millis(100));
    send("TERM", &campaign);
    send("TERM", &campaign);
    let output = campaign.wait_with_output().expect("it ends");
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert!(out.starts_with("stopped early: this is what ran until then"), "{out}\n{error}");
}

#[test]
fn each_row_is_tried_and_each_try_has_its_row() {
    let rows: BTreeSet<(String, String, String)> = DOCUMENT
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.splitn(3, " | ").map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|cells| <[String; 3]>::try_from(cells).ok())
        .filter(|[name, ..]| name != "command")
        .map(|[name, code, when]| (name, code, when))
        .collect();
    assert_eq!(rows.len(), TRIES.len());
    for ((name, code, begin), _) in TRIES {
        let is_tried = |(of, said, when): &&(String, String, String)| {
            of == name && *said == code.to_string() && when.starts_with(begin)
        };
        assert_eq!(rows.iter().filter(is_tried).count(), 1, "{name} {code} {begin}");
    }
}

#[test]
fn each_code_is_as_the_document_says() {
    for (_, attempt) in TRIES {
        attempt();
    }
}

/// A header alone on standard input, as a program writes it that dies before its first event.
#[test]
fn a_header_alone_is_no_success() {
    let header = Header { datacenter_of: vec![0], alarm_classes: None, ..build::header() };
    let mut check = start("check -");
    let line = serde_json::to_string(&header).expect("a header is JSON");
    writeln!(check.stdin.take().expect("it is piped"), "{line}").expect("it reads all");
    let output = check.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("Nothing was judged"), "{}", text(&output.stdout));
}
