//! Many things break, most of them for a short time: from milliseconds to minutes on a logarithmic scale, whatever the table
//! of kinds draws.

use proptest::prelude::*;
use reveille_sim::kinds::draw::{self, OfDatacenter, OfMachine, Stage, Turn};
use reveille_sim::plan::{Fault, FaultKind};

use super::super::trouble::{Ground, Trouble};

/// Faults of machines, links and datacenters, disks and clocks, and outages, over one to two minutes.
pub(in super::super) fn ordinary(ground: &mut Ground<'_>) -> Trouble {
    const MACHINES_MAX: usize = 14;
    const DATACENTERS_MAX: usize = 3;
    const OUTAGES_MAX: usize = 3;
    const LONGEST_MS: u64 = 120_000;
    let faults_ms = ground.dice.draw(30_000..100_000_u64);
    let stage = Stage { faults_ms, ..ground.stage.clone() };
    let mut trouble = Trouble::default();
    for _ in 0..ground.dice.draw(0..=MACHINES_MAX) {
        let (at_ms, for_ms) = (ground.dice.draw(0..faults_ms), ground.dice.log(5..LONGEST_MS));
        trouble = trouble.and(at_ms, of_machine(ground, for_ms));
    }
    for _ in 0..ground.dice.draw(0..=DATACENTERS_MAX) {
        let (at_ms, for_ms) = (ground.dice.draw(0..faults_ms), ground.dice.log(50..LONGEST_MS));
        trouble = trouble.and(at_ms, of_datacenter(ground, for_ms));
    }
    for _ in 0..ground.dice.draw(0..=OUTAGES_MAX) {
        let (at_ms, for_ms) = (ground.dice.draw(0..faults_ms), ground.dice.log(100..LONGEST_MS));
        let kind = ground.dice.draw(draw::outage());
        trouble = trouble.and_outage(at_ms, for_ms, kind);
    }
    trouble.faults.extend(apart(ground, &stage));
    trouble
}

/// What the table draws by itself: the faults of disks and clocks, and what is new.
fn apart(ground: &mut Ground<'_>, stage: &Stage) -> Vec<Fault> {
    let turns = [Turn::Clocks, Turn::Disks, Turn::Last];
    turns.into_iter().flat_map(|turn| ground.dice.draw(draw::apart(stage, turn))).collect()
}

/// Any fault of a machine or of links within a datacenter.
pub(super) fn of_machine(ground: &mut Ground<'_>, for_ms: u64) -> FaultKind {
    let (cluster, target) = (ground.stage.cluster, ground.anybody());
    ground.dice.draw(draw::of_machine(&OfMachine { cluster, target, for_ms }))
}

/// Any fault of a datacenter; of a machine, where there is only one datacenter.
pub(super) fn of_datacenter(ground: &mut Ground<'_>, for_ms: u64) -> FaultKind {
    let (cluster, datacenters, flag) =
        (ground.stage.cluster, ground.datacenters(), ground.dice.draw(any::<bool>()));
    let [datacenter, other, ..] = datacenters[..] else { return of_machine(ground, for_ms) };
    ground.dice.draw(draw::of_datacenter(&OfDatacenter { cluster, datacenter, other, flag, for_ms }))
}
