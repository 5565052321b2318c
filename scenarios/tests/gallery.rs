//! The pictures of the documents are of the runs that they name: each is made anew, and is the same to the last letter.

use std::fs;
use std::path::Path;

use reveille::source::Source;
use reveille::timeline::Shown;

#[test]
fn every_picture_is_that_of_its_regression() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pictures = fs::read_dir(root.join("docs/pictures")).expect("the documents have pictures");
    let mut checked = 0;
    for entry in pictures {
        let path = entry.expect("it can be listed").path();
        let name = path.file_stem().expect("a picture has a name").to_string_lossy().into_owned();
        let kept = format!("snapshots/regressions/batcher-docs/{name}");
        let source = Source::of_folder(&scenarios::catalogue(), &root.join(&kept));
        let source = source.unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let outcome = source.scenario.run(&source.plan);
        let kept_for = source.bundle().and_then(|bundle| bundle.verdict.kept_for.as_ref());
        let shown = Shown::of_run(source.title(), String::new(), kept_for, &outcome).expect("it has events");
        let picture = shown.svg().unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert!(
            fs::read_to_string(&path).expect("it can be read") == picture,
            "{} is not of this run any more: cargo run --release -- timeline {kept} --svg docs/pictures/{name}.svg",
            path.display()
        );
        checked += 1;
    }
    assert_eq!(checked, 3, "the three traps of the documentation's Batcher");
}
