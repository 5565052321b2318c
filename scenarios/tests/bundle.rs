//! A finding as a folder: what is in it, what a replay says of it, and that nothing is lost or half-written by wrong use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use reveille_sim::plan::Plan;

/// A folder of this test's own, empty at its begin.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bundle").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("an earlier run of this test left it");
    }
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

fn reveille(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reveille")).args(arguments).output().expect("the binary can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a command that has to end with this exit code. Gives what it printed.
#[track_caller]
fn run(arguments: &[&str], code: i32) -> String {
    let output = reveille(arguments);
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}\n{error}");
    if code == 2 { error } else { out }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of the target folder is text")
}

/// The bundle of the first seed that breaks X1(b), shrunk.
fn of_the_batcher(name: &str) -> PathBuf {
    let bundle = folder(name).join("bundle");
    run(&["shrink", "batcher-docs", "1", "--rule", "X1(b)", "--out", path(&bundle)], 0);
    bundle
}

fn edit_plan(file: &Path, edit: impl FnOnce(&mut Plan)) {
    let mut plan = Plan::from_json(&fs::read_to_string(file).expect("it was written")).expect("it is a plan");
    edit(&mut plan);
    fs::write(file, plan.to_json()).expect("the target folder can be written");
}

#[test]
fn a_plan_is_the_same_run_as_its_seed() {
    let file = folder("plan").join("plan.json");
    run(&["plan", "batcher-docs", "1", "--out", path(&file)], 0);
    assert_eq!(run(&["plan", "batcher-docs", "1"], 0), fs::read_to_string(&file).expect("it was written"));
    let digest = |run: String| run.lines().find(|line| line.starts_with("digest")).map(str::to_owned);
    let of_seed = digest(run(&["replay", "batcher-docs", "1"], 1));
    assert!(of_seed.is_some());
    assert_eq!(digest(run(&["replay", path(&file)], 1)), of_seed);
}

#[test]
fn a_bundle_has_everything_and_replays_to_the_same_run() {
    let bundle = of_the_batcher("whole");
    for file in [
        "plan.json",
        "shrunk.json",
        "verdict.json",
        "history.jsonl",
        "trace",
        "digest",
        "timeline.html",
        "version",
        "README.md",
    ] {
        assert!(bundle.join(file).is_file(), "{file}");
    }
    let readme = fs::read_to_string(bundle.join("README.md")).expect("it was written");
    assert!(readme.contains("X1(b)") && readme.contains("without request 0"), "{readme}");
    assert!(readme.lines().count() <= 45, "a page is a screen:\n{readme}");
    let replayed = run(&["replay", path(&bundle)], 1);
    assert!(replayed.contains("kept for X1(b): the same run"), "{replayed}");
    let digest = fs::read_to_string(bundle.join("digest")).expect("it was written");
    assert!(replayed.contains(digest.trim()));
    // The rules of the contract are kept by it: what is broken is the Batcher's own promise.
    run(&["check", path(&bundle.join("history.jsonl"))], 0);
    // What a bundle is shrunk to again it is already.
    let again = run(&["shrink", path(&bundle)], 0);
    assert!(again.contains("is: 2 requests, 0 faults"), "{again}");
}

#[test]
fn a_clean_run_can_be_kept_and_is_the_same_run() {
    let bundle = folder("clean").join("bundle");
    run(&["replay", "cron", "1", "--out", path(&bundle)], 0);
    assert!(run(&["replay", path(&bundle)], 0).contains("a clean run was kept: the same run\n"));
    edit_plan(&bundle.join("plan.json"), |plan| plan.seed += 1);
    assert!(
        run(&["replay", path(&bundle)], 0)
            .contains("a clean run was kept: another run, and nothing is broken")
    );
}

#[test]
fn another_run_that_is_still_broken_is_told() {
    let bundle = of_the_batcher("another");
    edit_plan(&bundle.join("shrunk.json"), |plan| plan.seed += 1);
    assert!(run(&["replay", path(&bundle)], 1).contains("another run, still broken\n"));
}

#[test]
fn what_is_no_longer_broken_and_what_is_no_longer_reached_differ() {
    let bundle = of_the_batcher("mended");
    // The second request comes long after the run of alarm() that erased it.
    edit_plan(&bundle.join("shrunk.json"), |plan| {
        plan.workload[1].at_ms += 100;
        plan.upstream.answer_ms_min = 50;
        plan.upstream.answer_ms_max = 50;
    });
    assert!(run(&["replay", path(&bundle)], 0).contains("no longer broken"));
    edit_plan(&bundle.join("shrunk.json"), |plan| drop(plan.workload.pop()));
    // Wherever its lines are broken.
    let told = run(&["replay", path(&bundle)], 1).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("no longer reaches what it was kept for: request 1 does not come to object code"),
        "{told}"
    );
}

