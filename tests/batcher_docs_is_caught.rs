//! The documentation's Batcher loses what it has acknowledged, and the harness says how (X1).

use crate::common::{run_seeds, scenario, seeds};

const DEFAULT: std::ops::Range<u64> = 0..60;

#[test]
fn batcher_docs_is_caught() {
    let known = ["X1(a)", "X1(b)", "X1(c)", "X5"];
    let found = run_seeds(scenario("batcher-docs"), "batcher_docs_is_caught", DEFAULT, &known);
    if seeds(DEFAULT) != DEFAULT {
        // Other seeds need not show every trap.
        return;
    }
    for trap in ["X1(a)", "X1(b)"] {
        let shown = found.iter().any(|(_, findings)| findings.iter().any(|finding| finding.rule == trap));
        assert!(shown, "{trap} was not shown by any of the seeds {DEFAULT:?}");
    }
}
