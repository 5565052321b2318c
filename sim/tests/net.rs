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
        Fate::Arrives { after_ns } => Some(*after_ns),
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
    net.begin_loss(4, 10_000);
    net.begin_loss(9, 300_000);
    let lost = fates(&mut net, 0, 1, 10_000).into_iter().filter(|fate| *fate == Fate::Lost { to: 9 }).count();
    assert!((2_700..3_300).contains(&lost), "{lost} of 10,000 were lost");
    net.end_loss(9);
    let lost = fates(&mut net, 0, 1, 10_000).into_iter().filter(|fate| *fate == Fate::Lost { to: 4 }).count();
    assert!((50..150).contains(&lost), "{lost} of 10,000 were lost");
    net.end_loss(4);
    assert_eq!(latencies(&fates(&mut net, 0, 1, 1_000)).len(), 1_000);
}

#[test]
fn a_machine_always_reaches_itself() {
    let mut net = net(&common::plan(1));
    net.begin_loss(0, 1_000_000);
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
    lossy.begin_loss(0, 500_000);
    for (without, with) in fates(&mut calm, 0, 1, 200).into_iter().zip(fates(&mut lossy, 0, 1, 200)) {
        assert!(with == without || with == Fate::Lost { to: 0 });
    }
}