#[test]
fn a_regression_is_kept_in_the_crate_that_one_works_in() {
    let of_crate = folder("crate");
    fs::write(of_crate.join("Cargo.toml"), "").expect("the target folder can be written");
    let within = of_crate.join("src");
    fs::create_dir(&within).expect("the target folder can be written");
    let keep = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reveille"));
        command.current_dir(&within).arg("keep").args(arguments).output().expect("the binary can be started")
    };
    let kept =
        keep(&["batcher-docs", "1", "erased", "--rule", "X1(b)", "--about", "Seen in the documentation."]);
    assert_eq!(kept.status.code(), Some(0), "{}", text(&kept.stderr));
    let all =
        reveille::regression::all(&scenarios::catalogue(), &of_crate).expect("what was kept can be read");
    let [regression] = &all[..] else { panic!("one was kept, not {}", all.len()) };
    assert!(regression.folder.ends_with("snapshots/regressions/batcher-docs/erased"));
    let judged = regression.judge().expect("it is known as broken, and it is").to_string();
    assert_eq!(judged, "once broke X1(b), and is known as broken: still broken");
    let readme = fs::read_to_string(regression.folder.join("README.md")).expect("it was written");
    assert!(readme.contains("Seen in the documentation."), "{readme}");
    // A clean run is kept only if it is said what it once broke; and then it must stay clean.
    assert_eq!(keep(&["batcher", "1", "clean"]).status.code(), Some(2));
    assert_eq!(keep(&["batcher", "1", "clean", "--once-broke", "F1"]).status.code(), Some(0));
    assert_eq!(keep(&["batcher-docs", "1", "No Name"]).status.code(), Some(2));
    let all =
        reveille::regression::all(&scenarios::catalogue(), &of_crate).expect("what was kept can be read");
    let told: Vec<String> = all.iter().filter_map(|it| Some(it.judge().ok()?.to_string())).collect();
    assert_eq!(told, ["once broke F1, and is mended: no longer broken", &judged]);
}

#[test]
fn what_is_mended_is_told_where_it_is_known_as_broken() {
    let of_crate = folder("mended-crate");
    let bundle = of_crate.join("snapshots/regressions/batcher-docs/erased");
    fs::create_dir_all(bundle.parent().expect("it has one")).expect("the target folder can be written");
    fs::rename(of_the_batcher("mended-bundle"), &bundle).expect("the target folder can be written");
    edit_plan(&bundle.join("shrunk.json"), |plan| {
        plan.workload[1].at_ms += 100;
        (plan.upstream.answer_ms_min, plan.upstream.answer_ms_max) = (50, 50);
    });
    let all =
        reveille::regression::all(&scenarios::catalogue(), &of_crate).expect("what was kept can be read");
    let wrong = all[0].judge().expect_err("it is known as broken and is not");
    assert!(wrong.contains("known as broken: no longer broken"), "{wrong}");
    // Kept again by its own folder it is known as mended, and what it once was stays written.
    fs::write(of_crate.join("Cargo.toml"), "").expect("the target folder can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_reveille"));
    let again = ["keep", "snapshots/regressions/batcher-docs/erased", "erased"];
    let output = command.current_dir(&of_crate).args(again).output().expect("the binary can be started");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let all =
        reveille::regression::all(&scenarios::catalogue(), &of_crate).expect("what was kept can be read");
    let judged = all[0].judge().expect("it is mended").to_string();
    assert_eq!(judged, "once broke X1(b), and is mended: no longer broken");
    let readme = fs::read_to_string(bundle.join("README.md")).expect("it was written");
    assert!(readme.contains("It was broken once") && readme.contains("BROKEN: X1(b)"), "{readme}");
}

#[test]
fn what_is_there_and_is_no_bundle_stays() {
    let folder = folder("precious");
    fs::write(folder.join("letter.txt"), "dear").expect("the target folder can be written");
    let error = run(&["replay", "batcher-docs", "1", "--out", path(&folder)], 2);
    assert!(error.contains("it is left as it is"), "{error}");
    assert_eq!(fs::read_to_string(folder.join("letter.txt")).expect("it is there"), "dear");
    // A bundle into which somebody has put something is precious too.
    let bundle = of_the_batcher("precious-bundle");
    fs::write(bundle.join("notes.txt"), "mine").expect("the target folder can be written");
    let error = run(&["replay", "batcher-docs", "1", "--out", path(&bundle)], 2);
    assert!(error.contains("has other files in it"), "{error}");
    assert_eq!(fs::read_to_string(bundle.join("notes.txt")).expect("it is there"), "mine");
    no_leftovers(folder.parent().expect("it has one"));
}

