//! Instances: one has effects (O1), runs never overlap in effect (F3), and an object moves (O6).

use reveille_model::build::Tale;
use reveille_model::history::{Blob, Delivery, Head, Outcome, What};

/// Instance 1 has begun to write; machine 0 is cut off, and instance 2 starts on machine 1.
fn succeeded() -> Tale {
    let mut tale = Tale::new();
    tale.put("k", "v").at(1.0).on(1).start(2).turn(2).put("l", "w").at(2.0);
    tale
}

fn outbound(tale: &mut Tale) -> &mut Tale {
    tale.does(What::Outbound {
        call: 3,
        service: "upstream".into(),
        head: Head::default(),
        body: Blob::default(),
        op: None,
    })
}

#[test]
fn o1_after_the_first_effect_of_a_newer_epoch_an_older_one_has_none() {
    let mut fenced = succeeded();
    fenced.commit().at(3.0).on(0).as_instance(1).turn(1);
    let violation = {
        let mut tale = succeeded();
        tale.commit().at(3.0).on(0).as_instance(1).turn(1).commit().is_refused("O1")
    };
    assert_eq!(
        violation.sentences,
        "At 3.000 s the commit of turn 1 of instance 1, in epoch 1, had an effect. Instance 2 of the same object, in \
         epoch 2, had had its first effect at 2.000 s; from then on an older epoch has none."
    );
    fenced.respond().is_refused("O1");
    outbound(succeeded().commit().at(3.0).on(0).as_instance(1).turn(0)).is_refused("O1");
}

#[test]
fn o1_a_superseded_instance_may_still_run() {
    let mut tale = succeeded();
    tale.commit().on(0).as_instance(1).turn(2).put("k", "x").get("k", Some("x")).is_accepted();
}

#[test]
fn o1_until_the_newer_instance_has_an_effect_the_older_may_have_one() {
    succeeded().on(0).as_instance(1).turn(0).respond().is_accepted();
    succeeded().on(0).as_instance(1).turn(1).commit().is_refused("S3");
}

/// Instance 1 is in a run when instance 2 starts on machine 1.
fn running() -> Tale {
    let mut tale = Tale::new();
    tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).at(1.2).on(1).wake(2);
    tale
}

#[test]
fn f3_two_runs_never_overlap_in_effect() {
    let overlapping = || {
        let mut tale = running();
        tale.turn(2).run(2, 1, 1.0, 0).at(1.4).on(0).as_instance(1).turn(2);
        tale
    };
    outbound(&mut overlapping()).is_refused("F3");
    overlapping().run_ok(1).turn(3).is_accepted();
    outbound(running().on(0).as_instance(1).turn(2)).is_accepted();
}

#[test]
fn f3_a_run_that_has_ended_overlaps_no_other() {
    let mut tale = running();
    tale.on(0).as_instance(1).turn(2).run_ok(1).on(1).as_instance(2).turn(2).run(2, 1, 1.0, 0);
    outbound(tale.on(0).as_instance(1).turn(3)).is_accepted();
}

#[test]
fn f3_an_instance_has_one_run_at_a_time() {
    let set_in_run = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).set_alarm(2, 1.0).commit().turn(3);
        tale
    };
    set_in_run().run(2, 2, 1.0, 0).is_refused("F3");
    set_in_run().run_ok(1).commit_end(1).turn(4).run(2, 2, 1.0, 0).is_accepted();
}

/// The object is called after its machine has gone for good.
fn called() -> Tale {
    let mut tale = Tale::new();
    tale.at(1.0).fault(1, "crash").lost().at(2.0);
    tale.world(What::Call {
        request: 9,
        to: reveille_model::build::object(),
        head: Head::default(),
        body: Blob::default(),
    });
    tale
}

#[test]
fn o6_an_object_that_is_called_is_started_elsewhere() {
    called().at(62.1).end().is_refused("O6");
    called().at(61.9).end().is_accepted();
    called().at(30.0).on(1).start(2).at(99.0).end().is_accepted();
    let mut answered = called();
    answered
        .at(20.0)
        .world(What::Return { request: 9, outcome: Outcome::Unknown })
        .at(99.0)
        .end()
        .is_accepted();
}

#[test]
fn o6_an_object_is_not_moved_without_a_majority() {
    called().world(What::Majority { group: 0, connected: false }).at(99.0).end().is_accepted();
}

#[test]
fn o6_an_object_whose_alarm_is_due_is_started_elsewhere() {
    let due = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(10.0).at(1.0).fault(1, "crash").lost();
        tale
    };
    due().at(72.0).rests(&[], Some((1, 10.0, 0))).end().is_refused("O6");
    due()
        .at(40.0)
        .on(1)
        .wake(2)
        .turn(2)
        .run(1, 1, 10.0, 0)
        .run_ok(1)
        .commit_end(1)
        .at(99.0)
        .end()
        .is_accepted();
}

/// How far a clock that steps is set back is not seen while its machine is down: by a minute at most.
#[test]
fn o6_an_alarm_is_not_due_that_the_clock_was_set_back_before() {
    let set_back = |at: f64, ends_at: f64| {
        let mut tale = Tale::new();
        tale.clocks_err_by(60_000).alarm_is_set(10.0).at(1.0).fault(1, "crash").lost();
        tale.at(at).fault(2, "clock-step").heal(2).at(ends_at).rests(&[], Some((1, 10.0, 0))).end();
        tale
    };
    set_back(20.0, 99.9).is_accepted();
    set_back(20.0, 130.1).is_refused("O6");
    // The bound had passed.
    set_back(70.1, 99.9).is_refused("O6");
}

/// Found by the scenario scripted: an alarm that waited for a `block_concurrency_while` was taken for late.
#[test]
fn o3_nothing_comes_in_and_no_alarm_is_late_while_the_gate_is_closed() {
    let closed = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(2.0)
            .at(1.0)
            .turn(2)
            .does(What::Deliver { delivery: Delivery::Request { request: 8 } });
        tale.does(What::Gate { closed: true });
        tale
    };
    let runs = |tale: &mut Tale, turn| {
        tale.turn(turn).does(What::Deliver { delivery: Delivery::Alarm { run: 1 } }).run(1, 1, 2.0, 0);
    };
    let mut through = closed();
    runs(through.at(2.0), 3);
    through.is_refused("O3");
    let mut waits = closed();
    waits.at(20.0).turn(3).does(What::Gate { closed: false });
    runs(waits.at(20.0), 4);
    waits.is_accepted();
    // Open all the time, the same start is too late.
    let mut late = Tale::new();
    runs(late.alarm_is_set(2.0).at(20.0), 2);
    late.is_refused("L3");
}
