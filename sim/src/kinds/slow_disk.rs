//! The disk of a machine is slow.

use proptest::collection::vec;
use proptest::prelude::*;
use reveille_model::history::{Scope, Takes};
use serde::{Deserialize, Serialize};

use super::draw::{Draw, Stage, Turn};
use super::shrink::less;
use super::words::Length;
use super::{FaultKind, Kind, PowerLoss, Row, Strikes};
use crate::plan::{Check, Fault, PlanError, Target};
use crate::world::World;

/// The disk of a machine is slow: each sync that is asked for meanwhile takes longer, by a time of its own. Nothing of it
/// is wrong otherwise (D8, stall).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowDisk {
    /// Which machine.
    pub target: Target,
    /// By so much at most; at most [`SlowDisk::EXTRA_MAX_MS`].
    pub extra_ms: u32,
    /// For so long, in milliseconds.
    pub for_ms: u64,
}

impl SlowDisk {
    /// The most that a slow disk adds to a sync: 10 s.
    pub const EXTRA_MAX_MS: u32 = 10_000;

    pub(super) const ROWS: &[Row] = &[Row {
        name: "slow-disk",
        by_role: None,
        strikes: Strikes::Disk,
        takes: &[Takes::Time],
        about: "Each sync of a machine that is asked for meanwhile takes longer, by a time of its own.",
        begins: |whom| format!("the disk of {whom} is slow: what it writes takes long to be safe"),
        ends: |whom| format!("the disk of {whom} is as fast as before"),
        draws: &[Draw::Apart(Turn::Disks, drawn)],
        alone: None,
    }];
}

/// Mostly the power fails meanwhile: then it shows what a machine has said, and had not written.
fn drawn(stage: &Stage) -> BoxedStrategy<Vec<Fault>> {
    let faults_ms = stage.faults_ms;
    let slow = (0..faults_ms, stage.anybody(), 50..800_u32, 2_000..15_000_u64);
    let power_loss = (prop::bool::weighted(0.75), 0..100_u64, 500..8_000_u64);
    let faults = (slow, power_loss).prop_map(move |(slow, (fails, after_percent, down_ms))| {
        let (at_ms, target, extra_ms, for_ms) = slow;
        let fails_at_ms = at_ms + for_ms * after_percent / 100;
        let power_loss = PowerLoss { target: target.clone(), down_ms };
        let power_loss = Fault { at_ms: fails_at_ms, kind: power_loss.into() };
        let slow = Fault { at_ms, kind: SlowDisk { target, extra_ms, for_ms }.into() };
        [Some(slow), Some(power_loss).filter(|_| fails && fails_at_ms < faults_ms)]
    });
    let all = prop_oneof![1 => Just(Vec::new()), 3 => vec(faults, 1..4)];
    all.prop_map(|faults| faults.into_iter().flatten().flatten().collect()).boxed()
}

impl Kind for SlowDisk {
    aimed!();
    lasts!(for_ms);

    one_row!();

    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        check.at_most("extra_ms", self.extra_ms, Self::EXTRA_MAX_MS)
    }

    fn told(&self) -> String {
        let (target, extra) = (&self.target, Length(u64::from(self.extra_ms)));
        format!("each sync of {target} takes up to {extra} longer for {}", Length(self.for_ms))
    }

    fn plainer(&self) -> Vec<FaultKind> {
        less(self.extra_ms).map(|extra_ms| Self { extra_ms, ..self.clone() }.into()).collect()
    }

    /// The disk of a machine that is down is slow as well: it may be up again before this is over.
    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let machine = world.struck(&self.target)?;
        let fault = world.fault_begins(self, Scope::Machine(machine.0));
        world.hosts[usize::from(machine.0)].disk_slows_down(fault, u64::from(self.extra_ms) * 1_000_000);
        Some(fault)
    }
}
