//! The writer that HISTORY.md shows, `model/examples/toy_runtime.py`: `check` accepts what it writes when it is honest, and names the
//! right rule for each of its switches.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What it writes with this switch; none where there is no Python.
fn written(switch: &[&str]) -> Option<Vec<u8>> {
    let writer = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/examples/toy_runtime.py");
    let output = Command::new("python3").arg(writer).args(switch).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

/// The exit code of `check`, and the rules that are broken.
fn checked(history: &[u8]) -> (Option<i32>, Vec<String>) {
    let mut check = Command::new(env!("CARGO_BIN_EXE_reveille"))
        .args(["check", "-", "--json", "--require", "F1,F2,F4,F5"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    check.stdin.take().expect("it is piped").write_all(history).expect("it reads all");
    let output = check.wait_with_output().expect("it ends");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let violations = told["violations"].as_array().expect("it is a history").iter();
    let mut rules: Vec<String> =
        violations.map(|it| it["rule"].as_str().expect("a rule has a name").to_owned()).collect();
    rules.dedup();
    (output.status.code(), rules)
}

#[test]
fn the_toy_runtime_is_accepted_when_honest_and_each_of_its_faults_has_its_rule() {
    let cases: [(&[&str], i32, &[&str]); 5] = [
        (&[], 0, &[]),
        (&["twice"], 1, &["F4"]),
        (&["early"], 1, &["F2"]),
        (&["lost"], 1, &["F5"]),
        (&["hasty"], 1, &["O5"]),
    ];
    for (switch, code, rules) in cases {
        let Some(history) = written(switch) else {
            eprintln!("there is no python3: this test did not run");
            return;
        };
        let (ended, broken) = checked(&history);
        assert_eq!(ended, Some(code), "{switch:?}: {broken:?}");
        assert_eq!(broken, rules, "{switch:?}");
    }
}
