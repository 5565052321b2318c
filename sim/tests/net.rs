//! Latency, loss, cuts and rough links, and that no link disturbs another.

use reveille_sim::net::{Again, Fate, Flapping, Net, Rough, Worst};
use reveille_sim::plan::Plan;
use reveille_sim::streams::Streams;
use reveille_system::ids::MachineId;

use crate::common;

/// When messages are sent where that makes no difference.
const NOW_NS: u64 = 0;

fn net(plan: &Plan) -> Net {
    Net::new(&plan.config(), &plan.network, Streams::new(plan.seed))
}

fn fates(net: &mut Net, from: u16, to: u16, count: usize) -> Vec<Fate> {
    (0..count).map(|_| net.send(NOW_NS, MachineId(from), MachineId(to))).collect()
}

fn arrives(after_ns: u64, slowed_by: Option<u32>) -> Fate {
    Fate::Arrives { after_ns, slowed_by, delayed_by: None, again: None }
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
    net.cut(id, MachineId(from), MachineId(to), None);
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
    roughen(&mut net, 2, 1, 1, ROUGH);
    assert!(latencies(&fates(&mut net, 1, 1, 50)).iter().all(|ns| *ns <= 240_000));
}

#[test]
fn a_slow_link_multiplies_its_latency_and_the_worst_one_decides() {
    let (mut calm, mut slow) = (net(&common::plan(1)), net(&common::plan(1)));
    slow.slow_down(5, MachineId(0), MachineId(2), 300);
    slow.slow_down(6, MachineId(0), MachineId(2), 900);
    let ninefold = |ns: u64| arrives(ns * 9, Some(6));
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

#[test]
fn a_cut_that_flaps_is_cut_first_and_then_open_by_turns() {
    let mut net = net(&common::plan(1));
    let (one, other) = (MachineId(0), MachineId(1));
    net.cut(7, one, other, Some(Flapping { from_ns: 1_000, cut_ns: 30, open_ns: 10 }));
    for turn in [0, 1, 2, 99] {
        let begin_ns = 1_000 + turn * 40;
        for (at_ns, is_cut) in [(0, true), (29, true), (30, false), (39, false)] {
            let at_ns = begin_ns + at_ns;
            assert_eq!(net.closed_by(at_ns, one, other), is_cut.then_some(7), "at {at_ns}");
            assert_eq!(net.send(at_ns, one, other) == Fate::Lost { to: 7 }, is_cut, "at {at_ns}");
        }
        assert_eq!(net.cut_by(one, other), Some(7), "L2: as one cut it goes on");
    }
    cut(&mut net, 8, 0, 1);
    assert_eq!(net.closed_by(1_035, one, other), Some(8), "open to the one and cut by the other");
    assert!(net.mend(7) && net.mend(8));
    assert_eq!(net.cut_by(one, other), None);
}

const ROUGH: Rough =
    Rough { lose_ppm: 100_000, duplicate_ppm: 200_000, delay_ppm: 300_000, delay_ns_max: 5_000_000_000 };

fn roughen(net: &mut Net, id: u32, from: u16, to: u16, rough: Rough) {
    net.roughen(id, MachineId(from), MachineId(to), rough);
}

#[test]
fn a_rough_link_loses_repeats_and_delays_its_share() {
    let mut net = net(&common::plan(1));
    roughen(&mut net, 3, 0, 1, ROUGH);
    let (mut lost, mut twice, mut delayed, mut passed) = (0, 0, 0, 0);
    let (mut longest_ns, mut latest_copy_ns) = (0, 0);
    for fate in fates(&mut net, 0, 1, 10_000) {
        match fate {
            Fate::Lost { to } => lost += u32::from(to == 3),
            Fate::Arrives { after_ns, slowed_by: None, delayed_by, again } => {
                assert!(after_ns <= 12_000_000 || delayed_by == Some(3));
                longest_ns = longest_ns.max(after_ns);
                delayed += u32::from(delayed_by.is_some());
                if let Some(Again { after_ns, by: 3 }) = again {
                    twice += 1;
                    latest_copy_ns = latest_copy_ns.max(after_ns);
                }
                passed += u32::from(delayed_by.is_none() && again.is_none());
            }
            other => panic!("{other:?}"),
        }
    }
    assert!((900..1_100).contains(&lost), "{lost} of 10,000 were lost");
    assert!((1_650..1_950).contains(&twice), "{twice} of 9,000 arrived twice");
    assert!((2_550..2_850).contains(&delayed), "{delayed} of 9,000 were delayed");
    assert!(passed > 4_500, "{passed} passed as ever");
    let up_to_5_s = 4_900_000_000..5_012_000_001;
    assert!(up_to_5_s.contains(&longest_ns) && up_to_5_s.contains(&latest_copy_ns));
}

#[test]
fn of_several_roughnesses_the_most_likely_one_decides_about_each_harm() {
    let mut net = net(&common::plan(1));
    let of = |lose_ppm, duplicate_ppm, delay_ppm| Rough { lose_ppm, duplicate_ppm, delay_ppm, ..ROUGH };
    roughen(&mut net, 1, 0, 1, of(0, 400_000, 0));
    roughen(&mut net, 2, 0, 1, of(500_000, 100_000, 0));
    roughen(&mut net, 3, 0, 1, of(0, 0, 500_000));
    let fates = fates(&mut net, 0, 1, 1_000);
    for fate in fates {
        match fate {
            Fate::Lost { to } => assert_eq!(to, 2),
            Fate::Arrives { delayed_by, again, .. } => {
                assert!(delayed_by.is_none_or(|by| by == 3) && again.is_none_or(|again| again.by == 1));
            }
        }
    }
}

#[test]
fn a_rough_link_moves_no_latency_and_no_other_link() {
    let (mut calm, mut rough) = (net(&common::plan(1)), net(&common::plan(1)));
    roughen(&mut rough, 0, 0, 1, ROUGH);
    let (without, with) = (fates(&mut calm, 0, 1, 500), fates(&mut rough, 0, 1, 500));
    let untouched = without.iter().zip(&with).filter(|(without, with)| without == with).count();
    assert!(untouched > 200, "what is not harmed takes as long as ever");
    for (without, with) in latencies(&without).into_iter().zip(&with) {
        assert!(matches!(with, Fate::Lost { to: 0 }) || latencies(&[*with])[0] >= without);
    }
    // What one link has drawn for its harms moves nothing elsewhere, and after it nothing is left of it.
    roughen(&mut rough, 0, 2, 0, ROUGH);
    let mut other = net(&common::plan(1));
    roughen(&mut other, 0, 2, 0, ROUGH);
    assert_eq!(fates(&mut rough, 2, 0, 100), fates(&mut other, 2, 0, 100));
    assert_eq!(fates(&mut rough, 1, 2, 50), fates(&mut calm, 1, 2, 50));
    rough.mend(0);
    assert_eq!(fates(&mut rough, 0, 1, 50), fates(&mut calm, 0, 1, 50));
}

#[test]
fn l2_the_worst_of_a_link_is_told() {
    let mut net = net(&common::plan(1));
    let worst = |net: &Net, from, to| net.worst(MachineId(from), MachineId(to));
    assert_eq!(worst(&net, 0, 1), Worst { lost_ppm: 0, delayed_ns: 0 });
    net.lose(1, 100_000);
    roughen(&mut net, 2, 0, 1, ROUGH);
    roughen(&mut net, 3, 0, 2, Rough { delay_ppm: 0, ..ROUGH });
    // 20 ms and 20 % of jitter, five times as long: 96 ms more.
    net.slow_down(4, MachineId(0), MachineId(2), 500);
    assert_eq!(worst(&net, 0, 1), Worst { lost_ppm: 190_000, delayed_ns: 5_000_000_000 });
    assert_eq!(worst(&net, 0, 2), Worst { lost_ppm: 190_000, delayed_ns: 96_000_000 });
    assert_eq!(worst(&net, 1, 0), Worst { lost_ppm: 100_000, delayed_ns: 0 });
    assert_eq!(worst(&net, 1, 1), Worst { lost_ppm: 0, delayed_ns: 0 }, "a machine always reaches itself");
    for id in 1..5 {
        net.mend(id);
    }
    assert_eq!(worst(&net, 0, 2), Worst { lost_ppm: 0, delayed_ns: 0 });
}