/// Nothing temporary is left in a folder.
fn no_leftovers(folder: &Path) {
    let names =
        fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("it is there").file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with(".reveille-")));
}

/// However a bundle's folder is called, what takes its place is whole: the current folder, a link to it.
#[test]
fn a_bundle_is_replaced_under_any_name() {
    let bundle = of_the_batcher("renamed");
    let plan = folder("renamed-plan").join("plan.json");
    fs::copy(bundle.join("shrunk.json"), &plan).expect("the target folder can be written");
    let replaced_as = |name: &str| {
        fs::remove_file(bundle.join("README.md")).expect("it is there");
        let mut command = Command::new(env!("CARGO_BIN_EXE_reveille"));
        let output = command.current_dir(&bundle).args(["replay", path(&plan), "--out", name]).output();
        let output = output.expect("the binary can be started");
        assert_eq!(output.status.code(), Some(1), "{name}: {}", text(&output.stderr));
        assert!(bundle.join("README.md").is_file(), "{name}");
        no_leftovers(bundle.parent().expect("it has one"));
    };
    replaced_as(".");
    replaced_as("../bundle/.");
    replaced_as("../bundle/");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&bundle, bundle.with_file_name("link"))
            .expect("the target folder can be written");
        replaced_as("../link/");
    }
}

#[test]
fn a_plan_for_objects_of_no_class_is_refused() {
    let file = folder("no-class").join("plan.json");
    run(&["plan", "batcher", "1", "--out", path(&file)], 0);
    edit_plan(&file, |plan| plan.workload[2].object = "batcher/foo".to_owned());
    let error = run(&["replay", path(&file)], 2);
    assert!(
        error.contains("workload[2].object is \"batcher/foo\"; batcher has no class \"batcher\""),
        "{error}"
    );
}

/// What is not a file is written to as it is, and is not read: it may be gone when it is needed again.
#[cfg(unix)]
#[test]
fn a_pipe_is_written_to_and_not_read() {
    let output = Command::new("sh")
        .args(["-c", &format!("{} plan cron 1 --out /dev/stdout | cat", env!("CARGO_BIN_EXE_reveille"))])
        .output()
        .expect("there is a shell");
    assert!(text(&output.stdout).contains("\"scenario\": \"cron\""), "{}", text(&output.stderr));
    assert!(run(&["shrink", "/dev/null"], 2).contains("/dev/null is not a file that stays"));
}

#[test]
fn a_bundle_that_was_spoilt_is_one_clear_error() {
    let bundle = of_the_batcher("spoilt");
    let verdict = bundle.join("verdict.json");
    let whole = fs::read_to_string(&verdict).expect("it was written");
    let cases = [
        (whole.replacen("\"format\": 1", "\"format\": 9", 1), "this build reads format 1"),
        (whole.replacen("\"standing\": \"broken\"", "\"standing\": \"bent\"", 1), "standing"),
        (whole.replacen("\"reach\"", "\"reached\"", 1), "unknown field `reached`"),
        (whole[..whole.len() / 2].to_owned(), "EOF"),
    ];
    for (spoilt, expected) in cases {
        assert_ne!(spoilt, whole, "{expected}");
        fs::write(&verdict, spoilt).expect("the target folder can be written");
        let error = run(&["replay", path(&bundle)], 2);
        assert!(error.contains(expected) && error.contains("verdict.json"), "{expected}: {error}");
    }
    fs::remove_file(&verdict).expect("it is there");
    assert!(run(&["replay", path(&bundle)], 2).contains("a bundle has the files plan.json and verdict.json"));
}

#[test]
fn json_goes_where_it_is_told_to() {
    let file = folder("json").join("verdict.json");
    let argument = format!("--json={}", path(&file));
    let told = run(&["replay", "batcher-docs", "2", &argument], 1);
    assert!(told.contains("BROKEN: X1(b)"));
    let json: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&file).expect("it was written")).expect("it is JSON");
    assert_eq!(json["verdict"]["findings"][0]["rule"], "X1(b)");
    let json: serde_json::Value =
        serde_json::from_str(&run(&["replay", "batcher-docs", "2", "--json"], 1)).expect("JSON alone");
    assert!(told.contains(json["digest"].as_str().expect("a text")));
    let json: serde_json::Value =
        serde_json::from_str(&run(&["shrink", "batcher-docs", "2", "--json"], 0)).expect("JSON alone");
    assert_eq!(json["shrunk"]["after"]["requests"], 2);
    let json: serde_json::Value =
        serde_json::from_str(&run(&["explore", "cron", "--seeds", "1..3", "--json"], 0)).expect("JSON alone");
    assert_eq!(json["scenarios"][0]["seeds"], 2);
}
