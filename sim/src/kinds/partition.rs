//! The links from each of some machines to each of others are cut.

use proptest::prelude::*;
use reveille_model::history::{Scope, Takes};
use reveille_system::ids::MachineId;
use serde::{Deserialize, Serialize};

use super::draw::{Draw, Stage, Turn, flaps, now_and_then};
use super::links::check_sides;
use super::shrink::without_one;
use super::words::machines;
use super::{FaultKind, Kind, Numbers, Row, Strikes, flap};
use crate::plan::{Check, Fault, Flap, PlanError};
use crate::world::World;

/// The links from each of some machines to each of others are cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Senders.
    pub from: Vec<u16>,
    /// Receivers; none of the senders.
    pub to: Vec<u16>,
    /// Whether the links back are cut as well.
    pub both_ways: bool,
    /// For so long, in milliseconds.
    pub for_ms: u64,
    /// How it comes and goes; without it, it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flap: Option<Flap>,
}

impl Partition {
    /// A history tells the links that are cut; whether those back are open, and whether the cut comes and goes, has to be
    /// said by the name.
    pub(super) const ROWS: &[Row] = &[
        Row {
            name: "partition",
            by_role: None,
            strikes: Strikes::Link,
            takes: &[Takes::Reachability],
            about: "The links between each of some machines and each of others are cut both ways.",
            begins: |whom| format!("no message passes on {whom}"),
            ends: |whom| format!("messages pass again on {whom}"),
            draws: &[
                // A machine that does not reach the others of its datacenter, if there are any, and perhaps is not reached by them.
                Draw::Machine(1, |it| {
                    let (cluster, for_ms) = (it.cluster, it.for_ms);
                    let drawn = (0..cluster.machines(), any::<bool>());
                    let kind = drawn.prop_map(move |(machine, both_ways)| {
                        let within = match cluster.machines_per_datacenter {
                            1 => 0..cluster.machines(),
                            many => cluster.machines_of(machine / many),
                        };
                        let to = within.filter(|other| *other != machine).collect();
                        Self { from: vec![machine], to, both_ways, for_ms, flap: None }.into()
                    });
                    kind.boxed()
                }),
                Draw::Datacenter(2, |it| {
                    let of = |datacenter| it.cluster.machines_of(datacenter).collect();
                    let (from, to) = (of(it.datacenter), of(it.other));
                    Just(Self { from, to, both_ways: it.flag, for_ms: it.for_ms, flap: None }.into()).boxed()
                }),
            ],
            alone: None,
        },
        Row {
            name: "partition-one-way",
            by_role: None,
            strikes: Strikes::Link,
            takes: &[Takes::Reachability],
            about: "The links from each of some machines to each of others are cut; those back are open.",
            begins: |whom| format!("no message passes on {whom}, those back are open"),
            ends: |whom| format!("messages pass again on {whom}"),
            draws: &[],
            alone: None,
        },
        Row {
            name: "flapping-partition",
            by_role: None,
            strikes: Strikes::Link,
            takes: &[Takes::Reachability],
            about: "The links between each of some machines and each of others are cut both ways, again and again.",
            begins: |whom| format!("again and again no message passes on {whom}"),
            ends: |whom| format!("messages pass at all times again on {whom}"),
            draws: &[Draw::Apart(Turn::Last, flapping)],
            alone: None,
        },
        Row {
            name: "flapping-partition-one-way",
            by_role: None,
            strikes: Strikes::Link,
            takes: &[Takes::Reachability],
            about: "The links from each of some machines to each of others are cut again and again; those back are open.",
            begins: |whom| format!("again and again no message passes on {whom}, those back are open"),
            ends: |whom| format!("messages pass at all times again on {whom}"),
            draws: &[],
            alone: None,
        },
    ];
}

/// One link of a pair, or both, comes and goes.
fn flapping(stage: &Stage) -> BoxedStrategy<Vec<Fault>> {
    let machines = stage.cluster.machines();
    let kind = (0..machines, 1..machines, any::<bool>(), 2_000..30_000_u64, flaps());
    let kind = kind.prop_map(move |(one, further, both_ways, for_ms, flap)| {
        let (from, to) = (vec![one], vec![(one + further) % machines]);
        Partition { from, to, both_ways, for_ms, flap: Some(flap) }.into()
    });
    now_and_then(stage, kind)
}

impl Kind for Partition {
    lasts!(for_ms);

    fn row(&self) -> &'static Row {
        &Self::ROWS[2 * usize::from(self.flap.is_some()) + usize::from(!self.both_ways)]
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        check_sides(check, "", &self.from, &self.to)?;
        flap::validate(self.flap, check)
    }

    fn told(&self) -> String {
        let lasts = flap::lasts(self.for_ms, self.flap);
        let (from, to) = (machines(&self.from), machines(&self.to));
        if self.both_ways {
            format!("no message passes between {from} and {to} {lasts}")
        } else {
            format!("no message passes from {from} to {to} {lasts}")
        }
    }

    fn plainer(&self) -> Vec<FaultKind> {
        let stays = self.flap.map(|_| Self { flap: None, ..self.clone() });
        let whole = (!self.both_ways).then(|| Self { both_ways: true, ..self.clone() });
        let fewer_from = without_one(&self.from).map(|from| Self { from, ..self.clone() });
        let fewer_to = without_one(&self.to).map(|to| Self { to, ..self.clone() });
        stays.into_iter().chain(whole).chain(fewer_from).chain(fewer_to).map(Into::into).collect()
    }

    fn renumber(&mut self, numbers: &Numbers<'_>) -> Option<()> {
        numbers.machines(&mut self.from)?;
        numbers.machines(&mut self.to)
    }

    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let fault = world.fault_begins(self, Scope::Links { from: self.from.clone(), to: self.to.clone() });
        let ids = |side: &[u16]| side.iter().copied().map(MachineId).collect::<Vec<_>>();
        let (from, to) = (ids(&self.from), ids(&self.to));
        world.cut(fault, &from, &to, self.flap);
        if self.both_ways {
            world.cut(fault, &to, &from, self.flap);
        }
        world.review_majorities();
        Some(fault)
    }
}
