//! Latency and loss, and that no link disturbs another.

use reveille_sim::net::{Fate, Net};
use reveille_sim::plan::Plan;
use reveille_sim::streams::Streams;
use reveille_system::ids::MachineId;

use crate::common;

fn net(plan: &Plan) -> Net {
    Net::new(&plan.config(), &plan.network, Streams::new(plan.seed))
}

fn fates(net: &mut Net, from: u16, to: u16, count: usize) -> Vec<Fate> {
    (0..count).map(|_| net.send(MachineId(from), MachineId(to))).collect()
}

fn latencies(fates: &[Fate]) -> Vec<u64> {
    let latency = |fate: &Fate| match fate {
        Fate::Arrives { after_ns, .. } => Some(*after_ns),
        Fate::Lost { .. } => None,
    };
    fates.iter().filter_map(latency).collect()
}

#[test]
fn latency_is_that_of_the_directed_pair_plus_jitter() {
    let mut net = net(&common::plan(1));
    for (from, to, base_us) in [(0, 1, 10_000), (1, 0, 11_000), (1, 2, 30_000), (2, 2, 200)] {
        let latencies = latencies(&fates(&mut net, from, to, 2_000));
        let (min, max) = (base_us * 1_000, base_us * 1_200);
        assert!(latencies.iter().all(|ns| (min..=max).contains(ns)));
        let spread = latencies.iter().max().zip(latencies.iter().min()).map(|(a, b)| a - b);
        assert!(spread > Some((max - min) * 9 / 10), "the whole range of the jitter is used");
    }
}

#[test]
fn loss_takes_its_share_and_the_worst_one_decides() {
    let mut net = net(&common::plan(1));
    net.lose(4, 10_000);
    net.lose(9, 300_000);
    let lost = fates(&mut net, 0, 1, 10_000).into_iter().filter(|fate| *fate == Fate::Lost { to: 9 }).count();
    assert!((2_700..3_300).contains(&lost), "{lost} of 10,000 were lost");
    net.mend(9);
    let lost = fates(&mut net, 0, 1, 10_000).into_iter().filter(|fate| *fate == Fate::Lost { to: 4 }).count();
    assert!((50..150).contains(&lost), "{lost} of 10,000 were lost");
    net.mend(4);
    assert_eq!(latencies(&fates(&mut net, 0, 1, 1_000)).len(), 1_000);
}

#[test]
fn a_machine_always_reaches_itself() {
    let mut net = net(&common::plan(1));
    net.lose(0, 1_000_000);
    assert_eq!(latencies(&fates(&mut net, 1, 1, 100)).len(), 100);
    assert_eq!(latencies(&fates(&mut net, 1, 2, 100)).len(), 0);
}

#[test]
fn a_message_on_one_link_moves_nothing_on_another() {
    let (mut quiet, mut busy) = (net(&common::plan(1)), net(&common::plan(1)));
    fates(&mut busy, 0, 1, 17);
    fates(&mut busy, 2, 0, 3);
    assert_eq!(fates(&mut quiet, 0, 2, 50), fates(&mut busy, 0, 2, 50));
}

#[test]
fn loss_moves_no_latency_of_what_arrives() {
    let (mut calm, mut lossy) = (net(&common::plan(1)), net(&common::plan(1)));
    lossy.lose(0, 500_000);
    for (without, with) in fates(&mut calm, 0, 1, 200).into_iter().zip(fates(&mut lossy, 0, 1, 200)) {
        assert!(with == without || with == Fate::Lost { to: 0 });
    }
}

fn cut(net: &mut Net, id: u32, from: u16, to: u16) {
    net.cut(id, MachineId(from), MachineId(to));
}

#[test]
fn a_cut_link_loses_all_in_its_direction_and_no_other() {
    let mut net = net(&common::plan(1));
    cut(&mut net, 7, 0, 1);
    assert_eq!(fates(&mut net, 0, 1, 50), vec![Fate::Lost { to: 7 }; 50]);
    assert_eq!(net.cut_by(MachineId(0), MachineId(1)), Some(7));
    for (from, to) in [(1, 0), (0, 2), (2, 0), (1, 2)] {
        assert_eq!(latencies(&fates(&mut net, from, to, 50)).len(), 50);
        assert_eq!(net.cut_by(MachineId(from), MachineId(to)), None);
    }
}

#[test]
fn a_link_is_open_again_only_when_nothing_cuts_it() {
    let mut net = net(&common::plan(1));
    cut(&mut net, 3, 0, 1);
    cut(&mut net, 4, 0, 1);
    net.mend(3);
    assert_eq!(fates(&mut net, 0, 1, 10), vec![Fate::Lost { to: 4 }; 10]);
    net.mend(4);
    assert_eq!(latencies(&fates(&mut net, 0, 1, 10)).len(), 10);
}

#[test]
fn a_machine_is_never_cut_off_from_itself() {
    let mut net = net(&common::plan(1));
    cut(&mut net, 0, 1, 1);
    net.slow_down(1, MachineId(1), MachineId(1), 10_000);
    assert!(latencies(&fates(&mut net, 1, 1, 50)).iter().all(|ns| *ns <= 240_000));
}

#[test]
fn a_slow_link_multiplies_its_latency_and_the_worst_one_decides() {
    let (mut calm, mut slow) = (net(&common::plan(1)), net(&common::plan(1)));
    slow.slow_down(5, MachineId(0), MachineId(2), 300);
    slow.slow_down(6, MachineId(0), MachineId(2), 900);
    let ninefold = |ns: u64| Fate::Arrives { after_ns: ns * 9, slowed_by: Some(6) };
    let expected: Vec<Fate> = latencies(&fates(&mut calm, 0, 2, 50)).into_iter().map(ninefold).collect();
    assert_eq!(fates(&mut slow, 0, 2, 50), expected);
    slow.mend(6);
    slow.mend(5);
    assert_eq!(fates(&mut slow, 0, 2, 50), fates(&mut calm, 0, 2, 50));
}

#[test]
fn a_cut_moves_no_latency_of_what_comes_after_it() {
    let (mut calm, mut mended) = (net(&common::plan(1)), net(&common::plan(1)));
    cut(&mut mended, 0, 0, 1);
    fates(&mut mended, 0, 1, 20);
    fates(&mut calm, 0, 1, 20);
    mended.mend(0);
    assert_eq!(fates(&mut mended, 0, 1, 50), fates(&mut calm, 0, 1, 50));
}
