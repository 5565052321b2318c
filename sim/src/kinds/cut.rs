//! The links between a machine and all others are cut.

use proptest::prelude::*;
use reveille_model::history::{Scope, Takes};
use serde::{Deserialize, Serialize};

use super::draw::{Aim, Alone, Draw, Stage, Turn, flaps, now_and_then};
use super::links::scope_of_cut;
use super::{FaultKind, Kind, Role, Row, Strikes, Struck, flap};
use crate::plan::{Check, Direction, Fault, Flap, PlanError, Target};
use crate::world::World;

/// The links between a machine and all others are cut; its own clients still reach it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineCut {
    /// Which machine.
    pub target: Target,
    /// For so long, in milliseconds.
    pub for_ms: u64,
    /// Which of its links.
    pub direction: Direction,
    /// How it comes and goes; without it, it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flap: Option<Flap>,
}

impl MachineCut {
    pub(super) const ROWS: &[Row] = &[Self::STAYS, Self::FLAPS, Self::FLAPS_ONE_WAY];

    const STAYS: Row = Row {
        name: "cut",
        by_role: by_role!("cut"),
        strikes: Strikes::Link,
        takes: &[Takes::Reachability],
        about: "The links between a machine and all others are cut, both ways or one; its own clients still reach it.",
        begins,
        ends: |whom| match whom.scope {
            Scope::Links { .. } => format!("messages pass again on {whom}"),
            _ => format!("{whom} is connected again"),
        },
        draws: &[Draw::Machine(2, |it| {
            let (target, for_ms) = (it.target.clone(), it.for_ms);
            let kind = directions().prop_map(move |direction| {
                Self { target: target.clone(), for_ms, direction, flap: None }.into()
            });
            kind.boxed()
        })],
        alone: Some(Alone {
            aims: &[Aim::Machine, Aim::Leader],
            fault: |it| {
                let direction = Direction::Both;
                Self { target: it.target.clone(), for_ms: it.lasts_ms, direction, flap: None }.into()
            },
        }),
    };

    /// What comes and goes strikes links and not the machine: it is there at times, so nobody has to take over (L2).
    const FLAPS: Row = Row {
        name: "flapping-cut",
        by_role: None,
        strikes: Strikes::Link,
        takes: &[Takes::Reachability],
        about: "The links between a machine and all others are cut both ways, again and again.",
        begins: |whom| format!("again and again no message passes on {whom}, nor back"),
        ends: |whom| format!("messages pass at all times again on {whom}, and back"),
        draws: &[Draw::Apart(Turn::Last, flapping)],
        alone: None,
    };

    const FLAPS_ONE_WAY: Row = Row {
        name: "flapping-cut-one-way",
        by_role: None,
        strikes: Strikes::Link,
        takes: &[Takes::Reachability],
        about: "The links from all others to a machine, or those from it, are cut again and again; those back are open.",
        begins: |whom| format!("again and again no message passes on {whom}, those back are open"),
        ends: |whom| format!("messages pass at all times again on {whom}"),
        draws: &[],
        alone: None,
    };
}

fn directions() -> impl Strategy<Value = Direction> {
    prop_oneof![2 => Just(Direction::Both), 1 => Just(Direction::In), 1 => Just(Direction::Out)]
}

fn flapping(stage: &Stage) -> BoxedStrategy<Vec<Fault>> {
    let kind = (stage.anybody(), 2_000..30_000_u64, directions(), flaps());
    let kind = kind.prop_map(|(target, for_ms, direction, flap)| {
        MachineCut { target, for_ms, direction, flap: Some(flap) }.into()
    });
    now_and_then(stage, kind)
}

/// One way it strikes links, in a history, and the machine is the one at their single end.
fn begins(whom: &Struck<'_>) -> String {
    let Scope::Links { from, to } = whom.scope else {
        return format!("{whom} is cut off from the others");
    };
    let links = Struck { role: None, ..*whom };
    let role = whom.role.map_or(String::new(), |role| match (&from[..], &to[..]) {
        ([one], [_, _, ..]) | ([_, _, ..], [one]) => format!("; machine {one} is {}", Role::told(role)),
        _ => format!("; one of them is {}", Role::told(role)),
    });
    format!("no message passes on {links}, those back are open{role}")
}

impl Kind for MachineCut {
    aimed!();
    lasts!(for_ms);

    fn row(&self) -> &'static Row {
        match (self.flap, self.direction) {
            (None, _) => &Self::ROWS[0],
            (Some(_), Direction::Both) => &Self::ROWS[1],
            (Some(_), Direction::In | Direction::Out) => &Self::ROWS[2],
        }
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        flap::validate(self.flap, check)
    }

    fn told(&self) -> String {
        let (target, lasts) = (&self.target, flap::lasts(self.for_ms, self.flap));
        match self.direction {
            Direction::Both => format!("{target} is cut off from the others {lasts}"),
            Direction::In => format!("{target} hears nothing from the others {lasts}"),
            Direction::Out => format!("nothing that {target} sends reaches the others {lasts}"),
        }
    }

    fn plainer(&self) -> Vec<FaultKind> {
        let stays = self.flap.map(|_| Self { flap: None, ..self.clone() });
        let whole = !self.direction.is_both();
        let whole = whole.then(|| Self { direction: Direction::Both, ..self.clone() });
        stays.into_iter().chain(whole).map(Into::into).collect()
    }

    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let machine = world.struck(&self.target)?;
        let others = world.machines(|other| other != machine);
        let scope = match (self.flap, self.direction) {
            (None, Direction::Both) => Scope::Machine(machine.0),
            (_, direction) => scope_of_cut(direction, &[machine], &others),
        };
        let fault = world.fault_begins(self, scope);
        if self.direction != Direction::Out {
            world.cut(fault, &others, &[machine], self.flap);
        }
        if self.direction != Direction::In {
            world.cut(fault, &[machine], &others, self.flap);
        }
        world.review_majorities();
        Some(fault)
    }
}
