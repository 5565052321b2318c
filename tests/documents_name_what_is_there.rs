//! Documents name files and folders of the tree; what has moved is found here.

use std::fs;
use std::path::Path;

/// Documents at the root and in `docs/`.
fn documents() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(root.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let names = entries.map(|entry| entry.expect("it can be read").file_name());
        let names = names.map(|name| Path::new(folder).join(name).display().to_string());
        // What the guide names stands in its reader's crate; a test of its own holds it to that.
        names.filter(|name| name.ends_with(".md") && !name.ends_with("your-object.md")).collect()
    };
    let mut all = [names(""), names("docs")].concat();
    all.sort();
    all
}

/// What stands in backquotes and begins with the name of a room.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    const ROOMS: [&str; 9] =
        ["model/", "system/", "sim/", "harness/", "workerd/", "scenarios/", "tests/", "snapshots/", "docs/"];
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|text| {
        ROOMS.iter().any(|room| text.starts_with(room)) && text.chars().all(|it| it.is_ascii_graphic())
    })
}

#[test]
fn every_path_that_a_document_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for document in documents() {
        let text = fs::read_to_string(root.join(&document)).expect("it can be read");
        for path in paths(&text) {
            // `file::function` names a function of a file; NAME stands for any.
            let (file, _) = path.split_once("::").unwrap_or((path, ""));
            if file.contains("NAME") || file.contains("SCENARIO") {
                continue;
            }
            checked += 1;
            assert!(root.join(file).exists(), "{document} names {file}, which is not there");
        }
    }
    assert!(checked > 100, "only {checked} paths were found: documents are not read as they are written");
}
