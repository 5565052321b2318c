//! The datastore, the datacenters and their leaders, and the bounds of time.

use reveille_model::history::{Phase, Scope, What};

use super::{Case, case};
use reveille_model::build::Tale;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = duties();
    cases.extend(bounds());
    cases
}

fn holds(tale: &mut Tale, machine: u16, epoch: u64) {
    tale.on_machine(machine, What::Holder { slice: 7, epoch, group: None });
}

fn leads(tale: &mut Tale, machine: u16, term: u64) {
    tale.on_machine(machine, What::Leader { datacenter: 0, term });
}

fn duties() -> Vec<Case> {
    vec![
        case("D1", "replicas differ that have applied as much", |tale, breaks| {
            tale.on_machine(0, What::Replica { group: 5, applied: 9, state: 1 });
            tale.on_machine(1, What::Replica { group: 5, applied: 9, state: if breaks { 2 } else { 1 } });
        }),
        case("D3", "the slice of a lost machine is taken over too late", |tale, breaks| {
            holds(tale, 0, 1);
            tale.at(1.0).fault(1, "crash").at(if breaks { 32.0 } else { 31.0 });
            holds(tale, 1, 2);
        }),
        case("D3", "the slice of a lost machine is taken over by nobody", |tale, breaks| {
            holds(tale, 0, 1);
            tale.at(1.0).fault(1, "pause").at(12.0);
            if !breaks {
                holds(tale, 1, 2);
            }
            tale.at(40.0).heal(1);
            holds(tale, 0, 3);
        }),
        case("D3", "one machine holds all and its neighbour nothing", |tale, breaks| {
            tale.datacenters(&[0, 0, 1]).fault(1, "crash").at(1.0).heal(1);
            for slice in 0..4 {
                let machine = if breaks { 0 } else { slice % 2 };
                tale.on_machine(machine, What::Holder { slice, epoch: 2, group: None });
            }
            tale.on_machine(2, What::Holder { slice: 4, epoch: 1, group: None });
            tale.on_machine(1, What::Holder { slice: 4, epoch: 2, group: None })
                .on_machine(2, What::Holder { slice: 4, epoch: 3, group: None });
            if breaks {
                tale.on_machine(0, What::Holder { slice: 4, epoch: 4, group: None });
            }
            tale.at(90.0).end();
        }),
        case(
            "D3",
            "a machine whose disk was damaged holds nothing, though replicas are built anew",
            |tale, breaks| {
                if breaks {
                    tale.rebuilds_within(10_000);
                }
                tale.datacenters(&[0, 0])
                    .on(1)
                    .fault(1, "disk-lost")
                    .on_machine(1, What::DiskDamaged)
                    .at(1.0)
                    .heal(1);
                for slice in 0..4 {
                    tale.on_machine(0, What::Holder { slice, epoch: 2, group: None });
                }
                tale.at(90.0).end();
            },
        ),
        case(
            "D3",
            "the slice of a machine that is gone, as the name of its fault says, has to move",
            |tale, breaks| {
                holds(tale, 0, 1);
                tale.at(1.0).fault(1, if breaks { "pause" } else { "sync-stall" }).at(40.0).heal(1);
                holds(tale, 0, 3);
            },
        ),
        case("D4", "two machines lead a datacenter in one term", |tale, breaks| {
            leads(tale, 0, 2);
            leads(tale, 1, if breaks { 2 } else { 3 });
        }),
        case("D5", "two machines hold a slice in one epoch", |tale, breaks| {
            holds(tale, 0, 3);
            holds(tale, 1, if breaks { 3 } else { 4 });
        }),
        case("D5", "the slice of a lost datacenter is taken over too late", |tale, breaks| {
            holds(tale, 0, 1);
            let scope = Scope::Datacenter(0);
            tale.at(1.0).world(What::FaultBegin {
                fault: 1,
                kind: "datacenter-cut".into(),
                scope,
                takes: None,
            });
            tale.at(if breaks { 32.0 } else { 31.0 });
            holds(tale, 1, 2);
        }),
        case("D6", "a lost leader is succeeded too late", |tale, breaks| {
            leads(tale.datacenters(&[0, 0, 1]), 0, 1);
            tale.at(1.0).fault(1, "leader-crash").at(if breaks { 32.0 } else { 31.0 });
            leads(tale, 1, 2);
        }),
        case("D8", "a disk is damaged that nothing has harmed", |tale, breaks| {
            tale.fault(1, if breaks { "power-loss" } else { "disk-rot" });
            tale.on_machine(0, What::DiskDamaged);
        }),
    ]
}

/// Alarm 1 for second 10 runs at that second in a new instance, on another machine.
fn runs_elsewhere(tale: &mut Tale, at: f64) {
    tale.at(at).on(1).wake(2).turn(2).run(1, 1, 10.0, 0);
}

fn bounds() -> Vec<Case> {
    vec![
        case("L1", "after one failure a run is late by more than thirty seconds", |tale, breaks| {
            tale.alarm_is_set(10.0).at(9.0).fault(1, "crash").lost();
            runs_elsewhere(tale, if breaks { 40.1 } else { 39.9 });
        }),
        case("L2", "a minute after the last of several failures a run is late", |tale, breaks| {
            tale.world(What::Majority { group: 1, connected: true }).alarm_is_set(10.0);
            tale.at(9.0).fault(1, "crash").on(2).fault(2, "crash").on(0).lost().at(20.0).heal(2);
            runs_elsewhere(tale, if breaks { 80.1 } else { 79.9 });
        }),
        case("L2", "a quorum does not serve as long as a link is cut", |tale, breaks| {
            let scope = Scope::Links { from: vec![1], to: vec![2] };
            tale.world(What::Majority { group: 1, connected: true }).alarm_is_set(10.0).at(9.0);
            tale.world(What::FaultBegin { fault: 1, kind: "cut".into(), scope, takes: None });
            if !breaks {
                tale.world(What::Majority { group: 1, connected: false });
                tale.at(100.0).world(What::Majority { group: 1, connected: true });
            }
            tale.at(150.0).turn(2).run(1, 1, 10.0, 0);
        }),
        case("L3", "in calm a run is late", |tale, breaks| {
            tale.alarm_is_set(10.0).at(if breaks { 10.21 } else { 10.19 }).turn(2).run(1, 1, 10.0, 0);
        }),
        case("L4", "a minute after the last fault a run is late", |tale, breaks| {
            tale.at(1.0).fault(1, "crash").at(5.0).heal(1).world(What::Phase { phase: Phase::Quiet });
            let scheduled = if breaks { 65.1 } else { 64.0 };
            tale.alarm_is_set(scheduled).at(scheduled + 2.0).turn(2).run(1, 1, scheduled, 0);
        }),
        case("L4", "a replica has not applied what its group had committed", |tale, breaks| {
            tale.at(98.0).world(What::Committed { group: 1, index: 7 });
            let applied = if breaks { 6 } else { 7 };
            tale.at(99.0).on_machine(1, What::Replica { group: 1, applied, state: applied }).end();
        }),
        case("L3", "an overdue alarm is replaced before it runs", |tale, breaks| {
            tale.alarm_is_set(10.0).at(if breaks { 60.0 } else { 10.1 }).turn(2).set_alarm(2, 90.0).commit();
        }),
    ]
}
