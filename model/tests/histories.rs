//! Histories as files, each with what the checkers have to say: `histories/expected.tsv` has a line for each history and
//! profile. Most were recorded from the real runtime, or shrunk from such a recording.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use reveille_model::jsonl::Reader;
use reveille_model::verdict::Verdict;
use reveille_model::{Checker, Profile};

const EXPECTED: &str = include_str!("histories/expected.tsv");

/// The lines of the table: history, profile, and the sets of rules one of which it has to break.
fn table() -> impl Iterator<Item = (&'static str, Profile, Vec<BTreeSet<&'static str>>)> {
    let lines = EXPECTED.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().expect("a line has three cells");
        let (history, profile, rules) = (cell(), cell(), cell());
        let profile = if profile == "workerd" { Profile::Workerd } else { Profile::Strict };
        let set = |rules: &'static str| rules.split('+').filter(|rule| *rule != "-").collect();
        (history, profile, rules.split('|').map(set).collect())
    })
}

fn judge(history: &str, profile: Profile) -> Verdict {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories").join(format!("{history}.jsonl"));
    let file = File::open(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let reader = Reader::new(BufReader::new(file)).expect("it has a header");
    let mut checker = Checker::new(reader.header(), profile);
    for (index, event) in reader.enumerate() {
        checker.observe(index, &event.expect("it is a history"));
    }
    checker.finish()
}

#[test]
fn every_history_breaks_what_the_table_says_and_nothing_else() {
    let mut failures = Vec::new();
    for (history, profile, expected) in table() {
        let violations = judge(history, profile).violations;
        let rules: BTreeSet<&str> = violations.iter().map(|violation| violation.rule.0).collect();
        if !expected.contains(&rules) {
            let sentences = violations.iter().map(|violation| format!("\n    {}", violation.sentences));
            failures.push(format!(
                "{history}, {profile}: was to break {expected:?}, broke {rules:?}{}",
                sentences.collect::<String>()
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_history_of_the_folder_has_a_line() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories");
    let files = folder.read_dir().expect("the folder is there");
    let names =
        files.map(|file| file.expect("it can be read").file_name().into_string().expect("it is text"));
    let files: BTreeSet<String> =
        names.filter_map(|name| Some(name.strip_suffix(".jsonl")?.to_owned())).collect();
    let told: BTreeSet<String> = table().map(|(history, ..)| history.to_owned()).collect();
    assert_eq!(files, told);
}
