//! Links that lose, repeat and keep back single messages: whatever is sent may arrive twice, late, and behind what was sent
//! after it. And links that are slow one way alone: a question arrives at once and its answer seconds later, or the reverse.

use proptest::prelude::*;
use reveille_sim::kinds::{CorruptMessages, RoughLinks, SlowLinks};
use reveille_sim::plan::LinksOf;

use super::super::trouble::{Ground, Trouble};

/// All links alike, those of a machine or of a datacenter, or some single ones, each with its own probabilities.
pub(super) fn rough_links(ground: &mut Ground<'_>) -> Trouble {
    let for_ms = ground.lasting_ms();
    let of = match ground.dice.draw(0..4_u8) {
        0 => vec![LinksOf::All],
        1 => vec![LinksOf::Machine(ground.anybody())],
        2 => vec![LinksOf::Datacenter(ground.datacenters()[0])],
        _ => single_links(ground),
    };
    let rough = |of| {
        let (lose_ppm, duplicate_ppm, delay_ppm) = (ppm(ground), ppm(ground), ppm(ground));
        let delay_ms_max = u32::try_from(ground.dice.log(50..30_000)).expect("half a minute");
        (0, RoughLinks { of, lose_ppm, duplicate_ppm, delay_ppm, delay_ms_max, for_ms })
    };
    Trouble::of(of.into_iter().map(rough).collect::<Vec<_>>())
}

/// All messages to or from a machine or a datacenter take from several times to a hundred times as long; those back do not.
pub(super) fn slow_one_way(ground: &mut Ground<'_>) -> Trouble {
    let inside = if ground.dice.percent(60) || ground.stage.cluster.datacenters == 1 {
        vec![ground.machines()[0]]
    } else {
        let datacenter = ground.datacenters()[0];
        ground.within(datacenter)
    };
    let all = 0..ground.stage.cluster.machines();
    let outside: Vec<u16> = all.filter(|machine| !inside.contains(machine)).collect();
    let is_in = ground.dice.draw(any::<bool>());
    let (from, to) = if is_in { (outside, inside) } else { (inside, outside) };
    let factor = ground.dice.log(300..u64::from(SlowLinks::FACTOR_MAX_PERCENT));
    let factor_percent = u32::try_from(factor).expect("some thousands");
    Trouble::one(SlowLinks { of: LinksOf::Between { from, to }, factor_percent, for_ms: ground.lasting_ms() })
}

fn single_links(ground: &mut Ground<'_>) -> Vec<LinksOf> {
    let many = ground.dice.draw(2..=8_usize);
    let link = |_| {
        let pair = ground.machines();
        LinksOf::Between { from: vec![pair[0]], to: vec![pair[1]] }
    };
    (0..many).map(link).collect()
}

/// Of a million messages: none, or from one in ten thousand to three in ten; half the time so many that what is asked again
/// meets what was asked before.
fn ppm(ground: &mut Ground<'_>) -> u32 {
    let least = if ground.dice.draw(any::<bool>()) { 100 } else { 20_000 };
    if ground.dice.percent(60) {
        u32::try_from(ground.dice.log(least..300_000)).expect("less than a million")
    } else {
        0
    }
}

/// Messages arrive corrupted, from one in a thousand to one in five.
pub(super) fn corrupted(ground: &mut Ground<'_>) -> Trouble {
    let ppm = u32::try_from(ground.dice.log(1_000..200_000)).expect("a part of a million");
    let for_ms = ground.lasting_ms();
    Trouble::one(CorruptMessages { ppm, for_ms })
}
