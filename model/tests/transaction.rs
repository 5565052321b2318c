//! Transactions (S5): all or nothing, alarm changes too; and what else has to hold in one (S4, S8, A4).

use reveille_model::build::Tale;
use reveille_model::history::{Delivery, ListOptions, OpResult, StorageCall, What};
use reveille_model::verdict::{Coverage, RuleId};

/// A story with one transaction in it.
trait Transaction {
    fn begin_transaction(&mut self) -> u64;
    fn rolled_back(&mut self, op: u64) -> &mut Self;
    fn done(&mut self, op: u64) -> &mut Self;
}

impl Transaction for Tale {
    fn begin_transaction(&mut self) -> u64 {
        self.call(StorageCall::Transaction)
    }

    fn rolled_back(&mut self, op: u64) -> &mut Self {
        self.result(op, OpResult::Error("not enough money".into()))
    }

    fn done(&mut self, op: u64) -> &mut Self {
        self.result(op, OpResult::Done)
    }
}

/// Turn 1 wrote a and b and set alarm 1 for second 90, durably. In turn 2 a transaction wrote a and c, deleted b, and
/// failed.
fn failed() -> Tale {
    let mut tale = Tale::new();
    tale.put("a", "1").put("b", "2").alarm_is_set(90.0).turn(2);
    let op = tale.begin_transaction();
    tale.put("a", "new").delete("b", true).put("c", "new").rolled_back(op);
    tale
}

#[test]
fn s5_what_was_rolled_back_is_not_read() {
    failed().get("a", Some("new")).is_refused("S5");
    failed().get("b", None).is_refused("S5");
    failed().get("c", Some("new")).is_refused("S5");
    failed().list(ListOptions::default(), &[("a", "1"), ("b", "2"), ("c", "new")]).is_refused("S5");
    failed().list(ListOptions::default(), &[("a", "1"), ("b", "2")]).is_accepted();
    failed().get("a", Some("1")).get("b", Some("2")).get("c", None).get_alarm(Some(90.0)).is_accepted();
}

#[test]
fn s5_what_was_rolled_back_does_not_become_durable() {
    failed().lost().at(3.0).start(2).get("a", Some("new")).is_refused("S5");
    failed().lost().at(3.0).start(2).get("a", Some("1")).is_accepted();
    failed()
        .at(9.0)
        .rests(&[("a", "1"), ("b", "2"), ("c", "new")], Some((1, 90.0, 0)))
        .end()
        .is_refused("S5");
    failed().at(9.0).rests(&[("a", "1")], Some((1, 90.0, 0))).end().is_refused("S5");
    failed().at(9.0).rests(&[("a", "1"), ("b", "2")], Some((1, 90.0, 0))).end().is_accepted();
}

#[test]
fn s5_a_rolled_back_transaction_has_nothing_to_wait_for() {
    failed().respond().is_accepted();
    failed().put("c", "again").respond().is_refused("O5");
}

#[test]
fn s5_what_is_written_after_a_rollback_counts() {
    let again = || {
        let mut tale = failed();
        tale.put("a", "new").commit().respond();
        tale
    };
    again().get("a", Some("new")).lost().start(2).get("a", Some("new")).is_accepted();
    again().lost().start(2).get("a", Some("1")).is_refused("S3");
}

#[test]
fn s5_what_was_written_before_a_transaction_in_its_turn_stays() {
    let written = || {
        let mut tale = Tale::new();
        tale.put("a", "before");
        let op = tale.begin_transaction();
        tale.put("a", "in it").turn(2).rolled_back(op);
        tale
    };
    written().get("a", Some("in it")).is_refused("S5");
    written().get("a", None).is_refused("S4");
    written().get("a", Some("before")).turn(1).commit().respond().is_accepted();
    // The commit of the first turn comes while the transaction is open.
    let mut committed = Tale::new();
    committed.put("a", "before");
    let op = committed.begin_transaction();
    committed.put("a", "in it").turn(1).commit().turn(2).rolled_back(op);
    committed.get("a", Some("before")).put("a", "later").commit().get("a", Some("later")).is_accepted();
}

