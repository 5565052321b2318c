//! Handlers that fail by error and by panic are retried as the rules F1, F6, F7 and R1 to R5 say, failures of machines in
//! between.

use crate::common::{run_seeds, scenario};

#[test]
fn retries_follow_the_contract() {
    run_seeds(scenario("retry-info"), "retries_follow_the_contract", 0..60, &[]);
}
