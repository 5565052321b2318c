//! The known traps that are no breach of the contract (X2, X3, X4): what object code walks into is accepted, and what would
//! spare it is refused. X1 and X5 are the scenarios' own: `scenarios/src/delivery.rs`.

use reveille_model::build::{Tale, told};
use reveille_model::history::{Cause, EndReason, OpResult, StorageCall, What};

/// Alarm 1 for second 1, whose handler removes everything, perhaps but for the alarm, and fails at second 1.
fn swept_and_failed(preserve_alarm: bool) -> Tale {
    told(|tale| {
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
        tale.calls(StorageCall::DeleteAll { preserve_alarm }, OpResult::Done).run_fails(1).commit_end(1);
        tale.at(900.0);
    })
}

#[test]
fn x2_delete_all_in_a_handler_that_fails_leaves_no_retry() {
    swept_and_failed(false).rests(&[], None).end().is_accepted();
    swept_and_failed(true).rests(&[], None).end().is_refused("F1");
}

/// Alarm 1 for second 1 wakes the object, whose constructor sets alarm 2 for second 11.
fn set_anew_by_the_constructor() -> Tale {
    told(|tale| {
        tale.alarm_is_set(1.0).lost().at(1.0).begin(2, Cause::Alarm).set_alarm(2, 11.0);
        tale.does(What::ConstructorEnd { failed: None });
    })
}

#[test]
fn x3_an_alarm_that_every_constructor_sets_anew_starves() {
    let mut starved = set_anew_by_the_constructor();
    starved.commit().does(What::InstanceEnd { reason: EndReason::Evicted });
    starved.at(11.0).begin(3, Cause::Alarm).set_alarm(3, 21.0).does(What::ConstructorEnd { failed: None });
    starved.commit().at(12.0).rests(&[], Some((3, 21.0, 0))).end().is_accepted();
    set_anew_by_the_constructor().turn(2).run(1, 1, 1.0, 0).is_refused("A9");
}

/// Alarm 1 for second 1, whose first run is lost with its machine.
fn lost_in_the_handler() -> Tale {
    told(|tale| {
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).at(2.0).lost();
        tale.wake(2).turn(2);
    })
}

#[test]
fn x4_is_retry_does_not_tell_a_first_run_from_a_second() {
    lost_in_the_handler().run(2, 1, 1.0, 0).run_ok(2).commit_end(2).end().is_accepted();
    lost_in_the_handler().run(2, 1, 1.0, 1).is_refused("R4");
}