/// Turn 1 sets a and b; a transaction begins in turn 2, changes both and ends well in turn 4.
fn succeeded() -> Tale {
    let mut tale = Tale::new();
    tale.put("a", "1").put("b", "2").commit().respond().turn(2);
    let op = tale.begin_transaction();
    tale.put("a", "3").turn(3).put("b", "4").turn(4).done(op);
    tale
}

#[test]
fn s5_a_transaction_belongs_to_the_turn_in_which_it_ends() {
    succeeded().turn(2).respond().turn(3).respond().is_accepted();
    succeeded().turn(4).respond().is_refused("O5");
    succeeded().turn(4).commit().respond().is_accepted();
    succeeded().turn(5).put("c", "5").commit().is_refused("S3");
}

#[test]
fn s5_a_committed_transaction_is_seen_as_a_whole() {
    let list = |shows: &[(&str, &str)]| {
        let mut tale = succeeded();
        tale.commit().respond().lost().start(2).list(ListOptions::default(), shows);
        tale
    };
    list(&[("a", "1"), ("b", "4")]).is_refused("S5");
    list(&[("a", "1"), ("b", "2")]).is_refused("S3");
    list(&[("a", "3"), ("b", "4")]).is_accepted();
    succeeded().list(ListOptions::default(), &[("a", "1"), ("b", "4")]).is_refused("S4");
    let rests = |keys: &[(&str, &str)]| {
        let mut tale = succeeded();
        tale.commit().at(9.0).rests(keys, None).end();
        tale
    };
    rests(&[("a", "1"), ("b", "4")]).is_refused("S5");
    rests(&[("a", "3"), ("b", "4")]).is_accepted();
}

#[test]
fn s5_an_instance_that_is_lost_in_a_transaction_leaves_nothing_of_it() {
    let lost = || {
        let mut tale = Tale::new();
        tale.put("a", "1").commit().respond().turn(2);
        tale.begin_transaction();
        tale.put("a", "2").set_alarm(1, 9.0).put("b", "2").lost().at(3.0).start(2);
        tale
    };
    lost().get("a", Some("2")).is_refused("S5");
    lost().get_alarm(Some(9.0)).is_refused("S5");
    lost().at(9.0).run(1, 1, 9.0, 0).is_refused("S5");
    lost().at(5.0).rests(&[("a", "1"), ("b", "2")], None).end().is_refused("S5");
    lost().get("a", Some("1")).get_alarm(None).at(5.0).rests(&[("a", "1")], None).end().is_accepted();
}

#[test]
fn s4_a_transaction_sees_its_own_writes() {
    let inside = || {
        let mut tale = Tale::new();
        tale.put("a", "1").commit().turn(2);
        tale.begin_transaction();
        tale.put("a", "2").delete("b", false).set_alarm(1, 90.0).turn(3);
        tale
    };
    inside().get("a", Some("1")).is_refused("S4");
    inside().get("a", Some("2")).get_alarm(Some(90.0)).is_accepted();
    inside().get_alarm(None).is_refused("A3");
}

#[test]
fn s4_a_read_that_is_called_in_a_transaction_shows_what_that_had_written() {
    let pending = |shows: &str| {
        let mut tale = Tale::new();
        tale.put("a", "1");
        let op = tale.begin_transaction();
        tale.put("a", "2");
        let read = tale.call(StorageCall::Get { key: "a".into() });
        tale.rolled_back(op).turn(2).result(read, OpResult::Value(Some(shows.into())));
        tale
    };
    pending("1").is_refused("S4");
    pending("2").is_accepted();
}

/// In turn 2 a transaction replaced alarm 1, for second 90, by alarm 2, for second 50, and failed.
fn alarm_left() -> Tale {
    let mut tale = Tale::new();
    tale.alarm_is_set(90.0).turn(2);
    let op = tale.begin_transaction();
    tale.set_alarm(2, 50.0).get_alarm(Some(50.0)).rolled_back(op).turn(3);
    tale
}

