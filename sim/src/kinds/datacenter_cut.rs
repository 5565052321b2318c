//! All links between a datacenter and the others are cut.

use proptest::prelude::*;
use reveille_model::history::{Scope, Takes};
use serde::{Deserialize, Serialize};

use super::draw::{Aim, Alone, Draw, Stage, Turn, flaps, now_and_then};
use super::links::scope_of_cut;
use super::{FaultKind, Kind, Numbers, Row, Strikes, flap};
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
    pub(super) const ROWS: &[Row] = &[Self::STAYS, Self::ONE_WAY, Self::FLAPS, Self::FLAPS_ONE_WAY];

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

    /// What comes and goes strikes links and not the datacenter: it is there at times, so nobody has to take over (L2).
    const FLAPS: Row = Row {
        name: "flapping-datacenter-cut",
        by_role: None,
        strikes: Strikes::Datacenter,
        takes: &[Takes::Reachability],
        about: "All links between a datacenter and the others are cut both ways, again and again.",
        begins: |whom| format!("again and again no message passes on {whom}, nor back"),
        ends: |whom| format!("messages pass at all times again on {whom}, and back"),
        draws: &[Draw::Apart(Turn::Last, flapping)],
        alone: None,
    };

    const FLAPS_ONE_WAY: Row = Row {
        name: "flapping-datacenter-cut-one-way",
        by_role: None,
        strikes: Strikes::Datacenter,
        takes: &[Takes::Reachability],
        about: "All links to a datacenter, or all from it, are cut again and again; those back are open.",
        begins: |whom| format!("again and again no message passes on {whom}, those back are open"),
        ends: |whom| format!("messages pass at all times again on {whom}"),
        draws: &[],
        alone: None,
    };

    /// Cut off both ways, all the time.
    fn whole(datacenter: u16, for_ms: u64) -> Self {
        Self { datacenter, for_ms, direction: Direction::Both, flap: None }
    }
}

fn one_way(stage: &Stage) -> BoxedStrategy<Vec<Fault>> {
    if stage.cluster.datacenters == 1 {
        return Just(Vec::new()).boxed();
    }
    let direction = prop_oneof![Just(Direction::In), Just(Direction::Out)];
    let kind = (0..stage.cluster.datacenters, 3_000..40_000_u64, direction);
    let kind = kind.prop_map(|(datacenter, for_ms, direction)| {
        DatacenterCut { direction, ..DatacenterCut::whole(datacenter, for_ms) }.into()
    });
    now_and_then(stage, kind)
}

fn flapping(stage: &Stage) -> BoxedStrategy<Vec<Fault>> {
    if stage.cluster.datacenters == 1 {
        return Just(Vec::new()).boxed();
    }
    let direction =
        prop_oneof![2 => Just(Direction::Both), 1 => Just(Direction::In), 1 => Just(Direction::Out)];
    let kind = (0..stage.cluster.datacenters, 3_000..40_000_u64, direction, flaps());
    let kind = kind.prop_map(|(datacenter, for_ms, direction, flap)| {
        DatacenterCut { datacenter, for_ms, direction, flap: Some(flap) }.into()
    });
    now_and_then(stage, kind)
}

impl Kind for DatacenterCut {
    lasts!(for_ms);

    fn row(&self) -> &'static Row {
        match (self.flap, self.direction) {
            (None, Direction::Both) => &Self::ROWS[0],
            (None, Direction::In | Direction::Out) => &Self::ROWS[1],
            (Some(_), Direction::Both) => &Self::ROWS[2],
            (Some(_), Direction::In | Direction::Out) => &Self::ROWS[3],
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
        let scope = match (self.flap, self.direction) {
            (None, Direction::Both) => Scope::Datacenter(self.datacenter),
            (_, direction) => scope_of_cut(direction, &inside, &outside),
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
