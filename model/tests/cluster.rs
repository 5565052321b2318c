//! The datastore and the leaders: one holder (D5), one leader (D4), replicas that agree (D1), and duties that move in time (D3, D6).

use reveille_model::build::{Tale, told};
use reveille_model::history::{Scope, What};

fn both(first: (u16, What), second: (u16, What)) -> Tale {
    let mut tale = Tale::new();
    tale.at(1.0).on_machine(first.0, first.1).at(2.0).on_machine(second.0, second.1);
    tale
}

/// D8: a fault of one disk excuses no other.
#[test]
fn d8_a_disk_is_damaged_by_a_fault_of_its_own_alone() {
    let damaged = |machine: u16| {
        let mut tale = Tale::new();
        tale.on(1).fault(1, "disk-rot").heal(1).on_machine(machine, What::DiskDamaged);
        tale
    };
    damaged(1).is_accepted();
    damaged(0).is_refused("D8");
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

fn datacenter_is_cut_off(tale: &mut Tale, fault: u32, seconds: f64) {
    let scope = Scope::Datacenter(0);
    tale.at(seconds).world(What::FaultBegin { fault, kind: "datacenter-cut".into(), scope, takes: None });
}

/// Machine 0 of two leads datacenter 0, where every group has its quorum elsewhere.
fn led() -> Tale {
    let mut tale = Tale::of_machines();
    tale.datacenters(&[0, 0, 1, 2]).world(What::Majority { group: 1, connected: true });
    tale.on_machine(0, What::Leader { datacenter: 0, term: 1 });
    tale
}

/// Found by the scenario scripted: the leader of a datacenter that is cut off loses power.
#[test]
fn d6_nobody_is_elected_in_a_datacenter_that_is_cut_off_as_a_whole() {
    let succeeded = |seconds: f64| {
        let mut tale = led();
        datacenter_is_cut_off(&mut tale, 1, 10.0);
        tale.at(20.0).on(0).fault(2, "power-loss").at(180.0).heal(1);
        tale.at(seconds).on_machine(1, What::Leader { datacenter: 0, term: 2 });
        tale
    };
    succeeded(239.9).is_accepted();
    succeeded(240.1).is_refused("D6");
}

#[test]
fn d6_a_leader_is_succeeded_before_its_datacenter_is_cut_off_if_there_was_time() {
    let cut_off_at = |seconds: f64| {
        let mut tale = led();
        tale.at(20.0).on(0).fault(2, "power-loss");
        datacenter_is_cut_off(&mut tale, 1, seconds);
        tale.at(180.0).heal(1).at(190.0).on_machine(1, What::Leader { datacenter: 0, term: 2 });
        tale
    };
    cut_off_at(49.9).is_accepted();
    cut_off_at(50.1).is_refused("D6");
}

/// In the one datacenter that there is a machine is cut off, and another one takes its slice over, if the group has a quorum.
#[test]
fn d3_a_machine_that_is_cut_off_in_the_only_datacenter_gives_up_its_slices() {
    let cut_off = |connected: bool, seconds: f64| {
        let mut tale = Tale::of_machines();
        tale.datacenters(&[0, 0, 0]).world(What::Majority { group: 1, connected: true });
        tale.on_machine(0, What::Holder { slice: 7, epoch: 1, group: Some(1) });
        let scope = Scope::Machine(0);
        tale.at(10.0).world(What::FaultBegin { fault: 1, kind: "cut-off".into(), scope, takes: None });
        tale.world(What::Majority { group: 1, connected });
        tale.at(seconds).on_machine(1, What::Holder { slice: 7, epoch: 2, group: Some(1) });
        tale
    };
    cut_off(true, 39.9).is_accepted();
    cut_off(true, 40.1).is_refused("D3");
    cut_off(false, 40.1).is_accepted();
}

/// What comes after the bound excuses nothing, whatever it strikes.
#[test]
fn d3_links_that_are_cut_after_a_slice_had_to_move_are_no_excuse() {
    let cut_at = |seconds: f64| {
        let mut tale = led();
        tale.on_machine(0, What::Holder { slice: 7, epoch: 1, group: None });
        tale.at(20.0).on(0).fault(2, "crash").at(21.0).on_machine(1, What::Leader { datacenter: 0, term: 2 });
        let scope = Scope::Links { from: vec![2], to: vec![3] };
        tale.at(seconds).world(What::FaultBegin { fault: 1, kind: "cut".into(), scope, takes: None });
        tale.at(60.0).on_machine(1, What::Holder { slice: 7, epoch: 2, group: None });
        tale
    };
    cut_at(49.9).is_accepted();
    cut_at(50.1).is_refused("D3");
}
