//! What breaks in the plans of [`super::mould`]. Within what the system goes on serving in (D2): of the datacenters at most one
//! at a time is down or cut off as a whole, or has lost another one. Single machines may fail anywhere at any time; their
//! disks stay. What still lasts at the end of the fault phase is healed then. Which kinds there are, and how likely each
//! is, stands in their table ([`reveille_sim::kinds`]).

use proptest::collection::{SizeRange, vec};
use proptest::prelude::*;
use reveille_sim::kinds::draw::{self, OfDatacenter, OfMachine, Stage, Turn};
use reveille_sim::plan::Fault;

/// How far apart the troubles of two datacenters are.
const BETWEEN_DATACENTERS_MS: u64 = 1_000;

/// All faults of a plan but those of disks and those that are drawn last, by time; `machines` of them are faults of single
/// machines and of links within a datacenter.
pub(super) fn faults(stage: &Stage, machines: SizeRange) -> impl Strategy<Value = Vec<Fault>> + use<> {
    let drawn = (
        vec(of_machines(stage), machines),
        vec(of_datacenters(stage), 0..4),
        draw::apart(stage, Turn::Clocks),
    );
    drawn.prop_map(|(mut faults, of_datacenters, of_clocks)| {
        faults.extend(one_at_a_time(of_datacenters));
        faults.extend(of_clocks);
        by_time(faults)
    })
}

pub(super) fn by_time(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by_key(|fault| fault.at_ms);
    faults
}

fn of_machines(stage: &Stage) -> impl Strategy<Value = Fault> + use<> {
    // Most are over before anybody takes over, some are not.
    let for_ms = prop_oneof![4 => 200..12_000_u64, 1 => 12_000..40_000_u64];
    let cluster = stage.cluster;
    let kind = (stage.anybody(), for_ms)
        .prop_flat_map(move |(target, for_ms)| draw::of_machine(&OfMachine { cluster, target, for_ms }));
    (0..stage.faults_ms, kind).prop_map(|(at_ms, kind)| Fault { at_ms, kind })
}

fn of_datacenters(stage: &Stage) -> impl Strategy<Value = Fault> + use<> {
    let cluster = stage.cluster;
    let drawn = (0..cluster.datacenters, 1..cluster.datacenters, any::<bool>(), 3_000..40_000_u64);
    let kind = drawn.prop_flat_map(move |(datacenter, further, flag, for_ms)| {
        let other = (datacenter + further) % cluster.datacenters;
        draw::of_datacenter(&OfDatacenter { cluster, datacenter, other, flag, for_ms })
    });
    (0..stage.faults_ms, kind).prop_map(|(at_ms, kind)| Fault { at_ms, kind })
}

/// Ends each fault before the next one begins.
fn one_at_a_time(faults: Vec<Fault>) -> Vec<Fault> {
    let mut faults = by_time(faults);
    let mut next_ms = u64::MAX;
    for fault in faults.iter_mut().rev() {
        let most_ms = next_ms.saturating_sub(fault.at_ms + BETWEEN_DATACENTERS_MS);
        next_ms = fault.at_ms;
        fault.kind = fault.kind.lasting(most_ms.min(fault.kind.lasts_ms()));
    }
    faults.retain(|fault| fault.kind.lasts_ms() > 0);
    faults
}
