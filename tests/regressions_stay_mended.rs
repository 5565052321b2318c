//! Every plan that broke a promise once is run again: what was mended stays mended, what is known as broken is told as soon
//! as it is mended, and a plan that no longer reaches what it was kept for is told too. The verdict is asserted, never the
//! digest: every mending changes the run.
//!
//! They stand in `snapshots/regressions/SCENARIO/NAME/`, each with its story; `reveille keep RUN NAME` puts one there.

use std::path::Path;

use reveille::regression;

#[test]
fn regressions_stay_mended() {
    let all = regression::all(&scenarios::catalogue(), Path::new(env!("CARGO_MANIFEST_DIR")))
        .unwrap_or_else(|error| panic!("{error:#}"));
    assert!(!all.is_empty(), "regressions are kept in this crate");
    let mut wrong = Vec::new();
    for regression in &all {
        match regression.judge() {
            Ok(judged) => println!("{}: {judged}", regression.folder.display()),
            Err(told) => wrong.push(told),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
