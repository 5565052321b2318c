//! All links between a datacenter and the others are cut.

use proptest::prelude::*;
use reveille_model::history::{Scope, Takes};
use reveille_system::ids::MachineId;
use serde::{Deserialize, Serialize};

use super::draw::{Aim, Alone, Draw, Stage, Turn, flaps, now_and_then};
use super::{FaultKind, Kind, Numbers, Row, Strikes, Struck, flap};
use crate::plan::{Check, Direction, Fault, Flap, PlanError};
use crate::world::World;

/// All links between a datacenter and the others are cut, both ways or one; its own clients still reach it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatacenterCut {
    /// Which datacenter.
    pub datacenter: u16,
    /// For so long, in milliseconds.
    pub for_ms: u64,
    /// Which of its links to the others.
    #[serde(default, skip_serializing_if = "Direction::is_both")]
    pub direction: Direction,
    /// How it comes and goes; without it, it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flap: Option<Flap>,
}

impl DatacenterCut {
    pub(super) const ROWS: &[Row] = &[Self::STAYS, Self::ONE_WAY, Self::FLAPS];

    const STAYS: Row = Row {
        name: "datacenter-cut",
        by_role: None,
        strikes: Strikes::Datacenter,
        takes: &[Takes::Reachability],
        about: "All links between a datacenter and the others are cut both ways; its own clients still reach it.",
        begins: |whom| format!("{whom} is cut off from the other datacenters"),
        ends: |whom| format!("{whom} is connected again"),
        draws: &[Draw::Datacenter(3, |it| Just(Self::whole(it.datacenter, it.for_ms).into()).boxed())],
        alone: Some(Alone {
            aims: &[Aim::Datacenter],
            fault: |it| Self::whole(it.datacenter, it.lasts_ms).into(),
        }),
    };

    const ONE_WAY: Row = Row {
        name: "datacenter-cut-one-way",
        by_role: None,
        strikes: Strikes::Datacenter,
        takes: &[Takes::Reachability],
        about: "All links to a datacenter, or all from it, are cut: it is heard and hears nothing, or the reverse.",
        begins: |whom| format!("no message passes on {whom}, those back are open"),
        ends: |whom| format!("messages pass again on {whom}"),
        draws: &[Draw::Apart(Turn::Last, one_way)],
        alone: None,
    };

    const FLAPS: Row = Row {
        name: "flapping-datacenter-cut",
        by_role: None,
        strikes: Strikes::Datacenter,
        takes: &[Takes::Reachability],
        about: "All links between a datacenter and the others are cut again and again, both ways or one.",
        begins: |whom| format!("{}, again and again", closed(whom)),
        ends: |whom| format!("messages pass at all times again on {whom}"),
        draws: &[Draw::Apart(Turn::Last, flapping)],
        alone: None,
    };

    /// Cut off both ways, all the time.
    fn whole(datacenter: u16, for_ms: u64) -> Self {
        Self { datacenter, for_ms, direction: Direction::Both, flap: None }
    }
}

fn closed(whom: &Struck<'_>) -> String {
    match whom.scope {
        Scope::Links { .. } => format!("no message passes on {whom}"),
        _ => format!("{whom} is cut off from the other datacenters"),
    }
}

fn one_way(stage: &Stage) -> BoxedStrategy<Vec<Fault>> {
    let direction = prop_oneof![Just(Direction::In), Just(Direction::Out)];
    let kind = (0..stage.cluster.datacenters, 3_000..40_000_u64, direction);
    let kind = kind.prop_map(|(datacenter, for_ms, direction)| {
        DatacenterCut { direction, ..DatacenterCut::whole(datacenter, for_ms) }.into()
    });
    now_and_then(stage, kind)
}

fn flapping(stage: &Stage) -> BoxedStrategy<Vec<Fault>> {
    let kind = (0..stage.cluster.datacenters, 3_000..40_000_u64, flaps());
    let kind = kind.prop_map(|(datacenter, for_ms, flap)| {
        DatacenterCut { flap: Some(flap), ..DatacenterCut::whole(datacenter, for_ms) }.into()
    });
    now_and_then(stage, kind)
}

impl Kind for DatacenterCut {
    lasts!(for_ms);

    fn row(&self) -> &'static Row {
        match (self.flap, self.direction) {
            (None, Direction::Both) => &Self::ROWS[0],
            (None, Direction::In | Direction::Out) => &Self::ROWS[1],
            (Some(_), _) => &Self::ROWS[2],
        }
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        check.datacenter("datacenter", self.datacenter)?;
        flap::validate(self.flap, check)
    }

    fn told(&self) -> String {
        let (datacenter, lasts) = (self.datacenter, flap::lasts(self.for_ms, self.flap));
        match self.direction {
            Direction::Both => format!("datacenter {datacenter} is cut off from the others {lasts}"),
            Direction::In => format!("datacenter {datacenter} hears nothing from the others {lasts}"),
            Direction::Out => {
                format!("nothing that datacenter {datacenter} sends reaches the others {lasts}")
            }
        }
    }

    fn plainer(&self) -> Vec<FaultKind> {
        let stays = self.flap.map(|_| Self { flap: None, ..self.clone() });
        let whole = !self.direction.is_both();
        let whole = whole.then(|| Self { direction: Direction::Both, ..self.clone() });
        stays.into_iter().chain(whole).map(Into::into).collect()
    }

    fn renumber(&mut self, numbers: &Numbers<'_>) -> Option<()> {
        numbers.of_datacenter(&mut self.datacenter)
    }

    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let inside = world.machines_of(self.datacenter);
        let outside = world.machines(|machine| !inside.contains(&machine));
        let names = |machines: &[MachineId]| machines.iter().map(|machine| machine.0).collect();
        let scope = match self.direction {
            Direction::Both => Scope::Datacenter(self.datacenter),
            Direction::In => Scope::Links { from: names(&outside), to: names(&inside) },
            Direction::Out => Scope::Links { from: names(&inside), to: names(&outside) },
        };
        let fault = world.fault_begins(self, scope);
        if self.direction != Direction::In {
            world.cut(fault, &inside, &outside, self.flap);
        }
        if self.direction != Direction::Out {
            world.cut(fault, &outside, &inside, self.flap);
        }
        world.review_majorities();
        Some(fault)
    }
}
