//! L2: a fault that goes on is no excuse. One trouble of each shape, each for two and a half minutes: what the connected
//! majority can serve is served meanwhile.

use crate::common::{run_seeds, scenario};

/// The first seeds of the sweep have each shape at least once; `reveille explore sweep --seeds 0..162` has it at each place.
#[test]
fn l2_no_shape_of_trouble_outlasts_the_bound() {
    run_seeds(&scenario("sweep"), "l2_no_shape_of_trouble_outlasts_the_bound", 0..34, &[]);
}
