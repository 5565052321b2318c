//! Histories come from systems that are broken: whatever one says, the checkers answer and do not panic.

use reveille_model::build::{Tale, told};
use reveille_model::history::{Event, ListOptions, OpResult, Scope, StorageCall, What};

/// A bit of everything.
fn eventful() -> Tale {
    let mut tale = Tale::new();
    tale.put("a", "1").put("b", "2").alarm_is_set(1.0).at(1.0).turn(2).run(1, 1, 1.0, 0).get_alarm(None);
    tale.set_alarm(2, 2.0).delete("a", true).run_fails(1).commit_end(1).turn(3).put("c", "3").sync();
    tale.fault(1, "crash").lost().at(4.0).heal(1).on(1).wake(2).turn(2).run(2, 2, 2.0, 0);
    tale.list(ListOptions { reverse: true, ..ListOptions::default() }, &[("b", "2")]);
    tale.calls(StorageCall::DeleteAll { preserve_alarm: false }, OpResult::Done).run_is_failed_by_platform(2);
    tale.commit().respond().delete_alarm().at(9.0).rests(&[("b", "2")], Some((2, 2.0, 0))).end();
    tale
}

/// The next of a sequence of numbers without much order (xorshift64).
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 8) as usize
}

#[test]
fn any_disorder_is_judged() {
    let tale = eventful();
    let told: &[Event] = tale.events();
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let mut refused = 0;
    for _ in 0..5_000 {
        let mut events = told.to_vec();
        for _ in 0..next(&mut state) % 40 {
            let (from, to) = (next(&mut state) % events.len(), next(&mut state) % events.len());
            match next(&mut state) % 4 {
                0 => events.swap(from, to),
                1 => events[from].by = told[to % told.len()].by.clone(),
                2 => events[from].place = None,
                _ => events[from].at_ns = u64::MAX >> (next(&mut state) % 64),
            }
        }
        refused += u32::from(!reveille_model::build::verdict(events).is_clean());
    }
    assert!(refused > 2_500, "most disorder breaks a promise, but only {refused} histories were refused");
}

/// There is a number for each of them and no more.
#[test]
fn as_many_machines_as_there_can_be_are_judged() {
    let tale = told(|tale| {
        tale.datacenters(&vec![0; 1 << 16]).on_machine(0, What::Holder { slice: 1, epoch: 1, group: None });
        let scope = Scope::Datacenter(0);
        tale.at(1.0).world(What::FaultBegin { fault: 1, kind: "datacenter-down".into(), scope, takes: None });
        tale.at(99.0).end();
    });
    tale.verdict();
}
