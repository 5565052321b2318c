//! The wall clock of a machine steps.

use proptest::collection::vec;
use proptest::prelude::*;
use reveille_model::history::{Scope, Takes};
use reveille_system::io::Input;
use serde::{Deserialize, Serialize};

use super::draw::{Draw, Stage, Turn};
use super::shrink::less;
use super::words::Length;
use super::{FaultKind, Kind, Row, Strikes};
use crate::plan::{Check, Fault, PlanError, Target};
use crate::trace::Kind as Step;
use crate::world::World;

/// The most that a drawn clock steps. With two steps, an offset and the drift of a run its error stays below 5 s: beyond
/// that only safety would be checked.
const DRAWN_MAX_MS: i32 = 1_500;

/// The wall clock of a machine steps, and stays there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockStep {
    /// Which machine.
    pub target: Target,
    /// How far: forward, or back if negative; at most [`ClockStep::BY_MAX_MS`] either way.
    pub by_ms: i32,
}

impl ClockStep {
    /// The largest step: an hour.
    pub const BY_MAX_MS: u32 = 3_600_000;

    pub(super) const ROWS: &[Row] = &[Row {
        name: "clock-step",
        by_role: None,
        strikes: Strikes::Clock,
        takes: &[Takes::Clock],
        about: "The wall clock of a machine steps forward or back, and stays there. Its process is told that the clock was set.",
        begins: |whom| format!("the wall clock of {whom} jumps"),
        ends: |whom| format!("the wall clock of {whom} goes on from there"),
        draws: &[Draw::Apart(Turn::Clocks, drawn)],
        alone: None,
    }];
}

/// In most plans none: the error of the wall clocks is part of every bound of time, which a step would blur.
fn drawn(stage: &Stage) -> BoxedStrategy<Vec<Fault>> {
    let target = prop_oneof![
        3 => (0..stage.cluster.machines()).prop_map(Target::Machine),
        1 => stage.leader(),
    ];
    let step = (0..stage.faults_ms, target, -DRAWN_MAX_MS..=DRAWN_MAX_MS)
        .prop_map(|(at_ms, target, by_ms)| Fault { at_ms, kind: ClockStep { target, by_ms }.into() });
    prop_oneof![3 => Just(Vec::new()), 1 => vec(step, 1..3)].boxed()
}

impl Kind for ClockStep {
    aimed!();

    one_row!();

    fn lasts_ms(&self) -> u64 {
        0
    }

    fn last(&mut self, _ms: u64) {}

    fn steps_clock_ms(&self, machine: u16) -> Option<i32> {
        match self.target {
            Target::Machine(struck) if struck != machine => None,
            _ => Some(self.by_ms),
        }
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        let (by, max) = (self.by_ms, Self::BY_MAX_MS);
        check.ensure(by.unsigned_abs() <= max, "by_ms", by, || format!("it is from -{max} to {max}"))
    }

    fn told(&self) -> String {
        let way = if self.by_ms < 0 { "back" } else { "forward" };
        let by = Length(u64::from(self.by_ms.unsigned_abs()));
        format!("the wall clock of {} jumps {way} by {by}", self.target)
    }

    fn plainer(&self) -> Vec<FaultKind> {
        let shorter = less::<i32>(self.by_ms.unsigned_abs());
        shorter.map(|ms| Self { by_ms: self.by_ms.signum() * ms, ..self.clone() }.into()).collect()
    }

    /// The clock of a machine that is down steps as well. One that is up is woken: an operating system tells whoever waits for
    /// a time of the wall clock that it was set. The clock stays where it is: the fault is over at once.
    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let machine = world.struck(&self.target)?;
        let fault = world.fault_begins(self, Scope::Machine(machine.0));
        world.hosts[usize::from(machine.0)].clock.step(self.by_ms);
        if world.is_up(machine) && self.by_ms != 0 {
            world.took_effect(fault);
            world.reach(machine, Step::Wake, 0, 0, Input::Wake);
        }
        Some(fault)
    }
}
