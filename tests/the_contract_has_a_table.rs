//! docs/contract.md names every rule, and nothing that is not there.

use std::fs;
use std::path::Path;

use reveille_model::RULES;

/// A row: the rule, what it says, what keeps it, what refuses its breach, the histories and the tests that show both.
type Row = [String; 6];

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rows() -> Vec<Row> {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
    };
    let table = text("docs/contract.md");
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.map(|line| cells(line).try_into().unwrap_or_else(|_| panic!("a row has six cells: {line}")))
        .collect()
}

/// What stands between these marks.
fn marked(cell: &str, mark: char) -> Vec<&str> {
    cell.split(mark).skip(1).step_by(2).collect()
}

/// The text of the file that a reference names, in which the function that it names has to be.
fn referred(reference: &str) -> String {
    let (path, function) =
        reference.split_once("::").map_or((reference, None), |(path, name)| (path, Some(name)));
    let file = text(path);
    if let Some(function) = function {
        let is_there = file.contains(&format!("fn {function}(")) || file.contains(&format!("fn {function}<"));
        assert!(is_there, "{path} has no function {function}");
    }
    file
}

#[test]
fn every_rule_has_a_row_that_says_what_it_says() {
    let told: Vec<(String, String)> = rows().into_iter().map(|[rule, says, ..]| (rule, says)).collect();
    let rules: Vec<(String, String)> =
        RULES.iter().map(|rule| (rule.id.to_string(), rule.says.to_owned())).collect();
    assert_eq!(told, rules);
}

#[test]
fn what_a_row_names_is_there() {
    for [rule, _, kept_in, refused_by, _, shown_in] in rows() {
        for (cell, room) in [(&kept_in, "system/src/"), (&refused_by, "model/src/check/"), (&shown_in, "")] {
            let references = marked(cell, '`');
            assert!(!references.is_empty(), "{rule}: nothing is named in {cell:?}");
            for reference in references {
                assert!(reference.starts_with(room), "{rule}: {reference} is in another room than {room}");
                referred(reference);
            }
        }
    }
}

#[test]
fn a_row_names_a_test_of_the_rule_alone() {
    for [rule, .., shown_in] in rows() {
        let begin = format!("::{}_", rule.to_lowercase());
        let is_of_rule = |reference: &str| reference.contains(&begin);
        assert!(
            marked(&shown_in, '`').into_iter().any(is_of_rule),
            "{rule} has no test of its own: {shown_in}"
        );
    }
}

#[test]
fn a_checker_that_a_row_names_knows_the_rule() {
    for [rule, _, _, refused_by, ..] in rows() {
        let knows = |reference: &str| {
            let file = referred(reference);
            [format!("\"{rule}\""), format!("Id::{rule},"), format!("Id::{rule})"), format!("Id::{rule} ")]
                .iter()
                .any(|id| file.contains(id))
        };
        assert!(marked(&refused_by, '`').into_iter().any(knows), "{rule} is not in {refused_by}");
    }
}

#[test]
fn histories_that_a_row_names_are_of_its_rule() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("model/tests/cases");
    let files = fs::read_dir(folder).expect("the registry is there");
    let registry: String = files
        .map(|file| fs::read_to_string(file.expect("it is a file").path()).expect("it is text"))
        .collect();
    // However they are broken into lines.
    let registry = registry.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(");
    for [rule, _, _, _, histories, _] in rows() {
        let names = marked(&histories, '"');
        assert!(!names.is_empty(), "{rule}: no history is named");
        for name in names {
            let case = format!("case(\"{rule}\", \"{name}\",");
            assert!(registry.contains(&case), "{rule}: the registry has no history {name:?}");
        }
    }
}
