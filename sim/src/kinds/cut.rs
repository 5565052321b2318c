//! The links between a machine and all others are cut.

use proptest::prelude::*;
use reveille_model::history::{Scope, Takes};
use reveille_system::ids::MachineId;
use serde::{Deserialize, Serialize};

use super::draw::{Aim, Alone, Draw, Stage, Turn, flaps, now_and_then};
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
    pub(super) const ROWS: &[Row] = &[Self::STAYS, Self::FLAPS];

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

    const FLAPS: Row = Row {
        name: "flapping-cut",
        by_role: None,
        strikes: Strikes::Link,
        takes: &[Takes::Reachability],
        about: "The links between a machine and all others are cut again and again, both ways or one.",
        begins: |whom| match whom.scope {
            Scope::Links { .. } => {
                format!("again and again no message passes on {whom}, those back are open")
            }
            _ => format!("{whom} is cut off from the others again and again"),
        },
        ends: |whom| match whom.scope {
            Scope::Links { .. } => format!("messages pass at all times again on {whom}"),
            _ => format!("{whom} is connected at all times again"),
        },
        draws: &[Draw::Apart(Turn::Last, flapping)],
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
        &Self::ROWS[usize::from(self.flap.is_some())]
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
        let names = |machines: &[MachineId]| machines.iter().map(|machine| machine.0).collect();
        let scope = match self.direction {
            Direction::Both => Scope::Machine(machine.0),
            Direction::In => Scope::Links { from: names(&others), to: vec![machine.0] },
            Direction::Out => Scope::Links { from: vec![machine.0], to: names(&others) },
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
