//! The plan of the reference run. Whatever the generator learns to draw, this plan stays what it is.

use proptest::collection::vec;
use reveille_sim::plan::{Past, Phases, Plan};

use super::dice::Dice;
use super::mould::{self, FAULTS_MS};
use super::requests::{asking, requests};
use super::{CLUSTER, Requests, Shape, WARM_UP_MS, faults, object, stage};

/// The plan of the reference run: five virtual minutes, boot and quiet included, 100 objects, five requests a virtual
/// second, and the fault mix of the scenario's other plans, slow disks excepted: figures
/// of different days stay comparable. What comes of it is pinned by [`crate::bench`].
pub fn reference(shape: &Shape, seed: u64) -> Plan {
    const RUN_MS: u64 = 300_000;
    const OBJECTS: usize = 100;
    const REQUESTS: usize = 1_500;
    const FAULTS: usize = 5;
    /// Requests go on to the end of their phase, faults do not: so the quiet phase can be short.
    const FAULTS_UNTIL_MS: u64 = 220_000;
    const REST_MS: u64 = 20_000;
    let mut plan = Dice::new(shape.scenario, seed).draw(mould::plans(shape, seed));
    let faults_ms = RUN_MS - WARM_UP_MS - REST_MS;
    plan.phases = Phases { warm_up_ms: WARM_UP_MS, faults_ms, quiet_ms: REST_MS };
    // What it costs to keep little of the past is not what is measured.
    plan.past = Past::default();
    let Shape { class, requests: Requests::Spread { body, .. }, .. } = shape else {
        panic!("{} has requests of its own", shape.scenario);
    };
    let drawn = (
        vec(asking(CLUSTER.machines(), OBJECTS, faults_ms), REQUESTS),
        faults::faults(&stage(CLUSTER, class, OBJECTS, FAULTS_MS), FAULTS.into()),
    );
    let (asked, faults) = Dice::new("reference", seed).draw(drawn);
    (plan.workload, plan.faults) = (requests(class, body, 0, asked), faults);
    for (index, request) in plan.workload.iter_mut().enumerate().step_by(2) {
        // Every other one asks the objects in turn: by chance alone too many would meet an alarm that is set already.
        request.object = object(class, index / 2 % OBJECTS);
    }
    for fault in &mut plan.faults {
        // Drawn for a shorter time: spread over this one.
        fault.at_ms = fault.at_ms * FAULTS_UNTIL_MS / FAULTS_MS;
    }
    plan
}
