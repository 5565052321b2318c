//! An instance that is made, after a reset, before all that the one before it wrote is durable.

use reveille_model::build::Tale;
use reveille_model::history::{Cause, ResetCause, What};

use super::{Case, case};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("S3", "after a reset a later turn is durable before an earlier one", |tale, breaks| {
            goes_on(tale).turn(4).put("b", "2");
            if !breaks {
                tale.as_instance(1).turn(2).commit().as_instance(2).turn(4);
            }
            tale.commit();
        }),
        case(
            "S3",
            "a turn is durable after an instance has started that does not go on from it",
            |tale, breaks| {
                tale.turn(2).put("a", "1").reset(ResetCause::Panic);
                starts(tale, if breaks { 1 } else { 3 });
                tale.as_instance(1).turn(2).commit();
            },
        ),
        case(
            "S3",
            "a turn that changed nothing is durable after the next instance's start",
            |tale, breaks| {
                tale.turn(2).delete("a", false).reset(ResetCause::Panic);
                starts(tale, if breaks { 1 } else { 3 });
                tale.as_instance(1).turn(2).commit();
            },
        ),
        case(
            "S3",
            "an answer left after a reset, and a crash loses the turn that it rests on",
            |tale, breaks| {
                goes_on(tale).turn(4).put("b", "2").as_instance(1).turn(2).commit();
                tale.as_instance(2).turn(4);
                if !breaks {
                    tale.commit();
                }
                tale.sync().lost().at(3.0).under_epoch(2).start(3);
            },
        ),
        case("S3", "after a reset a read does not see what is on its way", |tale, breaks| {
            goes_on(tale).turn(4).get("a", (!breaks).then_some("1"));
            tale.as_instance(1).turn(2).commit();
        }),
        case(
            "O5",
            "after a reset an answer leaves before what was written before it is durable",
            |tale, breaks| {
                goes_on(tale).turn(4);
                if !breaks {
                    tale.as_instance(1).turn(2).commit().as_instance(2).turn(4);
                }
                tale.respond();
            },
        ),
        case("A3", "after a reset get_alarm does not see the alarm that is on its way", |tale, breaks| {
            tale.turn(2).set_alarm(1, 90.0).reset(ResetCause::Panic);
            starts(tale, 3).turn(4).get_alarm((!breaks).then_some(90.0));
            tale.as_instance(1).turn(2).commit();
        }),
    ]
}

/// Instance 1 is reset in its second turn, and instance 2 goes on from it in the third.
fn goes_on(tale: &mut Tale) -> &mut Tale {
    tale.turn(2).put("a", "1").reset(ResetCause::Panic);
    starts(tale, 3)
}

/// Instance 2 starts in this turn, under the epoch of instance 1.
fn starts(tale: &mut Tale, turn: u32) -> &mut Tale {
    tale.under_epoch(1).as_instance(2).turn(turn);
    tale.does(What::InstanceStart { cause: Some(Cause::Request), slice: None });
    tale.does(What::ConstructorEnd { failed: None })
}
