//! The documentation's Batcher loses what it has acknowledged, and the harness says how (X1).

use crate::common::{run_seeds, scenario, seeds};

const DEFAULT: std::ops::Range<u64> = 0..60;

#[test]
fn batcher_docs_is_caught() {
    let known = ["X1(a)", "X1(b)", "X1(c)", "X5"];
    let found = run_seeds(&scenario("batcher-docs"), "batcher_docs_is_caught", DEFAULT, &known);
    if seeds(DEFAULT) != DEFAULT {
        // Other seeds need not show every trap.
        return;
    }
    for trap in ["X1(a)", "X1(b)"] {
        let shown = found.iter().any(|(_, findings)| findings.iter().any(|finding| finding.rule == trap));
        assert!(shown, "{trap} was not shown by any of the seeds {DEFAULT:?}");
    }
}

/// What proves a loss is what the object itself did, and what its client and its upstream saw: nothing of another object.
#[test]
fn a_loss_is_proved_by_its_own_object() {
    let scenario = scenario("batcher-docs");
    for seed in 0..12 {
        let outcome = scenario.run(&scenario.plan(seed));
        for violation in &outcome.verdict.violations {
            for index in &violation.evidence {
                let by = outcome.history.events[*index].by.as_ref().map(|by| &by.object);
                assert!(by.is_none() || by == violation.object.as_ref(), "seed {seed}: {violation:?}");
            }
        }
    }
}
