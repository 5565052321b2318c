//! Stories that are kept word for word: what a newcomer is shown. When a change of the system changes one, read the new
//! one before you accept it (`cargo insta review`).

use crate::common::scenario;
use reveille::report;

/// The documentation's Batcher loses items, to a key that sorts wrongly (X1(a)) and to its own `delete_all` (X1(b)).
#[test]
fn the_documentations_batcher_loses_an_item() {
    let scenario = scenario("batcher-docs");
    let told = report::broken(&scenario.run(&scenario.plan(2)));
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("the_documentations_batcher_loses_an_item", told);
    });
}
