//! A small plan and a small class for the tests.

use std::rc::Rc;

use reveille_sim::kinds::{Crash, MessageLoss, PowerLoss};
use reveille_sim::plan::{
    Clock, Cluster, Disk, Fault, FaultKind, Limits, Network, Past, Phases, Plan, Request, Target, Tuning,
    Upstream, VERSION,
};
use reveille_system::object::api::{
    AlarmInfo, Ctx, DurableObject, Request as Asked, Response, RustClass, Thrown,
};
use reveille_system::object::class::Classes;

/// Three datacenters of one machine each; a request every 500 ms; a crash, a loss of power, and lost messages.
pub(crate) fn plan(seed: u64) -> Plan {
    let request = |i: u16| Request {
        at_ms: u64::from(i) * 500,
        machine: i % 3,
        object: format!("Bell/{}", i % 4),
        body: format!("ring {i}"),
        ..Request::default()
    };
    Plan {
        version: VERSION,
        scenario: "test".to_owned(),
        seed,
        cluster: Cluster { datacenters: 3, machines_per_datacenter: 1, groups: 2, slices: 6 },
        network: Network {
            within_us: 200,
            between_us: vec![vec![0, 10_000, 20_000], vec![11_000, 0, 30_000], vec![21_000, 31_000, 0]],
            jitter_percent: 20,
            loss_ppm: 10_000,
        },
        disk: Disk { sync_us_min: 100, sync_us_max: 3_000 },
        clocks: vec![
            Clock { offset_ms: 0, drift_ppm: 0 },
            Clock { offset_ms: 40, drift_ppm: 200 },
            Clock { offset_ms: -30, drift_ppm: -100 },
        ],
        idle_evict_ms: 10_000,
        outside_timeout_ms: 30_000,
        limits: Limits::OF_THE_CONTRACT,
        phases: Phases { warm_up_ms: 10_000, faults_ms: 20_000, quiet_ms: 70_000 },
        workload: (0..30).map(request).collect(),
        request_timeout_ms: 10_000,
        upstream: Upstream { answer_ms_min: 20, answer_ms_max: 200, outages: Vec::new() },
        faults: vec![
            Fault {
                at_ms: 4_000,
                kind: FaultKind::Crash(Crash { target: Target::Machine(1), down_ms: 2_000 }),
            },
            Fault {
                at_ms: 9_000,
                kind: FaultKind::PowerLoss(PowerLoss {
                    target: Target::HolderOf("Bell/0".to_owned()),
                    down_ms: 3_000,
                }),
            },
            Fault {
                at_ms: 12_000,
                kind: FaultKind::MessageLoss(MessageLoss { ppm: 200_000, for_ms: 2_000 }),
            },
        ],
        past: Past::default(),
        tuning: Tuning::default(),
    }
}

/// Keeps what it is told, and tells it upstream a second later.
struct Bell(Ctx);

impl DurableObject for Bell {
    const CLASS: &'static str = "Bell";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self(ctx))
    }

    async fn fetch(self: Rc<Self>, request: Asked) -> Result<Response, Thrown> {
        self.0.storage().put("told", request.body).await?;
        self.0.storage().set_alarm(self.0.now_ms() + 1_000).await?;
        Ok(Response::ok("noted"))
    }

    async fn alarm(self: Rc<Self>, _info: AlarmInfo) -> Result<(), Thrown> {
        let told = self.0.storage().get("told").await?.unwrap_or_default();
        if told == "ring 29" {
            panic!("object code has a bad day");
        }
        self.0.fetch("upstream", told).await?;
        self.0.storage().delete("told").await?;
        Ok(())
    }
}

/// The classes of the plan above.
pub(crate) fn classes() -> Classes {
    Classes::default().with(RustClass::<Bell>::default())
}
