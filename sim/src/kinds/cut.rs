//! The links between a machine and all others are cut.

use proptest::prelude::*;
use reveille_model::history::{Scope, Takes};
use reveille_system::ids::MachineId;
use serde::{Deserialize, Serialize};

use super::draw::{Aim, Alone, Draw};
use super::words::Length;
use super::{FaultKind, Kind, Role, Row, Strikes, Struck};
use crate::plan::{Direction, Target};
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
}

impl MachineCut {
    pub(super) const ROWS: &[Row] = &[Row {
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
            let direction =
                prop_oneof![2 => Just(Direction::Both), 1 => Just(Direction::In), 1 => Just(Direction::Out)];
            direction
                .prop_map(move |direction| Self { target: target.clone(), for_ms, direction }.into())
                .boxed()
        })],
        alone: Some(Alone {
            aims: &[Aim::Machine, Aim::Leader],
            fault: |it| {
                let direction = Direction::Both;
                Self { target: it.target.clone(), for_ms: it.lasts_ms, direction }.into()
            },
        }),
    }];
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

    one_row!();

    fn told(&self) -> String {
        let (target, lasts) = (&self.target, Length(self.for_ms));
        match self.direction {
            Direction::Both => format!("{target} is cut off from the others for {lasts}"),
            Direction::In => format!("{target} hears nothing from the others for {lasts}"),
            Direction::Out => format!("nothing that {target} sends reaches the others for {lasts}"),
        }
    }

    fn plainer(&self) -> Vec<FaultKind> {
        match self.direction {
            Direction::Both => Vec::new(),
            Direction::In | Direction::Out => {
                vec![Self { direction: Direction::Both, ..self.clone() }.into()]
            }
        }
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
            world.cut(fault, &others, &[machine]);
        }
        if self.direction != Direction::In {
            world.cut(fault, &[machine], &others);
        }
        world.review_majorities();
        Some(fault)
    }
}