#[test]
fn s5_a_rolled_back_transaction_that_leaves_the_alarm() {
    alarm_left().get_alarm(Some(50.0)).is_refused("S5");
    alarm_left().get_alarm(None).is_refused("S5");
    alarm_left().at(50.0).run(1, 2, 50.0, 0).is_refused("S5");
    alarm_left().at(9.0).rests(&[], Some((2, 50.0, 0))).end().is_refused("S5");
    alarm_left().at(9.0).rests(&[], None).end().is_refused("S5");
    alarm_left().get_alarm(Some(90.0)).at(90.0).run(1, 1, 90.0, 0).run_ok(1).commit_end(1).is_accepted();
}

#[test]
fn s5_a_rolled_back_delete_of_the_alarm_deletes_nothing() {
    let deleted = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(90.0).turn(2);
        let op = tale.begin_transaction();
        tale.delete_alarm().get_alarm(None).rolled_back(op).turn(3);
        tale
    };
    deleted().get_alarm(None).is_refused("S5");
    deleted().at(300.0).rests(&[], Some((1, 90.0, 0))).end().is_refused("S5");
    deleted().get_alarm(Some(90.0)).at(90.0).run(1, 1, 90.0, 0).run_ok(1).commit_end(1).is_accepted();
}

#[test]
fn s5_an_alarm_that_a_transaction_sets_is_part_of_it() {
    let set = || {
        let mut tale = Tale::new();
        let op = tale.begin_transaction();
        tale.put("a", "1").set_alarm(1, 90.0).done(op).commit().respond().at(9.0);
        tale
    };
    set().rests(&[], Some((1, 90.0, 0))).end().is_refused("S5");
    set().rests(&[("a", "1")], None).end().is_refused("F1");
    set().rests(&[("a", "1")], Some((1, 90.0, 0))).end().is_accepted();
}

/// `alarm()` for second 1 is running; a transaction in it set another alarm and failed.
fn in_run() -> Tale {
    let mut tale = Tale::new();
    tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
    let op = tale.begin_transaction();
    tale.set_alarm(2, 50.0).get_alarm(Some(50.0)).rolled_back(op);
    tale
}

#[test]
fn a4_a_set_alarm_that_was_rolled_back_does_not_show_in_the_handler() {
    in_run().get_alarm(Some(1.0)).is_refused("A4");
    in_run().get_alarm(Some(50.0)).is_refused("S5");
    in_run().get_alarm(None).is_accepted();
}

#[test]
fn s5_a_set_alarm_that_was_rolled_back_in_a_run_does_not_end_its_retries() {
    let fails = || {
        let mut tale = in_run();
        tale.run_fails(1).commit_end(1).turn(3);
        tale
    };
    fails().at(3.1).run(2, 1, 1.0, 1).run_ok(2).commit_end(2).is_accepted();
    fails().at(50.0).run(2, 2, 50.0, 0).is_refused("S5");
    fails().at(90.0).rests(&[], Some((1, 1.0, 1))).end().is_refused("F1");
}

#[test]
fn s5_a_transaction_that_replaces_the_alarm_in_a_run_and_ends_well_does() {
    let mut tale = Tale::new();
    tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
    let op = tale.begin_transaction();
    tale.set_alarm(2, 50.0).done(op).get_alarm(Some(50.0)).run_ok(1).commit_end(1).turn(3);
    tale.at(50.0).run(2, 2, 50.0, 0).run_ok(2).commit_end(2).is_accepted();
}

