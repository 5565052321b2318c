//! Stories that are kept word for word: what a newcomer is shown. When a change of the system changes one, read the new
//! one before you accept it (`cargo insta review`).

use crate::common::scenario;
use reveille::report;

/// The documentation's Batcher loses an item to its own `delete_all`.
#[test]
fn the_documentations_batcher_loses_an_item() {
    let scenario = scenario("batcher-docs");
    let seed = 0;
    let plan = scenario.plan(seed);
    let told = report::replay(scenario, seed, &plan, &scenario.run(&plan));
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("the_documentations_batcher_loses_an_item", told);
    });
}
