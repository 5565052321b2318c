//! The command line as its user meets it: exit codes, messages, and the same run in a second process.

use std::process::{Command, Output};

use reveille::finding;

fn reveille(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reveille")).args(arguments).output().expect("the binary can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn digest(output: &Output) -> String {
    let text = text(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("digest "));
    line.expect("a replay prints its digest").to_owned()
}

#[test]
fn a_second_process_runs_the_same() {
    let scenario = scenarios::catalogue().get("batcher-docs").expect("it is one of ours").clone();
    let here = scenario.run(&scenario.plan(5)).digest.to_string();
    let first = reveille(&["replay", "batcher-docs", "5"]);
    let second = reveille(&["replay", "batcher-docs", "5"]);
    assert_eq!(digest(&first), here);
    assert_eq!(first.stdout, second.stdout, "the story is the same to the last letter");
}

#[test]
fn a_broken_promise_is_exit_code_1_and_none_is_0() {
    // One seed is too few to show every trap that the scenario is there for; this one shows some.
    let docs = scenarios::catalogue().get("batcher-docs").expect("it is one of ours").clone();
    let found = |seed: u64| finding::of(&docs.run(&docs.plan(seed)));
    let shows_some = |seed: &u64| {
        let found = found(*seed);
        !found.is_empty() && !found.iter().any(|finding| finding.rule == "X1(a)")
    };
    let seed = (0..100).find(shows_some).expect("X1(a) is the rarer of the two");
    assert_eq!(reveille(&["replay", "batcher-docs", &seed.to_string()]).status.code(), Some(1));
    let one = format!("{seed}..{}", seed + 1);
    assert_eq!(reveille(&["explore", "batcher-docs", "--seeds", &one]).status.code(), Some(1));
    assert_eq!(reveille(&["replay", "batcher", "0"]).status.code(), Some(0));
    assert_eq!(reveille(&["explore", "batcher", "--seeds", "0..2"]).status.code(), Some(0));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let run = |jobs| reveille(&["explore", "batcher-docs", "--seeds", "0..6", "--jobs", jobs]).stdout;
    assert_eq!(text(&run("1")), text(&run("3")));
}

#[test]
fn a_look_inside_changes_nothing() {
    let plain = reveille(&["replay", "batcher", "3"]);
    let traced = reveille(&["replay", "batcher", "3", "--trace"]);
    assert_eq!(digest(&plain), digest(&traced));
    assert!(traced.stdout.len() > 10 * plain.stdout.len());
}

#[test]
fn a_log_shows_one_concern_of_one_object_and_changes_nothing() {
    let plain = reveille(&["replay", "cron", "3"]);
    let logged = reveille(&["replay", "cron", "3", "--log", "alarm=debug", "--object", "Cron/foo"]);
    assert_eq!(digest(&plain), digest(&logged));
    let logged = text(&logged.stdout);
    let lines: Vec<_> = logged.lines().take_while(|line| !line.starts_with("No promise")).collect();
    assert!(lines.iter().any(|line| line.contains(" INFO alarm ") && line.contains("alarm() starts")));
    assert!(lines.iter().any(|line| line.contains("DEBUG alarm ") && line.contains("set_alarm(")));
    let of_foo = |line: &&str| line.contains(" alarm ") && line.contains("Cron/foo: ");
    assert!(lines.iter().all(of_foo), "{logged}");
}

#[test]
fn only_a_log_of_traces_shows_the_inner_world() {
    let log = |filter| text(&reveille(&["replay", "cron", "3", "--log", filter]).stdout);
    assert!(log("disk=trace").contains("TRACE disk "));
    assert!(!log("debug").contains("TRACE"));
}

/// What was promised may still come true, and an alarm may still be lost: a run that was stopped says so.
#[test]
fn a_replay_can_be_stopped_and_claims_no_more_than_it_saw() {
    let output = reveille(&["replay", "batcher", "3", "--until", "20s"]);
    // Wherever its lines are broken.
    let told = text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("20s of virtual time"), "{told}");
    assert!(
        told.contains("The run was stopped. Until then no rule of the contract was found broken."),
        "{told}"
    );
    assert!(told.contains("What only a whole run can show was not judged"), "{told}");
    let json = reveille(&["replay", "batcher", "3", "--until", "20s", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&json.stdout).expect("it is JSON");
    assert_eq!((&told["stopped"], &told["judged"]), (&true.into(), &true.into()));
}

#[test]
fn a_finding_is_told_when_it_is_found_once_for_each_rule() {
    let output = reveille(&["explore", "batcher-docs", "--seeds", "0..6", "--jobs", "1"]);
    let (told, hurried) = (text(&output.stdout), text(&output.stderr));
    let found: Vec<&str> = hurried.lines().filter(|line| line.starts_with("found: batcher-docs ")).collect();
    let caught = told.lines().filter(|line| line.starts_with("batcher-docs broke ")).count();
    assert!(caught > 0 && found.len() == caught, "{hurried}\n{told}");
    assert!(found[0].contains("; replay: cargo run --release -- replay batcher-docs "), "{hurried}");
}

#[test]
fn wrong_use_is_one_clear_error_and_exit_code_2() {
    let cases: [(&[&str], &str); 21] = [
        (&["replay", "batcher", "seven"], "\"seven\" is not a seed, which is a number like 7"),
        (&["replay", "batcher"], "batcher is a scenario, and the seed is missing"),
        (
            &["replay", "no-such-file.json"],
            "there is no file or folder no-such-file.json; RUN is SCENARIO SEED",
        ),
        (&["replay", "batcher", "1", "2"], "'2'"),
        (&["replay", "Cargo.toml"], "Cargo.toml: the plan's line 1, column 2 is not right (expected value"),
        (&["replay", "src"], "src is not a bundle: a bundle has the files plan.json and verdict.json"),
        (&["shrink", "batcher", "1"], "batcher 1 breaks no promise: there is nothing to shrink"),
        (&["shrink", "batcher-docs", "2", "--rule", "F9"], "does not break \"F9\"; it breaks X1(b)"),
        (
            &["replay", "batcher", "1", "--json", "out.json"],
            "[\"batcher\", \"1\", \"out.json\"] names no run",
        ),
        (&["replay", "batcher", "-1"], "-1"),
        (&["replay", "nobody", "7"], "there are: batcher-docs, batcher, retry-info"),
        (&["explore", "nobody"], "there are: batcher-docs, batcher, retry-info"),
        (&["explore", "--seeds", "5"], "a range like 0..100"),
        (&["explore", "--seeds", "9..3"], "the range is empty"),
        (&["explore", "--for", "soon"], "a duration is written like 30s"),
        (&["explore", "--jobs", "0"], "a number from 1 to 256"),
        (&["bench", "--seeds", "0"], "0 is not in 1.."),
        (&["replay", "cron", "3", "--log", "alarm=loud"], "a filter is written like"),
        (&["replay", "cron", "3", "--log", "alrm=debug"], "there are: object, storage, alarm, request"),
        (&["replay", "cron", "3", "--log", "info", "--object", "Cron/nobody"], "there are: Cron/"),
        (&["replay", "cron", "3", "--object", "Cron/foo"], "--log <FILTER>"),
    ];
    for (arguments, expected) in cases {
        let output = reveille(arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

/// In a job of GitHub Actions what is not as expected is an annotation, and JUnit's file has it for any other.
#[test]
fn a_job_hears_of_what_is_not_as_expected() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("junit.xml");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reveille"));
        command.args(arguments).args(["--seeds", "2..3", "--junit"]).arg(&file).env("GITHUB_ACTIONS", "true");
        command.output().expect("the binary can be started")
    };
    let one = run(&["explore", "batcher-docs"]);
    assert_eq!(one.status.code(), Some(1), "one seed does not show every trap");
    let error = text(&one.stderr);
    assert!(error.contains("::error title=batcher-docs is not as expected::"), "{error}");
    assert!(!text(&one.stdout).contains("::error"), "the standard output stays as it is");
    let xml = std::fs::read_to_string(&file).expect("it is written");
    assert!(xml.contains("<testsuite name=\"batcher-docs\"") && xml.contains("failures=\"1\""), "{xml}");
    let clean = run(&["explore", "batcher"]);
    assert_eq!(clean.status.code(), Some(0));
    assert!(!text(&clean.stderr).contains("::error"), "nothing is wrong");
}

#[test]
fn a_pipe_has_a_hundred_columns_and_no_colour_unless_it_is_asked_for() {
    let plain = text(&reveille(&["replay", "batcher-docs", "2"]).stdout);
    let widest = plain.lines().map(|line| line.chars().count()).max();
    assert!(widest.is_some_and(|widest| widest <= 100), "{plain}");
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let coloured = reveille(&["replay", "batcher-docs", "2", "--color", "always"]);
    assert!(text(&coloured.stdout).contains("\u{1b}[1m\u{1b}[31mBROKEN: "), "{}", text(&coloured.stdout));
}

#[test]
fn a_shell_is_told_of_every_command() {
    let list = text(&reveille(&["completions", "bash"]).stdout);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let made = reveille(&["man", folder.path().to_str().expect("a temporary path is text")]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    for command in ["explore", "replay", "shrink", "check", "timeline"] {
        assert!(list.contains(command), "{command}");
        assert!(folder.path().join(format!("reveille-{command}.1")).is_file(), "{command}");
    }
}