#[test]
fn s8_delete_all_is_refused_in_a_transaction() {
    let inside = |result| {
        let mut tale = Tale::new();
        tale.put("a", "1").commit().turn(2);
        let op = tale.begin_transaction();
        tale.put("b", "2").calls(StorageCall::DeleteAll { preserve_alarm: false }, result);
        tale.done(op);
        tale
    };
    inside(OpResult::Done).is_refused("S8");
    let refused = || inside(OpResult::Error("not in a transaction".into()));
    refused().get("a", Some("1")).get("b", Some("2")).is_accepted();
    refused().get("a", None).is_refused("S4");
    let mut outside = Tale::new();
    outside.put("a", "1");
    outside.calls(StorageCall::DeleteAll { preserve_alarm: false }, OpResult::Error("no".into()));
    outside.is_refused("S7");
}

#[test]
fn s8_a_delete_all_that_is_refused_leaves_the_alarm() {
    let refused = || {
        let mut tale = Tale::new();
        tale.alarm_is_set(10.0).at(1.0).turn(2);
        let op = tale.begin_transaction();
        let no = OpResult::Error("not in a transaction".into());
        tale.calls(StorageCall::DeleteAll { preserve_alarm: false }, no).done(op).at(9.0);
        tale
    };
    let gone = refused().rests(&[], None).end().is_refused("S8");
    assert!(
        gone.sentences.contains("(which a delete_all that was refused had to leave as it was)"),
        "{gone:?}"
    );
    refused().rests(&[], Some((1, 10.0, 0))).end().is_accepted();
}

#[test]
fn s7_a_call_that_is_refused_in_a_transaction_is_no_part_of_it() {
    let refused = || {
        let mut tale = Tale::new();
        let op = tale.begin_transaction();
        tale.put("a", "1");
        let too_large = "v".repeat(131_073);
        let call = StorageCall::Put { key: "a".into(), value: too_large.as_str().into() };
        tale.calls(call, OpResult::Error("too large".into())).done(op).commit();
        tale
    };
    refused().get("a", Some("1")).is_accepted();
    refused().get("a", Some(&"v".repeat(131_073))).is_refused("S7");
}

#[test]
fn s5_a_transaction_in_a_transaction_ends_into_it() {
    let nested = |inner_fails: bool, outer_fails: bool| {
        let mut tale = Tale::new();
        let outer = tale.begin_transaction();
        tale.put("a", "outer").put("b", "outer");
        let inner = tale.begin_transaction();
        tale.put("b", "inner").put("c", "inner");
        if inner_fails {
            tale.rolled_back(inner)
        } else {
            tale.done(inner)
        };
        if outer_fails {
            tale.rolled_back(outer)
        } else {
            tale.done(outer)
        };
        tale.commit();
        tale
    };
    let all = ListOptions::default;
    nested(false, false).list(all(), &[("a", "outer"), ("b", "inner"), ("c", "inner")]).is_accepted();
    nested(true, false).list(all(), &[("a", "outer"), ("b", "outer")]).is_accepted();
    nested(true, false).get("c", Some("inner")).is_refused("S5");
    nested(false, true).list(all(), &[]).is_accepted();
    nested(false, true).get("c", Some("inner")).is_refused("S5");
}

#[test]
fn o3_nothing_but_results_is_delivered_in_a_transaction() {
    let delivered = |delivery| {
        let mut tale = Tale::new();
        tale.turn(2).does(What::Deliver { delivery: Delivery::Request { request: 7 } });
        let op = tale.begin_transaction();
        tale.put("a", "1").turn(3).does(What::Deliver { delivery });
        tale.put("b", "1").done(op).commit();
        tale
    };
    delivered(Delivery::Request { request: 8 }).is_refused("O3");
    delivered(Delivery::Alarm { run: 1 }).is_refused("O3");
    delivered(Delivery::Result { op: 99 }).is_accepted();
}

#[test]
fn s5_transactions_are_counted() {
    let occasions = |tale: &Tale| tale.verdict().coverage[&RuleId("S5")].clone();
    assert_eq!(occasions(&failed()), Coverage::Judged { occasions: 1 });
    let mut none = Tale::new();
    none.put("a", "1").get("a", Some("1"));
    assert_eq!(occasions(&none), Coverage::Judged { occasions: 0 });
}
