//! The datastore and the leaders: one holder (D5), one leader (D4), replicas that agree (D1).

mod common;

use common::{Tale, told};
use reveille_model::history::What;

fn both(first: (u16, What), second: (u16, What)) -> Tale {
    let mut tale = Tale::new();
    tale.at(1.0).on_machine(first.0, first.1).at(2.0).on_machine(second.0, second.1);
    tale
}

#[test]
fn d5_a_slice_has_one_holder_in_an_epoch() {
    let holds = |machine, epoch| (machine, What::Holder { slice: 7, epoch, group: None });
    let violation = both(holds(0, 3), holds(1, 3)).is_refused("D5");
    assert_eq!(
        violation.sentences,
        "Machine 0 said at 1.000 s that it holds slice 7 in epoch 3; and so did machine 1 at 2.000 s."
    );
    both(holds(0, 3), holds(1, 4)).is_accepted();
    both(holds(0, 3), holds(0, 3)).is_accepted();
}

#[test]
fn d5_a_holder_that_comes_late_holds_nothing_in_an_older_epoch() {
    let late = |machine| {
        told(|tale| {
            for epoch in 1..9 {
                tale.at(epoch as f64).on_machine(0, What::Holder { slice: 7, epoch, group: None });
            }
            tale.at(9.0).on_machine(machine, What::Holder { slice: 7, epoch: 1, group: None });
        })
    };
    late(1).is_refused("D5");
    late(0).is_accepted();
}

#[test]
fn d4_a_datacenter_has_one_leader_in_a_term() {
    let leads = |machine, datacenter| (machine, What::Leader { datacenter, term: 2 });
    both(leads(0, 1), leads(1, 1)).is_refused("D4");
    both(leads(0, 0), leads(1, 1)).is_accepted();
}

#[test]
fn d1_a_group_has_one_leader_in_a_term() {
    let leads = |machine, term| (machine, What::GroupLeader { group: 5, term });
    both(leads(0, 2), leads(1, 2)).is_refused("D1");
    both(leads(0, 2), leads(1, 3)).is_accepted();
}

#[test]
fn d1_replicas_that_have_applied_as_much_hold_the_same() {
    let holds = |machine, applied, state| (machine, What::Replica { group: 5, applied, state });
    both(holds(0, 9, 1), holds(1, 9, 2)).is_refused("D1");
    both(holds(0, 9, 1), holds(1, 8, 2)).is_accepted();
    both(holds(0, 9, 1), holds(1, 9, 1)).is_accepted();
}
