//! What a fault takes is said by the history, if it says anything about it, and else by the fault's name.

use reveille_model::build::Tale;
use reveille_model::history::{Scope, Takes, What};

/// A run of `alarm()` is in progress, something strikes its machine, and nothing more is heard of it.
fn struck(kind: &str, takes: Option<&[Takes]>) -> Tale {
    let mut tale = Tale::new();
    tale.alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0);
    let takes = takes.map(|takes| takes.iter().copied().collect());
    let scope = Scope::Machine(0);
    tale.at(1.5).world(What::FaultBegin { fault: 1, kind: kind.into(), scope, takes });
    tale.at(5.0).heal(1).at(100.0).rests(&[], Some((1, 1.0, 0))).end();
    tale
}

#[test]
fn f6_what_takes_memory_ends_the_run_whatever_it_is_called() {
    use Takes::{Memory, Reachability};
    struck("meteor", Some(&[Memory, Reachability])).is_refused("F6");
    struck("pause", Some(&[Memory, Reachability])).is_refused("F6");
    // The run is still in progress.
    struck("meteor", Some(&[Reachability])).is_accepted();
    struck("crash", Some(&[Reachability])).is_accepted();
}

#[test]
fn f6_a_history_that_does_not_say_it_is_read_by_the_names() {
    struck("crash", None).is_refused("F6");
    struck("meteor", None).is_accepted();
}

#[test]
fn d8_what_takes_what_was_durable_may_leave_a_disk_damaged() {
    let damaged = |kind: &str, takes: Option<&[Takes]>| {
        let mut tale = Tale::new();
        let takes = takes.map(|takes| takes.iter().copied().collect());
        tale.world(What::FaultBegin { fault: 1, kind: kind.into(), scope: Scope::Machine(0), takes });
        tale.on_machine(0, What::DiskDamaged);
        tale
    };
    damaged("meteor", Some(&[Takes::Durable])).is_accepted();
    damaged("meteor", Some(&[Takes::Unsynced])).is_refused("D8");
    damaged("disk-rot", Some(&[])).is_refused("D8");
    damaged("disk-rot", None).is_accepted();
    damaged("meteor", None).is_refused("D8");
}
