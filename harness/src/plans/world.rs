//! The world that a plan begins with: cluster, network, disks, clocks, services, and how much everybody may use up and keeps. What
//! breaks in it is drawn elsewhere ([`super::patterns`]). A new knob of the plan is drawn here.

use reveille_sim::plan::{Clock, Cluster, Disk, Limits, Network, Past, Tuning, Upstream};

use super::dice::Dice;
use super::{cluster, mould};

/// What a plan begins with.
pub(super) struct World {
    pub(super) cluster: Cluster,
    pub(super) network: Network,
    pub(super) disk: Disk,
    pub(super) clocks: Vec<Clock>,
    pub(super) upstream: Upstream,
    pub(super) past: Past,
    pub(super) limits: Limits,
    pub(super) tuning: Tuning,
    pub(super) idle_evict_ms: u64,
    pub(super) outside_timeout_ms: u64,
}

impl World {
    /// Any world of objects whose code may use up so much.
    pub(super) fn any(dice: &mut Dice, limits: Limits) -> Self {
        let cluster = cluster::any(dice);
        let mut upstream = dice.draw(mould::upstream());
        upstream.outages.clear();
        Self {
            cluster,
            network: network(dice, cluster),
            disk: dice.draw(mould::disk()),
            clocks: dice.draw(mould::clocks(cluster)),
            upstream,
            past: dice.draw(mould::past()),
            limits: within_reach(dice, limits),
            tuning: tuning(dice),
            idle_evict_ms: if dice.percent(75) {
                dice.draw(8_000..12_000_u64)
            } else {
                dice.log(500..60_000)
            },
            outside_timeout_ms: if dice.percent(75) { 30_000 } else { dice.log(5_000..60_000) },
        }
    }

    /// The same world without what blurs the bounds of time: no message is lost by chance, and the wall clocks agree.
    pub(super) fn mild(mut self) -> Self {
        self.network.loss_ppm = 0;
        self.clocks.iter_mut().for_each(|clock| clock.offset_ms = 0);
        self
    }
}

/// In so many of a hundred plans every link loses messages throughout the fault phase, and not seldom.
const LOSSY_PERCENT: u32 = 12;

/// L2: links that lose up to a tenth of all messages connect.
fn network(dice: &mut Dice, cluster: Cluster) -> Network {
    let network = dice.draw(mould::network(cluster));
    let loss_ppm = dice.percent(LOSSY_PERCENT).then(|| dice.draw(10_000..95_000_u32));
    Network { loss_ppm: loss_ppm.unwrap_or(network.loss_ppm), ..network }
}

/// How machines are tuned: in half of the plans as by default, else some of it tighter by far.
fn tuning(dice: &mut Dice) -> Tuning {
    let mut tuning = Tuning::default();
    if dice.percent(50) {
        return tuning;
    }
    // Whether one of them is tight, and how far.
    let mut tight = |range| dice.percent(50).then(|| dice.log(range));
    let small =
        |tight: Option<u64>, usual| tight.map_or(usual, |count| u32::try_from(count).unwrap_or(usual));
    // A follower asks for votes after four beats: shorter ones than the longest round trip would never let it rest.
    tuning.tick_ms = tight(100..700).unwrap_or(tuning.tick_ms);
    // Mostly a page or two of what a slice has: what lies between two pages shows only then.
    tuning.page_alarms = small(tight(1..5).or_else(|| tight(5..20)), tuning.page_alarms);
    tuning.batch_turns = small(tight(1..20), tuning.batch_turns);
    tuning.append_bytes = tight(100..1_000_000).unwrap_or(tuning.append_bytes);
    tuning.waiting_requests = small(tight(4..1_000), tuning.waiting_requests);
    tuning.parked_reads = small(tight(4..1_000), tuning.parked_reads);
    tuning
}

/// Where a scenario's objects have less than the contract gives, a quarter of the plans go down to a quarter of it; and in
/// another quarter a run may take longer than any bound of L.
fn within_reach(dice: &mut Dice, limits: Limits) -> Limits {
    let Limits { run_ms, turn_budget, constructor_ms } = limits;
    if limits == Limits::OF_THE_CONTRACT {
        return limits;
    }
    match dice.draw(0..4_u8) {
        0 => Limits {
            run_ms: dice.draw(run_ms / 4..=run_ms),
            turn_budget: dice.draw(turn_budget / 4..=turn_budget),
            constructor_ms: dice.draw(constructor_ms / 10..=constructor_ms),
        },
        1 => Limits { run_ms: dice.draw(60_000..150_000_u64), ..limits },
        _ => limits,
    }
}
